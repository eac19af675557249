/*
 * A server whose handler answers at random, with the received data or with
 * other data, and flushes, loops, pauses and configures in between, while sends
 * and allocations fail at random.  One invariant: each accepted answer is
 * either received once or reported once as failed, and answers are received in
 * the order of the calls.
 */
/* backends: all */
#include "tests/support/dgrams.h"

#include "sockets/dgram/queue.h"

enum { NUMBERS = 20000, LEN_MOST = 400, QUEUE_MOST = 40 };
enum { ANSWERS_MOST = 4, LEN_LEAST = sizeof(int) + ANSWERS_MOST };
enum { PATIENCE_MS = 30 * 1000 };

static struct {
	struct recorder *t;
	int client;
	uint64_t random;
	int asked, calls;      /* of the client, and answers accepted */
	char answers[NUMBERS]; /* to each question: each has another length */
	int number[NUMBERS];
	size_t len[NUMBERS]; /* of each answer */
	bool lost[NUMBERS];
	int from; /* those before it have been received or lost */
	unsigned depth;
} m;

static unsigned
pick(unsigned n)
{
	m.random = m.random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(m.random >> 33) % n;
}

static void
question_fill(char *data, int number, size_t len)
{
	memcpy(data, &number, sizeof(number));
	pattern_fill(
		data + sizeof(number), len - sizeof(number), (size_t)number, 5);
}

/* The number of a datagram whose bytes must be right. */
static int
number_in(const void *data, size_t len)
{
	int number;

	assert_true(len >= sizeof(number));
	memcpy(&number, data, sizeof(number));
	assert_pattern((const char *)data + sizeof(number),
		len - sizeof(number), (size_t)number, 5);
	return number;
}

/* Whether an answer is neither received nor lost. */
static bool
is_expecting(void)
{
	while (m.from < m.calls && m.lost[m.from])
		m.from++;
	return m.from < m.calls;
}

/* What it received is the next answer that was not lost. */
static void
client_receives(void)
{
	char data[LEN_MOST];
	ssize_t n;

	while ((n = recv(m.client, data, sizeof(data), MSG_DONTWAIT)) >= 0) {
		int number = number_in(data, (size_t)n);

		assert_true(is_expecting());
		assert_int_equal(m.number[m.from], number);
		assert_int_equal(m.len[m.from], n);
		m.from++;
	}
}

/* The first that may be it: failures are reported in order. */
static void
lose(struct recorder *t, int err, const struct socle_packet *p)
{
	int number = number_in(p->data, p->len), i = m.from;

	(void)t;
	(void)err;
	client_receives();
	for (i = m.from; i < m.calls; i++)
		if (!m.lost[i] && m.number[i] == number && m.len[i] == p->len)
			break;
	assert_true(i < m.calls);
	m.lost[i] = true;
}

static void
answer(const struct socle_packet *p, const void *data)
{
	int i = m.calls, r, number = number_in(data, p->len);
	size_t len;

	if (m.calls == NUMBERS || m.answers[number] == ANSWERS_MOST)
		return;
	len = p->len - (size_t)m.answers[number]++;
	m.number[i] = number;
	m.len[i] = len;
	m.lost[i] = true; /* if the call fails */
	m.calls++;
	r = socle_dgram_reply(&m.t->dgram, p, data, len);
	if (r >= 0)
		m.lost[i] = false;
	client_receives();
}

static void
ask(unsigned n)
{
	char data[LEN_MOST];

	for (; n > 0 && m.asked < NUMBERS; n--) {
		size_t len = LEN_LEAST + pick(LEN_MOST - LEN_LEAST);

		question_fill(data, m.asked++, len);
		(void)!send(m.client, data, len, MSG_DONTWAIT);
	}
}

static void
configure(void)
{
	const struct socle_dgram_params p = {
		.autoflush = pick(5) == 0,
		.send_all = pick(2),
		.recv_all = pick(4) == 0,
		.recv_batch = pick(12),
		.recv_len = LEN_MOST + pick(2) * 1000,
		.pktinfo = pick(8) == 0,
		.gso = pick(3) == 0,
		.max_queue_items = QUEUE_MOST,
	};

	assert_int_equal(0,
		socle_dgram_configure(
			&m.t->dgram, &p, ~0u & ~(unsigned)SOCLE_DGRAM_ON_RECV));
}

static void
spoil(void)
{
	static const enum call calls[] = {
		CALL_sendto,
		CALL_sendmsg,
		CALL_sendmmsg,
		CALL_recvmmsg,
		CALL_malloc,
	};
	static const int errors[] = {EAGAIN, EAGAIN, ENOBUFS, EINTR, EPERM};
	enum call which = calls[pick(sizeof(calls) / sizeof(calls[0]))];
	int err = errors[pick(sizeof(errors) / sizeof(errors[0]))];

	seam_heal();
	seam_fail(which, 1 + pick(3), which == CALL_malloc ? ENOMEM : err,
		1 + (long)pick(4));
}

static void
serve(struct recorder *t, const struct socle_packet *p)
{
	char mine[LEN_MOST];
	int number = number_in(p->data, p->len);
	unsigned answers = pick(8) ? 1 : pick(4);

	m.depth++;
	for (; answers > 0; answers--) {
		switch (pick(16)) {
		case 0:
			question_fill(mine, number, p->len);
			answer(p, mine);
			break;
		case 1:
			answer(p, p->data);
			answer(p, p->data);
			break;
		case 2:
			(void)socle_write_kick(&t->dgram.sock);
			break;
		case 3:
			configure();
			break;
		case 4:
			if (m.depth > 3)
				break;
			ask(pick(4));
			assert_true(socle_event_loop_once(0) >= 0);
			break;
		case 5:
			if (pick(4) == 0)
				socle_watch_read(&t->dgram.sock, false);
			break;
		default:
			answer(p, p->data);
			break;
		}
		assert_int_equal(number, number_in(p->data, p->len));
	}
	m.depth--;
}

static void
step(void)
{
	switch (pick(8)) {
	case 0:
		configure();
		break;
	case 1:
		spoil();
		break;
	case 2:
		seam_heal();
		socle_watch_read(&m.t->dgram.sock, true);
		break;
	default:
		ask(pick(12));
		assert_true(socle_event_loop_once((int)pick(20)) >= 0);
		break;
	}
	client_receives();
	socle__dgram_queue_check(&m.t->dgram);
}

static void
begin(unsigned long seed)
{
	struct socle_addr a;

	memset(&m, 0, sizeof(m));
	m.random = seed;
	seam_time_virtual();
	m.t = recorder_new(udp_bound(&a), NULL);
	m.t->quiet = true;
	m.t->on_recv = serve;
	m.t->on_send_error = lose;
	m.client = udp_to(&a);
	configure();
}

static void
end(bool at_once)
{
	struct pollfd p = {.fd = m.client, .events = POLLIN};

	seam_heal();
	for (int i = 0; i < 1000 && m.t->dgram.items > 0 && !at_once; i++) {
		assert_true(socle_event_loop_once(5) >= 0);
		client_receives();
	}
	socle_close(&m.t->dgram.sock, NULL);
	turn(1);
	while (is_expecting()) {
		assert_int_equal(1, poll(&p, 1, PATIENCE_MS));
		client_receives();
	}
	close(m.client);
	socle_reset();
	notes_clear();
	seam_reset();
}

static void
each_answer_arrives_in_order_or_is_reported_lost(void **state)
{
	int runs = scaled(60, 6);

	(void)state;
	for (int i = 1; i <= runs; i++) {
		begin((unsigned long)i * 2654435761u);
		for (int k = 0; k < 400; k++)
			step();
		end(i % 2 == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_answer_arrives_in_order_or_is_reported_lost),
	};

	return run_tests(tests);
}

/*
 * Random sends, parameters, faults, pauses and replacements of the fd on two
 * dgrams, against one invariant: each accepted datagram is either received
 * once or reported once as failed, and datagrams are received in order.
 */
/* backends: all */
#include "tests/support/dgrams.h"

#include "sockets/dgram/queue.h"

enum { NUMBERS = 4000 };

static struct {
	struct recorder *a, *b;
	uint64_t random;
	int next;           /* number of the next datagram */
	int last;           /* number of the last datagram received */
	char fate[NUMBERS]; /* 0: unknown; 1: received; 2: lost */
	int cancelled;
	bool closed;  /* a is closed */
	bool sending; /* datagrams sent by callbacks then precede that one */
} m;

static unsigned
pick(unsigned n)
{
	m.random = m.random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(m.random >> 33) % n;
}

static size_t
length_of(int number)
{
	return sizeof(number) + (size_t)number * 7919 % 600;
}

static void
fate_is(int number, int fate)
{
	assert_true(number >= 0 && number < m.next);
	assert_int_equal(0, m.fate[number]);
	m.fate[number] = (char)fate;
}

static int
number_in(const struct socle_packet *p)
{
	int number;

	assert_true(p->len >= sizeof(number));
	memcpy(&number, p->data, sizeof(number));
	assert_int_equal(length_of(number), p->len);
	assert_pattern((const char *)p->data + sizeof(number),
		p->len - sizeof(number), (size_t)number, 3);
	return number;
}

static void send_one(void);

static void
note_received(struct recorder *t, const struct socle_packet *p)
{
	int number = number_in(p);

	fate_is(number, 1);
	assert_true(number > m.last);
	m.last = number;
	if (pick(20) == 0)
		socle_watch_read(&t->dgram.sock, false);
	if (pick(50) == 0)
		send_one();
	if (pick(200) == 0)
		assert_true(socle_event_loop_once(0) >= 0);
}

static void
lose(struct recorder *t, int err, const struct socle_packet *p)
{
	(void)t;
	fate_is(number_in(p), 2);
	m.cancelled += err == -ECANCELED;
	if (pick(10) == 0)
		send_one();
	if (pick(40) == 0)
		assert_true(socle_event_loop_once(0) >= 0);
}

static void
send_one(void)
{
	char data[700];
	int number = m.next, r;

	if (number == NUMBERS || m.closed || m.sending)
		return;
	m.sending = true;
	memcpy(data, &number, sizeof(number));
	pattern_fill(data + sizeof(number), length_of(number) - sizeof(number),
		(size_t)number, 3);
	m.next++;
	r = socle_dgram_send(&m.a->dgram, data, length_of(number), 0, NULL);
	m.sending = false;
	if (r < 0)
		fate_is(number, 2);
}

static void
configure(struct recorder *t)
{
	const struct socle_dgram_params p = {
		.autoflush = pick(2),
		.send_all = pick(2),
		.recv_all = pick(2),
		.recv_batch = pick(10),
		.recv_len = 700 + pick(3) * 1000,
		.max_queue_bytes = pick(4) ? 0 : 5000,
		.max_queue_items = pick(4) ? 0 : 20,
	};

	assert_int_equal(0,
		socle_dgram_configure(
			&t->dgram, &p, ~0u & ~(unsigned)SOCLE_DGRAM_ON_RECV));
}

static void
spoil(void)
{
	static const enum call calls[] = {
		CALL_sendto,
		CALL_sendmsg,
		CALL_recvmsg,
		CALL_malloc,
		CALL_sendmmsg,
		CALL_recvmmsg,
	};
	static const int errors[] = {
		EAGAIN, EAGAIN, ENOBUFS, EINTR, ENOMEM, ECONNREFUSED, EMSGSIZE};
	enum call which = calls[pick(sizeof(calls) / sizeof(calls[0]))];
	int err = errors[pick(sizeof(errors) / sizeof(errors[0]))];

	seam_heal();
	seam_fail(which, 1 + pick(3), which == CALL_malloc ? ENOMEM : err,
		1 + (long)pick(3));
}

static void
step(void)
{
	switch (pick(12)) {
	case 0:
		configure(m.a);
		break;
	case 1:
		configure(m.b);
		break;
	case 2:
		spoil();
		break;
	case 3:
	case 4:
		socle_watch_read(&m.b->dgram.sock, true);
		break;
	case 5:
		(void)socle_write_kick(&m.a->dgram.sock);
		break;
	case 6:
	case 7:
		assert_true(socle_event_loop_once((int)pick(20)) >= 0);
		break;
	default:
		for (unsigned n = pick(8); n > 0; n--)
			send_one();
		break;
	}
	socle__dgram_queue_check(&m.a->dgram);
}

static void
begin(unsigned long seed)
{
	int fds[2], small = 4096;

	memset(&m, 0, sizeof(m));
	m.random = seed;
	m.last = -1;
	seam_time_virtual();
	pair_dgram(fds);
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	m.a = recorder_new(fds[0], NULL);
	m.b = recorder_new(fds[1], NULL);
	m.a->quiet = m.b->quiet = true;
	m.b->on_recv = note_received;
	m.a->on_send_error = lose;
}

static void
end(bool at_once)
{
	seam_heal();
	for (int i = 0; i < 20000 && !at_once; i++) {
		socle_watch_read(&m.b->dgram.sock, true);
		assert_true(socle_event_loop_once(5) >= 0);
		if (m.a->dgram.items == 0 && i > 50)
			break;
	}
	m.closed = true;
	socle_close(&m.a->dgram.sock, NULL);
	for (int i = 0; i < 500; i++) {
		socle_watch_read(&m.b->dgram.sock, true);
		assert_true(socle_event_loop_once(5) >= 0);
	}
	for (int i = 0; i < m.next; i++)
		assert_int_not_equal(0, m.fate[i]);
	assert_true(at_once || m.cancelled == 0);
	socle_reset();
	notes_clear();
	seam_reset();
}

static void
each_datagram_arrives_in_order_or_is_reported_lost(void **state)
{
	int runs = scaled(60, 6);

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("Linux has no mark for datagrams, nor libkqueue");
	for (int i = 1; i <= runs; i++) {
		begin((unsigned long)i * 2654435761u);
		for (int k = 0; k < 600; k++)
			step();
		end(i % 2 == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_datagram_arrives_in_order_or_is_reported_lost),
	};

	return run_tests(tests);
}

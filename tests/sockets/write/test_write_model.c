/*
 * The write queue against a model: random writes of every kind, a kernel that
 * accepts part or none of the data, a peer that reads at random.
 *
 * The model is a list of the accepted writes, and one number: how many bytes
 * the kernel took, counted at the seam.
 */
/* backends: all */
#include "tests/support/fixture.h"

#include "sockets/write/queue.h"

#include <stdio.h>

enum { ITEMS = 4096, STREAM = 1 << 20, OPERATIONS = 400 };
#ifdef COVERAGE
enum { SOME_ROUNDS = 200 }; /* each is slow, and reaches the same lines */
#else
enum { SOME_ROUNDS = 1000 };
#endif

/* A reference or a call that was accepted. */
struct model_item {
	/* stream position: the end of the bytes, or of those before it */
	size_t at;
	bool is_call;
	int calls; /* how often its function, drop or release was called */
};

static struct {
	struct socle_socket *s;
	int peer;
	size_t accepted;  /* bytes */
	size_t taken;     /* of them, by the kernel */
	size_t delivered; /* of them, to the peer */
	size_t calls_waiting;
	struct model_item items[ITEMS];
	int n_items;
	int depth;   /* nesting of the test's callbacks */
	bool ending; /* callbacks only count */
	bool closed;
	size_t cap; /* 0: none */
	bool cut;   /* the kernel takes only a part of each write */
} m;

static char stream[STREAM], inbox[65536];
static uint64_t seed, state_of_random;

static unsigned
random_below(unsigned n)
{
	state_of_random =
		state_of_random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(state_of_random >> 33) % n;
}

/* ---- the kernel as the seam sees it ---- */

static ssize_t (*real_send)(int fd, const void *p, size_t n, int flags);
static ssize_t (*real_sendmsg)(int fd, const struct msghdr *msg, int flags);

static ssize_t
count_send(int fd, const void *p, size_t n, int flags)
{
	ssize_t sent;

	if (m.cut)
		n = 1 + random_below((unsigned)n);
	sent = real_send(fd, p, n, flags);
	if (sent > 0)
		m.taken += (size_t)sent;
	return sent;
}

static ssize_t
count_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct msghdr part = *msg;
	ssize_t sent;

	if (m.cut && msg->msg_iovlen > 1)
		part.msg_iovlen = (socle__iovlen)(1 +
			random_below((unsigned)msg->msg_iovlen - 1));
	sent = real_sendmsg(fd, &part, flags);
	if (sent > 0)
		m.taken += (size_t)sent;
	return sent;
}

static void
moody_kernel(void)
{
	enum call which = random_below(2) ? CALL_send : CALL_sendmsg;

	seam_heal();
	m.cut = random_below(4) == 0;
	switch (random_below(8)) {
	case 0:
		seam_fail(which, 1 + random_below(3), EAGAIN, 1);
		break;
	case 1:
		seam_short(
			which, 1 + random_below(3), 1 + (long)random_below(3));
		break;
	case 2:
		seam_fail(which, 1, EINTR, 1 + (long)random_below(2));
		break;
	case 3:
		seam_fail(CALL_malloc, 1, ENOMEM, 1);
		seam_fail(CALL_send, 1, EAGAIN, -1);
		seam_fail(CALL_sendmsg, 1, EAGAIN, -1);
		break;
	default:
		break;
	}
}

/* ---- invariants ---- */

static size_t
model_size(void)
{
	return m.closed ? 0 : m.accepted - m.taken + m.calls_waiting;
}

static void
check(void)
{
	assert_int_equal(model_size(), socle_write_buf_size(m.s));
	socle__queue_check(m.s);
}

static void act(void);

/* Makes callbacks sometimes do random operations. */
static void
act_inside(void)
{
	if (m.ending || m.depth > 3 || random_below(3) > 0)
		return;
	m.depth++;
	act();
	m.depth--;
}

static void
call_runs(struct socle_socket *s, void *arg)
{
	struct model_item *item = arg;

	assert_ptr_equal(m.s, s);
	assert_int_equal(0, item->calls++);
	assert_false(m.closed);
	m.calls_waiting--;
	assert_int_equal(item->at, m.taken);
	act_inside();
}

static void
call_dropped(void *arg)
{
	struct model_item *item = arg;

	assert_int_equal(0, item->calls++);
	assert_true(m.closed);
}

static void
released(bool sent, void *arg)
{
	struct model_item *item = arg;

	assert_int_equal(0, item->calls++);
	assert_int_equal(sent, m.taken >= item->at);
	assert_true(sent || m.closed);
	act_inside();
}

/* ---- operations ---- */

/* The next n bytes of the stream, whether or not they will be accepted. */
static char *
some_bytes(size_t *n)
{
	size_t max = random_below(4) ? 100 : 20000;

	*n = 1 + random_below((unsigned)max);
	if (*n > STREAM - m.accepted)
		*n = STREAM - m.accepted;
	return stream + m.accepted;
}

/* Whether the result is allowed; bytes that were refused are taken back. */
static void
judge(int r, size_t n, size_t size_before)
{
	bool over = m.cap && size_before + n > m.cap;

	if (over)
		assert_int_equal(-ENOBUFS, r);
	else if (r < 0)
		assert_int_equal(-ENOMEM, r);
	if (r < 0)
		m.accepted -= n;
}

static void
judge_copy(int r, size_t n, size_t size_before)
{
	judge(r, n, size_before);
	if (r >= 0)
		assert_int_equal(r, socle_write_buf_size(m.s) == 0);
}

static void
write_copy(void)
{
	size_t n, before = model_size();
	char *from = some_bytes(&n);

	if (n == 0)
		return;
	m.accepted += n;
	judge_copy(socle_write(m.s, from, n), n, before);
}

static void
write_vector(void)
{
	size_t n, before = model_size();
	char *from = some_bytes(&n);
	size_t one = n > 0 ? random_below((unsigned)n) : 0;
	size_t two = n > one ? random_below((unsigned)(n - one)) : 0;
	struct iovec iov[] = {{from, one}, {from + one, two},
		{from + one + two, n - one - two}};

	if (n == 0)
		return;
	m.accepted += n;
	judge_copy(socle_writev(m.s, iov, 3), n, before);
}

static void
write_reference(void)
{
	size_t n, before = model_size();
	char *from = some_bytes(&n);
	struct model_item *item = &m.items[m.n_items];
	int r;

	if (n == 0 || m.n_items == ITEMS)
		return;
	m.n_items++;
	m.accepted += n;
	*item = (struct model_item){.at = m.accepted};
	r = socle_write_ref(m.s, from, n, released, item);
	if (r < 0) {
		assert_int_equal(0, item->calls);
		item->calls = 1;
	}
	judge(r, n, before);
}

static void
write_call(void)
{
	struct model_item *item = &m.items[m.n_items];
	size_t before = model_size();
	int r;

	if (m.n_items == ITEMS)
		return;
	m.n_items++;
	*item = (struct model_item){.at = m.accepted, .is_call = true};
	m.calls_waiting++;
	r = socle_write_func(m.s, call_runs, call_dropped, item);
	if (r < 0) {
		assert_int_equal(0, item->calls);
		item->calls = 1;
		m.calls_waiting--;
	}
	if (m.cap && before + 1 > m.cap)
		assert_int_equal(-ENOBUFS, r);
	else
		assert_true(r >= 0 || r == -ENOMEM);
}

static void
kick(void)
{
	int r = socle_write_kick(m.s);

	assert_int_equal(r, socle_write_buf_size(m.s) == 0);
}

static void
peer_reads(size_t max)
{
	ssize_t n = drain_fd(m.peer, inbox, max);

	assert_true(n >= 0);
	assert_true(m.delivered + (size_t)n <= m.taken);
	assert_memory_equal(stream + m.delivered, inbox, (size_t)n);
	m.delivered += (size_t)n;
}

static void
act(void)
{
	moody_kernel();
	switch (random_below(m.depth ? 9 : 13)) {
	case 0:
	case 1:
		write_copy();
		break;
	case 2:
		write_vector();
		break;
	case 3:
	case 4:
		write_reference();
		break;
	case 5:
	case 6:
		write_call();
		break;
	case 7:
		kick();
		break;
	case 8:
		socle_set_autoflush(m.s, random_below(2));
		break;
	case 9:
		m.cap = random_below(3) ? 0 : random_below(50000);
		assert_int_equal(0, socle_set_write_cap(m.s, m.cap));
		break;
	case 10:
		peer_reads(1 + random_below(sizeof(inbox)));
		break;
	default:
		turn(1);
		break;
	}
	check();
}

/* ---- a run ---- */

static void
begin(void)
{
	int fds[2];

	memset(&m, 0, sizeof(m));
	state_of_random = seed;
	pattern_fill(stream, sizeof(stream), 0, (unsigned)seed);
	pair_unix(fds);
	assert_int_equal(
		0, socle_socket_new(&socle_socket_class, fds[0], &m.s));
	m.peer = fds[1];
}

static void
end_by_delivery(void)
{
	seam_heal();
	while (socle_write_buf_size(m.s) > 0 || m.delivered < m.taken) {
		turn(1);
		peer_reads(sizeof(inbox));
	}
	check();
	assert_int_equal(m.accepted, m.delivered);
	m.closed = true;
	socle_close(m.s, NULL);
}

/* Queues items of every kind, which the close drops. */
static void
end_by_close(void)
{
	seam_fail(CALL_send, 1, EAGAIN, -1);
	seam_fail(CALL_sendmsg, 1, EAGAIN, -1);
	socle_set_write_cap(m.s, m.cap = 0);
	write_reference();
	write_call();
	write_copy();
	write_call();
	socle_write_kick(m.s);
	check();
	m.closed = true;
	socle_close(m.s, NULL);
	check();
	while (m.delivered < m.taken)
		peer_reads(sizeof(inbox));
}

static void
run(void)
{
	begin();
	for (int i = 0; i < OPERATIONS; i++)
		act();
	m.ending = true;
	m.cut = false;
	seam_heal();
	if (random_below(2))
		end_by_delivery();
	else
		end_by_close();
	turn(1);
	for (int i = 0; i < m.n_items; i++)
		assert_int_equal(1, m.items[i].calls);
	close(m.peer);
}

static bool seed_was_fine;

static int
print_seed(void **state)
{
	int bad = fixture_teardown(state);

	socle__seam.send = real_send;
	socle__seam.sendmsg = real_sendmsg;
	if (!seed_was_fine)
		print_error("the seed was %llu\n", (unsigned long long)seed);
	return bad;
}

/* case 88 */
static void
the_queue_behaves_like_the_model(void **state)
{
	const char *given = getenv("SOCLE_TEST_SEED");
	int rounds =
		scaled(getenv("SOCLE_TEST_LONG") ? 50000 : SOME_ROUNDS, 50);

	(void)state;
	real_send = socle__seam.send;
	real_sendmsg = socle__seam.sendmsg;
	socle__seam.send = count_send;
	socle__seam.sendmsg = count_sendmsg;
	seed_was_fine = false;
	for (int i = 0; i < (given ? 1 : rounds); i++) {
		seed = given ? strtoull(given, NULL, 10) : 1000u + (unsigned)i;
		run();
	}
	seed_was_fine = true;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_queue_behaves_like_the_model, fixture_setup,
			print_seed),
	};

	return run_tests(tests);
}

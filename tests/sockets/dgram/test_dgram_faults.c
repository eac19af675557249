/*
 * Each call to the kernel and each allocation of a dgram fails once, in turn,
 * while two dgrams exchange data: nothing is sent twice, no loss goes
 * unreported, and nothing leaks.
 */
/* backends: all */
#include "tests/support/dgrams.h"

#include <netinet/in.h>
#include <stdio.h>

enum { MANY = 24 };

/* ---- creating ---- */

static const struct socle_dgram_params full = {.recv_batch = 8,
	.pktinfo = true,
	.gro = true,
	.gso = true,
	.send_all = true};

static bool
any_call(enum call which)
{
	return which != CALL_clock_gettime && which != CALL_close;
}

static bool
allocations(enum call which)
{
	return which == CALL_malloc || which == CALL_calloc ||
		which == CALL_realloc;
}

/*
 * Calls that may fail although the function succeeds: so often, and why.
 */
static const struct fallback {
	enum call which;
	int times;
	const char *why;
} fallbacks[] = {
	{CALL_change, 1, "watching is tried again before the wait"},
#ifdef __linux__
	{CALL_epoll_ctl, 1, "watching is tried again before the wait"},
#endif
#if SOCLE__HAVE_KQUEUE
	{CALL_kevent, 1, "watching is tried again before the wait"},
#endif
	{CALL_setsockopt, 1, "gro affects only speed; IPv4 as well as IPv6"},
	{CALL_getsockopt, 1, "gso affects only speed"},
	{CALL_fcntl, 2, "close-on-exec of the write fd and of a kqueue"},
	{CALL_lstat, 1, "there is no file to be replaced"},
};
enum { FALLBACKS = sizeof(fallbacks) / sizeof(fallbacks[0]) };

static int used[FALLBACKS];

/* A function succeeded although `struck' failed. */
static void
has_fallback(enum call struck)
{
	for (int i = 0; i < FALLBACKS; i++)
		if (fallbacks[i].which == struck &&
			used[i]++ < fallbacks[i].times)
			return;
	fail_msg("the failure of %s was not reported", call_names[struck]);
}

/* If the call fails, the test still owns the fd, which is unchanged. */
static void
init_fails(unsigned long nth, bool *finished)
{
	struct socle_dgram *d = NULL;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 0, err;
	socklen_t len = sizeof(on);
	enum call struck;

	seam_watch_any(any_call);
	seam_fail_any(nth, ENOMEM);
	err = socle_dgram_new(&recorder_class, fd, &full, &d);
	struck = seam_any_struck();
	*finished = struck == CALLS;
	seam_heal();
	if (err == 0) {
		if (!*finished)
			has_fallback(struck);
		socle_reset();
		notes_clear();
		return;
	}
	assert_int_equal(-ENOMEM, err);
	assert_null(d);
	assert_int_equal(0, getsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, &len));
	assert_int_equal(0, on);
	assert_int_equal(0, fcntl(fd, F_GETFL) & O_NONBLOCK);
	close(fd);
	socle_reset();
}

static void
a_failed_init_leaves_the_fd_unchanged(void **state)
{
	bool finished = false;
	unsigned long n = 0;

	(void)state;
	memset(used, 0, sizeof(used));
	while (!finished)
		init_fails(++n, &finished);
	assert_true(n > 8);
}

static void
open_fails(const char *where, bool binds)
{
	bool finished = false;
	unsigned long n = 0;

	memset(used, 0, sizeof(used));
	while (!finished) {
		struct socle_dgram *d = NULL;
		enum call struck;
		int err;

		seam_watch_any(any_call);
		seam_fail_any(++n, ENOMEM);
		err = socle_dgram_open(where, binds, &recorder_class, NULL, &d);
		struck = seam_any_struck();
		finished = struck == CALLS;
		seam_heal();
		assert_true(err == 0 || (err == -ENOMEM && !d));
		if (err == 0 && !finished)
			has_fallback(struck);
		socle_reset();
		notes_clear();
		if (where[0] == 'u' && binds && access(where + 5, F_OK) == 0) {
			assert_int_equal(0, err);
			unlink(where + 5);
		}
	}
	assert_true(n > 5);
}

static void
a_failed_open_leaves_nothing_behind(void **state)
{
	char dir[] = "/tmp/socle-dgram-XXXXXX", where[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(where, sizeof(where), "unix:%s/s", dir);
	open_fails("[::]:0", true);
	open_fails("127.0.0.1:9", false);
	open_fails(where, true);
	rmdir(dir);
}

static void
a_failed_set_write_fd_leaves_the_object_unchanged(void **state)
{
	bool finished = false;
	unsigned long n = 0;
	struct recorder *t;
	enum call struck;
	int fds[2], out[2], err;

	(void)state;
	pair_dgram(fds);
	pair_dgram(out);
	t = recorder_new(fds[0], NULL);
	memset(used, 0, sizeof(used));
	while (!finished) {
		seam_watch_any(any_call);
		seam_fail_any(++n, ENOMEM);
		err = socle_dgram_set_write_fd(&t->dgram, out[0]);
		struck = seam_any_struck();
		finished = struck == CALLS;
		seam_heal();
		if (err == 0 && !finished) {
			has_fallback(struck);
			finished = true; /* the fd is set now */
		}
		if (err == 0)
			break;
		assert_int_equal(-ENOMEM, err);
		recorder_send(t, "x");
		turn(1);
		assert_receives(fds[1], "x");
	}
	assert_true(n >= 3);
	notes_clear();
	close(fds[1]);
	close(out[1]);
}

static void
a_failed_configure_changes_nothing(void **state)
{
	struct socle_addr a;
	struct recorder *t;

	(void)state;
	t = recorder_new(udp_bound(&a), NULL);
	seam_fail(CALL_setsockopt, 1, ENOBUFS, 1);
	assert_int_equal(-ENOBUFS,
		socle_dgram_configure(&t->dgram,
			&(struct socle_dgram_params){
				.pktinfo = true, .autoflush = true},
			~0u));
	assert_int_equal(0, socle_dgram_send(&t->dgram, "x", 1, 0, &a));
	turn_until_received(t, 1);
	assert_int_equal(0, t->last.to.len);
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram,
			&(struct socle_dgram_params){.pktinfo = true},
			SOCLE_DGRAM_PKTINFO));
	assert_int_equal(0, socle_dgram_send(&t->dgram, "x", 1, 0, &a));
	turn_until_received(t, 2);
	assert_int_equal(a.len, t->last.to.len);
	notes_clear();
}

/* ---- exchanging ---- */

struct talk {
	struct recorder *a, *b;
	int arrivals[MANY]; /* how often each was received */
	int lost[MANY];     /* how often each was reported as failed */
};

static struct talk talk;

static void
receive_it(struct recorder *t, const struct socle_packet *p)
{
	unsigned char n;

	(void)t;
	assert_true(p->len == 10);
	memcpy(&n, p->data, 1);
	assert_true(n < MANY);
	talk.arrivals[n]++;
}

static void
lose_it(struct recorder *t, int err, const struct socle_packet *p)
{
	unsigned char n;

	(void)t;
	(void)err;
	memcpy(&n, p->data, 1);
	talk.lost[n]++;
}

static void
send_some(int from, int to)
{
	for (int i = from; i < to; i++) {
		char data[10] = {(char)i};
		int r = socle_dgram_send(
			&talk.a->dgram, data, sizeof(data), 0, NULL);

		if (r < 0)
			talk.lost[i]++;
	}
}

static void
talk_start(const struct socle_dgram_params *p)
{
	struct socle_addr where;
	int fd = udp_bound(&where);

	memset(&talk, 0, sizeof(talk));
	talk.b = recorder_new(fd, NULL);
	talk.a = recorder_new(udp_to(&where), NULL);
	talk.a->quiet = talk.b->quiet = true;
	talk.b->on_recv = receive_it;
	talk.a->on_send_error = lose_it;
	assert_int_equal(0, socle_dgram_configure(&talk.a->dgram, p, ~0u));
	assert_int_equal(0, socle_dgram_configure(&talk.b->dgram, p, ~0u));
}

/* Each datagram is received once or reported as failed once. */
static const char *
talk_result(void)
{
	for (int i = 0; i < MANY; i++) {
		if (talk.arrivals[i] + talk.lost[i] == 1)
			continue;
		return talk.arrivals[i] + talk.lost[i] == 0
			? "lost without a report"
			: "reported twice";
	}
	return NULL;
}

static int
received_or_lost(void)
{
	int n = 0;

	for (int i = 0; i < MANY; i++)
		n += talk.arrivals[i] + talk.lost[i];
	return n;
}

/* How many errors the two objects and the program received. */
static int
heard(void)
{
	int n = talk.a->recv_errors + talk.b->recv_errors;

	for (int i = 0; i < MANY; i++)
		n += talk.lost[i];
	return n;
}

/*
 * Whether the call is repeated, now or later, so that its error is not
 * reported. A joined message is sent as single datagrams.
 */
static bool
is_repeated(enum call which, int err)
{
	if (err == EINTR || err == EAGAIN || err == ENOBUFS || err == ENOMEM)
		return true;
	return which == CALL_sendmsg &&
		(err == EMSGSIZE || err == EINVAL || err == EIO);
}

static bool (*watched)(enum call which);
static int unheard; /* failed allocations that were not reported */

static const char *
heard_problem(enum call struck, int err)
{
	if (struck == CALLS)
		return "did not strike";
	if (allocations(struck)) {
		unheard += heard() == 0;
		return heard() <= 1 ? NULL : "reported twice";
	}
	return heard() == !is_repeated(struck, err) ? NULL
						    : "not reported once";
}

static unsigned long
talk_under(const struct socle_dgram_params *p, unsigned long nth, int err)
{
	const char *problem;
	unsigned long calls;
	enum call struck;

	seam_time_virtual();
	talk_start(p);
	seam_watch_any(watched);
	seam_fail_any(nth, err);
	send_some(0, MANY / 3);
	for (int i = 0; i < 4; i++)
		assert_true(socle_event_loop_once(10) >= 0);
	send_some(MANY / 3, MANY);
	for (int i = 0; i < 200 && received_or_lost() < MANY; i++)
		assert_true(socle_event_loop_once(10) >= 0);
	calls = seam_any_count();
	struck = seam_any_struck();
	seam_heal();
	for (int i = 0; i < 8; i++)
		assert_true(socle_event_loop_once(10) >= 0);
	problem = talk_result();
	if (!problem && nth > 0)
		problem = heard_problem(struck, err);
	if (problem)
		fail_msg("%s: call %lu, %s: %s", problem, nth,
			struck < CALLS ? call_names[struck] : "none",
			strerror(err));
	socle_reset();
	seam_reset();
	notes_clear();
	return calls;
}

static bool
transfers(enum call which)
{
	return which == CALL_sendto || which == CALL_sendmsg ||
		which == CALL_recvmsg || which == CALL_sendmmsg ||
		which == CALL_recvmmsg;
}

static const struct socle_dgram_params ways[] = {
	{.autoflush = false},
	{.autoflush = true},
	{.send_all = true, .recv_all = true},
	{.recv_batch = 8, .pktinfo = true},
	{.gso = true, .gro = true},
	{.gso = true, .gro = true, .recv_batch = 8, .autoflush = true},
};
enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static void
sweep(bool (*filter)(enum call which), const int *errors)
{
	watched = filter;
	unheard = 0;
	for (int w = 0; w < WAYS; w++) {
		unsigned long n = talk_under(&ways[w], 0, 0);

		assert_true(n > 0);
		for (int e = 0; errors[e]; e++)
			for (unsigned long k = 1; k <= n; k++)
				talk_under(&ways[w], k, errors[e]);
	}
}

static void
after_a_failed_transfer_every_loss_is_reported(void **state)
{
	static const int errors[] = {EINTR, EAGAIN, ENOBUFS, ENOMEM,
		ECONNREFUSED, EHOSTUNREACH, EMSGSIZE, ENETUNREACH, EIO, EINVAL,
		0};

	(void)state;
	sweep(transfers, errors);
}

static void
after_a_failed_allocation_every_loss_is_reported(void **state)
{
	static const int errors[] = {ENOMEM, 0};

	(void)state;
	sweep(allocations, errors);
	assert_in_range(unheard, 0, WAYS); /* the receive buffer of each */
}

static bool memory_is_out;

static bool
out_of_memory(enum call which)
{
	if (!allocations(which))
		return false;
	if (memory_is_out)
		seam_fail_any(1, ENOMEM);
	return true;
}

static void
without_memory_datagrams_stay_in_the_kernel(void **state)
{
	struct recorder *t;
	double start;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_dgram(fds);
	t = recorder_new(fds[0], &(struct socle_dgram_params){.recv_batch = 4});
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	seam_watch_any(out_of_memory);
	memory_is_out = true;
	seam_count_reset();
	start = seam_time();
	while (seam_time() - start < 1)
		assert_true(socle_event_loop_once(-1) >= 0);
	assert_true(seam_count(CALL_malloc) <= 21);
	assert_false(socle_closed(&t->dgram.sock));
	memory_is_out = false;
	seam_heal();
	while (t->received < 2)
		assert_true(socle_event_loop_once(-1) >= 0);
	assert_notes("<1> <2>");
	close(fds[1]);
}

static void
a_send_without_memory_queues_nothing(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_dgram_send(&t->dgram, "x", 1, 0, NULL));
	assert_int_equal(0, socle_write_buf_size(&t->dgram.sock));
	assert_int_equal(SOCLE_READ, socle_watching(&t->dgram.sock));
	socle_dgram_configure(&t->dgram,
		&(struct socle_dgram_params){.autoflush = true},
		SOCLE_DGRAM_AUTOFLUSH);
	seam_fail(CALL_sendto, 1, EAGAIN, 1);
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_dgram_send(&t->dgram, "x", 1, 0, NULL));
	assert_int_equal(1, recorder_send(t, "y"));
	assert_receives(fds[1], "y");
	turn(2);
	assert_notes("");
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_failed_init_leaves_the_fd_unchanged),
		test(a_failed_open_leaves_nothing_behind),
		test(a_failed_set_write_fd_leaves_the_object_unchanged),
		test(a_failed_configure_changes_nothing),
		test(after_a_failed_transfer_every_loss_is_reported),
		test(after_a_failed_allocation_every_loss_is_reported),
		test(without_memory_datagrams_stay_in_the_kernel),
		test(a_send_without_memory_queues_nothing),
	};

	return run_tests(tests);
}

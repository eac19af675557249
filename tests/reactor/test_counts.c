/* The cost of traffic in system calls, counted at the seam. */
/* backends: all */
#include "tests/support/fixture.h"

#include "reactor/state.h"

#include <netinet/in.h>

enum { MANY = 64 };

static struct probe *probes[MANY];
static int peers[MANY];
static int n_probes;

static unsigned long
sends(void)
{
	return seam_count(CALL_send) + seam_count(CALL_sendmsg) +
		seam_count(CALL_write) + seam_count(CALL_writev);
}

/* Reads once, answers once. */
static void
answer(struct probe *p)
{
	char buf[256];
	ssize_t n = socle_read(&p->sock, buf, sizeof(buf));

	if (n > 0)
		assert_int_equal(1, socle_write(&p->sock, buf, (size_t)n));
}

static void
open_probe(void (*pair)(int fds[2]), void (*on_read)(struct probe *p))
{
	int fds[2];

	pair(fds);
	probes[n_probes] = probe_new(fds[0], NULL);
	probes[n_probes]->on_read = on_read;
	socle_watch_read(&probes[n_probes]->sock, true);
	peers[n_probes++] = fds[1];
}

static void
open_probes(int n, void (*on_read)(struct probe *p))
{
	n_probes = 0;
	while (n_probes < n)
		open_probe(pair_unix, on_read);
	turn(1);
}

static void
close_peers(void)
{
	for (int i = 0; i < n_probes; i++)
		close(peers[i]);
}

static void
request_of_each(void)
{
	for (int i = 0; i < n_probes; i++)
		send_all(peers[i], "ping", 4);
}

static void
assert_answered(void)
{
	char buf[16];

	for (int i = 0; i < n_probes; i++)
		assert_int_equal(4, drain_fd(peers[i], buf, sizeof(buf)));
}

/* ---- requests and answers ---- */

static void
a_batch_of_64_requests_costs_64_reads_64_writes_and_a_wait(void **state)
{
	(void)state;
	open_probes(MANY, answer);
	request_of_each();
	seam_count_reset();
	turn(1);
	assert_int_equal(MANY, seam_count(CALL_read));
	assert_int_equal(MANY, sends());
	assert_int_equal(1, seam_waits());
	assert_int_equal(2 * MANY + 1, seam_system_calls());
	assert_answered();
	close_peers();
}

static void
steady_traffic_changes_no_interest_and_reads_no_clock(void **state)
{
	(void)state;
	open_probes(MANY, answer);
	seam_count_reset();
	for (int i = 0; i < 3; i++) {
		request_of_each();
		turn(1);
		assert_answered();
	}
	assert_int_equal(0, seam_count(CALL_change));
	assert_int_equal(0, seam_count(CALL_clock_gettime));
	assert_int_equal(0, seam_count(CALL_malloc));
	assert_int_equal(0, seam_count(CALL_calloc));
	assert_int_equal(0, seam_count(CALL_realloc));
	close_peers();
}

/* The same behind a listener. */
static int accepted;

static void
accepted_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	(void)by;
	probe_of(self)->on_read = answer;
	accepted++;
}

static const struct socle_class accepted_class = {
	.name = "Accepted",
	.super = &probe_class,
	.event_accepted = accepted_event_accepted,
};

static struct socle_factory *listener;
static int port;

static void
open_listener(const struct socle_class *cls)
{
	struct socle_addr a;

	accepted = 0;
	assert_int_equal(0, socle_listen("127.0.0.1:0", cls, &listener));
	assert_int_equal(0, socle_factory_getsockname(listener, &a));
	port = ntohs(a.u.in.sin_port);
}

static bool
all_are_ready(void)
{
	struct pollfd fds[MANY];

	for (int i = 0; i < n_probes; i++)
		fds[i] = (struct pollfd){.fd = peers[i], .events = POLLIN};
	return poll(fds, (nfds_t)n_probes, 0) == n_probes;
}

static void
accepted_connections_cost_the_same(void **state)
{
	(void)state;
	open_listener(&accepted_class);
	for (n_probes = 0; n_probes < MANY; n_probes++)
		peers[n_probes] = tcp_connect(port);
	turn_until_count(&accepted, MANY);
	turn(1);
	request_of_each();
	seam_count_reset();
	while (!all_are_ready())
		turn(1);
	assert_int_equal(MANY, seam_count(CALL_read));
	assert_int_equal(MANY, sends());
	assert_int_equal(2 * MANY + seam_waits(), seam_system_calls());
	assert_answered();
	close_peers();
	socle_factory_free(listener);
}

/* ---- a closed window ---- */

static void
a_write_to_a_closed_window_costs_one_change_on_and_one_off(void **state)
{
	static char buf[65536];
	unsigned long changes = 0;

	(void)state;
	open_probes(1, answer);
	changes = changes_are_calls() ? 1 : 0;
	stuff_fd(socle_fd(&probes[0]->sock));
	seam_count_reset();
	assert_int_equal(0, socle_write(&probes[0]->sock, "late", 4));
	turn(3);
	assert_int_equal(changes, seam_count(CALL_change));
	while (drain_fd(peers[0], buf, sizeof(buf)) > 0)
		;
	turn(3);
	assert_int_equal(2 * changes, seam_count(CALL_change));
	assert_int_equal(4, drain_fd(peers[0], buf, sizeof(buf)));
	close_peers();
}

static char big[2 << 20];

static void
answer_big(struct probe *p)
{
	assert_true(socle_read(&p->sock, p->got, sizeof(p->got)) > 0);
	assert_int_equal(0, socle_write(&p->sock, big, sizeof(big)));
}

/*
 * However often the write is partial, interest is turned on once and off once.
 */
static void
a_long_answer_costs_one_change_on_and_one_off(void **state)
{
	static char buf[65536];
	size_t got = 0;

	(void)state;
	open_probes(1, answer_big);
	request_of_each();
	seam_count_reset();
	while (got < sizeof(big)) {
		ssize_t n = drain_fd(peers[0], buf, sizeof(buf));

		assert_true(n >= 0);
		got += (size_t)n;
		turn(1);
	}
	turn(1);
	assert_int_equal(changes_are_calls() ? 2 : 0, seam_count(CALL_change));
	assert_true(sends() > 2);
	close_peers();
}

static void
on_and_off_again(struct probe *p)
{
	answer(p);
	socle_watch_write(&p->sock, true);
	socle_watch_read(&p->sock, false);
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, false);
}

static void
an_interest_that_changes_back_in_a_tick_costs_nothing(void **state)
{
	(void)state;
	open_probes(MANY, on_and_off_again);
	request_of_each();
	seam_count_reset();
	turn(2);
	assert_int_equal(0, seam_count(CALL_change));
	assert_answered();
	close_peers();
}

static struct probe *toggled[1000];

static void
toggle_all(struct probe *p)
{
	(void)socle_read(&p->sock, p->got, sizeof(p->got));
	for (int i = 0; i < 1000; i++) {
		bool reading = socle_watching(&toggled[i]->sock) & SOCLE_READ;

		socle_watch_read(&toggled[i]->sock, !reading);
		socle_watch_write(&toggled[i]->sock, reading);
	}
}

static void
leave_it(struct probe *p)
{
	(void)p;
}

/* Each object swaps reading and writing; the wait passes all changes. */
static void
a_thousand_changes_in_a_tick_are_one_kevent_call(void **state)
{
	static int fds[1000][2];
	int ends[2];
	struct probe *p;

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue reports at most 512 events");
	if (!backend_is("kqueue"))
		skip_because("the test counts calls of kevent");
	if (!fds_may_be(2100))
		skip_because("the limit of open files is below 2100");
	for (int i = 0; i < 1000; i++) {
		pair_unix(fds[i]);
		toggled[i] = probe_new(fds[i][0], NULL);
		toggled[i]->on_write = leave_it;
		socle_watch_read(&toggled[i]->sock, true);
	}
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	p->on_read = toggle_all;
	socle_watch_read(&p->sock, true);
	turn(1);
	for (int times = 0; times < 2; times++) {
		send_all(ends[1], "x", 1);
		turn(1);
		seam_count_reset();
		turn(1);
		assert_int_equal(1, seam_count(the_wait()));
		assert_int_equal(1, seam_system_calls());
	}
	for (int i = 0; i < 1000; i++)
		close(fds[i][1]);
	close(ends[1]);
}

/* ---- many small writes ---- */

static void
answer_in_100_parts(struct probe *p)
{
	ssize_t n = socle_read(&p->sock, p->got, sizeof(p->got));

	if (n <= 0)
		return;
	for (int i = 0; i < 100; i++)
		assert_int_equal(0, socle_write(&p->sock, "part ", 5));
}

static void
a_hundred_small_writes_with_autoflush_off_are_one_system_call(void **state)
{
	char buf[1024];

	(void)state;
	open_probes(1, answer_in_100_parts);
	socle_set_autoflush(&probes[0]->sock, false);
	request_of_each();
	seam_count_reset();
	turn(2);
	assert_int_equal(1, sends());
	assert_int_equal(0, seam_count(CALL_change));
	assert_int_equal(500, drain_fd(peers[0], buf, sizeof(buf)));
	close_peers();
}

static void
answer_pipelined(struct probe *p)
{
	ssize_t n = socle_read(&p->sock, p->got, sizeof(p->got));

	for (ssize_t i = 0; i < n; i++)
		assert_int_equal(0, socle_write(&p->sock, "answer", 6));
}

static void
pipelined_requests_cost_one_read_and_one_write(void **state)
{
	char buf[1024];

	(void)state;
	open_probes(1, answer_pipelined);
	socle_set_autoflush(&probes[0]->sock, false);
	send_all(peers[0], "0123456789abcdef", 16);
	seam_count_reset();
	turn(2);
	assert_int_equal(1, seam_count(CALL_read));
	assert_int_equal(1, sends());
	assert_int_equal(96, drain_fd(peers[0], buf, sizeof(buf)));
	close_peers();
}

/* ---- idle timeouts ---- */

static int rounds_left;

/* The peers' part of a round: they read all answers and send new requests. */
static bool
next_round(void *arg)
{
	(void)arg;
	assert_answered();
	if (--rounds_left <= 0)
		return false;
	request_of_each();
	return true;
}

static void
run_rounds_with_idle_timeouts(int rounds)
{
	open_probes(MANY, answer);
	for (int i = 0; i < n_probes; i++)
		socle_set_idle_timeout(&probes[i]->sock, 60);
	socle_set_post_loop_callback(next_round, NULL);
	rounds_left = rounds;
	request_of_each();
	seam_count_reset();
	assert_int_equal(0, socle_event_loop());
}

static void
an_idle_timeout_is_refreshed_without_a_timer_operation(void **state)
{
	uint64_t starts;
	size_t pending;

	(void)state;
	open_probes(MANY, answer);
	for (int i = 0; i < n_probes; i++)
		socle_set_idle_timeout(&probes[i]->sock, 60);
	starts = socle__reactor->timers.starts;
	pending = socle__reactor->timers.pending;
	for (int i = 0; i < 3; i++) {
		request_of_each();
		turn(1);
		assert_answered();
	}
	assert_int_equal(MANY, pending);
	assert_int_equal(starts, socle__reactor->timers.starts);
	assert_int_equal(pending, socle__reactor->timers.pending);
	close_peers();
}

/*
 * The clock is read once after the wait, and once before the timers because
 * handlers ran.
 */
static void
with_idle_timeouts_the_clock_is_read_twice_a_tick_at_most(void **state)
{
	(void)state;
	run_rounds_with_idle_timeouts(20);
	assert_int_equal(20, seam_waits());
	assert_in_range(seam_count(CALL_clock_gettime), 1, 2 * 20 + 1);
	close_peers();
}

static bool
five_ticks(void *arg)
{
	int *left = arg;

	return --*left > 0;
}

static void
with_idle_timeouts_a_quiet_tick_reads_the_clock_once(void **state)
{
	int left = 5;

	(void)state;
	open_probes(1, answer);
	socle_set_idle_timeout(&probes[0]->sock, 60);
	socle_set_loop_timeout(0);
	socle_set_post_loop_callback(five_ticks, &left);
	seam_count_reset();
	assert_int_equal(0, socle_event_loop());
	assert_int_equal(5, seam_waits());
	assert_in_range(seam_count(CALL_clock_gettime), 1, 5);
	close_peers();
}

static void
with_idle_timeouts_a_request_still_costs_two_system_calls(void **state)
{
	(void)state;
	run_rounds_with_idle_timeouts(20);
	assert_int_equal(20 * (2 * MANY + 1), seam_system_calls());
	close_peers();
}

/* ---- connections ---- */

static bool gone;

static void
oneshot_event_read(struct socle_socket *self)
{
	char buf[64];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	if (n > 0)
		socle_write(self, buf, (size_t)n);
	else if (n == 0)
		socle_close(self, "end");
}

static void
oneshot_destroy(struct socle_socket *self)
{
	(void)self;
	gone = true;
}

static const struct socle_class oneshot_class = {
	.name = "Oneshot",
	.super = &socle_socket_class,
	.event_read = oneshot_event_read,
	.destroy = oneshot_destroy,
};

/* The client's own calls are not the library's, and are not counted. */
static void
one_connection(void)
{
	int client = tcp_connect(port);
	struct pollfd pfd = {.fd = client, .events = POLLIN};
	char buf[64];

	gone = false;
	send_all(client, "ping", 4);
	while (poll(&pfd, 1, 0) == 0)
		assert_true(socle_event_loop_once(1000) > 0);
	assert_int_equal(4, read(client, buf, sizeof(buf)));
	close(client);
	while (!gone)
		assert_true(socle_event_loop_once(1000) > 0);
}

static void
a_connection_with_a_request_costs_ten_system_calls_at_most(void **state)
{
	const unsigned n = 50;
	/*
	 * kqueue's event does not distinguish the ends: the library calls
	 * poll(2).
	 */
	unsigned limit = backend_is("kqueue") ? 11 : 10;

	(void)state;
	open_listener(&oneshot_class);
	one_connection();
	seam_count_reset();
	for (unsigned i = 0; i < n; i++)
		one_connection();
	assert_in_range(seam_system_calls(), 1, limit * n);
	socle_factory_free(listener);
}

static void
no_accept_call_is_wasted(void **state)
{
	const int n = 50;

	(void)state;
	open_listener(&oneshot_class);
	one_connection();
	seam_count_reset();
	for (int i = 0; i < n; i++)
		one_connection();
	assert_int_equal(n, seam_count(CALL_accept4));
	socle_factory_free(listener);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_batch_of_64_requests_costs_64_reads_64_writes_and_a_wait),
		test(steady_traffic_changes_no_interest_and_reads_no_clock),
		test(accepted_connections_cost_the_same),
		test(a_write_to_a_closed_window_costs_one_change_on_and_one_off),
		test(a_long_answer_costs_one_change_on_and_one_off),
		test(an_interest_that_changes_back_in_a_tick_costs_nothing),
		test(a_thousand_changes_in_a_tick_are_one_kevent_call),
		test(a_hundred_small_writes_with_autoflush_off_are_one_system_call),
		test(pipelined_requests_cost_one_read_and_one_write),
		test(an_idle_timeout_is_refreshed_without_a_timer_operation),
		test(with_idle_timeouts_the_clock_is_read_twice_a_tick_at_most),
		test(with_idle_timeouts_a_quiet_tick_reads_the_clock_once),
		test(with_idle_timeouts_a_request_still_costs_two_system_calls),
		test(a_connection_with_a_request_costs_ten_system_calls_at_most),
		test(no_accept_call_is_wasted),
	};

	return run_tests(tests);
}

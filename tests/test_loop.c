/* backends: all */
/*
 * Running: how long a tick waits, when a loop returns and with what, and what
 * is done before it does.
 */
#include "tests/support/fixture.h"

#include <sys/resource.h>

static double began;

static void
time_begins(void)
{
	seam_time_virtual();
	began = seam_time();
}

static void
assert_waited(double seconds)
{
	double passed = seam_time() - began;

	if (passed < seconds - 1e-6 || passed > seconds + 1e-6)
		fail_msg("%.6f s passed instead of %.6f", passed, seconds);
}

static enum call
the_wait(void)
{
	return backend_is("epoll") ? CALL_epoll_wait : CALL_poll;
}

static bool
count_down(void *arg)
{
	int *left = arg;

	return --*left > 0;
}

static void
stop(void *arg)
{
	(void)arg;
	socle_stop();
}

static void
set_flag(void *arg)
{
	*(bool *)arg = true;
}

static bool
get_flag(void *arg)
{
	return *(bool *)arg;
}

static bool
at_end(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

/* A small object that counts its readable events and reads nothing. */
struct plain {
	struct socle_socket sock;
	int *served;
	bool was_served;
};

static void
plain_event_read(struct socle_socket *self)
{
	struct plain *p = socle_container_of(self, struct plain, sock);

	if (!p->was_served)
		++*p->served;
	p->was_served = true;
}

static const struct socle_class plain_class = {
	.name = "Plain",
	.super = &socle_socket_class,
	.size = sizeof(struct plain),
	.event_read = plain_event_read,
};

/* n objects that watch copies of one fd. */
static int
plains_make(int n, int fd, int *served)
{
	struct socle_socket *s;
	struct rlimit most;

	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &most));
	if ((rlim_t)n + 50 > most.rlim_cur)
		n = (int)most.rlim_cur - 50;
	for (int i = 0; i < n; i++) {
		int copy = dup(fd);

		assert_true(copy >= 0);
		assert_int_equal(0, socle_socket_new(&plain_class, copy, &s));
		socle_container_of(s, struct plain, sock)->served = served;
		socle_watch_read(s, true);
	}
	return n;
}

/* ---- how long it waits ---- */

/* case 1 */
static void
four_ticks_of_a_loop_timeout_of_250_ms_take_a_second(void **state)
{
	int left = 4;

	(void)state;
	time_begins();
	socle_set_loop_timeout(250);
	socle_set_post_loop_callback(count_down, &left);
	assert_int_equal(0, socle_event_loop());
	assert_int_equal(0, left);
	assert_waited(1.0);
}

static void
note_time(void *arg)
{
	(void)arg;
	note("%.3f", seam_time() - began);
}

/* case 2 */
static void
timers_added_in_any_order_fire_at_their_time(void **state)
{
	static const int seconds[] = {3, 0, 5, 2, 4, 1};

	(void)state;
	time_begins();
	for (int i = 0; i < 6; i++)
		assert_true(socle_add_timer(seconds[i], note_time, NULL));
	assert_true(socle_add_timer(6, stop, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_notes("0.000 1.000 2.000 3.000 4.000 5.000");
}

/* case 16, defect 6 */
static void
a_loop_timeout_of_0_does_not_wait(void **state)
{
	int left = 100;

	(void)state;
	time_begins();
	socle_set_loop_timeout(0);
	assert_true(socle_add_timer(1, stop, NULL));
	socle_set_post_loop_callback(count_down, &left);
	assert_int_equal(0, socle_event_loop());
	assert_int_equal(0, left);
	assert_waited(0);
}

/* case 17, defect 6 */
static void
a_negative_loop_timeout_waits_for_what_comes(void **state)
{
	(void)state;
	for (int timeout = -1; timeout >= -5; timeout -= 4) {
		time_begins();
		socle_set_loop_timeout(timeout);
		assert_true(socle_add_timer(3600, stop, NULL));
		seam_count_reset();
		assert_int_equal(0, socle_event_loop());
		assert_waited(3600);
		assert_int_equal(2, seam_count(the_wait()));
	}
}

static void
the_start_value_of_the_loop_timeout_is_for_ever(void **state)
{
	(void)state;
	assert_int_equal(-1, socle_loop_timeout_ms());
	socle_set_loop_timeout(-7);
	assert_int_equal(-1, socle_loop_timeout_ms());
}

static void
the_loop_timeout_does_not_count_in_a_single_tick(void **state)
{
	(void)state;
	time_begins();
	socle_set_loop_timeout(10);
	assert_int_equal(1, socle_event_loop_once(2000));
	assert_waited(2);
	socle_set_loop_timeout(5000);
	assert_int_equal(1, socle_event_loop_once(0));
	assert_waited(2);
}

static bool
shorten_the_timeout(void *arg)
{
	socle_set_loop_timeout(10);
	return count_down(arg);
}

static void
the_loop_timeout_may_be_changed_while_the_loop_runs(void **state)
{
	int left = 3;

	(void)state;
	time_begins();
	socle_set_loop_timeout(1000);
	socle_set_post_loop_callback(shorten_the_timeout, &left);
	assert_int_equal(0, socle_event_loop());
	assert_waited(1.02);
}

/* case 12 */
static void
a_stop_in_a_timer_ends_the_loop_at_once(void **state)
{
	(void)state;
	time_begins();
	assert_true(socle_add_timer(0.05, stop, NULL));
	assert_true(socle_add_timer(10, stop, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_waited(0.05);
}

static void
a_tick_in_which_a_timer_ran_does_not_wait(void **state)
{
	bool ran = false;

	(void)state;
	time_begins();
	assert_true(socle_add_timer(0, set_flag, &ran));
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_true(ran);
	assert_waited(0);
}

static void
a_tick_in_which_a_deferred_call_ran_does_not_wait(void **state)
{
	bool ran = false;

	(void)state;
	time_begins();
	assert_int_equal(0, socle_defer(set_flag, &ran));
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_true(ran);
	assert_waited(0);
}

static void
a_tick_in_which_a_posted_call_ran_does_not_wait(void **state)
{
	struct socle_loop *l = socle_loop_self();
	bool ran = false;

	(void)state;
	time_begins();
	assert_int_equal(0, socle_post(l, set_flag, &ran));
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_true(ran);
	assert_waited(0);
	socle_loop_release(l);
}

static void
stop_by_closure(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	socle_stop();
}

static void
a_stop_before_the_wait_lets_the_tick_not_wait(void **state)
{
	int fds[2];
	struct probe *p;

	(void)state;
	time_begins();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_set_autoflush(&p->sock, false);
	socle_write(&p->sock, "x", 1);
	socle_write_func(&p->sock, stop_by_closure, NULL, NULL);
	assert_int_equal(0, socle_event_loop_once(60000));
	assert_waited(0);
	close(fds[1]);
}

/* case 15 */
static void
an_object_closed_before_the_loop_lets_the_first_tick_not_wait(void **state)
{
	int fds[2];
	bool destroyed = false;
	struct probe *p;

	(void)state;
	time_begins();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->destroyed = &destroyed;
	socle_close(&p->sock, "before");
	assert_int_equal(1, socle_to_close());
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_waited(0);
	assert_true(destroyed && at_end(fds[1]));
	assert_int_equal(0, socle_to_close());
	close(fds[1]);
}

static void
close_probe(void *arg)
{
	socle_close(&((struct probe *)arg)->sock, "timer");
}

static bool
peer_goes_on(void *arg)
{
	return !at_end(*(int *)arg);
}

/* case 13 */
static void
a_close_in_a_timer_reaches_the_peer_at_once(void **state)
{
	int fds[2];

	(void)state;
	time_begins();
	pair_unix(fds);
	assert_true(
		socle_add_timer(0.05, close_probe, probe_new(fds[0], NULL)));
	assert_true(socle_add_timer(10, stop, NULL));
	socle_set_post_loop_callback(peer_goes_on, &fds[1]);
	assert_int_equal(0, socle_event_loop());
	assert_waited(0.05);
	close(fds[1]);
}

/* case 23 */
static void
a_thousand_idle_fds_and_a_timer_wake_the_loop_once(void **state)
{
	int fds[2], served = 0;

	(void)state;
	time_begins();
	pair_unix(fds);
	plains_make(1000, fds[0], &served);
	assert_true(socle_add_timer(10, stop, NULL));
	seam_count_reset();
	assert_int_equal(0, socle_event_loop());
	assert_waited(10);
	assert_int_equal(2, seam_count(the_wait()));
	assert_int_equal(0, served);
	close(fds[0]);
	close(fds[1]);
}

/* case 20 */
static void
thousands_of_ready_fds_are_all_served_within_a_few_ticks(void **state)
{
	int fds[2], served = 0, ticks = 0, n;

	(void)state;
	pair_unix(fds);
	send_all(fds[1], "x", 1);
	n = plains_make(scaled(3000, 300), fds[0], &served);
	while (served < n && ++ticks <= 8)
		turn(1);
	assert_int_equal(n, served);
	close(fds[0]);
	close(fds[1]);
}

/* ---- what it returns ---- */

static void
a_single_tick_says_1_to_go_on_and_0_when_it_was_ended(void **state)
{
	int left = 2;

	(void)state;
	assert_int_equal(1, socle_event_loop_once(0));
	socle_set_post_loop_callback(count_down, &left);
	assert_int_equal(1, socle_event_loop_once(0));
	assert_int_equal(0, socle_event_loop_once(0));
	socle_set_post_loop_callback(NULL, NULL);
	assert_int_equal(0, socle_defer(stop, NULL));
	assert_int_equal(0, socle_event_loop_once(0));
	assert_int_equal(1, socle_event_loop_once(0));
}

static void
at_least_one_whole_tick_is_run(void **state)
{
	int fds[2], left = 1;
	struct probe *p;

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	assert_int_equal(0, socle_defer(stop, NULL));
	socle_set_post_loop_callback(count_down, &left);
	assert_int_equal(0, socle_event_loop());
	assert_int_equal(1, p->reads);
	assert_int_equal(0, left);
	close(fds[1]);
}

static void
a_stop_outside_a_loop_is_nothing(void **state)
{
	(void)state;
	socle_stop(); /* there is no loop yet */
	assert_int_equal(1, socle_event_loop_once(0));
	socle_stop();
	assert_int_equal(1, socle_event_loop_once(0));
}

static void
running_until_something_asks_before_it_ticks(void **state)
{
	bool flag = true;
	const char *backend = socle_backend();

	(void)state;
	assert_non_null(backend);
	seam_count_reset();
	assert_int_equal(1, socle_run_until(get_flag, &flag));
	assert_int_equal(0, seam_count(the_wait()));
}

static void
running_until_something_ends_after_the_tick_that_did_it(void **state)
{
	bool flag = false;

	(void)state;
	time_begins();
	assert_true(socle_add_timer(2, set_flag, &flag));
	assert_true(socle_add_timer(3, stop, NULL));
	assert_int_equal(1, socle_run_until(get_flag, &flag));
	assert_waited(2);
}

static void
running_until_something_says_0_when_it_was_stopped(void **state)
{
	bool flag = false;
	int left = 3;

	(void)state;
	time_begins();
	assert_true(socle_add_timer(2, stop, NULL));
	assert_int_equal(0, socle_run_until(get_flag, &flag));
	assert_waited(2);
	socle_set_loop_timeout(0);
	socle_set_post_loop_callback(count_down, &left);
	assert_int_equal(0, socle_run_until(get_flag, &flag));
	assert_int_equal(0, left);
}

static void
running_until_something_heeds_the_loop_timeout(void **state)
{
	int left = 3;

	(void)state;
	time_begins();
	socle_set_loop_timeout(100);
	socle_set_post_loop_callback(count_down, &left);
	assert_int_equal(0, socle_run_until(get_flag, &(bool){false}));
	assert_waited(0.3);
}

/* case 21 */
static void
a_poller_that_fails_ends_the_loop_with_its_error(void **state)
{
	int called = 10;

	(void)state;
	socle_set_post_loop_callback(count_down, &called);
	seam_fail(the_wait(), 1, EBADF, 3);
	seam_count_reset();
	assert_int_equal(-EBADF, socle_event_loop());
	assert_int_equal(-EBADF, socle_event_loop_once(0));
	assert_int_equal(-EBADF, socle_run_until(get_flag, &(bool){false}));
	assert_int_equal(3, seam_count(the_wait()));
	assert_int_equal(10, called);
	assert_int_equal(1, socle_event_loop_once(0));
}

/* case 21 */
static void
a_poller_closed_behind_the_library_ends_the_loop(void **state)
{
	int poller = socle_loop_fd();

	(void)state;
	if (poller == -ENOTSUP)
		skip();
	assert_true(poller >= 0);
	close(poller);
	assert_int_equal(-EBADF, socle_event_loop());
}

/* case 18 */
static void
an_interrupted_wait_is_an_empty_tick(void **state)
{
	int fds[2], left = 2;
	struct probe *p;

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	socle_set_post_loop_callback(count_down, &left);
	seam_fail(the_wait(), 1, EINTR, 1);
	assert_int_equal(1, socle_event_loop_once(1000));
	assert_int_equal(1, left);
	assert_int_equal(0, p->reads);
	assert_int_equal(0, socle_event_loop_once(1000));
	assert_int_equal(1, p->reads);
	close(fds[1]);
}

/* case 11 */
static void
a_loop_that_returned_may_be_run_again(void **state)
{
	int fds[2], left;
	struct probe *p;

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	socle_set_post_loop_callback(count_down, &left);
	for (int i = 1; i <= 3; i++) {
		left = 1;
		send_all(fds[1], "x", 1);
		seam_count_reset();
		assert_int_equal(0, socle_event_loop());
		assert_int_equal(i, p->reads);
		assert_int_equal(1, socle_watched_sockets());
		assert_int_equal(0, seam_count(CALL_epoll_ctl));
	}
	close(fds[1]);
}

/* ---- what is done before it returns ---- */

static bool
write_and_stop(void *arg)
{
	assert_int_equal(
		0, socle_write(&((struct probe *)arg)->sock, "goodbye", 7));
	return false;
}

static void
what_is_held_back_leaves_before_the_loop_returns(void **state)
{
	int fds[2];
	char buf[16];
	struct probe *p;

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_set_autoflush(&p->sock, false);
	socle_set_loop_timeout(0);
	socle_set_post_loop_callback(write_and_stop, p);
	assert_int_equal(0, socle_event_loop());
	assert_int_equal(7, drain_fd(fds[1], buf, sizeof(buf)));
	close(fds[1]);
}

static bool
close_and_stop(void *arg)
{
	socle_close(&((struct probe *)arg)->sock, "post-loop");
	return false;
}

/* case 10 */
static void
what_is_closed_at_last_is_reaped_before_the_loop_returns(void **state)
{
	int fds[2];
	bool destroyed = false;
	struct probe *p;

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->destroyed = &destroyed;
	socle_set_loop_timeout(0);
	socle_set_post_loop_callback(close_and_stop, p);
	assert_int_equal(0, socle_event_loop());
	assert_true(destroyed && at_end(fds[1]));
	assert_int_equal(0, socle_to_close());
	assert_int_equal(0, socle_watched_sockets());
	close(fds[1]);
}

/* An object whose destroy writes to its friend. */
struct mourner {
	struct socle_socket sock;
	struct socle_socket *friend;
};

static void
mourner_destroy(struct socle_socket *self)
{
	socle_write(socle_container_of(self, struct mourner, sock)->friend,
		"gone", 4);
}

static const struct socle_class mourner_class = {
	.name = "Mourner",
	.super = &socle_socket_class,
	.size = sizeof(struct mourner),
	.destroy = mourner_destroy,
};

static void
what_a_destroy_writes_leaves_before_the_loop_returns(void **state)
{
	int fds[2], others[2];
	char buf[16];
	struct probe *p;
	struct socle_socket *m;

	(void)state;
	pair_unix(fds);
	pair_unix(others);
	p = probe_new(fds[0], NULL);
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_socket_new(&mourner_class, others[0], &m));
	socle_container_of(m, struct mourner, sock)->friend = &p->sock;
	socle_close(m, NULL);
	assert_int_equal(1, socle_event_loop_once(0));
	assert_int_equal(4, drain_fd(fds[1], buf, sizeof(buf)));
	close(fds[1]);
	close(others[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(four_ticks_of_a_loop_timeout_of_250_ms_take_a_second),
		test(timers_added_in_any_order_fire_at_their_time),
		test(a_loop_timeout_of_0_does_not_wait),
		test(a_negative_loop_timeout_waits_for_what_comes),
		test(the_start_value_of_the_loop_timeout_is_for_ever),
		test(the_loop_timeout_does_not_count_in_a_single_tick),
		test(the_loop_timeout_may_be_changed_while_the_loop_runs),
		test(a_stop_in_a_timer_ends_the_loop_at_once),
		test(a_tick_in_which_a_timer_ran_does_not_wait),
		test(a_tick_in_which_a_deferred_call_ran_does_not_wait),
		test(a_tick_in_which_a_posted_call_ran_does_not_wait),
		test(a_stop_before_the_wait_lets_the_tick_not_wait),
		test(an_object_closed_before_the_loop_lets_the_first_tick_not_wait),
		test(a_close_in_a_timer_reaches_the_peer_at_once),
		test(a_thousand_idle_fds_and_a_timer_wake_the_loop_once),
		test(thousands_of_ready_fds_are_all_served_within_a_few_ticks),
		test(a_single_tick_says_1_to_go_on_and_0_when_it_was_ended),
		test(at_least_one_whole_tick_is_run),
		test(a_stop_outside_a_loop_is_nothing),
		test(running_until_something_asks_before_it_ticks),
		test(running_until_something_ends_after_the_tick_that_did_it),
		test(running_until_something_says_0_when_it_was_stopped),
		test(running_until_something_heeds_the_loop_timeout),
		test(a_poller_that_fails_ends_the_loop_with_its_error),
		test(a_poller_closed_behind_the_library_ends_the_loop),
		test(an_interrupted_wait_is_an_empty_tick),
		test(a_loop_that_returned_may_be_run_again),
		test(what_is_held_back_leaves_before_the_loop_returns),
		test(what_is_closed_at_last_is_reaped_before_the_loop_returns),
		test(what_a_destroy_writes_leaves_before_the_loop_returns),
	};

	return run_tests(tests);
}

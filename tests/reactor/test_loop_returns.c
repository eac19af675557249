/* backends: all */
/*
 * When a loop returns, its result, and the work it finishes first.
 */
#include "tests/support/looping.h"

#include <limits.h>

/* ---- results ---- */

static void
socle_event_loop_once_returns_1_to_continue_and_0_to_end(void **state)
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
socle_event_loop_once_waits_without_limit_for_any_negative_timeout(void **state)
{
	static const int timeouts[] = {-1, -2, INT_MIN};
	struct probe *p;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->read_size = 1;
	socle_watch_read(&p->sock, true);
	for (int i = 0; i < 3; i++) {
		send_all(fds[1], "x", 1);
		assert_int_equal(1, socle_event_loop_once(timeouts[i]));
		assert_notes("r");
	}
	close(fds[1]);
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
a_stop_outside_a_loop_does_nothing(void **state)
{
	(void)state;
	socle_stop(); /* there is no loop yet */
	assert_int_equal(1, socle_event_loop_once(0));
	socle_stop();
	assert_int_equal(1, socle_event_loop_once(0));
}

static void
socle_run_until_calls_done_before_the_first_tick(void **state)
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
socle_run_until_returns_after_the_tick_that_made_done_true(void **state)
{
	bool flag = false;

	(void)state;
	start_virtual_time();
	assert_true(socle_add_timer(2, set_flag, &flag));
	assert_true(socle_add_timer(3, stop, NULL));
	assert_int_equal(1, socle_run_until(get_flag, &flag));
	assert_waited(2);
}

static void
socle_run_until_works_as_a_function_too(void **state)
{
	bool flag = false;

	(void)state;
	start_virtual_time();
	assert_true(socle_add_timer(2, set_flag, &flag));
	assert_int_equal(1, (socle_run_until)(get_flag, &flag));
	assert_waited(2);
}

static void
socle_run_until_returns_0_after_a_stop(void **state)
{
	bool flag = false;
	int left = 3;

	(void)state;
	start_virtual_time();
	assert_true(socle_add_timer(2, stop, NULL));
	assert_int_equal(0, socle_run_until(get_flag, &flag));
	assert_waited(2);
	socle_set_loop_timeout(0);
	socle_set_post_loop_callback(count_down, &left);
	assert_int_equal(0, socle_run_until(get_flag, &flag));
	assert_int_equal(0, left);
}

static void
socle_run_until_honours_the_loop_timeout(void **state)
{
	int left = 3;

	(void)state;
	start_virtual_time();
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
		skip_because("the poll backend has no fd");
	if (backend_is("libkqueue"))
		skip_because("libkqueue's thread may report another error");
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
		assert_int_equal(0, seam_count(CALL_change));
	}
	close(fds[1]);
}

/* ---- the work before it returns ---- */

static bool
write_and_stop(void *arg)
{
	assert_int_equal(
		0, socle_write(&((struct probe *)arg)->sock, "goodbye", 7));
	return false;
}

static void
held_back_writes_are_sent_before_the_loop_returns(void **state)
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
objects_closed_last_are_reaped_before_the_loop_returns(void **state)
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

/* An object whose destroy writes to another object. */
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

static bool
close_mourner(void *arg)
{
	socle_close(arg, NULL);
	return false;
}

static void
writes_of_a_destroy_are_sent_before_the_loop_returns(void **state)
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
	socle_set_loop_timeout(0);
	socle_set_post_loop_callback(close_mourner, m);
	assert_int_equal(0, socle_event_loop());
	assert_int_equal(4, drain_fd(fds[1], buf, sizeof(buf)));
	close(fds[1]);
	close(others[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(socle_event_loop_once_returns_1_to_continue_and_0_to_end),
		test(socle_event_loop_once_waits_without_limit_for_any_negative_timeout),
		test(at_least_one_whole_tick_is_run),
		test(a_stop_outside_a_loop_does_nothing),
		test(socle_run_until_calls_done_before_the_first_tick),
		test(socle_run_until_returns_after_the_tick_that_made_done_true),
		test(socle_run_until_works_as_a_function_too),
		test(socle_run_until_returns_0_after_a_stop),
		test(socle_run_until_honours_the_loop_timeout),
		test(a_poller_that_fails_ends_the_loop_with_its_error),
		test(a_poller_closed_behind_the_library_ends_the_loop),
		test(an_interrupted_wait_is_an_empty_tick),
		test(a_loop_that_returned_may_be_run_again),
		test(held_back_writes_are_sent_before_the_loop_returns),
		test(objects_closed_last_are_reaped_before_the_loop_returns),
		test(writes_of_a_destroy_are_sent_before_the_loop_returns),
	};

	return run_tests(tests);
}

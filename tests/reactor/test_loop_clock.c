/* backends: all */
/*
 * When the loop reads the clock: only when a deadline needs it, and late
 * enough to be accurate.
 */
#include "tests/support/looping.h"

static void
echo(struct probe *p)
{
	char buf[64];
	ssize_t n = socle_read(&p->sock, buf, sizeof(buf));

	assert_true(n > 0);
	socle_write(&p->sock, buf, (size_t)n);
}

static void
traffic_alone_reads_no_clock(void **state)
{
	int fds[2];
	char buf[16];
	struct probe *p;

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_read = echo;
	socle_watch_read(&p->sock, true);
	for (int i = 0; i < 5; i++) {
		send_all(fds[1], "hello", 5);
		turn(1);
		assert_int_equal(5, drain_fd(fds[1], buf, sizeof(buf)));
	}
	socle_close(&p->sock, NULL);
	turn(1);
	assert_int_equal(0, seam_count(CALL_clock_gettime));
	close(fds[1]);
}

static void
deferred_and_posted_calls_read_no_clock(void **state)
{
	struct socle_loop *l = socle_loop_self();
	bool one = false, other = false;

	(void)state;
	socle_set_loop_timeout(100);
	assert_int_equal(0, socle_defer(set_flag, &one));
	assert_int_equal(0, socle_post(l, set_flag, &other));
	turn(2);
	assert_true(one && other);
	assert_int_equal(0, seam_count(CALL_clock_gettime));
	socle_loop_release(l);
}

static void
a_pending_timer_costs_one_clock_read_a_tick(void **state)
{
	int left = 5;

	(void)state;
	assert_true(socle_add_timer(3600, stop, NULL));
	socle_set_loop_timeout(0);
	socle_set_post_loop_callback(count_down, &left);
	seam_count_reset();
	assert_int_equal(0, socle_event_loop());
	assert_int_equal(5, seam_count(CALL_clock_gettime));
}

static void
a_timer_that_fires_costs_no_further_clock_read(void **state)
{
	bool fired = false;

	(void)state;
	seam_time_virtual();
	assert_true(socle_add_timer(1, set_flag, &fired));
	seam_count_reset();
	assert_int_equal(1, socle_run_until(get_flag, &fired));
	/* one before the wait, one after it */
	assert_int_equal(2, seam_count(CALL_clock_gettime));
}

static void
never(struct socle_timer *t)
{
	(void)t;
}

static void
only_a_relative_timer_reads_the_clock_when_it_starts(void **state)
{
	struct socle_timer t;

	(void)state;
	assert_int_equal(1, socle_event_loop_once(0));
	socle_timer_init(&t, never);
	seam_count_reset();
	assert_int_equal(0, socle_timer_start(&t, 3600));
	assert_int_equal(1, seam_count(CALL_clock_gettime));
	assert_int_equal(0, socle_timer_start_at(&t, 1e9));
	assert_int_equal(1, seam_count(CALL_clock_gettime));
	socle_timer_cancel(&t);
}

static double first, second;

static void
ask_twice(struct probe *p)
{
	(void)p;
	first = socle_now();
	seam_time_add(1);
	second = socle_now();
}

static void
in_a_tick_socle_now_is_constant_and_reads_the_clock_once(void **state)
{
	int fds[2];
	struct probe *p;

	(void)state;
	start_virtual_time();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_read = ask_twice;
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	seam_count_reset();
	turn(1);
	assert_true(first == second);
	assert_int_equal(1, seam_count(CALL_clock_gettime));
	turn(1);
	assert_true(first >= began + 1 - 1e-6);
	close(fds[1]);
}

static void
socle_now_is_the_time_after_the_wait(void **state)
{
	bool flag = false;

	(void)state;
	start_virtual_time();
	assert_true(socle_add_timer(2, set_flag, &flag));
	assert_int_equal(1, socle_event_loop_once(2000));
	assert_true(socle_now() >= began + 2 - 1e-6);
	turn(1);
	assert_true(flag);
}

static void
outside_a_loop_socle_now_advances(void **state)
{
	(void)state;
	start_virtual_time();
	first = socle_now();
	seam_time_add(1);
	second = socle_now();
	assert_true(second - first > 1 - 1e-6);
}

/* ---- an old clock reading is not used ---- */

static void
a_clock_read_before_the_loop_does_not_age_its_timers(void **state)
{
	(void)state;
	start_virtual_time();
	(void)socle_now();
	seam_time_add(1);
	assert_true(socle_add_timer(0.5, stop, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_waited(1.5);
}

static void
nest_after_a_second(struct probe *p)
{
	bool flag = false;

	socle_watch_read(&p->sock, false);
	(void)socle_now();
	seam_time_add(1);
	assert_true(socle_add_timer(0.5, set_flag, &flag));
	assert_int_equal(1, socle_run_until(get_flag, &flag));
	p->done = true;
}

static void
a_nested_loop_reads_the_clock_again(void **state)
{
	int fds[2];
	struct probe *p;

	(void)state;
	start_virtual_time();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_read = nest_after_a_second;
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	turn(1);
	assert_true(p->done);
	assert_waited(1.5);
	close(fds[1]);
}

static void
take_a_second(struct probe *p)
{
	char buf[64];

	(void)socle_read(&p->sock, buf, sizeof(buf));
	(void)socle_now();
	seam_time_add(1);
}

static void
a_slow_handler_shortens_the_wait_after_it(void **state)
{
	int fds[2];
	struct probe *p;

	(void)state;
	start_virtual_time();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_read = take_a_second;
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	assert_true(socle_add_timer(1.5, stop, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_waited(1.5);
	close(fds[1]);
}

static void
closure_of_a_second(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	seam_time_add(1);
}

static void
a_slow_flush_shortens_the_wait_after_it(void **state)
{
	int fds[2];
	struct probe *p;

	(void)state;
	start_virtual_time();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_set_autoflush(&p->sock, false);
	socle_write(&p->sock, "x", 1);
	socle_write_func(&p->sock, closure_of_a_second, NULL, NULL);
	assert_true(socle_add_timer(1.5, stop, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_waited(1.5);
	close(fds[1]);
}

static void
timer_of_a_second(void *arg)
{
	(void)arg;
	seam_time_add(1);
}

static void
a_slow_timer_shortens_the_wait_after_it(void **state)
{
	(void)state;
	start_virtual_time();
	assert_true(socle_add_timer(0.3, timer_of_a_second, NULL));
	assert_true(socle_add_timer(1.5, stop, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_waited(1.5);
}

static void
err_of_a_second(struct probe *p, int err)
{
	(void)p;
	(void)err;
	seam_time_add(1);
}

static void
make_what_is_refused(struct probe *p)
{
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	probe_new(*(int *)p->arg, NULL)->on_err = err_of_a_second;
	seam_fail(CALL_change, 1, ENOSPC, 1);
}

static void
a_slow_event_err_of_a_refusal_shortens_the_wait_after_it(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	if (!changes_are_calls())
		skip_because("this backend cannot refuse a change");
	start_virtual_time();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_read = make_what_is_refused;
	p->arg = &fds[1];
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	assert_true(socle_add_timer(1.5, stop, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_waited(1.5);
	assert_notes("r e-ENOSPC");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(traffic_alone_reads_no_clock),
		test(deferred_and_posted_calls_read_no_clock),
		test(a_pending_timer_costs_one_clock_read_a_tick),
		test(a_timer_that_fires_costs_no_further_clock_read),
		test(only_a_relative_timer_reads_the_clock_when_it_starts),
		test(in_a_tick_socle_now_is_constant_and_reads_the_clock_once),
		test(socle_now_is_the_time_after_the_wait),
		test(outside_a_loop_socle_now_advances),
		test(a_clock_read_before_the_loop_does_not_age_its_timers),
		test(a_nested_loop_reads_the_clock_again),
		test(a_slow_handler_shortens_the_wait_after_it),
		test(a_slow_flush_shortens_the_wait_after_it),
		test(a_slow_timer_shortens_the_wait_after_it),
		test(a_slow_event_err_of_a_refusal_shortens_the_wait_after_it),
	};

	return run_tests(tests);
}

/*
 * Deferred calls: they run in the next tick.
 */
#include "tests/support/fixture.h"

static void
note_it(void *arg)
{
	note("%s", (char *)arg);
}

static void
note_drop(void *arg)
{
	note("drop-%s", (char *)arg);
}

static char a[] = "a", b[] = "b", c[] = "c";

static void
deferred_calls_run_in_the_order_of_the_calls(void **state)
{
	(void)state;
	assert_int_equal(0, socle_defer(note_it, a));
	assert_int_equal(0, socle_defer_or_drop(note_it, note_drop, b));
	assert_int_equal(0, socle_defer(note_it, c));
	assert_notes("");
	turn(1);
	assert_notes("a b c");
	turn(1);
	assert_notes("");
}

static void
socle_defer_works_as_a_function_too(void **state)
{
	(void)state;
	assert_int_equal(0, (socle_defer)(note_it, a));
	turn(1);
	assert_notes("a");
}

static void
deferring_makes_no_system_call(void **state)
{
	(void)state;
	assert_int_equal(0, socle_defer(note_it, a));
	assert_int_equal(0, seam_system_calls());
}

static void
defer_another(void *arg)
{
	note("%s", (char *)arg);
	assert_int_equal(0, socle_defer(note_it, b));
}

static void
a_call_deferred_by_a_deferred_call_runs_in_the_next_tick(void **state)
{
	double began;

	(void)state;
	seam_time_virtual();
	began = seam_time();
	assert_int_equal(0, socle_defer(defer_another, a));
	assert_int_equal(0, socle_defer(note_it, c));
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_notes("a c");
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_notes("b");
	assert_true(seam_time() == began);
}

static int again;

static void
defer_again(void *arg)
{
	again++;
	assert_int_equal(0, socle_defer(defer_again, arg));
}

static void
a_call_that_defers_itself_does_not_starve_others(void **state)
{
	int fds[2];
	struct probe *p;

	(void)state;
	again = 0;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	assert_int_equal(0, socle_defer(defer_again, NULL));
	send_all(fds[1], "x", 1);
	turn(5);
	assert_int_equal(5, again);
	assert_int_equal(1, p->got_len);
	close(fds[1]);
}

static void
defer_a(void *arg)
{
	(void)arg;
	note("timer");
	assert_int_equal(0, socle_defer(note_it, a));
}

static void
a_call_deferred_by_a_timer_runs_in_the_same_tick(void **state)
{
	(void)state;
	assert_true(socle_add_timer(0, defer_a, NULL));
	turn(1);
	assert_notes("timer a");
}

static void
defer_and_read(struct probe *p)
{
	char byte;

	assert_int_equal(1, socle_read(&p->sock, &byte, 1));
	assert_int_equal(0, socle_defer(note_it, a));
}

static bool
note_tick(void *arg)
{
	(void)arg;
	note("tick");
	return true;
}

static void
a_call_deferred_by_a_handler_runs_in_the_next_tick_at_once(void **state)
{
	int fds[2];
	struct probe *p;
	double began;

	(void)state;
	seam_time_virtual();
	began = seam_time();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_read = defer_and_read;
	socle_watch_read(&p->sock, true);
	socle_set_post_loop_callback(note_tick, NULL);
	send_all(fds[1], "x", 1);
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_notes("r tick a tick");
	assert_true(seam_time() == began);
	close(fds[1]);
}

static void
stop(void *arg)
{
	(void)arg;
	note("stop");
	socle_stop();
}

static void
a_stop_in_a_deferred_call_lets_the_others_run(void **state)
{
	(void)state;
	assert_int_equal(0, socle_defer(stop, NULL));
	assert_int_equal(0, socle_defer(note_it, a));
	assert_int_equal(0, socle_event_loop());
	assert_notes("stop a");
}

static int expected;

static void
expect_in_order(void *arg)
{
	assert_int_equal(expected++, *(int *)arg);
}

static void
thousands_of_deferred_calls_keep_their_order(void **state)
{
	enum { N = 5000 };
	static int numbers[N];

	(void)state;
	expected = 0;
	for (int i = 0; i < N; i++) {
		numbers[i] = i;
		assert_int_equal(0, socle_defer(expect_in_order, &numbers[i]));
	}
	turn(1);
	assert_int_equal(N, expected);
}

static void
a_reset_drops_deferred_calls(void **state)
{
	(void)state;
	assert_int_equal(0, socle_defer_or_drop(note_it, note_drop, a));
	assert_int_equal(0, socle_defer(note_it, b));
	assert_int_equal(0, socle_defer_or_drop(note_it, NULL, b));
	assert_int_equal(0, socle_defer_or_drop(note_it, note_drop, c));
	socle_reset();
	assert_notes("drop-a drop-c");
	turn(1);
	assert_notes("");
}

static void
a_call_that_ran_is_not_dropped(void **state)
{
	(void)state;
	assert_int_equal(0, socle_defer_or_drop(note_it, note_drop, a));
	turn(1);
	socle_reset();
	assert_notes("a");
}

static void
reset_now(void *arg)
{
	(void)arg;
	note("reset");
	socle_reset();
	assert_int_equal(0, socle_defer_or_drop(note_it, note_drop, c));
}

static void
a_reset_in_a_call_drops_later_calls_and_accepts_new_ones(void **state)
{
	(void)state;
	assert_int_equal(0, socle_defer_or_drop(reset_now, note_drop, a));
	assert_int_equal(0, socle_defer_or_drop(note_it, note_drop, b));
	assert_int_equal(0, socle_event_loop_once(0));
	assert_notes("reset drop-b");
	turn(1);
	assert_notes("c");
}

static void
a_refused_call_runs_and_drops_nothing(void **state)
{
	(void)state;
	turn(1);
	seam_fail(CALL_malloc, 1, ENOMEM, 2);
	assert_int_equal(-ENOMEM, socle_defer(note_it, a));
	assert_int_equal(-ENOMEM, socle_defer_or_drop(note_it, note_drop, a));
	turn(1);
	socle_reset();
	assert_notes("");
}

static void
a_refused_first_call_creates_no_loop(void **state)
{
	(void)state;
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_defer(note_it, a));
	seam_heal();
	assert_int_equal(0, socle_defer(note_it, b));
	turn(1);
	assert_notes("b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(deferred_calls_run_in_the_order_of_the_calls),
		test(socle_defer_works_as_a_function_too),
		test(deferring_makes_no_system_call),
		test(a_call_deferred_by_a_deferred_call_runs_in_the_next_tick),
		test(a_call_that_defers_itself_does_not_starve_others),
		test(a_call_deferred_by_a_timer_runs_in_the_same_tick),
		test(a_call_deferred_by_a_handler_runs_in_the_next_tick_at_once),
		test(a_stop_in_a_deferred_call_lets_the_others_run),
		test(thousands_of_deferred_calls_keep_their_order),
		test(a_reset_drops_deferred_calls),
		test(a_call_that_ran_is_not_dropped),
		test(a_reset_in_a_call_drops_later_calls_and_accepts_new_ones),
		test(a_refused_call_runs_and_drops_nothing),
		test(a_refused_first_call_creates_no_loop),
	};

	return run_tests(tests);
}

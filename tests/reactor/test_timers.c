/* Timers on the loop: when they fire, in which order, and their cost. */
/* backends: all */
#include "reactor/state.h"

#include "tests/support/firing.h"

#include <float.h>
#include <math.h>

/* case 110 */
static void
equal_deadlines_fire_in_start_order(void **state)
{
	static struct named a, b;
	double when;

	(void)state;
	seam_time_virtual();
	when = socle_now() + 1;
	named_init(&a, "a");
	named_init(&b, "b");
	socle_timer_start_at(&b.t, when);
	add(1, "x");
	socle_timer_start_at(&a.t, when);
	add(1, "y");
	tick_waits();
	tick_waits();
	assert_notes("b x a y");
}

static void
socle_add_timer_works_as_a_function_too(void **state)
{
	(void)state;
	seam_time_virtual();
	assert_true((socle_add_timer)(0.25, note_text, text("due")) != 0);
	assert_int_equal(250000, tick_waits());
	assert_int_equal(0, tick_waits());
	assert_notes("due");
}

struct due {
	struct timespec from;
	double seconds;
};

static int early, fired;

static void
note_if_early(void *arg)
{
	struct due *due = arg;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	fired++;
	early += (double)(now.tv_sec - due->from.tv_sec) +
			(double)(now.tv_nsec - due->from.tv_nsec) / 1e9 <
		due->seconds;
}

/* case 111 */
static void
no_timer_is_early(void **state)
{
	enum { N = 100 };
	static struct due due[N];

	(void)state;
	early = fired = 0;
	for (int i = 0; i < N; i++) {
		clock_gettime(CLOCK_MONOTONIC, &due[i].from);
		due[i].seconds = i * 0.00037;
		socle_add_timer(due[i].seconds, note_if_early, &due[i]);
	}
	turn_until_count(&fired, N);
	assert_int_equal(0, early);
}

/* case 112 */
static void
fractions_of_a_millisecond_are_honoured(void **state)
{
	(void)state;
	seam_time_virtual();
	add(0.0107, "later");
	add(0.0103, "sooner");
	assert_int_equal(11000, tick_waits());
	assert_int_equal(0, tick_waits());
	assert_notes("sooner later");
}

static void
the_loop_waits_until_the_next_timer_rounded_up(void **state)
{
	static const double delays[] = {0.001, 0.0099991, 2.5, 86400};
	static const int64_t expected[] = {1000, 10000, 2500000, 86400000000};

	(void)state;
	seam_time_virtual();
	for (int i = 0; i < 4; i++) {
		add(delays[i], "due");
		assert_int_equal(expected[i], tick_waits());
		assert_notes("");
		assert_int_equal(0, tick_waits());
		assert_notes("due");
	}
}

static void
a_smaller_loop_timeout_wins(void **state)
{
	(void)state;
	seam_time_virtual();
	add(0.5, "due");
	assert_int_equal(200000, tick_waits_at_most(200));
	assert_int_equal(0, tick_waits_at_most(0));
	assert_int_equal(300000, tick_waits_at_most(400));
	assert_int_equal(0, tick_waits());
	assert_notes("due");
}

static void
again_at_once(struct named *n)
{
	named_start(n, 0);
}

/* case 113 */
static void
a_delay_of_zero_from_a_timer_runs_in_the_next_tick(void **state)
{
	static struct named n;
	struct probe *p;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	named_init(&n, "t");
	n.inside = again_at_once;
	named_start(&n, 0);
	assert_int_equal(0, tick_waits());
	assert_notes("t r");
	assert_int_equal(0, tick_waits());
	assert_notes("t");
	socle_timer_cancel(&n.t);
	close(fds[1]);
}

static void
again_before_now(struct named *n)
{
	named_start(n, -5);
}

/* case 114 */
static void
a_negative_delay_is_0_and_cannot_block_the_loop(void **state)
{
	static struct named n;

	(void)state;
	seam_time_virtual();
	named_init(&n, "t");
	n.inside = again_before_now;
	named_start(&n, -1e300);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(0, tick_waits());
		assert_notes("t");
	}
	socle_timer_cancel(&n.t);
}

static void
negative_delays_fire_in_start_order(void **state)
{
	(void)state;
	seam_time_virtual();
	add(0, "zero");
	add(-1, "minus");
	add(-2, "less");
	add((double)NAN, "nan");
	assert_int_equal(0, tick_waits());
	assert_notes("zero minus less nan");
}

static void
a_delay_beyond_the_clocks_range_never_fires(void **state)
{
	static const double delays[] = {1e10, 1e300, DBL_MAX, (double)INFINITY};
	static struct named n[4];

	(void)state;
	seam_time_virtual();
	for (int i = 0; i < 4; i++) {
		named_init(&n[i], "huge");
		named_start(&n[i], delays[i]);
		assert_true(socle_timer_pending(&n[i].t));
	}
	add(1, "due");
	assert_int_equal(1000000, tick_waits());
	assert_int_equal(0, tick_waits());
	assert_notes("due");
	assert_int_equal(2000, tick_waits_at_most(2));
	for (int i = 0; i < 4; i++)
		socle_timer_cancel(&n[i].t);
}

/* case 120 */
static void
a_timer_of_thirty_days_neither_overflows_nor_spins(void **state)
{
	const double days = 30 * 86400.0;
	double from;

	(void)state;
	seam_time_virtual();
	from = seam_time();
	add(days, "month");
	while (seam_waits() < 10 && notes()[0] == '\0')
		tick_waits();
	assert_notes("month");
	assert_true(seam_time() - from >= days - 1e-6);
	assert_true(seam_time() - from < days + 0.002);
	/* 24.8 days, the rest, and the tick that fires it */
	assert_int_equal(3, seam_waits());
}

static void
without_timers_no_clock_is_read(void **state)
{
	static struct named n;

	(void)state;
	named_init(&n, "n");
	named_start(&n, 10);
	socle_timer_cancel(&n.t);
	turn(1);
	seam_count_reset();
	turn(5);
	assert_int_equal(0, seam_count(CALL_clock_gettime));
}

static void
with_timers_the_clock_is_read_once_a_tick(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++)
		add(60 + i, "t");
	turn(1);
	seam_count_reset();
	assert_int_equal(1, socle_event_loop_once(0));
	assert_int_equal(1, seam_count(CALL_clock_gettime));
}

static void
starting_at_a_time_reads_no_clock_and_allocates_nothing(void **state)
{
	static struct named n;
	double now = socle_now();

	(void)state;
	named_init(&n, "n");
	seam_count_reset();
	socle_timer_start_at(&n.t, now + 5);
	socle_timer_start_at(&n.t, now - 5);
	assert_int_equal(0, seam_count(CALL_clock_gettime));
	named_start(&n, 0);
	assert_int_equal(0, seam_count(CALL_malloc));
	assert_int_equal(0, seam_count(CALL_calloc));
	assert_int_equal(0, seam_count(CALL_realloc));
	turn(2);
	assert_notes("n");
}

static void
assert_wheel_follows(void)
{
	double wheel = socle__ns_to_seconds(socle__reactor->timers.now);

	assert_true(wheel > seam_time() - 0.2);
	assert_true(wheel <= seam_time());
}

/* The loop waited without timers, or for one that is far away. */
static void
a_start_after_a_long_wait_counts_from_the_present(void **state)
{
	static struct named n;

	(void)state;
	seam_time_virtual();
	named_init(&n, "n");
	for (int far = 0; far < 2; far++) {
		turn(1);
		seam_time_add(1000);
		named_start(&n, 1);
		assert_wheel_follows();
		socle_timer_cancel(&n.t);
		seam_time_add(1000);
		socle_timer_start_at(&n.t, socle_now() + 1);
		assert_wheel_follows();
		socle_timer_cancel(&n.t);
		add(1e6, "far");
	}
}

static void
a_start_time_in_the_past_fires_in_the_next_tick(void **state)
{
	static struct named n;

	(void)state;
	seam_time_virtual();
	named_init(&n, "past");
	socle_timer_start_at(&n.t, 0);
	add(60, "later");
	assert_int_equal(0, tick_waits());
	assert_notes("past");
}

static void
a_timer_repeated_at_absolute_times_does_not_drift(void **state)
{
	static struct named n;
	double from, when;

	(void)state;
	seam_time_virtual();
	named_init(&n, "n");
	from = when = socle_now();
	for (int i = 0; i < 10; i++) {
		when += 0.1;
		socle_timer_start_at(&n.t, when);
		while (n.fired == i)
			tick_waits();
		seam_time_add(0.03); /* its work */
	}
	assert_true(seam_time() - from > 0.999 + 0.03);
	assert_true(seam_time() - from < 1.002 + 0.03);
}

static void
run_nested(struct named *n)
{
	note("(");
	turn(2);
	note("%d)", n->other->fired);
}

static void
a_nested_loop_runs_due_timers_which_run_only_once(void **state)
{
	static struct named a, b;

	(void)state;
	named_init(&a, "a");
	named_init(&b, "b");
	a.inside = run_nested;
	a.other = &b;
	named_start(&a, 0);
	named_start(&b, 0);
	turn(2);
	assert_notes("a ( b 1)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(equal_deadlines_fire_in_start_order),
		test(socle_add_timer_works_as_a_function_too),
		test(no_timer_is_early),
		test(fractions_of_a_millisecond_are_honoured),
		test(the_loop_waits_until_the_next_timer_rounded_up),
		test(a_smaller_loop_timeout_wins),
		test(a_delay_of_zero_from_a_timer_runs_in_the_next_tick),
		test(a_negative_delay_is_0_and_cannot_block_the_loop),
		test(negative_delays_fire_in_start_order),
		test(a_delay_beyond_the_clocks_range_never_fires),
		test(a_timer_of_thirty_days_neither_overflows_nor_spins),
		test(without_timers_no_clock_is_read),
		test(with_timers_the_clock_is_read_once_a_tick),
		test(starting_at_a_time_reads_no_clock_and_allocates_nothing),
		test(a_start_after_a_long_wait_counts_from_the_present),
		test(a_start_time_in_the_past_fires_in_the_next_tick),
		test(a_timer_repeated_at_absolute_times_does_not_drift),
		test(a_nested_loop_runs_due_timers_which_run_only_once),
	};

	return run_tests(tests);
}

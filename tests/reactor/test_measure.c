/* socle_measure_ticks(): the lengths of ticks, and the lag of timers. */
/* backends: all */
#include "tests/support/fixture.h"

static struct socle_metrics_data
metrics(void)
{
	struct socle_metrics_data m;

	socle_metrics(&m);
	return m;
}

/* The bucket of a time in seconds. */
static unsigned
bucket_of(double seconds)
{
	unsigned i = 0;

	for (double ns = seconds * 1e9; ns >= 2; ns /= 2)
		i++;
	return i;
}

static uint64_t
in_buckets(struct socle_histogram h)
{
	uint64_t sum = 0;

	for (int i = 0; i < SOCLE_METRICS_BUCKETS; i++)
		sum += h.bucket[i];
	return sum;
}

static void
do_nothing(void *arg)
{
	(void)arg;
}

static void
take_time(void *arg)
{
	seam_time_add(*(double *)arg);
}

static void
nothing_is_measured_at_the_start(void **state)
{
	(void)state;
	turn(3);
	assert_int_equal(0, metrics().tick.count);
	assert_int_equal(0, metrics().events_per_tick.count);
}

static void
work_before_a_wait_and_after_it_is_measured(void **state)
{
	double seconds = 0.1;

	(void)state;
	seam_time_virtual();
	assert_int_equal(0, socle_measure_ticks(true));
	socle_add_timer(0, take_time, &seconds);
	turn(1);
	assert_int_equal(2, metrics().tick.count);
	assert_int_equal(1, metrics().tick.bucket[0]);
	assert_int_equal(1, metrics().tick.bucket[bucket_of(0.1)]);
}

static bool
is_late(void *arg)
{
	double *seconds = arg;

	if (metrics().tick.count == 0)
		seam_time_add(*seconds);
	return metrics().tick.count >= 2;
}

static void
work_in_a_loop_is_measured_and_its_waits_are_not(void **state)
{
	double seconds = 0.1;

	(void)state;
	seam_time_virtual();
	socle_set_loop_timeout(1000);
	assert_int_equal(0, socle_measure_ticks(true));
	assert_int_equal(1, socle_run_until(is_late, &seconds));
	assert_true(metrics().tick.sum > 0.099);
	assert_true(metrics().tick.sum < 0.101);
	assert_int_equal(1, metrics().tick.bucket[bucket_of(0.1)]);
	assert_int_equal(metrics().tick.count, in_buckets(metrics().tick));
}

static void
the_lag_of_a_timer_is_how_late_it_is_called(void **state)
{
	double seconds = 0.25;

	(void)state;
	seam_time_virtual();
	assert_int_equal(0, socle_measure_ticks(true));
	socle_add_timer(0.5, do_nothing, NULL);
	seam_time_add(0.5 + seconds);
	assert_int_equal(1, socle_event_loop_once(0));
	assert_int_equal(1, metrics().lag.count);
	assert_int_equal(1, metrics().lag.bucket[bucket_of(0.25)]);
}

static void
a_lag_that_is_longer_than_the_histogram_is_in_its_last_bucket(void **state)
{
	(void)state;
	seam_time_virtual();
	assert_int_equal(0, socle_measure_ticks(true));
	socle_add_timer(1, do_nothing, NULL);
	seam_time_add(86400);
	turn(1);
	assert_int_equal(1, metrics().lag.bucket[SOCLE_METRICS_BUCKETS - 1]);
}

static void
only_waits_that_had_events_count_them(void **state)
{
	struct probe *p;
	int ends[2];

	(void)state;
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	p->read_size = 8;
	socle_watch_read(&p->sock, true);
	assert_int_equal(0, socle_measure_ticks(true));
	turn(2);
	assert_int_equal(0, metrics().events_per_tick.count);
	send_all(ends[1], "x", 1);
	turn_until_count(&p->reads, 1);
	assert_int_equal(1, metrics().events_per_tick.count);
	assert_true(metrics().events_per_tick.sum > 0.9);
	assert_int_equal(1, metrics().events_per_tick.bucket[0]);
	close(ends[1]);
}

static void
turned_off_the_histograms_stand_still(void **state)
{
	(void)state;
	assert_int_equal(0, socle_measure_ticks(true));
	turn(2);
	assert_int_equal(4, metrics().tick.count);
	assert_int_equal(0, socle_measure_ticks(false));
	socle_add_timer(0, do_nothing, NULL);
	turn(3);
	assert_int_equal(4, metrics().tick.count);
	assert_int_equal(0, metrics().lag.count);
	assert_int_equal(0, socle_measure_ticks(true));
	turn(1);
	assert_int_equal(6, metrics().tick.count);
}

static void
off_it_reads_no_clock(void **state)
{
	(void)state;
	turn(1);
	seam_count_reset();
	turn(3);
	assert_int_equal(0, seam_count(CALL_clock_gettime));
	assert_int_equal(0, socle_measure_ticks(true));
	turn(3);
	assert_int_equal(12, seam_count(CALL_clock_gettime));
}

static void
turn_off(void *arg)
{
	(void)arg;
	assert_int_equal(0, socle_measure_ticks(false));
}

static void
turn_on(void *arg)
{
	(void)arg;
	assert_int_equal(0, socle_measure_ticks(true));
}

static void
a_handler_may_switch_it(void **state)
{
	(void)state;
	socle_defer(turn_on, NULL);
	turn(2);
	assert_true(metrics().tick.count > 0);
	socle_defer(turn_off, NULL);
	turn(2);
}

static void
reset_loop(void *arg)
{
	(void)arg;
	socle_reset();
}

static void
a_reset_in_a_handler_ends_it(void **state)
{
	(void)state;
	assert_int_equal(0, socle_measure_ticks(true));
	socle_defer(reset_loop, NULL);
	(void)socle_event_loop_once(0);
	assert_int_equal(0, metrics().tick.count);
	turn(2);
	assert_int_equal(0, metrics().tick.count);
}

static void
without_memory_it_is_refused(void **state)
{
	(void)state;
	turn(1);
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_measure_ticks(true));
	turn(1);
	assert_int_equal(0, metrics().tick.count);
}

static void
without_a_poller_it_is_refused(void **state)
{
	enum call opening = the_opening();

	(void)state;
	if (opening == CALLS)
		skip_because("poll opens nothing");
	socle_reset();
	seam_fail(opening, 1, EMFILE, 1);
	assert_int_equal(-EMFILE, socle_measure_ticks(true));
}

static void
the_backend_keeps_its_name(void **state)
{
	const char *before = socle_backend();

	(void)state;
	assert_int_equal(0, socle_measure_ticks(true));
	assert_string_equal(before, socle_backend());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(nothing_is_measured_at_the_start),
		test(work_before_a_wait_and_after_it_is_measured),
		test(work_in_a_loop_is_measured_and_its_waits_are_not),
		test(the_lag_of_a_timer_is_how_late_it_is_called),
		test(a_lag_that_is_longer_than_the_histogram_is_in_its_last_bucket),
		test(only_waits_that_had_events_count_them),
		test(turned_off_the_histograms_stand_still),
		test(off_it_reads_no_clock),
		test(a_handler_may_switch_it),
		test(a_reset_in_a_handler_ends_it),
		test(without_memory_it_is_refused),
		test(without_a_poller_it_is_refused),
		test(the_backend_keeps_its_name),
	};
	return run_tests(tests);
}

/*
 * The clock's units: delays are rounded up, too large ones are clamped to the
 * largest, and nothing overflows.
 */
#include "timers/clock.h"

#include "tests/support/fixture.h"

#include <limits.h>
#include <math.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const int64_t second = 1000000000;

static void
seconds_become_nanoseconds_rounded_up(void **state)
{
	static const struct {
		double seconds;
		int64_t ns;
	} table[] = {
		{0, 0},
		{-0.0, 0},
		{0.1, 100000000},
		{0.3, 300000000},
		{1, 1000000000},
		{2.5, 2500000000},
		{1e-9, 1},
		{1.0000000004e-9, 2},
		{1e-10, 1},
		{5e-324, 1},
		{123.4567891234, 123456789124},
		{86400 * 30.0, INT64_C(2592000000000000)},
		{-1e-300, 0},
		{-1, 0},
		{-1e300, 0},
		{-INFINITY, 0},
		{NAN, 0},
		{9.2e9, INT64_C(9200000000000000000)},
		{9.3e9, INT64_MAX},
		{9223372036.854775807, INT64_MAX},
		{1e300, INT64_MAX},
		{INFINITY, INT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		int64_t ns = socle__seconds_to_ns(table[i].seconds);

		if (ns != table[i].ns)
			fail_msg("%.20g s: %lld ns", table[i].seconds,
				(long long)ns);
	}
}

static void
no_delay_below_a_second_is_shortened(void **state)
{
	(void)state;
	for (int i = 1; i < 100000; i++) {
		double seconds = i / 99991.0;
		int64_t ns = socle__seconds_to_ns(seconds);

		assert_true((double)ns >= seconds * 1e9);
		assert_true((double)(ns - 1) < seconds * 1e9);
	}
}

static void
nanoseconds_survive_conversion_to_seconds(void **state)
{
	static const int64_t table[] = {
		0,
		1,
		999999999,
		1000000001,
		INT64_C(86400000000001),
		INT64_C(4503599627370495),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++) {
		double seconds = socle__ns_to_seconds(table[i]);
		int64_t off = socle__seconds_to_ns(seconds) - table[i];

		/* a double of that size has steps of less than a ns */
		assert_in_range(off + 1, 0, 2);
	}
	assert_true(socle__ns_to_seconds(1500 * second / 1000) == 1.5);
	assert_true(socle__ns_to_seconds(-second) == -1);
}

static void
nanoseconds_become_milliseconds_rounded_up(void **state)
{
	static const struct {
		int64_t ns;
		int ms;
	} table[] = {
		{0, 0},
		{1, 1},
		{999999, 1},
		{1000000, 1},
		{1000001, 2},
		{2000000, 2},
		{-1, 0},
		{-1000001, 0},
		{INT64_MIN, 0},
		{INT64_C(1000000) * INT_MAX - 1, INT_MAX},
		{INT64_C(1000000) * INT_MAX, INT_MAX},
		{INT64_C(1000000) * INT_MAX + 1, INT_MAX},
		{INT64_MAX, INT_MAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		assert_int_equal(socle__ns_to_ms(table[i].ns), table[i].ms);
}

static void
a_sum_saturates_at_the_largest_time(void **state)
{
	static const struct {
		int64_t a, b, sum;
	} table[] = {
		{0, 0, 0},
		{1, 2, 3},
		{INT64_MAX - 1, 1, INT64_MAX},
		{INT64_MAX, 0, INT64_MAX},
		{0, INT64_MAX, INT64_MAX},
		{INT64_MAX, 1, INT64_MAX},
		{1, INT64_MAX, INT64_MAX},
		{INT64_MAX, INT64_MAX, INT64_MAX},
		{INT64_MAX / 2 + 1, INT64_MAX / 2 + 1, INT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(table); i++)
		assert_int_equal(
			socle__add_ns(table[i].a, table[i].b), table[i].sum);
}

/* The time of socle_now(), and a whole second after it, are exact deadlines. */
static void
an_absolute_time_survives_conversion_to_a_double(void **state)
{
	(void)state;
	for (int64_t ns = 1; ns < 20 * 86400 * second; ns = ns * 3 + 7) {
		assert_int_equal(
			ns, socle__moment_to_ns(socle__ns_to_seconds(ns)));
		assert_int_equal(ns + second,
			socle__moment_to_ns(socle__ns_to_seconds(ns) + 1));
	}
	assert_int_equal(0, socle__moment_to_ns(-1));
	assert_int_equal(0, socle__moment_to_ns(0.0 / 0.0));
	assert_int_equal(INT64_MAX, socle__moment_to_ns(1e300));
}

static void
the_clock_counts_monotonic_nanoseconds(void **state)
{
	struct timespec ts;
	int64_t before, now, after;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	before = ts.tv_sec * second + ts.tv_nsec;
	now = socle__clock_ns();
	clock_gettime(CLOCK_MONOTONIC, &ts);
	after = ts.tv_sec * second + ts.tv_nsec;
	assert_true(before <= now && now <= after);
}

static void
the_clock_is_read_through_the_seam(void **state)
{
	int64_t before;

	(void)state;
	seam_time_virtual();
	before = socle__clock_ns();
	assert_int_equal(socle__clock_ns(), before);
	seam_time_add(2.5);
	assert_int_equal(socle__clock_ns() - before, 2500 * second / 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(seconds_become_nanoseconds_rounded_up),
		test(no_delay_below_a_second_is_shortened),
		test(nanoseconds_survive_conversion_to_seconds),
		test(nanoseconds_become_milliseconds_rounded_up),
		test(a_sum_saturates_at_the_largest_time),
		test(an_absolute_time_survives_conversion_to_a_double),
		test(the_clock_counts_monotonic_nanoseconds),
		test(the_clock_is_read_through_the_seam),
	};

	return run_tests(tests);
}

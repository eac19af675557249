/*
 * The clock: monotonic int64 nanoseconds inside, seconds as double outside.
 */
#ifndef SOCLE_TIMERS_CLOCK_H
#define SOCLE_TIMERS_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in ns; it never goes back and knows no wall clock step. */
int64_t socle__clock_ns(void);

/* Seconds to ns, rounded up: negative and NaN are 0, too large INT64_MAX. */
int64_t socle__seconds_to_ns(double seconds);

/*
 * A moment on the scale of socle__ns_to_seconds(), rounded to the nearest ns, so
 * that a time survives its conversion to a double and back.
 */
static inline int64_t
socle__moment_to_ns(double when)
{
	double ns = when * 1e9 + 0.5;

	if (!(ns > 0))
		return 0;
	return ns >= (double)INT64_MAX ? INT64_MAX : (int64_t)ns;
}

/* The inverse. */
double socle__ns_to_seconds(int64_t ns);

/* a + b without overflow, for a, b >= 0: at most INT64_MAX. */
int64_t socle__add_ns(int64_t a, int64_t b);

/* ns to the poller's milliseconds: rounded up, 0 .. INT_MAX. */
int socle__ns_to_ms(int64_t ns);

#endif

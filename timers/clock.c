/*
 * The clock, and the conversions between its units.  Delays are rounded up and
 * saturate: nothing is ever early, nothing overflows.
 */
#include "timers/clock.h"

#include "seam.h"

#include <limits.h>

enum { NS_PER_SECOND = 1000000000, NS_PER_MS = 1000000 };

int64_t
socle__clock_ns(void)
{
	struct timespec ts;

	/* with this clock and a valid pointer it cannot fail */
	sys_clock_gettime((clockid_t)CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_SECOND + ts.tv_nsec;
}

int64_t
socle__seconds_to_ns(double seconds)
{
	double ns = seconds * NS_PER_SECOND;
	int64_t whole;

	if (!(ns > 0)) /* NaN too */
		return 0;
	if (ns >= 0x1p63)
		return INT64_MAX;
	whole = (int64_t)ns;
	return (double)whole < ns ? whole + 1 : whole;
}

double
socle__ns_to_seconds(int64_t ns)
{
	return (double)ns / NS_PER_SECOND;
}

int64_t
socle__add_ns(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

int
socle__ns_to_ms(int64_t ns)
{
	int64_t ms;

	if (ns <= 0)
		return 0;
	ms = ns / NS_PER_MS + (ns % NS_PER_MS != 0);
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

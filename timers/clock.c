/* The clock, and what is done with its nanoseconds. */
#include "timers/clock.h"

#include "seam.h"

#include <limits.h>

enum { NS_A_SECOND = 1000000000, NS_A_MS = 1000000 };

int64_t
socle__clock_ns(void)
{
	struct timespec ts;

	/* CLOCK_MONOTONIC is always there; without it time would stand. */
	if (sys_clock_gettime(CLOCK_MONOTONIC, &ts) < 0)
		return 0;
	return (int64_t)ts.tv_sec * NS_A_SECOND + ts.tv_nsec;
}

int64_t
socle__seconds_to_ns(double seconds)
{
	double ns = seconds * NS_A_SECOND;
	int64_t whole;

	if (!(ns > 0))
		return 0;
	if (ns >= (double)INT64_MAX)
		return INT64_MAX;
	whole = (int64_t)ns;
	return (double)whole < ns ? whole + 1 : whole;
}

double
socle__ns_to_seconds(int64_t ns)
{
	return (double)ns / NS_A_SECOND;
}

int64_t
socle__add_ns(int64_t a, int64_t b)
{
	return a > INT64_MAX - b ? INT64_MAX : a + b;
}

int
socle__ns_to_ms(int64_t ns)
{
	int64_t ms = ns / NS_A_MS + (ns % NS_A_MS > 0);

	if (ns <= 0)
		return 0;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

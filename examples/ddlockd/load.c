/*
 * load.h describes the functions.  As in the Perl daemon, there is a count for
 * each 3 seconds, and the load is the sum of the latest 100.
 */
#include "ddlockd/load.h"

#include <socle/socle.h>

enum { SECONDS = 3, COUNTS = 100 };

static struct {
	long interval; /* since the clock's start */
	unsigned long n;
} counts[COUNTS];

static long
interval_now(void)
{
	return (long)(socle_now() / SECONDS);
}

void
load_count(void)
{
	long now = interval_now();
	int i = (int)(now % COUNTS);

	if (counts[i].interval != now)
		counts[i].n = 0;
	counts[i].interval = now;
	counts[i].n++;
}

unsigned long
load_current(void)
{
	long now = interval_now();
	unsigned long sum = 0;

	for (int i = 0; i < COUNTS; i++)
		if (counts[i].interval > now - COUNTS)
			sum += counts[i].n;
	return sum;
}

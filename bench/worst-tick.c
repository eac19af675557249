/*
 * The worst tick of socle while N timers are pending and none is due.  They are
 * planted at five distances, as close together as a million in the time given,
 * and then ticks run at the times that the loop asks for, on a clock of this
 * program's own, until the first timer is nearly due.  Prints the processor time
 * of the worst tick for each distance; bench/count counts its instructions.
 *
 *	worst-tick N
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <socle/socle.h>

static struct socle_timer *all;
static int n;
static int64_t now = 86400123456789; /* ns */

int
clock_gettime(clockid_t clock, struct timespec *ret)
{
	(void)clock;
	ret->tv_sec = (time_t)(now / 1000000000);
	ret->tv_nsec = (long)(now % 1000000000);
	return 0;
}

static void
fire(struct socle_timer *t)
{
	(void)t;
	abort();
}

static double
random_part(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (double)(x >> 11) / 9007199254740992.0;
}

static void
plant(double from, double span)
{
	double base = socle_now() + from;
	int i;

	for (i = 0; i < n; i++)
		socle_timer_start_at(
			&all[i], base + span * n / 1e6 * random_part());
}

/* Until the first timer is due, in us. */
static double
worst_tick(double from)
{
	int64_t end = now + (int64_t)(from * 1e9) - 1000, step;
	clock_t took, worst = 0;

	for (;;) {
		took = clock();
		socle_event_loop_once(0);
		took = clock() - took;
		if (took > worst)
			worst = took;
		if (now == end)
			return (double)worst * 1e6 / CLOCKS_PER_SEC;
		step = socle_loop_timeout_ms() * (int64_t)1000000;
		now += step > 0 ? step : 50000; /* a tick takes a while */
		if (now > end)
			now = end;
	}
}

int
main(int argc, char **argv)
{
	static const double plans[][2] = {
		{1.5, 1}, {30, 60}, {300, 30}, {3600, 100}, {86400, 60}};
	size_t p;
	int i;

	n = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
	all = calloc((size_t)n + 1, sizeof(*all));
	if (n < 1 || !all) {
		fprintf(stderr, "usage: %s N\n", argv[0]);
		return 2;
	}
	for (i = 0; i < n; i++)
		socle_timer_init(&all[i], fire);
	for (p = 0; p < sizeof(plans) / sizeof(plans[0]); p++) {
		plant(plans[p][0], plans[p][1]);
		printf("%g %.0f\n", plans[p][0], worst_tick(plans[p][0]));
		for (i = 0; i < n; i++)
			socle_timer_cancel(&all[i]);
	}
	return 0;
}

/*
 * The operations on a timer store, with N timers pending: add (from none to N),
 * refresh (each is postponed a little, as an idle timeout is), re-arm (each gets
 * any other time), cancel, and expire.  All but add visit the timers in the same
 * random order for each store.  Prints the CPU time of each in ns and, for more
 * than 100,000 timers, the worst tick of the loop in us while none is due.
 *
 *	timers-PEER N [CYCLES]
 *
 * A peer's file has the functions that are declared here.
 */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void setup(int n);
void inside(void (*body)(void)); /* where the loop's time is known */
void add(int i, double seconds);
void refresh(int i, double seconds); /* never sooner than before */
void rearm(int i, double seconds);
void cancel(int i);
void expire(void); /* a turn of the loop, without waiting */
size_t size(void); /* of one timer, in bytes */

enum { ADD, REFRESH, REARM, CANCEL, EXPIRE, OPERATIONS };

static struct {
	int n;
	long fired;
	int *order;
	double *when;
	double spread; /* seconds that all timers are spread over */
	double ns[OPERATIONS];
} timers;

static inline double
clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline uint32_t
random_u32(void)
{
	static uint64_t x = 88172645463325252u;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (uint32_t)(x >> 32);
}

/* Other times, as far ahead as `from' says at least. */
static inline void
draw(double from)
{
	int i;

	for (i = 0; i < timers.n; i++)
		timers.when[i] =
			from + timers.spread * (random_u32() / 4294967296.0);
}

static inline void
shuffle(void)
{
	int i, j, other;

	for (i = timers.n - 1; i > 0; i--) {
		j = (int)(random_u32() % (uint32_t)(i + 1));
		other = timers.order[i];
		timers.order[i] = timers.order[j];
		timers.order[j] = other;
	}
}

#define TIMED(operation, statement)                                            \
	do {                                                                   \
		double from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);              \
		int i, k;                                                      \
		for (k = 0; k < timers.n; k++) {                               \
			i = timers.order[k];                                   \
			statement;                                             \
		}                                                              \
		timers.ns[operation] +=                                        \
			clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;             \
	} while (0)

static inline void
cycle(void)
{
	int n;

	for (n = 0; n < timers.n; n++)
		timers.order[n] = n;
	timers.spread = 1000;
	draw(100);
	TIMED(ADD, add(i, timers.when[i]));
	shuffle();
	TIMED(REFRESH, refresh(i, timers.when[i] + 30));
	draw(100);
	TIMED(REARM, rearm(i, timers.when[i]));
	shuffle();
	TIMED(CANCEL, cancel(i));
}

static inline void
add_near(void)
{
	int i;

	for (i = 0; i < timers.n; i++)
		add(i, timers.when[i]);
}

static inline struct timespec
later(struct timespec t, double seconds)
{
	double ns = (double)t.tv_nsec + seconds * 1e9;

	t.tv_sec += (time_t)(ns / 1e9);
	t.tv_nsec = (long)(ns - (double)(time_t)(ns / 1e9) * 1e9);
	return t;
}

static inline void
expire_all(void)
{
	const double first = 0.02 + timers.n * 1e-6; /* adding takes a while */
	struct timespec until;
	double from;

	timers.spread = timers.n > 100000 ? 0.5 : 0.03;
	draw(first);
	inside(add_near);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until = later(until, first + timers.spread + 0.01);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	timers.fired = 0;
	from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	while (timers.fired < timers.n)
		expire();
	timers.ns[EXPIRE] += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
}

/*
 * Turns the loop for some seconds while all timers are pending, due between
 * `first' and `first + spread', and returns the worst turn in us.
 */
static inline double
worst_turn(double first, double spread, double seconds)
{
	double until, worst = 0;
	int i;

	timers.spread = spread;
	draw(first);
	inside(add_near);
	until = clock_ns(CLOCK_MONOTONIC) + seconds * 1e9;
	while (clock_ns(CLOCK_MONOTONIC) < until) {
		double from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

		expire();
		from = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
		if (from > worst)
			worst = from;
	}
	for (i = 0; i < timers.n; i++)
		cancel(i);
	return worst / 1000;
}

static inline double
worst_of_all(void)
{
	static const double plans[][3] = {{1.5, 1, 1.2}, {30, 60, 0.1},
		{300, 30, 0.1}, {3600, 100, 0.1}, {86400, 60, 0.1}};
	double worst = 0, us;
	size_t i;

	for (i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		us = worst_turn(plans[i][0], plans[i][1], plans[i][2]);
		if (us > worst)
			worst = us;
	}
	return worst;
}

int
main(int argc, char **argv)
{
	static const char *const names[] = {
		"add", "refresh", "rearm", "cancel", "expire"};
	int cycles, i;

	timers.n = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
	cycles = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1;
	timers.order = calloc((size_t)timers.n + 1, sizeof(*timers.order));
	timers.when = calloc((size_t)timers.n + 1, sizeof(*timers.when));
	if (timers.n < 1 || !timers.order || !timers.when) {
		fprintf(stderr, "usage: %s N [CYCLES]\n", argv[0]);
		return 2;
	}
	setup(timers.n);
	inside(cycle); /* warms up: touches the memory, grows the stores */
	memset(timers.ns, 0, sizeof(timers.ns));
	for (i = 0; i < cycles; i++) {
		inside(cycle);
		expire_all();
	}
	for (i = 0; i < OPERATIONS; i++)
		printf("%s %.1f\n", names[i],
			timers.ns[i] / timers.n / (double)cycles);
	if (timers.n > 100000)
		printf("worst %.1f\n", worst_of_all());
	printf("bytes %zu\n", size());
	return 0;
}

#endif

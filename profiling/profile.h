/*
 * What profiling measures, and the formats of its reports.
 *
 * The functions that switch it on and read it are in reactor/loop.h, because
 * the counters belong to the loop.  Items have Danga::Socket's names,
 * "Class-read", "Class-write", "Class-err" and "Class-hup", and in addition
 * "Class-drain", "Class-timeout", "Class-closure", "Class-accepted",
 * "Class-destroy" and "Class-post-loop".  A callback that belongs to no object
 * is named after its function: "timer:expire_sessions", and likewise
 * "deferred:", "posted:", "other-fd:", "signal:", "post-loop:" and "done:", the
 * last for socle_run_until().
 *
 * The function's name comes from the source text of the macro's arguments.  A
 * call that bypasses the macro, (socle_defer)(fn, arg), or one of the _or_drop
 * functions is counted as "(unnamed)": "deferred:(unnamed)".  An application
 * that calls a ..._named function itself keeps `arguments' valid as long as the
 * callback is registered; the counters hold copies.  A name has at most 120
 * bytes.
 */
#ifndef SOCLE_PROFILING_PROFILE_H
#define SOCLE_PROFILING_PROFILE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The clocks of socle_enable_profiling(); 0 means both. */
enum {
	SOCLE_PROFILE_WALL = 1, /* CLOCK_MONOTONIC; tens of ns per call */
	/* getrusage(2) of the thread, where there is such; about 1 us */
	SOCLE_PROFILE_CPU = 2
};

/*
 * histogram[i] counts the calls that took 2^i <= ns < 2^(i+1); [0] includes
 * 0 ns, and the last one includes all longer calls.
 */
enum { SOCLE_PROFILE_BUCKETS = 40 };

/*
 * One item.  utime, stime and wall are sums in seconds, and exclusive: a call
 * inside another call is charged to the inner item only, so the sum over all
 * items is the time the loop spent outside its waits.  longest (seconds) and
 * the histogram are inclusive wall times of whole calls.  A time that is not
 * measured is 0.
 */
struct socle_profile_item {
	const char *item;
	double utime, stime;
	uint64_t calls;
	double wall, longest;
	uint64_t histogram[SOCLE_PROFILE_BUCKETS];
};

/* The argument of a slow handler; it is valid during the call only. */
struct socle_slow {
	const char *item;
	double seconds;   /* wall time of the whole call */
	int fd;           /* of the object; -1: none */
	const char *peer; /* the peer's address; NULL: unknown */
};

enum socle_report {
	SOCLE_REPORT_TEXT, /* Perlbal's "prof data"; the last line is "." */
	SOCLE_REPORT_JSON, /* one object: {"items":[...]} */
	SOCLE_REPORT_PROMETHEUS, /* text exposition format 0.0.4 */
	SOCLE_REPORT_FOLDED      /* folded stacks, for flame graphs */
};

#ifdef __cplusplus
}
#endif

#endif

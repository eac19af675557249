/*
 * What profiling measures, and the forms it can be reported in.
 *
 * Switching it on and reading it is in reactor/loop.h, because the counters
 * belong to the loop; this header has the shapes.  The names of the items are
 * Danga::Socket's "Class-read", "Class-write", "Class-err" and "Class-hup",
 * and beside them "Class-drain", "Class-timeout", "Class-closure", "Class-accepted",
 * "Class-destroy" and "Class-post-loop"; a callback that is no object's carries the name of its
 * function: "timer:expire_sessions", and so "deferred:", "posted:",
 * "other-fd:", "signal:" and "post-loop:".
 */
#ifndef SOCLE_PROFILING_PROFILE_H
#define SOCLE_PROFILING_PROFILE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What socle_enable_profiling() is to measure; 0 means both. */
enum {
	SOCLE_PROFILE_WALL = 1, /* monotonic clock, tens of ns a call */
	SOCLE_PROFILE_CPU = 2   /* getrusage(2), about a microsecond a call */
};

/* histogram[i] counts the calls of 2^i <= ns < 2^(i+1); 0 ns is in [0]. */
enum { SOCLE_PROFILE_BUCKETS = 40 };

/*
 * One item.  utime, stime and wall are sums in seconds, exclusive: a callback
 * inside a callback is counted for itself and taken off the outer one, so that
 * the sum over all items is the loop's time.  longest and the histogram are of
 * whole calls, wall time.  A time that was not asked for is 0.
 */
struct socle_profile_item {
	const char *item;
	double utime, stime;
	uint64_t calls;
	double wall, longest;
	uint64_t histogram[SOCLE_PROFILE_BUCKETS];
};

/* What socle_set_slow_handler()'s function is told. */
struct socle_slow {
	const char *item;
	double seconds;   /* wall time of the whole call */
	int fd;           /* of the object, -1 when there is none */
	const char *peer; /* its peer's address, NULL when unknown */
};

enum socle_report {
	SOCLE_REPORT_TEXT,       /* Perlbal's "prof data", ends with "." */
	SOCLE_REPORT_JSON,       /* one object: {"items":[...]} */
	SOCLE_REPORT_PROMETHEUS, /* text exposition format 0.0.4 */
	SOCLE_REPORT_FOLDED      /* folded stacks, for flame graphs */
};

#ifdef __cplusplus
}
#endif

#endif

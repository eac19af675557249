/*
 * What a thread's loop has done: counters, which are always on, and the lengths
 * of its ticks, which are measured on request.
 *
 * Counters start at zero with the thread's loop and grow from then on;
 * socle_reset() sets them to zero.  A forked child goes on from its parent's.
 * Sockets outside the loop (struct socle_io) are not counted.
 */
#ifndef SOCLE_REACTOR_METRICS_H
#define SOCLE_REACTOR_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum { SOCLE_METRICS_REASONS = 24, SOCLE_METRICS_BUCKETS = 40 };

/*
 * `sum' is in seconds (a number for `events_per_tick').  bucket[i] counts what
 * was 2^i <= ns < 2^(i+1); [0] includes 0, and the last one all that was more.
 */
struct socle_histogram {
	uint64_t count;
	double sum;
	uint64_t bucket[SOCLE_METRICS_BUCKETS];
};

/* How many objects were closed for a reason. */
struct socle_metrics_reason {
	const char *reason; /* that of socle_close(); "" for NULL */
	uint64_t closed;
};

struct socle_metrics_data {
	/* of the loop */
	uint64_t ticks;  /* waits for the kernel */
	uint64_t events; /* that the kernel reported */
	/* of its objects */
	size_t active;         /* objects of the application that are open */
	uint64_t accepted;     /* clients of listeners, objects or fds */
	uint64_t connected;    /* connections that the library made */
	uint64_t closed;       /* objects, for whatever reason */
	uint64_t fd_shortages; /* accept(2) found no fd or memory */
	/*
	 * Bytes that streams and datagram objects took from the kernel and gave
	 * to it.  With a reader or writer function: those of the function.
	 */
	uint64_t bytes_in, bytes_out;
	uint64_t blocked_reads;  /* that found nothing: EAGAIN */
	uint64_t blocked_writes; /* ... and no room */
	uint64_t partial_writes; /* that the kernel took a part of */
	size_t queued;           /* sum of socle_write_buf_size() now */
	/*
	 * The reasons in the order in which they first came, `reasons' of them.
	 * The last place is shared by all that came after it, as "(others)".
	 */
	unsigned reasons;
	struct socle_metrics_reason closed_by[SOCLE_METRICS_REASONS];
	/* As long as socle_measure_ticks() is on; otherwise they stand still. */
	struct socle_histogram tick;            /* work between two waits */
	struct socle_histogram lag;             /* timers: after the deadline */
	struct socle_histogram events_per_tick; /* of waits that had some */
};

/*
 * Fills *ret for the loop of this thread; all is zero if it has none.  May be
 * called anywhere.  It visits every object for `queued', so it is not for every
 * tick of a large server.
 */
void socle_metrics(struct socle_metrics_data *ret);

/*
 * Measures each tick from now on, or no longer.  It costs two readings of the
 * clock a tick, and nothing while it is off, as it is at the start.  Turning it on
 * keeps what was measured before.  Returns 0, or -ENOMEM or what opening the
 * poller said.  May be called inside any callback: it takes effect with the next
 * wait.
 */
int socle_measure_ticks(bool on);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

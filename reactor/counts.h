/*
 * The counters of socle_metrics().  They are always on.  The bytes of a read or
 * write cost one addition, to a field of the object; those of objects that have
 * ended are here.
 */
#ifndef SOCLE_REACTOR_COUNTS_H
#define SOCLE_REACTOR_COUNTS_H

#include "reactor/metrics.h"

#include "system.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct socle__counts {
	uint64_t ticks_before; /* struct socle__reactor.waits at the start */
	uint64_t events, bytes_in, bytes_out;
	uint64_t accepted, connected, fd_shortages;
	uint64_t blocked_reads, blocked_writes, partial_writes;
	const char *last_reason; /* as it was given */
	uint64_t *last;          /* its counter */
	unsigned reasons;
	struct socle_metrics_reason closed_by[SOCLE_METRICS_REASONS];
};

/* For the guard, a build without shows what counting costs. */
#ifdef SOCLE__UNCOUNTED
#define SOCLE__COUNT(counter, n) ((void)0)
#else
#define SOCLE__COUNT(counter, n) ((void)((counter) += (n)))
#endif

/* All from zero again, when the loop has waited so often. */
void socle__counts_clear(struct socle__counts *c, uint64_t waits);

/* The slow part of socle__count_closed(): another reason than the last time. */
void socle__count_reason(struct socle__counts *c, const char *reason);

/* An object is being closed. */
static inline void
socle__count_closed(struct socle__counts *c, const char *reason)
{
	if (socle__likely(reason == c->last_reason))
		SOCLE__COUNT(*c->last, 1);
	else
		socle__count_reason(c, reason);
}

#endif

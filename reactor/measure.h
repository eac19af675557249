/*
 * Measuring ticks: the waits of the loop go through a table of their own, which
 * reads the clock before and after the backend's wait.
 */
#ifndef SOCLE_REACTOR_MEASURE_H
#define SOCLE_REACTOR_MEASURE_H

#include "reactor/backend.h"
#include "reactor/metrics.h"

struct socle__measure {
	struct socle__backend table; /* the backend's, with another wait */
	const struct socle__backend *backend;
	int64_t began; /* ns: the end of the last wait; 0: none is measured */
	struct socle_histogram tick, lag, events;
};

/* A timer is about to be called. */
void socle__measure_lag(struct socle__reactor *r, int64_t deadline);

/* The outermost loop begins, and returns: what follows is no tick. */
void socle__measure_begin(struct socle__reactor *r);
void socle__measure_end(struct socle__reactor *r);

#endif

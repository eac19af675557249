/* The tick, and the steps that the loops run around it. */
#ifndef SOCLE_REACTOR_TICK_H
#define SOCLE_REACTOR_TICK_H

#include "reactor/state.h"

/*
 * Runs one tick, which waits at most `limit_ms' (-1: no limit).  1: go on; 0: a
 * callback or a stop ended the loop; -errno, -ECHILD in a forked child.
 */
int socle__tick(struct socle__reactor *r, int limit_ms);

/* Before a loop returns: flushes held writes, reaps closed objects. */
void socle__flush_and_reap(struct socle__reactor *r);

/* Passes all changes of interest to the kernel now, without waiting. */
void socle__interest_submit(struct socle__reactor *r);

#endif

/* The attention list: which descriptors have a turn open in the tick. */
#ifndef SOCLE_REACTOR_TURNS_H
#define SOCLE_REACTOR_TURNS_H

#include "reactor/state.h"

void socle__turn_open(struct socle_descriptor *d, unsigned turn);
void socle__turn_shut(struct socle_descriptor *d, unsigned turn);

/* Shuts all its turns and opens this one, as the last in the list. */
void socle__turn_open_alone(struct socle_descriptor *d, unsigned turn);

/* Opens a turn unless it is open. */
static inline void
socle__turn_ask(struct socle_descriptor *d, unsigned turn)
{
	if (!(d->turns & turn))
		socle__turn_open(d, turn);
}

/* Shuts a turn if it is open. */
static inline void
socle__turn_drop(struct socle_descriptor *d, unsigned turn)
{
	if (d->turns & turn)
		socle__turn_shut(d, turn);
}

/* How many descriptors have the turn open. */
static inline unsigned
socle__turns_open(const struct socle__reactor *r, unsigned turn)
{
	return r->open[__builtin_ctz(turn)];
}

/*
 * Shuts each turn of this kind that is open now and calls `take' for its
 * descriptor, in the order in which they were opened.  `take' NULL calls the
 * descriptor's own `turn'.  A forked child takes none: the turns stay open until
 * socle_after_fork().
 */
void socle__turns_serve(struct socle__reactor *r, unsigned turn,
	void (*take)(struct socle__reactor *r, struct socle_descriptor *d));

static inline void
socle__turns_take(struct socle__reactor *r, unsigned turn,
	void (*take)(struct socle__reactor *r, struct socle_descriptor *d))
{
	if (socle__turns_open(r, turn) > 0)
		socle__turns_serve(r, turn, take);
}

/* A `take' function: releases the descriptor's memory. */
void socle__turn_reap(struct socle__reactor *r, struct socle_descriptor *d);

#endif

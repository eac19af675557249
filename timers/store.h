/*
 * The timer store: which timers are due, and when to look again.
 *
 * The store depends on nothing but timers and times, which are int64
 * nanoseconds of the monotonic clock.  It allocates nothing, so it cannot fail.
 * timers/store.c describes its structure.
 */
#ifndef SOCLE_TIMERS_STORE_H
#define SOCLE_TIMERS_STORE_H

#include "timers/timer.h"

#include <stddef.h>

enum { SOCLE__TIMER_LEVELS = 9, SOCLE__TIMER_SLOTS = 64 };

/* private to store.c */
struct socle__timer_slot {
	struct socle__timer_node *first;
	int64_t bound; /* no timer of the slot has an earlier deadline */
};

struct socle__timer_store {
	size_t pending; /* timers held, including the due ones */
	struct socle__timer_node
		*due; /* the next ones of the pass, in its order */
	/* private to store.c */
	uint64_t starts;
	int64_t now;                   /* of the wheel, ns */
	int64_t until;                 /* the `now' of the last collect */
	struct socle__timer_slot past; /* started since, for no later time */
	int64_t advanced;              /* the `now' of the last advance */
#ifdef SOCLE_CHECKS
	uint64_t moves; /* of timers, from slot to slot */
#endif
	uint64_t levels; /* a bit for each with an occupied slot */
	uint64_t occupied[SOCLE__TIMER_LEVELS]; /* a bit for each slot */
	uint64_t crowded[SOCLE__TIMER_LEVELS];  /* slots to spread early */
	uint16_t added[SOCLE__TIMER_LEVELS][SOCLE__TIMER_SLOTS];
	struct socle__timer_slot slots[SOCLE__TIMER_LEVELS][SOCLE__TIMER_SLOTS];
};

/*
 * The name of a timer that the library itself uses.  The pointer marks calls of
 * its function as none of the application's.
 */
extern const char socle__own_timer[];

static inline void
socle__own_timer_init(struct socle_timer *t, void (*fn)(struct socle_timer *t))
{
	*t = (struct socle_timer){.fn = fn, .name = socle__own_timer};
}

/*
 * Makes the store empty.  Its time starts at `now', which is not negative.  The
 * store must not move in memory.
 */
void socle__timers_init(struct socle__timer_store *ts, int64_t now);

/*
 * Adds `t' with this deadline, re-arming it if it is pending.  Amortised
 * constant time.  A timer added during a pass does not join it, even if its
 * deadline has passed.
 */
void socle__timers_add(struct socle__timer_store *ts,
	struct socle__timer_node *t, int64_t deadline);

/* The same for a node without a struct socle_timer around it. */
void socle__timers_add_bare(struct socle__timer_store *ts,
	struct socle__timer_node *t, int64_t deadline);

/*
 * Moves the store's time to `now' if nothing is due by then.  Timers added long
 * after the last collect would otherwise share the few slots that reach so far.
 */
void socle__timers_advance(struct socle__timer_store *ts, int64_t now);

/* Takes `t' out, wherever it is; does nothing if it is not pending. */
void socle__timers_remove(
	struct socle__timer_store *ts, struct socle__timer_node *t);

/*
 * When to call collect: never later than the earliest deadline, INT64_MAX if
 * the store is empty.  It may be earlier than the earliest deadline, or even in
 * the past.  Each collect at such a time makes progress, so the number of early
 * ones is bounded by the number of calls of add.
 * requires: the due list is empty
 */
int64_t socle__timers_next(struct socle__timer_store *ts);

/*
 * Starts a pass over the timers with a deadline <= now: take returns them in
 * (deadline, start order).  What is left of the pass of an outer tick, in which
 * this one is nested, becomes part of it; timers that the outer one has put into
 * the due list come first.  Returns whether there is any timer to take.
 */
bool socle__timers_collect(struct socle__timer_store *ts, int64_t now);

/*
 * Takes the next timer of the pass, which is then no longer pending; NULL ends
 * the pass.  `bare': it was added as a node without a struct socle_timer.
 */
struct socle__timer_node *socle__timers_take(
	struct socle__timer_store *ts, bool *bare);

/* Empties the store: no timer is pending. */
void socle__timers_clear(struct socle__timer_store *ts);

/* Asserts the invariants of the whole structure; O(n), for check builds. */
void socle__timers_check(const struct socle__timer_store *ts);

#endif

/*
 * The timer store: which timer is due, and when the next one will be.
 *
 * A leaf: it knows times and timers, no loop and no callback; it allocates
 * nothing, so nothing in it can fail.  Times are int64 nanoseconds of the
 * monotonic clock.
 *
 * timers/store.c tells how it is built.
 */
#ifndef SOCLE_TIMERS_STORE_H
#define SOCLE_TIMERS_STORE_H

#include "timers/timer.h"

#include <stddef.h>

enum {
	SOCLE__WHEEL_BITS = 8, /* a digit */
	SOCLE__WHEEL_LEVELS = 7,
	SOCLE__TIMER_LANES = 4,
	SOCLE__LEVEL_SLOTS = 1 << SOCLE__WHEEL_BITS,
	SOCLE__TIMER_SLOTS = SOCLE__WHEEL_LEVELS * SOCLE__LEVEL_SLOTS
};

struct socle__timer_store {
	size_t pending;          /* timers held, the due ones included */
	struct socle_timer *due; /* found by collect, in firing order */
	/* private to store.c from here on */
	struct socle_timer *due_last;
	uint64_t starts;
	int64_t now;    /* how far the wheel has been turned, ns */
	uint64_t words; /* those of `occupied' that are not 0 */
	uint64_t occupied[SOCLE__TIMER_SLOTS / 64]; /* a bit for each slot */
	struct socle_timer *lists[SOCLE__TIMER_SLOTS][SOCLE__TIMER_LANES];
};

/*
 * The name of a timer whose function is the library's: no call of a user's,
 * told by the pointer.
 */
extern const char socle__own_timer[];

/* An empty store whose time starts at `now', which is not negative. */
void socle__timers_init(struct socle__timer_store *ts, int64_t now);

/*
 * Adds `t' with this deadline, re-arming it if it is held already.  Amortised
 * constant time.  A timer added while due ones are being taken is not among
 * them, however early its deadline.
 */
void socle__timers_add(
	struct socle__timer_store *ts, struct socle_timer *t, int64_t deadline);

/* Takes `t' out, wherever it is; harmless on one that is not pending. */
void socle__timers_remove(struct socle__timer_store *ts, struct socle_timer *t);

/*
 * The earliest deadline, exactly; INT64_MAX when the store is empty.
 * requires: nothing collected is left to take
 */
int64_t socle__timers_next(struct socle__timer_store *ts);

/*
 * Moves every timer with a deadline <= now to the due list, in (deadline,
 * start order), behind those that a nested loop's outer tick has not yet
 * taken.  Returns whether the list holds any.
 */
bool socle__timers_collect(struct socle__timer_store *ts, int64_t now);

/*
 * Takes the first due timer off the list, no longer pending; NULL at its end.
 */
struct socle_timer *socle__timers_take(struct socle__timer_store *ts);

/* Every timer becomes not pending. */
void socle__timers_clear(struct socle__timer_store *ts);

/* Asserts the invariants of the whole structure; O(n), for check builds. */
void socle__timers_check(const struct socle__timer_store *ts);

#endif

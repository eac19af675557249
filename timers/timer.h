/*
 * Timers embedded in the application's own structs.
 *
 * A timer fires once.  It belongs to the loop of the thread that starts it, and
 * only that thread may use it while it is pending.  Starting a timer does not
 * allocate.  While a timer is pending its struct must stay valid and must not
 * move in memory (no realloc() of an array of timers), because the loop holds
 * pointers to it; after a cancel, or once `fn' is called, it holds none.
 *
 * The loop calls `fn' in the order of the deadlines, equal deadlines in the
 * order of the starts, and never early.  Deadlines are on CLOCK_MONOTONIC: on
 * Linux a timer does not run down while the system is suspended.
 *
 * socle_reset() and the end of the thread cancel every timer without calling
 * `fn'.  After fork(2) a pending timer is pending in the parent and in the
 * child; in the child it fires only after socle_after_fork().
 *
 * socle_add_timer() in reactor/loop.h is Danga::Socket's AddTimer, which
 * returns an identifier and needs no struct.
 */
#ifndef SOCLE_TIMERS_TIMER_H
#define SOCLE_TIMERS_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct socle__timer_node {
	struct socle__timer_node *next;
	struct socle__timer_node **prev; /* what points to it in its list */
	uint64_t order;   /* start order, and two bits; 0: not pending */
	int64_t deadline; /* monotonic, ns */
};

struct socle_timer {
	/* private */
	struct socle__timer_node node; /* first */
	void (*fn)(struct socle_timer *t);
	const char
		*name; /* source text of the init's arguments, for profiles */
};

/*
 * Initialises `t', which must not be pending; the timer is then not pending,
 * and `fn(t)' is called when it fires.  `fn' reaches the surrounding struct
 * with socle_container_of().  Required before any other use; cannot fail.
 * The macro passes on the source text of its arguments, so that the profile
 * shows the function as "timer:fn"; a text passed to the _named function must
 * stay valid as long as the timer is used.
 */
void socle_timer_init(struct socle_timer *t, void (*fn)(struct socle_timer *t));
void socle_timer_init_named(const char *arguments, struct socle_timer *t,
	void (*fn)(struct socle_timer *t));
#define socle_timer_init(...) socle_timer_init_named(#__VA_ARGS__, __VA_ARGS__)

/*
 * Starts `t', or restarts it if it is pending.  It fires `seconds' after this
 * call (the clock is read), never earlier.  A negative delay or NaN counts as
 * 0; a delay beyond the range of the clock ends at the clock's last moment.  A
 * timer started by a timer's callback fires in the next tick at the earliest,
 * so a delay of 0 cannot starve the loop.
 * Returns 0, or -ENOMEM if this thread has no loop yet and none can be made.
 */
int socle_timer_start(struct socle_timer *t, double seconds);

/*
 * The same with an absolute time on the scale of socle_now(); does not read the
 * clock.  A time in the past fires in the next tick.
 */
int socle_timer_start_at(struct socle_timer *t, double when);

/*
 * Cancels `t': `fn' is not called, and the struct may be freed at once.  Does
 * nothing if `t' is not pending.  May be called at any time, also from the
 * timer's own callback.  Cannot fail.
 */
void socle_timer_cancel(struct socle_timer *t);

/* Whether `t' is waiting to fire.  False inside its own callback. */
bool socle_timer_pending(const struct socle_timer *t);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

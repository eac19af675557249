/*
 * Timers that live in the application's own structs.
 *
 * A timer is one-shot and belongs to the loop of the thread that starts it.
 * Starting one allocates nothing; cancelling one is legal anywhere, and after
 * it the library holds no pointer to the struct.  A running loop calls `fn'
 * in the order of the deadlines, and equal deadlines in the order of their
 * starts, never early.  Danga::Socket's AddTimer, with an identifier instead
 * of a struct, is socle_add_timer() in reactor/loop.h.
 */
#ifndef SOCLE_TIMERS_TIMER_H
#define SOCLE_TIMERS_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct socle_timer {
	/* private */
	struct socle_timer *next;
	struct socle_timer **prev; /* what points to this timer in its list */
	uint64_t order;   /* of starts, and whether it is due; 0: not pending */
	int64_t deadline; /* monotonic, ns */
	void (*fn)(struct socle_timer *t);
	const char *name; /* source text of the init call, for profiles */
};

/*
 * Makes `t' a timer that is not pending and calls `fn(t)' when it fires; get
 * from `t' to your own struct with socle_container_of().  Call it once, before
 * any other use of `t', and never while `t' is pending.  It cannot fail.  The macro passes on the source text of its arguments, so that
 * the profile can name the function: item "timer:fn".
 */
void socle_timer_init(struct socle_timer *t, void (*fn)(struct socle_timer *t));
void socle_timer_init_named(const char *arguments, struct socle_timer *t,
	void (*fn)(struct socle_timer *t));
#define socle_timer_init(...) socle_timer_init_named(#__VA_ARGS__, __VA_ARGS__)

/*
 * Starts `t', or restarts it if it is pending: it fires `seconds' after the
 * moment of this call (the clock is read), never earlier.  A negative
 * delay is 0; NaN is 0; one beyond the range of the clock is the clock's last
 * moment.  A timer that is started by a timer's callback waits for the next
 * tick, so that a delay of 0 cannot keep the loop from its other work.
 * Returns 0, or -ENOMEM if this thread has no loop yet and none can be made.
 */
int socle_timer_start(struct socle_timer *t, double seconds);

/*
 * The same with an absolute time on the scale of socle_now(); no clock is
 * read.  A time that has passed fires in the next tick.
 */
int socle_timer_start_at(struct socle_timer *t, double when);

/*
 * `t' will not fire.  Legal at any time from anywhere, from its own callback
 * and on a timer that is not pending too.  The struct may be freed at once.
 */
void socle_timer_cancel(struct socle_timer *t);

/*
 * Whether `t' is waiting to fire.  False inside its own callback.
 */
bool socle_timer_pending(const struct socle_timer *t);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

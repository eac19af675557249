/*
 * The tick; run.c has the loops that run it.
 *
 * A stop, a reset or a fork may happen in any callback.  Each sets a bit of
 * r->interrupted, which is checked before the tick, after each step and each
 * call that runs application code, and right before the wait.  After a stop
 * the tick does the rest of its steps without waiting; after a reset or a fork
 * it does nothing more.
 *
 * The batch of events belongs to the reactor, not to the tick: a loop that is
 * nested in a handler waits and replaces it, and the outer tick finds it used
 * up.  The kernel reports the dropped events again.
 */
#include "reactor/tick.h"

#include "reactor/backend.h"
#include "reactor/callback.h"
#include "reactor/check.h"
#include "reactor/deferred.h"
#include "reactor/due_timers.h"
#include "reactor/interest.h"
#include "reactor/log.h"
#include "reactor/mailbox.h"
#include "reactor/map.h"
#include "reactor/parking.h"
#include "reactor/post_loop.h"
#include "reactor/reactor.h"
#include "reactor/turns.h"
#include "reactor/wait.h"

/* Whether every event and call is to be counted or logged. */
static inline bool
is_observed(const struct socle__reactor *r)
{
	return socle__unlikely(r->profile.on || socle__debug_level > 0);
}

/* ---- steps 1 to 5: until the wait ---- */

static void
run_deferred_calls(struct socle__reactor *r)
{
	socle__mailbox_collect(r);
	socle__deferred_run(r);
}

/* Whether there were any: the application may wait for a queue to empty. */
static bool
run_flush_turns(struct socle__reactor *r)
{
	if (socle__turns_open(r, SOCLE__TURN_FLUSH) == 0)
		return false;
	socle__turns_take(r, SOCLE__TURN_FLUSH, NULL);
	socle__profile_unowned(&r->profile);
	r->now_stale = true;
	return true;
}

static void
tell_the_kernel(struct socle__reactor *r)
{
	socle__turns_take(r, SOCLE__TURN_INTEREST, socle__interest_update);
}

static inline int
wait_for_events(struct socle__reactor *r, int ms)
{
	int err;

	r->removed = r->changed = false;
	r->waits++;
	SOCLE__PROBE1(tick_done, r->batch_n);
	r->batch_n = 0;
	err = r->backend->wait(r, ms);
	SOCLE__PROBE1(tick_start, r->batch_n);
	r->now_known = r->now_stale = false;
	return err;
}

/*
 * Steps 1 to 5 of a tick that has something to do before it waits.  After
 * application code has run it does not sleep: the condition that the
 * application waits for may be true now, and no poller reports that.
 */
static SOCLE__NOINLINE int
prepare_and_wait(struct socle__reactor *r, int limit_ms)
{
	unsigned before = r->callbacks;
	bool flushed = false;
	int err;

	socle__log_deliver(r);
	if (r->timers.pending > 0)
		socle__timers_run(r);
	if (!socle__is_abandoned(r))
		run_deferred_calls(r);
	if (!socle__is_abandoned(r))
		flushed = run_flush_turns(r);
	if (!socle__is_abandoned(r))
		tell_the_kernel(r);
	if (socle__is_abandoned(r)) {
		socle__batch_drop(r);
		return 0;
	}
	if (flushed || r->callbacks != before)
		limit_ms = 0;
	socle__profile_before_wait(&r->profile);
	err = wait_for_events(r, socle__wait_ms(r, limit_ms));
	socle__profile_after_wait(&r->profile);
	return err;
}

/* ---- step 6: dispatch ---- */

static void
deliver(struct socle_descriptor *d, unsigned ready)
{
	unsigned end = SOCLE_ERR | SOCLE_HUP;
	unsigned wanted = ready & (d->wanted | end);

	if (d->bits & SOCLE__END_REPORTED)
		wanted &= ~end;
	if (wanted) {
		if (socle__is_listening(d))
			socle__descriptor_unpark(d);
		d->ops->ready(d, wanted, 0);
	} else if (!socle__is_listening(d) &&
		ready & (end | ~(unsigned)d->armed)) {
		socle__park(d);
	}
}

/* The open descriptor of an event, or NULL. */
static struct socle_descriptor *
receiver(struct socle__reactor *r, uint64_t cookie)
{
	struct socle_descriptor *d =
		socle__descriptor_at(r, socle__cookie_fd(cookie));

	if (!d || socle__cookie(d) != cookie) {
		socle__interest_stale(r, socle__cookie_fd(cookie));
		return NULL;
	}
	return d->bits & SOCLE__CLOSED ? NULL : d;
}

/*
 * Whether the event must still be dispatched: the hook may have closed its
 * descriptor, ended the loop, or run a nested loop that dispatched the event.
 */
static SOCLE__NOINLINE bool
log_event(struct socle__reactor *r, uint64_t cookie, unsigned ready)
{
	uint64_t waits = r->waits;

	socle__log(1, "Event: fd=%d, state=%u", socle__cookie_fd(cookie),
		ready & SOCLE__READY);
	socle__log_deliver(r);
	return !socle__is_abandoned(r) && r->waits == waits;
}

/* Any event, with all its conditions. */
static SOCLE__COLD void
dispatch_event(struct socle__reactor *r, uint64_t cookie, unsigned ready)
{
	struct socle_descriptor *d = receiver(r, cookie);

	if (d && socle__debug_level > 0)
		d = log_event(r, cookie, ready) ? receiver(r, cookie) : NULL;
	if (!d)
		return;
	if (ready >> SOCLE__REFUSAL_SHIFT)
		socle__interest_failed(
			d, -(int)(ready >> SOCLE__REFUSAL_SHIFT));
	else
		deliver(d, ready & SOCLE__READY);
}

/*
 * The usual event, READ alone on an open descriptor, goes straight to its
 * `read'.  The fd of a stale event may be beyond a map that has shrunk: then
 * its cookie is not that of the descriptor found.
 */
static void
dispatch_events(struct socle__reactor *r)
{
	unsigned mask = SOCLE__CLOSED | SOCLE__END_REPORTED | SOCLE__INDIRECT;

	SOCLE__COUNT(r->counts.events, r->batch_n);
	r->next = r->batch;
	r->end = r->batch + r->batch_n;
	while (r->next != r->end) {
		const struct socle__event *e = r->next++;
		struct socle_descriptor *d =
			r->map[(uint32_t)e->cookie & (r->map_size - 1)];

		if (socle__likely(e->ready == r->straight && d &&
			    socle__cookie(d) == e->cookie && !(d->bits & mask)))
			d->ops->read(d);
		else
			dispatch_event(r, e->cookie, e->ready);
	}
}

/* ---- steps 7 to 9: after the dispatch ---- */

static inline void
close_and_destroy(struct socle__reactor *r)
{
	bool outermost = socle__may_destroy(r);

	if (socle__turns_open(r, SOCLE__TURN_CLOSE)) {
		socle__turns_take(r, SOCLE__TURN_CLOSE,
			outermost ? socle__descriptor_close_and_reap
				  : socle__descriptor_close_fd);
		socle__turns_take(r, SOCLE__TURN_FD_FREED, NULL);
		if (socle__unlikely(r->shrink) && outermost)
			socle__map_shrink(r);
	}
	if (outermost)
		socle__turns_take(r, SOCLE__TURN_DESTROY, socle__turn_reap);
}

/* False: a post-loop callback ended the loop. */
static SOCLE__NOINLINE bool
finish_tick(struct socle__reactor *r)
{
	if (!socle__is_abandoned(r))
		socle__turns_take(r, SOCLE__TURN_PUSHED_BACK, NULL);
	close_and_destroy(r);
	socle__log_deliver(r);
	return socle__is_abandoned(r) || !r->post_loop_runs ||
		socle__post_loop_run(r);
}

/* ---- the tick ---- */

/* The result of an interrupted tick. */
static SOCLE__NOINLINE int
interruption(const struct socle__reactor *r)
{
	if (socle__is_forked(r))
		return -ECHILD;
	return r->interrupted & SOCLE__BROKEN ? -EBADF : 0;
}

/* Whether a tick only has to wait and to dispatch. */
static inline bool
is_quiet(const struct socle__reactor *r)
{
	return !r->interrupted && !is_observed(r) && r->timers.pending == 0 &&
		!r->deferred && !socle__has_turns(r) &&
		!socle__mailbox_has_posts(r);
}

/*
 *	1 run due timers	4 tell the kernel	7 pushed-back data
 *	2 deferred, posted	5 wait			8 close, destroy
 *	3 flush turns		6 dispatch		9 post-loop callbacks
 */
int
socle__tick(struct socle__reactor *r, int limit_ms)
{
	bool go_on = true;
	int err;

	if (is_quiet(r)) {
		r->straight = SOCLE_READ;
		err = wait_for_events(r, limit_ms);
	} else {
		if (r->interrupted)
			return interruption(r);
		err = prepare_and_wait(r, limit_ms);
		r->straight = is_observed(r) ? 0 : SOCLE_READ;
	}
	if (socle__unlikely(err < 0))
		return err;
	dispatch_events(r);
	if (socle__has_turns(r) || r->post_loop_runs)
		go_on = finish_tick(r);
	r->now_stale = true;
#ifdef SOCLE_CHECKS
	socle__loop_check(r);
#endif
	if (socle__unlikely(r->interrupted))
		return interruption(r);
	return go_on;
}

/* ---- around the tick ---- */

static bool
has_to_reap(const struct socle__reactor *r)
{
	return socle__turns_open(r, SOCLE__TURN_CLOSE) ||
		(socle__turns_open(r, SOCLE__TURN_DESTROY) &&
			socle__may_destroy(r));
}

void
socle__interest_submit(struct socle__reactor *r)
{
	r->changed = true;
	tell_the_kernel(r);
	if (r->backend && r->backend->submit && r->backend->submit(r) > 0) {
		r->straight = is_observed(r) ? 0 : SOCLE_READ;
		dispatch_events(r);
	}
}

/* In a few rounds, because flushing may close and closing may flush. */
void
socle__flush_and_reap(struct socle__reactor *r)
{
	int reaps = 8, flushes = 2;

	while (!socle__is_forked(r)) {
		socle__turns_take(r, SOCLE__TURN_FLUSH, NULL);
		socle__interest_submit(r);
		close_and_destroy(r);
		socle__log_deliver(r);
		if (!(has_to_reap(r) && --reaps > 0) &&
			!(socle__turns_open(r, SOCLE__TURN_FLUSH) &&
				--flushes > 0))
			return;
	}
}

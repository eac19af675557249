/*
 * The tick.  What runs it, and what is around it, is in run.c.
 *
 * The batch of events lives in the loop, not in the tick: a loop nested in a
 * handler waits anew and replaces it, and the outer tick finds it used up.
 * What it drops that way a level-triggered poller reports again.
 */
#include "reactor/core.h"

/* Handlers may have taken long since the clock was read after the wait. */
static int64_t
now_for_timers(struct socle__loop *l)
{
	if (l->now_stale)
		l->now_known = false;
	return socle__now(l);
}

static socle__aside bool
run_timers(struct socle__loop *l)
{
	struct socle_timer *t;
	struct socle__call call;
	bool counted;

	if (!socle__timers_collect(&l->timers, now_for_timers(l)))
		return false;
	while ((t = socle__timers_take(&l->timers))) {
		counted = t->name != socle__own_timer &&
			socle__call_begin(&l->profile, &call, NULL,
				SOCLE__ITEM_TIMER, t->name, NULL);
		t->fn(t);
		socle__call_end(&l->profile, &call, counted);
	}
	return true;
}

/* Whether a user's function ran: somebody may wait for what it did. */
static bool
run_flushes(struct socle__loop *l)
{
	unsigned before = l->calls;

	socle__turns_walk(l, SOCLE__TURN_FLUSH);
	socle__profile_unowned(&l->profile);
	l->now_stale = true;
	return l->calls != before;
}

/* Destroying waits for the outermost loop: no handler is on the stack. */
static bool
may_destroy(const struct socle__loop *l)
{
	return l->depth <= 1 && l->in_call == 0;
}

/* Whether nobody has asked for a turn. */
static bool
nobody_waits(const struct socle__loop *l)
{
	return socle__likely(l->attention.next == &l->attention);
}

/* Whether a wait would keep somebody waiting. */
bool
socle__has_work(const struct socle__loop *l)
{
	if (l->later || l->timers.due || socle__mailbox_waiting(l))
		return true;
	if (nobody_waits(l))
		return false;
	return socle__turns_open(l, SOCLE__TURN_FLUSH) ||
		socle__turns_open(l, SOCLE__TURN_INTEREST) ||
		socle__turns_open(l, SOCLE__TURN_PUSHED_BACK) ||
		socle__turns_open(l, SOCLE__TURN_CLOSE) ||
		(socle__turns_open(l, SOCLE__TURN_DESTROY) && may_destroy(l));
}

int
socle__wait_ms(struct socle__loop *l, int limit)
{
	int64_t left;
	int ms;

	if (socle__has_work(l) || l->stop_depth >= l->depth)
		return 0;
	if (l->timers.pending == 0)
		return limit < 0 ? -1 : limit;
	left = socle__timers_next(&l->timers) - now_for_timers(l);
	ms = socle__ns_to_ms(left);
	return limit >= 0 && limit < ms ? limit : ms;
}

static inline int
wait_for_events(struct socle__loop *l, int ms)
{
	int err;

	l->removed = false;
	l->waits++;
	l->batch_n = 0;
	err = l->backend->wait(l, ms);
	l->now_known = l->now_stale = false;
	return err;
}

/*
 * An event for a registration that nobody has although nothing was removed
 * since the wait: the kernel still watches an open file that left us, through
 * a copy of its fd that somebody holds.  epoll can only forget it with the whole
 * set.
 */
static void
stale_event(struct socle__loop *l, int fd)
{
	if (l->removed)
		return;
	if (l->backend->forget) {
		l->backend->forget(l, fd);
		return;
	}
	socle__batch_drop(l);
	if (l->backend->reopen(l) == 0)
		socle__interest_rearm_all(l);
}

/*
 * What would be told for ever and interests nobody is parked: an end that was
 * told already, or what the poller was not asked for.
 */
static void
deliver(struct socle_descriptor *d, unsigned ready)
{
	unsigned end = SOCLE_ERR | SOCLE_HUP;
	unsigned told = ready & (d->wanted | end);

	if (d->bits & SOCLE__END_TOLD)
		told &= ~end;
	if (told) {
		d->ops->ready(d, told, 0);
	} else if (ready & (end | ~(unsigned)d->armed)) {
		d->bits |= SOCLE__END_TOLD | SOCLE__PARKED;
		socle__descriptor_want(d, d->wanted);
	}
}

/* Whether somebody wants to hear of each event or call. */
static inline bool
is_watched(const struct socle__loop *l)
{
	return socle__unlikely(l->profile.on || socle__debug_level > 0);
}

/* Whatever it is, it is looked at in full. */
static socle__aside void
dispatch_aside(struct socle__loop *l, uint64_t cookie, unsigned ready)
{
	struct socle_descriptor *d =
		socle__descriptor_at(l, socle__cookie_fd(cookie));

	if (!d || socle__cookie(d) != cookie) {
		stale_event(l, socle__cookie_fd(cookie));
		return;
	}
	if (d->bits & SOCLE__CLOSED)
		return;
	if (socle__debug_level > 0)
		socle__log(1, "Event: fd=%d, state=%u", d->fd, ready);
	if (ready >> SOCLE__REFUSAL)
		socle__interest_failed(d, -(int)(ready >> SOCLE__REFUSAL));
	else
		deliver(d, ready & SOCLE__READY);
}

/*
 * The straight way: something can be read, and nothing else is the matter.
 * A cookie was ours when the kernel got it, and the map does not shrink: the
 * fd in it is within.
 */
static void
dispatch(struct socle__loop *l, bool watched)
{
	unsigned straight = watched ? 0 : SOCLE_READ;
	unsigned mask = SOCLE__CLOSED | SOCLE__END_TOLD | SOCLE__DIRECT;

	l->next = l->batch;
	l->end = l->batch + l->batch_n;
	while (l->next != l->end) {
		const struct socle__event *e = l->next++;
		struct socle_descriptor *d = l->map[(uint32_t)e->cookie];

		if (socle__likely(e->ready == straight && d &&
			    socle__cookie(d) == e->cookie &&
			    (d->bits & mask) == SOCLE__DIRECT))
			d->ops->read(d);
		else
			dispatch_aside(l, e->cookie, e->ready);
	}
}

static void
reap(struct socle__loop *l)
{
	if (socle__turns_open(l, SOCLE__TURN_CLOSE)) {
		socle__turns_walk(l, SOCLE__TURN_CLOSE);
		socle__turns_walk(l, SOCLE__TURN_FD_FREED);
	}
	if (may_destroy(l))
		socle__turns_walk(l, SOCLE__TURN_DESTROY);
}

static socle__aside bool
run_post_loop(struct socle__loop *l)
{
	struct socle__call call;
	bool go_on = socle__turns_walk(l, SOCLE__TURN_POST_LOOP);
	bool counted;

	if (!l->post_loop)
		return go_on;
	counted = socle__call_begin(&l->profile, &call, NULL,
		SOCLE__ITEM_GLOBAL_POST_LOOP, l->post_loop_name, NULL);
	go_on = l->post_loop(l->post_loop_arg) && go_on;
	socle__call_end(&l->profile, &call, counted);
	return go_on;
}

/* Whether a tick has nothing to do but to wait and to dispatch. */
static inline bool
is_quiet(const struct socle__loop *l)
{
	return l->timers.pending == 0 && !l->later && nobody_waits(l) &&
		!socle__mailbox_waiting(l) && !is_watched(l);
}

/* Steps 1 to 5. */
static socle__apart int
work_and_wait(struct socle__loop *l, int limit_ms)
{
	bool worked = false;
	int err;

	if (l->profile.on)
		socle__profile_threads(&l->profile, !socle__loop_is_alone());
	if (l->timers.pending > 0)
		worked = run_timers(l);
	if (l->later || socle__mailbox_waiting(l))
		worked = socle__later_run(l) || worked;
	if (l->forked)
		return -ECHILD;
	if (socle__turns_open(l, SOCLE__TURN_FLUSH))
		worked = run_flushes(l) || worked;
	socle__turns_walk(l, SOCLE__TURN_INTEREST);
	if (!l->backend)
		return 0; /* a handler reset the loop, which is to end */
	socle__profile_before_wait(&l->profile);
	err = wait_for_events(l, worked ? 0 : socle__wait_ms(l, limit_ms));
	socle__profile_after_wait(&l->profile);
	return err;
}

/* Steps 7 to 9: whether all said that the loop goes on, or -ECHILD. */
static socle__apart int
after_the_dispatch(struct socle__loop *l)
{
	if (l->forked)
		return -ECHILD;
	socle__turns_walk(l, SOCLE__TURN_PUSHED_BACK);
	reap(l);
	return !(l->post_loop || socle__turns_open(l, SOCLE__TURN_POST_LOOP)) ||
		run_post_loop(l);
}

/*
 * One tick; docs/design.md has the list with its reasons.  1: go on, 0: a
 * callback or a stop ended it, or -errno.
 */
int
socle__tick(struct socle__loop *l, int limit_ms)
{
	bool watched = false;
	int go_on = 1, err;

	if (is_quiet(l)) {
		err = wait_for_events(l, limit_ms);
	} else {
		err = work_and_wait(l, limit_ms);
		watched = is_watched(l);
	}
	if (socle__unlikely(err < 0))
		return err;
	dispatch(l, watched);
	if (!nobody_waits(l) || l->post_loop || l->forked)
		go_on = after_the_dispatch(l);
	l->now_stale = true;
#ifdef SOCLE_CHECKS
	socle__loop_check(l);
#endif
	return go_on > 0 ? l->stop_depth < l->depth : go_on;
}

static bool
has_to_reap(const struct socle__loop *l)
{
	return socle__turns_open(l, SOCLE__TURN_CLOSE) ||
		(socle__turns_open(l, SOCLE__TURN_DESTROY) && may_destroy(l));
}

void
socle__interest_tell(struct socle__loop *l)
{
	socle__turns_walk(l, SOCLE__TURN_INTEREST);
	if (l->backend && l->backend->submit && l->backend->submit(l) > 0)
		dispatch(l, is_watched(l));
}

/*
 * What is held back leaves and what is closed is reaped before we return; in a
 * few rounds, for one may cause the other.
 */
void
socle__settle(struct socle__loop *l)
{
	int reaps = 8, flushes = 2;

	do {
		if (!l->forked) {
			socle__turns_walk(l, SOCLE__TURN_FLUSH);
			socle__interest_tell(l);
		}
		reap(l);
	} while ((has_to_reap(l) && --reaps > 0) ||
		(socle__turns_open(l, SOCLE__TURN_FLUSH) && --flushes > 0));
}

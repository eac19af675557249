/*
 * The tick, and the loops that run it.
 *
 * The batch of events lives in the loop, not in the tick: a loop nested in a
 * handler waits anew and replaces it, and the outer tick finds it used up.
 * What it drops that way a level-triggered poller reports again.
 */
#include "reactor/core.h"

_Thread_local struct socle__loop *socle__loop;

/* Handlers may have taken long since the clock was read after the wait. */
static int64_t
now_for_timers(struct socle__loop *l)
{
	if (l->now_stale)
		l->now_known = false;
	return socle__now(l);
}

static bool
run_timers(struct socle__loop *l)
{
	struct socle_timer *t;
	struct socle__call call;
	bool counted;

	if (l->timers.pending == 0 ||
		!socle__timers_collect(&l->timers, now_for_timers(l)))
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

/* Destroying waits for the outermost loop: no handler is on the stack. */
static bool
may_destroy(const struct socle__loop *l)
{
	return l->depth <= 1 && l->in_call == 0;
}

/* Whether a wait would keep somebody waiting. */
static bool
has_work(const struct socle__loop *l)
{
	return l->later || l->timers.due ||
		socle__turns_open(l, SOCLE__TURN_FLUSH) ||
		socle__turns_open(l, SOCLE__TURN_INTEREST) ||
		socle__turns_open(l, SOCLE__TURN_PUSHED_BACK) ||
		socle__turns_open(l, SOCLE__TURN_CLOSE) ||
		(socle__turns_open(l, SOCLE__TURN_DESTROY) && may_destroy(l)) ||
		socle__mailbox_waiting(l);
}

static int
wait_ms(struct socle__loop *l, int limit)
{
	int64_t left;
	int ms;

	if (has_work(l) || l->stop_depth >= l->depth)
		return 0;
	if (l->timers.pending == 0)
		return limit < 0 ? -1 : limit;
	left = socle__timers_next(&l->timers) - now_for_timers(l);
	ms = socle__ns_to_ms(left);
	return limit >= 0 && limit < ms ? limit : ms;
}

static int
wait_for_events(struct socle__loop *l, int ms)
{
	int err;

	l->removed = false;
	l->waits++;
	l->batch_n = l->batch_next = 0;
	if (!l->backend)
		return 0; /* a handler reset the loop, which is to end */
	socle__profile_before_wait(&l->profile);
	err = l->backend->wait(l, ms);
	socle__profile_after_wait(&l->profile);
	l->now_known = l->now_stale = false;
	return err;
}

/*
 * An event for a registration that nobody has although nothing was removed
 * since the wait: the kernel still watches an open file that left us, through
 * a copy of its fd that somebody holds.  It can only be forgotten with the
 * whole set.
 */
static void
stale_event(struct socle__loop *l)
{
	if (l->removed)
		return;
	l->batch_n = l->batch_next = 0;
	if (l->backend->reopen(l) == 0)
		socle__interest_rearm_all(l);
}

static void
deliver(struct socle_descriptor *d, unsigned ready, int err)
{
	unsigned end = SOCLE_ERR | SOCLE_HUP;
	unsigned told = ready & (d->wanted | end);

	if (socle__unlikely(socle__debug_level > 0))
		socle__log(1, "Event: fd=%d, state=%u", d->fd, ready);
	if (d->state & SOCLE__END_TOLD)
		told &= ~end;
	if (err == -EBADF)
		d->state |= SOCLE__KEEP_FD;
	if (told) {
		d->ops->ready(d, told, err);
	} else if (ready & end) {
		d->state |= SOCLE__PARKED;
		socle__descriptor_want(d, d->wanted);
	}
}

static void
dispatch(struct socle__loop *l)
{
	while (l->batch_next < l->batch_n && !l->forked) {
		struct socle__event e = l->batch[l->batch_next++];
		struct socle_descriptor *d = socle__descriptor_at(l, e.fd);

		if (!d || d->generation != e.generation)
			stale_event(l);
		else if (!(d->state & SOCLE__CLOSED))
			deliver(d, e.ready, e.err);
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

static bool
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

/*
 * One tick; docs/design.md has the list with its reasons.  1: go on, 0: a
 * callback or a stop ended it, or -errno.
 */
static int
tick(struct socle__loop *l, int limit_ms)
{
	bool worked, go_on;
	int err;

	if (socle__unlikely(l->profile.on))
		socle__profile_threads(&l->profile, !socle__loop_is_alone());
	worked = run_timers(l);
	worked = socle__later_run(l) || worked;
	if (l->forked)
		return -ECHILD;
	if (socle__turns_open(l, SOCLE__TURN_FLUSH)) {
		socle__turns_walk(l, SOCLE__TURN_FLUSH);
		socle__profile_unowned(&l->profile);
		l->now_stale = true;
	}
	socle__turns_walk(l, SOCLE__TURN_INTEREST);
	err = wait_for_events(l, worked ? 0 : wait_ms(l, limit_ms));
	if (err < 0)
		return err;
	dispatch(l);
	if (l->forked)
		return -ECHILD;
	socle__turns_walk(l, SOCLE__TURN_PUSHED_BACK);
	reap(l);
	go_on = run_post_loop(l);
	l->now_stale = true;
#ifdef SOCLE_CHECKS
	socle__loop_check(l);
#endif
	return go_on && l->stop_depth < l->depth;
}

static bool
has_to_reap(const struct socle__loop *l)
{
	return socle__turns_open(l, SOCLE__TURN_CLOSE) ||
		(socle__turns_open(l, SOCLE__TURN_DESTROY) && may_destroy(l));
}

/*
 * What is held back leaves and what is closed is reaped before we return; in a
 * few rounds, for one may cause the other.
 */
static void
settle(struct socle__loop *l)
{
	int reaps = 8, flushes = 2;

	do {
		if (!l->forked) {
			socle__turns_walk(l, SOCLE__TURN_FLUSH);
			socle__turns_walk(l, SOCLE__TURN_INTEREST);
		}
		reap(l);
	} while ((has_to_reap(l) && --reaps > 0) ||
		(socle__turns_open(l, SOCLE__TURN_FLUSH) && --flushes > 0));
}

static struct socle__loop *
loop_enter(int *err)
{
	struct socle__loop *l = socle__loop_get();

	*err = !l ? -ENOMEM : l->forked ? -ECHILD : socle__loop_start(l);
	if (*err < 0)
		return NULL;
	l->depth++;
	l->now_known = false;
	return l;
}

/* An embedding loop sleeps on the fd: it is to hear of what is left over. */
static void
tell_embedder(struct socle__loop *l)
{
	if (l->fd_asked_for && !l->forked && has_work(l))
		socle_wakeup(l->mailbox);
}

static void
loop_leave(struct socle__loop *l)
{
	settle(l);
	l->depth--;
	l->now_known = false;
	if (l->stop_depth > l->depth)
		l->stop_depth = l->depth;
	if (l->depth > 0)
		return;
	tell_embedder(l);
	socle__profile_unchain(&l->profile);
}

int
socle_event_loop(void)
{
	int r;
	struct socle__loop *l = loop_enter(&r);

	if (!l)
		return r;
	do
		r = tick(l, l->timeout_ms);
	while (r > 0);
	loop_leave(l);
	return r;
}

int
socle_event_loop_once(int timeout_ms)
{
	int r;
	struct socle__loop *l = loop_enter(&r);

	if (!l)
		return r;
	r = tick(l, timeout_ms);
	loop_leave(l);
	return r;
}

int
socle_run_until(bool (*done)(void *arg), void *arg)
{
	int r;
	struct socle__loop *l = loop_enter(&r);

	if (!l)
		return r;
	r = 1;
	while (!done(arg) && (r = tick(l, l->timeout_ms)) > 0)
		;
	loop_leave(l);
	return r;
}

void
socle_stop(void)
{
	if (socle__loop)
		socle__loop->stop_depth = socle__loop->depth;
}

int
socle_loop_fd(void)
{
	int err;
	struct socle__loop *l = loop_enter(&err);

	if (!l)
		return err;
	l->depth--;
	if (l->poller_fd < 0)
		return -ENOTSUP;
	if (!socle__mailbox_get(l))
		return -ENOMEM;
	l->fd_asked_for = true;
	if (l->depth == 0)
		tell_embedder(l);
	return l->poller_fd;
}

int
socle_loop_timeout_ms(void)
{
	int ms;
	struct socle__loop *l = loop_enter(&ms);

	if (!l)
		return ms;
	socle__turns_walk(l, SOCLE__TURN_INTEREST);
	ms = wait_ms(l, l->timeout_ms);
	l->depth--;
	l->now_known = false;
	return ms;
}

void
socle_set_loop_timeout(int ms)
{
	struct socle__loop *l = socle__loop_get();

	if (l)
		l->timeout_ms = ms < 0 ? -1 : ms;
}

int64_t
socle__now_read(struct socle__loop *l)
{
	l->now = socle__clock_ns();
	l->now_known = true;
	l->now_stale = false;
	return l->now;
}

double
socle_now(void)
{
	struct socle__loop *l = socle__loop_get();

	return socle__ns_to_seconds(l ? socle__now(l) : socle__clock_ns());
}

#undef socle_set_post_loop_callback
void
socle_set_post_loop_callback(bool (*fn)(void *arg), void *arg)
{
	socle_set_post_loop_callback_named(NULL, fn, arg);
}

void
socle_set_post_loop_callback_named(
	const char *arguments, bool (*fn)(void *arg), void *arg)
{
	struct socle__loop *l = socle__loop_get();

	if (!l)
		return;
	l->post_loop = fn;
	l->post_loop_arg = arg;
	l->post_loop_name = arguments;
}

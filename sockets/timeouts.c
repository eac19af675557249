/*
 * Timeouts of an object: one timer serves the idle timeout, the write timeout,
 * and the retry of a write.
 *
 * Traffic only stores the time of the tick.  When the timer fires, it computes
 * how long ago that was, and restarts for the rest.  Before a timeout is
 * reported, the kernel is asked for events that came meanwhile.
 */
#include "sockets/timeouts.h"

#include "reactor/loop.h"
#include "sockets/activity.h"
#include "sockets/end.h"

#include "seam.h"

#define NS_PER_MS INT64_C(1000000)
#define RETRY_NS (10 * NS_PER_MS)

static int64_t
min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
linger_deadline(const struct socle_socket *s)
{
	const struct socle__extra *x = s->extra;

	if (!socle__has(s, SOCLE__LINGERING))
		return INT64_MAX;
	if (!x)
		return socle__add_ns(
			s->active, SOCLE__LINGER_SILENCE_S * 1000 * NS_PER_MS);
	return min(socle__add_ns(s->active, x->linger_silence), x->linger_end);
}

static int64_t
idle_deadline(const struct socle_socket *s)
{
	if (!s->idle_ms || socle__has(s, SOCLE__LINGERING))
		return INT64_MAX;
	return socle__add_ns(s->active, (int64_t)s->idle_ms * NS_PER_MS);
}

static int64_t
stall_deadline(const struct socle_socket *s)
{
	if (!s->queued || !s->extra || !s->extra->stall_ns)
		return INT64_MAX;
	return socle__add_ns(s->extra->moved, s->extra->stall_ns);
}

static void fired(struct socle__timer_node *t);

static void
start_at(struct socle_socket *s, int64_t deadline)
{
	if (deadline == INT64_MAX)
		return;
	socle__reactor->bare_timer = fired;
	socle__timers_add_bare(&socle__reactor->timers, &s->timer, deadline);
}

static int64_t
next_deadline(const struct socle_socket *s)
{
	return min(
		linger_deadline(s), min(idle_deadline(s), stall_deadline(s)));
}

void
socle__timeouts_restart(struct socle_socket *s)
{
	int64_t deadline = next_deadline(s);

	if (socle__has(s, SOCLE__RETRY))
		return; /* the retry restarts the timer */
	socle__timeouts_stop(s);
	start_at(s, deadline);
}

/* A timer that fires earlier restarts itself for this deadline. */
static void
start_by(struct socle_socket *s, int64_t deadline)
{
	if (!s->timer.order || s->timer.deadline > deadline)
		start_at(s, deadline);
}

void
socle__stall_start(struct socle_socket *s)
{
	if (s->extra && s->extra->stall_ns)
		start_by(s, stall_deadline(s));
}

/*
 * Each direction alone: elsewhere than on Linux poll(2) says HUP instead of OUT,
 * on some systems of a peer that has only stopped sending.
 */
static unsigned
ready_now(const struct socle_socket *s, unsigned events)
{
	unsigned reads = events & SOCLE_READ;
	unsigned writes = events & SOCLE_WRITE;
	struct pollfd p[2] = {
		{.fd = s->d.fd, .events = reads ? POLLIN : 0},
		{.fd = s->d.fd, .events = writes ? POLLOUT : 0},
	};

	if (sys_poll(p, 2, 0) <= 0)
		return 0;
	if (!(p[0].revents & POLLIN))
		reads = 0;
	if (!(p[1].revents & (POLLOUT | POLLHUP | POLLERR)))
		writes = 0;
	return reads | writes;
}

/*
 * Events that the fd has now are delivered as the loop would: they may have
 * come in time, while a handler ran or the process was stopped.  So may those
 * that a handler of the first ones begins to watch.
 */
static void
ask_kernel(struct socle_socket *s)
{
	unsigned asked = 0, more, ready;

	if (socle__has(s, SOCLE__CONNECTING)) {
		if (s->extra && s->extra->factory)
			s->extra->ask_factory(s);
		return;
	}
	/* What the next step sends, and an object that may have two fds. */
	if (s->d.turns & SOCLE__TURN_FLUSH ||
		(!socle__class_of(s)->transport->is_stream && s->queued))
		socle__flush(s);
	while (!socle__is_gone(s) && !socle__has(s, SOCLE__PARKED) &&
		(more = s->d.wanted & ~asked) != 0) {
		asked |= more;
		ready = ready_now(s, more);
		if (ready)
			s->d.ops->ready(&s->d, ready, 0);
	}
}

/* The timer runs meanwhile, for a loop nested in the handler. */
static void
timed_out(struct socle_socket *s, int which)
{
	struct socle__callback c;

	socle__timeouts_restart(s);
	socle__object_callback_begin(s, &c, SOCLE__ITEM_TIMEOUT);
	socle__class_of(s)->flat.event_timeout(s, which);
	socle__callback_end(socle__reactor, &c);
}

static void
report_timeouts(struct socle_socket *s, int64_t now)
{
	if (!socle__is_gone(s) && linger_deadline(s) <= now)
		socle__close_ending(s);
	if (!socle__is_gone(s) && idle_deadline(s) <= now) {
		s->active = now;
		timed_out(s, SOCLE_IDLE);
	}
	if (!socle__is_gone(s) && stall_deadline(s) <= now) {
		s->extra->moved = now;
		timed_out(s, SOCLE_STALL);
	}
}

/* Traffic of the last tick counts from its end: the tick may have been slow. */
static void
date_traffic(struct socle_socket *s, int64_t now)
{
	int64_t began = socle__reactor->tick_began;

	if (s->active >= began)
		s->active = now;
	if (s->extra && s->extra->moved >= began)
		s->extra->moved = now;
}

static void
fired(struct socle__timer_node *t)
{
	struct socle_socket *s =
		socle_container_of(t, struct socle_socket, timer);
	int64_t now = socle__now(socle__reactor);

	if (socle__has(s, SOCLE__RETRY))
		socle__flush(s);
	date_traffic(s, now);
	if (!socle__is_gone(s) && next_deadline(s) <= now)
		ask_kernel(s);
	report_timeouts(s, now);
	if (socle__is_gone(s) || t->order)
		return;
	if (socle__has(s, SOCLE__CLOSING) && linger_deadline(s) <= now)
		start_at(s, now + RETRY_NS); /* its close runs a loop */
	else
		socle__timeouts_restart(s);
}

void
socle__retry_start(struct socle_socket *s)
{
	int64_t soon = socle__add_ns(socle__now(socle__reactor), RETRY_NS);

	s->d.bits |= SOCLE__RETRY;
	start_by(s, soon);
}

/* 0; -EBADF if the object is closed; -EINVAL for a wrong time. */
static int
timeout_refusal(const struct socle_socket *s, double seconds)
{
	if (socle__is_closed(s))
		return -EBADF;
	return seconds >= 0 ? 0 : -EINVAL; /* NaN too */
}

int
socle_set_idle_timeout(struct socle_socket *s, double seconds)
{
	int64_t ns = socle__seconds_to_ns(seconds);
	int64_t ms = ns / NS_PER_MS + (ns % NS_PER_MS != 0);
	int err = timeout_refusal(s, seconds);

	if (err < 0)
		return err;
	s->idle_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
	if (ms > 0)
		s->d.bits |= SOCLE__IDLES;
	else
		s->d.bits &= ~(uint32_t)SOCLE__IDLES;
	s->active = socle__now_read(socle__reactor);
	socle__timeouts_restart(s);
	return 0;
}

int
socle_set_write_timeout(struct socle_socket *s, double seconds)
{
	int err = timeout_refusal(s, seconds);

	if (err < 0)
		return err;
	if (!socle__extra_get(s))
		return -ENOMEM;
	s->extra->stall_ns = socle__seconds_to_ns(seconds);
	s->extra->moved = socle__now_read(socle__reactor);
	socle__timeouts_restart(s);
	return 0;
}

/*
 * Timeouts of an object: one timer for idleness, a stalled write, and a write
 * that is to be tried again because writability would not tell.
 *
 * Traffic only stores the tick's time; the timer, when it fires, looks how
 * long ago that was and starts itself anew for the rest.
 */
#include "sockets/private.h"

enum { RETRY_NS = 10 * 1000 * 1000 };

static int64_t
idle_deadline(const struct socle_socket *s)
{
	if (!s->idle_ms)
		return INT64_MAX;
	return socle__add_ns(s->active, (int64_t)s->idle_ms * 1000000);
}

static int64_t
stall_deadline(const struct socle_socket *s)
{
	if (!s->queued || !s->extra || !s->extra->stall_ns)
		return INT64_MAX;
	return socle__add_ns(s->extra->moved, s->extra->stall_ns);
}

static void
start_at(struct socle_socket *s, int64_t deadline)
{
	if (deadline != INT64_MAX)
		socle__timers_add(&socle__loop->timers, &s->timer, deadline);
}

/* For the earliest of its deadlines. */
void
socle__timeouts_rearm(struct socle_socket *s)
{
	int64_t idle = idle_deadline(s);
	int64_t stall = stall_deadline(s);
	int64_t deadline = idle < stall ? idle : stall;

	if (socle__has(s, SOCLE__RETRY))
		return; /* it fires soon, and then looks again */
	socle_timer_cancel(&s->timer);
	start_at(s, deadline);
}

/* A timer that fires earlier anyhow will look at this deadline then. */
static void
start_by(struct socle_socket *s, int64_t deadline)
{
	if (!socle_timer_pending(&s->timer) || s->timer.deadline > deadline)
		start_at(s, deadline);
}

void
socle__stall_begins(struct socle_socket *s)
{
	start_by(s, stall_deadline(s));
}

static void
timed_out(struct socle_socket *s, int which)
{
	struct socle__held_call call;

	socle__held_begin(s, &call, SOCLE__ITEM_TIMEOUT);
	socle__class_of(s)->flat.event_timeout(s, which);
	socle__held_end(&call);
}

void
socle__socket_timer(struct socle_timer *t)
{
	struct socle_socket *s =
		socle_container_of(t, struct socle_socket, timer);
	int64_t now = socle__now(socle__loop);

	if (socle__has(s, SOCLE__RETRY))
		socle__flush(s);
	if (!socle__is_closed(s) && idle_deadline(s) <= now) {
		s->active = now;
		timed_out(s, SOCLE_IDLE);
	}
	if (!socle__is_closed(s) && stall_deadline(s) <= now) {
		s->extra->moved = now;
		timed_out(s, SOCLE_STALL);
	}
	if (!socle__is_closed(s) && !socle_timer_pending(t))
		socle__timeouts_rearm(s);
}

void
socle__write_retry_later(struct socle_socket *s)
{
	int64_t soon = socle__add_ns(socle__now(socle__loop), RETRY_NS);

	s->d.bits |= SOCLE__RETRY;
	start_by(s, soon);
}

/* The fields hold what doubles can say and the clock can bear. */
static int
seconds_are_bad(double seconds)
{
	return !(seconds >= 0);
}

int
socle_set_idle_timeout(struct socle_socket *s, double seconds)
{
	int64_t ms;

	if (socle__is_closed(s))
		return -EBADF;
	if (seconds_are_bad(seconds))
		return -EINVAL;
	ms = socle__seconds_to_ns(seconds) / 1000000;
	if (socle__seconds_to_ns(seconds) % 1000000)
		ms++;
	s->idle_ms = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
	if (ms > 0)
		s->d.bits |= SOCLE__IDLES;
	else
		s->d.bits &= ~(uint32_t)SOCLE__IDLES;
	s->active = socle__now_read(socle__loop);
	socle__timeouts_rearm(s);
	return 0;
}

int
socle_set_write_timeout(struct socle_socket *s, double seconds)
{
	struct socle__extra *x;

	if (socle__is_closed(s))
		return -EBADF;
	if (seconds_are_bad(seconds))
		return -EINVAL;
	if (!(x = socle__extra_get(s)))
		return -ENOMEM;
	x->stall_ns = socle__seconds_to_ns(seconds);
	x->moved = socle__now_read(socle__loop);
	socle__timeouts_rearm(s);
	return 0;
}

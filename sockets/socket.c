/*
 * The base class: its interest, its end, and the root of all classes.
 */
#include "sockets/private.h"

#include "seam.h"

#include <string.h>

struct socle__extra *
socle__extra_get(struct socle_socket *s)
{
	if (!s->extra && (s->extra = sys_calloc(1, sizeof(*s->extra))))
		s->d.bits |= SOCLE__SPECIAL;
	return s->extra;
}

void
socle__socket_interest(struct socle_socket *s)
{
	uint32_t mask = SOCLE__USER_READ | SOCLE__READER_WRITE |
		SOCLE__READ_HELD | SOCLE__WRITER_READ;
	unsigned wanted = 0;

	s->d.bits &= ~(uint32_t)SOCLE__DIRECT;
	if ((s->d.bits & mask) == SOCLE__USER_READ)
		s->d.bits |= SOCLE__DIRECT;
	if (socle__has(s, SOCLE__WRITER_READ | SOCLE__DIRECT))
		wanted |= SOCLE_READ;
	if (socle__has(s, SOCLE__WRITING))
		wanted |= SOCLE_WRITE;
	if (wanted != s->d.wanted)
		socle__descriptor_want(&s->d, wanted);
}

/* ---- the end ---- */

/*
 * All that an object has but its fd.  Its last callbacks (release, drop) find
 * it closed.
 */
static void
let_go(struct socle_socket *s)
{
	socle_timer_cancel(&s->timer);
	socle__connect_cancel(s);
	if (s->extra && s->extra->maker)
		socle__factory_lost(s->extra->maker);
	if (socle__has(s, SOCLE__CORKED) && !socle__loop->forked)
		(void)socle_tcp_cork(s, false);
	/* What it watched stays to be seen in its string. */
	s->d.bits &= SOCLE__REACTORS | SOCLE__OURS | SOCLE__IS_SOCKET |
		SOCLE__OF_FAMILY | SOCLE__READING | SOCLE__WRITING;
	if (s->extra)
		socle__pushed_drop(s->extra);
}

/* It may be gone when its destroy returns, and so may not be named then. */
static void
call_destroy(struct socle_socket *s)
{
	struct socle__loop *l = socle__loop;
	struct socle__class *c = socle__class_of(s);
	struct socle__call call;
	bool counted;

	socle__user_begins(l);
	counted = socle__call_begin(&l->profile, &call,
		&c->counters[SOCLE__ITEM_DESTROY], SOCLE__ITEM_DESTROY,
		c->flat.name, NULL);
	c->live--;
	c->flat.destroy(s);
	socle__call_end(&l->profile, &call, counted);
	socle__user_ends(l);
}

static void
socket_reap(struct socle_descriptor *d)
{
	struct socle_socket *s = socle__socket_of(d);
	struct socle__extra *x = s->extra;
	bool ours = socle__has(s, SOCLE__OURS);

	call_destroy(s);
	if (x) {
		sys_free(x->peer);
		sys_free(x->local);
		sys_free(x);
	}
	if (ours)
		sys_free(s);
}

static void
socket_end(struct socle_socket *s)
{
	let_go(s);
	socle__descriptor_close(&s->d);
	if (s->queue || socle__has(s, SOCLE__OF_FAMILY))
		socle__queue_drop(s);
}

static void
socket_reset(struct socle_descriptor *d)
{
	socket_end(socle__socket_of(d));
}

static void
socket_forked(struct socle_descriptor *d)
{
	struct socle_socket *s = socle__socket_of(d);

	s->d.bits &= ~(uint32_t)(SOCLE__QUEUE_WRITE | SOCLE__WRITER_READ |
		SOCLE__RETRY | SOCLE__BLOCKED);
	socle__turn_drop(d, SOCLE__TURN_FLUSH);
	socle__socket_interest(s);
	socle__queue_drop(s);
	if (socle__has(s, SOCLE__ENDING))
		socle_close(s, s->extra ? s->extra->close_reason : NULL);
}

static const char *
socket_peer(struct socle_descriptor *d)
{
	return socle_peer_addr_string(socle__socket_of(d));
}

const struct socle__descriptor_ops socle__socket_ops = {
	.ready = socle__socket_ready,
	.read = socle__socket_read,
	.turn = socle__socket_turn,
	.reap = socket_reap,
	.reset = socket_reset,
	.peer = socket_peer,
	.forked = socket_forked,
};

static void
close_virtual(struct socle_socket *s, const char *reason)
{
	s->d.bits |= SOCLE__CLOSING;
	socle__user_begins(socle__loop);
	socle__class_of(s)->flat.close(s, reason);
	socle__user_ends(socle__loop);
	if (!socle__is_closed(s))
		s->d.bits &= ~(uint32_t)SOCLE__CLOSING;
}

void
socle__close_broken(struct socle_socket *s, const char *reason)
{
	if (!socle__is_closed(s) && !socle__has(s, SOCLE__CLOSING))
		close_virtual(s, reason);
}

/*
 * What autoflush holds back gets its one ordinary flush, in the middle of one
 * too: a call from the queue may write and close.
 */
static void
flush_held(struct socle_socket *s)
{
	if (!socle__has(s, SOCLE__HOLD) &&
		(socle__has(s, SOCLE__FLUSHING) ||
			!(s->d.turns & SOCLE__TURN_FLUSH)))
		return;
	if (s->queue && !socle__has(s, SOCLE__BLOCKED) && !socle__loop->forked)
		socle__flush_anew(s);
}

void
socle_close(struct socle_socket *s, const char *reason)
{
	if (socle__is_closed(s) || socle__has(s, SOCLE__CLOSING))
		return;
	flush_held(s);
	socle__close_broken(s, reason);
}

int
socle_steal_socket(struct socle_socket *s)
{
	int fd;

	if (!socle__is_closed(s) && !socle__has(s, SOCLE__CLOSING))
		flush_held(s);
	if (socle__is_closed(s))
		return -EBADF;
	let_go(s);
	fd = socle__descriptor_detach(&s->d);
	socle__queue_drop(s);
	return fd;
}

/* ---- the root class ---- */

static void
root_event_read(struct socle_socket *self)
{
	socle__log(0, "event_read not implemented by class %s",
		socle__class_of(self)->flat.name);
	socle_close(self, "event_read not implemented");
}

static void
root_event_write(struct socle_socket *self)
{
	socle__flush_anew(self);
}

static void
root_event_err(struct socle_socket *self, int err)
{
	(void)err;
	socle__close_broken(self, "event_err");
}

static void
root_event_hup(struct socle_socket *self)
{
	socle__close_broken(self, "event_hup");
}

static void
root_event_timeout(struct socle_socket *self, int which)
{
	socle_close(self, which == SOCLE_IDLE ? "idle" : "stall");
}

void
socle__root_drain(struct socle_socket *self)
{
	(void)self;
}

static void
root_nothing(struct socle_socket *self)
{
	(void)self;
}

static void
root_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	(void)self;
	(void)by;
}

static void
root_close(struct socle_socket *self, const char *reason)
{
	if (socle__is_closed(self))
		return;
	if (socle__log_wanted(1))
		socle__log(1, "Closing #%d (%s)", self->d.fd,
			reason ? reason : "");
	socket_end(self);
}

const struct socle_class socle_socket_class = {
	.name = "Socket",
	.size = sizeof(struct socle_socket),
	.event_read = root_event_read,
	.event_write = root_event_write,
	.event_err = root_event_err,
	.event_hup = root_event_hup,
	.event_drain = socle__root_drain,
	.event_timeout = root_event_timeout,
	.incomplete_write = root_nothing,
	.close = root_close,
	.destroy = root_nothing,
	.as_string = socle__socket_as_string,
	.event_accepted = root_event_accepted,
};

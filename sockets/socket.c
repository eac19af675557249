/*
 * The base class: making, dispatch, closing.
 *
 * Dispatch hands READ, WRITE, ERR and HUP to the class in this order, each
 * only if the object is open and watches it at that moment; ERR and HUP wait
 * until no unread input is left, so that a peer's last bytes are not lost to
 * a handler that closes on HUP.
 */
#include "sockets/private.h"

#include "seam.h"

#include <string.h>

static struct socle_socket *
socket_of(struct socle_descriptor *d)
{
	return (struct socle_socket *)(void *)d;
}

struct socle__extra *
socle__extra_get(struct socle_socket *s)
{
	if (!s->extra)
		s->extra = sys_calloc(1, sizeof(*s->extra));
	return s->extra;
}

void
socle__socket_interest(struct socle_socket *s)
{
	unsigned wanted = 0;

	if (socle__has(s, SOCLE__USER_READ | SOCLE__WRITER_READ))
		wanted |= SOCLE_READ;
	if (socle__has(s,
		    SOCLE__USER_WRITE | SOCLE__QUEUE_WRITE |
			    SOCLE__READER_WRITE))
		wanted |= SOCLE_WRITE;
	if (wanted != s->d.wanted)
		socle__descriptor_want(&s->d, wanted);
}

/* ---- dispatch ---- */

static void
call(struct socle_socket *s, enum socle__item_kind kind,
	void (*method)(struct socle_socket *self))
{
	struct socle__profile *p = &socle__loop->profile;
	struct socle__call c;
	bool counted = socle__call_begin(
		p, &c, &s->cls->counters[kind], kind, s->cls->flat.name, &s->d);

	method(s);
	socle__call_end(p, &c, counted);
}

static void
call_err(struct socle_socket *s, int err)
{
	struct socle__profile *p = &socle__loop->profile;
	struct socle__call c;
	bool counted =
		socle__call_begin(p, &c, &s->cls->counters[SOCLE__ITEM_ERR],
			SOCLE__ITEM_ERR, s->cls->flat.name, &s->d);

	s->cls->flat.event_err(s, err);
	socle__call_end(p, &c, counted);
}

static void
readable(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__WRITER_READ)) {
		socle__flush(s);
		if (socle__is_closed(s))
			return;
	}
	if (socle__has(s, SOCLE__USER_READ))
		call(s, SOCLE__ITEM_READ, s->cls->flat.event_read);
}

static void
writable(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__READER_WRITE)) {
		s->d.owner &= ~(uint32_t)SOCLE__READER_WRITE;
		socle__socket_interest(s);
		if (socle__has(s, SOCLE__USER_READ))
			call(s, SOCLE__ITEM_READ, s->cls->flat.event_read);
	}
	if (!socle__has(s, SOCLE__USER_WRITE | SOCLE__QUEUE_WRITE) ||
		socle__is_closed(s))
		return;
	s->d.owner &= ~(uint32_t)SOCLE__TRIED;
	call(s, SOCLE__ITEM_WRITE, s->cls->flat.event_write);
	if (!socle__is_closed(s) && s->queue && !socle__has(s, SOCLE__TRIED))
		socle__flush(s);
}

static bool
has_unread(const struct socle_socket *s)
{
	int n = 0;

	if (s->extra && s->extra->pushed)
		return true;
	if (socle__has(s, SOCLE__READ_ENDED | SOCLE__WRITE_ONLY))
		return false;
	return sys_unread(s->d.fd, &n) == 0 && n > 0;
}

/* What the kernel has to say, else what a read got instead of it. */
static int
pending_error(struct socle_socket *s)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (sys_getsockopt(s->d.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		err = 0;
	if (err == 0)
		err = s->read_error;
	s->read_error = 0;
	return -err;
}

static void
ended(struct socle_socket *s, unsigned ready, int err)
{
	if (err == 0 && has_unread(s)) {
		/* Held back.  Nobody will read it: silence until somebody. */
		if (!(s->d.wanted & SOCLE_READ))
			s->d.state |= SOCLE__END_TOLD;
		return;
	}
	s->d.state |= SOCLE__END_TOLD;
	if (ready & SOCLE_ERR)
		call_err(s, err ? err : pending_error(s));
	if (ready & SOCLE_HUP && !socle__is_closed(s))
		call(s, SOCLE__ITEM_HUP, s->cls->flat.event_hup);
}

static void
socket_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle_socket *s = socket_of(d);

	if (ready & SOCLE_READ)
		readable(s);
	if (ready & SOCLE_WRITE && d->wanted & SOCLE_WRITE)
		writable(s);
	if (socle__unlikely(ready & (SOCLE_ERR | SOCLE_HUP)) &&
		!socle__is_closed(s))
		ended(s, ready, err);
}

/* Served once a tick; what is left asks for the next one. */
static void
read_pushed_back(struct socle_socket *s)
{
	call(s, SOCLE__ITEM_READ, s->cls->flat.event_read);
	if (socle__pushed_wanted(s))
		socle__turn_ask(&s->d, SOCLE__TURN_PUSHED_BACK);
}

static bool
run_post_loop(struct socle_socket *s)
{
	struct socle__profile *p = &socle__loop->profile;
	struct socle__call c;
	bool counted = socle__call_begin(p, &c,
		&s->cls->counters[SOCLE__ITEM_POST_LOOP], SOCLE__ITEM_POST_LOOP,
		s->cls->flat.name, &s->d);
	bool go_on = s->extra->post_loop(s, s->extra->post_loop_arg);

	socle__call_end(p, &c, counted);
	return go_on;
}

static bool
socket_turn(struct socle_descriptor *d, unsigned turn)
{
	struct socle_socket *s = socket_of(d);

	if (turn == SOCLE__TURN_FLUSH)
		socle__flush(s);
	else if (turn == SOCLE__TURN_PUSHED_BACK)
		read_pushed_back(s);
	else if (turn == SOCLE__TURN_POST_LOOP)
		return run_post_loop(s);
	return true;
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
	if (socle__has(s, SOCLE__CORKED) && !socle__loop->forked)
		(void)socle_tcp_cork(s, false);
	s->d.owner &= SOCLE__OURS | SOCLE__IS_SOCKET;
	if (s->extra)
		socle__pushed_drop(s->extra);
}

static void
socket_reap(struct socle_descriptor *d)
{
	struct socle_socket *s = socket_of(d);
	struct socle__loop *l = socle__loop;
	struct socle__extra *x = s->extra;
	bool ours = socle__has(s, SOCLE__OURS);

	l->in_call++;
	s->cls->live--;
	s->cls->flat.destroy(s); /* may free it */
	l->in_call--;
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
	socle__queue_drop(s);
}

static void
socket_reset(struct socle_descriptor *d)
{
	socket_end(socket_of(d));
}

static void
socket_forked(struct socle_descriptor *d)
{
	struct socle_socket *s = socket_of(d);

	s->d.owner &= ~(uint32_t)(SOCLE__QUEUE_WRITE | SOCLE__WRITER_READ |
		SOCLE__RETRY);
	socle__turn_drop(d, SOCLE__TURN_FLUSH);
	socle__socket_interest(s);
	socle__queue_drop(s);
}

static const char *
socket_peer(struct socle_descriptor *d)
{
	return socle_peer_addr_string(socket_of(d));
}

const struct socle__descriptor_ops socle__socket_ops = {
	.ready = socket_ready,
	.turn = socket_turn,
	.reap = socket_reap,
	.reset = socket_reset,
	.peer = socket_peer,
	.forked = socket_forked,
};

static void
close_virtual(struct socle_socket *s, const char *reason)
{
	s->d.owner |= SOCLE__CLOSING;
	socle__loop->in_call++;
	s->cls->flat.close(s, reason);
	socle__loop->in_call--;
	if (!socle__is_closed(s))
		s->d.owner &= ~(uint32_t)SOCLE__CLOSING;
}

void
socle__close_broken(struct socle_socket *s, const char *reason)
{
	if (!socle__is_closed(s) && !socle__has(s, SOCLE__CLOSING))
		close_virtual(s, reason);
}

/* What autoflush holds back gets its one ordinary flush. */
static void
flush_held(struct socle_socket *s)
{
	if (s->d.turns & SOCLE__TURN_FLUSH && !socle__loop->forked)
		socle__flush(s);
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
		self->cls->flat.name);
	socle_close(self, "event_read not implemented");
}

static void
root_event_write(struct socle_socket *self)
{
	socle__flush(self);
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
	.event_drain = root_nothing,
	.event_timeout = root_event_timeout,
	.incomplete_write = root_nothing,
	.close = root_close,
	.destroy = root_nothing,
	.as_string = socle__socket_as_string,
	.event_accepted = root_event_accepted,
};

/*
 * Dispatch: from the descriptor's events to the methods of the class.
 *
 * READ, WRITE, ERR and HUP are delivered in this order, each only if the
 * object is open and watches it at that moment.  ERR and HUP are held back
 * until no unread input is left, so that a handler that closes on HUP does not
 * lose the peer's last bytes.
 */
#include "sockets/dispatch.h"

#include "reactor/turns.h"
#include "sockets/close.h"
#include "sockets/end.h"
#include "sockets/linger.h"
#include "sockets/memory.h"
#include "sockets/names/socket_error.h"
#include "sockets/read.h"
#include "sockets/strings.h"

#include "seam.h"

static void
call(struct socle_socket *s, enum socle__item_kind kind,
	void (*method)(struct socle_socket *self))
{
	struct socle__callback c;

	socle__object_callback_begin(s, &c, kind);
	method(s);
	socle__callback_end(socle__reactor, &c);
}

static void
call_read(struct socle_socket *s)
{
	call(s, SOCLE__ITEM_READ, socle__class_of(s)->flat.event_read);
}

/*
 * The FLUSH turn lets a loop nested in event_write flush, and shows whether
 * event_write tried: a flush closes the turn or clears BLOCKED.
 */
void
socle__call_write(struct socle_socket *s)
{
	if (s->queued && socle__has(s, SOCLE__BLOCKED))
		socle__turn_ask(&s->d, SOCLE__TURN_FLUSH);
	call(s, SOCLE__ITEM_WRITE, socle__class_of(s)->flat.event_write);
	if (socle__has(s, SOCLE__BLOCKED) && s->d.turns & SOCLE__TURN_FLUSH)
		socle__flush(s);
}

void
socle__call_err(struct socle_socket *s, int err)
{
	struct socle__callback c;

	socle__object_callback_begin(s, &c, SOCLE__ITEM_ERR);
	socle__class_of(s)->flat.event_err(s, err);
	socle__callback_end(socle__reactor, &c);
}

void
socle__call_hup(struct socle_socket *s)
{
	call(s, SOCLE__ITEM_HUP, socle__class_of(s)->flat.event_hup);
}

static void
readable(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__WRITER_READ)) {
		socle__flush(s);
		if (socle__is_gone(s))
			return;
	}
	if (socle__has(s, SOCLE__USER_READ) &&
		!socle__has(s, SOCLE__READER_WRITE))
		call_read(s);
}

static void
writable(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__READER_WRITE)) {
		s->d.bits &= ~(uint32_t)SOCLE__READER_WRITE;
		socle__socket_interest(s);
		if (socle__has(s, SOCLE__USER_READ))
			call_read(s);
		else
			socle__reader_holds(s, true); /* until reading is on */
	}
	if (socle__has(s, SOCLE__USER_WRITE | SOCLE__QUEUE_WRITE) &&
		!socle__is_gone(s))
		socle__call_write(s);
}

/* Where the kernel does not say how much: until a read returns the end. */
static bool
has_unread(const struct socle_socket *s, unsigned ready)
{
	int n = 0;

	if (socle__has_pushed(s))
		return true;
	if (socle__has(s, SOCLE__READ_ENDED) ||
		socle__fd_is(s, SOCLE__FD_WRITE_ONLY))
		return false;
	return sys_unread(s->d.fd, &n) < 0 ? ready & SOCLE_READ : n > 0;
}

/* The kernel's pending error, or the one that a read has consumed. */
static int
pending_error(struct socle_socket *s)
{
	int err;

	if (socle__socket_error(s->d.fd, &err) < 0 || err == 0)
		err = -(int)s->read_error;
	s->read_error = 0;
	return err;
}

static void
ended(struct socle_socket *s, unsigned ready, int err)
{
	if (err == 0 && has_unread(s, ready)) {
		/* With reading off, held back until it is turned on. */
		if (!(s->d.wanted & SOCLE_READ))
			s->d.bits |= SOCLE__END_REPORTED;
		return;
	}
	s->d.bits |= SOCLE__END_REPORTED;
	if (err == 0)
		err = pending_error(s); /* poll(2) need not tell of it */
	if (ready & SOCLE_ERR || err < 0)
		socle__call_err(s, err);
	if (ready & SOCLE_HUP && !socle__is_gone(s))
		socle__call_hup(s);
}

static void
socket_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle_socket *s = socle__socket_of(d);

	if (socle__unlikely(socle__has(s, SOCLE__LINGERING))) {
		socle__linger_ready(s, ready);
		return;
	}
	if (ready & SOCLE_READ)
		readable(s);
	if (ready & SOCLE_WRITE && s->d.wanted & SOCLE_WRITE &&
		!socle__is_gone(s))
		writable(s);
	/* A loop nested in these may have reported it. */
	if (ready & (SOCLE_ERR | SOCLE_HUP) && !socle__is_gone(s) &&
		(err < 0 || !socle__has(s, SOCLE__END_REPORTED)))
		ended(s, ready, err);
}

static void
socket_read(struct socle_descriptor *d)
{
	struct socle_socket *s = socle__socket_of(d);
	const char *name = socle__class_of(s)->flat.name;
	int fd = d->fd;

	SOCLE__PROBE4(handler_start, name, "read", fd, d);
	socle__class_of(s)->flat.event_read(s);
	SOCLE__PROBE4(handler_done, name, "read", fd, d);
}

/* One event_read a tick; remaining data opens a turn in the next tick. */
static void
socket_turn(struct socle_descriptor *d, unsigned turn)
{
	struct socle_socket *s = socle__socket_of(d);

	if (turn == SOCLE__TURN_FLUSH) {
		socle__flush(s);
		return;
	}
	call_read(s);
	if (!socle__is_closed(s))
		socle__pushed_turn(s);
}

/* destroy may free the memory, so it is not accessed afterwards. */
static SOCLE__NOINLINE void
call_destroy(struct socle_socket *s)
{
	struct socle__class *cls = socle__class_of(s);
	struct socle__callback c;

	socle__callback_begin(socle__reactor, &c,
		&cls->counters[SOCLE__ITEM_DESTROY], SOCLE__ITEM_DESTROY,
		cls->flat.name, NULL);
	cls->flat.destroy(s);
	socle__callback_end(socle__reactor, &c);
}

static SOCLE__NOINLINE void
extra_free(struct socle__extra *x)
{
	socle__names_free(x->peer);
	socle__names_free(x->local);
	sys_free(x);
}

static void
socket_reap(struct socle_descriptor *d)
{
	struct socle_socket *s = socle__socket_of(d);
	struct socle__class *cls = socle__class_of(s);
	struct socle__extra *x = s->extra;
	bool allocated = socle__has(s, SOCLE__ALLOCATED);
	size_t size = socle__object_size(s);

	/* A callback of the drop forked, and this is the child. */
	if (s->queue || s->queued)
		cls->transport->drop(s);
	if (cls->flat.destroy)
		call_destroy(s);
	if (x)
		extra_free(x);
	if (allocated)
		socle__memory_give(socle__reactor, s, size);
}

static void
socket_reset(struct socle_descriptor *d)
{
	socle__socket_end(socle__socket_of(d));
}

static const char *
socket_peer(struct socle_descriptor *d)
{
	return socle_peer_addr_string(socle__socket_of(d));
}

static void
socket_forked(struct socle_descriptor *d)
{
	struct socle_socket *s = socle__socket_of(d);

	s->d.bits &= ~(uint32_t)(SOCLE__QUEUE_WRITE | SOCLE__WRITER_READ |
		SOCLE__RETRY | SOCLE__BLOCKED);
	socle__turn_drop(d, SOCLE__TURN_FLUSH);
	socle__socket_interest(s);
	socle__class_of(s)->transport->drop(s);
	if (socle__has(s, SOCLE__ENDING) && !socle__is_gone(s))
		socle__close_ending(s);
}

const struct socle__descriptor_ops socle__socket_ops = {
	.ready = socket_ready,
	.read = socket_read,
	.turn = socket_turn,
	.closing = socle__socket_closing,
	.reap = socket_reap,
	.reset = socket_reset,
	.peer = socket_peer,
	.forked = socket_forked,
};

/* The root class of datagram objects, and their transport. */
#include "sockets/dgram/call.h"
#include "sockets/dgram/events.h"
#include "sockets/dgram/options.h"
#include "sockets/dgram/queue.h"
#include "sockets/dgram/receive.h"
#include "sockets/dgram/room.h"
#include "sockets/dgram/send.h"
#include "sockets/dgram/state.h"
#include "sockets/dgram/writer.h"

#include "reactor/interest.h"
#include "sockets/end.h"

#include "seam.h"

enum { KEPT_ERRORS_A_CALL = 64 };

/* ---- the root class ---- */

/*
 * Whether the socket itself is broken.  Every other error concerns one
 * destination or one datagram, and no other host may close the socket: ICMP of
 * any kind, a firewall, a route, a size, a source address.
 */
static bool
is_broken_by(int err)
{
	switch (-err) {
	case EBADF:
	case EFAULT:
	case ENOSYS:
	case ENOTSOCK:
		return true;
	default:
		return false;
	}
}

/* A connection has one destination: there every error is the socket's. */
static void
root_on_recv_error(struct socle_dgram *self, int err)
{
	if (self->flags & SOCLE__DGRAM_ENDS || is_broken_by(err))
		socle__close_broken(&self->sock, "recv_error");
}

static void
root_on_send_error(
	struct socle_dgram *self, int err, const struct socle_packet *p)
{
	(void)p;
	if (err == -ECANCELED)
		return;
	if (self->flags & SOCLE__DGRAM_OUT_ENDS || is_broken_by(err))
		socle__close_broken(&self->sock, "send_error");
}

static void
root_on_outgoing_empty(struct socle_dgram *self)
{
	(void)self;
}

static void
root_event_read(struct socle_socket *self)
{
	struct socle__callback c;

	socle__callback_begin_plain(socle__reactor, &c);
	socle__dgram_receive(socle__dgram_of(self));
	socle__callback_end(socle__reactor, &c);
}

static void
root_event_write(struct socle_socket *self)
{
	socle__flush(self);
}

/* Reports the errors that the kernel has queued for `of'; how many it read. */
static int
kept_errors_report(struct socle_dgram *d, struct socle_descriptor *of)
{
	int err, n = 0;

	if (!socle__dgram_keeps_errors(of->fd))
		return 0;
	while (n < KEPT_ERRORS_A_CALL && !socle__is_gone(&d->sock) &&
		!(of->bits & SOCLE__CLOSED) &&
		(err = socle__dgram_kept_error(of->fd)) != 0) {
		n++;
		if (err < 0)
			socle__dgram_recv_error(d, err);
	}
	if (n > 0 && !(of->bits & SOCLE__CLOSED))
		socle__descriptor_touch(of);
	return n;
}

/*
 * With IP_RECVERR the kernel queues errors, and SO_ERROR is only the first of
 * them.  Once they have been read, further errors may be reported.
 */
static void
root_event_err(struct socle_socket *self, int err)
{
	struct socle_dgram *d = socle__dgram_of(self);
	int n = kept_errors_report(d, &self->d);

	if (!socle__is_gone(self) && d->writer)
		n += kept_errors_report(d, &d->writer->d);
	if (socle__is_closed(self) || n > 0 || err == 0)
		return;
	socle__dgram_recv_error(d, err);
	if (!socle__is_closed(self))
		socle__descriptor_touch(&self->d);
}

static void
root_event_drain(struct socle_socket *self)
{
	struct socle_dgram *d = socle__dgram_of(self);

	(d->p.on_outgoing_empty
			? d->p.on_outgoing_empty
			: socle__dgram_class_of(d)->on_outgoing_empty)(d);
}

/* ---- the transport ---- */

static const struct socle_dgram_class *
class_below(const struct socle_class *cls)
{
	return socle_container_of(cls, const struct socle_dgram_class, cls);
}

/* From a class to the one above it, as far as the root class of datagrams. */
#define ABOVE(at) class_below((at)->cls.super)
#define HAS_ABOVE(at) ((at)->cls.super->super != NULL)

static void
resolve(struct socle__class *c)
{
	struct socle__dgram_resolved *to =
		socle_container_of(c, struct socle__dgram_resolved, c);
	const struct socle_dgram_class *at = class_below(c->source);

	for (;; at = ABOVE(at)) {
		if (!to->on_recv)
			to->on_recv = at->on_recv;
		if (!to->on_recv_error)
			to->on_recv_error = at->on_recv_error;
		if (!to->on_send_error)
			to->on_send_error = at->on_send_error;
		if (!to->on_outgoing_empty)
			to->on_outgoing_empty = at->on_outgoing_empty;
		if (!HAS_ABOVE(at))
			break;
	}
}

static void
forget(struct socle__class *c)
{
	struct socle__dgram_resolved *r =
		socle_container_of(c, struct socle__dgram_resolved, c);

	sys_free(r->room);
	sys_free(r->spare);
}

static void
drop(struct socle_socket *s)
{
	struct socle_dgram *d = socle__dgram_of(s);

	if (!socle__has(s, SOCLE__READ_HELD))
		socle_timer_cancel(&d->later);
	if (socle__is_closed(s)) {
		socle__dgram_room_end(d);
		socle__dgram_writer_end(d);
	} else {
		s->d.bits &= ~(uint32_t)SOCLE__BLOCKED;
		socle__dgram_want_write(d, false);
	}
	socle__dgram_queue_drop(d);
}

static void
let_go(struct socle_socket *s)
{
	if (socle__dgram_of(s)->flags & SOCLE__DGRAM_JOINED_IN)
		socle__dgram_join_in_abandon(s->d.fd);
}

static bool
has_unread(const struct socle_socket *s)
{
	return socle__dgram_has_unread(
		socle_container_of(s, const struct socle_dgram, sock));
}

const struct socle__transport socle__dgram_transport = {
	.class_size = sizeof(struct socle__dgram_resolved),
	.resolve = resolve,
	.forget = forget,
	.flush = socle__dgram_flush,
	.drop = drop,
	.let_go = let_go,
	.has_unread = has_unread,
};

const struct socle_dgram_class socle_dgram_class = {
	.cls =
		{
			.name = "Dgram",
			.super = &socle_socket_class,
			.size = sizeof(struct socle_dgram),
			.event_read = root_event_read,
			.event_write = root_event_write,
			.event_err = root_event_err,
			.event_drain = root_event_drain,
			.transport = &socle__dgram_transport,
		},
	.on_recv_error = root_on_recv_error,
	.on_send_error = root_on_send_error,
	.on_outgoing_empty = root_on_outgoing_empty,
};

/* ---- super calls ---- */

#define SUPER(slot, mine, ...)                                                 \
	const struct socle_dgram_class *at = ABOVE(mine);                      \
	while (!at->slot && HAS_ABOVE(at))                                     \
		at = ABOVE(at);                                                \
	if (at->slot)                                                          \
	at->slot(__VA_ARGS__)

void
socle_super_on_recv(const struct socle_dgram_class *mine,
	struct socle_dgram *self, const struct socle_packet *p)
{
	SUPER(on_recv, mine, self, p);
}

void
socle_super_on_recv_error(
	const struct socle_dgram_class *mine, struct socle_dgram *self, int err)
{
	SUPER(on_recv_error, mine, self, err);
}

void
socle_super_on_send_error(const struct socle_dgram_class *mine,
	struct socle_dgram *self, int err, const struct socle_packet *p)
{
	SUPER(on_send_error, mine, self, err, p);
}

void
socle_super_on_outgoing_empty(
	const struct socle_dgram_class *mine, struct socle_dgram *self)
{
	SUPER(on_outgoing_empty, mine, self);
}

/* ---- other public functions ---- */

void *
socle_dgram_arg(const struct socle_dgram *d)
{
	return d->p.arg;
}

void
socle_dgram_close_when_empty(struct socle_dgram *d)
{
	socle_close_after_flush(&d->sock, NULL);
}

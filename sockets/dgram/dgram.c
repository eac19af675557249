/*
 * Datagram objects: the class, its handlers, making and configuring.
 */
#include "sockets/dgram/private.h"

#include "seam.h"

#include <string.h>

enum { KEPT_ERRORS_A_CALL = 64 };

/* ---- the handlers: an object's win over its class's ---- */

void
socle__dgram_recv_error(struct socle_dgram *d, int err)
{
	struct socle__held_call call;

	socle__held_begin(&d->sock, &call, SOCLE__ITEM_ERR);
	(d->p.on_recv_error ? d->p.on_recv_error
			    : socle__dgram_class_of(d)->on_recv_error)(d, err);
	socle__held_end(&call);
}

void
socle__dgram_send_error(
	struct socle_dgram *d, int err, const struct socle_packet *p)
{
	struct socle__held_call call;

	socle__held_begin(&d->sock, &call, SOCLE__ITEM_ERR);
	(d->p.on_send_error
			? d->p.on_send_error
			: socle__dgram_class_of(d)->on_send_error)(d, err, p);
	socle__held_end(&call);
}

void
socle__dgram_emptied(struct socle_dgram *d)
{
	struct socle__held_call call;

	socle__held_begin(&d->sock, &call, SOCLE__ITEM_DRAIN);
	socle__class_of(&d->sock)->flat.event_drain(&d->sock);
	socle__held_end(&call);
}

/* ---- the root of the family ---- */

/* What says something of one peer or way, and nothing of the socket. */
static bool
is_icmp(int err)
{
	switch (-err) {
	case ECONNREFUSED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EMSGSIZE:
	case ECONNRESET:
	case ENOPROTOOPT:
	case EPROTO:
	case ENONET:
		return true;
	default:
		return false;
	}
}

static void
root_on_recv_error(struct socle_dgram *self, int err)
{
	if (!is_icmp(err))
		socle__close_broken(&self->sock, "recv_error");
}

static void
root_on_send_error(
	struct socle_dgram *self, int err, const struct socle_packet *p)
{
	(void)p;
	if (!is_icmp(err) && err != -ECANCELED)
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
	socle__user_begins(socle__loop);
	socle__dgram_receive(socle__dgram_of(self));
	socle__user_ends(socle__loop);
}

static void
root_event_write(struct socle_socket *self)
{
	socle__flush_anew(self);
}

/*
 * SO_ERROR was read: the next error may be told.  Of those that the kernel
 * keeps (IP_RECVERR) it is the first.
 */
static void
root_event_err(struct socle_socket *self, int err)
{
	struct socle_dgram *d = socle__dgram_of(self);
	int kept, told = 0;

	while (told < KEPT_ERRORS_A_CALL && !socle__is_closed(self) &&
		(kept = socle__dgram_kept_error(self->d.fd)) != 0) {
		told++;
		if (kept < 0)
			socle__dgram_recv_error(d, kept);
	}
	if (told == 0 && err != 0)
		socle__dgram_recv_error(d, err);
	if (!socle__is_closed(self) && (told > 0 || is_icmp(err)))
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
		},
	.on_recv_error = root_on_recv_error,
	.on_send_error = root_on_send_error,
	.on_outgoing_empty = root_on_outgoing_empty,
};

/* ---- what the base class asks of the family ---- */

static const struct socle_dgram_class *
class_below(const struct socle_class *cls)
{
	return socle_container_of(cls, const struct socle_dgram_class, cls);
}

/* Up to the root, which alone has the root of all above it. */
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

	if (!socle__has(s, SOCLE__READ_HELD) || socle__is_closed(s))
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

static bool
has_unread(const struct socle_socket *s)
{
	return socle__dgram_has_unread(
		socle_container_of(s, const struct socle_dgram, sock));
}

const struct socle__family socle__dgram_family = {
	.class_size = sizeof(struct socle__dgram_resolved),
	.resolve = resolve,
	.forget = forget,
	.flush = socle__dgram_flush,
	.drop = drop,
	.has_unread = has_unread,
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

/* ---- small things ---- */

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

static void
look_again(struct socle_timer *t)
{
	struct socle_dgram *d =
		socle_container_of(t, struct socle_dgram, later);
	struct socle_socket *s = &d->sock;

	if (socle__has(s, SOCLE__READ_HELD)) {
		s->d.bits &= ~(uint32_t)SOCLE__READ_HELD;
		socle__descriptor_touch(&s->d);
		socle__socket_interest(s);
	}
	if (d->items > 0)
		socle__flush_anew(s);
}

void
socle__dgram_look_again(struct socle_dgram *d, unsigned ms)
{
	struct socle__loop *l = socle__loop;
	int64_t at = socle__add_ns(socle__now_read(l), (int64_t)ms * 1000000);

	if (!socle_timer_pending(&d->later) || d->later.deadline > at)
		socle__timers_add(&l->timers, &d->later, at);
}

void
socle__dgram_begin(struct socle_dgram *d)
{
	memset((char *)d + sizeof(d->sock), 0, sizeof(*d) - sizeof(d->sock));
	socle_timer_init_named(socle__own_timer, &d->later, look_again);
}

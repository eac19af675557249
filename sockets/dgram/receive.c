/*
 * Receiving: from the kernel into a receive buffer, and from there to on_recv.
 *
 * After each callback all conditions are checked again: it may have closed
 * the object, turned reading off, set another handler, or run a nested loop
 * that delivered the rest.  Datagrams that cannot be delivered because reading
 * is off stay in the buffer and are delivered before newer ones.
 */
#include "sockets/dgram/receive.h"

#include "reactor/interest.h"
#include "reactor/turns.h"
#include "sockets/activity.h"
#include "sockets/dgram/events.h"
#include "sockets/dgram/later.h"
#include "sockets/dgram/options.h"
#include "sockets/dgram/room.h"
#include "sockets/end.h"

#include "seam.h"

#include <limits.h>

enum { DATAGRAMS_A_CALL = 256, BYTES_A_CALL = 1 << 20, HOLD_MS = 50 };

/*
 * On a stream MSG_TRUNC would discard the data.  MSG_CMSG_CLOEXEC, which
 * AF_PACKET refuses, is not needed: control data is received on IP sockets
 * only, and no fd comes with it.
 */
static int
recv_flags(const struct socle_dgram *d)
{
	if (!(d->flags & SOCLE__DGRAM_IN_STREAM))
		return MSG_DONTWAIT | SOCLE__TELL_LENGTH;
	return MSG_DONTWAIT;
}

/* ---- from the kernel ---- */

static int
fill_one(struct socle_dgram *d, struct socle__dgram_room *r, unsigned i)
{
	struct socle__message *m = &r->messages[i];
	ssize_t n;

	do
		n = sys_recvmsg(d->sock.d.fd, &m->msg_hdr, recv_flags(d));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	m->msg_len = (unsigned)n;
	return 0;
}

/* Fills all slots with one system call; how many messages, or -errno. */
static int
fill_at_once(struct socle_dgram *d, struct socle__dgram_room *r)
{
	int n;

	do
		n = sys_recvmmsg(
			d->sock.d.fd, r->messages, r->slots, recv_flags(d));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* How many messages were received, > 0; or -errno. */
static int
fill(struct socle_dgram *d, struct socle__dgram_room *r)
{
	int err;

	socle__dgram_room_clean(r, 0, r->n);
	r->n = r->next = 0;
	r->at = r->segment = 0;
	r->err = 0;
	if (r->slots > 1 && !(d->flags & SOCLE__DGRAM_IN_ONES)) {
		err = fill_at_once(d, r);
		if (err != -ENOSYS) {
			r->n = err > 0 ? (unsigned)err : 0;
			return err;
		}
		d->flags |= SOCLE__DGRAM_IN_ONES;
	}
	do
		err = fill_one(d, r, r->n);
	while (err == 0 && ++r->n < r->slots);
	if (r->n == 0)
		return err;
	r->err = err;
	return (int)r->n;
}

static size_t
bytes_in(const struct socle__dgram_room *r)
{
	size_t bytes = 0;

	for (unsigned i = 0; i < r->n; i++)
		bytes += r->messages[i].msg_len;
	return bytes;
}

/* ---- to the handler ---- */

static bool
is_read(const struct socle_dgram *d)
{
	return (d->sock.d.bits & (SOCLE__CLOSED | SOCLE__USER_READ)) ==
		SOCLE__USER_READ &&
		socle__dgram_has_on_recv(d);
}

/* Fills in the packet of the next message; called once for each message. */
static void
message_read(struct socle_dgram *d, struct socle__dgram_room *r)
{
	struct socle__message *m = &r->messages[r->next];
	struct socle_packet *p = &r->packets[r->next];
	socklen_t from = m->msg_hdr.msg_namelen;

	p->full_len = m->msg_len;
	p->len = p->full_len < r->most ? p->full_len : r->most;
	d->sock.in += p->len;
	p->truncated =
		p->full_len > p->len || (m->msg_hdr.msg_flags & MSG_TRUNC) != 0;
	p->from.len = from < sizeof(p->from.u) ? from : sizeof(p->from.u);
	r->segment = 0;
	if (m->msg_hdr.msg_controllen > 0)
		r->segment = socle__dgram_control_read(d, &m->msg_hdr, p);
	if (r->segment >= p->full_len)
		r->segment = 0;
}

/* Sets `own' to the next of the datagrams that were received joined. */
static void
segment_read(struct socle__dgram_room *r, struct socle_packet *own)
{
	const struct socle_packet *whole = &r->packets[r->next];
	size_t left = whole->full_len - r->at;

	own->data = (const char *)whole->data + r->at;
	own->full_len = left < r->segment ? left : r->segment;
	own->len = own->full_len < r->most ? own->full_len : r->most;
	own->truncated = own->full_len > own->len;
	r->at += own->full_len;
	if (r->at >= whole->full_len) {
		r->at = r->segment = 0;
		r->next++;
	}
}

static void
deliver_one(struct socle_dgram *d, const struct socle_packet *p)
{
	if (p->full_len == 0 && d->flags & SOCLE__DGRAM_ENDS)
		socle__close_broken(&d->sock, "end of stream");
	else if (d->p.on_recv)
		d->p.on_recv(d, p);
	else
		socle__dgram_class_of(d)->on_recv(d, p);
}

static void
room_empty(struct socle__dgram_room *r)
{
	r->next = r->n;
	r->at = r->segment = 0;
}

/* Until the buffer is empty, reading is off, or a nested loop replaced it. */
static void
deliver(struct socle_dgram *d)
{
	struct socle__dgram_room *r = d->room;
	const struct socle_packet *p;
	struct socle_packet own;
	unsigned own_is = UINT_MAX;

	r->users++;
	while (d->room == r && r->next < r->n && is_read(d) &&
		!socle__is_forked(socle__reactor)) {
		if (r->at == 0)
			message_read(d, r);
		p = &r->packets[r->next];
		if (r->segment > 0) {
			if (own_is != r->next)
				own = *p;
			own_is = r->next;
			segment_read(r, &own);
			p = &own;
		} else {
			r->next++;
		}
		deliver_one(d, p);
	}
	if (d->room == r && socle__is_forked(socle__reactor))
		room_empty(r); /* the parent delivers the rest */
	if (--r->users == 0 && d->room != r)
		socle__dgram_room_leave(d, r);
}

/* The turn lets a loop that is nested in a handler deliver the rest. */
static void
deliver_all(struct socle_dgram *d)
{
	struct socle_socket *s = &d->sock;

	if (d->room->n - d->room->next > 1 || d->room->control > 0)
		socle__turn_ask(&s->d, SOCLE__TURN_PUSHED_BACK);
	deliver(d);
	if (!socle__is_closed(s) && !socle__dgram_has_unread(d))
		socle__turn_drop(&s->d, SOCLE__TURN_PUSHED_BACK);
}

/* ---- event_read ---- */

/* Stops reading for HOLD_MS; datagrams stay in the kernel. */
static void
hold(struct socle_dgram *d)
{
	d->sock.d.bits |= SOCLE__READ_HELD;
	socle__socket_interest(&d->sock);
	socle__dgram_try_later(d, HOLD_MS);
}

/*
 * An error that repeats may be one that lasts, while the socket is readable:
 * the loop would spin.  So reading pauses then, as it does without memory.
 */
static void
failed(struct socle_dgram *d, int err)
{
	if (err == -EAGAIN || err == -EWOULDBLOCK) {
		SOCLE__COUNT(socle__reactor->counts.blocked_reads, 1);
		d->flags &= ~(uint32_t)SOCLE__DGRAM_IN_FAILED;
		return;
	}
	socle__descriptor_touch(&d->sock.d);
	if (err != -ENOMEM && err != -ENOBUFS) {
		bool again = (d->flags & SOCLE__DGRAM_IN_FAILED) != 0;

		d->flags |= SOCLE__DGRAM_IN_FAILED;
		socle__dgram_recv_error(d, err);
		if (!again || socle__is_closed(&d->sock))
			return;
	}
	hold(d);
}

/* `gro' was turned off while joined datagrams waited. */
static void
joining_end(struct socle_dgram *d)
{
	if (!socle__is_closed(&d->sock) &&
		socle__dgram_join_in_end(d->sock.d.fd))
		d->flags &= ~(uint32_t)SOCLE__DGRAM_JOINED_IN;
}

/* Makes one system call; whether another may receive more. */
static bool
receive_some(struct socle_dgram *d, size_t *bytes, unsigned *datagrams)
{
	struct socle__dgram_room *r = socle__dgram_room_get(d);
	int n = r ? fill(d, r) : -ENOMEM, err;
	bool full;

	if (n < 0) {
		failed(d, n);
		return false;
	}
	d->flags &= ~(uint32_t)SOCLE__DGRAM_IN_FAILED;
	full = (unsigned)n == r->slots;
	err = r->err;
	if (d->p.recv_all)
		*bytes += bytes_in(r);
	*datagrams += (unsigned)n;
	socle__active(&d->sock);
	socle__descriptor_touch(&d->sock.d);
	deliver_all(d);
	if (socle__is_forked(socle__reactor))
		return false;
	if (err < 0 && !socle__is_closed(&d->sock))
		failed(d, err);
	if (!d->p.gro && d->flags & SOCLE__DGRAM_JOINED_IN)
		joining_end(d);
	return full && is_read(d) && !socle__dgram_has_unread(d);
}

void
socle__dgram_receive(struct socle_dgram *d)
{
	size_t bytes = 0;
	unsigned datagrams = 0;

	if (socle__is_closed(&d->sock))
		return;
	if (!socle__dgram_has_on_recv(d))
		socle_watch_read(&d->sock, false);
	else if (socle__dgram_has_unread(d))
		deliver_all(d);
	else
		while (receive_some(d, &bytes, &datagrams) && d->p.recv_all &&
			datagrams < DATAGRAMS_A_CALL && bytes < BYTES_A_CALL)
			;
	socle__dgram_room_put(d);
}

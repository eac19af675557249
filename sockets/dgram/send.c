/*
 * Sending: at once with autoflush, else from the queue.
 *
 * A flush continues until the queue is empty, the kernel takes no more, or its
 * budget is used up; in the last case it asks for a FLUSH turn in the next
 * tick.  If the kernel takes no more, the queue waits for writability.  Where
 * the kernel reports a socket as writable and still refuses (an unconnected
 * AF_UNIX socket whose peer's queue is full; ENOBUFS), the send is retried
 * after 1, 2, 4 .. 50 ms.
 */
#include "sockets/dgram/send.h"

#include "reactor/interest.h"
#include "reactor/turns.h"
#include "sockets/activity.h"
#include "sockets/dgram/answer.h"
#include "sockets/dgram/call.h"
#include "sockets/dgram/events.h"
#include "sockets/dgram/later.h"
#include "sockets/names/addr_valid.h"
#include "sockets/timeouts.h"
#include "sockets/write/pump.h"
#include "sockets/write/transmit.h"

#include "seam.h"

#include <string.h>

enum { DATAGRAMS_A_FLUSH = 1024, BYTES_A_FLUSH = 2 << 20, DELAY_MS_MOST = 50 };

void
socle__dgram_want_write(struct socle_dgram *d, bool on)
{
	struct socle_socket *s = &d->sock;
	unsigned wanted = on ? SOCLE_WRITE : 0;

	if (d->writer) {
		if (d->writer->d.wanted != wanted)
			socle__descriptor_want(&d->writer->d, wanted);
		return;
	}
	s->d.bits &= ~(uint32_t)SOCLE__QUEUE_WRITE;
	if (on)
		s->d.bits |= SOCLE__QUEUE_WRITE;
	socle__socket_interest(s);
}

/* ---- when the kernel takes no more ---- */

/* `again': it was blocked before, and nothing was sent in between. */
static void
blocked(struct socle_dgram *d, int err, bool again)
{
	struct socle_socket *s = &d->sock;
	struct socle__callback c;
	bool by_time = again || err == -ENOBUFS || err == -ENOMEM;

	s->d.bits |= SOCLE__BLOCKED;
	SOCLE__PROBE3(write_partial, s, s->d.fd, s->queued);
	if (by_time) {
		d->delay_ms = d->delay_ms ? (uint16_t)(2 * d->delay_ms) : 1;
		if (d->delay_ms > DELAY_MS_MOST)
			d->delay_ms = DELAY_MS_MOST;
		socle__dgram_try_later(d, d->delay_ms);
	}
	socle__dgram_want_write(d, !by_time);
	socle__stall_start(s);
	if (!socle__class_of(s)->flat.incomplete_write)
		return;
	socle__callback_begin_plain(socle__reactor, &c);
	socle__class_of(s)->flat.incomplete_write(s);
	socle__callback_end(socle__reactor, &c);
}

static void
moved(struct socle_dgram *d)
{
	d->delay_ms = 0;
	socle__moved(&d->sock);
	socle__descriptor_touch(&d->sock.d);
	if (d->writer)
		socle__descriptor_touch(&d->writer->d);
}

/* ---- from the queue ---- */

/* How many datagrams a flush may send. */
static unsigned
budget(const struct socle_dgram *d)
{
	bool all = d->p.send_all || d->p.recv_batch > 1 || d->p.gso;

	return all ? DATAGRAMS_A_FLUSH : 1;
}

/* How many messages one system call may send. */
static unsigned
call_budget(const struct socle_dgram *d)
{
	return d->p.recv_batch > 1 ? d->p.recv_batch : SOCLE__DGRAM_BATCH;
}

static void
flush_some(struct socle_dgram *d, unsigned left, bool was_blocked)
{
	struct socle__dgram_budget b = {
		.messages = left > 1 ? call_budget(d) : 1,
		.datagrams = left,
		.bytes = BYTES_A_FLUSH};

	while (d->items > 0 && b.datagrams > 0 && b.bytes > 0 &&
		!socle__has(&d->sock, SOCLE__BLOCKED) &&
		!socle__is_forked(socle__reactor)) {
		size_t sent = d->sock.queued;
		int n = socle__dgram_transmit_queue(d, &b);

		if (n >= 0) {
			was_blocked = false;
			sent -= d->sock.queued;
			b.bytes -= sent < b.bytes ? sent : b.bytes;
			b.datagrams -= (unsigned)n;
			moved(d);
			if (n == 0)
				blocked(d, -EAGAIN, false);
		} else if (socle__is_blocked_by(n)) {
			blocked(d, n, was_blocked);
		} else {
			b.datagrams--;
			socle__dgram_queue_fail(d, n);
			if (socle__is_closed(&d->sock))
				return;
		}
	}
}

static void
after_flush(struct socle_dgram *d, bool had, uint32_t outer)
{
	struct socle_socket *s = &d->sock;

	if (had && d->items == 0)
		socle__dgram_emptied(d);
	if (!socle__is_closed(s))
		socle__marks_check(s);
	if (socle__is_closed(s))
		return;
	if (!outer)
		s->d.bits &= ~(uint32_t)SOCLE__PUMPING;
	if (!socle__has(s, SOCLE__BLOCKED)) {
		socle__dgram_want_write(d, false);
		if (d->items > 0)
			socle__turn_ask(&s->d, SOCLE__TURN_FLUSH);
	}
	if (d->items == 0 && socle__has(s, SOCLE__ENDING))
		socle_close(s, s->extra ? s->extra->close_reason : NULL);
}

static void
flush(struct socle_dgram *d, unsigned most)
{
	struct socle_socket *s = &d->sock;
	bool was_blocked = socle__has(s, SOCLE__BLOCKED);
	uint32_t outer = s->d.bits & SOCLE__PUMPING;
	bool had = d->items > 0;

	socle__turn_drop(&s->d, SOCLE__TURN_FLUSH);
	if (!socle__has(s, SOCLE__READ_HELD))
		socle_timer_cancel(&d->later);
	s->d.bits |= SOCLE__PUMPING;
	s->d.bits &= ~(uint32_t)SOCLE__BLOCKED;
	flush_some(d, most, was_blocked);
	if (!socle__is_gone(s))
		after_flush(d, had, outer);
	else if (!outer)
		s->d.bits &= ~(uint32_t)SOCLE__PUMPING;
}

void
socle__dgram_flush(struct socle_socket *s)
{
	struct socle_dgram *d = socle__dgram_of(s);

	if (!socle__is_gone(s))
		flush(d, budget(d));
}

/* ---- the public functions ---- */

static int
refusal(const struct socle_dgram *d, const struct socle__outgoing *o)
{
	const struct socle_socket *s = &d->sock;
	const struct socle__extra *x = s->extra;
	size_t most = d->p.max_queue_bytes;
	size_t weight = socle__dgram_weight(o->len);

	if (socle__is_closed(s))
		return -EBADF;
	if (socle__has(s, SOCLE__ENDING))
		return -ESHUTDOWN;
	if (d->p.max_queue_items && d->items >= d->p.max_queue_items)
		return -ENOBUFS;
	if (x && x->cap && (most == 0 || x->cap < most))
		most = x->cap;
	if (most && (weight > most || s->queued > most - weight))
		return -ENOBUFS;
	return 0;
}

/* Appends to the queue; it is flushed in the next tick if not sooner. */
static int
queue(struct socle_dgram *d, const struct socle__outgoing *o)
{
	struct socle_socket *s = &d->sock;
	bool was_empty = d->items == 0;

	if (socle__dgram_enqueue(d, o) < 0)
		return -ENOMEM;
	if (was_empty)
		socle__moved(s);
	if (!socle__has(s, SOCLE__PUMPING | SOCLE__BLOCKED) &&
		!(s->d.turns & SOCLE__TURN_FLUSH)) {
		socle__turn_ask(&s->d, SOCLE__TURN_FLUSH);
		socle__dgram_want_write(d, true);
	}
	if (s->extra)
		socle__marks_check(s);
	return 0;
}

/* requires: the queue is empty */
static int
send_straight(struct socle_dgram *d, struct socle__outgoing *o)
{
	ssize_t n = socle__dgram_transmit(d, o);
	bool part =
		n >= 0 && d->flags & SOCLE__DGRAM_PIECES && (size_t)n < o->len;

	if (n >= 0)
		moved(d);
	if (n >= 0 && !part)
		return 1;
	if (n < 0 && !socle__is_blocked_by(n))
		return (int)n;
	if (part) {
		o->data = (const char *)o->data + n;
		o->len -= (size_t)n;
	}
	d->sock.d.bits |= SOCLE__BLOCKED;
	if (queue(d, o) < 0) {
		d->sock.d.bits &= ~(uint32_t)SOCLE__BLOCKED;
		return -ENOMEM;
	}
	if (!socle__is_closed(&d->sock))
		blocked(d, part ? -EAGAIN : (int)n, false);
	return 0;
}

static int
send_it(struct socle_dgram *d, struct socle__outgoing *o)
{
	struct socle_socket *s = &d->sock;
	int err = refusal(d, o);

	if (err < 0)
		return err;
	if (!d->p.autoflush || socle__has(s, SOCLE__PUMPING | SOCLE__BLOCKED))
		return queue(d, o);
	if (d->items > 0) {
		flush(d, DATAGRAMS_A_FLUSH);
		if ((err = refusal(d, o)) < 0)
			return err; /* the callbacks of the flush may close */
	}
	if (d->items > 0)
		return queue(d, o);
	return send_straight(d, o);
}

int
socle_dgram_send(struct socle_dgram *d, const void *data, size_t len, int flags,
	const struct socle_addr *to)
{
	struct socle__outgoing o = {.data = data,
		.len = len,
		.flags = flags,
		.to = to ? &to->u : NULL,
		.to_len = to ? to->len : 0};

	if (to && !socle__is_closed(&d->sock) && !socle__addr_is_valid(to))
		return -EINVAL;
	return send_it(d, &o);
}

static SOCLE__NOINLINE int
answer(struct socle_dgram *d, const struct socle_packet *p, const void *data,
	size_t len)
{
	struct socle__dgram_source source;
	struct socle__outgoing o = {.data = data, .len = len};
	int err = socle__dgram_answerable(d, &p->from);

	if (err < 0)
		return err;
	if (err == 0) {
		o.to = &p->from.u;
		o.to_len = p->from.len;
	}
	if (p->to.len > 0) {
		memset(&source, 0, sizeof(source));
		source.family = p->to.u.sa.sa_family;
		if (source.family == AF_INET)
			source.u.in = p->to.u.in.sin_addr;
		else
			source.u.in6 = p->to.u.in6.sin6_addr;
		o.source = &source;
	}
	return send_it(d, &o);
}

/*
 * One more answer of a batch needs few of the checks.  The ports of both IP
 * families are at the same place.
 */
int
socle_dgram_reply(struct socle_dgram *d, const struct socle_packet *p,
	const void *data, size_t len)
{
	const struct socle_socket *s = &d->sock;
	const struct socle__extra *x = s->extra;

	if (d->last && s->d.turns & SOCLE__TURN_FLUSH && !d->p.autoflush &&
		!socle__has(s, SOCLE__CLOSED | SOCLE__ENDING) &&
		!d->p.max_queue_bytes && !d->p.max_queue_items &&
		(!x || (!x->cap && !x->mark)) &&
		p->from.len >= sizeof(p->from.u.in) &&
		p->from.u.in.sin_port != 0 &&
		socle__dgram_answer_add(
			d, d->last, data, len, &p->from.u, p->from.len))
		return 0;
	return answer(d, p, data, len);
}

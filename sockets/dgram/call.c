/*
 * Passing datagrams to the kernel: one, or as many of the queue as one system
 * call takes.
 *
 * With gso a run of datagrams of the same size (the last may be shorter) to
 * one peer is one message, which the kernel or the device splits.  If such a
 * message is refused (its datagrams are larger than the route's MTU, or the
 * device cannot split), the datagrams of that run alone are sent unjoined:
 * `singly' counts those left at the head of the queue.  sendmmsg(2) stops at
 * the first message that fails; its error is returned when a later call starts
 * with that message.
 */
#include "sockets/dgram/call.h"

#include "sockets/counts.h"
#include "sockets/dgram/options.h"
#include "sockets/names/socket_error.h"
#include "sockets/write/transmit.h"

#include "seam.h"

#include <string.h>

enum {
	MESSAGES = SOCLE__DGRAM_BATCH,
	PIECES = 256,
	JOINED_MOST = 64,         /* UDP_MAX_SEGMENTS */
	JOINED_BYTES_MOST = 65000 /* with headers it must fit in 64 KiB */
};

enum { SEND_FLAGS = MSG_DONTWAIT | MSG_NOSIGNAL };

struct call {
	size_t bytes; /* of all messages */
	unsigned n, pieces;
	int flags;
	struct socle__message *sent; /* these, or those of a receive buffer */
	struct socle__message messages[MESSAGES];
	unsigned datagrams[MESSAGES]; /* in each of them */
	struct iovec iov[PIECES];
	struct socle__dgram_control controls[MESSAGES];
};

int
socle__dgram_out_fd(const struct socle_dgram *d)
{
	return d->writer ? d->writer->d.fd : d->sock.d.fd;
}

/* ---- one datagram ---- */

/* struct iovec and struct msghdr take pointers that are not const. */
static void *
without_const(const void *p)
{
	union {
		const void *from;
		void *to;
	} v = {p};

	return v.to;
}

static ssize_t
send_from(int fd, const struct socle__outgoing *o)
{
	struct socle__dgram_control control;
	struct iovec iov = {without_const(o->data), o->len};
	struct msghdr m = {.msg_name = without_const(o->to),
		.msg_namelen = o->to_len,
		.msg_iov = &iov,
		.msg_iovlen = 1};

	socle__dgram_control_source(&m, control.room, o->source);
	return sys_sendmsg(fd, &m, o->flags | SEND_FLAGS);
}

/* The source may be a broadcast address, or one that no longer exists. */
static bool
may_be_the_source(int err)
{
	return err == -EINVAL || err == -ENETUNREACH || err == -EADDRNOTAVAIL;
}

/* If the kernel refuses the source address, it chooses one itself. */
ssize_t
socle__dgram_transmit(struct socle_dgram *d, const struct socle__outgoing *o)
{
	int fd = socle__dgram_out_fd(d);
	bool from = o->source != NULL;
	ssize_t n;

	do {
		n = from ? send_from(fd, o)
			 : sys_sendto(fd, o->data, o->len,
				   o->flags | SEND_FLAGS, o->to, o->to_len);
		if (n >= 0 || !from || !may_be_the_source(-errno))
			continue;
		from = false;
		errno = EINTR;
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		n = socle__send_error(fd, -errno);
	socle__count_sent(&d->sock, n, o->len, socle__is_blocked_by(n));
	return n;
}

/* ---- many datagrams ---- */

static bool
joins(const struct socle_dgram *d)
{
	return d->flags & SOCLE__DGRAM_JOINED_OUT && d->singly == 0;
}

static bool
is_alike(const struct socle__outgoing *a, const struct socle__outgoing *b)
{
	if (a->flags != b->flags || a->to_len != b->to_len ||
		(a->to_len > 0 && memcmp(a->to, b->to, a->to_len) != 0))
		return false;
	if (!a->source || !b->source)
		return a->source == b->source;
	return memcmp(a->source, b->source, sizeof(*a->source)) == 0;
}

static void
piece_add(struct call *c, const struct socle__outgoing *o)
{
	struct msghdr *m = &c->messages[c->n].msg_hdr;
	struct iovec *iov = &c->iov[c->pieces];

	c->datagrams[c->n]++;
	if (m->msg_iovlen > 0 &&
		(char *)iov[-1].iov_base + iov[-1].iov_len == o->data) {
		iov[-1].iov_len += o->len; /* an echo of joined datagrams */
		return;
	}
	iov->iov_base = without_const(o->data);
	iov->iov_len = o->len;
	m->msg_iovlen++;
	c->pieces++;
}

/* Joins the datagrams that follow `first', while they fit; all their bytes. */
static size_t
run_add(struct call *c, const struct socle__outgoing *first,
	struct socle__dgram_cursor *at, unsigned most)
{
	size_t bytes = first->len, last = first->len;

	while (c->datagrams[c->n] < most && c->pieces < PIECES &&
		last == first->len && last > 0) {
		struct socle__dgram_cursor ahead = *at;
		const struct socle__dgram_item *item =
			socle__dgram_next(&ahead);

		if (!item || item->o.len == 0 || item->o.len > first->len ||
			bytes + item->o.len > JOINED_BYTES_MOST ||
			!is_alike(first, &item->o))
			break;
		piece_add(c, &item->o);
		bytes += last = item->o.len;
		*at = ahead;
	}
	if (c->datagrams[c->n] > 1)
		socle__dgram_control_segment(&c->messages[c->n].msg_hdr,
			c->controls[c->n].room, first->len);
	return bytes;
}

static void
message_add(struct call *c, const struct socle__outgoing *o)
{
	struct msghdr *m = &c->messages[c->n].msg_hdr;

	*m = (struct msghdr){.msg_name = without_const(o->to),
		.msg_namelen = o->to_len,
		.msg_iov = &c->iov[c->pieces]};
	c->datagrams[c->n] = 0;
	piece_add(c, o);
	if (o->source)
		socle__dgram_control_source(
			m, c->controls[c->n].room, o->source);
}

/* Gathers what one call can send: the flags of all messages are the same. */
static void
gather(struct socle_dgram *d, struct call *c,
	const struct socle__dgram_budget *budget)
{
	struct socle__dgram_cursor at = socle__dgram_cursor(d);
	const struct socle__dgram_item *item;
	unsigned left = budget->datagrams;
	bool joined = joins(d);
	size_t bytes = 0;

	c->n = c->pieces = 0;
	c->sent = c->messages;
	c->flags = socle__dgram_head(d)->o.flags;
	while (c->n < budget->messages && left > 0 && bytes < budget->bytes &&
		c->pieces < PIECES && (item = socle__dgram_next(&at)) &&
		item->o.flags == c->flags) {
		message_add(c, &item->o);
		bytes += joined
			? run_add(c, &item->o, &at,
				  left < JOINED_MOST ? left : JOINED_MOST)
			: item->o.len;
		left -= c->datagrams[c->n++];
	}
	c->bytes = bytes;
}

/*
 * Gathers answers whose messages can be sent as they were received, if these
 * are as many as one call can send, or all.
 */
static bool
gather_answers(struct socle_dgram *d, struct call *c,
	const struct socle__dgram_budget *budget)
{
	const struct socle__dgram_block *b = d->first;
	const struct socle__dgram_item *item = socle__dgram_head(d);
	size_t i = b->at / sizeof(*item), n = (b->used - b->at) / sizeof(*item);
	size_t bytes = 0;

	if (!b->of || joins(d) || item->o.data != b->of->iov[i].iov_base ||
		(b->next && n < budget->messages))
		return false;
	n = n < budget->messages ? n : budget->messages;
	n = n < budget->datagrams ? n : budget->datagrams;
	c->sent = &b->of->messages[i];
	c->flags = 0;
	c->datagrams[0] = 1;
	for (c->n = 0; c->n < n && bytes < budget->bytes; c->n++, item++)
		bytes += b->of->iov[i + c->n].iov_len = item->o.len;
	c->bytes = bytes;
	return true;
}

/* How many messages were sent, or -errno of the first. */
static int
send_call(struct socle_dgram *d, struct call *c)
{
	int fd = socle__dgram_out_fd(d), flags = c->flags | SEND_FLAGS;
	int n;

	do {
		if (c->n > 1)
			n = sys_sendmmsg(fd, c->sent, c->n, flags);
		else
			n = sys_sendmsg(fd, &c->sent->msg_hdr, flags) < 0 ? -1
									  : 1;
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		n = socle__send_error(fd, -errno);
		socle__count_sent(&d->sock, n, 0, socle__is_blocked_by(n));
	}
	if (n == (int)c->n)
		d->sock.out += c->bytes;
	else
		for (int i = 0; i < n; i++)
			d->sock.out += c->sent[i].msg_len;
	return n;
}

/* Errors of a message that may have gone as single datagrams. */
static bool
may_be_the_joining(int err)
{
	return err == -EMSGSIZE || err == -EINVAL || err == -EIO ||
		err == -EOPNOTSUPP;
}

/* Whether to repeat the call without the feature that the kernel refused. */
static bool
feature_dropped(struct socle_dgram *d, const struct call *c, int err)
{
	if (err == -ENOSYS && c->n > 1) {
		d->flags |= SOCLE__DGRAM_OUT_ONES;
		return true;
	}
	if (may_be_the_joining(err) && c->datagrams[0] > 1) {
		d->singly = (uint16_t)c->datagrams[0];
		return true;
	}
	return false;
}

/* Sends the head alone: 1; 0: a part of it; -errno. */
static int
send_head(struct socle_dgram *d)
{
	const struct socle__outgoing *o = &socle__dgram_head(d)->o;
	ssize_t n = socle__dgram_transmit(d, o);

	if (n < 0)
		return (int)n;
	if (d->flags & SOCLE__DGRAM_PIECES && (size_t)n < o->len) {
		socle__dgram_shorten(d, (size_t)n);
		return 0;
	}
	socle__dgram_pop(d, 1);
	return 1;
}

/* How many datagrams were sent; 0: a part of the head; -errno of the head. */
static int
send_some(struct socle_dgram *d, struct socle__dgram_budget budget)
{
	struct call c;
	int n, sent;

	if (d->flags & SOCLE__DGRAM_PIECES)
		budget.messages = 1;
	do {
		if (d->flags & SOCLE__DGRAM_OUT_ONES)
			budget.messages = 1;
		if (d->singly > 0 && budget.messages > d->singly)
			budget.messages = d->singly;
		if (d->items == 1 || (budget.messages <= 1 && !joins(d)))
			return send_head(d);
		if (!gather_answers(d, &c, &budget))
			gather(d, &c, &budget);
		n = send_call(d, &c);
	} while (n < 0 && feature_dropped(d, &c, n));
	if (may_be_the_source(n) && socle__dgram_head(d)->o.source)
		return send_head(d);
	sent = n > 0 ? n : 0;
	for (int i = 0; i < n && joins(d); i++)
		sent += (int)c.datagrams[i] - 1;
	socle__dgram_pop(d, (size_t)sent);
	return n < 0 ? n : sent;
}

int
socle__dgram_transmit_queue(
	struct socle_dgram *d, const struct socle__dgram_budget *budget)
{
	int n = send_some(d, *budget);
	int gone = n < 0 && !socle__is_blocked_by(n) ? 1 : n;

	if (d->singly > 0 && gone > 0)
		d->singly -= (uint16_t)(gone < d->singly ? gone : d->singly);
	return n;
}

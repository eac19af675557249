/*
 * Receive buffers: the arrays of one system call, and a slot of memory for
 * each message.
 *
 * An object has a buffer only while it receives or while undelivered messages
 * are left in it.  Otherwise the class keeps one buffer for all of its
 * objects, so that an idle object costs no buffer.  A buffer that an on_recv
 * on the stack uses is not reused: a nested loop delivers the rest of it and
 * then takes another.
 *
 * A buffer that the queue has borrowed is not reused before its data is sent.
 * That is normally in the next tick, before anything is received.  To limit
 * the memory when it is not, a class lends one buffer at a time, and other
 * data is copied.
 */
#include "sockets/dgram/room.h"

#include "sockets/dgram/options.h"

#include "seam.h"

/* Joined datagrams fill their slots: more slots would exceed the cache. */
enum { LINE = 64, JOINED_LEN = 65536, JOINED_SLOTS = 2 };

struct shape {
	unsigned slots;
	size_t len, most, control;
};

static struct shape
shape_for(const struct socle_dgram *d)
{
	struct shape s = {.slots = d->p.recv_batch,
		.len = d->p.recv_len,
		.most = d->p.recv_len,
		.control = socle__dgram_control_len(d)};

	if (d->flags & SOCLE__DGRAM_JOINED_IN) {
		if (s.len < JOINED_LEN)
			s.len = JOINED_LEN;
		if (s.slots > JOINED_SLOTS)
			s.slots = JOINED_SLOTS;
	}
	return s;
}

/* A line more than needed, or the slots' first lines share a cache set. */
static size_t
stride(size_t len)
{
	return socle__round_up(len, LINE) + LINE;
}

static size_t
bytes_for(const struct shape *s)
{
	return socle__round_up(s->slots * sizeof(struct socle__message), LINE) +
		socle__round_up(s->slots * sizeof(struct iovec), LINE) +
		socle__round_up(s->slots * sizeof(struct socle_packet), LINE) +
		socle__round_up(s->slots * s->control, LINE) +
		s->slots * (stride(s->len) + sizeof(struct socle__dgram_item)) +
		sizeof(struct socle__dgram_block);
}

void
socle__dgram_room_clean(struct socle__dgram_room *r, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct msghdr *m = &r->messages[i].msg_hdr;

		r->iov[i].iov_len = r->len;
		m->msg_namelen = sizeof(r->packets[i].from.u);
		m->msg_controllen = (socklen_t)r->control;
		m->msg_flags = 0;
	}
}

static void
slot_set(struct socle__dgram_room *r, unsigned i, char *data)
{
	static const struct socle_packet none;
	void *items = r->answers->data;
	struct socle__dgram_item *item = items;
	struct msghdr *m = &r->messages[i].msg_hdr;

	r->packets[i] = none;
	r->packets[i].data = r->iov[i].iov_base = data;
	item[i] = (struct socle__dgram_item){.size = sizeof(*item),
		.o = {.data = data, .to = &r->packets[i].from.u}};
	/* With an initialiser gcc 12 -O3 -mavx2 clears the struct last. */
	memset(m, 0, sizeof(*m));
	m->msg_name = &r->packets[i].from.u;
	m->msg_iov = &r->iov[i];
	m->msg_iovlen = 1;
	if (r->control)
		m->msg_control = r->controls + i * r->control;
}

static void
lay_out(struct socle__dgram_room *r, const struct shape *s)
{
	char *at = r->memory;

	r->n = r->next = 0;
	r->slots = s->slots;
	r->len = s->len;
	r->control = s->control;
	r->messages = (void *)at;
	at += socle__round_up(s->slots * sizeof(*r->messages), LINE);
	r->iov = (void *)at;
	at += socle__round_up(s->slots * sizeof(*r->iov), LINE);
	r->packets = (void *)at;
	at += socle__round_up(s->slots * sizeof(*r->packets), LINE);
	r->controls = at;
	at += socle__round_up(s->slots * s->control, LINE);
	r->answers = (void *)(at + s->slots * stride(s->len));
	*r->answers = (struct socle__dgram_block){
		.of = r, .room = s->slots * sizeof(struct socle__dgram_item)};
	for (unsigned i = 0; i < s->slots; i++, at += stride(s->len))
		slot_set(r, i, at);
	socle__dgram_room_clean(r, 0, s->slots);
}

/* Takes the object's buffer, the class's, or a new one; NULL: no memory. */
static struct socle__dgram_room *
take(struct socle_dgram *d, size_t bytes)
{
	struct socle__dgram_resolved *c = socle__dgram_class_of(d);
	struct socle__dgram_room *r = d->room;

	d->room = NULL;
	if (r && (r->users > 0 || r->lent > 0))
		r = NULL; /* its last user or borrower releases it */
	if (!r) {
		r = c->room;
		c->room = NULL;
	}
	if (r && r->bytes >= bytes)
		return r;
	sys_free(r);
	r = sys_malloc(sizeof(*r) + bytes);
	if (!r)
		return NULL;
	r->users = r->lent = r->n = r->next = 0;
	r->at = r->segment = 0;
	r->bytes = bytes;
	r->slots = 0; /* not laid out yet */
	return r;
}

struct socle__dgram_room *
socle__dgram_room_get(struct socle_dgram *d)
{
	struct shape s = shape_for(d);
	struct socle__dgram_room *r = take(d, bytes_for(&s));

	if (!r)
		return NULL;
	if (r->slots != s.slots || r->len != s.len || r->control != s.control)
		lay_out(r, &s);
	r->most = s.most;
	d->room = r;
	return r;
}

void
socle__dgram_room_leave(struct socle_dgram *d, struct socle__dgram_room *r)
{
	struct socle__dgram_resolved *c = socle__dgram_class_of(d);

	if (r->lent > 0)
		return; /* the last borrower calls this again */
	if (c->room)
		sys_free(r);
	else
		c->room = r;
}

void
socle__dgram_room_put(struct socle_dgram *d)
{
	struct socle__dgram_room *r = d->room;

	if (!r || r->users > 0 || r->next < r->n)
		return;
	d->room = NULL;
	socle__dgram_room_leave(d, r);
}

void
socle__dgram_room_end(struct socle_dgram *d)
{
	struct socle__dgram_room *r = d->room;

	d->room = NULL;
	if (r && r->users == 0)
		socle__dgram_room_leave(d, r);
}

/* ---- lending to the queue ---- */

static bool
has(const struct socle__dgram_room *r, const void *data)
{
	return (uintptr_t)data - (uintptr_t)r->memory < r->bytes;
}

/* With recv_all the buffer is needed again at once. */
struct socle__dgram_room *
socle__dgram_room_to_lend(struct socle_dgram *d, const void *data)
{
	struct socle__dgram_room *r = d->room;

	if (!r || r->users == 0 || !has(r, data) || d->p.recv_all)
		return NULL;
	return r->lent > 0 || !socle__dgram_class_of(d)->lent ? r : NULL;
}

void
socle__dgram_room_lend(struct socle_dgram *d, struct socle__dgram_room *r)
{
	if (r->lent++ > 0)
		return;
	r->lender = socle__dgram_class_of(d);
	r->lender->lent = r;
}

void
socle__dgram_room_give_back(struct socle_dgram *d, struct socle__dgram_room *r)
{
	if (--r->lent > 0)
		return;
	r->lender->lent = NULL;
	if (r->users == 0 && d->room != r)
		socle__dgram_room_leave(d, r);
}

/*
 * The queue of outgoing datagrams as a data structure: blocks of items, each
 * item one datagram with its address, so that many small datagrams cost one
 * allocation.
 *
 * Invariants: `items' is the number of datagrams.  The socket's `queued' is
 * the sum of their lengths, where an empty datagram counts 1.  Every block in
 * the queue has an item.  A block is pinned while a handler is called with
 * data in it.
 *
 * Data that is sent from the receive buffer, as an echo server does, is not
 * copied: the item borrows the buffer, if the buffer may be lent.  If it is for
 * the sender, it is the item of its slot in a block that is part of the buffer,
 * and the message that it was received in can be sent as it stands.
 */
#include "sockets/dgram/queue.h"

#include "sockets/dgram/events.h"

#include "seam.h"

#include <assert.h>
#include <string.h>

/* With the headers of the block and of malloc: 16 KiB. */
enum { BLOCK = 16384 - sizeof(struct socle__dgram_block) - 16 };
enum { ALIGNMENT = 16 };

static struct socle__dgram_block *
block_get(struct socle_dgram *d, size_t size)
{
	struct socle__dgram_resolved *c = socle__dgram_class_of(d);
	struct socle__dgram_block *b = c->spare;

	if (b && b->room >= size) {
		c->spare = NULL;
	} else {
		size = size > BLOCK ? size : BLOCK;
		if (!(b = sys_malloc(sizeof(*b) + size)))
			return NULL;
		b->room = size;
	}
	*b = (struct socle__dgram_block){.room = b->room};
	return b;
}

static void
block_put(struct socle_dgram *d, struct socle__dgram_block *b)
{
	struct socle__dgram_resolved *c = socle__dgram_class_of(d);

	if (b->pins > 0)
		b->left = true;
	else if (b->of)
		socle__dgram_room_give_back(d, b->of);
	else if (!c->spare && b->room == BLOCK)
		c->spare = b;
	else
		sys_free(b);
}

static void
block_unpin(struct socle_dgram *d, struct socle__dgram_block *b)
{
	if (--b->pins == 0 && b->left)
		block_put(d, b);
}

static void *
item_at(struct socle__dgram_block *b, size_t at)
{
	return b->data + at;
}

static void
block_append(struct socle_dgram *d, struct socle__dgram_block *b)
{
	if (d->last)
		d->last->next = b;
	else
		d->first = b;
	d->last = b;
}

/* The last block if it has `size' free bytes, else a new one behind it. */
static struct socle__dgram_block *
block_with_space(struct socle_dgram *d, size_t size)
{
	struct socle__dgram_block *b = d->last;

	if (b && !b->of && b->room - b->used >= size)
		return b;
	if ((b = block_get(d, size)))
		block_append(d, b);
	return b;
}

/* Copies to `*at' bytes behind the start of the item, and advances `*at'. */
static const void *
copy(struct socle__dgram_item *item, size_t *at, const void *from, size_t len)
{
	char *to = (char *)item + *at;

	memcpy(to, from, len);
	*at += socle__round_up(len, ALIGNMENT);
	return to;
}

/* Queues an answer as the item of its slot in the buffer; whether it did. */
static bool
answer_in_place(struct socle_dgram *d, struct socle__dgram_room *r,
	const struct socle__outgoing *o)
{
	struct socle__dgram_block *b = r->answers;
	size_t at = (r->next - 1) * sizeof(struct socle__dgram_item);
	bool first = b != d->last;

	if (r->next == 0 || r->control > 0 || o->flags != 0 ||
		(first && (b->at < b->used || b->pins > 0)))
		return false;
	if (first)
		*b = (struct socle__dgram_block){
			.of = r, .at = at, .used = at, .room = b->room};
	if (!socle__dgram_answer_add(d, b, o->data, o->len, o->to, o->to_len))
		return false;
	if (first) {
		block_append(d, b);
		socle__dgram_room_lend(d, r);
	}
	return true;
}

int
socle__dgram_enqueue(struct socle_dgram *d, const struct socle__outgoing *o)
{
	struct socle__dgram_room *r = socle__dgram_room_to_lend(d, o->data);
	size_t at =
		socle__round_up(sizeof(struct socle__dgram_item), ALIGNMENT);
	size_t size = at + socle__round_up(o->to_len, ALIGNMENT) +
		(r ? 0 : socle__round_up(o->len, ALIGNMENT)) +
		(o->source ? socle__round_up(sizeof(*o->source), ALIGNMENT)
			   : 0);
	struct socle__dgram_block *b;
	struct socle__dgram_item *item;

	if (r && answer_in_place(d, r, o))
		return 0;
	if ((!r && size < o->len) || !(b = block_with_space(d, size)))
		return -ENOMEM;
	item = item_at(b, b->used);
	item->size = size;
	item->room = r;
	item->o = *o;
	item->o.to = o->to_len > 0 ? copy(item, &at, o->to, o->to_len) : NULL;
	if (o->source)
		item->o.source = copy(item, &at, o->source, sizeof(*o->source));
	if (r)
		socle__dgram_room_lend(d, r);
	else if (o->len > 0)
		item->o.data = copy(item, &at, o->data, o->len);
	b->used += size;
	d->items++;
	d->sock.queued += socle__dgram_weight(o->len);
	SOCLE__PROBE3(write_queued, &d->sock, d->sock.d.fd, d->sock.queued);
	return 0;
}

struct socle__dgram_item *
socle__dgram_head(const struct socle_dgram *d)
{
	return item_at(d->first, d->first->at);
}

void
socle__dgram_pop(struct socle_dgram *d, size_t n)
{
	struct socle__dgram_block *b = d->first;
	const struct socle__dgram_item *item;

	/* Of all the answers in a buffer only the last needs a look. */
	if (n == d->items && b->of && !b->next) {
		b->at = b->used - sizeof(*item);
		item = item_at(b, b->at);
		d->sock.queued = socle__dgram_weight(item->o.len);
		d->items = n = 1;
	}
	for (d->items -= n; n > 0; n--) {
		b = d->first;
		item = item_at(b, b->at);
		d->sock.queued -= socle__dgram_weight(item->o.len);
		b->at += item->size;
		if (item->room)
			socle__dgram_room_give_back(d, item->room);
		if (b->at < b->used)
			continue;
		d->first = b->next;
		if (!d->first)
			d->last = NULL;
		block_put(d, b);
	}
}

void
socle__dgram_shorten(struct socle_dgram *d, size_t n)
{
	struct socle__dgram_item *item = socle__dgram_head(d);

	item->o.data = (const char *)item->o.data + n;
	item->o.len -= n;
	d->sock.queued -= n;
}

/* ---- datagrams that are not sent ---- */

static void
report(struct socle_dgram *d, const struct socle__dgram_item *item, int err)
{
	const struct socle__outgoing *o = &item->o;
	struct socle_packet p = {.ifindex = 0};

	p.data = o->data;
	p.len = p.full_len = o->len;
	p.to.len = o->to_len;
	if (o->to_len > 0)
		memcpy(&p.to.u, o->to, o->to_len);
	if (o->source && o->source->family == AF_INET) {
		p.from.len = sizeof(p.from.u.in);
		p.from.u.in.sin_family = AF_INET;
		p.from.u.in.sin_addr = o->source->u.in;
	} else if (o->source) {
		p.from.len = sizeof(p.from.u.in6);
		p.from.u.in6.sin6_family = AF_INET6;
		p.from.u.in6.sin6_addr = o->source->u.in6;
	}
	socle__dgram_send_error(d, err, &p);
}

void
socle__dgram_queue_fail(struct socle_dgram *d, int err)
{
	struct socle__dgram_block *b = d->first;
	const struct socle__dgram_item *item = socle__dgram_head(d);
	struct socle__dgram_room *r = item->room;

	b->pins++;
	if (r)
		socle__dgram_room_lend(d, r);
	socle__dgram_pop(d, 1);
	report(d, item, err);
	if (r)
		socle__dgram_room_give_back(d, r);
	block_unpin(d, b);
}

/* What is left of a drop, in front of what its handlers have sent. */
static void
put_back(struct socle_dgram *d, struct socle__dgram_block *first)
{
	struct socle__dgram_block *b = first;

	for (;; b = b->next) {
		size_t at = b->at;

		for (; at < b->used; d->items++) {
			const struct socle__dgram_item *item = item_at(b, at);

			d->sock.queued += socle__dgram_weight(item->o.len);
			at += item->size;
		}
		if (!b->next)
			break;
	}
	b->next = d->first;
	d->first = first;
	if (!d->last)
		d->last = b;
}

/* Reports the items of a block; false: a handler has forked this child. */
static bool
block_drop(struct socle_dgram *d, struct socle__dgram_block *b)
{
	while (b->at < b->used && socle__may_call(socle__reactor)) {
		const struct socle__dgram_item *item = item_at(b, b->at);

		b->at += item->size;
		report(d, item, -ECANCELED);
		if (item->room)
			socle__dgram_room_give_back(d, item->room);
	}
	return socle__may_call(socle__reactor);
}

/*
 * In a child that one of the handlers has forked, the rest is reported when the
 * child continues with the object, or destroys it.
 */
void
socle__dgram_queue_drop(struct socle_dgram *d)
{
	struct socle__dgram_block *b = d->first;
	bool goes_on = true;

	d->first = d->last = NULL;
	d->items = 0;
	d->sock.queued = 0;
	while (b && goes_on) {
		struct socle__dgram_block *next = b->next, *this = b;

		this->pins++;
		goes_on = block_drop(d, this);
		this->left = this->at == this->used;
		if (this->left)
			b = next;
		block_unpin(d, this);
	}
	if (b)
		put_back(d, b);
}

void
socle__dgram_queue_check(const struct socle_dgram *d)
{
	struct socle__dgram_cursor c = socle__dgram_cursor(d);
	const struct socle__dgram_item *item;
	size_t items = 0, queued = 0;

	for (const struct socle__dgram_block *b = d->first; b; b = b->next) {
		assert(b->at < b->used && b->used <= b->room && !b->left);
		assert(b->next || b == d->last);
	}
	while ((item = socle__dgram_next(&c))) {
		items++;
		queued += socle__dgram_weight(item->o.len);
		assert(!item->room || item->room->lent > 0);
	}
	assert(items == d->items && queued == d->sock.queued);
	assert((d->first == NULL) == (d->last == NULL));
	(void)queued;
	(void)items;
}

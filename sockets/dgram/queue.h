/* The queue of outgoing datagrams. */
#ifndef SOCLE_SOCKETS_DGRAM_QUEUE_H
#define SOCLE_SOCKETS_DGRAM_QUEUE_H

#include "sockets/dgram/room.h"

/* What a datagram counts in every limit: an empty one would be unlimited. */
static inline size_t
socle__dgram_weight(size_t len)
{
	return len > 0 ? len : 1;
}

struct socle__dgram_cursor {
	const struct socle__dgram_block *block;
	size_t at;
};

/* Appends a copy; 0 or -ENOMEM. */
int socle__dgram_enqueue(
	struct socle_dgram *d, const struct socle__outgoing *o);
/* The first item; removing `n' of them.  requires: there are as many */
struct socle__dgram_item *socle__dgram_head(const struct socle_dgram *d);
void socle__dgram_pop(struct socle_dgram *d, size_t n);
/* `n' bytes of the head were sent.  requires: `n' is less than its length */
void socle__dgram_shorten(struct socle_dgram *d, size_t n);
/* Empties the queue; reports -ECANCELED for each datagram, in order. */
void socle__dgram_queue_drop(struct socle_dgram *d);
/* Removes the head and reports that it failed. */
void socle__dgram_queue_fail(struct socle_dgram *d, int err);
void socle__dgram_queue_check(const struct socle_dgram *d);

static inline struct socle__dgram_cursor
socle__dgram_cursor(const struct socle_dgram *d)
{
	struct socle__dgram_cursor c = {d->first, d->first ? d->first->at : 0};

	return c;
}

/* Returns the item at the cursor and advances; NULL at the end. */
static inline const struct socle__dgram_item *
socle__dgram_next(struct socle__dgram_cursor *c)
{
	const void *p;

	while (c->block && c->at == c->block->used) {
		c->block = c->block->next;
		c->at = c->block ? c->block->at : 0;
	}
	if (!c->block)
		return NULL;
	p = c->block->data + c->at;
	c->at += ((const struct socle__dgram_item *)p)->size;
	return p;
}

/*
 * Adds the item of the packet delivered last to the end of the block, if this
 * is its place, and the item is its data for its sender.  Whether it did.
 */
static inline bool
socle__dgram_answer_add(struct socle_dgram *d, struct socle__dgram_block *b,
	const void *data, size_t len, const void *to, socklen_t to_len)
{
	void *at = b->data + b->used;
	struct socle__dgram_item *item = at;

	if (!b->of || b->used != (b->of->next - 1) * sizeof(*item) ||
		item->o.data != data || item->o.to != to)
		return false;
	item->o.len = len;
	item->o.to_len = to_len;
	b->used += sizeof(*item);
	d->items++;
	d->sock.queued += socle__dgram_weight(len);
	SOCLE__PROBE3(write_queued, &d->sock, d->sock.d.fd, d->sock.queued);
	return true;
}

#endif

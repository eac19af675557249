/* The queue of outgoing datagrams. */
#ifndef SOCLE_SOCKETS_DGRAM_QUEUE_H
#define SOCLE_SOCKETS_DGRAM_QUEUE_H

#include "sockets/dgram/options.h"
#include "sockets/dgram/room.h"

/* A datagram to be sent. */
struct socle__outgoing {
	const void *data;
	size_t len;
	int flags;
	const void *to;
	socklen_t to_len;
	const struct socle__dgram_source *source; /* or NULL */
};

/*
 * A datagram in the queue.  Its address, its source and, unless the data is
 * borrowed from a receive buffer, its data follow in memory.
 */
struct socle__dgram_item {
	size_t size;                    /* with the data behind it */
	struct socle__dgram_room *room; /* that lends the data, or NULL */
	struct socle__outgoing o;       /* the part not sent yet */
};

/* A block of items; those in [at, used) are still to be sent. */
struct socle__dgram_block {
	struct socle__dgram_block *next;
	size_t at, used, room; /* room: its capacity */
	unsigned pins;         /* handlers that were called with its data */
	bool left;             /* not in the queue: the last pin frees it */
	_Alignas(max_align_t) char data[];
};

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
/* The first item, and removing it.  requires: the queue is not empty */
struct socle__dgram_item *socle__dgram_head(const struct socle_dgram *d);
void socle__dgram_pop(struct socle_dgram *d);
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

#endif

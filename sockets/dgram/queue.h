/* The queue of outgoing datagrams. */
#ifndef SOCLE_SOCKETS_DGRAM_QUEUE_H
#define SOCLE_SOCKETS_DGRAM_QUEUE_H

#include "sockets/dgram/options.h"
#include "sockets/dgram/room.h"

/* A datagram on its way out. */
struct socle__outgoing {
	const void *data;
	size_t len;
	int flags;
	const void *to;
	socklen_t to_len;
	const struct socle__dgram_source *source; /* or NULL */
};

/* The same in the queue, behind it its address, its source, and mostly data. */
struct socle__dgram_item {
	size_t size;                    /* of all of it */
	struct socle__dgram_room *room; /* that data are in; NULL: in none */
	struct socle__outgoing o;       /* what of it is not sent yet */
};

/* Items one behind another; those in [at, used) are to be sent. */
struct socle__dgram_block {
	struct socle__dgram_block *next;
	size_t at, used, room;
	unsigned pins; /* calls that look into it */
	bool left;     /* the queue, so that the last of them frees it */
	_Alignas(max_align_t) char data[];
};

struct socle__dgram_cursor {
	const struct socle__dgram_block *block;
	size_t at;
};

int socle__dgram_enqueue(
	struct socle_dgram *d, const struct socle__outgoing *o);
/* requires: not empty */
struct socle__dgram_item *socle__dgram_head(const struct socle_dgram *d);
void socle__dgram_pop(struct socle_dgram *d);
/* `n' bytes of the head went; requires: more than those are left of it */
void socle__dgram_shorten(struct socle_dgram *d, size_t n);
/* All of it is told to have been cancelled, in order. */
void socle__dgram_queue_drop(struct socle_dgram *d);
/* The head fails: it leaves the queue, and is told. */
void socle__dgram_queue_fail(struct socle_dgram *d, int err);
void socle__dgram_queue_check(const struct socle_dgram *d);

static inline struct socle__dgram_cursor
socle__dgram_cursor(const struct socle_dgram *d)
{
	struct socle__dgram_cursor c = {d->first, d->first ? d->first->at : 0};

	return c;
}

/* The next item to be sent, or NULL. */
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

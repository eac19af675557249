/* Receive buffers. */
#ifndef SOCLE_SOCKETS_DGRAM_ROOM_H
#define SOCLE_SOCKETS_DGRAM_ROOM_H

#include "sockets/dgram/options.h"

static inline size_t
socle__round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

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
	struct socle__dgram_room *of; /* that it is a part of, or NULL */
	size_t at, used, room;        /* room: its capacity */
	unsigned pins; /* handlers that were called with its data */
	bool left;     /* not in the queue: the last pin frees it */
	_Alignas(max_align_t) char data[];
};

struct socle__dgram_room {
	unsigned users; /* on_recv calls on the stack that use its data */
	unsigned lent;  /* items and blocks of the queue whose data is in it */
	struct socle__dgram_resolved *lender; /* the class whose `lent' it is */
	unsigned n, next; /* messages in it; the first not yet delivered */
	size_t at;        /* bytes of message `next' already delivered */
	size_t segment;   /* length of its joined datagrams; 0: not joined */
	int err;          /* the error that ended the batch, or 0 */
	unsigned slots;
	size_t len;     /* bytes of a slot */
	size_t most;    /* longest datagram to deliver: recv_len */
	size_t control; /* bytes of control data in a slot */
	size_t bytes;   /* size of `memory' */
	struct socle__message *messages;
	struct iovec *iov;
	struct socle_packet *packets;
	char *controls;
	struct socle__dgram_block *answers; /* an item for each slot */
	_Alignas(max_align_t) char memory[];
};

/* Sets d->room to an empty buffer of the size that `d' needs, or NULL. */
struct socle__dgram_room *socle__dgram_room_get(struct socle_dgram *d);
/* Releases d->room if it is empty. */
void socle__dgram_room_put(struct socle_dgram *d);
/* Releases d->room with its datagrams: the object is closed. */
void socle__dgram_room_end(struct socle_dgram *d);
/*
 * Keeps it for the class or frees it, unless it is lent.  requires: no user,
 * and it is not d->room
 */
void socle__dgram_room_leave(
	struct socle_dgram *d, struct socle__dgram_room *r);
/* The buffer that holds `data', if the queue may borrow it; else NULL. */
struct socle__dgram_room *socle__dgram_room_to_lend(
	struct socle_dgram *d, const void *data);
/* A queue item borrows the buffer, and no longer borrows it. */
void socle__dgram_room_lend(struct socle_dgram *d, struct socle__dgram_room *r);
void socle__dgram_room_give_back(
	struct socle_dgram *d, struct socle__dgram_room *r);
/* Resets the slots [from, to) for another system call. */
void socle__dgram_room_clean(
	struct socle__dgram_room *r, unsigned from, unsigned to);

static inline bool
socle__dgram_has_unread(const struct socle_dgram *d)
{
	return d->room && d->room->next < d->room->n;
}

#endif

/* The memory that datagrams are received in. */
#ifndef SOCLE_SOCKETS_DGRAM_ROOM_H
#define SOCLE_SOCKETS_DGRAM_ROOM_H

#include "sockets/dgram/state.h"

#include "system.h"

static inline size_t
socle__round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

struct socle__dgram_room {
	unsigned users; /* calls of on_recv that look into it */
	unsigned lent;  /* items of a queue that have their data in it */
	struct socle__dgram_resolved *lender; /* whose `lent' it is then */
	unsigned n, next; /* messages in it; the first not handed over */
	size_t at;        /* of that one, the bytes that were */
	size_t segment;   /* of that one: the length of each; 0: it is one */
	int err;          /* what the kernel said behind them */
	unsigned slots;
	size_t len;     /* of a slot */
	size_t most;    /* of a datagram's data: recv_len */
	size_t control; /* bytes of a slot's control data */
	size_t bytes;   /* of memory, from `memory' on */
	struct socle__message *messages;
	struct iovec *iov;
	struct socle_packet *packets;
	char *controls;
	_Alignas(max_align_t) char memory[];
};

/* Empty and fit for what `d' is to receive, as d->room; NULL: no memory. */
struct socle__dgram_room *socle__dgram_room_get(struct socle_dgram *d);
/* The object does not need it any more. */
void socle__dgram_room_put(struct socle_dgram *d);
void socle__dgram_room_end(struct socle_dgram *d);
/* Nobody looks into it, and it is not the object's. */
void socle__dgram_room_leave(
	struct socle_dgram *d, struct socle__dgram_room *r);
/* Where `data' are, if they may stay there until they are sent, or NULL. */
struct socle__dgram_room *socle__dgram_room_to_lend(
	struct socle_dgram *d, const void *data);
void socle__dgram_room_lend(struct socle_dgram *d, struct socle__dgram_room *r);
void socle__dgram_room_give_back(
	struct socle_dgram *d, struct socle__dgram_room *r);
/* Ready for another call. */
void socle__dgram_room_clean(
	struct socle__dgram_room *r, unsigned from, unsigned to);

static inline bool
socle__dgram_has_unread(const struct socle_dgram *d)
{
	return d->room && d->room->next < d->room->n;
}

#endif

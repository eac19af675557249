/* The private state of datagram objects. */
#ifndef SOCLE_SOCKETS_DGRAM_STATE_H
#define SOCLE_SOCKETS_DGRAM_STATE_H

#include "sockets/dgram/dgram.h"
#include "sockets/object.h"

struct socle__dgram_room;
struct socle__dgram_block;

/* struct socle_dgram.flags */
enum {
	SOCLE__DGRAM_ENDS = 1,    /* a connection: a read of 0 is its end */
	SOCLE__DGRAM_PIECES = 2,  /* sends to a stream, which may take a part */
	SOCLE__DGRAM_IN_ONES = 4, /* there is no recvmmsg */
	SOCLE__DGRAM_OUT_ONES = 8, /* there is no sendmmsg */
	SOCLE__DGRAM_PKT = 16,     /* these three: requested and available */
	SOCLE__DGRAM_JOINED_IN = 32,
	SOCLE__DGRAM_JOINED_OUT = 64,
	SOCLE__DGRAM_OUT_ENDS = 128, /* sends to a connection */
	SOCLE__DGRAM_IN_STREAM = 256,
	SOCLE__DGRAM_IN_FAILED = 512, /* the last receive failed */
	SOCLE__DGRAM_HAS_PEER = 1024  /* it was connected at the last check */
};

enum { SOCLE__DGRAM_BATCH = 64 };

/* A resolved class with its additional slots, and buffers for its objects. */
struct socle__dgram_resolved {
	struct socle__class c; /* first */
	void (*on_recv)(struct socle_dgram *self, const struct socle_packet *p);
	void (*on_recv_error)(struct socle_dgram *self, int err);
	void (*on_send_error)(struct socle_dgram *self, int err,
		const struct socle_packet *p);
	void (*on_outgoing_empty)(struct socle_dgram *self);
	struct socle__dgram_room *room;   /* an unused receive buffer */
	struct socle__dgram_room *lent;   /* the one that a queue borrows */
	struct socle__dgram_block *spare; /* an unused block */
};

/* The transport of every datagram class; implemented by dgram.c. */
extern const struct socle__transport socle__dgram_transport;

static inline struct socle__dgram_resolved *
socle__dgram_class_of(const struct socle_dgram *d)
{
	return socle_container_of(
		socle__class_of(&d->sock), struct socle__dgram_resolved, c);
}

static inline struct socle_dgram *
socle__dgram_of(struct socle_socket *s)
{
	return socle_container_of(s, struct socle_dgram, sock);
}

static inline bool
socle__dgram_has_on_recv(const struct socle_dgram *d)
{
	return d->p.on_recv || socle__dgram_class_of(d)->on_recv;
}

#endif

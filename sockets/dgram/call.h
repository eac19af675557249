/* Handing datagrams to the kernel. */
#ifndef SOCLE_SOCKETS_DGRAM_CALL_H
#define SOCLE_SOCKETS_DGRAM_CALL_H

#include "sockets/dgram/queue.h"

struct socle__dgram_writer {
	struct socle_descriptor d; /* first */
	struct socle_dgram *owner; /* NULL: it was closed */
	uint32_t flags;            /* the owner's, for the fd that it reads */
};

/* The fd that it sends by. */
int socle__dgram_out_fd(const struct socle_dgram *d);
/* Bytes, or -errno. */
ssize_t socle__dgram_transmit(
	struct socle_dgram *d, const struct socle__outgoing *o);
/*
 * Sends of the queue by one call, at most `most' messages, and takes off what
 * went: how many datagrams; 0: a part of one; -errno, which is the head's.
 */
int socle__dgram_transmit_queue(struct socle_dgram *d, unsigned most);

#endif

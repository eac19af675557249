/* Passing datagrams to the kernel. */
#ifndef SOCLE_SOCKETS_DGRAM_CALL_H
#define SOCLE_SOCKETS_DGRAM_CALL_H

#include "sockets/dgram/queue.h"

struct socle__dgram_writer {
	struct socle_descriptor d; /* first */
	struct socle_dgram *owner;
	uint32_t flags; /* the owner's flags for the fd that it reads from */
};

/* The fd that the object sends through. */
int socle__dgram_out_fd(const struct socle_dgram *d);
/* Sends one datagram: the bytes sent, or -errno. */
ssize_t socle__dgram_transmit(
	struct socle_dgram *d, const struct socle__outgoing *o);
/* What one system call may send, each at least 1. */
struct socle__dgram_budget {
	unsigned messages; /* SOCLE__DGRAM_BATCH at most */
	unsigned datagrams;
	size_t bytes; /* the last datagram or run may exceed it */
};

/*
 * Sends from the queue with one system call, and removes what was sent.  How
 * many datagrams; 0: a part of the head; -errno: the head was refused.
 */
int socle__dgram_transmit_queue(
	struct socle_dgram *d, const struct socle__dgram_budget *budget);

#endif

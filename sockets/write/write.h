/* The common part of the public calls that write. */
#ifndef SOCLE_SOCKETS_WRITE_WRITE_H
#define SOCLE_SOCKETS_WRITE_WRITE_H

#include "sockets/write/queue.h"

/* 0, or the error that refuses a write of this length. */
int socle__write_refusal(const struct socle_socket *s, size_t len);

/*
 * Queues a copy of `item' and pumps it.  -ENOMEM: nothing was taken.  Otherwise
 * the queue owns what the item holds; 1: the queue is empty; 0: it is not, or a
 * failed write has closed the socket.
 */
int socle__write_item(struct socle_socket *s, const struct socle__item *item);

#endif

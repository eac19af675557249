/* What the public calls that write have in common. */
#ifndef SOCLE_SOCKETS_WRITE_WRITE_H
#define SOCLE_SOCKETS_WRITE_WRITE_H

#include "sockets/write/queue.h"

/* 0, or why nothing of this length may be written now. */
int socle__write_refusal(const struct socle_socket *s, size_t len);

/*
 * Queues a copy of `item' and pumps it.  -ENOMEM with nothing taken; else the
 * item is the queue's: 1 if nothing is left to be sent, 0 if something is, or
 * if the socket was closed.
 */
int socle__write_item(struct socle_socket *s, const struct socle__item *item);

#endif

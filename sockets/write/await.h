/* What the queue waits for. */
#ifndef SOCLE_SOCKETS_WRITE_AWAIT_H
#define SOCLE_SOCKETS_WRITE_AWAIT_H

#include "sockets/object.h"

/*
 * Decides from the state what the queue waits for, and sets all of it: a FLUSH
 * turn, writability, the writer's readability, the retry timer, or nothing.
 */
void socle__queue_await(struct socle_socket *s);

/*
 * The kernel, or the writer function, takes no more: `err' says why, 0 after a
 * short count.  The other one precedes the next try.  socle__queue_await()
 * follows either.
 */
void socle__queue_blocked(struct socle_socket *s, int err);
void socle__queue_unblocked(struct socle_socket *s);

#endif

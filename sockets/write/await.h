/* What a non-empty queue waits for. */
#ifndef SOCLE_SOCKETS_WRITE_AWAIT_H
#define SOCLE_SOCKETS_WRITE_AWAIT_H

#include "sockets/object.h"

/*
 * Derives from the state what the queue waits for, and arranges it: a FLUSH
 * turn, writability, readability for the writer function, or nothing.
 */
void socle__queue_await(struct socle_socket *s);

/*
 * Records that the kernel or the writer function takes no more: `err' is the
 * reason, 0 after a short count.  The second one precedes the next try.  After
 * either the caller calls socle__queue_await().
 */
void socle__queue_blocked(struct socle_socket *s, int err);
void socle__queue_unblocked(struct socle_socket *s);

#endif

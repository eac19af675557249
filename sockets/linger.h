/* Lingering: an answer arrives although the peer is still sending. */
#ifndef SOCLE_SOCKETS_LINGER_H
#define SOCLE_SOCKETS_LINGER_H

#include "sockets/object.h"

/* Whether closing the object now could destroy what the peer has not read. */
bool socle__must_linger(const struct socle_socket *s);

/*
 * Closes an object for which socle_close_after_flush() was called: at once, or
 * after lingering.  requires: the queue is empty
 */
void socle__close_or_linger(struct socle_socket *s);

/* What `ready' does while the object lingers. */
void socle__linger_ready(struct socle_socket *s, unsigned ready);

#endif

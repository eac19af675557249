/* Sending datagrams. */
#ifndef SOCLE_SOCKETS_DGRAM_SEND_H
#define SOCLE_SOCKETS_DGRAM_SEND_H

#include "sockets/dgram/state.h"

/* Flushes the queue: the transport's `flush'. */
void socle__dgram_flush(struct socle_socket *s);

/* Watches writability of the fd that the object sends through. */
void socle__dgram_want_write(struct socle_dgram *d, bool on);

#endif

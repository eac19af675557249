/* Receiving datagrams. */
#ifndef SOCLE_SOCKETS_DGRAM_RECEIVE_H
#define SOCLE_SOCKETS_DGRAM_RECEIVE_H

#include "sockets/dgram/state.h"

/* Receives and delivers datagrams: the root class's event_read. */
void socle__dgram_receive(struct socle_dgram *d);

#endif

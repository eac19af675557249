/* Calling a datagram object's handlers. */
#ifndef SOCLE_SOCKETS_DGRAM_EVENTS_H
#define SOCLE_SOCKETS_DGRAM_EVENTS_H

#include "sockets/dgram/state.h"

void socle__dgram_recv_error(struct socle_dgram *d, int err);
void socle__dgram_send_error(
	struct socle_dgram *d, int err, const struct socle_packet *p);

/* Calls event_drain, if the class has it: the queue has become empty. */
void socle__dgram_emptied(struct socle_dgram *d);

#endif

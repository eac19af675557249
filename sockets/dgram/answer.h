/* Whether a sender can be answered. */
#ifndef SOCLE_SOCKETS_DGRAM_ANSWER_H
#define SOCLE_SOCKETS_DGRAM_ANSWER_H

#include "sockets/dgram/state.h"

/*
 * 0: a reply can be sent to the sender `from'; 1: it has no name, but the object
 * is connected; -EDESTADDRREQ: nor is it connected; -EINVAL: its port is 0.
 */
int socle__dgram_answerable(
	struct socle_dgram *d, const struct socle_addr *from);

#endif

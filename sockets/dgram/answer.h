/* Whether a sender can be answered. */
#ifndef SOCLE_SOCKETS_DGRAM_ANSWER_H
#define SOCLE_SOCKETS_DGRAM_ANSWER_H

#include "sockets/dgram/state.h"

/* Whether `a' is the address of a sender that has no name. */
bool socle__dgram_is_unnamed(const struct socle_addr *a);

/*
 * 0: a reply to the sender `from' can be sent; -EDESTADDRREQ: it has no name,
 * and the object is not connected; -EINVAL: its port is 0.
 */
int socle__dgram_answerable(
	struct socle_dgram *d, const struct socle_addr *from);

#endif

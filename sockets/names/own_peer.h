/* TCP sockets that are connected to themselves. */
#ifndef SOCLE_SOCKETS_NAMES_OWN_PEER_H
#define SOCLE_SOCKETS_NAMES_OWN_PEER_H

#include "sockets/names/addr.h"

#include <stdbool.h>

/*
 * A TCP connect to a local port without a listener can be given that very port
 * as its own, and connects to itself.  `peer' is what getpeername(2) returned.
 */
bool socle__is_own_peer(int fd, const struct socle_addr *peer);

#endif

/* Handing a socket over to the application. */
#ifndef SOCLE_SOCKETS_FACTORY_DELIVER_H
#define SOCLE_SOCKETS_FACTORY_DELIVER_H

#include "sockets/factory/state.h"

/*
 * Hands the fd over, as an object or as it is; closes it if no callback is
 * set for it.  0 or -errno, with the fd closed.
 */
int socle__factory_deliver(
	struct socle_factory *f, int fd, const struct socle_addr *peer);

#endif

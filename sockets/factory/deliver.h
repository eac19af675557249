/* Delivering a socket to the application. */
#ifndef SOCLE_SOCKETS_FACTORY_DELIVER_H
#define SOCLE_SOCKETS_FACTORY_DELIVER_H

#include "sockets/factory/state.h"

/*
 * Passes the fd to `success', or an object made of it to `accepted'; closes
 * it if neither callback is set.  0; or -errno, and the fd is closed.
 */
int socle__factory_deliver(
	struct socle_factory *f, int fd, const struct socle_addr *peer);

/* The same for a factory that makes objects. */
int socle__factory_deliver_object(struct socle_factory *f, int fd);

#endif

/* A factory's references, and the objects that it counts. */
#ifndef SOCLE_SOCKETS_FACTORY_COUNT_H
#define SOCLE_SOCKETS_FACTORY_COUNT_H

#include "sockets/factory/state.h"
#include "sockets/object.h"

void socle__factory_unref(struct socle_factory *f);

/* A client was delivered: it counts against max_connections. */
void socle__factory_count(struct socle_factory *f);

/*
 * Makes the object report when it is closed or stolen, if the factory has a
 * limit.  0 or -ENOMEM.
 */
int socle__factory_count_object(
	struct socle_factory *f, struct socle_socket *s);

/*
 * Reserves memory for the note that an object was made of `fd'.  0 or -ENOMEM.
 * requires: there is none, fd >= made_size
 */
int socle__factory_made_reserve(struct socle_factory *f, int fd);

/* Watches the listener for clients if it may accept now, else does not. */
void socle__listener_interest(struct socle_factory *f);

#endif

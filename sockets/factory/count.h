/* A factory's references, and the objects that it counts. */
#ifndef SOCLE_SOCKETS_FACTORY_COUNT_H
#define SOCLE_SOCKETS_FACTORY_COUNT_H

#include "sockets/factory/state.h"
#include "sockets/object.h"

void socle__factory_unref(struct socle_factory *f);

/* A client was handed over: it counts against max_connections. */
void socle__factory_count(struct socle_factory *f);

/* Has the object report its end to the factory that counts it; -ENOMEM. */
int socle__factory_count_object(
	struct socle_factory *f, struct socle_socket *s);

/* Has the kernel watch the listener if it accepts now. */
void socle__listener_interest(struct socle_factory *f);

#endif

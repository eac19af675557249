/* Creating a factory that has not started. */
#ifndef SOCLE_SOCKETS_FACTORY_NEW_H
#define SOCLE_SOCKETS_FACTORY_NEW_H

#include "sockets/factory/state.h"

/* Creates it and adds it to the reactor's list; 0 or -errno. */
int socle__factory_new(
	const struct socle_factory_params *p, struct socle_factory **ret);

#endif

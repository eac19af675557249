/* A new factory that has not started. */
#ifndef SOCLE_SOCKETS_FACTORY_NEW_H
#define SOCLE_SOCKETS_FACTORY_NEW_H

#include "sockets/factory/state.h"

/* Makes it and enters it in the reactor; 0 or -errno. */
int socle__factory_new(
	const struct socle_factory_params *p, struct socle_factory **ret);

#endif

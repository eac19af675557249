/* Creating a factory from its parameters. */
#ifndef SOCLE_SOCKETS_FACTORY_MAKE_H
#define SOCLE_SOCKETS_FACTORY_MAKE_H

#include "sockets/factory/state.h"

/* Checks and copies the parameters; starts nothing.  0 or -errno. */
int socle__factory_make(
	const struct socle_factory_params *p, struct socle_factory **ret);

#endif

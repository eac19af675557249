/* Listeners whose socket listens already. */
#ifndef SOCLE_SOCKETS_FACTORY_ADOPT_H
#define SOCLE_SOCKETS_FACTORY_ADOPT_H

#include "sockets/factory/state.h"

/* Starts a factory with a listen_fd.  -errno: the fd is unchanged. */
int socle__listener_adopt(struct socle_factory *f);

/* In the process that adopted it: restores the blocking mode. */
void socle__listener_give_back(struct socle_factory *f);

#endif

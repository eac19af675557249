/* From a factory's names to addresses, from addresses to a socket. */
#ifndef SOCLE_SOCKETS_FACTORY_RESOLVE_H
#define SOCLE_SOCKETS_FACTORY_RESOLVE_H

#include "sockets/factory/state.h"

/*
 * Starts what needs no callback, and leaves the rest to the next tick; 0 or
 * -errno, which f->operation explains.
 */
int socle__factory_start(struct socle_factory *f);

/* The function of `event' */
void socle__factory_event_fired(struct socle_timer *t);

#endif

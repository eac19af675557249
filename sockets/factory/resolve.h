/* Resolving a factory's names and starting its work. */
#ifndef SOCLE_SOCKETS_FACTORY_RESOLVE_H
#define SOCLE_SOCKETS_FACTORY_RESOLVE_H

#include "sockets/factory/state.h"

/*
 * Starts the work that needs no callback and leaves the rest to the next tick.
 * 0; or -errno, and f->operation names the step that failed.
 */
int socle__factory_start(struct socle_factory *f);

/* The callback of the timer `event'. */
void socle__factory_event_fired(struct socle_timer *t);

#endif

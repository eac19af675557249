/* Trying again later. */
#ifndef SOCLE_SOCKETS_DGRAM_LATER_H
#define SOCLE_SOCKETS_DGRAM_LATER_H

#include "sockets/dgram/state.h"

/* Sets everything of `d' behind its socket to its start value. */
void socle__dgram_clear(struct socle_dgram *d);

/* Tries again in `ms', unless the timer fires sooner. */
void socle__dgram_try_later(struct socle_dgram *d, unsigned ms);

#endif

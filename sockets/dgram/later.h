/* Retrying later. */
#ifndef SOCLE_SOCKETS_DGRAM_LATER_H
#define SOCLE_SOCKETS_DGRAM_LATER_H

#include "sockets/dgram/state.h"

/* Sets every field of `d' behind `sock' to its initial value. */
void socle__dgram_clear(struct socle_dgram *d);

/* Retries after `ms', or earlier if the timer is due before. */
void socle__dgram_try_later(struct socle_dgram *d, unsigned ms);

#endif

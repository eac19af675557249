/* Parking: taking a descriptor out of the poller until it is touched. */
#ifndef SOCLE_REACTOR_PARKING_H
#define SOCLE_REACTOR_PARKING_H

#include "reactor/state.h"

/*
 * For an event that would be reported again and again without effect: an end that
 * was reported already, or an event that was not requested.  One from before the
 * kernel knew what is wanted now parks nothing.
 */
void socle__park(struct socle_descriptor *d);

#endif

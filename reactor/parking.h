/* Parking: taking a descriptor out of the poller until it is touched. */
#ifndef SOCLE_REACTOR_PARKING_H
#define SOCLE_REACTOR_PARKING_H

#include "reactor/state.h"

/*
 * For an event that would be reported again and again without effect: an end that
 * was reported already, or an event that was not requested.
 */
void socle__park(struct socle_descriptor *d);

/* Whether it is parked, but reports new input. */
static inline bool
socle__is_listening(const struct socle_descriptor *d)
{
	return d->bits & SOCLE__PARKED && d->fd_flags & SOCLE__FD_LISTENS;
}

#endif

/* Running the timers of a loop. */
#ifndef SOCLE_REACTOR_DUE_TIMERS_H
#define SOCLE_REACTOR_DUE_TIMERS_H

#include "reactor/state.h"

/* The first step of a tick: calls the functions of all timers that are due. */
void socle__timers_run(struct socle__reactor *r);

#endif

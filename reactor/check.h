/* Asserts what must hold between ticks; only in check builds. */
#ifndef SOCLE_REACTOR_CHECK_H
#define SOCLE_REACTOR_CHECK_H

#include "reactor/state.h"

void socle__loop_check(const struct socle__reactor *r);

#endif

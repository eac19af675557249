/* What every cell starts with: the bystanders, and what is due meanwhile. */
#ifndef SOCLE_TESTS_REENTRANCY_ARRANGE_H
#define SOCLE_TESTS_REENTRANCY_ARRANGE_H

#include "tests/reentrancy/cell.h"

/*
 * Sets up `w', so that one of the next ticks calls the callback. In the same tick
 * two timers are due, a deferred and a posted call, writes of H that are held
 * back, and a post-loop callback.
 */
void arrange(const struct kind *kind, const struct operation *op);

#endif

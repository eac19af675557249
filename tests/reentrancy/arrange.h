/* What every cell starts with: the bystanders, and what is due meanwhile. */
#ifndef SOCLE_TESTS_REENTRANCY_ARRANGE_H
#define SOCLE_TESTS_REENTRANCY_ARRANGE_H

#include "tests/reentrancy/cell.h"

/*
 * Sets up `w', so that one of the next ticks calls the callback.  In the same tick
 * there is something to do in each of its steps.  `profiled': every callback is
 * counted, and no event takes the straight path.
 */
void arrange(const struct kind *kind, const struct operation *op,
	const struct operation *then, bool profiled);

#endif

/*
 * Runs one cell, and holds it against what must be true of every cell: without
 * and with profiling.
 */
#ifndef SOCLE_TESTS_REENTRANCY_ORACLE_H
#define SOCLE_TESTS_REENTRANCY_ORACLE_H

#include "tests/reentrancy/cell.h"

void cell_run(const struct kind *kind, const struct operation *op);

/*
 * The callback does two operations.  What each of them promises alone is not
 * checked, only what must be true whatever happened.
 */
void cell_run_two(const struct kind *kind, const struct operation *op,
	const struct operation *then);

#endif

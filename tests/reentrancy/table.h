/* The table: its kinds, its operations, and the cells that cannot be. */
#ifndef SOCLE_TESTS_REENTRANCY_TABLE_H
#define SOCLE_TESTS_REENTRANCY_TABLE_H

#include "tests/reentrancy/cell.h"

enum { KINDS_MOST = 64, OPERATIONS_MOST = 48 };

/* Both end with NULL. */
extern const struct kind *const all_kinds[];
extern const struct operation *const all_operations[];

/* Whether kind and operation have all that a cell needs. */
bool cell_can_be(const struct kind *k, const struct operation *o);

/* Why this cell is not asserted, as the list has it; NULL: it is not listed. */
const char *cell_is_named(const struct kind *k, const struct operation *o);

int cell_named_times(const struct kind *k, const struct operation *o);

#endif

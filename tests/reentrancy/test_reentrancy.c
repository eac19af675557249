/*
 * Every kind of callback does every operation: a test for each cell, or the
 * reason why there is none.  cell.h has what a cell is made of, oracle.c what
 * must be true of each.
 *
 * An argument selects the tests whose name matches it, as "*inside destroy";
 * "named" prints the cells that cannot be, and runs nothing.
 */
/* backends: all */
#include "tests/reentrancy/oracle.h"
#include "tests/reentrancy/table.h"

#include <stdio.h>

enum { CELLS_MOST = KINDS_MOST * OPERATIONS_MOST, NAME = 128 };

struct one {
	const struct kind *kind;
	const struct operation *op;
};

static struct one cells[CELLS_MOST];
static int n_kinds, n_operations, n_cells, n_named;

static void
cell(void **state)
{
	const struct one *c = *state;

	cell_run(c->kind, c->op);
}

/* The last test. */
static void
every_cell_is_asserted_or_named(void **state)
{
	(void)state;
	assert_int_equal(n_kinds * n_operations, n_cells + n_named);
	for (int i = 0; i < n_kinds; i++) {
		for (int j = 0; j < n_operations; j++) {
			const struct kind *k = all_kinds[i];
			const struct operation *o = all_operations[j];
			int times = cell_named_times(k, o);

			if (times != !cell_can_be(k, o))
				fail_msg("%s inside %s is named %d times",
					o->name, k->name, times);
		}
	}
	print_message("re-entrancy: %d kinds of callbacks x %d operations = %d "
		      "cells asserted + %d named\n",
		n_kinds, n_operations, n_cells, n_named);
}

static void
add_cells(struct CMUnitTest *tests, bool print)
{
	static char names[CELLS_MOST][NAME];

	for (int i = 0; i < n_kinds * n_operations; i++) {
		const struct kind *k = all_kinds[i / n_operations];
		const struct operation *o = all_operations[i % n_operations];
		const char *reason = cell_is_named(k, o);

		if (reason) {
			n_named++;
			if (print)
				printf("%s inside %s: %s\n", o->name, k->name,
					reason);
			continue;
		}
		cells[n_cells] = (struct one){k, o};
		(void)snprintf(
			names[n_cells], NAME, "%s inside %s", o->name, k->name);
		tests[n_cells] = (struct CMUnitTest){names[n_cells], cell,
			fixture_setup, fixture_teardown, &cells[n_cells]};
		n_cells++;
	}
}

int
main(int argc, char **argv)
{
	static struct CMUnitTest tests[CELLS_MOST + 1];
	bool print = argc > 1 && strcmp(argv[1], "named") == 0;

	while (all_kinds[n_kinds])
		n_kinds++;
	while (all_operations[n_operations])
		n_operations++;
	add_cells(tests, print);
	if (print)
		return 0;
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	tests[n_cells] =
		(struct CMUnitTest)test(every_cell_is_asserted_or_named);
	return _cmocka_run_group_tests(
		__FILE__, tests, (size_t)n_cells + 1, NULL, NULL);
}

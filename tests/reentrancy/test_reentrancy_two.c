/*
 * Every kind of callback does two operations, one after the other, and what must
 * be true whatever happened is: a test for each kind.
 *
 * One pair in SAMPLE is run, all of them with SOCLE_TEST_LONG.  An argument
 * selects the tests whose name matches it.
 */
/* backends: all */
#include "tests/reentrancy/operations.h"
#include "tests/reentrancy/oracle.h"
#include "tests/reentrancy/table.h"

#include <stdio.h>

enum { SAMPLE = 17, NAME = 128 }; /* a prime: no row or column is left out */

static int runs;

/* In a child that has yet to call socle_after_fork() nothing may follow. */
static bool
is_last(const struct operation *o)
{
	return o == &forking_and_continuing_later ||
		o == &forking_and_not_continuing;
}

static bool
is_run(int n)
{
	return getenv("SOCLE_TEST_LONG") || n % SAMPLE == 0;
}

static void
two_operations(void **state)
{
	const struct kind *k = *state;
	int n = 0;

	for (int i = 0; all_operations[i]; i++) {
		for (int j = 0; all_operations[j]; j++) {
			const struct operation *o = all_operations[i];
			const struct operation *then = all_operations[j];

			if (is_last(o) || !cell_can_be(k, o) ||
				!cell_can_be(k, then) || !is_run(n++))
				continue;
			cell_run_two(k, o, then);
			runs++;
		}
	}
}

static void
the_pairs_are_counted(void **state)
{
	(void)state;
	print_message("re-entrancy: %d pairs of operations run\n", runs);
	assert_true(runs > 0);
}

int
main(int argc, char **argv)
{
	static struct CMUnitTest tests[KINDS_MOST + 1];
	static char names[KINDS_MOST][NAME];
	int n = 0;

	for (int i = 0; all_kinds[i]; i++) {
		if (!all_kinds[i]->arrange)
			continue;
		(void)snprintf(names[n], NAME, "two operations inside %s",
			all_kinds[i]->name);
		tests[n] = (struct CMUnitTest){names[n], two_operations,
			fixture_setup, fixture_teardown,
			(void *)(uintptr_t)all_kinds[i]};
		n++;
	}
	tests[n++] = (struct CMUnitTest)test(the_pairs_are_counted);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return _cmocka_run_group_tests(__FILE__, tests, (size_t)n, NULL, NULL);
}

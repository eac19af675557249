/*
 * Each place of the library that makes a system call or an allocation fails in
 * each way that it can, in programs that together reach all places; sweep.h
 * says what must hold.
 */
/* backends: all */
#include "tests/support/fixture.h"
#include "tests/support/scenario.h"
#include "tests/sweep/scenes.h"
#include "tests/sweep/sweep.h"
#include "tests/sweep/unheard.h"

/* libkqueue keeps fds of its own open, and a run is judged by its fds. */
#ifdef KQUEUE_KEEPS_FDS
#define skip_with_libkqueue()                                                  \
	do {                                                                   \
		if (backend_is("libkqueue"))                                   \
			skip_because("libkqueue keeps fds of its own open");   \
	} while (0)
#else
#define skip_with_libkqueue()
#endif

static void
the_first_steps_survive_each_fault(void **state)
{
	(void)state;
	skip_with_libkqueue();
	sweep_first();
}

static void
core_run(int strikes, struct result *r)
{
	faults_on();
	r->problem = scenario_run(strikes);
	r->heard = scenario_heard();
}

static void
plain_core_run(int strikes, struct result *r)
{
	scenario_profile(false);
	core_run(strikes, r);
	scenario_profile(true);
}

/* The memory of objects is in slabs. */
static void
slab_core_run(int strikes, struct result *r)
{
	setenv("SOCLE_SLABS", "1", 1);
	core_run(strikes, r);
	unsetenv("SOCLE_SLABS");
}

static void
the_core_survives_each_fault(void **state)
{
	static const struct scene scenes[] = {
		{"the core", core_run, NULL},
		{"the core without a profile", plain_core_run, NULL},
		{"the core with slabs", slab_core_run, NULL},
	};

	(void)state;
	skip_with_libkqueue();
	SWEEP(scenes);
}

static void
the_core_survives_two_faults_in_one_run(void **state)
{
	static const struct scene core = {"the core", core_run, NULL};

	(void)state;
	skip_with_libkqueue();
	sweep_pairs(&core, long_form() ? 50000 : scaled(500, 20));
}

static void
child_run(int strikes, struct result *r)
{
	r->problem = scenario_fork_run(strikes, faults_on);
	r->heard = scenario_heard();
}

static void
a_child_survives_each_fault(void **state)
{
	static const struct scene scenes[] = {{"a child", child_run, NULL}};

	(void)state;
	skip_with_libkqueue();
	SWEEP(scenes);
}

static void
daemons_survive_each_fault(void **state)
{
	(void)state;
	skip_with_libkqueue();
	sweep_daemon();
}

static void
the_console_survives_each_fault(void **state)
{
	(void)state;
	sweep_console();
}

static void
datagrams_survive_each_fault(void **state)
{
	(void)state;
	skip_with_libkqueue();
	sweep_dgrams();
}

static void
factories_survive_each_fault(void **state)
{
	(void)state;
	skip_with_libkqueue();
	sweep_factories();
}

static void
sockets_outside_the_loop_survive_each_fault(void **state)
{
	(void)state;
	skip_with_libkqueue();
	sweep_io();
}

static void
streams_survive_each_fault(void **state)
{
	(void)state;
	skip_with_libkqueue();
	sweep_streams();
}

static void
the_loop_survives_each_fault(void **state)
{
	(void)state;
	skip_with_libkqueue();
	sweep_loop();
}

static void
every_place_is_reached(void **state)
{
	size_t n;
	struct socle__site **list = sites_list(&n);
	int missing = 0;

	(void)state;
	skip_with_libkqueue();
	sweep_print_sums();
	for (size_t i = 0; i < n; i++) {
		const struct socle__site *s = list[i];

		if (scenes_reaching(s) > 0 || why_unreached(s))
			continue;
		print_error("%s:%d: no scene reaches %s() in %s()\n", s->file,
			s->line, s->call, s->function);
		missing++;
	}
	assert_int_equal(0, missing);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		sweep_test(the_first_steps_survive_each_fault), /* is first */
		sweep_test(the_core_survives_each_fault),
		sweep_test(the_core_survives_two_faults_in_one_run),
		sweep_test(a_child_survives_each_fault),
		sweep_test(daemons_survive_each_fault),
		sweep_test(the_console_survives_each_fault),
		sweep_test(datagrams_survive_each_fault),
		sweep_test(factories_survive_each_fault),
		sweep_test(sockets_outside_the_loop_survive_each_fault),
		sweep_test(streams_survive_each_fault),
		sweep_test(the_loop_survives_each_fault),
		test(every_place_is_reached),
	};

	return run_tests(tests);
}

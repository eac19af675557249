/*
 * The C library refuses what a loop needs of it: a key for the end of the
 * thread, memory for its value, a handler for fork(2).  Each test is a process
 * of its own, because the library asks once.
 */
#include "tests/support/forking.h"
#include "tests/support/resolver.h"

#include <pthread.h>
#include <signal.h>

#ifdef __GLIBC__
#include <dlfcn.h>

extern void *__dso_handle;
int __register_atfork(void (*prepare)(void), void (*parent)(void),
	void (*child)(void), void *dso);

static bool values_are_refused;
static int handlers_refused_from = -1; /* the nth; -1: none */

/* These are found before libc's. */
int
pthread_setspecific(pthread_key_t key, const void *value)
{
	int (*real)(pthread_key_t, const void *);

	if (values_are_refused)
		return ENOMEM;
	*(void **)&real = dlsym(RTLD_NEXT, "pthread_setspecific");
	return real(key, value);
}

int
pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	if (handlers_refused_from == 0)
		return ENOMEM;
	if (handlers_refused_from > 0)
		handlers_refused_from--;
	return __register_atfork(prepare, parent, child, __dso_handle);
}

static void
nothing(void *arg)
{
	(void)arg;
}

static int
without_a_key(struct probe *p)
{
	pthread_key_t key;

	(void)p;
	while (pthread_key_create(&key, NULL) == 0)
		;
	CHECK(socle_defer(nothing, NULL) == -ENOMEM);
	CHECK(socle_event_loop_once(0) == -ENOMEM);
	CHECK(seam_live_blocks() == 0);
	return 0;
}

static void
without_a_key_for_its_end_a_thread_has_no_loop(void **state)
{
	(void)state;
	child_run(without_a_key, NULL);
}

static int
without_a_value(struct probe *p)
{
	(void)p;
	values_are_refused = true;
	CHECK(socle_defer(nothing, NULL) == -ENOMEM);
	CHECK(seam_live_blocks() == 0);
	values_are_refused = false;
	CHECK(socle_defer(nothing, NULL) == 0);
	CHECK(socle_event_loop_once(0) >= 0);
	socle_reset();
	CHECK(seam_live_blocks() == 0);
	return 0;
}

static void
without_memory_for_its_end_a_thread_has_no_loop_yet(void **state)
{
	(void)state;
	child_run(without_a_value, NULL);
}

static int
without_a_fork_handler(struct probe *p)
{
	(void)p;
	handlers_refused_from = 0;
	CHECK(socle_defer(nothing, NULL) == -ENOMEM);
	return 0;
}

static void
a_loop_that_could_not_learn_of_a_fork_is_not_made(void **state)
{
	(void)state;
	child_run(without_a_fork_handler, NULL);
}

static void
no_signal(int signo, void *arg)
{
	(void)signo;
	(void)arg;
}

static int
without_a_signal_fork_handler(struct probe *p)
{
	(void)p;
	handlers_refused_from = 1; /* the first is the loop's */
	CHECK(socle_signal(SIGUSR1, no_signal, NULL) == -ENOMEM);
	CHECK(socle_event_loop_once(0) >= 0);
	socle_reset();
	return 0;
}

static void
a_signal_that_could_not_be_left_to_the_parent_is_refused(void **state)
{
	(void)state;
	child_run(without_a_signal_fork_handler, NULL);
}

static int
without_a_resolver_fork_handler(struct probe *p)
{
	static char tag[] = "h1";

	(void)p;
	handlers_refused_from = 1;
	resolver_setup(NULL);
	CHECK(socle_resolve("h1", "80", AF_INET, 0, answered, tag, NULL) < 0);
	CHECK(resolver_threads() == 0);
	return 0;
}

static void
a_name_is_refused_if_its_thread_could_not_survive_a_fork(void **state)
{
	(void)state;
	child_run(without_a_resolver_fork_handler, NULL);
}
#endif

int
main(void)
{
#ifdef __GLIBC__
	const struct CMUnitTest tests[] = {
		test(without_a_key_for_its_end_a_thread_has_no_loop),
		test(without_memory_for_its_end_a_thread_has_no_loop_yet),
		test(a_loop_that_could_not_learn_of_a_fork_is_not_made),
		test(a_signal_that_could_not_be_left_to_the_parent_is_refused),
		test(a_name_is_refused_if_its_thread_could_not_survive_a_fork),
	};

	return run_tests(tests);
#else
	return 0;
#endif
}

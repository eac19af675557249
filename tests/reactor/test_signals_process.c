/* backends: all */
/*
 * Signals belong to the process: socle_signal() with the application's own
 * handlers, its other threads and its children.
 */
#include "tests/support/forking.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

static void
plain_handler(int signo)
{
	(void)signo;
}

static bool
has_handler(int signo, void (*handler)(int))
{
	struct sigaction now;

	return sigaction(signo, NULL, &now) == 0 && now.sa_handler == handler;
}

static void
set_handler(int signo, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	assert_int_equal(0, sigaction(signo, &action, NULL));
}

static void
watch_usr1(void)
{
	assert_int_equal(0, socle_signal(SIGUSR1, note_signal, NULL));
}

/* ---- handlers of the application ---- */

static void
null_leaves_a_handler_that_was_installed_later_alone(void **state)
{
	(void)state;
	watch_usr1();
	set_handler(SIGUSR1, plain_handler);
	assert_int_equal(0, socle_signal(SIGUSR1, NULL, NULL));
	assert_true(has_handler(SIGUSR1, plain_handler));
	set_handler(SIGUSR1, SIG_DFL);
}

static void
a_reset_leaves_a_handler_that_was_installed_later_alone(void **state)
{
	(void)state;
	watch_usr1();
	set_handler(SIGUSR1, plain_handler);
	socle_reset();
	assert_true(has_handler(SIGUSR1, plain_handler));
	set_handler(SIGUSR1, SIG_DFL);
}

static void
watching_again_replaces_a_handler_that_was_installed_later(void **state)
{
	(void)state;
	watch_usr1();
	set_handler(SIGUSR1, plain_handler);
	watch_usr1();
	raise(SIGUSR1);
	turn(1);
	assert_notes("signal");
	assert_int_equal(0, socle_signal(SIGUSR1, NULL, NULL));
	assert_true(has_handler(SIGUSR1, plain_handler));
	set_handler(SIGUSR1, SIG_DFL);
}

static void
null_for_a_signal_that_no_loop_has_changes_nothing(void **state)
{
	(void)state;
	set_handler(SIGUSR1, plain_handler);
	assert_int_equal(0, socle_signal(SIGUSR1, NULL, NULL));
	assert_true(has_handler(SIGUSR1, plain_handler));
	set_handler(SIGUSR1, SIG_DFL);
}

static void
a_fault_cannot_be_watched(void **state)
{
	static const int faults[] = {
		SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGKILL, SIGSTOP};

	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		assert_int_equal(
			-EINVAL, socle_signal(faults[i], note_signal, NULL));
		assert_int_equal(-EINVAL, socle_signal(faults[i], NULL, NULL));
	}
}

static void
the_first_signal_can_be_watched(void **state)
{
	(void)state;
	assert_int_equal(1, SIGHUP);
	assert_int_equal(0, socle_signal(SIGHUP, note_signal, NULL));
	raise(SIGHUP);
	turn(1);
	assert_notes("signal");
	assert_int_equal(0, socle_signal(SIGHUP, NULL, NULL));
}

static void
without_fds_the_result_says_so(void **state)
{
	(void)state;
	turn(1);
	seam_fail(CALL_wake_fds, 1, EMFILE, -1);
	assert_int_equal(-EMFILE, socle_signal(SIGUSR1, note_signal, NULL));
	assert_int_equal(
		backend_is("poll") ? -ENOTSUP : -EMFILE, socle_loop_fd());
	assert_true(has_handler(SIGUSR1, SIG_DFL));
}

/* ---- other threads ---- */

static int block_on[2];
static atomic_bool started;

static void *
read_one(void *arg)
{
	char byte;

	started = true;
	*(ssize_t *)arg = read(block_on[0], &byte, 1);
	return NULL;
}

static void
a_blocking_call_of_another_thread_is_restarted(void **state)
{
	ssize_t got = -1;
	pthread_t t;

	(void)state;
	assert_int_equal(0, pipe(block_on));
	watch_usr1();
	started = false;
	assert_int_equal(0, pthread_create(&t, NULL, read_one, &got));
	while (!started)
		sched_yield();
	for (int i = 0; i < 20; i++) {
		assert_int_equal(0, pthread_kill(t, SIGUSR1));
		usleep(500);
	}
	assert_int_equal(1, write(block_on[1], "x", 1));
	pthread_join(t, NULL);
	assert_int_equal(1, got);
	close(block_on[0]);
	close(block_on[1]);
}

/* A thread whose loop has SIGUSR1 until it is stopped. */
struct owner {
	pthread_t thread;
	struct socle_loop *loop;
	atomic_bool ready, end;
};

static void *
own_usr1(void *arg)
{
	struct owner *o = arg;

	watch_usr1();
	o->loop = socle_loop_self();
	o->ready = true;
	while (!o->end)
		sched_yield();
	socle_loop_release(o->loop);
	return NULL;
}

static void
owner_start(struct owner *o)
{
	*o = (struct owner){.end = false};
	assert_int_equal(0, pthread_create(&o->thread, NULL, own_usr1, o));
	while (!o->ready)
		sched_yield();
}

static void
owner_end(struct owner *o)
{
	o->end = true;
	pthread_join(o->thread, NULL);
}

static void
null_for_a_signal_of_another_loop_is_ebusy(void **state)
{
	struct owner o;

	(void)state;
	owner_start(&o);
	assert_int_equal(-EBUSY, socle_signal(SIGUSR1, NULL, NULL));
	assert_false(has_handler(SIGUSR1, plain_handler));
	assert_false(has_handler(SIGUSR1, SIG_DFL));
	owner_end(&o);
	assert_true(has_handler(SIGUSR1, SIG_DFL));
}

/* ---- children ---- */

static int
take_over(struct probe *p)
{
	(void)p;
	CHECK(has_handler(SIGUSR1, SIG_DFL));
	CHECK(socle_after_fork() == 0);
	CHECK(socle_signal(SIGUSR1, NULL, NULL) == 0);
	CHECK(socle_signal(SIGUSR1, note_signal, NULL) == 0);
	raise(SIGUSR1);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(strcmp(notes(), "signal") == 0);
	return 0;
}

static void
a_child_gives_back_the_signals_of_the_parents_other_loops(void **state)
{
	struct owner o;

	(void)state;
	owner_start(&o);
	turn(1);
	child_run(take_over, NULL);
	owner_end(&o);
}

static int
keep_handler(struct probe *p)
{
	(void)p;
	CHECK(has_handler(SIGUSR1, plain_handler));
	return 0;
}

static void
a_child_keeps_a_handler_that_was_installed_later(void **state)
{
	struct owner o;

	(void)state;
	owner_start(&o);
	set_handler(SIGUSR1, plain_handler);
	child_run(keep_handler, NULL);
	owner_end(&o);
	set_handler(SIGUSR1, SIG_DFL);
}

static struct owner posted_to;

static void
never(void *arg)
{
	(void)arg;
	note("called");
}

static int
post_and_wake(struct probe *p)
{
	(void)p;
	seam_count_reset();
	CHECK(socle_post_or_drop(posted_to.loop, never, never, NULL) ==
		-ESHUTDOWN);
	socle_wakeup(posted_to.loop);
	CHECK(socle_after_fork() == 0);
	CHECK(socle_post_or_drop(posted_to.loop, never, never, NULL) ==
		-ESHUTDOWN);
	socle_wakeup(posted_to.loop);
	CHECK(seam_count(CALL_write) == 0);
	CHECK(strcmp(notes(), "") == 0);
	return 0;
}

static void
a_child_cannot_post_to_the_parents_other_loops(void **state)
{
	(void)state;
	owner_start(&posted_to);
	child_run(post_and_wake, NULL);
	owner_end(&posted_to);
}

static int
post_to_own_loop(struct probe *p)
{
	struct socle_loop *own = socle_loop_self();

	(void)p;
	CHECK(socle_after_fork() == 0);
	CHECK(socle_post(own, never, NULL) == 0);
	CHECK(socle_event_loop_once(1000) == 1);
	CHECK(strcmp(notes(), "called") == 0);
	socle_loop_release(own);
	return 0;
}

static void
a_child_can_post_to_its_own_loop(void **state)
{
	struct socle_loop *own = socle_loop_self();

	(void)state;
	child_run(post_to_own_loop, NULL);
	socle_loop_release(own);
}

/* ---- SIGPIPE ---- */

static int
write_to_a_pipe_without_a_reader(struct probe *p)
{
	struct socle_socket *s;
	struct sigaction now;
	int fds[2];

	(void)p;
	CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	CHECK(pipe(fds) == 0);
	CHECK(socle_after_fork() == 0);
	CHECK(socle_socket_new(&socle_socket_class, fds[1], &s) == 0);
	close(fds[0]);
	CHECK(socle_write(s, "x", 1) == -EPIPE);
	CHECK(sigaction(SIGPIPE, NULL, &now) == 0);
	CHECK(now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN);
	CHECK(now.sa_flags & SA_RESTART);
	return 0;
}

/* exec(2) resets a handler, and would pass SIG_IGN on. */
static void
sigpipe_is_caught_and_not_ignored(void **state)
{
	(void)state;
	child_run(write_to_a_pipe_without_a_reader, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(null_leaves_a_handler_that_was_installed_later_alone),
		test(a_reset_leaves_a_handler_that_was_installed_later_alone),
		test(watching_again_replaces_a_handler_that_was_installed_later),
		test(null_for_a_signal_that_no_loop_has_changes_nothing),
		test(a_fault_cannot_be_watched),
		test(the_first_signal_can_be_watched),
		test(without_fds_the_result_says_so),
		test(a_blocking_call_of_another_thread_is_restarted),
		test(null_for_a_signal_of_another_loop_is_ebusy),
		test(a_child_gives_back_the_signals_of_the_parents_other_loops),
		test(a_child_keeps_a_handler_that_was_installed_later),
		test(a_child_cannot_post_to_the_parents_other_loops),
		test(a_child_can_post_to_its_own_loop),
		test(sigpipe_is_caught_and_not_ignored),
	};

	return run_tests(tests);
}

/* backends: all */
/*
 * Signals: a signal handler records the signal, and a tick calls the callback.
 */
#include "tests/support/fixture.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

static void
note_signal(int signo, void *arg)
{
	note("%s%s", signo == SIGUSR1 ? "usr1" : "usr2",
		arg ? (char *)arg : "");
}

static atomic_int handled;

static void
plain_handler(int signo)
{
	(void)signo;
	handled++;
}

static bool
has_handler(int signo, void (*handler)(int))
{
	struct sigaction now;

	assert_int_equal(0, sigaction(signo, NULL, &now));
	return now.sa_handler == handler;
}

static void
set_handler(int signo, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	assert_int_equal(0, sigaction(signo, &action, NULL));
}

static void
watch(int signo)
{
	assert_int_equal(0, socle_signal(signo, note_signal, NULL));
}

static pthread_t
start(void *(*fn)(void *arg), void *arg)
{
	pthread_t t;

	assert_int_equal(0, pthread_create(&t, NULL, fn, arg));
	return t;
}

/* ---- delivery ---- */

static void
a_signal_is_reported_in_the_next_tick(void **state)
{
	char arg[] = "!";

	(void)state;
	assert_int_equal(0, socle_signal(SIGUSR1, note_signal, arg));
	for (int i = 0; i < 3; i++) {
		raise(SIGUSR1);
		assert_notes("");
		turn(1);
		assert_notes("usr1!");
		turn(2);
		assert_notes("");
	}
}

static void
socle_signal_works_as_a_function_too(void **state)
{
	char arg[] = "!";

	(void)state;
	assert_int_equal(0, (socle_signal)(SIGUSR1, note_signal, arg));
	raise(SIGUSR1);
	turn(1);
	assert_notes("usr1!");
}

static void
several_signals_of_one_number_become_one_call(void **state)
{
	(void)state;
	watch(SIGUSR1);
	watch(SIGUSR2);
	for (int i = 0; i < 5; i++) {
		raise(SIGUSR2);
		raise(SIGUSR1);
	}
	turn(2);
	assert_true(strcmp(notes(), "usr1 usr2") == 0 ||
		strcmp(notes(), "usr2 usr1") == 0);
}

static void
with_a_pending_signal_the_tick_does_not_wait(void **state)
{
	double began;

	(void)state;
	watch(SIGUSR1);
	turn(1);
	seam_time_virtual();
	began = seam_time();
	raise(SIGUSR1);
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_notes("usr1");
	assert_true(seam_time() == began);
}

static void
raise_usr1(void)
{
	raise(SIGUSR1);
}

static void
a_signal_just_before_the_wait_ends_the_wait(void **state)
{
	(void)state;
	watch(SIGUSR1);
	turn(1);
	/* the last moment at which the library no longer checks for signals */
	seam_around_waits(raise_usr1, NULL);
	assert_int_equal(1, socle_event_loop_once(-1));
	seam_around_waits(NULL, NULL);
	assert_notes("usr1");
}

struct kill {
	pthread_t target;
	int times;
	atomic_bool enough;
};

static void *
kill_until_enough(void *arg)
{
	struct kill *k = arg;

	while (!k->enough) {
		pthread_kill(k->target, SIGUSR1);
		usleep(200);
	}
	return NULL;
}

/* case 18 */
static void
a_wait_interrupted_by_a_signal_is_an_empty_tick(void **state)
{
	struct kill k = {.target = pthread_self()};
	struct sigaction before, plain = {.sa_handler = plain_handler};
	pthread_t t;

	(void)state;
	handled = 0;
	assert_int_equal(0, sigaction(SIGUSR1, &plain, &before));
	t = start(kill_until_enough, &k);
	for (int i = 0; i < 5; i++)
		assert_int_equal(1, socle_event_loop_once(-1));
	k.enough = true;
	pthread_join(t, NULL);
	assert_true(handled >= 5);
	assert_int_equal(0, sigaction(SIGUSR1, &before, NULL));
}

static void *
kill_process(void *arg)
{
	struct kill *k = arg;

	for (int i = 1; i < k->times; i++)
		kill(getpid(), SIGUSR1);
	k->enough = true;
	kill(getpid(), SIGUSR1); /* this must wake the waiting thread */
	return NULL;
}

static int counted;
static pthread_t counted_on;

static void
count_signal(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	counted++;
	counted_on = pthread_self();
}

static void
in_a_storm_the_last_signal_is_not_lost(void **state)
{
	struct kill k = {.times = scaled(10000, 500)};
	int before_last, fds[2];
	struct probe *p;
	pthread_t t;

	(void)state;
	counted = 0;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	assert_int_equal(0, socle_signal(SIGUSR1, count_signal, NULL));
	t = start(kill_process, &k);
	while (!k.enough)
		assert_int_equal(1, socle_event_loop_once(-1));
	pthread_join(t, NULL);
	turn(2);
	assert_true(counted >= 1 && counted <= k.times);
	before_last = counted;
	kill(getpid(), SIGUSR1);
	turn_until_count(&counted, before_last + 1);
	send_all(fds[1], "x", 1);
	turn(1);
	assert_int_equal(1, p->got_len);
	close(fds[1]);
}

static void *
raise_here(void *arg)
{
	(void)arg;
	raise(SIGUSR1);
	return NULL;
}

static void
a_signal_delivered_to_another_thread_reaches_the_owner(void **state)
{
	(void)state;
	counted = 0;
	assert_int_equal(0, socle_signal(SIGUSR1, count_signal, NULL));
	pthread_join(start(raise_here, NULL), NULL);
	turn(1);
	assert_int_equal(1, counted);
	assert_true(pthread_equal(pthread_self(), counted_on));
}

static void
the_handler_preserves_errno(void **state)
{
	(void)state;
	watch(SIGUSR1);
	seam_fail(CALL_write, 1, EAGAIN, 1);
	errno = 12345;
	raise(SIGUSR1);
	assert_int_equal(12345, errno);
}

static struct socle_loop *to_wake;

static void
wake_in_handler(int signo)
{
	(void)signo;
	handled++;
	socle_wakeup(to_wake);
}

struct racer {
	pthread_t target;
	atomic_int asked;
};

static void *
kill_whenever_asked(void *arg)
{
	struct racer *r = arg;
	int seen = 0, now;

	while ((now = r->asked) >= 0) {
		if (now == seen) {
			sched_yield();
			continue;
		}
		seen = now;
		for (int i = now % 64; i > 0; i--)
			(void)atomic_load(&r->asked);
		pthread_kill(r->target, SIGUSR1);
	}
	return NULL;
}

static bool
was_handled(void *arg)
{
	return handled >= *(int *)arg;
}

/* case 19 */
static void
no_wakeup_from_a_signal_handler_is_lost(void **state)
{
	struct racer r = {.target = pthread_self()};
	struct sigaction before,
		wake = {.sa_handler = wake_in_handler, .sa_flags = SA_RESTART};
	int n = scaled(20000, 500), i;
	pthread_t t;

	(void)state;
	handled = 0;
	to_wake = socle_loop_self();
	assert_int_equal(0, sigaction(SIGUSR1, &wake, &before));
	t = start(kill_whenever_asked, &r);
	/* does not return if one is lost */
	for (i = 1; race_again(i - 1, n); i++) {
		r.asked = i;
		assert_int_equal(1, socle_run_until(was_handled, &i));
	}
	r.asked = -1;
	pthread_join(t, NULL);
	assert_int_equal(i - 1, handled);
	assert_int_equal(0, sigaction(SIGUSR1, &before, NULL));
	socle_loop_release(to_wake);
}

/* ---- ownership ---- */

static void
null_restores_the_previous_disposition(void **state)
{
	(void)state;
	set_handler(SIGUSR1, plain_handler);
	set_handler(SIGUSR2, SIG_IGN);
	watch(SIGUSR1);
	watch(SIGUSR2);
	watch(SIGUSR1); /* watches it again */
	assert_false(has_handler(SIGUSR1, plain_handler));
	assert_int_equal(0, socle_signal(SIGUSR1, NULL, NULL));
	assert_int_equal(0, socle_signal(SIGUSR2, NULL, NULL));
	assert_true(has_handler(SIGUSR1, plain_handler));
	assert_true(has_handler(SIGUSR2, SIG_IGN));
	set_handler(SIGUSR1, SIG_DFL);
	set_handler(SIGUSR2, SIG_DFL);
}

static void
a_reset_restores_the_previous_disposition(void **state)
{
	(void)state;
	watch(SIGUSR1);
	socle_reset();
	assert_true(has_handler(SIGUSR1, SIG_DFL));
	set_handler(SIGUSR1, plain_handler);
	watch(SIGUSR1);
	socle_reset();
	assert_true(has_handler(SIGUSR1, plain_handler));
	set_handler(SIGUSR1, SIG_DFL);
}

static void
watching_a_signal_again_replaces_function_and_argument(void **state)
{
	char one[] = "-one", two[] = "-two";

	(void)state;
	assert_int_equal(0, socle_signal(SIGUSR1, note_signal, one));
	raise(SIGUSR1);
	assert_int_equal(0, socle_signal(SIGUSR1, note_signal, two));
	turn(1);
	assert_notes("usr1-two");
}

static void
a_pending_signal_is_not_reported_once_unwatched(void **state)
{
	(void)state;
	watch(SIGUSR1);
	raise(SIGUSR1);
	assert_int_equal(0, socle_signal(SIGUSR1, NULL, NULL));
	turn(2);
	assert_notes("");
}

static void
a_pending_signal_is_not_reported_to_a_later_watcher(void **state)
{
	(void)state;
	watch(SIGUSR1);
	raise(SIGUSR1);
	assert_int_equal(0, socle_signal(SIGUSR1, NULL, NULL));
	watch(SIGUSR1);
	turn(2);
	assert_notes("");
}

static ssize_t (*real_write)(int fd, const void *p, size_t n);
static int (*real_sigaction)(
	int signo, const struct sigaction *n, struct sigaction *o);
static atomic_bool is_waking, is_restored, has_woken;

/* In the handler: goes on once the other thread does not want it any more. */
static ssize_t
slow_write(int fd, const void *p, size_t n)
{
	ssize_t result;

	is_waking = true;
	while (!is_restored)
		sched_yield();
	for (int i = 0; i < 1000; i++)
		sched_yield();
	result = real_write(fd, p, n);
	has_woken = true;
	return result;
}

static int
seen_sigaction(int signo, const struct sigaction *n, struct sigaction *o)
{
	int result = real_sigaction(signo, n, o);

	is_restored = is_restored || n;
	return result;
}

static void
null_waits_for_a_handler_on_another_thread(void **state)
{
	pthread_t t;

	(void)state;
	watch(SIGUSR1);
	is_waking = is_restored = has_woken = false;
	real_write = socle__seam.write;
	real_sigaction = socle__seam.sigaction;
	socle__seam.write = slow_write;
	socle__seam.sigaction = seen_sigaction;
	t = start(raise_here, NULL);
	while (!is_waking)
		sched_yield();
	assert_int_equal(0, socle_signal(SIGUSR1, NULL, NULL));
	assert_true(has_woken);
	pthread_join(t, NULL);
	socle__seam.write = real_write;
	socle__seam.sigaction = real_sigaction;
	turn(1);
	assert_notes("");
}

struct second {
	int watch, unwatch, after;
	atomic_int step;
};

static void *
watch_on_another_thread(void *arg)
{
	struct second *s = arg;

	s->watch = socle_signal(SIGUSR1, count_signal, NULL);
	s->unwatch = socle_signal(SIGUSR1, NULL, NULL);
	s->step = 1;
	while (s->step < 2)
		sched_yield();
	s->after = socle_signal(SIGUSR1, count_signal, NULL);
	return NULL;
}

static void
a_signal_has_one_owner_in_the_process(void **state)
{
	struct second s = {.after = -1};
	pthread_t t;

	(void)state;
	watch(SIGUSR1);
	t = start(watch_on_another_thread, &s);
	while (s.step < 1)
		sched_yield();
	assert_int_equal(-EBUSY, s.watch);
	assert_int_equal(-EBUSY, s.unwatch);
	raise(SIGUSR1);
	turn(1);
	assert_notes("usr1"); /* the other loop's NULL removed nothing */
	assert_int_equal(0, socle_signal(SIGUSR1, NULL, NULL));
	s.step = 2;
	pthread_join(t, NULL);
	assert_int_equal(0, s.after);
	/* the end of its thread restored the disposition */
	assert_true(has_handler(SIGUSR1, SIG_DFL));
	watch(SIGUSR1);
}

static void
a_signal_that_cannot_be_caught_is_refused(void **state)
{
	static const int bad[] = {0, -1, SIGKILL, SIGSTOP, 100000};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			-EINVAL, socle_signal(bad[i], note_signal, NULL));
	turn(1);
}

static void
a_refused_signal_has_no_owner(void **state)
{
	(void)state;
	seam_fail(CALL_sigaction, 1, EINVAL, 1);
	assert_int_equal(-EINVAL, socle_signal(SIGUSR1, note_signal, NULL));
	assert_true(has_handler(SIGUSR1, SIG_DFL));
	watch(SIGUSR1);
	raise(SIGUSR1);
	turn(1);
	assert_notes("usr1");
}

/* ---- what its callback may do ---- */

static void
end_both(int signo, void *arg)
{
	note_signal(signo, arg);
	assert_int_equal(0, socle_signal(SIGUSR1, NULL, NULL));
	assert_int_equal(0, socle_signal(SIGUSR2, NULL, NULL));
}

static void
a_signal_callback_may_stop_watching(void **state)
{
	(void)state;
	assert_int_equal(0, socle_signal(SIGUSR1, end_both, NULL));
	assert_int_equal(0, socle_signal(SIGUSR2, end_both, NULL));
	raise(SIGUSR1);
	raise(SIGUSR2);
	turn(2);
	assert_int_equal(4, strlen(notes())); /* one of the two callbacks */
	assert_true(has_handler(SIGUSR1, SIG_DFL));
	assert_true(has_handler(SIGUSR2, SIG_DFL));
}

static void
reset_all(int signo, void *arg)
{
	note_signal(signo, arg);
	socle_reset();
}

static void
a_signal_callback_may_reset_the_loop(void **state)
{
	(void)state;
	assert_int_equal(0, socle_signal(SIGUSR1, reset_all, NULL));
	assert_int_equal(0, socle_signal(SIGUSR2, reset_all, NULL));
	raise(SIGUSR1);
	raise(SIGUSR2);
	assert_int_equal(0, socle_event_loop_once(0));
	assert_int_equal(4, strlen(notes()));
	turn(1);
	assert_int_equal(4, strlen(notes()));
	assert_true(has_handler(SIGUSR1, SIG_DFL));
}

static void
raise_again(int signo, void *arg)
{
	int *left = arg;

	note("%d", *left);
	if (--*left > 0)
		raise(signo);
}

static void
a_signal_raised_in_its_callback_is_reported_again(void **state)
{
	int left = 3;

	(void)state;
	assert_int_equal(0, socle_signal(SIGUSR1, raise_again, &left));
	raise(SIGUSR1);
	turn(4);
	assert_notes("3 2 1");
}

/* ---- a fork in a callback, and a handler that outlives its signal ---- */

static pid_t child;

static void
fork_it(int signo, void *arg)
{
	(void)arg;
	note_signal(signo, NULL);
	child = fork();
}

static void
a_child_forked_in_a_callback_has_no_pending_signals(void **state)
{
	int status = 0, r;

	(void)state;
	assert_int_equal(0, socle_signal(SIGUSR1, fork_it, NULL));
	watch(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGUSR2);
	r = socle_event_loop_once(0);
	if (child == 0)
		_exit(r == -ECHILD && strcmp(notes(), "usr1") == 0 ? 0 : 1);
	assert_true(r >= 0);
	assert_notes("usr1 usr2");
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_int_equal(0, status);
}

/* The application saved the action, and restores what is not its any more. */
static void
the_handler_of_a_signal_without_a_loop_does_nothing(void **state)
{
	struct sigaction saved;

	(void)state;
	watch(SIGUSR1);
	assert_int_equal(0, sigaction(SIGUSR1, NULL, &saved));
	assert_int_equal(0, socle_signal(SIGUSR1, NULL, NULL));
	assert_int_equal(0, sigaction(SIGUSR1, &saved, NULL));
	raise(SIGUSR1);
	turn(2);
	assert_notes("");
	set_handler(SIGUSR1, SIG_DFL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_signal_is_reported_in_the_next_tick),
		test(socle_signal_works_as_a_function_too),
		test(several_signals_of_one_number_become_one_call),
		test(with_a_pending_signal_the_tick_does_not_wait),
		test(a_signal_just_before_the_wait_ends_the_wait),
		test(a_wait_interrupted_by_a_signal_is_an_empty_tick),
		test(in_a_storm_the_last_signal_is_not_lost),
		test(a_signal_delivered_to_another_thread_reaches_the_owner),
		test(the_handler_preserves_errno),
		test(no_wakeup_from_a_signal_handler_is_lost),
		test(null_restores_the_previous_disposition),
		test(a_reset_restores_the_previous_disposition),
		test(watching_a_signal_again_replaces_function_and_argument),
		test(a_pending_signal_is_not_reported_once_unwatched),
		test(a_pending_signal_is_not_reported_to_a_later_watcher),
		test(null_waits_for_a_handler_on_another_thread),
		test(a_signal_has_one_owner_in_the_process),
		test(a_signal_that_cannot_be_caught_is_refused),
		test(a_refused_signal_has_no_owner),
		test(a_signal_callback_may_stop_watching),
		test(a_signal_callback_may_reset_the_loop),
		test(a_signal_raised_in_its_callback_is_reported_again),
		test(a_child_forked_in_a_callback_has_no_pending_signals),
		test(the_handler_of_a_signal_without_a_loop_does_nothing),
	};

	return run_tests(tests);
}

/* backends: all */
/*
 * A log hook is a callback like any other: it may close, steal, remove, reset,
 * fork and run a loop, whatever the library logged.
 */
#include "tests/support/forking.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif
#include <time.h>

/* A hook that does `act' once, at a message that contains `at'. */
static const char *at;
static void (*act)(void);

static void
act_once(int level, const char *message, void *arg)
{
	void (*fn)(void) = act;

	(void)level;
	(void)arg;
	if (!fn || !strstr(message, at))
		return;
	act = NULL;
	note("hook");
	fn();
}

static void
hook_at(const char *message, void (*fn)(void))
{
	at = message;
	act = fn;
	socle_set_log(act_once, NULL);
	socle_set_debug_level(2);
}

static int ends[2];
static struct probe *p;
static int result;

static struct probe *
reader_with_input(void)
{
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	p->read_size = 100;
	socle_watch_read(&p->sock, true);
	send_all(ends[1], "x", 1);
	return p;
}

/* ---- an event ---- */

static void
note_fd(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)ready;
	(void)arg;
	note("fd");
}

static void
remove_other(void)
{
	assert_int_equal(0, socle_remove_other_fd(ends[0]));
}

static void
a_hook_that_removes_the_other_fd_of_an_event_cancels_the_event(void **state)
{
	(void)state;
	for (int ended = 0; ended < 2; ended++) {
		pair_pipe(ends);
		assert_int_equal(0,
			socle_add_other_fd(ends[0], SOCLE_READ, note_fd, NULL));
		if (!ended)
			send_all(ends[1], "x", 1);
		else
			close(ends[1]);
		hook_at("Event:", remove_other);
		turn(2);
		assert_notes("hook");
		close(ends[0]);
		if (!ended)
			close(ends[1]);
	}
}

static void
close_it(void)
{
	socle_close(&p->sock, "hook");
}

static void
a_hook_that_closes_the_object_of_an_event_cancels_the_event(void **state)
{
	(void)state;
	reader_with_input();
	hook_at("Event:", close_it);
	turn(2);
	assert_notes("hook close(hook) destroy");
	close(ends[1]);
}

static void
turn_once(void)
{
	turn(1);
}

static void
an_event_that_a_loop_in_the_hook_handled_is_not_repeated(void **state)
{
	(void)state;
	reader_with_input();
	hook_at("Event:", turn_once);
	turn(2);
	assert_notes("hook r");
	close(ends[1]);
}

static void
a_hook_may_reset_the_loop_at_an_event(void **state)
{
	(void)state;
	reader_with_input();
	hook_at("Event:", socle_reset);
	assert_int_equal(0, socle_event_loop_once(0));
	assert_notes("hook destroy");
	close(ends[1]);
}

static pid_t child;

static void
fork_here(void)
{
	child = fork();
}

/* The child reads nothing and says nothing a second time. */
static void
a_child_forked_in_the_hook_gets_echild(void **state)
{
	int looped;

	(void)state;
	reader_with_input();
	hook_at("Event:", fork_here);
	looped = socle_event_loop_once(0);
	if (child == 0)
		_exit(looped == -ECHILD && strcmp(notes(), "hook") == 0 ? 0
									: 1);
	child_wait(child);
	assert_notes("hook r");
	close(ends[1]);
}

/* ---- other messages ---- */

static void
steal_it(void)
{
	result = socle_steal_socket(&p->sock);
}

static void
a_hook_that_steals_what_is_closed_gets_ebadf(void **state)
{
	(void)state;
	reader_with_input();
	hook_at("Closing #", steal_it);
	socle_close(&p->sock, "now");
	turn(1);
	assert_int_equal(-EBADF, result);
	assert_notes("close(now) hook destroy");
	close(ends[1]);
}

static void
free_all(void)
{
	socle_close(&p->sock, "hook");
	socle_reset();
}

static void
close_now(struct probe *q)
{
	socle_close(&q->sock, "now");
}

static void
a_hook_may_reset_the_loop_at_any_message(void **state)
{
	static const char *const messages[] = {
		"Event:", "Closing #", "end of the road", "undef", "ERROR"};

	(void)state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		reader_with_input();
		hook_at(messages[i], free_all);
		shutdown(ends[1], SHUT_WR);
		(void)socle_event_loop_once(0);
		(void)socle_event_loop_once(0);
		if (act) {
			p->on_read = close_now;
			(void)socle_peer_ip_string(&p->sock);
			socle_dump_error(&p->sock, "dumped");
			(void)socle_event_loop_once(0);
		}
		socle_set_log(NULL, NULL);
		socle_set_debug_level(0);
		socle_reset();
		close(ends[1]);
		notes_clear();
	}
}

static void
log_in_hook(int level, const char *message, void *arg)
{
	(void)level;
	(void)message;
	(void)arg;
	note("hook");
	(void)socle_peer_ip_string(&p->sock);
}

/* Messages of the library inside the hook do not reach the hook again. */
static void
a_hook_that_makes_the_library_log_is_not_called_without_end(void **state)
{
	(void)state;
	reader_with_input();
	socle_close(&p->sock, "now");
	notes_clear();
	socle_set_log(log_in_hook, NULL);
	socle_debug_msg("first");
	assert_notes("hook");
	socle_set_log(NULL, NULL);
	turn(2);
	assert_notes("destroy");
	close(ends[1]);
}

/* ---- when a message is delivered ---- */

static void
collect(int level, const char *message, void *arg)
{
	(void)arg;
	note("%d:%.9s", level, message);
}

static void
log_deferred(void *arg)
{
	(void)arg;
	socle_close(&p->sock, "now");
	note("after");
	socle_debug_msg("mine");
}

static void
kept_messages_come_before_the_applications_next_one(void **state)
{
	(void)state;
	reader_with_input();
	socle_watch_read(&p->sock, false);
	socle_set_log(collect, NULL);
	socle_set_debug_level(1);
	assert_int_equal(0, socle_defer(log_deferred, NULL));
	turn(1);
	assert_notes("close(now) after 1:Closing # 0:mine destroy");
	close(ends[1]);
}

static void
a_message_is_delivered_before_the_loop_returns(void **state)
{
	(void)state;
	reader_with_input();
	p->on_read = close_now;
	socle_set_log(collect, NULL);
	socle_set_debug_level(1);
	turn(1);
	assert_notes("1:Event: fd r close(now) destroy 1:Closing #");
	close(ends[1]);
}

static void
a_message_that_finds_no_memory_is_delivered_all_the_same(void **state)
{
	(void)state;
	reader_with_input();
	socle_set_log(collect, NULL);
	socle_set_debug_level(1);
	seam_fail(CALL_malloc, 1, ENOMEM, -1);
	socle_close(&p->sock, "now");
	turn(1);
	assert_notes("close(now) 1:Closing # destroy");
	close(ends[1]);
}

static void
setting_a_hook_delivers_to_the_old_one_first(void **state)
{
	(void)state;
	reader_with_input();
	socle_set_log(collect, NULL);
	socle_set_debug_level(1);
	socle_close(&p->sock, "now");
	socle_set_log(NULL, NULL);
	assert_notes("close(now) 1:Closing #");
	close(ends[1]);
}

static int
continue_and_turn(struct probe *q)
{
	(void)q;
	CHECK(socle_after_fork() == 0);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(strstr(notes(), "Closing") == NULL);
	return 0;
}

static void
a_child_does_not_deliver_the_parents_messages(void **state)
{
	(void)state;
	reader_with_input();
	socle_set_log(collect, NULL);
	socle_set_debug_level(1);
	socle_close(&p->sock, "now");
	child_run(continue_and_turn, NULL);
	turn(1);
	assert_notes("close(now) 1:Closing # destroy");
	close(ends[1]);
}

/* ---- threads ---- */

static atomic_bool enough;
static atomic_int mixed;
static int first, second;

static void
is_first(int level, const char *message, void *arg)
{
	(void)level;
	(void)message;
	mixed += arg != &first;
}

static void
is_second(int level, const char *message, void *arg)
{
	(void)level;
	(void)message;
	mixed += arg != &second;
}

static void *
log_until_enough(void *arg)
{
	while (!enough)
		socle_debug_msg("x");
	return arg;
}

static void
a_hook_never_gets_the_argument_of_another(void **state)
{
	pthread_t t;

	(void)state;
	enough = false;
	mixed = 0;
	socle_set_log(is_first, &first);
	assert_int_equal(0, pthread_create(&t, NULL, log_until_enough, NULL));
	for (int i = scaled(20000, 500); i > 0; i--) {
		socle_set_log(is_second, &second);
		socle_set_log(is_first, &first);
	}
	enough = true;
	pthread_join(t, NULL);
	assert_int_equal(0, mixed);
}

static atomic_int round_begun, round_ended;
static void *expected[2] = {&first, &second};
static int missed;

static void
is_of_this_round(int level, const char *message, void *arg)
{
	(void)level;
	(void)message;
	missed += arg != expected[round_begun & 1];
}

static void *
set_whenever_a_round_begins(void *arg)
{
	int n;

	while ((n = round_begun) >= 0) {
		if (n == round_ended) {
			sched_yield();
			continue;
		}
		socle_set_log(is_of_this_round, expected[n & 1]);
		round_ended = n;
	}
	return arg;
}

static void
a_hook_that_two_threads_set_at_once_is_in_use(void **state)
{
	int n = scaled(20000, 500);
	pthread_t t;

	(void)state;
	round_begun = round_ended = missed = 0;
	assert_int_equal(
		0, pthread_create(&t, NULL, set_whenever_a_round_begins, NULL));
	for (int i = 1; race_again(i - 1, n); i++) {
		round_begun = i;
		socle_set_log(is_of_this_round, expected[i & 1]);
		while (round_ended != i)
			sched_yield();
		socle_debug_msg("x");
	}
	round_begun = -1;
	pthread_join(t, NULL);
	assert_int_equal(0, missed);
}

#ifdef __linux__
static _Thread_local bool setting;
static atomic_bool waited;

/* Found before libc's. */
int
sched_yield(void)
{
	if (setting)
		waited = true;
	return (int)syscall(SYS_sched_yield);
}

static void
ignore(int level, const char *message, void *arg)
{
	(void)level;
	(void)message;
	(void)arg;
}

/* Until one of two threads had to wait for the other, or for 20 s. */
static void *
set_until_one_waits(void *arg)
{
	time_t until = time(NULL) + 20;

	while (!waited && time(NULL) < until) {
		setting = true;
		socle_set_log(ignore, arg);
		setting = false;
	}
	return arg;
}

static void
two_threads_that_set_the_hook_wait_for_each_other(void **state)
{
	pthread_t t;

	(void)state;
	waited = false;
	assert_int_equal(
		0, pthread_create(&t, NULL, set_until_one_waits, NULL));
	set_until_one_waits(NULL);
	assert_int_equal(0, pthread_join(t, NULL));
	socle_set_log(NULL, NULL);
}
#endif

static int
fixture(void **state)
{
	act = NULL;
	result = 0;
	return fixture_setup(state);
}

static int
teardown(void **state)
{
	socle_set_debug_level(0);
	socle_set_log(NULL, NULL);
	return fixture_teardown(state);
}

#undef test
#define test(name) cmocka_unit_test_setup_teardown(name, fixture, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_hook_that_removes_the_other_fd_of_an_event_cancels_the_event),
		test(a_hook_that_closes_the_object_of_an_event_cancels_the_event),
		test(an_event_that_a_loop_in_the_hook_handled_is_not_repeated),
		test(a_hook_may_reset_the_loop_at_an_event),
		test(a_child_forked_in_the_hook_gets_echild),
		test(a_hook_that_steals_what_is_closed_gets_ebadf),
		test(a_hook_may_reset_the_loop_at_any_message),
		test(a_hook_that_makes_the_library_log_is_not_called_without_end),
		test(kept_messages_come_before_the_applications_next_one),
		test(a_message_is_delivered_before_the_loop_returns),
		test(a_message_that_finds_no_memory_is_delivered_all_the_same),
		test(setting_a_hook_delivers_to_the_old_one_first),
		test(a_child_does_not_deliver_the_parents_messages),
		test(a_hook_never_gets_the_argument_of_another),
		test(a_hook_that_two_threads_set_at_once_is_in_use),
#ifdef __linux__
		test(two_threads_that_set_the_hook_wait_for_each_other),
#endif
	};

	return run_tests(tests);
}

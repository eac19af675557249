/* backends: all */
/*
 * The life of requests for names: waiting, cancelling, the end of their loop,
 * and forks.
 */
#include "tests/support/resolver.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

enum { HELPERS = 8 }; /* the process's maximum at a time */

/* ---- waiting ---- */

static struct socle_timer ticker;
static double due;
static int ticks, late;

static void
tick(struct socle_timer *t)
{
	ticks++;
	late += seam_time() > due + 0.0015; /* waits are whole milliseconds */
	due += 0.01;
	socle_timer_start_at(t, due);
}

/* TF25 */
static void
a_slow_lookup_does_not_delay_timers(void **state)
{
	(void)state;
	ticks = late = 0;
	resolver_hold();
	resolver_request("h1");
	resolver_wait_started(1);
	turn(1);
	seam_time_virtual();
	due = seam_time() + 0.01;
	socle_timer_init(&ticker, tick);
	socle_timer_start_at(&ticker, due);
	turn_until_count(&ticks, 200); /* 2 s of loop time */
	assert_int_equal(0, late);
	assert_int_equal(0, answers);
	resolver_release_all();
	turn_until_count(&answers, 1);
	assert_notes("h1=10.0.0.1:0");
	socle_timer_cancel(&ticker);
}

static bool
is_answered(void *arg)
{
	return answers >= *(int *)arg;
}

static void *
end_lookup(void *arg)
{
	resolver_wait_started(1);
	resolver_release_all();
	return arg;
}

static void
an_answer_ends_an_infinite_wait(void **state)
{
	pthread_t t;
	int n = 1;

	(void)state;
	resolver_hold();
	resolver_request("h1");
	assert_int_equal(0, pthread_create(&t, NULL, end_lookup, NULL));
	assert_int_equal(1, socle_run_until(is_answered, &n));
	assert_int_equal(0, pthread_join(t, NULL));
	assert_notes("h1=10.0.0.1:0");
}

static void
a_fast_lookup_does_not_wait_for_a_slow_one(void **state)
{
	(void)state;
	resolver_hold();
	resolver_request("h1");
	resolver_wait_started(1);
	resolver_request("h2");
	resolver_wait_started(2);
	resolver_request("127.0.0.1");
	turn_until_count(&answers, 1);
	assert_notes("127.0.0.1=127.0.0.1:0");
	resolver_release(1);
	turn_until_count(&answers, 2);
	resolver_release(1);
	turn_until_count(&answers, 3);
}

static int right;

static void
check_own(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	assert_int_equal(0, err);
	assert_int_equal(1, n);
	answers++;
	right += ntohl(addrs[0].u.in.sin_addr.s_addr) ==
		0x0a000000u + (unsigned)*(int *)arg;
}

static void
each_of_many_requests_gets_its_own_answer(void **state)
{
	static int numbers[200];
	int n = scaled(200, 20);
	char name[16];

	(void)state;
	right = 0;
	for (int i = 0; i < n; i++) {
		numbers[i] = i;
		snprintf(name, sizeof(name), "h%d", i);
		assert_int_equal(0,
			socle_resolve(name, NULL, AF_UNSPEC, 0, check_own,
				&numbers[i], NULL));
	}
	turn_until_count(&answers, n);
	assert_int_equal(n, right);
}

static const char *const names[] = {"h1", "h2", "h3", "h4", "h5", "h6", "h7",
	"h8", "h9", "h10", "h11", "h12"};

/* Keeps all helpers busy; the names from index HELPERS on are queued. */
static void
ask_many(struct socle_resolve **ret, int n)
{
	resolver_hold();
	for (int i = 0; i < n; i++)
		ret[i] = resolver_request(names[i]);
	resolver_wait_started(HELPERS);
}

static void
excess_requests_wait_for_a_thread_in_their_order(void **state)
{
	struct socle_resolve *r[11];

	(void)state;
	ask_many(r, 11);
	assert_int_equal(HELPERS, resolver_threads());
	for (int i = HELPERS; i < 11; i++) {
		char question[32];

		assert_int_equal(i, resolver_started());
		resolver_release(1);
		resolver_wait_started(i + 1);
		snprintf(question, sizeof(question), "%s - 0 1", names[i]);
		assert_string_equal(question, resolver_question());
	}
	resolver_release_all();
	turn_until_count(&answers, 11);
	assert_int_equal(HELPERS, resolver_max_threads());
}

static void
idle_threads_exit(void **state)
{
	struct socle_resolve *r[11];

	(void)state;
	ask_many(r, 11);
	resolver_release_all();
	resolver_wait_idle();
	turn_until_count(&answers, 11);
	resolver_request("h1");
	turn_until_count(&answers, 12);
	resolver_wait_idle();
}

/* ---- cancelling ---- */

static void
assert_no_answer(void)
{
	resolver_release_all();
	resolver_wait_idle();
	turn(3);
	assert_int_equal(0, answers);
}

static void
a_numeric_request_can_be_cancelled(void **state)
{
	(void)state;
	socle_resolve_cancel(resolver_request("127.0.0.1"));
	socle_resolve_cancel(NULL);
	assert_no_answer();
}

static void
a_request_can_be_cancelled_during_its_lookup(void **state)
{
	struct socle_resolve *r;
	long blocks;

	(void)state;
	resolver_hold();
	socle_loop_release(socle_loop_self());
	turn(1);
	blocks = seam_live_blocks();
	r = resolver_request("h1");
	resolver_wait_started(1);
	socle_resolve_cancel(r);
	assert_no_answer();
	assert_int_equal(blocks, seam_live_blocks());
}

static void
a_request_can_be_cancelled_before_its_answer_is_delivered(void **state)
{
	struct socle_resolve *r = resolver_request("h1");

	(void)state;
	resolver_wait_idle();
	socle_resolve_cancel(r);
	assert_no_answer();
}

static void
a_queued_request_that_is_cancelled_is_never_looked_up(void **state)
{
	struct socle_resolve *r[10];

	(void)state;
	ask_many(r, 10);
	socle_resolve_cancel(r[8]);
	socle_resolve_cancel(r[3]);
	resolver_release_all();
	resolver_wait_idle();
	turn_until_count(&answers, 8);
	turn(2);
	assert_int_equal(8, answers);
	assert_int_equal(9, resolver_started());
	assert_null(strstr(notes(), "h9="));
	assert_null(strstr(notes(), "h4="));
	assert_non_null(strstr(notes(), "h10="));
}

static struct socle_resolve *victim;

static void
cancel_victim(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	answered(err, addrs, n, arg);
	socle_resolve_cancel(victim);
}

static char x[] = "x";

static void
a_callback_can_cancel_another_answer_of_the_same_tick(void **state)
{
	(void)state;
	assert_int_equal(0,
		socle_resolve("h1", NULL, AF_INET, 0, cancel_victim, x, NULL));
	resolver_wait_idle();
	victim = resolver_request("h2");
	resolver_wait_idle();
	turn(3);
	assert_notes("x=10.0.0.1:0");
}

static void
a_callback_may_cancel_its_own_request(void **state)
{
	(void)state;
	assert_int_equal(0,
		socle_resolve(
			"h1", NULL, AF_INET, 0, cancel_victim, x, &victim));
	turn_until_count(&answers, 1);
	assert_notes("x=10.0.0.1:0");
}

/* ---- the end of the loop ---- */

static void
a_reset_drops_requests_that_are_queued_or_in_progress(void **state)
{
	struct socle_resolve *r[11];

	(void)state;
	ask_many(r, 11);
	socle_resolve_cancel(r[2]);
	socle_reset();
	assert_no_answer();
}

static void
a_reset_drops_an_answer_not_yet_delivered(void **state)
{
	(void)state;
	resolver_request("h1");
	resolver_request("127.0.0.1");
	resolver_wait_idle();
	socle_reset();
	assert_no_answer();
}

static void
reset_in_an_answer(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	answered(err, addrs, n, arg);
	socle_reset();
	resolver_request("h3");
}

static void
a_callback_may_reset_the_loop_and_make_a_new_request(void **state)
{
	(void)state;
	assert_int_equal(0,
		socle_resolve(
			"h1", NULL, AF_INET, 0, reset_in_an_answer, x, NULL));
	resolver_wait_idle();
	resolver_request("h2");
	resolver_wait_idle();
	turn_until_count(&answers, 2);
	turn(2);
	assert_notes("x=10.0.0.1:0 h3=10.0.0.3:0");
}

static void *
ask_and_end(void *arg)
{
	resolver_request("h1");
	resolver_wait_started(1);
	return arg;
}

static void
the_end_of_its_thread_drops_a_request(void **state)
{
	pthread_t t;

	(void)state;
	resolver_hold();
	assert_int_equal(0, pthread_create(&t, NULL, ask_and_end, NULL));
	assert_int_equal(0, pthread_join(t, NULL));
	assert_no_answer();
}

struct own {
	const char *name;
	int n;
	char text[64];
	pthread_t thread, answered_on;
};

static void
keep_own(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	struct own *o = arg;

	o->n += err == 0 && n == 1;
	socle_addr_format(&addrs[0], o->text, sizeof(o->text));
	o->answered_on = pthread_self();
}

static bool
has_own(void *arg)
{
	return ((struct own *)arg)->n > 0;
}

static void *
ask_on_a_thread(void *arg)
{
	struct own *o = arg;

	if (socle_resolve(o->name, "1", AF_INET, 0, keep_own, o, NULL) == 0)
		socle_run_until(has_own, o);
	return NULL;
}

static void
each_loop_gets_its_answers_on_its_own_thread(void **state)
{
	struct own o[2] = {{.name = "h1"}, {.name = "h2"}};

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(0,
			pthread_create(
				&o[i].thread, NULL, ask_on_a_thread, &o[i]));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(0, pthread_join(o[i].thread, NULL));
		assert_true(pthread_equal(o[i].thread, o[i].answered_on));
	}
	assert_string_equal("10.0.0.1:1", o[0].text);
	assert_string_equal("10.0.0.2:1", o[1].text);
}

/* ---- forks ---- */

/*
 * cmocka does not run in a child: a function returns 0, or the line that
 * failed.
 */
#define CHECK(truth)                                                           \
	do {                                                                   \
		if (!(truth)) {                                                \
			dprintf(2, "child, line %d: %s\n", __LINE__, #truth);  \
			return 1;                                              \
		}                                                              \
	} while (0)

static void
child_run(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(60);
		_exit(fn());
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

static struct socle_resolve *asked_before[11];

static int
expect_cancelled_requests(void)
{
	CHECK(socle_after_fork() == 0);
	CHECK(answers == 0);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(answers == 10 && last_err == -ECANCELED);
	CHECK(strncmp(notes(), "h1! h2! h3! h4! h6! h7!", 23) == 0);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(answers == 10);
	return 0;
}

static void
in_a_child_requests_fail_and_its_parent_gets_the_answers(void **state)
{
	(void)state;
	ask_many(asked_before, 11);
	socle_resolve_cancel(asked_before[4]);
	child_run(expect_cancelled_requests);
	turn(2);
	assert_int_equal(0, answers);
	resolver_release_all();
	turn_until_count(&answers, 10);
	assert_int_equal(0, last_err);
}

static int
expect_answer(void)
{
	CHECK(socle_after_fork() == 0);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(strcmp(notes(), "h1=10.0.0.1:0") == 0);
	return 0;
}

static void
an_answer_pending_at_a_fork_reaches_both_processes(void **state)
{
	(void)state;
	resolver_request("h1");
	resolver_wait_idle();
	child_run(expect_answer);
	turn_until_count(&answers, 1);
	assert_notes("h1=10.0.0.1:0");
}

static long blocks_before;

static int
cancel_and_reset(void)
{
	CHECK(socle_after_fork() == 0);
	socle_resolve_cancel(asked_before[0]);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(strcmp(notes(), "h2! h3!") == 0);
	socle_reset();
	CHECK(seam_live_blocks() == blocks_before);
	return 0;
}

static int
reset_at_once(void)
{
	CHECK(socle_after_fork() == 0);
	socle_reset();
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(answers == 0);
	socle_reset();
	CHECK(seam_live_blocks() == blocks_before);
	return 0;
}

static void
a_child_may_cancel_or_reset(void **state)
{
	(void)state;
	blocks_before = seam_live_blocks();
	resolver_hold();
	for (int i = 0; i < 3; i++)
		asked_before[i] = resolver_request(names[i]);
	resolver_wait_started(3);
	child_run(cancel_and_reset);
	child_run(reset_at_once);
	resolver_release_all();
	turn_until_count(&answers, 3);
}

static int
look_up_at_once(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	(void)host;
	(void)service;
	(void)hints;
	(void)ret;
	return EAI_FAIL;
}

static int
ask_in_the_child(void)
{
	int n = 9;

	socle__seam.getaddrinfo =
		look_up_at_once; /* the state of the fake's lock is unknown */
	CHECK(socle_after_fork() == 0);
	resolver_request("h12");
	CHECK(socle_run_until(is_answered, &n) == 1);
	CHECK(last_err == -EIO);
	return 0;
}

static void
a_child_has_its_own_helper_threads(void **state)
{
	(void)state;
	if (under_qemu())
		skip_because("qemu dies of a forked child's threads");
#if defined(__SANITIZE_THREAD__)
	skip_because("the sanitizer forbids threads in the child of a threaded "
		     "process");
#endif
	ask_many(asked_before, 8);
	child_run(ask_in_the_child);
	resolver_release_all();
	turn_until_count(&answers, 8);
}

/*
 * The child is killed: memory of the other threads is unreachable in it, which
 * is not a leak.
 */
static void *
fork_without_a_loop(void *arg)
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(60);
#if !defined(__SANITIZE_THREAD__)
		answers = 8;
		if (ask_in_the_child() != 0)
			_exit(1);
#endif
		raise(SIGKILL);
	}
	waitpid(pid, arg, 0);
	return NULL;
}

static void
a_thread_without_a_loop_may_fork_during_a_lookup(void **state)
{
	pthread_t t;
	int status = 0;

	(void)state;
	ask_many(asked_before, 10);
	assert_int_equal(
		0, pthread_create(&t, NULL, fork_without_a_loop, &status));
	assert_int_equal(0, pthread_join(t, NULL));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	resolver_release_all();
	turn_until_count(&answers, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		resolver_test(a_slow_lookup_does_not_delay_timers),
		resolver_test(an_answer_ends_an_infinite_wait),
		resolver_test(a_fast_lookup_does_not_wait_for_a_slow_one),
		resolver_test(each_of_many_requests_gets_its_own_answer),
		resolver_test(excess_requests_wait_for_a_thread_in_their_order),
		resolver_test(idle_threads_exit),
		resolver_test(a_numeric_request_can_be_cancelled),
		resolver_test(a_request_can_be_cancelled_during_its_lookup),
		resolver_test(
			a_request_can_be_cancelled_before_its_answer_is_delivered),
		resolver_test(
			a_queued_request_that_is_cancelled_is_never_looked_up),
		resolver_test(
			a_callback_can_cancel_another_answer_of_the_same_tick),
		resolver_test(a_callback_may_cancel_its_own_request),
		resolver_test(
			a_reset_drops_requests_that_are_queued_or_in_progress),
		resolver_test(a_reset_drops_an_answer_not_yet_delivered),
		resolver_test(
			a_callback_may_reset_the_loop_and_make_a_new_request),
		resolver_test(the_end_of_its_thread_drops_a_request),
		resolver_test(each_loop_gets_its_answers_on_its_own_thread),
		resolver_test(
			in_a_child_requests_fail_and_its_parent_gets_the_answers),
		resolver_test(
			an_answer_pending_at_a_fork_reaches_both_processes),
		resolver_test(a_child_may_cancel_or_reset),
		resolver_test(a_child_has_its_own_helper_threads),
		resolver_test(a_thread_without_a_loop_may_fork_during_a_lookup),
	};
	return run_tests(tests);
}

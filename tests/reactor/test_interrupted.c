/* backends: all */
/*
 * A stop, a reset and a fork, in each step of the tick and in `done'. A child
 * runs no call of its parent's and gets -ECHILD. In each test of a fork the
 * child unwinds to the test, and exits with the result of its checks.
 */
#include "tests/support/forking.h"
#include "tests/support/looping.h"

static bool in_child;
static int runs;

static void
fork_here(void *arg)
{
	pid_t pid = fork();

	(void)arg;
	runs++;
	if (pid != 0)
		child_wait(pid);
	else
		in_child = true;
}

static void
count_run(void *arg)
{
	(void)arg;
	runs++;
}

/* One tick: the child must get -ECHILD after a single call. */
static void
tick_with_fork(int runs_of_parent)
{
	int result;

	runs = 0;
	in_child = false;
	result = socle_event_loop_once(0);
	if (in_child)
		_exit(result == -ECHILD && runs == 1 ? 0 : 1);
	assert_int_equal(1, result);
	assert_int_equal(runs_of_parent, runs);
}

/* ---- fork ---- */

static void
a_child_forked_in_a_timer_runs_no_other_timer(void **state)
{
	(void)state;
	seam_time_virtual();
	socle_add_timer(0, fork_here, NULL);
	socle_add_timer(0, count_run, NULL);
	tick_with_fork(2);
}

static void
a_child_forked_in_a_deferred_call_runs_no_other_one(void **state)
{
	(void)state;
	socle_defer(fork_here, NULL);
	socle_defer(count_run, NULL);
	tick_with_fork(2);
}

static void
fork_in_closure(struct socle_socket *s, void *arg)
{
	(void)s;
	fork_here(arg);
}

static void
count_closure(struct socle_socket *s, void *arg)
{
	(void)s;
	count_run(arg);
}

static void
a_child_forked_in_a_flush_turn_flushes_nothing(void **state)
{
	struct probe *first, *second;
	char buf[8];
	int fds[2], others[2];

	(void)state;
	pair_unix(fds);
	pair_unix(others);
	first = probe_new(fds[0], NULL);
	second = probe_new(others[0], NULL);
	socle_set_autoflush(&first->sock, false);
	socle_set_autoflush(&second->sock, false);
	socle_write(&first->sock, "x", 1);
	(void)socle_write_func(&first->sock, fork_in_closure, NULL, NULL);
	(void)socle_write_func(&first->sock, count_closure, NULL, NULL);
	socle_write(&second->sock, "once", 4);
	tick_with_fork(2);
	assert_int_equal(4, drain_fd(others[1], buf, sizeof(buf)));
	close(fds[1]);
	close(others[1]);
}

static void
fork_and_ignore(struct socle_socket *s, void *reader)
{
	(void)s;
	fork_here(NULL);
	if (in_child)
		socle_watch_read(reader, false);
}

static void
a_child_forked_in_a_flush_turn_changes_no_interest(void **state)
{
	struct probe *writer, *reader;
	int fds[2];

	(void)state;
	reader = reader_of(fds);
	writer = probe_new(fds[1], "writer");
	socle_set_autoflush(&writer->sock, false);
	socle_write(&writer->sock, "x", 1);
	(void)socle_write_func(
		&writer->sock, fork_and_ignore, NULL, &reader->sock);
	tick_with_fork(1);
	assert_notes("writer:drain r");
}

static bool
fork_post_loop(struct socle_socket *s, void *arg)
{
	(void)s;
	fork_here(arg);
	return true;
}

static bool
count_post_loop(void *arg)
{
	count_run(arg);
	return true;
}

static void
a_child_forked_in_a_post_loop_callback_runs_no_other_one(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_set_socket_post_loop_callback(&p->sock, fork_post_loop, NULL);
	socle_set_post_loop_callback(count_post_loop, NULL);
	tick_with_fork(2);
	socle_set_post_loop_callback(NULL, NULL);
	socle_set_socket_post_loop_callback(&p->sock, NULL, NULL);
	close(fds[1]);
}

static bool
fork_when_asked(void *arg)
{
	if (runs == 0)
		fork_here(arg);
	return false;
}

static void
count_and_stop(void *arg)
{
	count_run(arg);
	socle_stop();
}

static void
a_child_forked_in_done_gets_echild(void **state)
{
	int result;

	(void)state;
	runs = 0;
	in_child = false;
	socle_defer(count_and_stop, NULL);
	result = socle_run_until(fork_when_asked, NULL);
	if (in_child)
		_exit(result == -ECHILD && runs == 1 ? 0 : 1);
	assert_int_equal(0, result);
	assert_int_equal(2, runs);
}

static void
fork_in_nested_loop(void *arg)
{
	socle_defer(fork_here, arg);
	(void)socle_event_loop_once(0);
	if (in_child)
		return;
	note("parent");
}

static void
a_child_forked_in_a_nested_loop_leaves_the_outer_one_too(void **state)
{
	(void)state;
	socle_defer(fork_in_nested_loop, NULL);
	tick_with_fork(1);
	assert_notes("parent");
}

/* ---- stop and reset ---- */

static bool
stop_when_asked(void *arg)
{
	(void)arg;
	socle_stop();
	return false;
}

static void
a_done_that_stops_ends_the_loop_without_a_wait(void **state)
{
	(void)state;
	assert_int_equal(0, socle_run_until(stop_when_asked, NULL));
}

static bool
reset_when_asked(void *arg)
{
	(void)arg;
	socle_reset();
	return false;
}

static void
a_done_that_resets_ends_the_loop(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	assert_int_equal(0, socle_run_until(reset_when_asked, NULL));
	assert_notes("destroy");
	close(fds[1]);
}

static void
a_done_that_resets_an_idle_loop_ends_it(void **state)
{
	(void)state;
	assert_int_equal(0, socle_run_until(reset_when_asked, NULL));
}

static void
reset_and_turn(void *arg)
{
	struct probe *p;
	int *fds = arg;

	socle_reset();
	p = probe_new(fds[0], "new");
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	turn(1);
}

static void
events_of_a_loop_nested_after_a_reset_are_delivered_once(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	socle_add_timer(0, reset_and_turn, fds);
	assert_int_equal(0, socle_event_loop_once(0));
	assert_notes("new:r");
	close(fds[1]);
}

/* ---- a refusal in step 4 ---- */

static bool reported;

static void
keep_open(struct probe *p, int err)
{
	(void)p;
	(void)err;
	reported = true;
}

static void
make_what_is_refused(struct probe *p)
{
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	probe_new(*(int *)p->arg, NULL)->on_err = keep_open;
	seam_fail(CALL_change, 1, ENOSPC, 1);
}

static void
an_event_err_of_step_4_is_followed_by_no_wait(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	if (!changes_are_calls())
		skip_because("this backend cannot refuse a change");
	reported = false;
	p = reader_of(fds);
	p->on_read = make_what_is_refused;
	p->arg = &fds[1];
	send_all(fds[1], "x", 1);
	assert_int_equal(1, socle_run_until(get_flag, &reported));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_child_forked_in_a_timer_runs_no_other_timer),
		test(a_child_forked_in_a_deferred_call_runs_no_other_one),
		test(a_child_forked_in_a_flush_turn_flushes_nothing),
		test(a_child_forked_in_a_flush_turn_changes_no_interest),
		test(a_child_forked_in_a_post_loop_callback_runs_no_other_one),
		test(a_child_forked_in_done_gets_echild),
		test(a_child_forked_in_a_nested_loop_leaves_the_outer_one_too),
		test(a_done_that_stops_ends_the_loop_without_a_wait),
		test(a_done_that_resets_ends_the_loop),
		test(a_done_that_resets_an_idle_loop_ends_it),
		test(events_of_a_loop_nested_after_a_reset_are_delivered_once),
		test(an_event_err_of_step_4_is_followed_by_no_wait),
	};
	return run_tests(tests);
}

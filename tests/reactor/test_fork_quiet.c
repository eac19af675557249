/* backends: all */
/*
 * Fork: until it calls socle_after_fork(), nothing that a child does affects
 * its parent.
 */
#include "tests/support/forking.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>

static int pair[2];

static int
close_quietly(struct probe *p)
{
	seam_count_reset();
	socle_watch_write(&p->sock, true);
	socle_watch_read(&p->sock, false);
	socle_close(&p->sock, NULL);
	CHECK(socle_closed(&p->sock));
	CHECK(seam_count(CALL_change) == 0);
	return 0;
}

/* case 62, defect 12 */
static void
a_child_that_closes_its_copy_does_not_disturb_the_parent(void **state)
{
	struct probe *p = reader_of(pair);

	(void)state;
	child_run(close_quietly, p);
	assert_serves(p, pair[1]);
	close(pair[1]);
}

static int
reset_quietly(struct probe *p)
{
	(void)p;
	seam_count_reset();
	socle_reset();
	CHECK(seam_count(CALL_change) == 0);
	CHECK(socle_watched_sockets() == 0);
	CHECK(fcntl(pair[0], F_GETFD) < 0);
	CHECK(socle_event_loop_once(0) == 1);
	return 0;
}

/* defect 12 */
static void
a_child_that_resets_does_not_disturb_the_parent(void **state)
{
	struct probe *p = reader_of(pair);

	(void)state;
	child_run(reset_quietly, p);
	assert_serves(p, pair[1]);
	close(pair[1]);
}

static void
not_called(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)ready;
	(void)arg;
}

static int
toggle_and_query(struct probe *p)
{
	int fds[2];

	seam_count_reset();
	socle_watch_read(&p->sock, false);
	(void)socle_loop_timeout_ms();
	(void)socle_loop_fd();
	CHECK(pipe(fds) == 0);
	(void)socle_add_other_fd(fds[0], SOCLE_READ, not_called, NULL);
	CHECK(seam_count(CALL_change) == 0);
	CHECK(seam_waits() == 0);
	return 0;
}

static void
queries_in_the_child_do_not_change_the_parents_interest(void **state)
{
	struct probe *p = reader_of(pair);

	(void)state;
	child_run(toggle_and_query, p);
	assert_serves(p, pair[1]);
	close(pair[1]);
}

static bool
must_not_be_called(void *arg)
{
	*(bool *)arg = true;
	return true;
}

static int
run_too_early(struct probe *p)
{
	bool was_asked = false;

	(void)p;
	CHECK(socle_event_loop() == -ECHILD);
	CHECK(socle_event_loop_once(0) == -ECHILD);
	CHECK(socle_run_until(must_not_be_called, &was_asked) == -ECHILD);
	CHECK(!was_asked);
	CHECK(socle_after_fork() == 0);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(socle_after_fork() == 0);
	return 0;
}

static void
a_loop_in_the_child_is_refused_before_socle_after_fork(void **state)
{
	(void)state;
	child_run(run_too_early, reader_of(pair));
	close(pair[1]);
}

static void
outside_a_child_socle_after_fork_does_nothing(void **state)
{
	struct probe *p;

	(void)state;
	assert_int_equal(0, socle_after_fork()); /* there is no loop */
	p = reader_of(pair);
	seam_count_reset();
	assert_int_equal(0, socle_after_fork());
	assert_int_equal(0, seam_system_calls());
	assert_serves(p, pair[1]);
	close(pair[1]);
}

static int
ask_whether_forked(struct probe *p)
{
	(void)p;
	CHECK(socle_forked());
	CHECK(socle_after_fork() == 0);
	CHECK(!socle_forked());
	return 0;
}

static int
ask_after_a_reset(struct probe *p)
{
	(void)p;
	CHECK(socle_forked());
	socle_reset();
	CHECK(!socle_forked());
	return 0;
}

static void
socle_forked_is_true_in_a_child_until_it_continues(void **state)
{
	(void)state;
	assert_false(socle_forked());
	turn(1);
	assert_false(socle_forked());
	child_run(ask_whether_forked, NULL);
	child_run(ask_after_a_reset, NULL);
	assert_false(socle_forked());
}

static struct socle_loop *self;

static void
assert_sleeps(void)
{
	double began;

	seam_time_virtual();
	began = seam_time();
	assert_int_equal(1, socle_event_loop_once(1000));
	assert_true(seam_time() > began);
}

static int
wake_myself(struct probe *p)
{
	(void)p;
	seam_count_reset();
	socle_wakeup(self);
	CHECK(seam_count(CALL_write) == 0);
	return 0;
}

static void
a_wakeup_in_the_child_does_not_wake_the_parent(void **state)
{
	(void)state;
	self = socle_loop_self();
	turn(1);
	child_run(wake_myself, NULL);
	assert_sleeps();
	socle_loop_release(self);
}

static int
signal_myself(struct probe *p)
{
	(void)p;
	seam_count_reset();
	raise(SIGUSR1);
	CHECK(seam_count(CALL_write) == 0);
	return 0;
}

static void
a_signal_to_the_child_does_not_wake_the_parent(void **state)
{
	(void)state;
	assert_int_equal(0, socle_signal(SIGUSR1, note_signal, NULL));
	turn(1);
	child_run(signal_myself, NULL);
	assert_sleeps();
	assert_notes("");
}

static int
close_corked(struct probe *p)
{
	socle_close(&p->sock, NULL);
	socle_reset();
	return 0;
}

static void
a_close_in_the_child_leaves_the_parents_cork_alone(void **state)
{
	struct probe *p;
	int corked = 0;
	socklen_t len = sizeof(corked);

	(void)state;
	if (SOCLE__CORK < 0)
		skip_because("this system has no cork");
	pair_tcp(pair);
	p = probe_new(pair[0], NULL);
	assert_int_equal(0, socle_tcp_cork(&p->sock, true));
	child_run(close_corked, p);
	assert_int_equal(0,
		getsockopt(pair[0], IPPROTO_TCP, SOCLE__CORK, &corked, &len));
	assert_true(corked != 0);
	close(pair[1]);
}

static pid_t forked;

static void
fork_and_write(struct probe *p)
{
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "once", 4));
	forked = fork();
}

static void
a_child_that_returns_from_the_handler_ends_its_loop_and_sends_nothing(
	void **state)
{
	struct probe *p = reader_of(pair);
	char buf[32];
	int r;

	(void)state;
	p->on_read = fork_and_write;
	send_all(pair[1], "x", 1);
	r = socle_event_loop_once(0);
	if (forked == 0)
		_exit(r == -ECHILD ? 0 : 1);
	assert_int_equal(1, r);
	child_wait(forked);
	assert_int_equal(4, drain_fd(pair[1], buf, sizeof(buf)));
	close(pair[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_child_that_closes_its_copy_does_not_disturb_the_parent),
		test(a_child_that_resets_does_not_disturb_the_parent),
		test(queries_in_the_child_do_not_change_the_parents_interest),
		test(a_loop_in_the_child_is_refused_before_socle_after_fork),
		test(outside_a_child_socle_after_fork_does_nothing),
		test(socle_forked_is_true_in_a_child_until_it_continues),
		test(a_wakeup_in_the_child_does_not_wake_the_parent),
		test(a_signal_to_the_child_does_not_wake_the_parent),
		test(a_close_in_the_child_leaves_the_parents_cork_alone),
		test(a_child_that_returns_from_the_handler_ends_its_loop_and_sends_nothing),
	};

	return run_tests(tests);
}

/* backends: all */
/*
 * Fork: a child that continues with a poller of its own; and exec, which
 * inherits nothing.
 */
#include "tests/support/forking.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static int pair[2], other_pair[2];

static struct socle_loop *self;

static bool
has_read(void *arg)
{
	return ((struct probe *)arg)->got_len > 0;
}

static struct probe *for_parent, *for_child;

static int
serve_one(struct probe *p)
{
	CHECK(socle_after_fork() == 0);
	socle_close(&for_parent->sock, NULL);
	CHECK(socle_run_until(has_read, p) == 1);
	CHECK(socle_write(&p->sock, "from the child", 14) == 1);
	return 0;
}

/* case 63 */
static void
parent_and_child_both_serve(void **state)
{
	char buf[32];
	pid_t pid;

	(void)state;
	for_parent = reader_of(pair);
	for_child = reader_of(other_pair);
	pid = child_start(serve_one, for_child);
	socle_watch_read(&for_child->sock, false);
	send_all(other_pair[1], "x", 1);
	assert_serves(for_parent, pair[1]);
	child_wait(pid);
	assert_int_equal(14, drain_fd(other_pair[1], buf, sizeof(buf)));
	assert_serves(for_parent, pair[1]);
	close(pair[1]);
	close(other_pair[1]);
}

static int
close_and_tick(struct probe *p)
{
	CHECK(socle_after_fork() == 0);
	socle_close(&p->sock, NULL);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(socle_watched_sockets() == 0);
	return 0;
}

/* case 62, defect 12 */
static void
children_that_continue_and_close_do_not_disturb_the_parent(void **state)
{
	struct probe *p = reader_of(pair);

	(void)state;
	for (int i = 0; i < scaled(100, 5); i++) {
		child_run(close_and_tick, p);
		assert_serves(p, pair[1]);
	}
	close(pair[1]);
}

static void
note_other(int fd, unsigned ready, void *arg)
{
	char c;

	(void)ready;
	(void)arg;
	note("other-fd%zd", read(fd, &c, 1));
}

static void
note_it(void *arg)
{
	note("%s", (char *)arg);
}

static bool
note_tick(void *arg)
{
	note_it(arg);
	return true;
}

static int
find_all_kept(struct probe *p)
{
	CHECK(socle_after_fork() == 0);
	CHECK(socle_watched_sockets() == 1);
	CHECK(socle_descriptor(pair[0]) == &p->sock);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(strstr(notes(), "timer") && strstr(notes(), "other-fd1"));
	CHECK(strstr(notes(), "tick"));
	CHECK(p->got_len == 1);
	return 0;
}

static void
objects_timers_other_fds_and_callbacks_are_kept(void **state)
{
	static char timer[] = "timer", tick[] = "tick";
	struct probe *p = reader_of(pair);

	(void)state;
	pair_pipe(other_pair);
	assert_int_equal(0,
		socle_add_other_fd(
			other_pair[0], SOCLE_READ, note_other, NULL));
	assert_true(socle_add_timer(0, note_it, timer));
	socle_set_post_loop_callback(note_tick, tick);
	send_all(other_pair[1], "x", 1);
	send_all(pair[1], "x", 1);
	child_run(find_all_kept, p);
	socle_clear_other_fds();
	close(pair[1]);
	close(other_pair[0]);
	close(other_pair[1]);
}

static int
fail_and_continue(struct probe *p)
{
	if (!changes_are_calls())
		return 0;
	seam_fail(the_opening(), 1, EMFILE, 1);
	CHECK(socle_after_fork() == -EMFILE);
	CHECK(socle_event_loop_once(0) == -ECHILD);
	CHECK(socle_after_fork() == 0);
	CHECK(socle_run_until(has_read, p) == 1);
	return 0;
}

static void
socle_after_fork_may_fail_and_be_retried(void **state)
{
	struct probe *p = reader_of(pair);

	(void)state;
	send_all(pair[1], "x", 1);
	child_run(fail_and_continue, p);
	close(pair[1]);
}

static int
fork_again(struct probe *p)
{
	pid_t pid;
	int status;

	CHECK(socle_after_fork() == 0);
	pid = fork();
	if (pid == 0)
		_exit(close_and_tick(p));
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(socle_run_until(has_read, p) == 1);
	return 0;
}

static void
a_child_may_fork_again(void **state)
{
	struct probe *p = reader_of(pair);

	(void)state;
	send_all(pair[1], "x", 1);
	child_run(fork_again, p);
	close(pair[1]);
}

static int
start_over(struct probe *p)
{
	int fds[2];

	(void)p;
	CHECK(socle_after_fork() == 0);
	socle_reset();
	CHECK(socle_watched_sockets() == 0);
	CHECK(socle_post(self, note_it, NULL) == -ESHUTDOWN);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	CHECK(write(fds[1], "x", 1) == 1);
	CHECK(socle_run_until(has_read, p) == 1);
	return 0;
}

static void
a_child_may_reset_and_start_over(void **state)
{
	struct probe *p = reader_of(pair);

	(void)state;
	self = socle_loop_self();
	child_run(start_over, p);
	assert_serves(p, pair[1]);
	socle_loop_release(self);
	close(pair[1]);
}

/* ---- queued writes ---- */

static void
note_release(bool sent, void *arg)
{
	(void)arg;
	note(sent ? "sent" : "unsent");
}

static void
note_closure(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	note("closure");
}

static void
note_drop(void *arg)
{
	(void)arg;
	note("drop");
}

static int
find_nothing_queued(struct probe *p)
{
	CHECK(socle_write_buf_size(&p->sock) == 5);
	CHECK(socle_after_fork() == 0);
	CHECK(strcmp(notes(), "unsent drop") == 0);
	CHECK(socle_write_buf_size(&p->sock) == 0);
	CHECK(!socle_closed(&p->sock));
	CHECK((socle_watching(&p->sock) & SOCLE_WRITE) == 0);
	return 0;
}

static void
the_child_drops_what_was_queued_and_the_parent_sends_it(void **state)
{
	static char buf[1 << 20];
	struct probe *p = reader_of(pair);
	size_t busy_clients = stuff_fd(pair[0]), got = 0;

	(void)state;
	assert_int_equal(
		0, socle_write_ref(&p->sock, "tail", 4, note_release, NULL));
	assert_int_equal(
		0, socle_write_func(&p->sock, note_closure, note_drop, NULL));
	notes_clear();
	child_run(find_nothing_queued, p);
	assert_notes("");
	assert_int_equal(5, socle_write_buf_size(&p->sock));
	while (got < busy_clients + 4) {
		ssize_t n = drain_fd(pair[1], buf, sizeof(buf));

		assert_true(n >= 0);
		got += (size_t)n;
		turn(1);
	}
	assert_int_equal(busy_clients + 4, got);
	assert_non_null(strstr(notes(), "sent closure"));
	close(pair[1]);
}

static int
leave_held_back(struct probe *p)
{
	CHECK(socle_after_fork() == 0);
	CHECK(socle_write_buf_size(&p->sock) == 0);
	CHECK(socle_event_loop_once(0) == 1);
	return 0;
}

static void
held_back_writes_are_sent_by_the_parent_only(void **state)
{
	struct probe *p = reader_of(pair);
	char buf[32];

	(void)state;
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "once", 4));
	child_run(leave_held_back, p);
	assert_int_equal(0, drain_fd(pair[1], buf, sizeof(buf)));
	turn(1);
	assert_int_equal(4, drain_fd(pair[1], buf, sizeof(buf)));
	close(pair[1]);
}

static int
find_it_closed(struct probe *p)
{
	(void)p;
	CHECK(socle_after_fork() == 0);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(strstr(notes(), "close(bye) destroy"));
	CHECK(socle_watched_sockets() == 0);
	return 0;
}

static void
an_object_in_close_after_flush_closes_in_the_child(void **state)
{
	struct probe *p = reader_of(pair);

	(void)state;
	stuff_fd(pair[0]);
	assert_int_equal(0, socle_write(&p->sock, "tail", 4));
	socle_close_after_flush(&p->sock, "bye");
	child_run(find_it_closed, p);
	assert_false(socle_closed(&p->sock));
	close(pair[1]);
}

/* ---- signals ---- */

static int
expect_no_signal_then_one(struct probe *p)
{
	(void)p;
	CHECK(socle_after_fork() == 0);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(strcmp(notes(), "") == 0);
	raise(SIGUSR1);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(strcmp(notes(), "signal") == 0);
	return 0;
}

static void
a_signal_pending_in_the_parent_is_reported_to_it_alone(void **state)
{
	(void)state;
	assert_int_equal(0, socle_signal(SIGUSR1, note_signal, NULL));
	turn(1);
	raise(SIGUSR1);
	child_run(expect_no_signal_then_one, NULL);
	turn(1);
	assert_notes("signal");
}

static int
expect_early_signal(struct probe *p)
{
	(void)p;
	raise(SIGUSR1);
	CHECK(socle_after_fork() == 0);
	CHECK(socle_event_loop_once(-1) == 1);
	CHECK(strcmp(notes(), "signal") == 0);
	return 0;
}

static void
a_signal_to_the_child_is_reported_after_socle_after_fork(void **state)
{
	(void)state;
	assert_int_equal(0, socle_signal(SIGUSR1, note_signal, NULL));
	turn(1);
	child_run(expect_early_signal, NULL);
	turn(1);
	assert_notes("");
}

/* ---- in a handler ---- */

static pid_t forked;

static void
fork_and_continue(struct probe *p)
{
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	forked = fork();
	if (forked == 0)
		p->done = socle_after_fork() == 0;
}

static void
a_child_may_continue_in_the_handler_that_forked(void **state)
{
	struct probe *p = reader_of(pair), *q = reader_of(other_pair);
	int r;

	(void)state;
	p->on_read = fork_and_continue;
	send_all(pair[1], "x", 1);
	send_all(other_pair[1], "x", 1);
	r = socle_event_loop_once(0);
	if (forked == 0) {
		alarm(60);
		socle_watch_read(&p->sock, false);
		_exit(r != 1 || !p->done || socle_run_until(has_read, q) != 1);
	}
	assert_int_equal(1, r);
	/* the parent may have read the first byte */
	send_all(other_pair[1], "x", 1);
	child_wait(forked);
	close(pair[1]);
	close(other_pair[1]);
}

static int continued;

static void
reset_and_fork(struct probe *p)
{
	(void)p;
	socle_reset();
	pair_unix(other_pair);
	for_child = probe_new(other_pair[0], NULL);
	for_child->read_size = 1;
	socle_watch_read(&for_child->sock, true);
	forked = fork();
	if (forked == 0)
		continued = socle_after_fork();
}

/* The loop that others could post to is gone. */
static void
a_handler_may_reset_and_fork_a_child_that_continues(void **state)
{
	struct probe *p = reader_of(pair);
	int r;

	(void)state;
	self = socle_loop_self();
	p->on_read = reset_and_fork;
	send_all(pair[1], "x", 1);
	r = socle_event_loop_once(0);
	if (forked == 0) {
		alarm(60);
		_exit(r != 0 || continued != 0 ||
			socle_run_until(has_read, for_child) != 1);
	}
	assert_int_equal(0, r);
	send_all(other_pair[1], "x", 1);
	child_wait(forked);
	socle_loop_release(self);
	close(pair[1]);
	close(other_pair[1]);
}

static bool has_fired;

static void
fire(void *arg)
{
	(void)arg;
	has_fired = true;
}

static bool
get_fired(void *arg)
{
	(void)arg;
	return has_fired;
}

static int
fires(struct probe *p)
{
	(void)p;
	CHECK(socle_after_fork() == 0);
	CHECK(socle_run_until(get_fired, NULL) == 1);
	return 0;
}

static void
reset_and_wait(void *arg)
{
	(void)arg;
	socle_reset();
	assert_true(socle_add_timer(0, fire, NULL) != 0);
	child_run(fires, NULL);
}

/* It never ran, or was reset. */
static void
a_child_of_a_loop_that_has_no_poller_continues(void **state)
{
	(void)state;
	has_fired = false;
	assert_true(socle_add_timer(0, fire, NULL) != 0);
	child_run(fires, NULL);
	turn(1);
	assert_true(has_fired);
	has_fired = false;
	assert_int_equal(0, socle_defer(reset_and_wait, NULL));
	assert_int_equal(0, socle_event_loop_once(0));
	turn(1);
	assert_true(has_fired);
}

/* ---- exec ---- */

enum { LOOKED_AT = 200 };

/* A shell command that succeeds if none of these fds is open in it. */
static void
none_open(char *command, size_t size, const bool *others, int mine)
{
	size_t len = 0;

	for (int fd = 3; fd < LOOKED_AT; fd++)
		if (!others[fd] && fd != mine && fcntl(fd, F_GETFD) >= 0)
			len += (size_t)snprintf(command + len, size - len,
				"! [ -e /dev/fd/%d ] && ", fd);
	assert_true(len > 0 && len < size - 20);
	strcpy(command + len, "[ -e /dev/fd/1 ]");
}

/* case 64 */
static void
exec_passes_on_no_fd(void **state)
{
	char command[LOOKED_AT * 32];
	bool others[LOOKED_AT];
	struct socle_factory *f;
	int status, fds[2];
	pid_t pid;

	(void)state;
	for (int fd = 0; fd < LOOKED_AT; fd++)
		others[fd] = fcntl(fd, F_GETFD) >= 0;
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	probe_new(fds[0], NULL);
	self = socle_loop_self();
	assert_int_equal(0, socle_listen("127.0.0.1:0", &probe_class, &f));
	turn(1);
	none_open(command, sizeof(command), others, fds[1]);
	pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(99);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
	socle_loop_release(self);
	socle_factory_free(f);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(parent_and_child_both_serve),
		test(children_that_continue_and_close_do_not_disturb_the_parent),
		test(objects_timers_other_fds_and_callbacks_are_kept),
		test(socle_after_fork_may_fail_and_be_retried),
		test(a_child_may_fork_again),
		test(a_child_may_reset_and_start_over),
		test(the_child_drops_what_was_queued_and_the_parent_sends_it),
		test(held_back_writes_are_sent_by_the_parent_only),
		test(an_object_in_close_after_flush_closes_in_the_child),
		test(a_signal_pending_in_the_parent_is_reported_to_it_alone),
		test(a_signal_to_the_child_is_reported_after_socle_after_fork),
		test(a_child_may_continue_in_the_handler_that_forked),
		test(a_handler_may_reset_and_fork_a_child_that_continues),
		test(a_child_of_a_loop_that_has_no_poller_continues),
		test(exec_passes_on_no_fd),
	};

	return run_tests(tests);
}

/* backends: all */
/*
 * A server that forks all the time.
 *
 * Children end at once, reset the loop, use it after socle_after_fork(), close
 * every object, call a nested loop without socle_after_fork(), or run another
 * program, each in its turn, while clients talk to the parent.  Shows that the
 * parent loses no event, no byte and no timer, that every child ends as it
 * should, and that the parent's fds and memory stay as they were.  Prints the
 * forks and the echoes in between.
 */
#include "case.h"
#include "client.h"
#include "serve.h"
#include "usage.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS = 20, QUEUED = 4 << 20 };

/* Questions. */
enum { FORKS = 1, QUEUE };

/* ---- the children ---- */

static void
end_at_once(void)
{
	_exit(0);
}

static void
reset_and_end(void)
{
	socle_reset();
	_exit(socle_watched_sockets() == 0 ? 0 : 1);
}

static void
fired(void *arg)
{
	*(bool *)arg = true;
}

static bool
is_true(void *arg)
{
	return *(bool *)arg;
}

/* Its own timer fires on its own poller; it reads nothing of its parent's. */
static void
unwatch(struct socle_socket *s, void *arg)
{
	(void)arg;
	socle_watch_read(s, false);
}

static void
use_the_loop(void)
{
	bool done = false;

	if (socle_after_fork() < 0)
		_exit(1);
	socle_set_post_loop_callback(NULL, NULL);
	socle_clear_other_fds();
	socle_each_descriptor(unwatch, NULL);
	if (!socle_add_timer(0, fired, &done))
		_exit(2);
	_exit(socle_run_until(is_true, &done) == 1 ? 0 : 3);
}

static void
close_it(struct socle_socket *s, void *arg)
{
	(void)arg;
	socle_close(s, "child");
}

static void
close_everything(void)
{
	if (socle_after_fork() < 0)
		_exit(1);
	socle_clear_other_fds();
	socle_each_descriptor(close_it, NULL);
	if (socle_event_loop_once(0) < 0)
		_exit(2);
	_exit(socle_watched_sockets() == 0 ? 0 : 3);
}

/* Refused, and without effect on the parent. */
static void
touch_the_loop_undetached(void)
{
	socle_each_descriptor(unwatch, NULL);
	socle_each_descriptor(close_it, NULL);
	if (socle_event_loop_once(0) != -ECHILD)
		_exit(1);
	_exit(socle_event_loop() == -ECHILD ? 0 : 2);
}

static void
run_another_program(void)
{
	execl("/bin/true", "true", (char *)NULL);
	_exit(1);
}

static void (*const children[])(void) = {end_at_once, reset_and_end,
	use_the_loop, close_everything, touch_the_loop_undetached,
	run_another_program};
enum { KINDS = sizeof(children) / sizeof(children[0]) };

/* ---- the server ---- */

static long forks_left, forked, running;
static struct socle_timer fork_timer;

/* Several at a time, from inside a timer, as long as some are wanted. */
static void
fork_some(struct socle_timer *t)
{
	while (forks_left > 0 && running < KINDS) {
		pid_t pid = fork();

		must(pid >= 0);
		if (pid == 0)
			children[forked % KINDS]();
		forked++;
		forks_left--;
		running++;
	}
	if (forks_left > 0)
		socle_timer_start(t, 0.001);
}

static void
child_ended(int signo, void *arg)
{
	int status;

	(void)signo;
	(void)arg;
	while (waitpid(-1, &status, WNOHANG) > 0) {
		running--;
		if (status != 0)
			fail_case("a child ended with %#x", status);
	}
	if (forks_left == 0 && running == 0) {
		tally.closed = forked;
		serve_answer();
	}
}

static void
queue_to(struct socle_socket *s, void *arg)
{
	static unsigned char data[QUEUED];

	(void)arg;
	pattern_fill(data, 0, QUEUED);
	must(socle_write(s, data, QUEUED) >= 0);
}

static bool
answer(const struct question *q)
{
	if (q->what == QUEUE) {
		socle_each_descriptor(queue_to, NULL);
		return true;
	}
	forks_left = q->argument;
	socle_timer_start(&fork_timer, 0);
	return false;
}

static void
forking_server(int control)
{
	socle_timer_init(&fork_timer, fork_some);
	must(socle_signal(SIGCHLD, child_ended, NULL) == 0);
	serve(control, &(struct serving){.cls = &echo_class, .answer = answer});
}

/* ---- the clients ---- */

static struct child c;
static int fds[CLIENTS];

static void
start(void)
{
	c = child_start(forking_server);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = client_connect(c.tally.port);
		client_echo(fds[i], "hello", 5);
	}
	/* what is allocated once */
	child_ask(&c, FORKS, KINDS);
}

static void
end(void)
{
	for (int i = 0; i < CLIENTS; i++) {
		shutdown(fds[i], SHUT_WR);
		client_drain(fds[i]);
		close(fds[i]);
	}
	child_await_objects(&c, 0);
	child_stop(&c);
}

static void
ask_for_forks(long n)
{
	struct question q = {.what = FORKS, .argument = n};

	must(send(c.control, &q, sizeof(q), 0) == (ssize_t)sizeof(q));
}

static void
take_answer(void)
{
	must(recv(c.control, &c.tally, sizeof(c.tally), 0) ==
		(ssize_t)sizeof(c.tally));
}

static void
the_parent_of_many_children_loses_nothing(void)
{
	long n = scaled(10000, 600), echoes = 0, open;
	struct tally before;
	double from;

	start();
	before = c.tally;
	open = usage_fds(c.pid);
	from = seconds_now();
	ask_for_forks(n);
	while (!client_readable(c.control, 0)) {
		int fd = fds[echoes % CLIENTS];

		client_echo(fd, "echo while children come and go", 31);
		echoes++;
	}
	take_answer();
	figure("%ld children in %.1f s, %ld echoes meanwhile",
		c.tally.closed - before.closed, seconds_now() - from, echoes);
	must_equal("children", c.tally.closed - before.closed, n);
	child_ask(&c, 0, 0); /* the last echo may be later than that answer */
	must_equal("bytes", (long)(c.tally.bytes - before.bytes), echoes * 31);
	must_equal("objects", c.tally.accepted - c.tally.destroyed, CLIENTS);
	must_equal("log lines", c.tally.log_lines, 0);
	must_equal("fds of the server", usage_fds(c.pid), open);
	if (memory_counts())
		must_be_at_most("heap", (double)c.tally.heap,
			(double)before.heap * 1.01 + 4096);
	end();
}

/* A child that sent what its parent had queued would double bytes. */
static void
queued_bytes_are_sent_by_the_parent_alone(void)
{
	unsigned char got[65536];
	size_t offset[CLIENTS] = {0};

	start();
	child_ask(&c, QUEUE, 0);
	ask_for_forks(scaled(300, 60));
	for (size_t at = 0; at < QUEUED; at += sizeof(got)) {
		for (int i = 0; i < CLIENTS; i++) {
			must(recv(fds[i], got, sizeof(got), MSG_WAITALL) ==
				(ssize_t)sizeof(got));
			must(pattern_holds(got, offset[i], sizeof(got)));
			offset[i] += sizeof(got);
		}
	}
	take_answer();
	for (int i = 0; i < CLIENTS; i++)
		client_echo(fds[i], "and then", 8);
	figure("%d queues of %d bytes arrived once, among %ld children",
		CLIENTS, QUEUED, c.tally.closed);
	end();
}

static const struct stress_case cases[] = {
	CASE(the_parent_of_many_children_loses_nothing),
	CASE(queued_bytes_are_sent_by_the_parent_alone),
};

int
main(void)
{
	return CASES_RUN(cases);
}

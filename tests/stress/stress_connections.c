/* backends: all */
/*
 * Many connections: held at the same time, in quick succession, and reset.
 *
 * Shows that no connection is lost, that every object is destroyed, and that
 * the server's fds and memory afterwards are what they were before.  Prints
 * how long the load took, and the memory of a held connection.
 */
#include "case.h"
#include "client.h"
#include "serve.h"
#include "usage.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPARE_FDS = 100, AT_ONCE = 32, BACKLOG = 100 };

static void
echo_server(int control)
{
	serve(control, &(struct serving){.cls = &echo_class});
}

static struct child
start(void)
{
	struct child c = child_start(echo_server);
	int fd = client_connect(c.tally.port);

	/* what is allocated once */
	client_echo(fd, "first", 5);
	close(fd);
	child_await_objects(&c, 0);
	return c;
}

/* Everything that was opened is closed, and nothing but that happened. */
static void
must_be_as_before(struct child *c, const struct tally *before, long fds)
{
	child_await_objects(c, 0);
	must_equal("fds of the server", usage_fds(c->pid), fds);
	must_equal("log lines", c->tally.log_lines, before->log_lines);
	must_equal("failures of accept", c->tally.failures, before->failures);
	if (memory_counts())
		must_be_at_most("heap of the server", (double)c->tally.heap,
			(double)before->heap * 1.01 + 4096);
}

/* ---- held ---- */

static void
echo_round(const int *fds, int n)
{
	char text[16];

	for (int i = 0; i < n; i++) {
		memset(text, i & 0xff, sizeof(text));
		client_send(fds[i], text, sizeof(text));
	}
	for (int i = 0; i < n; i++) {
		memset(text, i & 0xff, sizeof(text));
		client_expect(fds[i], text, sizeof(text));
	}
}

static void
hold(struct child *c, int *fds, int n)
{
	double from = seconds_now(), connected;
	long rss = usage_rss(c->pid);

	for (int i = 0; i < n; i++)
		fds[i] = client_connect(c->tally.port);
	while (c->tally.accepted - c->tally.destroyed < n)
		child_ask(c, 0, 0);
	connected = seconds_now();
	echo_round(fds, n);
	echo_round(fds, n);
	figure("%d connections made in %.2f s, echoed twice in %.2f s, %.0f "
	       "bytes of VmRSS each",
		n, connected - from, seconds_now() - connected,
		(double)(usage_rss(c->pid) - rss) / n);
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

static void
thousands_are_held_and_echoed_twice(void)
{
	int n = (int)scaled(19000, 2000);
	int *fds = malloc((size_t)n * sizeof(*fds));
	struct child c;
	struct tally first;
	long open;

	must(fds);
	need_fds(n + SPARE_FDS);
	c = start();
	open = usage_fds(c.pid);
	hold(&c, fds, n);
	child_await_objects(&c, 0);
	first = c.tally;
	/* what the first wave has left, the second does not add to */
	hold(&c, fds, n);
	must_be_as_before(&c, &first, open);
	must_equal("accepted", c.tally.accepted, 2 * n + 1);
	free(fds);
	child_stop(&c);
}

/* ---- in quick succession ---- */

static void
storm(struct child *c, int n, void (*end)(int fd))
{
	int fds[AT_ONCE];

	for (int i = 0; i < n; i += AT_ONCE) {
		for (int j = 0; j < AT_ONCE; j++)
			fds[j] = client_connect(c->tally.port);
		for (int j = 0; j < AT_ONCE; j++)
			client_send(fds[j], "x", 1);
		for (int j = 0; j < AT_ONCE; j++) {
			client_expect(fds[j], "x", 1);
			end(fds[j]);
		}
	}
}

static void
just_close(int fd)
{
	close(fd);
}

static void
storm_that_ends(int n, void (*end)(int fd))
{
	struct child c = start();
	long open = usage_fds(c.pid);
	struct tally first;
	double from;

	storm(&c, AT_ONCE, end);
	child_await_objects(&c, 0);
	first = c.tally;
	from = seconds_now();
	storm(&c, n, end);
	figure("%d connections, %d at a time, in %.2f s", n, AT_ONCE,
		seconds_now() - from);
	must_be_as_before(&c, &first, open);
	must_equal("accepted", c.tally.accepted - first.accepted, n);
	child_stop(&c);
}

static void
a_storm_of_connections_loses_none(void)
{
	storm_that_ends(
		(int)scaled(100000, 5120) / AT_ONCE * AT_ONCE, just_close);
}

static void
resets_leave_nothing_behind(void)
{
	storm_that_ends(
		(int)scaled(20000, 2048) / AT_ONCE * AT_ONCE, client_reset);
}

/* ---- reset before they are accepted ---- */

static void
last_in_line(int port)
{
	int fd = client_connect(port);

	client_echo(fd, "last", 4);
	close(fd);
}

/* The server is stopped meanwhile: it finds nothing but reset connections. */
static void
reset_a_backlog(struct child *c, int healthy)
{
	child_pause(c);
	for (int i = 0; i < BACKLOG; i++)
		client_reset(client_connect(c->tally.port));
	client_send(healthy, "still", 5);
	child_resume(c);
	client_expect(healthy, "still", 5);
	/* the backlog is a queue: all before this one are accepted */
	last_in_line(c->tally.port);
	child_await_objects(c, 1);
}

static void
connections_reset_before_accept_stop_nothing(void)
{
	struct child c = start();
	long open = usage_fds(c.pid), rounds = scaled(200, 20);
	int healthy = client_connect(c.tally.port);
	struct tally first;

	reset_a_backlog(&c, healthy);
	first = c.tally;
	for (long i = 0; i < rounds; i++)
		reset_a_backlog(&c, healthy);
	figure("%ld connections reset before accept(2), %ld of them accepted",
		rounds * BACKLOG, c.tally.accepted - first.accepted - rounds);
	close(healthy);
	must_be_as_before(&c, &first, open);
	child_stop(&c);
}

static const struct stress_case cases[] = {
	CASE(thousands_are_held_and_echoed_twice),
	CASE(a_storm_of_connections_loses_none),
	CASE(resets_leave_nothing_behind),
	CASE(connections_reset_before_accept_stop_nothing),
};

int
main(void)
{
	return CASES_RUN(cases);
}

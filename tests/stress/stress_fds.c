/* backends: all */
/*
 * A server that has run out of fds.
 *
 * Shows, with room for 64 fds and 200 clients: that the server does not spin
 * meanwhile (it makes a few ticks a second), that it reports the shortage at
 * most once a second, that the clients it has are answered, and that it accepts
 * again once an fd is free, whether the library or other code has closed it.
 * With SOCLE_EMFILE_SHED those that it cannot serve are closed at once.  Prints
 * the ticks and the processor time of the shortage.
 */
#include "case.h"
#include "client.h"
#include "serve.h"
#include "usage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST_FDS = 64, CLIENTS = 200, RETRIES_A_SECOND = 10 };

/* Questions. */
enum { TAKE_FDS = 1, GIVE_FDS };

/* ---- the server ---- */

static int taken[MOST_FDS], n_taken;

/* fds of other code, of which the library knows nothing */
static void
take_fds(void)
{
	int fd;

	while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		taken[n_taken++] = fd;
	must(errno == EMFILE);
}

static bool
answer(const struct question *q)
{
	if (q->what == TAKE_FDS)
		take_fds();
	while (q->what == GIVE_FDS && n_taken > 0)
		close(taken[--n_taken]);
	return true;
}

static void
serve_with_few_fds(int control, int emfile)
{
	struct rlimit l = {.rlim_cur = MOST_FDS, .rlim_max = MOST_FDS};

	must(setrlimit(RLIMIT_NOFILE, &l) == 0);
	serve(control,
		&(struct serving){.cls = &echo_class,
			.emfile = emfile,
			.answer = answer});
}

static void
pausing_server(int control)
{
	serve_with_few_fds(control, SOCLE_EMFILE_PAUSE);
}

static void
shedding_server(int control)
{
	serve_with_few_fds(control, SOCLE_EMFILE_SHED);
}

/* ---- the clients ---- */

static struct child server;
static int fds[CLIENTS];

static void
connect_all(void)
{
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = client_connect(server.tally.port);
}

static void
close_all(void)
{
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	child_await_objects(&server, 0);
}

/* The server alone with the shortage. */
static void
must_be_calm(void)
{
	long seconds = scaled(5, 1), cpu, ticks;
	struct tally before = server.tally;

	ticks = child_observe(&server, seconds, &cpu);
	figure("%ld s without fds: %ld ticks, %ld ms of processor time, %ld "
	       "reports",
		seconds, ticks, cpu, server.tally.failures - before.failures);
	/* a retry may make a tick or two */
	must_be_at_most("ticks", (double)ticks,
		(double)(seconds * RETRIES_A_SECOND * 3 + 10));
	must_be_at_most("reports",
		(double)(server.tally.failures - before.failures),
		(double)seconds + 1);
	must_be_at_most("log lines",
		(double)(server.tally.log_lines - before.log_lines),
		(double)seconds + 1);
}

/* ---- cases ---- */

static void
without_fds_the_clients_wait_and_nothing_spins(void)
{
	double from = seconds_now();
	long served;

	server = child_start(pausing_server);
	connect_all();
	client_echo(fds[0], "first", 5);
	do
		child_ask(&server, 0, 0);
	while (server.tally.failures == 0);
	served = server.tally.accepted;
	must(served < MOST_FDS);
	must_be_calm();
	must_equal("accepted", server.tally.accepted, served);
	for (int i = 0; i < served; i++)
		client_echo(fds[i], "served", 6);
	/* in the order of the backlog, each as an fd is freed by one before */
	for (int i = 0; i < CLIENTS; i++) {
		client_echo(fds[i], "in turn", 7);
		shutdown(fds[i], SHUT_WR);
		client_drain(fds[i]);
	}
	must_equal("accepted", server.tally.accepted, served);
	close_all();
	must_equal("accepted", server.tally.accepted, CLIENTS);
	/* each client that ended has ended the shortage, for the next one */
	figure("%d clients, %ld of them at once, were all served; %ld reports "
	       "in %.1f s",
		CLIENTS, served, server.tally.failures, seconds_now() - from);
	must_be_at_most("reports", (double)server.tally.failures,
		seconds_now() - from + 1);
	child_stop(&server);
}

static void
an_fd_that_other_code_frees_is_found(void)
{
	double from;
	int fd;

	server = child_start(pausing_server);
	fd = client_connect(server.tally.port);
	client_echo(fd, "here", 4);
	child_ask(&server, TAKE_FDS, 0);
	connect_all();
	do
		child_ask(&server, 0, 0);
	while (server.tally.failures == 0);
	must_be_calm();
	client_echo(fd, "here", 4);
	from = seconds_now();
	child_ask(&server, GIVE_FDS, 0);
	client_echo(fds[0], "now", 3);
	figure("served %.0f ms after other code had closed fds",
		(seconds_now() - from) * 1e3);
	close(fd);
	close_all();
	child_stop(&server);
}

/* Whether the server still holds this one; it has shed the others. */
static bool
is_served(int fd)
{
	char c;

	if (send(fd, "?", 1, MSG_NOSIGNAL) != 1)
		return false;
	return recv(fd, &c, 1, 0) == 1;
}

static void
what_exceeds_the_fds_is_shed(void)
{
	int served = 0, fd;

	server = child_start(shedding_server);
	connect_all();
	for (int i = 0; i < CLIENTS; i++)
		served += is_served(fds[i]);
	must(served > 0 && served < MOST_FDS);
	child_ask(&server, 0, 0);
	must_equal("accepted", server.tally.accepted, served);
	must_be_calm();
	for (int i = 0; i < served; i++)
		client_echo(fds[i], "served", 6);
	shutdown(fds[0], SHUT_WR);
	client_drain(fds[0]);
	fd = client_connect(server.tally.port);
	client_echo(fd, "instead", 7);
	close(fd);
	figure("%d of %d clients served, the others closed at once", served,
		CLIENTS);
	close_all();
	child_stop(&server);
}

static const struct stress_case cases[] = {
	CASE(without_fds_the_clients_wait_and_nothing_spins),
	CASE(an_fd_that_other_code_frees_is_found),
	CASE(what_exceeds_the_fds_is_shed),
};

int
main(void)
{
	return CASES_RUN(cases);
}

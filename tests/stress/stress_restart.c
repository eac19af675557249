/* backends: all */
/*
 * Servers that are killed.
 *
 * Shows that after SIGKILL the next server binds the same port at once, although
 * connections of the last one are open or in TIME_WAIT; that the file of a killed
 * server's Unix socket, and a lock file beside it, are no obstacle; that a server
 * that still runs keeps its path; that every client of a killed server sees the
 * end; and that of workers with one listening socket a killed one takes only its
 * own clients with it.  Prints the longest time from the kill to the first answer.
 */
#include "case.h"
#include "client.h"
#include "serve.h"
#include "usage.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENTS = 20 };

static char where[128], directory[64], path[96], lock[112];

static void
server(int control)
{
	serve(control, &(struct serving){.cls = &echo_class, .where = where});
}

/* ---- TCP ---- */

/* Some connections are open, and the server has closed some: TIME_WAIT. */
static void
use(struct child *c, int *fds)
{
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = client_connect(c->tally.port);
		client_echo(fds[i], "hello", 5);
	}
	for (int i = CLIENTS / 2; i < CLIENTS; i++) {
		shutdown(fds[i], SHUT_WR);
		client_drain(fds[i]);
	}
}

static void
must_all_be_at_their_end(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t got = 0;

		client_ends(fds[i], &got);
		must(got == 0);
		close(fds[i]);
	}
}

static void
a_killed_server_is_replaced_at_its_port(void)
{
	long rounds = scaled(200, 20);
	struct child c;
	double worst = 0;
	int fds[CLIENTS], port;

	snprintf(where, sizeof(where), "127.0.0.1:0");
	c = child_start(server);
	port = c.tally.port;
	snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	for (long i = 0; i < rounds; i++) {
		double from;
		int fd;

		use(&c, fds);
		from = seconds_now();
		child_kill(&c);
		c = child_start(server);
		must_equal("port", c.tally.port, port);
		fd = client_connect(port);
		client_echo(fd, "again", 5);
		if (seconds_now() - from > worst)
			worst = seconds_now() - from;
		close(fd);
		must_all_be_at_their_end(fds, CLIENTS);
	}
	figure("%ld servers killed with %d connections each; the next one "
	       "answered at the same port after %.1f ms at most",
		rounds, CLIENTS, worst * 1e3);
	child_stop(&c);
}

/* ---- Unix ---- */

static void
choose_path(void)
{
	snprintf(directory, sizeof(directory), "/tmp/socle-stress-XXXXXX");
	must(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/server", directory);
	snprintf(lock, sizeof(lock), "%s.socle-lock", path);
	snprintf(where, sizeof(where), "unix:%s", path);
}

/* The servers left nothing but what a killed one leaves. */
static void
remove_path(void)
{
	must(access(path, F_OK) < 0 && errno == ENOENT);
	must(access(lock, F_OK) < 0 && errno == ENOENT);
	must(rmdir(directory) == 0);
}

static int
client_at_path(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0);
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail_case("connect: %s", strerror(errno));
	return fd;
}

static void
a_killed_server_is_replaced_at_its_path(void)
{
	long rounds = scaled(200, 20);
	struct child c;
	double worst = 0;
	int before, fd;

	choose_path();
	c = child_start(server);
	for (long i = 0; i < rounds; i++) {
		double from;

		before = client_at_path();
		client_echo(before, "hello", 5);
		from = seconds_now();
		child_kill(&c);
		must(access(path, F_OK) == 0);
		/* as one leaves it that is killed while it removes a file */
		if (i % 2) {
			fd = open(lock, O_CREAT | O_CLOEXEC, 0600);
			must(fd >= 0);
			close(fd);
		}
		c = child_start(server);
		fd = client_at_path();
		client_echo(fd, "again", 5);
		if (seconds_now() - from > worst)
			worst = seconds_now() - from;
		close(fd);
		client_ends(before, NULL);
		close(before);
	}
	figure("%ld servers killed; the next one answered at the same path "
	       "after %.1f ms at most",
		rounds, worst * 1e3);
	child_stop(&c);
	remove_path();
}

/* Says what socle_listen() returned. */
static void
second_server(int control)
{
	struct socle_factory *f;
	struct tally t = {.failures = socle_listen(where, &echo_class, &f)};

	must(send(control, &t, sizeof(t), 0) == (ssize_t)sizeof(t));
	socle_reset();
	exit(0);
}

static void
a_server_that_runs_keeps_its_path(void)
{
	struct child first, second;
	int fd;

	choose_path();
	first = child_start(server);
	second = child_start(second_server);
	must_equal("result", second.tally.failures, -EADDRINUSE);
	must_equal("exit status", child_wait(&second), 0);
	/* and while it is stopped, and answers nothing */
	child_pause(&first);
	second = child_start(second_server);
	must_equal("result", second.tally.failures, -EADDRINUSE);
	must_equal("exit status", child_wait(&second), 0);
	child_resume(&first);
	fd = client_at_path();
	client_echo(fd, "still", 5);
	close(fd);
	child_stop(&first);
	remove_path();
}

/* ---- workers that share a listening socket ---- */

enum { WORKERS = 4, CROWD = 200 };

static int shared = -1, shared_port;

static void
worker(int control)
{
	serve(control,
		&(struct serving){.cls = &echo_class,
			.has_listen_fd = true,
			.listen_fd = shared});
}

static void
share_listener(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	shared = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(shared >= 0 && bind(shared, (struct sockaddr *)&at, len) == 0);
	must(listen(shared, CROWD) == 0);
	must(getsockname(shared, (struct sockaddr *)&at, &len) == 0);
	shared_port = ntohs(at.sin_port);
}

static void
connect_crowd(int *fds)
{
	for (int i = 0; i < CROWD; i++) {
		fds[i] = client_connect(shared_port);
		client_send(fds[i], "hello", 5);
	}
	for (int i = 0; i < CROWD; i++)
		client_expect(fds[i], "hello", 5);
}

/* Whether it still echoes; the end otherwise. */
static bool
still_there(int fd)
{
	char got[5];

	if (send(fd, "still", 5, MSG_NOSIGNAL) != 5)
		return false;
	return recv(fd, got, 5, MSG_WAITALL) == 5;
}

static void
a_killed_worker_takes_only_its_own_clients(void)
{
	long rounds = scaled(50, 5), lost = 0, own, others;
	struct child workers[WORKERS];
	int before[CROWD], after[CROWD];

	share_listener();
	for (int i = 0; i < WORKERS; i++)
		workers[i] = child_start(worker);
	for (long round = 0; round < rounds; round++) {
		struct child *w = &workers[round % WORKERS];

		connect_crowd(before);
		child_ask(w, 0, 0);
		own = w->tally.accepted - w->tally.destroyed;
		child_kill(w);
		connect_crowd(after); /* by those that are left */
		others = 0;
		for (int i = 0; i < CROWD; i++) {
			others += still_there(before[i]);
			must(still_there(after[i]));
			close(before[i]);
			close(after[i]);
		}
		must_equal("clients lost", CROWD - others, own);
		lost += own;
		*w = child_start(worker);
		for (int i = 0; i < WORKERS; i++)
			child_await_objects(&workers[i], 0);
	}
	figure("%ld workers killed, with %ld clients; the %ld of the other %d "
	       "lost nothing",
		rounds, lost, rounds * CROWD - lost, WORKERS - 1);
	for (int i = 0; i < WORKERS; i++)
		child_stop(&workers[i]);
	close(shared);
}

static const struct stress_case cases[] = {
	CASE(a_killed_server_is_replaced_at_its_port),
	CASE(a_killed_server_is_replaced_at_its_path),
	CASE(a_server_that_runs_keeps_its_path),
	CASE(a_killed_worker_takes_only_its_own_clients),
};

int
main(void)
{
	return CASES_RUN(cases);
}

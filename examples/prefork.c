/*
 * prefork [--port=N] [--processes=N] [--share=yes|no]: an HTTP server of N
 * processes, one for each CPU, and a parent that starts again what dies.
 *
 * Each process has a listening socket of its own for the same port
 * (SO_REUSEPORT), and the kernel divides the clients among them.  The parent
 * opens the sockets and keeps them: clients that wait in the queue of a process
 * that died are not reset, but served by its successor.  With --share=yes there
 * is one socket for all, for systems that do not divide clients; the process
 * that comes first gets the client.
 *
 * SIGTERM to the parent drains all processes, SIGTERM to one of them replaces
 * it.  When the parent is gone, its pipe ends, and they drain too.  The parent
 * tells the service manager when it is ready, lives, and stops.
 */
#include <socle/socle.h>

#include "common/hello.h"
#include "common/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 256, DRAIN_SECONDS = 10, PATIENCE_SECONDS = 12 };
static const double shortest_delay = 0.1, longest_delay = 10;

struct worker {
	struct socle_timer again; /* starts it */
	pid_t pid;                /* 0: it does not run */
	double born, delay;       /* in seconds */
	int fd;
};

static struct worker workers[WORKERS];
static int n_workers;
static bool shared, stopping;
static int lifeline[2];         /* only the parent has the write end */
static const struct worker *me; /* in a child: which one it is */
static struct socle_timer patience;

/* ---- a child ---- */

static void
drain(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	hello_drain(DRAIN_SECONDS);
}

static void
parent_is_gone(int fd, unsigned ready, void *arg)
{
	(void)ready;
	(void)arg;
	socle_remove_other_fd(fd);
	hello_drain(DRAIN_SECONDS);
}

static int
work(void)
{
	char text[64];
	int err;

	close(lifeline[1]);
	for (int i = 0; i < n_workers; i++)
		if (workers[i].fd != me->fd)
			close(workers[i].fd);
	snprintf(text, sizeof(text), "hello from %d", (int)getpid());
	unsetenv("NOTIFY_SOCKET"); /* the parent speaks for all */
	signal(SIGINT, SIG_IGN); /* a terminal sends it to all: the parent's */
	if ((err = hello_serve(me->fd, text)) == 0 &&
		(err = socle_signal(SIGTERM, drain, NULL)) == 0 &&
		(err = socle_add_other_fd(
			 lifeline[0], SOCLE_READ, parent_is_gone, NULL)) == 0)
		err = socle_event_loop();
	socle_reset();
	return err < 0 ? server_fails("prefork", "worker", err) : 0;
}

/* ---- the parent ---- */

/* In the child the loop ends with -ECHILD once this has returned. */
static void
start(struct socle_timer *t)
{
	struct worker *w = socle_container_of(t, struct worker, again);
	pid_t pid = fork();

	if (pid == 0) {
		me = w;
	} else if (pid > 0) {
		w->pid = pid;
		w->born = socle_now();
	} else {
		server_fails("prefork", "fork", -errno);
		socle_timer_start(t, longest_delay);
	}
}

static bool
some_run(void)
{
	for (int i = 0; i < n_workers; i++)
		if (workers[i].pid)
			return true;
	return false;
}

/* The delay doubles until one has lived for longer than it can become. */
static void
ended(struct worker *w, int status)
{
	bool killed = WIFSIGNALED(status);

	fprintf(stderr, "prefork: %d ended, %s %d\n", (int)w->pid,
		killed ? "signal" : "status",
		killed ? WTERMSIG(status) : WEXITSTATUS(status));
	w->pid = 0;
	w->delay *= 2;
	if (w->delay > longest_delay)
		w->delay = longest_delay;
	if (w->delay == 0 || socle_now() - w->born > longest_delay)
		w->delay = shortest_delay;
	if (!stopping)
		socle_timer_start(&w->again, w->delay);
	else if (!some_run())
		socle_stop();
}

static void
reap(int signo, void *arg)
{
	int status;
	pid_t pid;

	(void)signo;
	(void)arg;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < n_workers; i++)
			if (workers[i].pid == pid)
				ended(&workers[i], status);
}

static void
kill_the_rest(struct socle_timer *t)
{
	(void)t;
	for (int i = 0; i < n_workers; i++)
		if (workers[i].pid)
			kill(workers[i].pid, SIGKILL);
}

/* The children drain when the pipe ends; the end of the last ends the loop. */
static void
stop(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	if (stopping) {
		kill_the_rest(&patience);
		return;
	}
	stopping = true;
	(void)socle_service_stopping();
	close(lifeline[1]);
	for (int i = 0; i < n_workers; i++) {
		socle_timer_cancel(&workers[i].again);
		if (i == 0 || !shared)
			close(workers[i].fd); /* the last to have it */
	}
	socle_timer_init(&patience, kill_the_rest);
	socle_timer_start(&patience, PATIENCE_SECONDS);
	if (!some_run())
		socle_stop();
}

/* ---- the start ---- */

static char address[32] = "127.0.0.1:8080";

static bool
take_port(const char *value)
{
	return server_port(value, address, sizeof(address));
}

static bool
take_processes(const char *value)
{
	double n;
	bool fits = server_number(value, 1, WORKERS, &n);

	n_workers = fits ? (int)n : 0;
	return fits;
}

static bool
take_share(const char *value)
{
	shared = strcmp(value, "yes") == 0;
	return shared || strcmp(value, "no") == 0;
}

static const struct server_option options[] = {
	{"port", "N", take_port, false},
	{"processes", "N", take_processes, false},
	{"share", "yes|no", take_share, false},
	{NULL, NULL, NULL, false},
};

static int
prepare(void)
{
	int fds[WORKERS];
	int err = hello_open("prefork", address, fds, shared ? 1 : n_workers);

	if (err < 0)
		return err;
	for (int i = 0; i < n_workers; i++) {
		workers[i].fd = fds[shared ? 0 : i];
		socle_timer_init(&workers[i].again, start);
		socle_timer_start(&workers[i].again, 0);
	}
	return pipe(lifeline) < 0 ? -errno : 0;
}

int
main(int argc, char **argv)
{
	int err;

	n_workers = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (!server_options("prefork", options, argc, argv))
		return 2;
	server_raise_fd_limit();
	if ((err = prepare()) < 0)
		return server_fails("prefork", address, err);
	if ((err = socle_signal(SIGCHLD, reap, NULL)) == 0 &&
		(err = socle_signal(SIGTERM, stop, NULL)) == 0 &&
		(err = socle_signal(SIGINT, stop, NULL)) == 0 &&
		(err = socle_service_watchdog()) >= 0 &&
		(err = socle_service_ready()) >= 0)
		err = socle_event_loop();
	socle_reset(); /* a child drops what it has of the parent's loop */
	if (me)
		return work();
	return err < 0 ? server_fails("prefork", "event loop", err) : 0;
}

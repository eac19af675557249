/*
 * threads [--port=N] [--threads=N]: an HTTP server of N threads, one for each
 * CPU, with a loop each.
 *
 * Each thread has a listening socket of its own for the same port
 * (SO_REUSEPORT), its own clients and its own timers; no thread calls a function
 * on an object of another, so there are no locks.  The main thread has a loop
 * too, for the signals.  The threads talk by socle_post() alone, the one function
 * that may be called for another's loop: at SIGTERM the main thread posts each
 * thread the order to drain, and a thread that has ended posts that.
 */
#include <socle/socle.h>

#include "common/hello.h"
#include "common/server.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { THREADS = 256, DRAIN_SECONDS = 10 };

struct lane {
	/* the main thread's */
	pthread_t thread;
	bool is_ready;
	/* its own, and the main thread's before and after */
	struct socle_loop *loop;
	int fd, err;
	char text[64];
};

static struct lane lanes[THREADS];
static int n_lanes, n_ready, running;
static struct socle_loop *main_loop;
static bool stopping;

/* ---- a thread ---- */

static void
drain(void *arg)
{
	(void)arg;
	hello_drain(DRAIN_SECONDS);
}

static void ready(void *arg);
static void ended(void *arg);

static void *
serve(void *arg)
{
	struct lane *l = arg;

	l->loop = socle_loop_self();
	l->err = l->loop ? hello_serve(l->fd, l->text) : -ENOMEM;
	if (l->err == 0) {
		socle_post(main_loop, ready, l);
		l->err = socle_event_loop();
	}
	socle_reset();
	socle_post(main_loop, ended, l);
	return NULL;
}

/* ---- the main thread ---- */

static void
ready(void *arg)
{
	struct lane *l = arg;

	l->is_ready = true;
	if (++n_ready == n_lanes)
		socle_service_ready();
	if (stopping) /* the signal came first */
		socle_post(l->loop, drain, NULL);
}

static void
ended(void *arg)
{
	struct lane *l = arg;

	pthread_join(l->thread, NULL);
	socle_loop_release(l->loop);
	l->is_ready = false;
	if (l->err < 0)
		server_fails("threads", l->text, l->err);
	if (--running == 0)
		socle_stop();
}

/* A second signal ends the threads' loops at once, as a second drain does. */
static void
stop(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	stopping = true;
	for (int i = 0; i < n_lanes; i++)
		if (lanes[i].is_ready)
			socle_post(lanes[i].loop, drain, NULL);
}

static int
start(struct lane *l, int number, int fd)
{
	int err;

	l->fd = fd;
	snprintf(l->text, sizeof(l->text), "hello from thread %d", number);
	err = pthread_create(&l->thread, NULL, serve, l);
	if (err == 0)
		running++;
	return -err;
}

/* ---- the start ---- */

static char address[32] = "127.0.0.1:8080";

static bool
take_port(const char *value)
{
	return server_port(value, address, sizeof(address));
}

static bool
take_threads(const char *value)
{
	double n;
	bool fits = server_number(value, 1, THREADS, &n);

	n_lanes = fits ? (int)n : 0;
	return fits;
}

static const struct server_option options[] = {
	{"port", "N", take_port, false},
	{"threads", "N", take_threads, false},
	{NULL, NULL, NULL, false},
};

int
main(int argc, char **argv)
{
	int fds[THREADS];
	int err;

	n_lanes = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (!server_options("threads", options, argc, argv))
		return 2;
	server_raise_fd_limit();
	if (!(main_loop = socle_loop_self()))
		return server_fails("threads", "event loop", -ENOMEM);
	if ((err = socle_signal(SIGTERM, stop, NULL)) < 0 ||
		(err = socle_signal(SIGINT, stop, NULL)) < 0)
		return server_fails("threads", "signals", err);
	if ((err = hello_open("threads", address, fds, n_lanes)) < 0)
		return server_fails("threads", address, err);
	for (int i = 0; i < n_lanes && err == 0; i++)
		err = start(&lanes[i], i, fds[i]);
	if (err < 0)
		return server_fails("threads", "thread", err);
	err = socle_event_loop();
	socle_loop_release(main_loop);
	socle_reset();
	return err < 0 ? server_fails("threads", "event loop", err) : 0;
}

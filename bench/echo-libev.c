/* The echo server on libev, which has watchers and leaves the rest to us. */
#include "server.h"

#include <ev.h>
#include <stddef.h>

struct client {
	ev_io io;
	ev_timer idle; /* allocated with an idle timeout only */
};

static struct options opt;

static void
client_close(struct ev_loop *loop, struct client *c)
{
	ev_io_stop(loop, &c->io);
	if (opt.timeout > 0)
		ev_timer_stop(loop, &c->idle);
	close(c->io.fd);
	free(c);
}

static void
client_ready(struct ev_loop *loop, ev_io *w, int events)
{
	struct client *c = (struct client *)w;

	(void)events;
	if (!echo(w->fd, opt.message))
		client_close(loop, c);
	else if (opt.timeout > 0)
		ev_timer_again(loop, &c->idle);
}

static void
client_idle(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)events;
	client_close(loop, w->data);
}

static void
welcome(struct ev_loop *loop, ev_io *w, int events)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	(void)events;
	if (fd < 0)
		return;
	c = malloc(
		opt.timeout > 0 ? sizeof(*c) : offsetof(struct client, idle));
	if (!c)
		die("malloc");
	ev_io_init(&c->io, client_ready, fd, EV_READ);
	ev_io_start(loop, &c->io);
	if (opt.timeout <= 0)
		return;
	ev_timer_init(&c->idle, client_idle, 0, opt.timeout);
	c->idle.data = c;
	ev_timer_again(loop, &c->idle);
}

static void
every_second(struct ev_loop *loop, ev_timer *w, int events)
{
	(void)loop;
	(void)w;
	(void)events;
}

static void
start_timers(struct ev_loop *loop)
{
	static ev_timer timers[TIMERS];
	int i;

	for (i = 0; i < TIMERS; i++) {
		ev_timer_init(&timers[i], every_second, i * (1. / TIMERS), 1.);
		ev_timer_start(loop, &timers[i]);
	}
}

int
main(int argc, char **argv)
{
	struct ev_loop *loop = ev_default_loop(EVBACKEND_EPOLL);
	ev_io listening;

	opt = options(argc, argv);
	ev_io_init(&listening, welcome, listener(), EV_READ);
	ev_io_start(loop, &listening);
	if (opt.timers)
		start_timers(loop);
	ev_run(loop, 0);
	return 0;
}

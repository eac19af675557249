/* The echo server on libevent's events; it reads and writes by itself. */
#include "server.h"

#include <event2/event.h>
#include <event2/listener.h>

static struct options opt;

static void
client_ready(evutil_socket_t fd, short events, void *arg)
{
	struct event *e = *(struct event **)arg;

	if (!(events & EV_TIMEOUT) && echo(fd, opt.message))
		return;
	event_free(e);
	free(arg);
	close(fd);
}

static void
welcome(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from,
	int len, void *arg)
{
	struct event **e = malloc(sizeof(struct event *));
	struct timeval idle = {.tv_sec = (time_t)opt.timeout};

	(void)from;
	(void)len;
	(void)arg;
	if (!e)
		die("malloc");
	*e = event_new(evconnlistener_get_base(l), fd, EV_READ | EV_PERSIST,
		client_ready, e);
	if (!*e || event_add(*e, opt.timeout > 0 ? &idle : NULL) < 0)
		die("event");
}

int
main(int argc, char **argv)
{
	struct event_base *base = event_base_new();

	opt = options(argc, argv);
	if (!base ||
		!evconnlistener_new(base, welcome, NULL, LEV_OPT_CLOSE_ON_EXEC,
			0, listener()))
		die("libevent");
	return event_base_dispatch(base);
}

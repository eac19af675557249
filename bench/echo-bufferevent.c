/* The echo server on libevent's bufferevents, its buffered sockets. */
#include "server.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <sys/stat.h>

static struct options opt;

static void
answer_each(struct bufferevent *b)
{
	char buf[READ_SIZE];
	size_t len = bufferevent_read(b, buf, sizeof(buf)), i, n;

	for (i = 0; i < len; i += n) {
		n = len - i < opt.message ? len - i : opt.message;
		bufferevent_write(b, buf + i, n);
	}
}

static void
client_read(struct bufferevent *b, void *arg)
{
	(void)arg;
	if (opt.message > 0)
		answer_each(b);
	else
		bufferevent_write_buffer(b, bufferevent_get_input(b));
}

/* With --file. */
static void
client_read_request(struct bufferevent *b, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(b);
	unsigned char *first = evbuffer_pullup(in, 1);
	struct stat st;
	int fd;

	if (!first || *first != FILE_REQUEST) {
		client_read(b, arg);
		return;
	}
	evbuffer_drain(in, evbuffer_get_length(in));
	fd = open(opt.file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 ||
		evbuffer_add_file(
			bufferevent_get_output(b), fd, 0, st.st_size) < 0)
		die(opt.file);
}

static void
client_event(struct bufferevent *b, short what, void *arg)
{
	(void)what;
	(void)arg;
	bufferevent_free(b);
}

static void
welcome(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from,
	int len, void *arg)
{
	struct bufferevent *b = bufferevent_socket_new(
		evconnlistener_get_base(l), fd, BEV_OPT_CLOSE_ON_FREE);
	struct timeval idle = {.tv_sec = (time_t)opt.timeout};

	(void)from;
	(void)len;
	(void)arg;
	if (!b)
		die("bufferevent");
	bufferevent_setcb(b, opt.file ? client_read_request : client_read, NULL,
		client_event, NULL);
	if (opt.timeout > 0)
		bufferevent_set_timeouts(b, &idle, NULL);
	bufferevent_enable(b, EV_READ | EV_WRITE);
}

static struct event timers[TIMERS];

static void
every_second(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval second = {.tv_sec = 1};

	(void)fd;
	(void)what;
	evtimer_add((struct event *)arg, &second);
}

static void
start_timers(struct event_base *base)
{
	struct timeval t = {0};
	int i;

	for (i = 0; i < TIMERS; i++) {
		t.tv_usec = i * (1000000 / TIMERS);
		evtimer_assign(&timers[i], base, every_second, &timers[i]);
		evtimer_add(&timers[i], &t);
	}
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
	if (opt.timers)
		start_timers(base);
	return event_base_dispatch(base);
}

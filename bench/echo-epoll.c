/* The echo server on a loop of its own: as little as it can be, the limit. */
#include "server.h"

#include <sys/epoll.h>

enum { EVENTS = 1024 };

static void
welcome(int epoll, int listening)
{
	struct epoll_event e = {.events = EPOLLIN};
	int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	e.data.fd = fd;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		die("epoll_ctl");
}

int
main(int argc, char **argv)
{
	static struct epoll_event events[EVENTS];
	struct epoll_event e = {.events = EPOLLIN};
	struct options o = options(argc, argv);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int listening = listener();
	int i, n;

	e.data.fd = listening;
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listening, &e) < 0)
		die("epoll");
	while ((n = epoll_wait(epoll, events, EVENTS, -1)) >= 0) {
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == listening)
				welcome(epoll, listening);
			else if (!echo(events[i].data.fd, o.message))
				close(events[i].data.fd);
		}
	}
	die("epoll_wait");
}

/* The chain on a loop of its own: the limit. */
#include "chain.h"

#include <sys/epoll.h>

enum { EVENTS = 1024 };

int
main(int argc, char **argv)
{
	static struct epoll_event events[EVENTS];
	struct epoll_event e = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	int i, n;

	chain_open(argc, argv);
	for (i = 0; i < chain.pairs; i++) {
		e.data.u32 = (unsigned)i;
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, chain.in[i], &e) < 0)
			chain_die("epoll_ctl");
	}
	chain_start();
	while ((n = epoll_wait(epoll, events, EVENTS, -1)) >= 0) {
		for (i = 0; i < n; i++)
			chain_hop((int)events[i].data.u32);
	}
	chain_die("epoll_wait");
}

/* The chain on libevent. */
#include "chain.h"

#include <event2/event.h>
#include <stdint.h>

static struct event **events;

static void
readable(evutil_socket_t fd, short what, void *arg)
{
	int i = (int)(intptr_t)arg;

	(void)fd;
	(void)what;
	chain_hop(i);
	if (!chain.toggle)
		return;
	event_del(events[i]);
	event_add(events[i], NULL);
}

int
main(int argc, char **argv)
{
	struct event_base *base = event_base_new();
	intptr_t i;

	chain_open(argc, argv);
	events = calloc((size_t)chain.pairs, sizeof(struct event *));
	if (!base || !events)
		chain_die("libevent");
	for (i = 0; i < chain.pairs; i++) {
		events[i] = event_new(base, chain.in[i], EV_READ | EV_PERSIST,
			readable, (void *)i);
		if (!events[i] || event_add(events[i], NULL) < 0)
			chain_die("event");
	}
	chain_start();
	event_base_dispatch(base);
	return 1;
}

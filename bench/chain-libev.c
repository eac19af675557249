/* The chain on libev. */
#include "chain.h"

#include <ev.h>

static ev_io *watchers;

static void
readable(struct ev_loop *loop, ev_io *w, int events)
{
	(void)events;
	chain_hop((int)(w - watchers));
	if (!chain.toggle)
		return;
	ev_io_stop(loop, w);
	ev_io_start(loop, w);
}

int
main(int argc, char **argv)
{
	struct ev_loop *loop = ev_default_loop(EVBACKEND_EPOLL);
	int i;

	chain_open(argc, argv);
	watchers = calloc((size_t)chain.pairs, sizeof(*watchers));
	if (!watchers)
		chain_die("calloc");
	for (i = 0; i < chain.pairs; i++) {
		ev_io_init(&watchers[i], readable, chain.in[i], EV_READ);
		ev_io_start(loop, &watchers[i]);
	}
	chain_start();
	ev_run(loop, 0);
	return 1;
}

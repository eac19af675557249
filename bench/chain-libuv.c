/* The chain on libuv, by uv_poll. */
#include "chain.h"

#include <uv.h>

static uv_poll_t *polls;

static void
readable(uv_poll_t *p, int status, int events)
{
	(void)status;
	(void)events;
	chain_hop((int)(p - polls));
	if (!chain.toggle)
		return;
	uv_poll_stop(p);
	uv_poll_start(p, UV_READABLE, readable);
}

int
main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	int i;

	chain_open(argc, argv);
	polls = calloc((size_t)chain.pairs, sizeof(*polls));
	if (!polls)
		chain_die("calloc");
	for (i = 0; i < chain.pairs; i++) {
		if (uv_poll_init(loop, &polls[i], chain.in[i]) < 0 ||
			uv_poll_start(&polls[i], UV_READABLE, readable) < 0)
			chain_die("uv_poll");
	}
	chain_start();
	uv_run(loop, UV_RUN_DEFAULT);
	return 1;
}

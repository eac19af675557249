/* Timers of libuv, in ms. */
#include "timing.h"

#include <uv.h>

static uv_loop_t *loop;
static uv_timer_t *all;

static void
fire(uv_timer_t *t)
{
	(void)t;
	timers.fired++;
}

void
setup(int n)
{
	int i;

	loop = uv_default_loop();
	all = calloc((size_t)n, sizeof(*all));
	if (!all)
		abort();
	for (i = 0; i < n; i++)
		uv_timer_init(loop, &all[i]);
}

void
inside(void (*body)(void))
{
	uv_update_time(loop);
	body();
}

void
add(int i, double seconds)
{
	uv_timer_start(&all[i], fire, (uint64_t)(seconds * 1000), 0);
}

void
rearm(int i, double seconds)
{
	add(i, seconds);
}

void
refresh(int i, double seconds)
{
	add(i, seconds);
}

void
cancel(int i)
{
	uv_timer_stop(&all[i]);
}

void
expire(void)
{
	uv_run(loop, UV_RUN_NOWAIT);
}

size_t
size(void)
{
	return sizeof(uv_timer_t);
}

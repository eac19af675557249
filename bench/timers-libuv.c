/* Timers of libuv, in ms. */
#include "timers.h"

#include <uv.h>

static uv_loop_t *loop;
static uv_timer_t *all;

static void
fire(uv_timer_t *t)
{
	(void)t;
	timers.fired++;
}

static void
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

static void
inside(void (*body)(void))
{
	uv_update_time(loop);
	body();
}

static void
add(int i, double seconds)
{
	uv_timer_start(&all[i], fire, (uint64_t)(seconds * 1000), 0);
}

static void
rearm(int i, double seconds)
{
	add(i, seconds);
}

static void
refresh(int i, double seconds)
{
	add(i, seconds);
}

static void
cancel(int i)
{
	uv_timer_stop(&all[i]);
}

static void
expire(void)
{
	uv_run(loop, UV_RUN_NOWAIT);
}

static size_t
size(void)
{
	return sizeof(uv_timer_t);
}

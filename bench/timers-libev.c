/* Timers of libev. */
#include "timing.h"

#include <ev.h>

static struct ev_loop *loop;
static ev_timer *all;

static void
fire(struct ev_loop *l, ev_timer *t, int events)
{
	(void)l;
	(void)t;
	(void)events;
	timers.fired++;
}

void
setup(int n)
{
	loop = ev_default_loop(EVBACKEND_EPOLL);
	all = calloc((size_t)n, sizeof(*all));
	if (!loop || !all)
		abort();
}

void
inside(void (*body)(void))
{
	ev_now_update(loop);
	body();
}

void
add(int i, double seconds)
{
	ev_timer_init(&all[i], fire, seconds, 0.);
	ev_timer_start(loop, &all[i]);
}

void
rearm(int i, double seconds)
{
	ev_timer_stop(loop, &all[i]);
	ev_timer_set(&all[i], seconds, 0.);
	ev_timer_start(loop, &all[i]);
}

/* The manual's way for idle timeouts. */
void
refresh(int i, double seconds)
{
	all[i].repeat = seconds;
	ev_timer_again(loop, &all[i]);
}

void
cancel(int i)
{
	ev_timer_stop(loop, &all[i]);
}

void
expire(void)
{
	ev_run(loop, EVRUN_NOWAIT);
}

size_t
size(void)
{
	return sizeof(ev_timer) + sizeof(ev_tstamp) + sizeof(void *);
}

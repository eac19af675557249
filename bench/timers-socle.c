/* Timers of socle, with absolute times. */
#include "timing.h"

#include <socle/socle.h>

static struct socle_timer *all;
static double base;

static void
fire(struct socle_timer *t)
{
	(void)t;
	timers.fired++;
}

void
setup(int n)
{
	int i;

	all = calloc((size_t)n, sizeof(*all));
	if (!all)
		abort();
	for (i = 0; i < n; i++)
		socle_timer_init(&all[i], fire);
}

void
inside(void (*body)(void))
{
	socle_event_loop_once(0);
	base = socle_now();
	body();
}

void
add(int i, double seconds)
{
	socle_timer_start_at(&all[i], base + seconds);
}

void
rearm(int i, double seconds)
{
	socle_timer_start_at(&all[i], base + seconds);
}

void
refresh(int i, double seconds)
{
	socle_timer_start_at(&all[i], base + seconds);
}

void
cancel(int i)
{
	socle_timer_cancel(&all[i]);
}

void
expire(void)
{
	socle_event_loop_once(0);
}

size_t
size(void)
{
	return sizeof(struct socle_timer);
}

/* Timers of socle, with absolute times. */
#include "timers.h"

#include <socle/socle.h>

static struct socle_timer *all;
static double base;

static void
fire(struct socle_timer *t)
{
	(void)t;
	timers.fired++;
}

static void
setup(int n)
{
	int i;

	all = calloc((size_t)n, sizeof(*all));
	if (!all)
		abort();
	for (i = 0; i < n; i++)
		socle_timer_init(&all[i], fire);
}

static void
inside(void (*body)(void))
{
	socle_event_loop_once(0);
	base = socle_now();
	body();
}

static void
add(int i, double seconds)
{
	socle_timer_start_at(&all[i], base + seconds);
}

static void
rearm(int i, double seconds)
{
	socle_timer_start_at(&all[i], base + seconds);
}

static void
refresh(int i, double seconds)
{
	socle_timer_start_at(&all[i], base + seconds);
}

static void
cancel(int i)
{
	socle_timer_cancel(&all[i]);
}

static void
expire(void)
{
	socle_event_loop_once(0);
}

static size_t
size(void)
{
	return sizeof(struct socle_timer);
}

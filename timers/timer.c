/*
 * The timer functions that need no loop.
 */
#include "timers/timer.h"

#include "timers/store.h"

#include <stddef.h>

const char socle__own_timer[] = "the library's own";

void
socle_timer_init_named(const char *arguments, struct socle_timer *t,
	void (*fn)(struct socle_timer *t))
{
	*t = (struct socle_timer){.fn = fn, .name = arguments};
}

void(socle_timer_init)(struct socle_timer *t, void (*fn)(struct socle_timer *t))
{
	socle_timer_init_named(NULL, t, fn);
}

bool
socle_timer_pending(const struct socle_timer *t)
{
	return t->node.order != 0;
}

/*
 * The wheel by itself.  It checks nothing: to add a timer that is pending, or to
 * cancel one that is not, corrupts it, and so does a callback that cancels
 * another timer.  A postponed timer stays in its slot and moves when that is due.
 */
#include "timing.h"
#include "wheel.h"

static struct wheel wheel;
static struct timer *all;
static uint64_t base;

static void
fire(struct timer *t)
{
	(void)t;
	timers.fired++;
}

static void
empty(struct wheel *w, struct timer *slot)
{
	struct timer *t, *end = slot->prev;

	if (end == slot)
		return;
	t = slot->next;
	list_init(slot);
	for (;;) {
		struct timer *next = t->next;

		if ((t->deadline >> TICK_BITS) < w->tick)
			t->fn(t);
		else
			wheel_link(w, t);
		if (t == end)
			return;
		t = next;
	}
}

static uint64_t
now_ns(void)
{
	return (uint64_t)clock_ns(CLOCK_MONOTONIC);
}

void
setup(int n)
{
	all = calloc((size_t)n, sizeof(*all));
	if (!all)
		abort();
	wheel_init(&wheel, now_ns());
}

void
inside(void (*body)(void))
{
	base = now_ns();
	body();
}

void
add(int i, double seconds)
{
	all[i].fn = fire;
	all[i].deadline = base + (uint64_t)(seconds * 1e9);
	wheel_link(&wheel, &all[i]);
}

void
rearm(int i, double seconds)
{
	wheel_unlink(&all[i]);
	add(i, seconds);
}

void
refresh(int i, double seconds)
{
	all[i].deadline = base + (uint64_t)(seconds * 1e9);
}

void
cancel(int i)
{
	wheel_unlink(&all[i]);
}

void
expire(void)
{
	wheel_advance(&wheel, now_ns(), empty);
}

size_t
size(void)
{
	return sizeof(struct timer);
}

/*
 * The wheel with what a safe call must check, and nothing else: the limit.
 *
 *  - The wheel is the calling thread's own, if it has one.
 *  - A time can be NaN, in the past, or out of range.
 *  - Starting a pending timer moves it; for a later time it stays in its slot
 *    and moves when that is due.  Cancelling one that is not pending does
 *    nothing.
 *  - A callback may cancel or start any timer.
 */
#include "timing.h"
#include "wheel.h"

#include <errno.h>

static _Thread_local struct wheel *mine;
static struct timer *all;
static double base;

static void
fire(struct timer *t)
{
	(void)t;
	timers.fired++;
}

/* ---- the safe calls; a timer that is not pending has no `next' ---- */

static uint64_t
to_ns(double seconds)
{
	double ns = seconds * 1e9 + 0.5;

	if (!(ns > 0))
		return 0;
	return ns >= (double)INT64_MAX ? INT64_MAX : (uint64_t)ns;
}

static int
start_at(struct timer *t, double when)
{
	struct wheel *w = mine;
	uint64_t deadline = to_ns(when);

	if (!w)
		return -ENOMEM;
	if (t->next) {
		if (deadline >= t->deadline) {
			t->deadline = deadline;
			return 0;
		}
		wheel_unlink(t);
	}
	t->deadline = deadline;
	wheel_link(w, t);
	return 0;
}

static void
stop(struct timer *t)
{
	if (!t->next)
		return;
	wheel_unlink(t);
	t->next = NULL;
}

/* The slot's timers move to a list that callbacks can change. */
static void
empty(struct wheel *w, struct timer *slot)
{
	struct timer list, *t;

	if (slot->next == slot)
		return;
	list = *slot;
	list.next->prev = list.prev->next = &list;
	list_init(slot);
	while ((t = list.next) != &list) {
		wheel_unlink(t);
		if ((t->deadline >> TICK_BITS) < w->tick) {
			t->next = NULL;
			t->fn(t);
		} else {
			wheel_link(w, t);
		}
	}
}

/* ---- the operations that are timed ---- */

static uint64_t
now_ns(void)
{
	return (uint64_t)clock_ns(CLOCK_MONOTONIC);
}

void
setup(int n)
{
	int i;

	all = calloc((size_t)n, sizeof(*all));
	mine = calloc(1, sizeof(*mine));
	if (!all || !mine)
		abort();
	for (i = 0; i < n; i++)
		all[i].fn = fire;
	wheel_init(mine, now_ns());
}

void
inside(void (*body)(void))
{
	base = (double)now_ns() / 1e9;
	body();
}

void
add(int i, double seconds)
{
	start_at(&all[i], base + seconds);
}

void
rearm(int i, double seconds)
{
	start_at(&all[i], base + seconds);
}

void
refresh(int i, double seconds)
{
	start_at(&all[i], base + seconds);
}

void
cancel(int i)
{
	stop(&all[i]);
}

void
expire(void)
{
	if (mine)
		wheel_advance(mine, now_ns(), empty);
}

size_t
size(void)
{
	return sizeof(struct timer);
}

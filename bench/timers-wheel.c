/*
 * A hashed hierarchical wheel and nothing around it: the limit.  Six levels of
 * 64 slots, ticks of 2^20 ns.  A postponed timer stays in its slot and
 * moves when that is due.
 */
#include "timing.h"

#include <stdbool.h>

enum { LEVELS = 6, BITS = 6, SLOTS = 1 << BITS, TICK_BITS = 20 };

struct timer {
	struct timer *next, *prev;
	uint64_t deadline; /* ns */
	void (*fn)(struct timer *t);
};

static struct timer slots[LEVELS][SLOTS];
static struct timer *all;
static uint64_t tick, base;

static void
fire(struct timer *t)
{
	(void)t;
	timers.fired++;
}

static void
link_timer(struct timer *t)
{
	uint64_t at = (t->deadline >> TICK_BITS) + 1, ahead;
	struct timer *slot;
	int level;

	if (at <= tick)
		at = tick + 1;
	ahead = at - tick;
	level = (63 - __builtin_clzll(ahead)) / BITS;
	slot = &slots[level][(at >> (level * BITS)) % SLOTS];
	t->next = slot;
	t->prev = slot->prev;
	slot->prev->next = t;
	slot->prev = t;
}

static void
unlink_timer(struct timer *t)
{
	t->next->prev = t->prev;
	t->prev->next = t->next;
}

static void
empty(struct timer *slot)
{
	struct timer *t, *end = slot->prev;

	if (end == slot)
		return;
	t = slot->next;
	slot->next = slot->prev = slot;
	for (;;) {
		struct timer *next = t->next;

		if ((t->deadline >> TICK_BITS) < tick)
			t->fn(t);
		else
			link_timer(t);
		if (t == end)
			return;
		t = next;
	}
}

static void
advance(uint64_t now)
{
	int level;

	while (tick < now >> TICK_BITS) {
		tick++;
		for (level = LEVELS - 1; level > 0; level--) {
			if (tick % (1ull << (level * BITS)) == 0)
				empty(&slots[level]
					    [(tick >> (level * BITS)) % SLOTS]);
		}
		empty(&slots[0][tick % SLOTS]);
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
	int i, level;

	for (level = 0; level < LEVELS; level++) {
		for (i = 0; i < SLOTS; i++)
			slots[level][i].next = slots[level][i].prev =
				&slots[level][i];
	}
	all = calloc((size_t)n, sizeof(*all));
	if (!all)
		abort();
	tick = now_ns() >> TICK_BITS;
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
	link_timer(&all[i]);
}

void
rearm(int i, double seconds)
{
	unlink_timer(&all[i]);
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
	unlink_timer(&all[i]);
}

void
expire(void)
{
	advance(now_ns());
}

size_t
size(void)
{
	return sizeof(struct timer);
}

/*
 * A hashed hierarchical wheel and nothing around it: six levels of 64 slots,
 * ticks of 2^20 ns.  It fires in no particular order within a tick.
 */
#ifndef BENCH_WHEEL_H
#define BENCH_WHEEL_H

#include <stdint.h>

enum { LEVELS = 6, BITS = 6, SLOTS = 1 << BITS, TICK_BITS = 20 };

struct timer {
	struct timer *next, *prev;
	uint64_t deadline; /* ns */
	void (*fn)(struct timer *t);
};

struct wheel {
	uint64_t tick;
	struct timer slots[LEVELS][SLOTS];
};

static inline void
list_init(struct timer *list)
{
	list->next = list->prev = list;
}

static inline void
wheel_init(struct wheel *w, uint64_t now)
{
	int i, level;

	for (level = 0; level < LEVELS; level++) {
		for (i = 0; i < SLOTS; i++)
			list_init(&w->slots[level][i]);
	}
	w->tick = now >> TICK_BITS;
}

static inline void
wheel_link(struct wheel *w, struct timer *t)
{
	uint64_t at = (t->deadline >> TICK_BITS) + 1, ahead;
	struct timer *slot;
	int level;

	if (at <= w->tick)
		at = w->tick + 1;
	ahead = at - w->tick;
	level = (63 - __builtin_clzll(ahead)) / BITS;
	slot = &w->slots[level][(at >> (level * BITS)) % SLOTS];
	t->next = slot;
	t->prev = slot->prev;
	slot->prev->next = t;
	slot->prev = t;
}

static inline void
wheel_unlink(struct timer *t)
{
	t->next->prev = t->prev;
	t->prev->next = t->next;
}

/* Calls `empty' for each slot that is reached until `now'. */
static inline void
wheel_advance(struct wheel *w, uint64_t now,
	void (*empty)(struct wheel *w, struct timer *slot))
{
	int level;

	while (w->tick < now >> TICK_BITS) {
		w->tick++;
		for (level = LEVELS - 1; level > 0; level--) {
			if (w->tick % (1ull << (level * BITS)) == 0)
				empty(w,
					&w->slots[level]
						 [(w->tick >> (level * BITS)) %
							 SLOTS]);
		}
		empty(w, &w->slots[0][w->tick % SLOTS]);
	}
}

#endif

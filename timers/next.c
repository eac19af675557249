/* next.h describes the function. */
#include "timers/next.h"

#include "timers/wheel.h"

static void
keep(struct socle__next_timers *next, const struct socle__timer_node *t)
{
	uint64_t i = next->n;

	if (i < next->most)
		next->n++;
	else if (t->deadline >= next->at[--i].deadline)
		return;
	for (; i > 0 && next->at[i - 1].deadline > t->deadline; i--)
		next->at[i] = next->at[i - 1];
	next->at[i].deadline = t->deadline;
	next->at[i].name = t->order & BARE
		? socle__own_timer
		: ((const struct socle_timer *)(const void *)t)->name;
}

static void
keep_all(struct socle__next_timers *next, const struct socle__timer_node *t)
{
	for (; t; t = t->next)
		keep(next, t);
}

void
socle__timers_next_list(
	const struct socle__timer_store *ts, struct socle__next_timers *next)
{
	next->n = 0;
	keep_all(next, ts->due);
	keep_all(next, ts->past.first);
	for (unsigned i = 0; i < LEVELS * SLOTS; i++)
		keep_all(next, ts->slots[i / SLOTS][i % SLOTS].first);
}

/*
 * A merge sort of timers by (deadline, start order), private to store.c.  It
 * neither recurses nor allocates, and a list that is sorted already takes one
 * pass.  Only `next' is used and set.
 */
#ifndef SOCLE_TIMERS_SORT_H
#define SOCLE_TIMERS_SORT_H

#include "timers/timer.h"

#include <stddef.h>

static inline bool
timer_before(const struct socle_timer *a, const struct socle_timer *b)
{
	if (a->deadline != b->deadline)
		return a->deadline < b->deadline;
	return a->order < b->order;
}

static inline struct socle_timer *
sort_merge(struct socle_timer *a, struct socle_timer *b)
{
	struct socle_timer *first, **end = &first;

	while (a && b) {
		struct socle_timer **least = timer_before(b, a) ? &b : &a;

		*end = *least;
		end = &(*least)->next;
		*least = *end;
	}
	*end = a ? a : b;
	return first;
}

/* Cuts the sorted run at the head of a list off; returns the rest. */
static inline struct socle_timer *
sort_cut(struct socle_timer *t)
{
	struct socle_timer *rest;

	while (t->next && timer_before(t, t->next))
		t = t->next;
	rest = t->next;
	t->next = NULL;
	return rest;
}

static inline struct socle_timer *
sort_timers(struct socle_timer *list)
{
	struct socle_timer *merged[64]; /* [i] is NULL or made of 2^i runs */
	struct socle_timer *run;
	unsigned used = 0, i;

	while (list) {
		run = list;
		list = sort_cut(run);
		for (i = 0; i < used && merged[i]; i++) {
			run = sort_merge(merged[i], run);
			merged[i] = NULL;
		}
		if (i == used)
			used++;
		merged[i] = run;
	}
	for (i = 0, run = NULL; i < used; i++)
		run = sort_merge(merged[i], run);
	return run;
}

#endif

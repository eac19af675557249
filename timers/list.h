/*
 * Lists of timers, private to store.c.  A timer points to what points to it, as
 * in queue(3), so that it leaves its list without knowing which one that is.
 *
 * The merge sort, by (deadline, start order), neither recurses nor allocates,
 * and a list that is sorted already takes one pass.  It uses `next' alone.
 */
#ifndef SOCLE_TIMERS_LIST_H
#define SOCLE_TIMERS_LIST_H

#include "timers/timer.h"

#include <stddef.h>

static inline void
list_insert(struct socle__timer_node **list, struct socle__timer_node *t)
{
	struct socle__timer_node *next = *list;

	if (next)
		next->prev = &t->next;
	t->next = next;
	t->prev = list;
	*list = t;
}

static inline void
list_remove(struct socle__timer_node *t)
{
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
}

/* Takes the first timer off a list, which is not empty. */
static inline struct socle__timer_node *
list_take(struct socle__timer_node **list)
{
	struct socle__timer_node *t = *list;

	list_remove(t);
	return t;
}

/* Makes a list of timers that are linked by `next' alone. */
static inline void
list_set(struct socle__timer_node **list, struct socle__timer_node *first)
{
	*list = first;
	for (struct socle__timer_node *t = first; t; t = t->next) {
		t->prev = list;
		list = &t->next;
	}
}

static inline void
list_clear(struct socle__timer_node **list)
{
	while (*list)
		list_take(list)->order = 0;
}

static inline bool
timer_before(
	const struct socle__timer_node *a, const struct socle__timer_node *b)
{
	if (a->deadline != b->deadline)
		return a->deadline < b->deadline;
	return a->order < b->order;
}

static inline struct socle__timer_node *
sort_merge(struct socle__timer_node *a, struct socle__timer_node *b)
{
	struct socle__timer_node *first, **end = &first;

	while (a && b) {
		bool second = timer_before(b, a);
		struct socle__timer_node *least = second ? b : a;

		*end = least;
		end = &least->next;
		a = second ? a : *end;
		b = second ? *end : b;
	}
	*end = a ? a : b;
	return first;
}

/* Cuts the sorted run at the head of a list off; returns the rest. */
static inline struct socle__timer_node *
sort_cut(struct socle__timer_node *t)
{
	struct socle__timer_node *rest;

	while (t->next && timer_before(t, t->next))
		t = t->next;
	rest = t->next;
	t->next = NULL;
	return rest;
}

static inline struct socle__timer_node *
sort_timers(struct socle__timer_node *list)
{
	struct socle__timer_node
		*merged[64]; /* [i] is NULL or made of 2^i runs */
	struct socle__timer_node *run;
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

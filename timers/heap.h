/*
 * Pairing heaps of timers, and what `order' says beside the order: store.c's
 * own part.
 *
 * Links in a heap: `child' is the first child; `next' and `prev' are siblings,
 * and the first of them has its parent as `prev'.  Nothing here recurses: a
 * heap may be all timers wide.
 */
#ifndef SOCLE_TIMERS_HEAP_H
#define SOCLE_TIMERS_HEAP_H

#include "timers/timer.h"

#include <stddef.h>

/*
 * The low bits of struct socle_timer.order, whose rest is unique: they do not
 * disturb comparing.
 */
enum {
	ADDED = 1,  /* in a slot's list, its own or, put off, an earlier one */
	IN_DUE = 2, /* in the due list */
	IN_HEAP = 3 /* in a slot, perhaps with children or a parent */
};
enum { PLACE_BITS = 2, PLACE = 3 };

static inline void
set_place(struct socle_timer *t, unsigned place)
{
	t->order = (t->order & ~(uint64_t)PLACE) | place;
}

static inline bool
before(const struct socle_timer *a, const struct socle_timer *b)
{
	if (a->deadline != b->deadline)
		return a->deadline < b->deadline;
	return a->order < b->order;
}

/* Makes one heap of two; the root's own `next' and `prev' are not touched. */
static inline struct socle_timer *
heap_merge(struct socle_timer *a, struct socle_timer *b)
{
	struct socle_timer *root = before(b, a) ? b : a;
	struct socle_timer *other = root == a ? b : a;

	set_place(root, IN_HEAP);
	set_place(other, IN_HEAP);
	other->prev = root;
	other->next = root->child;
	if (other->next)
		other->next->prev = other;
	root->child = other;
	return root;
}

/*
 * Makes one heap of a list of them, NULL of none: in pairs from the left, then
 * these from the right, which is what keeps heaps shallow.
 */
static inline struct socle_timer *
heap_merge_list(struct socle_timer *first)
{
	struct socle_timer *pairs = NULL;
	struct socle_timer *root = NULL;
	struct socle_timer *t;

	while ((t = first)) {
		struct socle_timer *second = t->next;

		first = NULL;
		if (second) {
			first = second->next;
			t = heap_merge(t, second);
		}
		t->next = pairs;
		pairs = t;
	}
	while ((t = pairs)) {
		pairs = t->next;
		root = root ? heap_merge(root, t) : t;
	}
	if (root)
		root->next = root->prev = NULL;
	return root;
}

/* Puts the children of `t' behind it, as one heap. */
static inline void
heap_shed_children(struct socle_timer *t)
{
	struct socle_timer *heap = heap_merge_list(t->child);

	if (!heap)
		return;
	heap->prev = t;
	heap->next = t->next;
	if (heap->next)
		heap->next->prev = heap;
	t->next = heap;
}

/*
 * Takes a timer off a list of heaps that is being taken apart, in no order.
 * What is left is a stack of lists, linked by the `prev' of their firsts.
 */
static inline struct socle_timer *
heap_strip(struct socle_timer **rest)
{
	struct socle_timer *t = *rest;
	struct socle_timer *lists = t->prev;

	if (t->next) {
		t->next->prev = lists;
		lists = t->next;
	}
	if ((t->order & PLACE) == IN_HEAP && t->child) {
		t->child->prev = lists;
		lists = t->child;
	}
	*rest = lists;
	return t;
}

#endif

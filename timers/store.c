/*
 * A hierarchical wheel whose slots become pairing heaps when looked into.
 *
 * The wheel counts in units of 2^20 ns, about a millisecond, and its levels
 * are the 8-bit digits of that count, as on an odometer.  A timer's level is
 * the highest digit in which its deadline differs from the wheel's time, its
 * slot the deadline's digit there.  So
 *
 *  - all slots of a level are ahead of the wheel's time and earlier than any
 *    of the level above: the first occupied one has the earliest timer;
 *  - when the wheel's time reaches a slot above level 0, its timers differ
 *    from it in lower digits only and are spread over the levels below, at
 *    most once a level for each: constant time, amortised;
 *  - until then a timer's slot can be computed anew from its deadline, and
 *    need not be stored.
 *
 * What is due in the wheel's current unit, or has passed, is in the slot of
 * that unit: the first of level 0.
 *
 * A slot is a list of heaps.  Adding a timer puts it on the list, and taking
 * out one that was only ever added unlinks it; a look for the earliest merges
 * the list into one heap, which gives the timers in exact order.  Asking for
 * the next deadline therefore turns nothing, and the wheel never runs ahead of
 * the clock.  (One that did, because its slots could not tell their earliest,
 * would put all that comes before its time into a single heap: everything,
 * until a lonely timer of next month has fired.)
 *
 * Above level 0 a slot has two lanes, each with a list, used in turn.  To
 * spread a list of timers from all over the memory is one cache miss after the
 * other; two lists at a time are two misses at a time, and the expiry of
 * 1,000,000 timers takes 120 ns each instead of 205.
 */
#include "timers/store.h"
#include "timers/heap.h"

#include <assert.h>

enum { UNIT_BITS = 20 };
enum { NO_SLOT = SOCLE__TIMER_SLOTS };

static unsigned
slot_of(const struct socle__timer_store *ts, const struct socle_timer *t)
{
	int64_t deadline = t->deadline > ts->now ? t->deadline : ts->now;
	uint64_t unit = (uint64_t)deadline >> UNIT_BITS;
	uint64_t differs = unit ^ (uint64_t)ts->now >> UNIT_BITS;
	/* the bit of 1, for the current unit, which differs nowhere */
	unsigned bit = 63u - (unsigned)__builtin_clzll(differs | 1);
	unsigned level = bit / SOCLE__WHEEL_BITS;
	unsigned digit = unit >> level * SOCLE__WHEEL_BITS & 0xff;
	unsigned lane = level ? t->order >> PLACE_BITS & 1 : 0;

	return level * SOCLE__LEVEL_SLOTS + digit * SOCLE__TIMER_LANES + lane;
}

/* The other lane; at level 0 always empty. */
static unsigned
slot_twin(unsigned slot)
{
	return slot ^ 1;
}

/* The slot's first moment.  requires: above level 0 */
static int64_t
slot_begin(const struct socle__timer_store *ts, unsigned slot)
{
	unsigned level = slot / SOCLE__LEVEL_SLOTS;
	unsigned shift = UNIT_BITS + level * SOCLE__WHEEL_BITS;
	uint64_t digit = slot % SOCLE__LEVEL_SLOTS / SOCLE__TIMER_LANES;
	uint64_t above = (uint64_t)ts->now >> shift >> SOCLE__WHEEL_BITS;

	return (int64_t)((above << SOCLE__WHEEL_BITS | digit) << shift);
}

static unsigned
slot_first(const struct socle__timer_store *ts)
{
	unsigned word;

	if (ts->words == 0)
		return NO_SLOT;
	word = (unsigned)__builtin_ctzll(ts->words);
	return word * 64 + (unsigned)__builtin_ctzll(ts->occupied[word]);
}

static void
slot_set(
	struct socle__timer_store *ts, unsigned slot, struct socle_timer *first)
{
	unsigned word = slot / 64;
	uint64_t bit = UINT64_C(1) << slot % 64;

	ts->slots[slot] = first;
	if (first) {
		ts->occupied[word] |= bit;
		ts->words |= UINT64_C(1) << word;
		return;
	}
	ts->occupied[word] &= ~bit;
	if (ts->occupied[word] == 0)
		ts->words &= ~(UINT64_C(1) << word);
}

/* The slot's earliest timer, or NULL. */
static struct socle_timer *
slot_earliest(struct socle__timer_store *ts, unsigned slot)
{
	if (ts->slots[slot] && ts->slots[slot]->next)
		ts->slots[slot] = heap_merge_list(ts->slots[slot]);
	return ts->slots[slot];
}

static void
slot_insert(struct socle__timer_store *ts, struct socle_timer *t)
{
	unsigned slot = slot_of(ts, t);
	struct socle_timer *first = ts->slots[slot];

	set_place(t, ADDED);
	t->prev = t->child = NULL;
	t->next = first;
	if (first) {
		first->prev = t;
		ts->slots[slot] = t;
	} else {
		slot_set(ts, slot, t);
	}
}

static void
slot_remove(struct socle__timer_store *ts, struct socle_timer *t)
{
	bool in_heap = (t->order & PLACE) == IN_HEAP;

	if (in_heap)
		heap_shed_children(t);
	if (t->next)
		t->next->prev = t->prev;
	if (!t->prev)
		slot_set(ts, slot_of(ts, t), t->next);
	else if (in_heap && t->prev->child == t)
		t->prev->child = t->next;
	else
		t->prev->next = t->next;
}

/* requires: the wheel's time is the beginning of the slot */
static void
slot_spread(struct socle__timer_store *ts, unsigned slot)
{
	unsigned twin = slot_twin(slot);
	struct socle_timer *one = ts->slots[slot];
	struct socle_timer *two = ts->slots[twin];

	slot_set(ts, slot, NULL);
	slot_set(ts, twin, NULL);
	while (one || two) {
		if (one)
			slot_insert(ts, heap_strip(&one));
		if (two)
			slot_insert(ts, heap_strip(&two));
	}
}

static void
due_append(struct socle__timer_store *ts, struct socle_timer *t)
{
	set_place(t, IN_DUE);
	t->next = NULL;
	t->prev = ts->due_last;
	if (t->prev)
		t->prev->next = t;
	else
		ts->due = t;
	ts->due_last = t;
}

static void
due_remove(struct socle__timer_store *ts, struct socle_timer *t)
{
	if (t->prev)
		t->prev->next = t->next;
	else
		ts->due = t->next;
	if (t->next)
		t->next->prev = t->prev;
	else
		ts->due_last = t->prev;
}

/* Moves what is due in a slot of level 0; whether that was all. */
static bool
collect_slot(struct socle__timer_store *ts, unsigned slot, int64_t now)
{
	struct socle_timer *heap = slot_earliest(ts, slot);
	struct socle_timer *t;

	while ((t = heap) && t->deadline <= now) {
		heap = heap_merge_list(t->child);
		due_append(ts, t);
	}
	slot_set(ts, slot, heap);
	return !heap;
}

void
socle__timers_init(struct socle__timer_store *ts, int64_t now)
{
	*ts = (struct socle__timer_store){.now = now};
}

void
socle__timers_add(
	struct socle__timer_store *ts, struct socle_timer *t, int64_t deadline)
{
	socle__timers_remove(ts, t);
	t->deadline = deadline;
	t->order = ts->starts++ << PLACE_BITS;
	slot_insert(ts, t);
	ts->pending++;
}

void
socle__timers_remove(struct socle__timer_store *ts, struct socle_timer *t)
{
	if (t->order == 0)
		return;
	if ((t->order & PLACE) == IN_DUE)
		due_remove(ts, t);
	else
		slot_remove(ts, t);
	t->order = 0;
	ts->pending--;
}

int64_t
socle__timers_next(struct socle__timer_store *ts)
{
	unsigned slot = slot_first(ts);
	const struct socle_timer *one, *two;

	if (slot == NO_SLOT)
		return INT64_MAX;
	one = slot_earliest(ts, slot);
	two = slot_earliest(ts, slot_twin(slot));
	return two && before(two, one) ? two->deadline : one->deadline;
}

bool
socle__timers_collect(struct socle__timer_store *ts, int64_t now)
{
	unsigned slot;

	while ((slot = slot_first(ts)) != NO_SLOT) {
		if (slot < SOCLE__LEVEL_SLOTS) {
			if (!collect_slot(ts, slot, now))
				break;
		} else {
			int64_t begin = slot_begin(ts, slot);

			if (begin > now)
				break;
			ts->now = begin;
			slot_spread(ts, slot);
		}
	}
	/* this enters no occupied slot but one of level 0 */
	if (now > ts->now)
		ts->now = now;
	return ts->due != NULL;
}

struct socle_timer *
socle__timers_take(struct socle__timer_store *ts)
{
	struct socle_timer *t = ts->due;

	if (t)
		socle__timers_remove(ts, t);
	return t;
}

void
socle__timers_clear(struct socle__timer_store *ts)
{
	unsigned slot;

	while (socle__timers_take(ts))
		;
	while ((slot = slot_first(ts)) != NO_SLOT) {
		struct socle_timer *rest = ts->slots[slot];

		slot_set(ts, slot, NULL);
		while (rest)
			heap_strip(&rest)->order = 0;
	}
	ts->pending = 0;
}

#ifdef SOCLE_CHECKS

/* Parents before their children; NULL behind the last of the slot. */
static const struct socle_timer *
check_successor(const struct socle_timer *t)
{
	if (t->child)
		return t->child;
	while (t && !t->next) {
		while (t->prev && t->prev->child != t)
			t = t->prev;
		t = t->prev;
	}
	return t ? t->next : NULL;
}

static void
check_children(const struct socle_timer *t)
{
	const struct socle_timer *c;

	if (t->child) {
		assert((t->order & PLACE) == IN_HEAP);
		assert(t->child->prev == t);
	}
	for (c = t->child; c; c = c->next) {
		assert((c->order & PLACE) == IN_HEAP);
		assert(before(t, c));
	}
}

static size_t
check_slot(const struct socle__timer_store *ts, unsigned slot)
{
	const struct socle_timer *t = ts->slots[slot];
	size_t n = 0;

	assert((t != NULL) == (ts->occupied[slot / 64] >> slot % 64 & 1));
	assert(!t || !t->prev);
	for (; t; t = check_successor(t)) {
		unsigned place = t->order & PLACE;

		assert(place == ADDED || place == IN_HEAP);
		assert(t->order >> PLACE_BITS < ts->starts);
		assert(slot_of(ts, t) == slot);
		assert(!t->next || t->next->prev == t);
		check_children(t);
		n++;
	}
	return n;
}

static size_t
check_due(const struct socle__timer_store *ts)
{
	const struct socle_timer *last = NULL;
	size_t n = 0;

	for (const struct socle_timer *t = ts->due; t; t = t->next) {
		assert((t->order & PLACE) == IN_DUE);
		assert(t->prev == last);
		last = t;
		n++;
	}
	assert(ts->due_last == last);
	return n;
}

void
socle__timers_check(const struct socle__timer_store *ts)
{
	size_t n = check_due(ts);

	for (unsigned slot = 0; slot < SOCLE__TIMER_SLOTS; slot++)
		n += check_slot(ts, slot);
	assert(n == ts->pending);
	for (unsigned word = 0; word < SOCLE__TIMER_SLOTS / 64; word++)
		assert((ts->occupied[word] != 0) == (ts->words >> word & 1));
}

#endif

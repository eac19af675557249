/*
 * A hierarchical wheel whose slots become pairing heaps when looked into.
 *
 * The wheel counts in units of 2^12 ns, four microseconds, and its levels are
 * the 8-bit digits of that count, as on an odometer.  A timer's level is the
 * highest digit in which its deadline differs from the wheel's time, its slot
 * the deadline's digit there.  So
 *
 *  - all slots of a level are ahead of the wheel's time and earlier than any
 *    of the level above: the first occupied one has the earliest timer;
 *  - when the wheel's time reaches a slot above level 0, its timers differ
 *    from it in lower digits only and are spread over the levels below, at
 *    most once a level for each: constant time, amortised;
 *  - until then a timer's slot stays that of its deadline.
 *
 * What is due in the wheel's current unit, or has passed, is in the slot of
 * that unit: the first of level 0.  Of 1,000,000 timers in half a second such
 * a slot has eight, and to order eight is nothing.
 *
 * A slot is a list of heaps.  Adding a timer puts it on the list, and taking
 * out one that was only ever added unlinks it; a look for the earliest merges
 * the list into one heap, which gives the timers in exact order.  Asking for
 * the next deadline therefore turns nothing, and the wheel never runs ahead of
 * the clock.  (One that did, because its slots could not tell their earliest,
 * would put all that comes before its time into a single heap: everything,
 * until a lonely timer of next month has fired.)
 *
 * A timer that was only ever added and is put off, started anew for a later
 * time, stays where it is: an idle timeout is put off with every request.  A
 * look for the earliest of that slot sends it to its own, and so does the
 * wheel when it gets there.  No heap ever has one that belongs elsewhere.
 *
 * A slot has four lanes, each with a list, used in turn; the heap is in the
 * first.  To spread a list of timers from all over the memory is one cache miss
 * after the other; four lists at a time are four misses at a time.
 */
#include "timers/store.h"
#include "timers/heap.h"

#include <assert.h>

/* Kept out of the functions that are called most. */
#define ASIDE __attribute__((noinline))

enum { UNIT_BITS = 12 };
enum { NO_SLOT = SOCLE__TIMER_SLOTS };

/*
 * What one collect appended last.  Each due timer points to the one that is
 * AHEAD places behind it in the list, which is fetched while the ones between
 * fire.  That may be gone by then: it is never looked into.
 */
enum { AHEAD = 8 };
struct trail {
	struct socle_timer *last[AHEAD];
	unsigned n;
};

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

	return level * SOCLE__LEVEL_SLOTS + digit;
}

/* The slot's first moment.  requires: above level 0 */
static int64_t
slot_begin(const struct socle__timer_store *ts, unsigned slot)
{
	unsigned level = slot / SOCLE__LEVEL_SLOTS;
	unsigned shift = UNIT_BITS + level * SOCLE__WHEEL_BITS;
	uint64_t digit = slot % SOCLE__LEVEL_SLOTS;
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
slot_mark(struct socle__timer_store *ts, unsigned slot)
{
	unsigned word = slot / 64;

	ts->occupied[word] |= UINT64_C(1) << slot % 64;
	ts->words |= UINT64_C(1) << word;
}

static void
slot_unmark(struct socle__timer_store *ts, unsigned slot)
{
	unsigned word = slot / 64;

	ts->occupied[word] &= ~(UINT64_C(1) << slot % 64);
	if (ts->occupied[word] == 0)
		ts->words &= ~(UINT64_C(1) << word);
}

static bool
slot_is_empty(const struct socle__timer_store *ts, unsigned slot)
{
	for (unsigned lane = 0; lane < SOCLE__TIMER_LANES; lane++) {
		if (ts->lists[slot][lane])
			return false;
	}
	return true;
}

/* Makes the heap all that the slot has; requires: the other lanes are empty */
static void
slot_set_heap(
	struct socle__timer_store *ts, unsigned slot, struct socle_timer *heap)
{
	ts->lists[slot][0] = heap;
	if (heap)
		slot_mark(ts, slot);
	else
		slot_unmark(ts, slot);
}

static void
slot_insert(struct socle__timer_store *ts, struct socle_timer *t)
{
	unsigned slot = slot_of(ts, t);
	unsigned lane = t->order >> PLACE_BITS & (SOCLE__TIMER_LANES - 1);
	struct socle_timer **list = &ts->lists[slot][lane];

	set_place(t, ADDED);
	t->list = list;
	t->prev = NULL;
	t->next = *list;
	*list = t;
	if (t->next)
		t->next->prev = t;
	else
		slot_mark(ts, slot);
}

static ASIDE void
list_emptied(struct socle__timer_store *ts, struct socle_timer **list)
{
	unsigned slot = (unsigned)(list - ts->lists[0]) / SOCLE__TIMER_LANES;

	if (slot_is_empty(ts, slot))
		slot_unmark(ts, slot);
}

static ASIDE void
remove_from_heap(struct socle__timer_store *ts, struct socle_timer *t)
{
	heap_shed_children(t);
	if (t->next)
		t->next->prev = t->prev;
	if (!t->prev) {
		struct socle_timer **list = ts->lists[slot_of(ts, t)];

		*list = t->next;
		if (!t->next)
			list_emptied(ts, list);
	} else if (t->prev->child == t) {
		t->prev->child = t->next;
	} else {
		t->prev->next = t->next;
	}
}

/* requires: only added */
static void
list_remove(struct socle__timer_store *ts, struct socle_timer *t)
{
	if (t->next)
		t->next->prev = t->prev;
	if (t->prev) {
		t->prev->next = t->next;
		return;
	}
	*t->list = t->next;
	if (!t->next)
		list_emptied(ts, t->list);
}

/* Puts a list's heaps on another; what was put off goes where it belongs. */
static void
list_settle(struct socle__timer_store *ts, unsigned slot, unsigned lane,
	struct socle_timer **kept)
{
	struct socle_timer *rest = ts->lists[slot][lane];
	struct socle_timer *t;

	ts->lists[slot][lane] = NULL;
	while ((t = rest)) {
		rest = t->next;
		if ((t->order & PLACE) == ADDED) {
			if (slot_of(ts, t) != slot) {
				slot_insert(ts, t);
				continue;
			}
			set_place(t, IN_HEAP);
			t->child = NULL;
		}
		t->next = *kept;
		*kept = t;
	}
}

static bool
slot_is_settled(const struct socle__timer_store *ts, unsigned slot)
{
	const struct socle_timer *t = ts->lists[slot][0];

	if (!t || t->next || (t->order & PLACE) != IN_HEAP)
		return false;
	for (unsigned lane = 1; lane < SOCLE__TIMER_LANES; lane++) {
		if (ts->lists[slot][lane])
			return false;
	}
	return true;
}

/* The earliest timer of an occupied slot, or NULL: all were put off. */
static struct socle_timer *
slot_earliest(struct socle__timer_store *ts, unsigned slot)
{
	struct socle_timer *kept = NULL;

	if (!slot_is_settled(ts, slot)) {
		for (unsigned lane = 0; lane < SOCLE__TIMER_LANES; lane++)
			list_settle(ts, slot, lane, &kept);
		slot_set_heap(ts, slot, heap_merge_list(kept));
	}
	return ts->lists[slot][0];
}

/* requires: the wheel's time is the beginning of the slot */
static void
slot_spread(struct socle__timer_store *ts, unsigned slot)
{
	struct socle_timer *rest[SOCLE__TIMER_LANES];
	bool more;

	for (unsigned lane = 0; lane < SOCLE__TIMER_LANES; lane++) {
		rest[lane] = ts->lists[slot][lane];
		ts->lists[slot][lane] = NULL;
	}
	slot_unmark(ts, slot);
	do {
		more = false;
		for (unsigned lane = 0; lane < SOCLE__TIMER_LANES; lane++) {
			if (rest[lane]) {
				slot_insert(ts, heap_strip(&rest[lane]));
				more = true;
			}
		}
	} while (more);
}

static void
due_append(struct socle__timer_store *ts, struct socle_timer *t,
	struct trail *trail)
{
	struct socle_timer **behind = &trail->last[trail->n++ % AHEAD];

	if (*behind)
		(*behind)->ahead = t;
	*behind = t;
	set_place(t, IN_DUE);
	t->ahead = t->next = NULL;
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
collect_slot(struct socle__timer_store *ts, unsigned slot, int64_t now,
	struct trail *trail)
{
	struct socle_timer *heap = slot_earliest(ts, slot);
	struct socle_timer *t;

	while ((t = heap) && t->deadline <= now) {
		heap = heap_merge_list(t->child);
		due_append(ts, t, trail);
	}
	slot_set_heap(ts, slot, heap);
	return !heap;
}

void
socle__timers_init(struct socle__timer_store *ts, int64_t now)
{
	*ts = (struct socle__timer_store){.now = now};
}

static ASIDE void
add_elsewhere(
	struct socle__timer_store *ts, struct socle_timer *t, int64_t deadline)
{
	socle__timers_remove(ts, t);
	t->deadline = deadline;
	t->order = ts->starts++ << PLACE_BITS;
	slot_insert(ts, t);
	ts->pending++;
}

void
socle__timers_add(
	struct socle__timer_store *ts, struct socle_timer *t, int64_t deadline)
{
	if ((t->order & PLACE) != ADDED || deadline < t->deadline) {
		add_elsewhere(ts, t, deadline);
		return;
	}
	t->deadline = deadline;
	t->order = ts->starts++ << PLACE_BITS | ADDED;
}

void
socle__timers_remove(struct socle__timer_store *ts, struct socle_timer *t)
{
	unsigned place = t->order & PLACE;

	if (place == 0)
		return;
	t->order = 0;
	ts->pending--;
	if (place == ADDED)
		list_remove(ts, t);
	else if (place == IN_DUE)
		due_remove(ts, t);
	else
		remove_from_heap(ts, t);
}

int64_t
socle__timers_next(struct socle__timer_store *ts)
{
	unsigned slot;

	while ((slot = slot_first(ts)) != NO_SLOT) {
		const struct socle_timer *t = slot_earliest(ts, slot);

		if (t)
			return t->deadline;
	}
	return INT64_MAX;
}

bool
socle__timers_collect(struct socle__timer_store *ts, int64_t now)
{
	struct trail trail = {.n = 0};
	unsigned slot;

	while ((slot = slot_first(ts)) != NO_SLOT) {
		if (slot < SOCLE__LEVEL_SLOTS) {
			if (!collect_slot(ts, slot, now, &trail))
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

	if (t) {
		__builtin_prefetch(t->ahead);
		socle__timers_remove(ts, t);
	}
	return t;
}

void
socle__timers_clear(struct socle__timer_store *ts)
{
	unsigned slot;

	while (socle__timers_take(ts))
		;
	while ((slot = slot_first(ts)) != NO_SLOT) {
		for (unsigned lane = 0; lane < SOCLE__TIMER_LANES; lane++) {
			struct socle_timer *rest = ts->lists[slot][lane];

			ts->lists[slot][lane] = NULL;
			while (rest)
				heap_strip(&rest)->order = 0;
		}
		slot_unmark(ts, slot);
	}
	ts->pending = 0;
}

#ifdef SOCLE_CHECKS

/* Parents before their children; NULL behind the last of the slot. */
static const struct socle_timer *
check_successor(const struct socle_timer *t)
{
	if ((t->order & PLACE) == IN_HEAP && t->child)
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

	assert(!t->child || t->child->prev == t);
	for (c = t->child; c; c = c->next) {
		assert((c->order & PLACE) == IN_HEAP);
		assert(before(t, c));
	}
}

static size_t
check_list(const struct socle__timer_store *ts, unsigned slot, unsigned lane)
{
	struct socle_timer *const *list = &ts->lists[slot][lane];
	const struct socle_timer *t = *list;
	size_t n = 0;

	assert(!t || !t->prev);
	for (; t; t = check_successor(t)) {
		unsigned place = t->order & PLACE;

		assert(place == ADDED || place == IN_HEAP);
		assert(t->order >> PLACE_BITS < ts->starts);
		assert(!t->next || t->next->prev == t);
		if (place == IN_HEAP) {
			assert(slot_of(ts, t) == slot && lane == 0);
			check_children(t);
		} else {
			assert(slot_of(ts, t) >= slot && t->list == list);
		}
		n++;
	}
	return n;
}

static size_t
check_slot(const struct socle__timer_store *ts, unsigned slot)
{
	size_t n = 0;

	for (unsigned lane = 0; lane < SOCLE__TIMER_LANES; lane++)
		n += check_list(ts, slot, lane);
	assert((n != 0) == (ts->occupied[slot / 64] >> slot % 64 & 1));
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

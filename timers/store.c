/*
 * A hierarchical timing wheel that sorts timers only when they are due.
 *
 * A timer goes to the lowest level whose slots reach its deadline.  A slot is
 * an unordered list and a lower bound of its deadlines.  Invariants:
 *
 *  - A timer's slot starts no later than its deadline.  It is the slot of the
 *    deadline, with two exceptions: a timer whose deadline has passed is in the
 *    current slot of level 0, and a timer that is restarted for a later time
 *    stays where it is until its slot is emptied.
 *  - Occupied slots above level 0 start after the wheel's time.  So all timers
 *    that are due before the next slot of level 0 are in its current slot, and
 *    emptying slots by their start, sorting each one's due timers, yields the
 *    exact order.
 *  - The wheel's time never passes the clock.
 *
 * A slot above level 0 is spread over the levels below when its time comes.
 * They reach the end of the slot after it as well, so each collect spreads a
 * bounded number of timers of that slot ahead of its time.  A slot with more
 * timers than that is crowded: next reports the start of the slot before it,
 * and then the past until the crowded slot is empty.  Other slots cause no tick
 * before their bound.
 *
 * So a collect moves at most SPREAD timers of each level ahead of time, and
 * SPREAD of each level whose slot starts in this tick.  It moves more only if
 * there was no time to empty a crowded slot during the slot before it.
 */
#include "timers/store.h"
#include "timers/sort.h"
#include "timers/wheel.h"

_Static_assert((int)LEVELS == (int)SOCLE__TIMER_LEVELS &&
		(int)SLOTS == (int)SOCLE__TIMER_SLOTS,
	"one geometry");

static const uint64_t no_slot = UINT64_MAX;

static unsigned
lowest_bit(uint64_t bits)
{
	return (unsigned)__builtin_ctzll(bits);
}

static struct socle__timer_slot *
slot_at(struct socle__timer_store *ts, unsigned level, uint64_t number)
{
	return &ts->slots[level][number % SLOTS];
}

/*
 * The number of the first slot of a level that is in the set, `occupied' or
 * `crowded', and not empty.  Slots emptied by removes leave the set here.
 */
static uint64_t
slot_first(struct socle__timer_store *ts, unsigned level, uint64_t *set)
{
	uint64_t number = slot_number(ts->now, level);

	while (set[level]) {
		unsigned turn = number % SLOTS;
		uint64_t ahead =
			set[level] >> turn | set[level] << (-turn % 64);

		number += lowest_bit(ahead);
		if (slot_at(ts, level, number)->first)
			return number;
		set[level] &= ~(UINT64_C(1) << number % SLOTS);
	}
	if (ts->occupied[level] == 0)
		ts->levels &= ~(UINT64_C(1) << level);
	return no_slot;
}

static void
list_insert(struct socle_timer **list, struct socle_timer *t)
{
	struct socle_timer *next = *list;

	if (next)
		next->prev = &t->next;
	t->next = next;
	t->prev = list;
	*list = t;
}

static struct socle_timer *
list_take(struct socle_timer **list)
{
	struct socle_timer *t = *list, *next = t->next;

	if (next)
		next->prev = list;
	*list = next;
	return t;
}

/* The lowest level that reaches from one slot of level 0 to another. */
static unsigned
level_reaching(uint64_t from, uint64_t to)
{
	/* 0 below 64 slots, 1 below 2048, ...; a carry takes one level more */
	unsigned bit = 63u - (unsigned)__builtin_clzll((to - from) | 2);
	unsigned level = (bit - 1) / LEVEL_BITS;
	unsigned shift = level * LEVEL_BITS;

	return level + ((to >> shift) - (from >> shift) >= SLOTS);
}

static void
slot_insert(struct socle__timer_store *ts, struct socle_timer *t)
{
	int64_t time = t->deadline > ts->now ? t->deadline : ts->now;
	uint64_t number = slot_number(time, 0);
	uint64_t current = slot_number(ts->now, 0);
	unsigned level = level_reaching(current, number);
	unsigned i = (number >> level * LEVEL_BITS) % SLOTS;
	struct socle__timer_slot *slot = &ts->slots[level][i];

	if (!slot->first) {
		slot->bound = t->deadline;
		ts->added[level][i] = 0;
		ts->levels |= UINT64_C(1) << level;
		ts->occupied[level] |= UINT64_C(1) << i;
		ts->crowded[level] &= ~(UINT64_C(1) << i);
	}
	if (t->deadline < slot->bound)
		slot->bound = t->deadline;
	if (++ts->added[level][i] == SPREAD + 1)
		ts->crowded[level] |= UINT64_C(1) << i;
	list_insert(&slot->first, t);
}

/* Moves timers of a slot above level 0 to their slots, at most `limit'. */
static void
slot_spread(struct socle__timer_store *ts, struct socle__timer_slot *slot,
	size_t limit)
{
	size_t n;

	for (n = 0; n < limit && slot->first; n++)
		slot_insert(ts, list_take(&slot->first));
#ifdef SOCLE_CHECKS
	ts->moves += n;
#endif
}

/* Spreads the slot that follows the current one, in each level. */
static void
spread_ahead(struct socle__timer_store *ts)
{
	for (uint64_t left = ts->levels & ~UINT64_C(1); left != 0;
		left &= left - 1) {
		unsigned level = lowest_bit(left);
		uint64_t number = slot_number(ts->now, level) + 1;

		if (slot_first(ts, level, ts->occupied) == number)
			slot_spread(ts, slot_at(ts, level, number), SPREAD);
	}
}

/* Appends a list to the due one. */
static void
due_append(struct socle__timer_store *ts, struct socle_timer *t)
{
	while (t) {
		struct socle_timer *next = t->next;

		t->order |= DUE;
		t->prev = ts->due_end;
		*ts->due_end = t;
		ts->due_end = &t->next;
		t = next;
	}
	*ts->due_end = NULL;
}

/* Moves the due timers of a slot of level 0 to the due list. */
static void
slot_collect(struct socle__timer_store *ts, uint64_t number, int64_t now)
{
	struct socle__timer_slot *slot = slot_at(ts, 0, number);
	int64_t last = slot_start(number, 0) + UNIT - 1;
	struct socle_timer *rest = slot->first, *due = NULL;
	struct socle_timer *t;

	if (last > now)
		last = now;
	slot->first = NULL;
	while ((t = rest)) {
		rest = t->next;
		if (t->deadline <= last) {
			t->next = due;
			due = t;
		} else {
			slot_insert(ts, t);
		}
	}
	due_append(ts, sort_timers(due));
}

/*
 * Finds the first slot to empty: one of level 0 that may hold due timers, or
 * one of another level that has been reached and starts no later.
 */
static uint64_t
slot_reached(struct socle__timer_store *ts, int64_t now, unsigned *ret_level)
{
	uint64_t found = no_slot;
	int64_t limit = now;

	for (uint64_t left = ts->levels; left != 0; left &= left - 1) {
		unsigned level = lowest_bit(left);
		uint64_t number = slot_first(ts, level, ts->occupied);
		int64_t from;

		if (number == no_slot)
			continue;
		from = level == 0 ? slot_at(ts, 0, number)->bound
				  : slot_start(number, level);
		if (from <= limit) {
			limit = from;
			found = number;
			*ret_level = level;
		}
	}
	return found;
}

void
socle__timers_init(struct socle__timer_store *ts, int64_t now)
{
	*ts = (struct socle__timer_store){.due_end = &ts->due, .now = now};
}

void
socle__timers_add(
	struct socle__timer_store *ts, struct socle_timer *t, int64_t deadline)
{
	bool in_slot = t->order != 0 && (t->order & DUE) == 0;

	if (in_slot && deadline >= t->deadline) {
		t->deadline = deadline;
		t->order = ts->starts += ORDER_STEP;
		return;
	}
	socle__timers_remove(ts, t);
	t->deadline = deadline;
	t->order = ts->starts += ORDER_STEP;
	slot_insert(ts, t);
	ts->pending++;
}

void
socle__timers_remove(struct socle__timer_store *ts, struct socle_timer *t)
{
	if (t->order == 0)
		return;
	t->order = 0;
	ts->pending--;
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	else if (ts->due_end == &t->next)
		ts->due_end = t->prev;
}

int64_t
socle__timers_next(struct socle__timer_store *ts)
{
	int64_t next = INT64_MAX;

	for (uint64_t left = ts->levels; left != 0; left &= left - 1) {
		unsigned level = lowest_bit(left);
		uint64_t number = slot_first(ts, level, ts->occupied);
		int64_t time;

		if (number == no_slot)
			continue;
		time = slot_at(ts, level, number)->bound;
		if (time < next)
			next = time;
		if (level == 0)
			continue;
		number = slot_first(ts, level, ts->crowded);
		if (number == no_slot)
			continue;
		time = slot_start(number - 1, level);
		if (time < next)
			next = time;
	}
	return next;
}

bool
socle__timers_collect(struct socle__timer_store *ts, int64_t now)
{
	uint64_t number;
	unsigned level = 0;

	while ((number = slot_reached(ts, now, &level)) != no_slot) {
		if (slot_start(number, level) > ts->now)
			ts->now = slot_start(number, level);
		if (level == 0)
			slot_collect(ts, number, now);
		else
			slot_spread(ts, slot_at(ts, level, number), SIZE_MAX);
	}
	if (now > ts->now)
		ts->now = now;
	spread_ahead(ts);
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

static void
list_clear(struct socle_timer **list)
{
	while (*list)
		list_take(list)->order = 0;
}

void
socle__timers_clear(struct socle__timer_store *ts)
{
	list_clear(&ts->due);
	for (unsigned level = 0; level < LEVELS; level++) {
		for (unsigned i = 0; i < SLOTS; i++)
			list_clear(&ts->slots[level][i].first);
	}
	socle__timers_init(ts, ts->now);
}

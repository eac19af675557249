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
 *  - A slot above level 0 that contains the wheel's time holds nothing that is
 *    due: its bound is later than the time that is collected for.  So emptying
 *    the slots whose bound has passed by their start, sorting the due timers of
 *    each slot of level 0, yields the exact order.
 *  - A timer that is started for a time that was collected for already waits in
 *    a list of its own for the next collect.  So the due timers of a collect can
 *    be found one slot after the other, between callbacks that start others.
 *  - The wheel's time never passes the clock.
 *
 * A slot above level 0 is spread over the levels below once its bound has
 * passed.  They reach the end of the slot after it as well, so each collect
 * spreads SPREAD timers of that slot, or of the current one, ahead of time, in
 * each level.  A slot with more timers than that is crowded: next reports the
 * start of the slot before it, and then the past until the crowded slot is
 * empty.  Other slots cause no tick before their bound.  A collect moves more
 * timers that are not due only if a crowded slot's bound passed before.
 */
#include "timers/store.h"
#include "timers/list.h"
#include "timers/wheel.h"

#include "system.h"

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
slot_link(struct socle__timer_slot *slot, struct socle__timer_node *t)
{
	if (!slot->first || t->deadline < slot->bound)
		slot->bound = t->deadline;
	list_insert(&slot->first, t);
}

static void
slot_insert(struct socle__timer_store *ts, struct socle__timer_node *t)
{
	int64_t time = t->deadline > ts->now ? t->deadline : ts->now;
	uint64_t number = slot_number(time, 0);
	unsigned level = level_reaching(slot_number(ts->now, 0), number);
	unsigned i = (number >> level * LEVEL_BITS) % SLOTS;
	struct socle__timer_slot *slot = &ts->slots[level][i];

	if (++ts->added[level][i] == SPREAD + 1)
		ts->crowded[level] |= UINT64_C(1) << i;
	if (socle__unlikely(!slot->first)) {
		ts->added[level][i] = 1;
		ts->levels |= UINT64_C(1) << level;
		ts->occupied[level] |= UINT64_C(1) << i;
		ts->crowded[level] &= ~(UINT64_C(1) << i);
	}
	slot_link(slot, t);
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

/* With the slot after it, if that is due too: two timers are fetched at a time. */
static void
slot_empty(struct socle__timer_store *ts, unsigned level, uint64_t number)
{
	struct socle__timer_slot *slot = slot_at(ts, level, number);
	struct socle__timer_slot *after = slot_at(ts, level, number + 1);

	while (slot->first && after->first && after->bound <= ts->until) {
		slot_spread(ts, slot, 1);
		slot_spread(ts, after, 1);
	}
	slot_spread(ts, slot, SIZE_MAX);
}

/* Spreads the current slot of each level, or the one that follows. */
static void
spread_ahead(struct socle__timer_store *ts)
{
	for (uint64_t left = ts->levels & ~UINT64_C(1); left != 0;
		left &= left - 1) {
		unsigned level = lowest_bit(left);
		uint64_t number = slot_first(ts, level, ts->occupied);

		if (number - slot_number(ts->now, level) <= 1)
			slot_spread(ts, slot_at(ts, level, number), SPREAD);
	}
}

/* Moves the due timers of a slot of level 0 to the due list. */
static void
slot_collect(struct socle__timer_store *ts, uint64_t number)
{
	struct socle__timer_slot *slot = slot_at(ts, 0, number);
	int64_t last = slot_start(number, 0) + UNIT - 1;
	struct socle__timer_node *rest = slot->first, *due = NULL;
	struct socle__timer_node *t;

	if (last > ts->until)
		last = ts->until;
	slot->first = NULL;
	while ((t = rest)) {
		rest = t->next;
		if (t->deadline <= last) {
			t->order |= DUE;
			t->next = due;
			due = t;
		} else {
			slot_insert(ts, t);
		}
	}
	list_set(&ts->due, sort_timers(due));
}

/* Of the slots that may hold due timers, finds the one that starts first. */
static uint64_t
slot_reached(struct socle__timer_store *ts, unsigned *ret_level)
{
	uint64_t found = no_slot;
	int64_t limit = INT64_MAX;

	for (uint64_t left = ts->levels; left != 0; left &= left - 1) {
		unsigned level = lowest_bit(left);
		uint64_t number = slot_first(ts, level, ts->occupied);
		int64_t from;

		if (number == no_slot)
			continue;
		from = slot_start(number, level);
		if (from <= limit &&
			slot_at(ts, level, number)->bound <= ts->until) {
			limit = from;
			found = number;
			*ret_level = level;
		}
	}
	return found;
}

/* Finds the next due timers, if there are any left. */
static void
collect_more(struct socle__timer_store *ts)
{
	uint64_t number;
	unsigned level = 0;

	while (!ts->due && (number = slot_reached(ts, &level)) != no_slot) {
		if (slot_start(number, level) > ts->now)
			ts->now = slot_start(number, level);
		if (level == 0)
			slot_collect(ts, number);
		else
			slot_empty(ts, level, number);
	}
	if (ts->due)
		return;
	if (ts->until > ts->now)
		ts->now = ts->until;
	spread_ahead(ts);
}

void
socle__timers_init(struct socle__timer_store *ts, int64_t now)
{
	*ts = (struct socle__timer_store){.now = now, .until = now};
}

void
socle__timers_add(struct socle__timer_store *ts, struct socle__timer_node *t,
	int64_t deadline)
{
	bool in_slot = t->order != 0 && (t->order & DUE) == 0;
	bool later = deadline > ts->until;

	if (in_slot && later && deadline >= t->deadline) {
		t->deadline = deadline;
		t->order = ts->starts += ORDER_STEP;
		return;
	}
	socle__timers_remove(ts, t);
	t->deadline = deadline;
	t->order = ts->starts += ORDER_STEP;
	ts->pending++;
	if (later)
		slot_insert(ts, t);
	else
		slot_link(&ts->past, t);
}

void
socle__timers_add_bare(struct socle__timer_store *ts,
	struct socle__timer_node *t, int64_t deadline)
{
	socle__timers_add(ts, t, deadline);
	t->order |= BARE;
}

void
socle__timers_remove(struct socle__timer_store *ts, struct socle__timer_node *t)
{
	if (t->order == 0)
		return;
	t->order = 0;
	ts->pending--;
	list_remove(t);
}

int64_t
socle__timers_next(struct socle__timer_store *ts)
{
	int64_t next = ts->past.first ? ts->past.bound : INT64_MAX;

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

void
socle__timers_advance(struct socle__timer_store *ts, int64_t now)
{
	ts->advanced = now;
	if (now > ts->now && socle__timers_next(ts) > now)
		ts->now = now;
}

bool
socle__timers_collect(struct socle__timer_store *ts, int64_t now)
{
	while (ts->past.first)
		slot_insert(ts, list_take(&ts->past.first));
	ts->until = now;
	if (!ts->due)
		collect_more(ts);
	return ts->due != NULL;
}

struct socle__timer_node *
socle__timers_take(struct socle__timer_store *ts, bool *bare)
{
	struct socle__timer_node *t;

	if (!ts->due)
		collect_more(ts);
	t = ts->due;
	if (!t)
		return NULL;
	*bare = (t->order & BARE) != 0;
	socle__timers_remove(ts, t);
	return t;
}

void
socle__timers_clear(struct socle__timer_store *ts)
{
	list_clear(&ts->due);
	list_clear(&ts->past.first);
	for (unsigned i = 0; i < LEVELS * SLOTS; i++)
		list_clear(&ts->slots[i / SLOTS][i % SLOTS].first);
	socle__timers_init(ts, ts->now);
}

/*
 * The invariants of the timer store, asserted.
 */
#include "timers/store.h"
#include "timers/wheel.h"

#ifdef SOCLE_CHECKS

#include <assert.h>

static size_t
check_list(const struct socle__timer_store *ts,
	struct socle__timer_node *const *list, uint64_t due, int64_t bound)
{
	size_t n = 0;

	for (const struct socle__timer_node *t = *list; t; t = t->next) {
		assert(t->prev == list);
		assert(t->order >= ORDER_STEP);
		assert(t->order <= (ts->starts | DUE | BARE));
		assert((t->order & DUE) == due);
		assert(t->deadline >= bound);
		list = &t->next;
		n++;
	}
	return n;
}

static size_t
check_slot(const struct socle__timer_store *ts, unsigned level, uint64_t number)
{
	unsigned i = number % SLOTS;
	const struct socle__timer_slot *slot = &ts->slots[level][i];
	uint64_t bit = UINT64_C(1) << i;
	size_t n = check_list(ts, &slot->first, 0, slot->bound);

	if (n == 0)
		return 0;
	assert(ts->levels >> level & 1);
	assert(ts->occupied[level] & bit);
	assert(ts->crowded[level] & bit ||
		(n <= ts->added[level][i] && ts->added[level][i] <= SPREAD));
	if (level > 0 || number != slot_number(ts->now, level))
		assert(slot_number(slot->bound, level) == number);
	return n;
}

void
socle__timers_check(const struct socle__timer_store *ts)
{
	size_t n = check_list(ts, &ts->due, DUE, INT64_MIN) +
		check_list(ts, &ts->past.first, 0, ts->past.bound);

	for (unsigned level = 0; level < LEVELS; level++) {
		uint64_t current = slot_number(ts->now, level);

		for (uint64_t i = 0; i < SLOTS; i++)
			n += check_slot(ts, level, current + i);
	}
	assert(n == ts->pending);
}

#else
typedef int socle__no_timer_checks;
#endif

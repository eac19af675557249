/*
 * What must hold between two steps of the loop.  Check builds and the tests
 * call it after each tick.
 */
#ifdef SOCLE_CHECKS

#include "reactor/core.h"

#include <assert.h>

static void
check_descriptor(const struct socle__loop *l, size_t fd)
{
	const struct socle_descriptor *d = l->map[fd];

	assert((size_t)d->fd == fd);
	assert(d->generation != 0 && d->generation <= l->generation);
	assert((d->turns == 0) == (d->next == NULL));
	assert((d->next == NULL) == (d->prev == NULL));
	assert((d->armed == 0) == !(d->armed & SOCLE__PRESENT));
	if (d->bits & SOCLE__CLOSED) {
		assert(d->wanted == 0);
		assert(d->turns & SOCLE__TURN_CLOSE);
	} else if (!(d->turns & SOCLE__TURN_INTEREST) && !l->forked) {
		assert(d->armed ==
			(d->bits & SOCLE__PARKED
					? 0
					: (SOCLE__PRESENT | d->wanted)));
	}
}

static void
check_attention(const struct socle__loop *l)
{
	unsigned open[SOCLE__TURNS] = {0};
	const struct socle_descriptor *d = l->attention.next;

	for (; d != &l->attention; d = d->next) {
		assert(d->next->prev == d && d->prev->next == d);
		if (d->turns & SOCLE__TURN_MARK)
			continue;
		assert(d->turns != 0);
		for (unsigned i = 0; i < SOCLE__TURNS; i++)
			open[i] += d->turns >> i & 1;
	}
	for (unsigned i = 0; i < SOCLE__TURNS; i++)
		assert(open[i] == l->open[i]);
}

/* Large loops are looked at now and then: a look is linear. */
static bool
is_spared(const struct socle__loop *l)
{
	static _Thread_local unsigned ticks;

	return l->map_size + l->timers.pending > 2048 && ticks++ % 256 != 0;
}

void
socle__loop_check(const struct socle__loop *l)
{
	size_t watched = 0, to_close = 0;

	if (is_spared(l))
		return;
	for (size_t fd = 0; fd < l->map_size; fd++) {
		if (!l->map[fd])
			continue;
		check_descriptor(l, fd);
		if (!(l->map[fd]->bits & SOCLE__APPLICATION))
			continue;
		watched++;
		to_close += (l->map[fd]->bits & SOCLE__CLOSED) != 0;
	}
	assert(watched == l->watched && to_close == l->to_close);
	assert(l->batch_n <= l->batch_room && l->next <= l->end);
	check_attention(l);
	socle__timers_check(&l->timers);
}

#else
typedef int socle__no_checks;
#endif

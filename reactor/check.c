/*
 * The reactor's invariants.  Check builds and the tests assert them after each
 * tick.
 */
#ifdef SOCLE_CHECKS

#include "reactor/check.h"

#include <assert.h>

static void
check_descriptor(const struct socle__reactor *r, size_t fd)
{
	const struct socle_descriptor *d = r->map[fd];

	assert((size_t)d->fd == fd);
	assert(d->generation != 0 && d->generation <= r->generation);
	assert((d->turns == 0) == (d->next == NULL));
	assert((d->next == NULL) == (d->prev == NULL));
	assert((d->armed == 0) == !(d->armed & SOCLE__PRESENT));
	if (d->bits & SOCLE__CLOSED) {
		assert(d->wanted == 0);
		assert(d->turns & SOCLE__TURN_CLOSE);
	} else if (!(d->turns & SOCLE__TURN_INTEREST) && !socle__is_forked(r)) {
		if (!(d->bits & SOCLE__PARKED))
			assert(d->armed == (SOCLE__PRESENT | d->wanted));
		else
			assert((d->armed & ~SOCLE__EDGES) ==
				(d->armed ? SOCLE__PRESENT : 0));
	}
}

static void
check_attention(const struct socle__reactor *r)
{
	unsigned open[SOCLE__TURNS] = {0};
	const struct socle_descriptor *d = r->attention.next;

	for (; d != &r->attention; d = d->next) {
		assert(d->next->prev == d && d->prev->next == d);
		if (d->turns & SOCLE__TURN_MARK)
			continue;
		assert(d->turns != 0);
		for (unsigned i = 0; i < SOCLE__TURNS; i++)
			open[i] += d->turns >> i & 1;
	}
	for (unsigned i = 0; i < SOCLE__TURNS; i++)
		assert(open[i] == r->open[i]);
}

/* A check is linear, so large loops are checked only now and then. */
static bool
is_spared(const struct socle__reactor *r)
{
	static _Thread_local unsigned ticks;

	return r->map_size + r->timers.pending > 2048 && ticks++ % 256 != 0;
}

void
socle__loop_check(const struct socle__reactor *r)
{
	size_t watched = 0, to_close = 0;

	if (is_spared(r))
		return;
	for (size_t fd = 0; fd < r->map_size; fd++) {
		if (!r->map[fd])
			continue;
		check_descriptor(r, fd);
		if (!(r->map[fd]->bits & SOCLE__APPLICATION))
			continue;
		watched++;
		to_close += (r->map[fd]->bits & SOCLE__CLOSED) != 0;
	}
	assert(watched == r->watched && to_close == r->to_close);
	assert(r->batch_n <= r->batch_size && r->next <= r->end);
	check_attention(r);
	socle__timers_check(&r->timers);
}

#else
typedef int socle__no_checks;
#endif

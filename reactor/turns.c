/*
 * The attention list.
 *
 * Invariant: a descriptor is on the list if and only if it has a turn open,
 * and open[] counts the open turns of each kind.
 *
 * A walk puts marks of its own into the list: one before the descriptor that
 * comes next, and one behind the descriptor that was last when the walk started.
 * Whatever a callback does to the list, a nested walk included, no descriptor
 * is skipped and none is served twice.
 */
#include "reactor/turns.h"

#include <assert.h>

/* Out of line: inlined, gcc 12 warns that a mark on the stack escapes. */
static SOCLE__NOINLINE void
link_before(struct socle_descriptor *at, struct socle_descriptor *d)
{
	d->prev = at->prev;
	d->next = at;
	at->prev->next = d;
	at->prev = d;
}

static void
unlink_it(struct socle_descriptor *d)
{
	d->prev->next = d->next;
	d->next->prev = d->prev;
	d->next = d->prev = NULL;
}

/* A descriptor is used on the thread that made it; check builds assert it. */
static void
check_thread(const struct socle_descriptor *d)
{
#ifdef SOCLE_CHECKS
	assert(socle__reactor &&
		(d->fd < 0 ||
			socle__descriptor_at(socle__reactor, d->fd) == d));
#endif
	(void)d;
}

/* requires: not open */
void
socle__turn_open(struct socle_descriptor *d, unsigned turn)
{
	struct socle__reactor *r = socle__reactor;

	check_thread(d);
	if (d->turns == 0)
		link_before(&r->attention, d);
	d->turns |= (uint8_t)turn;
	r->open[__builtin_ctz(turn)]++;
}

/* requires: open */
static inline void
shut(struct socle__reactor *r, struct socle_descriptor *d, unsigned turn)
{
	d->turns &= (uint8_t)~turn;
	r->open[__builtin_ctz(turn)]--;
	if (d->turns == 0)
		unlink_it(d);
}

void
socle__turn_shut(struct socle_descriptor *d, unsigned turn)
{
	shut(socle__reactor, d, turn);
}

void
socle__turn_open_alone(struct socle_descriptor *d, unsigned turn)
{
	struct socle__reactor *r = socle__reactor;

	check_thread(d);
	for (unsigned left = d->turns; left; left &= left - 1)
		r->open[__builtin_ctz(left)]--;
	if (d->turns && d->next != &r->attention) {
		unlink_it(d);
		d->turns = 0;
	}
	if (!d->turns)
		link_before(&r->attention, d);
	d->turns = (uint8_t)turn;
	r->open[__builtin_ctz(turn)]++;
}

/* Serves an open turn. */
static inline void
serve(struct socle__reactor *r, struct socle_descriptor *d, unsigned turn,
	void (*take)(struct socle__reactor *r, struct socle_descriptor *d))
{
	shut(r, d, turn);
	if (take)
		take(r, d);
	else
		d->ops->turn(d, turn);
}

static SOCLE__NOINLINE void
turns_walk(struct socle__reactor *r, unsigned turn,
	void (*take)(struct socle__reactor *r, struct socle_descriptor *d))
{
	struct socle_descriptor at = {.turns = SOCLE__TURN_MARK};
	struct socle_descriptor end = {.turns = SOCLE__TURN_MARK};
	struct socle_descriptor *d;

	link_before(&r->attention, &end);
	link_before(r->attention.next, &at);
	while ((d = at.next) != &end && !socle__is_forked(r)) {
		unlink_it(&at);
		link_before(d->next, &at);
		if (d->turns & turn) /* a mark has none */
			serve(r, d, turn, take);
	}
	unlink_it(&at);
	unlink_it(&end);
}

/* A single descriptor needs no marks: those added meanwhile wait. */
void
socle__turns_serve(struct socle__reactor *r, unsigned turn,
	void (*take)(struct socle__reactor *r, struct socle_descriptor *d))
{
	struct socle_descriptor *d = r->attention.next;

	if (socle__is_forked(r))
		return;
	if (d == r->attention.prev && d->turns & turn)
		serve(r, d, turn, take);
	else
		turns_walk(r, turn, take);
}

void
socle__turn_reap(struct socle__reactor *r, struct socle_descriptor *d)
{
	(void)r;
	d->ops->reap(d);
}

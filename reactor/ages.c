/* ages.h describes the functions. */
#include "reactor/ages.h"

#include "reactor/measure.h"
#include "reactor/reactor.h"

#define NS_PER_S INT64_C(1000000000)

static const uint64_t seconds_of[SOCLE__AGE_UNITS] = {1, 60, 3600};

static void
take_note(struct socle_timer *t)
{
	struct socle__reactor *r = socle__reactor;
	struct socle__ages *a = (struct socle__ages *)(void *)t;
	struct socle__age note = {socle__now(r), r->generation};

	for (int i = 0; i < SOCLE__AGE_UNITS; i++)
		if (a->n % seconds_of[i] == 0)
			a->note[i][a->n / seconds_of[i] % SOCLE__AGES_KEPT] =
				note;
	a->n++;
	if (r->measure && t->node.deadline > 0)
		socle__measure_lag(r, t->node.deadline);
	socle__timers_add(
		&r->timers, &t->node, socle__add_ns(note.time, NS_PER_S));
}

void
socle__ages_start(struct socle__ages *a)
{
	socle__own_timer_init(&a->timer, take_note);
	take_note(&a->timer);
}

int64_t
socle__age_of(const struct socle__ages *a, const struct socle_descriptor *d)
{
	int64_t now = socle__now(socle__reactor), since = now;
	const struct socle__age *note = a->note[0];

	for (int i = 0; i < SOCLE__AGE_UNITS * SOCLE__AGES_KEPT; i++, note++)
		if (note->time > 0 && note->time < since &&
			(int32_t)(note->generation - d->generation) >= 0)
			since = note->time;
	return (now - since) / NS_PER_S;
}

/*
 * How long descriptors have existed.
 *
 * They do not record when they were made.  But their generations grow, and while
 * ages are asked for, a timer notes once a second how far they are.  A descriptor
 * is at least as old as the first note that includes it.  Notes are kept for 60
 * seconds, 60 minutes and 60 hours, so ages are exact to the second, the minute or
 * the hour, and what existed before the first note is as old as that.
 */
#ifndef SOCLE_REACTOR_AGES_H
#define SOCLE_REACTOR_AGES_H

#include "reactor/state.h"

enum { SOCLE__AGE_UNITS = 3, SOCLE__AGES_KEPT = 60 };

struct socle__age {
	int64_t time; /* 0: not noted yet */
	uint32_t generation;
};

struct socle__ages {
	struct socle_timer timer;
	uint64_t n;
	struct socle__age note[SOCLE__AGE_UNITS][SOCLE__AGES_KEPT];
};

/* Takes the first note; the timer, which is to be cancelled, takes the others. */
void socle__ages_start(struct socle__ages *a);

/* In whole seconds. */
int64_t socle__age_of(
	const struct socle__ages *a, const struct socle_descriptor *d);

#endif

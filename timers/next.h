/* Which timers fire next, for people who ask. */
#ifndef SOCLE_TIMERS_NEXT_H
#define SOCLE_TIMERS_NEXT_H

#include "timers/store.h"

enum { SOCLE__NEXT_MOST = 64 };

struct socle__next_timers {
	uint64_t n, most; /* at most SOCLE__NEXT_MOST, and not 0 */
	struct {
		int64_t deadline;
		/* of its struct socle_timer; a bare one's is socle__own_timer */
		const char *name;
	} at[SOCLE__NEXT_MOST];
};

/* Lists the first `most' timers, in order.  It visits every timer. */
void socle__timers_next_list(
	const struct socle__timer_store *ts, struct socle__next_timers *next);

#endif

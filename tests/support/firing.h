/*
 * For the tests of timers: timers that note that they fired, and how long the
 * loop waits for them.
 */
#ifndef SOCLE_TESTS_FIRING_H
#define SOCLE_TESTS_FIRING_H

#include "tests/support/fixture.h"

/* A timer that notes its name. */
struct named {
	const char *name;
	struct socle_timer t;
	/* called after the noting, when set */
	void (*inside)(struct named *n);
	struct named *other;
	int fired;
};

/* Afresh, and not started. */
void named_init(struct named *n, const char *name);
/* So many seconds from now; it must work. */
void named_start(struct named *n, double seconds);

/* A callback of socle_add_timer() and its like: notes the text in `arg'. */
void note_text(void *arg);
/* A literal as such an `arg'. */
char *text(const char *literal);
/* A timer of the loop's own that notes its name; it must be had. */
socle_timer_id add(double seconds, const char *name);

/*
 * How long one tick waits, in microseconds of the virtual clock; the second
 * without a limit.
 */
int64_t tick_waits_at_most(int ms);
int64_t tick_waits(void);

#endif

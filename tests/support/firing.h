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
	/* if set, called after the note */
	void (*inside)(struct named *n);
	struct named *other;
	int fired;
};

/* Initialises the timer; does not start it. */
void named_init(struct named *n, const char *name);
/* Starts the timer, `seconds' from now; must succeed. */
void named_start(struct named *n, double seconds);

/* A callback for socle_add_timer() and the like: notes the text in `arg'. */
void note_text(void *arg);
/* Converts a literal to such an `arg'. */
char *text(const char *literal);
/* Adds a timer that notes its name; must succeed. */
socle_timer_id add(double seconds, const char *name);

/*
 * How long one tick waits, in microseconds of virtual time; tick_waits() has no
 * limit.
 */
int64_t tick_waits_at_most(int ms);
int64_t tick_waits(void);

#endif

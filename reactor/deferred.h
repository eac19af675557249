/* Deferred calls, which posted calls become when they have arrived. */
#ifndef SOCLE_REACTOR_DEFERRED_H
#define SOCLE_REACTOR_DEFERRED_H

#include "reactor/state.h"

struct socle__deferred {
	struct socle__deferred *next;
	uint64_t serial;
	enum socle__item_kind kind;
	void (*fn)(void *arg);
	void (*drop)(void *arg);
	void *arg;
	const char *arguments;
};

/* Appends a call; the list frees it. */
void socle__deferred_add(
	struct socle__reactor *r, struct socle__deferred *call);

/* Runs the calls that are present now. */
void socle__deferred_run(struct socle__reactor *r);

#endif

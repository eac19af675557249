/*
 * The argument of a registered callback, and the `drop' that releases it: called
 * once when the callback will never run again.  A callback may end its own
 * registration while it runs, also in a nested loop.  Then `drop' waits until
 * the outermost call has returned, because that still uses the argument.
 */
#ifndef SOCLE_REACTOR_OWNED_ARG_H
#define SOCLE_REACTOR_OWNED_ARG_H

#include "reactor/callback.h"

/* A call under way; on the C stack. */
struct socle__arg_use {
	void (*drop)(void *arg);
	void *arg;
	bool outermost;
	bool ended; /* the registration was, meanwhile */
};

static inline void
socle__arg_drop(struct socle__reactor *r, void (*drop)(void *arg), void *arg)
{
	struct socle__callback c;

	socle__callback_begin_plain(r, &c);
	drop(arg);
	socle__callback_end(r, &c);
}

static inline void
socle__arg_use_begin(struct socle__owned_arg *a, struct socle__arg_use *use)
{
	*use = (struct socle__arg_use){.drop = a->drop,
		.arg = a->arg,
		.outermost = a->drop && !a->use};
	if (use->outermost)
		a->use = use;
}

/* `a' is not touched if its registration has ended. */
static inline void
socle__arg_use_end(struct socle__reactor *r, struct socle__owned_arg *a,
	const struct socle__arg_use *use)
{
	if (!use->outermost)
		return;
	if (use->ended)
		socle__arg_drop(r, use->drop, use->arg);
	else
		a->use = NULL;
}

/* The registration ends, or another replaces it. */
static inline void
socle__arg_end(struct socle__reactor *r, struct socle__owned_arg *a)
{
	struct socle__owned_arg old = *a;

	*a = (struct socle__owned_arg){.arg = NULL};
	if (old.use)
		old.use->ended = true;
	else if (old.drop)
		socle__arg_drop(r, old.drop, old.arg);
}

#endif

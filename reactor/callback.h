/*
 * The pair around every call of an application function, wherever the library
 * makes one.  It counts the call for the profile, and it records that
 * application code ran: no object is destroyed while one is on the stack, and
 * the tick does not sleep after one.
 *
 * One call has no pair: that of event_read on the loop's straight path.
 * Profiling switches that path off, and after it the tick checks everything as
 * after any other call.  It has its own probes.
 */
#ifndef SOCLE_REACTOR_CALLBACK_H
#define SOCLE_REACTOR_CALLBACK_H

#include "reactor/probes.h"
#include "reactor/state.h"

struct socle__callback {
	struct socle__call call;
	bool profiled;
	SOCLE__HANDLER
};

/* The arguments are those of socle__call_begin(). */
static inline void
socle__callback_begin(struct socle__reactor *r, struct socle__callback *c,
	struct socle__profile_counter **cache, enum socle__item_kind kind,
	const char *text, const void *who)
{
	r->in_callback++;
	r->callbacks++;
	SOCLE__HANDLER_START(c, kind, text, who);
	c->profiled = socle__call_begin(
		&r->profile, &c->call, cache, kind, text, who);
}

/* For a callback without an item: its time is its caller's. */
static inline void
socle__callback_begin_plain(struct socle__reactor *r, struct socle__callback *c)
{
	r->in_callback++;
	r->callbacks++;
	c->profiled = false;
	SOCLE__HANDLER_NONE(c);
}

static inline void
socle__callback_end(struct socle__reactor *r, struct socle__callback *c)
{
	socle__call_end(&r->profile, &c->call, c->profiled);
	SOCLE__HANDLER_DONE(c);
	r->in_callback--;
}

#endif

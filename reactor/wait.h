/* How long a tick may wait. */
#ifndef SOCLE_REACTOR_WAIT_H
#define SOCLE_REACTOR_WAIT_H

#include "reactor/turns.h"

/* The time, read again if handlers ran since: they may have taken long. */
int64_t socle__now_for_timers(struct socle__reactor *r);

/* Whether there is work that must not wait for the kernel. */
bool socle__has_work(const struct socle__reactor *r);

/* How long a wait may take now, at most `limit' ms; -1: without limit. */
int socle__wait_ms(struct socle__reactor *r, int limit);

/* Whether any descriptor has a turn open. */
static inline bool
socle__has_turns(const struct socle__reactor *r)
{
	return socle__unlikely(r->attention.next != &r->attention);
}

/* No object is destroyed while a handler is on the stack. */
static inline bool
socle__may_destroy(const struct socle__reactor *r)
{
	return r->depth <= 1 && r->in_callback == 0;
}

#endif

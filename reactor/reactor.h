/* The life of a thread's reactor, and its clock. */
#ifndef SOCLE_REACTOR_REACTOR_H
#define SOCLE_REACTOR_REACTOR_H

#include "reactor/state.h"

struct socle__reactor *socle__reactor_make(void);

/* This thread's reactor, made on first use; NULL when there is no memory. */
static inline struct socle__reactor *
socle__reactor_get(void)
{
	return socle__likely(socle__reactor != NULL) ? socle__reactor
						     : socle__reactor_make();
}

/* The tick's time: read after the wait, on first need. */
int64_t socle__now_read(struct socle__reactor *r);

static inline int64_t
socle__now(struct socle__reactor *r)
{
	return socle__likely(r->now_known && r->depth > 0) ? r->now
							   : socle__now_read(r);
}

#endif

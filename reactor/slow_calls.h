/* The last slow callbacks. */
#ifndef SOCLE_REACTOR_SLOW_CALLS_H
#define SOCLE_REACTOR_SLOW_CALLS_H

#include "reactor/state.h"

enum { SOCLE__SLOW_KEPT = 64 };

struct socle__slow_call {
	char item[64], peer[64]; /* "-": no peer */
	int fd;
	int64_t ended, ns;
};

/* All zero at first. */
struct socle__slow_calls {
	struct socle__slow_call
		last[SOCLE__SLOW_KEPT]; /* the i-th at i % KEPT */
	size_t n;
	int64_t ns;
	/* the application's own slow handler */
	int64_t outer_ns;
	void (*outer)(const struct socle_slow *what, void *arg);
	void *outer_arg;
};

/*
 * Notes calls that take this long from now on; 0: none.  A slow handler that the
 * application has set is still called, with its own limit.  One that it sets
 * later replaces this.  `s' must stay valid until it is called with 0, or the loop
 * is reset.
 */
void socle__slow_watch(struct socle__slow_calls *s, int64_t ns);

#endif

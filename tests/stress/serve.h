/*
 * The common part of the servers: the listener, the counting class, and the
 * answers to the load's questions.  A program of a user: all that it knows of
 * the library is <socle/socle.h>.
 */
#ifndef STRESS_SERVE_H
#define STRESS_SERVE_H

#include "child.h"

#include <socle/socle.h>

/* Counted here; ticks, heap and the port are filled in by the answer. */
extern struct tally tally;

/*
 * The base of the servers' classes: counts objects, bytes and timeouts, and
 * echoes.  A class that overrides event_accepted, event_timeout or destroy
 * calls super.
 */
extern const struct socle_class echo_class;

/* Below echo_class or &socle_socket_class, with accepted and destroy counted. */
struct serving {
	const struct socle_class *cls;
	const char *where; /* NULL: "127.0.0.1:0" */
	int emfile, accept_batch;
	bool has_listen_fd; /* instead of an address: shared with others */
	int listen_fd;
	/* The answer to a question > 0; false: it comes later. */
	bool (*answer)(const struct question *q);
	/* On SIGTERM; NULL: the loop ends. */
	void (*terminate)(struct socle_factory *listener);
};

/* Serves until the loop ends, then exits with 0.  Does not return. */
void serve(int control, const struct serving *how);

/* The answer that came later. */
void serve_answer(void);

#endif

/*
 * The pump: flushing the queue and running the callbacks in turn.
 */
#ifndef SOCLE_SOCKETS_WRITE_PUMP_H
#define SOCLE_SOCKETS_WRITE_PUMP_H

#include "sockets/object.h"

/*
 * Flushes the queue, then runs what is due: callbacks of finished items, the
 * closure that is next, marks, drain, incomplete_write, or the close of a
 * broken socket.  Nothing on a closed object, and under the writer function.
 */
void socle__pump(struct socle_socket *s);

/* Drops the queue with its callbacks, in order. */
void socle__pump_drop(struct socle_socket *s);

/*
 * The kernel took no more of a write (`err': 0 or why): the rest, which is
 * queued, waits.  Runs incomplete_write and the marks.
 */
void socle__pump_blocked(struct socle_socket *s, int err);

/* Something was queued behind nothing: pumps it, unless it has to wait. */
void socle__pump_queued(struct socle_socket *s);

/* Whether what is queued now has to wait, whatever it is. */
bool socle__pump_waits(const struct socle_socket *s);

/* From now on nothing is written any more: `err' says why. */
void socle__write_error_set(struct socle_socket *s, int err);

/*
 * Closes a socket whose write_error is set.  If its class vetoes that, the
 * queue is dropped all the same: what the peer got is unknown.
 */
void socle__close_for_write_error(struct socle_socket *s, const char *reason);

/* Calls the mark function if the queue has crossed a mark.  requires: one */
void socle__mark_crossed(struct socle_socket *s);

static inline void
socle__marks_check(struct socle_socket *s)
{
	if (s->extra && s->extra->mark)
		socle__mark_crossed(s);
}

#endif

/* The pump: flushes the queue and runs its callbacks. */
#ifndef SOCLE_SOCKETS_WRITE_PUMP_H
#define SOCLE_SOCKETS_WRITE_PUMP_H

#include "sockets/object.h"

/*
 * Flushes the queue, then calls what is due: the callbacks of finished items,
 * the closure that is next, incomplete_write, drain and marks, or the close of
 * a broken socket.  Does nothing on a closed object, in a forked child, while
 * connecting, and inside the writer function.
 */
void socle__pump(struct socle_socket *s);

/* Drops the queue and calls its callbacks, in order. */
void socle__pump_drop(struct socle_socket *s);

/*
 * Called when the kernel took no more of a write and the rest is queued; `err'
 * is the reason, or 0.  Calls incomplete_write and the mark function.
 */
void socle__pump_blocked(struct socle_socket *s, int err);

/* Called for the first item of a queue: pumps it, unless it has to wait. */
void socle__pump_queued(struct socle_socket *s);

/* Whether an item queued now has to wait, whatever its type. */
bool socle__pump_waits(const struct socle_socket *s);

/* From now on every write returns `err'. */
void socle__write_error_set(struct socle_socket *s, int err);

/*
 * Closes a socket whose write_error is set.  If its class vetoes that, the
 * queue is dropped all the same: how much the peer received is unknown.
 */
void socle__close_for_write_error(struct socle_socket *s, const char *reason);

/* Calls the mark function if a mark was crossed.  requires: x->mark */
void socle__mark_crossed(struct socle_socket *s);

static inline void
socle__marks_check(struct socle_socket *s)
{
	if (s->extra && s->extra->mark)
		socle__mark_crossed(s);
}

#endif

/* Timeouts of an object: idle, stall, and the retry of a write. */
#ifndef SOCLE_SOCKETS_TIMEOUTS_H
#define SOCLE_SOCKETS_TIMEOUTS_H

#include "reactor/reactor.h"
#include "sockets/object.h"

/* The function of every object's timer. */
void socle__socket_timer(struct socle_timer *t);

/* Retries the write soon: the fd may be writable and still refuse. */
void socle__retry_start(struct socle_socket *s);

/* Starts the timer for the deadlines that the object has now. */
void socle__timeouts_restart(struct socle_socket *s);

/* Starts the write timeout: queued data cannot be sent now. */
void socle__stall_start(struct socle_socket *s);

/* Bytes were read or written. */
static inline void
socle__active(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__IDLES))
		s->active = socle__now(socle__reactor);
}

/* Queued bytes were sent, or the first bytes were queued. */
static inline void
socle__moved(struct socle_socket *s)
{
	socle__active(s);
	if (s->extra && s->extra->stall_ns)
		s->extra->moved = socle__now(socle__reactor);
}

#endif

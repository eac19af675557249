/* When an object last had traffic, for its timeouts. */
#ifndef SOCLE_SOCKETS_ACTIVITY_H
#define SOCLE_SOCKETS_ACTIVITY_H

#include "reactor/reactor.h"
#include "sockets/object.h"

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

/* None is reported any more. */
static inline void
socle__timeouts_stop(struct socle_socket *s)
{
	if (s->timer.order != 0)
		socle__timers_remove(&socle__reactor->timers, &s->timer);
}

#endif

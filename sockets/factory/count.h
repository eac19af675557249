/* A factory's references, and the objects that it counts. */
#ifndef SOCLE_SOCKETS_FACTORY_COUNT_H
#define SOCLE_SOCKETS_FACTORY_COUNT_H

#include "sockets/factory/state.h"
#include "sockets/object.h"

void socle__factory_unref(struct socle_factory *f);

/* For a factory that has a limit. */
void socle__factory_count_one(struct socle_factory *f);

/*
 * The same, and makes the object report when it is closed or stolen.  0; or
 * -ENOMEM, and nothing is counted.
 */
int socle__factory_count_object(
	struct socle_factory *f, struct socle_socket *s);

static inline bool
socle__factory_has_limit(const struct socle_factory *f)
{
	return f->kind == SOCLE__LISTENER && f->p.max_connections > 0;
}

/* accept(2) brought a client. */
static inline void
socle__factory_found(struct socle_factory *f)
{
	f->shortage = false;
	f->vain = 0;
}

/* A client was delivered: it counts against max_connections. */
static inline void
socle__factory_count(struct socle_factory *f)
{
	socle__factory_found(f);
	if (socle__factory_has_limit(f))
		socle__factory_count_one(f);
}

/*
 * Reserves memory for the note that an object was made of `fd'.  0 or -ENOMEM.
 * requires: there is none, fd >= made_size
 */
int socle__factory_made_reserve(struct socle_factory *f, int fd);

/* Watches the listener for clients if it may accept now, else does not. */
void socle__listener_interest(struct socle_factory *f);

#endif

/* What reading offers to the rest of the base class: pushed-back data. */
#ifndef SOCLE_SOCKETS_READ_H
#define SOCLE_SOCKETS_READ_H

#include "sockets/object.h"

/* Whether there is input that the kernel does not know of. */
bool socle__has_pushed(const struct socle_socket *s);

/*
 * Opens a PUSHED_BACK turn if there is such input and reading is on; shuts it
 * if not.
 */
void socle__pushed_turn_set(struct socle_socket *s);

static inline void
socle__pushed_turn(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__SPECIAL)) /* else there is none */
		socle__pushed_turn_set(s);
}

void socle__pushed_drop(struct socle_socket *s);

#endif

/* Pushed-back data. */
#ifndef SOCLE_SOCKETS_READ_H
#define SOCLE_SOCKETS_READ_H

#include "sockets/object.h"

/* Whether the library holds unread input. */
bool socle__has_pushed(const struct socle_socket *s);

/*
 * Opens the PUSHED_BACK turn if there is such input and reading is on;
 * otherwise closes it.
 */
void socle__pushed_turn_set(struct socle_socket *s);

static inline void
socle__pushed_turn(struct socle_socket *s)
{
	if (socle__has(s, SOCLE__SPECIAL)) /* only these can hold any */
		socle__pushed_turn_set(s);
}

/* Whether the reader function is assumed to hold more. */
void socle__reader_holds(struct socle_socket *s, bool more);

void socle__pushed_drop(struct socle_socket *s);

#endif

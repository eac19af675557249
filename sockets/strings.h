/* An object as text. */
#ifndef SOCLE_SOCKETS_STRINGS_H
#define SOCLE_SOCKETS_STRINGS_H

#include "sockets/object.h"

/* The root class's as_string. */
int socle__socket_as_string(
	const struct socle_socket *s, char *buf, size_t size);

/* Frees the texts of an address; NULL is allowed. */
void socle__names_free(struct socle__name *name);

#endif

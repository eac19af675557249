/* The file of a unix socket. */
#ifndef SOCLE_SOCKETS_NAMES_UNIX_FILE_H
#define SOCLE_SOCKETS_NAMES_UNIX_FILE_H

#include "sockets/names/addr.h"

/*
 * The path of a unix address that has a file, with a NUL behind it; "" for
 * every other address.  requires: `size' > sizeof(a->u) holds every path
 */
const char *socle__unix_path(
	const struct socle_addr *a, char *buf, size_t size);

/* Removes the file if it is a unix socket's and no process answers there. */
void socle__unlink_stale(const struct socle_addr *a, int type);

#endif

/* The file of a Unix socket. */
#ifndef SOCLE_SOCKETS_NAMES_UNIX_FILE_H
#define SOCLE_SOCKETS_NAMES_UNIX_FILE_H

#include "sockets/names/addr.h"

/*
 * Copies the path of a Unix address, with a NUL, and returns `buf'; "" for an
 * address without a file.  requires: `size' > sizeof(a->u)
 */
const char *socle__unix_path(
	const struct socle_addr *a, char *buf, size_t size);

/*
 * Removes the file if it is a Unix socket that belongs to no open socket.  If
 * another process is just doing the same, the file may still be there.
 */
void socle__unlink_stale(const struct socle_addr *a);

#endif

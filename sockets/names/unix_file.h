/* The file of a Unix socket. */
#ifndef SOCLE_SOCKETS_NAMES_UNIX_FILE_H
#define SOCLE_SOCKETS_NAMES_UNIX_FILE_H

#include "sockets/names/addr.h"

/*
 * Copies the path of a Unix address, with a NUL, and returns `buf'; "" for an
 * address without a file.  requires: `size' > sizeof(sun_path)
 */
const char *socle__unix_path(
	const struct socle_addr *a, char *buf, size_t size);

/*
 * connect(2), which returns 0 or -errno.  -EAGAIN: the backlog of an AF_UNIX
 * listener is full.  Where the kernel says ECONNREFUSED then, a socket that is
 * bound but does not listen counts as full too.
 */
int socle__connect(int fd, const struct socle_addr *a);

/*
 * Removes the file if it is a Unix socket that belongs to no open socket.  If
 * another process is just doing the same, the file may still be there.
 */
void socle__unlink_stale(const struct socle_addr *a);

#endif

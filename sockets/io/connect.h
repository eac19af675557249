/* Connecting to one address. */
#ifndef SOCLE_SOCKETS_IO_CONNECT_H
#define SOCLE_SOCKETS_IO_CONNECT_H

#include "sockets/io/io.h"

/* As socle_io_connect(), and leaves the plan alone. */
int socle__io_connect_to(struct socle_io *io, const struct socle_addr *addr);

/*
 * Whether a connect under way has ended: 1, and *ret is 0 or -errno; 0: not
 * yet; -errno: the kernel could not be asked.
 */
int socle__io_connect_ended(int fd, int *ret);

#endif

/* SO_ERROR. */
#ifndef SOCLE_SOCKETS_NAMES_SOCKET_ERROR_H
#define SOCLE_SOCKETS_NAMES_SOCKET_ERROR_H

/*
 * Reads the pending error of a socket: *ret is -errno, or 0 for none.  Returns
 * 0, or the -errno of getsockopt(2).
 */
int socle__socket_error(int fd, int *ret);

#endif

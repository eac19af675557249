/* SO_ERROR. */
#ifndef SOCLE_SOCKETS_NAMES_SOCKET_ERROR_H
#define SOCLE_SOCKETS_NAMES_SOCKET_ERROR_H

/*
 * Takes the pending error of a socket: *ret is -errno, or 0 for none.  Returns
 * 0, or -errno if the kernel could not be asked.
 */
int socle__socket_error(int fd, int *ret);

#endif

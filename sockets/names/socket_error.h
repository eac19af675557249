/* SO_ERROR. */
#ifndef SOCLE_SOCKETS_NAMES_SOCKET_ERROR_H
#define SOCLE_SOCKETS_NAMES_SOCKET_ERROR_H

/*
 * Reads the pending error of a socket: *ret is -errno, or 0 for none.  Returns
 * 0, or the -errno of getsockopt(2).
 */
int socle__socket_error(int fd, int *ret);

/*
 * Why a send failed with `err': EPIPE may hide the error that has ended the
 * connection.
 */
int socle__send_error(int fd, int err);

#endif

/* Making an object from an fd. */
#ifndef SOCLE_SOCKETS_INIT_H
#define SOCLE_SOCKETS_INIT_H

#include "sockets/object.h"

/*
 * `how' is SOCLE__ALLOCATED, SOCLE__CONNECTING, SOCLE__KNOWN_SOCKET for an fd that
 * is known to be a socket, non-blocking and close-on-exec, and with that
 * SOCLE__USER_READ: reading is watched from the start.
 */
enum { SOCLE__KNOWN_SOCKET = SOCLE__IS_SOCKET };

/* The socket keeps the bounds of messages. */
void socle__socket_has_messages(struct socle_socket *s);

/* As socle_socket_init(), for any resolved class. */
int socle__socket_init(struct socle_socket *self, struct socle__class *cls,
	int fd, unsigned how);

/* As socle_socket_new(), for a resolved class of streams. */
int socle__socket_new(struct socle__class *cls, int fd, unsigned how,
	struct socle_socket **ret);

/*
 * Undoes socle__socket_new() for an object that the application has not seen:
 * no method is called.  Returns the fd, which the caller owns.
 */
int socle__socket_undo_new(struct socle_socket *s);

#endif

/* Making an object from an fd. */
#ifndef SOCLE_SOCKETS_INIT_H
#define SOCLE_SOCKETS_INIT_H

#include "sockets/object.h"

/* The socket keeps the bounds of messages. */
void socle__socket_has_messages(struct socle_socket *s);

/*
 * As socle_socket_init(), for any resolved class.  `how' is 0 or
 * SOCLE__ALLOCATED.
 */
int socle__socket_init(struct socle_socket *self, struct socle__class *cls,
	int fd, unsigned how);

/*
 * As socle_socket_new(), for a resolved class of streams.  The object is the one
 * at `fd' in the map.
 */
int socle__socket_new(struct socle__class *cls, int fd);

/*
 * The same for an fd that is known to be a socket, non-blocking and
 * close-on-exec.  An accepted object watches reading from the start.
 */
int socle__socket_new_connecting(struct socle__class *cls, int fd);
int socle__socket_new_accepted(struct socle__class *cls, int fd);

/*
 * Undoes socle__socket_new() for an object that the application has not seen:
 * no method is called.  Returns the fd, which the caller owns.
 */
int socle__socket_undo_new(struct socle_socket *s);

#endif

/* Closing an object. */
#ifndef SOCLE_SOCKETS_CLOSE_H
#define SOCLE_SOCKETS_CLOSE_H

#include "sockets/object.h"

/*
 * Closes an open object; what the root class's `close' does.  The callbacks of
 * its queue (release, drop, done) find it closed.
 */
void socle__socket_end(struct socle_socket *s);

/*
 * The fd is about to be closed or left open: calls the class's `closing_fd', and
 * undoes O_NONBLOCK where it was set.
 */
void socle__socket_closing(struct socle_descriptor *d, int fd);

#endif

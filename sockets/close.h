/* Closing an object. */
#ifndef SOCLE_SOCKETS_CLOSE_H
#define SOCLE_SOCKETS_CLOSE_H

#include "sockets/object.h"

/*
 * Closes an open object; what the root class's `close' does.  The callbacks of
 * its queue (release, drop, done) find it closed.
 */
void socle__socket_end(struct socle_socket *s);

#endif

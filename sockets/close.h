/* The end of an object. */
#ifndef SOCLE_SOCKETS_CLOSE_H
#define SOCLE_SOCKETS_CLOSE_H

#include "sockets/object.h"

/*
 * Ends an open object: the root class's close.  Its last callbacks (release,
 * drop, done) find it closed.
 */
void socle__socket_end(struct socle_socket *s);

#endif

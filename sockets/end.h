/* Ends an object: its class closes it, or the application takes its fd. */
#ifndef SOCLE_SOCKETS_END_H
#define SOCLE_SOCKETS_END_H

#include "sockets/object.h"

/* The root class's `close'. */
void socle__root_close(struct socle_socket *self, const char *reason);

/*
 * What that does to an open object.  The callbacks of its queue (release, drop,
 * done) find it closed.
 */
void socle__socket_end(struct socle_socket *s);

/* The same, but its fd leaves the loop and belongs to the caller. */
int socle__socket_let_go(struct socle_socket *s);

/* Closes through the class, without flushing: the stream is broken. */
void socle__close_broken(struct socle_socket *s, const char *reason);

/*
 * Closes for socle_close_after_flush().  If the class vetoes that, the
 * application may ask for it again.
 */
void socle__close_ending(struct socle_socket *s);

#endif

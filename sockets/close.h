/* Closing an object. */
#ifndef SOCLE_SOCKETS_CLOSE_H
#define SOCLE_SOCKETS_CLOSE_H

#include "sockets/object.h"

/*
 * The fd is about to be closed or left open: calls the class's `closing_fd', and
 * undoes O_NONBLOCK where it was set.
 */
void socle__socket_closing(struct socle_descriptor *d, int fd);

#endif

/* Listeners. */
#ifndef SOCLE_SOCKETS_FACTORY_ACCEPT_H
#define SOCLE_SOCKETS_FACTORY_ACCEPT_H

#include "sockets/factory/state.h"

/* Adds the listening socket to the loop; 0 or -errno. */
int socle__listener_register(struct socle_factory *f, int fd);
/* Accepts from then on. */
void socle__listener_begin(struct socle_factory *f);

/* Both of the above, for a new socket.  -errno: *operation failed. */
int socle__listener_start(struct socle_factory *f, const char **operation);
void socle__listener_stop(struct socle_factory *f);

/* The callback of the timer `again'. */
void socle__listener_again_fired(struct socle_timer *t);

/* Functions of socle__factory_ops. */
void socle__listener_ready(struct socle_descriptor *d, unsigned ready, int err);
void socle__listener_read(struct socle_descriptor *d);
void socle__listener_turn(struct socle_descriptor *d, unsigned turn);

#endif

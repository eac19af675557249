/* One address being tried. */
#ifndef SOCLE_SOCKETS_FACTORY_ATTEMPT_H
#define SOCLE_SOCKETS_FACTORY_ATTEMPT_H

#include "sockets/factory/state.h"

struct socle__attempt {
	struct socle_descriptor d; /* first */
	struct socle_factory *f;   /* NULL: finished */
	struct socle__attempt *next;
	struct socle_addr to;
};

/* Removes it from its factory and its fd from the loop; the caller's fd. */
int socle__attempt_detach(struct socle__attempt *a);

/* Also closes the fd, and removes the file that the socket was bound to. */
void socle__attempt_close(struct socle__attempt *a);

/*
 * 1: connected; 0: not yet; -errno.  `ended': the kernel has reported an error
 * or a hang-up.
 */
int socle__attempt_result(const struct socle__attempt *a, bool ended);

#endif

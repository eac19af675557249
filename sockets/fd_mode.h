/* The flags of an fd of the application, and giving them back. */
#ifndef SOCLE_SOCKETS_FD_MODE_H
#define SOCLE_SOCKETS_FD_MODE_H

#include "reactor/state.h"

struct socle__fd_mode {
	int file, fd; /* of F_GETFL and F_GETFD */
};

/*
 * Makes the fd non-blocking and close-on-exec; *before is what it was.  0; or
 * -errno, and nothing has changed.
 */
int socle__fd_mode_set(int fd, struct socle__fd_mode *before);
void socle__fd_mode_restore(int fd, const struct socle__fd_mode *before);

/*
 * Whether this process may change the mode of d's fd.  A forked child leaves it
 * alone, because its parent still uses the open file.
 */
bool socle__fd_mode_is_own(const struct socle_descriptor *d);
/* Makes it block again, as others that share the open file expect. */
void socle__fd_mode_block(int fd);

#endif

/* The fds that the library opens for itself. */
#ifndef SOCLE_REACTOR_OWN_FD_H
#define SOCLE_REACTOR_OWN_FD_H

/*
 * Takes the result of the system call that made an fd, -1 included.  Returns
 * the fd, or a copy in its place if it was 0, 1 or 2; or -errno, with the fd
 * closed.
 */
int socle__own_fd(int fd);

#endif

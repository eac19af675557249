/* Waiting with a deadline. */
#ifndef SOCLE_SOCKETS_IO_WAIT_H
#define SOCLE_SOCKETS_IO_WAIT_H

#include <stdbool.h>
#include <stdint.h>

struct socle__io_timed {
	int fd, mode;
	bool on; /* there is a timeout, and the fd does not block meanwhile */
	int64_t deadline;
};

int socle__io_timed_begin(struct socle__io_timed *t, int fd, double timeout);
/* Restores the mode; `err', or if that is 0 the error of restoring. */
int socle__io_timed_end(const struct socle__io_timed *t, int err);

/*
 * The ready events; 0: the deadline has passed; -errno.  With fd -1 it only waits.
 */
int socle__io_wait(int fd, short events, int64_t deadline);
#define SOCLE__IO_AT_ONCE INT64_C(0) /* deadlines */
#define SOCLE__IO_FOR_EVER INT64_MAX

#endif

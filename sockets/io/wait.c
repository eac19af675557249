/*
 * Waiting with a deadline.
 *
 * A blocking socket with a timeout is made non-blocking for the length of one
 * call: the socket may no longer be ready when the call is made, and the call must
 * not block without limit.
 */
#include "sockets/io/wait.h"

#include "seam.h"
#include "timers/clock.h"

int
socle__io_timed_begin(struct socle__io_timed *t, int fd, double timeout)
{
	t->fd = fd;
	t->on = false;
	if (!(timeout > 0))
		return 0;
	t->mode = sys_fcntl(fd, F_GETFL, 0);
	if (t->mode < 0)
		return -errno;
	if (t->mode & O_NONBLOCK)
		return 0;
	if (sys_fcntl(fd, F_SETFL, t->mode | O_NONBLOCK) < 0)
		return -errno;
	t->on = true;
	t->deadline =
		socle__add_ns(socle__clock_ns(), socle__seconds_to_ns(timeout));
	return 0;
}

int
socle__io_timed_end(const struct socle__io_timed *t, int err)
{
	if (t->on && sys_fcntl(t->fd, F_SETFL, t->mode) < 0 && err == 0)
		return -errno;
	return err;
}

int
socle__io_wait(int fd, short events, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n, ms = deadline == SOCLE__IO_FOR_EVER ? -1 : 0;

	do {
		if (deadline != SOCLE__IO_FOR_EVER &&
			deadline != SOCLE__IO_AT_ONCE)
			ms = socle__ns_to_ms(deadline - socle__clock_ns());
		n = sys_poll(&p, 1, ms); /* which ignores fd -1 */
		if (n < 0 && errno != EINTR)
			return -errno;
	} while (n <= 0 && ms != 0);
	return n > 0 ? p.revents : 0;
}

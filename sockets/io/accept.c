/* Servers: bind, listen, accept. */
#include "sockets/io/fail.h"
#include "sockets/io/wait.h"
#include "sockets/names/addr_valid.h"

#include "seam.h"

#include <string.h>

int
socle_io_bind(struct socle_io *io, const struct socle_addr *addr)
{
	if (!addr || (socle_io_fd(io) >= 0 && !socle__addr_is_valid(addr)))
		return socle__io_fail(io, "bind", -EINVAL);
	if (sys_bind(socle_io_fd(io), &addr->u.sa, addr->len) < 0)
		return socle__io_fail(io, "bind", -errno);
	return 0;
}

int
socle_io_listen(struct socle_io *io, int backlog)
{
	if (sys_listen(socle_io_fd(io),
		    backlog > 0 ? backlog : SOCLE__BACKLOG_MOST) < 0)
		return socle__io_fail(io, "listen", -errno);
	return 0;
}

static int
accept_once(int fd, struct socle_addr *peer)
{
	int got;

	memset(peer, 0, sizeof(*peer));
	peer->len = sizeof(peer->u);
	got = sys_accept4(fd, &peer->u.sa, &peer->len, SOCLE__CLOEXEC);
	return got < 0 ? -errno : got;
}

/*
 * The next client's fd, within the deadline if there is one.  More clients than
 * a queue holds cannot have gone: OpenBSD says ECONNABORTED each time if the
 * listener was shut down.
 */
static int
accept_timed(const struct socle__io_timed *t, struct socle_addr *peer)
{
	int gone = 0;

	for (;;) {
		int fd = accept_once(t->fd, peer), n;

		if (fd == -EINTR ||
			(fd == -ECONNABORTED && gone++ < SOCLE__BACKLOG_MOST))
			continue;
		if (fd != -EAGAIN || !t->on)
			return fd;
		n = socle__io_wait(t->fd, POLLIN, t->deadline);
		if (n <= 0)
			return n < 0 ? n : -ETIMEDOUT;
	}
}

int
socle_io_accept(
	struct socle_io *io, struct socle_io *ret, struct socle_addr *peer)
{
	struct socle_addr from;
	struct socle__io_timed t;
	int err = socle__io_timed_begin(&t, socle_io_fd(io), io->timeout);
	int fd;

	if (err < 0)
		return socle__io_fail(io, "accept", err);
	fd = accept_timed(&t, &from);
	err = socle__io_timed_end(&t, fd < 0 ? fd : 0);
	if (err < 0) {
		if (fd >= 0)
			sys_close(fd);
		if (err == -ETIMEDOUT)
			return socle__io_fail_as(io, "accept", err, "timeout");
		return socle__io_fail(io, "accept", err);
	}
	memset(ret, 0, sizeof(*ret));
	ret->handle = fd + 1;
	ret->timeout = io->timeout;
	if (peer)
		*peer = from;
	return 0;
}

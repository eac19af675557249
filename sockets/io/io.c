/*
 * A socket as an object: how it gets its fd and loses it.
 *
 * Nothing about the socket is stored that the kernel can be asked for: its
 * mode, kind and addresses are right even if other code changes the fd.
 */
#include "sockets/io/io.h"

#include "sockets/io/fail.h"
#include "sockets/io/plan.h"
#include "sockets/names/new_socket.h"
#include "sockets/names/socket_type.h"

#include "seam.h"

#include <string.h>

#undef socle_io_socket /* which also takes a protocol's name */

int
socle_io_socket(struct socle_io *io, int domain, int type, int proto)
{
	int fd = io->handle > 0 ? -EBUSY
				: socle__new_socket(domain, type, proto, false);

	if (fd < 0)
		return socle__io_fail(io, "socket", fd);
	io->handle = fd + 1;
	return 0;
}

int
socle_io_socket_by_name(
	struct socle_io *io, int domain, int type, const char *proto)
{
	int number = socle__io_protocol(io, proto, domain, &type);

	if (number < 0)
		return number;
	return socle_io_socket(io, domain, type ? type : SOCK_STREAM, number);
}

int
socle_io_socketpair(
	struct socle_io *a, struct socle_io *b, int domain, int type, int proto)
{
	int fds[2];
	int err = 0;

	if (sys_socketpair(domain, type | SOCLE__CLOEXEC, proto, fds) < 0)
		err = -errno;
	memset(a, 0, sizeof(*a));
	memset(b, 0, sizeof(*b));
	if (err < 0) {
		socle__io_fail(b, "socketpair", err);
		return socle__io_fail(a, "socketpair", err);
	}
	a->handle = fds[0] + 1;
	b->handle = fds[1] + 1;
	return 0;
}

static int
adopt(int fd)
{
	int type = socle__socket_type(fd), flags;

	if (type < 0)
		return type;
	flags = sys_fcntl(fd, F_GETFD, 0);
	if (flags < 0 ||
		(!(flags & FD_CLOEXEC) &&
			sys_fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0))
		return -errno;
	(void)sys_no_sigpipe(fd);
	return 0;
}

int
socle_io_adopt(struct socle_io *io, int fd)
{
	int err = io->handle > 0 ? -EBUSY : adopt(fd);

	if (err < 0)
		return socle__io_fail(io, "adopt", err);
	io->handle = fd + 1;
	return 0;
}

/* Clears the fd and everything that belonged to it. */
static void
forget(struct socle_io *io)
{
	socle__io_plan_drop(io);
	io->handle = 0;
	io->connecting = 0;
	io->wants_to = false;
	io->last_peer.len = 0;
}

int
socle_io_steal(struct socle_io *io)
{
	int fd = socle_io_fd(io);

	if (fd < 0)
		return socle__io_fail(io, "steal", -EBADF);
	forget(io);
	return fd;
}

void
socle_io_close(struct socle_io *io)
{
	int fd = socle_io_fd(io);

	forget(io);
	if (fd >= 0)
		sys_close(fd);
}

const char *
socle_io_errstr(const struct socle_io *io)
{
	return io->errstr;
}

double
socle_io_timeout(const struct socle_io *io)
{
	return io->timeout;
}

double
socle_io_set_timeout(struct socle_io *io, double seconds)
{
	double before = io->timeout;

	if (!(seconds >= 0)) /* nor NaN */
		return socle__io_fail(io, "timeout", -EINVAL);
	io->timeout = seconds;
	return before;
}

/* Connecting, with the plan of the constructor behind it. */
#include "sockets/io/connect.h"
#include "sockets/io/fail.h"
#include "sockets/io/plan.h"
#include "sockets/names/addr_valid.h"
#include "sockets/names/socket_type.h"

#include "seam.h"

#include <netinet/in.h>
#include <string.h>

int
socle_io_connect(struct socle_io *io, const struct socle_addr *addr)
{
	int fd = socle_io_fd(io);

	if (!addr ||
		(fd >= 0 &&
			(!socle__addr_is_valid(addr) ||
				(socle__addr_is_port_0(addr) &&
					socle__socket_has_ports(fd)))))
		return socle__io_fail(io, "connect", -EINVAL);
	socle__io_plan_drop(io);
	return socle__io_connect_to(io, addr);
}

/* As socle_io_connected().  requires: a connect is in progress */
static int
connecting_look(struct socle_io *io, int fd)
{
	char before[sizeof(io->errstr)];
	int err, ended = socle__io_connect_ended(fd, &err);

	if (ended < 0)
		return socle__io_fail(io, "connected", ended);
	if (ended == 0)
		return 0;
	memcpy(before, io->errstr, sizeof(before));
	if (err < 0) {
		socle__io_fail(io, "connect", err);
		err = socle__io_plan_go_on(io, err);
	}
	if (err == 0 || err == -EINPROGRESS)
		memcpy(io->errstr, before, sizeof(before));
	io->connecting = err;
	if (err == -EINPROGRESS)
		return 0;
	socle__io_plan_drop(io);
	return err == 0 ? 1 : err;
}

int
socle_io_connected(struct socle_io *io)
{
	struct socle_addr peer = {.len = sizeof(peer.u)};
	int fd = socle_io_fd(io);

	if (io->connecting == -EINPROGRESS)
		return connecting_look(io, fd);
	if (io->connecting < 0)
		return io->connecting;
	if (sys_getpeername(fd, &peer.u.sa, &peer.len) == 0)
		return 1;
	if (errno == ENOTCONN || errno == EINVAL) /* EINVAL: BSD's reset */
		return 0;
	return socle__io_fail(io, "connected", -errno);
}

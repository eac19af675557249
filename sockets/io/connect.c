/*
 * Connecting to one address, and whether that has succeeded.
 *
 * SO_ERROR decides whether a connect has ended.  A second connect(2) would
 * tell as well, but gives different answers on different systems.
 */
#include "sockets/io/connect.h"

#include "sockets/io/fail.h"
#include "sockets/io/wait.h"
#include "sockets/names/socket_error.h"

#include "seam.h"
#include "timers/clock.h"

#include <netinet/in.h>
#include <string.h>

enum { LOOK_AGAIN_NS = 5 * 1000 * 1000 };

static bool
same_ip(const struct socle_addr *a, const struct socle_addr *b)
{
	if (a->u.sa.sa_family != b->u.sa.sa_family)
		return false;
	if (a->u.sa.sa_family == AF_INET)
		return a->u.in.sin_port == b->u.in.sin_port &&
			a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
	return a->u.in6.sin6_port == b->u.in6.sin6_port &&
		memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr,
			sizeof(a->u.in6.sin6_addr)) == 0;
}

/*
 * A TCP connect to a local port that no one listens at can be given that very
 * port, and connect to itself.
 */
static bool
is_own_peer(int fd, const struct socle_addr *peer)
{
	struct socle_addr local = {.len = sizeof(local.u)};
	int type = 0;
	socklen_t len = sizeof(type);

	return (peer->u.sa.sa_family == AF_INET ||
		       peer->u.sa.sa_family == AF_INET6) &&
		sys_getsockname(fd, &local.u.sa, &local.len) == 0 &&
		same_ip(&local, peer) &&
		sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
		type == SOCK_STREAM;
}

/* The result of a connect that is no longer in progress. */
static int
connect_result(int fd)
{
	int err, failed = socle__socket_error(fd, &err);

	return failed < 0 ? failed : err;
}

/*
 * An interrupted connect goes on by itself or, with AF_UNIX, has not started.
 * 1: it is connected; 0: connect again; -errno.
 */
static int
went_on(int fd)
{
	struct socle_addr peer = {.len = sizeof(peer.u)};
	int mode = sys_fcntl(fd, F_GETFL, 0), err;

	if (mode < 0)
		return -errno;
	if (mode & O_NONBLOCK)
		return 0;
	err = socle__io_wait(fd, POLLOUT, SOCLE__IO_FOR_EVER);
	if (err >= 0)
		err = connect_result(fd);
	if (err < 0)
		return err;
	return sys_getpeername(fd, &peer.u.sa, &peer.len) == 0;
}

/* connect(2) that never returns EINTR. */
static int
connect_once(int fd, const struct socle_addr *addr)
{
	bool again = false;
	int err;

	while (sys_connect(fd, &addr->u.sa, addr->len) < 0) {
		err = -errno;
		if (again && err == -EISCONN)
			return 0;
		if (again && err == -EALREADY)
			return -EINPROGRESS;
		if (err != -EINTR)
			return err;
		err = went_on(fd);
		if (err != 0)
			return err < 0 ? err : 0;
		again = true;
	}
	return 0;
}

/* The same within a deadline.  No poll reports the end of AF_UNIX's EAGAIN. */
static int
connect_timed(const struct socle__io_timed *t, const struct socle_addr *addr)
{
	int err, n;

	while ((err = connect_once(t->fd, addr)) == -EAGAIN) {
		int64_t now = socle__clock_ns();

		if (now >= t->deadline)
			return -ETIMEDOUT;
		n = socle__io_wait(-1, 0,
			t->deadline - now < LOOK_AGAIN_NS
				? t->deadline
				: now + LOOK_AGAIN_NS);
		if (n < 0)
			return n;
	}
	if (err != -EINPROGRESS)
		return err;
	n = socle__io_wait(t->fd, POLLOUT, t->deadline);
	if (n <= 0)
		return n < 0 ? n : -ETIMEDOUT;
	return connect_result(t->fd);
}

int
socle__io_connect_to(struct socle_io *io, const struct socle_addr *addr)
{
	struct socle__io_timed t;
	bool timed_out = false, own = false;
	int fd = socle_io_fd(io);
	int err = socle__io_timed_begin(&t, fd, io->timeout);
	if (err == 0) {
		err = t.on ? connect_timed(&t, addr) : connect_once(fd, addr);
		timed_out = t.on && err == -ETIMEDOUT &&
			socle__clock_ns() >= t.deadline;
		own = err == 0 && is_own_peer(fd, addr);
		err = socle__io_timed_end(&t, own ? -ECONNREFUSED : err);
	}
	if (err != -EALREADY)
		io->connecting = err == -EINPROGRESS || own ? err : 0;
	if (err == 0) {
		io->wants_to = false;
		return 0;
	}
	if (timed_out)
		return socle__io_fail_as(io, "connect", err, "timeout");
	return socle__io_fail(io, "connect", err);
}

/*
 * A socket that is writable, without an error and without a peer, is still
 * connecting, unless the kernel reports a hang-up.
 */
int
socle__io_connect_ended(int fd, int *ret)
{
	struct socle_addr peer = {.len = sizeof(peer.u)};
	int ready = socle__io_wait(fd, POLLOUT, SOCLE__IO_AT_ONCE), err;

	if (ready <= 0)
		return ready;
	if ((err = socle__socket_error(fd, ret)) < 0)
		return err;
	if (*ret != 0)
		return 1;
	if (sys_getpeername(fd, &peer.u.sa, &peer.len) == 0)
		*ret = is_own_peer(fd, &peer) ? -ECONNREFUSED : 0;
	else if (errno == ENOTCONN && !(ready & (POLLERR | POLLHUP)))
		return 0;
	else
		*ret = -errno;
	return 1;
}

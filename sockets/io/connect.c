/*
 * Connecting to one address, and whether that has succeeded.
 *
 * SO_ERROR decides whether a connect has ended.  A second connect(2) would report
 * that too, but with different results on different systems.
 */
#include "sockets/io/connect.h"

#include "sockets/io/fail.h"
#include "sockets/io/wait.h"
#include "sockets/names/own_peer.h"
#include "sockets/names/socket_error.h"
#include "sockets/names/unix_file.h"

#include "seam.h"
#include "timers/clock.h"

enum { LOOK_AGAIN_NS = 5 * 1000 * 1000 };

static bool
is_connected_to_itself(int fd)
{
	struct socle_addr peer = {.len = sizeof(peer.u)};

	return sys_getpeername(fd, &peer.u.sa, &peer.len) == 0 &&
		socle__is_own_peer(fd, &peer);
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

	while ((err = socle__connect(fd, addr)) < 0) {
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

/* The same, until a full AF_UNIX backlog has room, which no poll reports. */
static int
connect_with_room(int fd, const struct socle_addr *addr, int64_t deadline)
{
	int err, n;

	while ((err = connect_once(fd, addr)) == -EAGAIN) {
		int64_t now = socle__clock_ns();

		if (now >= deadline)
			return -ETIMEDOUT;
		n = socle__io_wait(-1, 0,
			deadline - now < LOOK_AGAIN_NS ? deadline
						       : now + LOOK_AGAIN_NS);
		if (n < 0)
			return n;
	}
	return err;
}

/* A blocking socket waits for room.  On Linux connect(2) itself does. */
static int
connect_untimed(int fd, const struct socle_addr *addr)
{
	int mode;

	if (sys_unix_full == EAGAIN || addr->u.sa.sa_family != AF_UNIX)
		return connect_once(fd, addr);
	mode = sys_fcntl(fd, F_GETFL, 0);
	if (mode < 0 || mode & O_NONBLOCK)
		return connect_once(fd, addr);
	return connect_with_room(fd, addr, INT64_MAX);
}

static int
connect_timed(const struct socle__io_timed *t, const struct socle_addr *addr)
{
	int err = connect_with_room(t->fd, addr, t->deadline), n;

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
		err = t.on ? connect_timed(&t, addr)
			   : connect_untimed(fd, addr);
		timed_out = t.on && err == -ETIMEDOUT &&
			socle__clock_ns() >= t.deadline;
		own = err == 0 && is_connected_to_itself(fd);
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
		*ret = socle__is_own_peer(fd, &peer) ? -ECONNREFUSED : 0;
	else if (errno == ENOTCONN && !(ready & (POLLERR | POLLHUP)))
		return 0;
	else
		*ret = -errno;
	return 1;
}

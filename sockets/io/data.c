/* Data, names, options and kind of a socket. */
#include "sockets/io/fail.h"
#include "sockets/names/addr_valid.h"
#include "sockets/names/socket_error.h"
#include "sockets/names/socket_type.h"

#include "seam.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

int
socle_io_fd(const struct socle_io *io)
{
	return io->handle - 1;
}

/* ---- data ---- */

static ssize_t
send_to(int fd, const void *data, size_t len, int flags,
	const struct socle_addr *to)
{
	ssize_t n;

	do
		n = sys_sendto(fd, data, len, flags | MSG_NOSIGNAL,
			to ? &to->u.sa : NULL, to ? to->len : 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? socle__send_error(fd, -errno) : n;
}

/*
 * Sends to the connected peer.  Once the kernel has refused that, because there
 * is none, it sends to the last peer.
 */
static ssize_t
send_to_peer(
	struct socle_io *io, int fd, const void *data, size_t len, int flags)
{
	const struct socle_addr *last =
		io->last_peer.len > 0 ? &io->last_peer : NULL;
	ssize_t n;

	if (io->wants_to && last)
		return send_to(fd, data, len, flags, last);
	n = send_to(fd, data, len, flags, NULL);
	if ((n != -EDESTADDRREQ && n != -ENOTCONN) || !last)
		return n;
	n = send_to(fd, data, len, flags, last);
	io->wants_to = n >= 0;
	return n;
}

ssize_t
socle_io_send(struct socle_io *io, const void *data, size_t len, int flags,
	const struct socle_addr *to)
{
	int fd = socle_io_fd(io);
	ssize_t n;

	if (to && fd >= 0 && !socle__addr_is_valid(to))
		return socle__io_fail(io, "send", -EINVAL);
	n = to ? send_to(fd, data, len, flags, to)
	       : send_to_peer(io, fd, data, len, flags);
	if (n < 0)
		return socle__io_fail(io, "send", (int)n);
	if (to)
		io->last_peer = *to;
	return n;
}

/* Reduces the length of an address to the size of the struct. */
static void
addr_fit(struct socle_addr *a)
{
	if (a->len > sizeof(a->u))
		a->len = sizeof(a->u);
}

ssize_t
socle_io_recv(struct socle_io *io, void *buf, size_t size, int flags,
	struct socle_addr *from)
{
	int fd = socle_io_fd(io);
	struct socle_addr sender;
	ssize_t n;

	memset(&sender, 0, sizeof(sender));
	do {
		sender.len = sizeof(sender.u);
		n = sys_recvfrom(
			fd, buf, size, flags, &sender.u.sa, &sender.len);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return socle__io_fail(io, "recv", -errno);
	addr_fit(&sender);
	io->last_peer = sender; /* none, if it has no name */
	if (from)
		*from = sender;
	return n;
}

int
socle_io_shutdown(struct socle_io *io, int how)
{
	if (sys_shutdown(socle_io_fd(io), how) < 0)
		return socle__io_fail(io, "shutdown", -errno);
	io->last_peer.len = 0;
	return 0;
}

int
socle_io_atmark(struct socle_io *io)
{
	int fd = socle_io_fd(io), at;

	if (fd < 0)
		return socle__io_fail(io, "atmark", -EBADF);
	at = sys_sockatmark(fd);
	return at < 0 ? socle__io_fail(io, "atmark", -errno) : at != 0;
}

/* ---- names ---- */

int
socle_io_sockname(struct socle_io *io, struct socle_addr *ret)
{
	struct socle_addr a;

	memset(&a, 0, sizeof(a));
	a.len = sizeof(a.u);
	if (sys_getsockname(socle_io_fd(io), &a.u.sa, &a.len) < 0)
		return socle__io_fail(io, "sockname", -errno);
	addr_fit(&a);
	*ret = a;
	return 0;
}

int
socle_io_peername(struct socle_io *io, struct socle_addr *ret)
{
	struct socle_addr a;

	memset(&a, 0, sizeof(a));
	a.len = sizeof(a.u);
	if (sys_getpeername(socle_io_fd(io), &a.u.sa, &a.len) < 0) {
		if (errno != ENOTCONN || io->last_peer.len == 0)
			return socle__io_fail(io, "peername", -errno);
		a = io->last_peer;
	}
	addr_fit(&a);
	*ret = a;
	return 0;
}

/* ---- options ---- */

int
socle_io_getsockopt(
	struct socle_io *io, int level, int opt, void *value, socklen_t *len)
{
	if (sys_getsockopt(socle_io_fd(io), level, opt, value, len) < 0)
		return socle__io_fail(io, "getsockopt", -errno);
	return 0;
}

int
socle_io_setsockopt(struct socle_io *io, int level, int opt, const void *value,
	socklen_t len)
{
	if (sys_setsockopt(socle_io_fd(io), level, opt, value, len) < 0)
		return socle__io_fail(io, "setsockopt", -errno);
	return 0;
}

int
socle_io_sockopt(struct socle_io *io, int opt)
{
	int value = 0;
	socklen_t len = sizeof(value);
	int err = socle_io_getsockopt(io, SOL_SOCKET, opt, &value, &len);

	return err < 0 ? err : value;
}

int
socle_io_set_sockopt(struct socle_io *io, int opt, int value)
{
	return socle_io_setsockopt(io, SOL_SOCKET, opt, &value, sizeof(value));
}

int
socle_io_autoflush(struct socle_io *io, bool on)
{
	int value = on, fd = socle_io_fd(io);

	if (sys_setsockopt(
		    fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof(value)) == 0 ||
		errno == EOPNOTSUPP || errno == ENOPROTOOPT)
		return 0; /* it is not a TCP socket */
	return socle__io_fail(io, "autoflush", -errno);
}

int
socle_io_blocking(struct socle_io *io, bool on)
{
	int fd = socle_io_fd(io), mode = sys_fcntl(fd, F_GETFL, 0);
	int wanted = on ? mode & ~O_NONBLOCK : mode | O_NONBLOCK;
	if (mode < 0 || (wanted != mode && sys_fcntl(fd, F_SETFL, wanted) < 0))
		return socle__io_fail(io, "blocking", -errno);
	return !(mode & O_NONBLOCK);
}

/* ---- kind ---- */

static int
option_of(int fd, int opt)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (sys_getsockopt(fd, SOL_SOCKET, opt, &value, &len) < 0)
		return -errno;
	return value;
}

/* Older kernels, and other systems, do not know SO_DOMAIN. */
static int
domain_of(int fd)
{
	struct socle_addr a = {.len = sizeof(a.u)};
	int domain = option_of(fd, SO_DOMAIN);

	if (domain != -ENOPROTOOPT)
		return domain;
	if (sys_getsockname(fd, &a.u.sa, &a.len) < 0)
		return -errno;
	return a.u.sa.sa_family;
}

static int
inferred_protocol(int fd)
{
	int domain = domain_of(fd);
	int type = domain < 0 ? domain : socle__socket_type(fd);

	if (type < 0)
		return type;
	if (domain != AF_INET && domain != AF_INET6)
		return 0;
	if (type == SOCK_STREAM)
		return IPPROTO_TCP;
	return type == SOCK_DGRAM ? IPPROTO_UDP : -ENOPROTOOPT;
}

static int
protocol_of(int fd)
{
	int protocol = option_of(fd, SO_PROTOCOL);

	return protocol == -ENOPROTOOPT ? inferred_protocol(fd) : protocol;
}

static int
kind(struct socle_io *io, const char *operation, int (*ask)(int fd))
{
	int result = ask(socle_io_fd(io));

	return result < 0 ? socle__io_fail(io, operation, result) : result;
}

int
socle_io_sockdomain(struct socle_io *io)
{
	return kind(io, "sockdomain", domain_of);
}

int
socle_io_socktype(struct socle_io *io)
{
	return kind(io, "socktype", socle__socket_type);
}

int
socle_io_protocol(struct socle_io *io)
{
	return kind(io, "protocol", protocol_of);
}

/*
 * A socket that listens: options, address, and the file of a unix socket.
 */
#include "sockets/private.h"

#include "seam.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

/* The path of a unix address that has a file, or "". */
const char *
socle__unix_path(const struct socle_addr *a, char *buf, size_t size)
{
	size_t len = a->len - offsetof(struct sockaddr_un, sun_path);

	buf[0] = '\0';
	if (a->u.sa.sa_family != AF_UNIX || a->u.un.sun_path[0] == '\0' ||
		len >= size)
		return buf;
	memcpy(buf, a->u.un.sun_path, len);
	buf[len] = '\0';
	return buf;
}

/*
 * Removes the file of a unix socket whose owner is gone: a socket, at which
 * nobody answers.
 */
static void
unlink_stale(const struct socle_addr *a)
{
	char path[sizeof(a->u) + 1];
	struct stat st;
	int fd;

	if (!*socle__unix_path(a, path, sizeof(path)) ||
		sys_lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = sys_socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0)
		return;
	(void)sys_fcntl(fd, F_SETFL, O_NONBLOCK);
	if (sys_connect(fd, &a->u.sa, a->len) < 0 && errno == ECONNREFUSED)
		(void)sys_unlink(path);
	sys_close(fd);
}

static int
options_set(int fd, int family)
{
	int on = 1, off = 0;

	if (family == AF_UNIX)
		return 0;
	if (sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -errno;
	if (family == AF_INET6)
		(void)sys_setsockopt(
			fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	(void)sys_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

/* The file that bind made goes with a failure to listen. */
static int
listen_at(int fd, const struct socle_addr *a)
{
	char path[sizeof(a->u) + 1];
	int err;

	if (sys_bind(fd, &a->u.sa, a->len) < 0)
		return -errno;
	if (sys_listen(fd, SOMAXCONN) == 0)
		return 0;
	err = -errno;
	if (*socle__unix_path(a, path, sizeof(path)))
		(void)sys_unlink(path);
	return err;
}

int
socle__listening_socket(const struct socle_addr *a)
{
	int fd, err;

	unlink_stale(a);
	fd = sys_socket(a->u.sa.sa_family, SOCK_STREAM, 0);
	if (fd < 0)
		return -errno;
	err = options_set(fd, a->u.sa.sa_family);
	if (err == 0 &&
		(sys_fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
			sys_fcntl(fd, F_SETFD, FD_CLOEXEC) < 0))
		err = -errno;
	if (err == 0)
		err = listen_at(fd, a);
	if (err == 0)
		return fd;
	sys_close(fd);
	return err;
}

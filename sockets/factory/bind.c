/*
 * A factory's sockets: options, address, and the file of a unix socket.
 */
#include "sockets/factory/bind.h"

#include "sockets/names/new_socket.h"
#include "sockets/names/unix_file.h"

#include "seam.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

void
socle__factory_unlink_stale(const struct socle_factory *f)
{
	if (f->has_bind && f->p.unlink_stale)
		socle__unlink_stale(&f->bind);
}

static int
option(int fd, int level, int name, int value)
{
	return sys_setsockopt(fd, level, name, &value, sizeof(value)) < 0
		? -errno
		: 0;
}

static int
options_set(const struct socle_factory *f, int fd, int family)
{
	int err = 0;

	if (family == AF_UNIX)
		return 0;
	if (f->p.reuse)
		err = option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (err == 0 && f->p.reuse_port)
		err = option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (err == 0 && family == AF_INET6 &&
		(f->has_bind || f->kind != SOCLE__CONNECTOR))
		err = option(fd, IPPROTO_IPV6, IPV6_V6ONLY, f->p.v6only);
	if (f->nodelay)
		(void)option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return err;
}

int
socle__factory_socket(
	const struct socle_factory *f, int family, const char **operation)
{
	int protocol = family == AF_UNIX ? 0 : f->protocol;
	int fd = socle__new_socket(family, f->type, protocol, true);
	int err;

	*operation = "socket";
	if (fd < 0)
		return fd;
	*operation = "setsockopt";
	if ((err = options_set(f, fd, family)) == 0)
		return fd;
	sys_close(fd);
	return err;
}

/* Remembers which file was created, so that no other one is removed later. */
static int
file_remember(struct socle_factory *f)
{
	struct stat st;

	if (!*socle__unix_path(&f->bind, f->path, sizeof(f->path)))
		return 0;
	if (sys_lstat(f->path, &st) < 0) {
		f->path[0] = '\0';
		return errno == ENOENT ? -EADDRINUSE : 0;
	}
	f->dev = st.st_dev;
	f->ino = st.st_ino;
	return 0;
}

static bool
file_is_own(const struct socle_factory *f)
{
	struct stat st;

	return sys_lstat(f->path, &st) == 0 && st.st_dev == f->dev &&
		st.st_ino == f->ino;
}

int
socle__factory_bind(struct socle_factory *f, int fd)
{
	if (!f->has_bind)
		return 0;
	if (sys_bind(fd, &f->bind.u.sa, f->bind.len) < 0)
		return -errno;
	return file_remember(f);
}

int
socle__factory_check_file(const struct socle_factory *f)
{
	return !f->path[0] || file_is_own(f) ? 0 : -EADDRINUSE;
}

void
socle__factory_inherit_file(struct socle_factory *f)
{
	f->bind.len = sizeof(f->bind.u);
	f->p.unlink_on_close =
		sys_getsockname(f->d.fd, &f->bind.u.sa, &f->bind.len) == 0 &&
		file_remember(f) == 0;
}

void
socle__factory_unlink(struct socle_factory *f)
{
	if (f->path[0] && file_is_own(f))
		(void)sys_unlink(f->path);
	f->path[0] = '\0';
}

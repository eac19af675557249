/*
 * The file of a Unix socket: its path, connecting to it, and removing a stale
 * one.
 *
 * A stale file is one that no open socket is bound to.  A datagram socket finds
 * that out without disturbing a server: connecting it to a file of another type
 * is EPROTOTYPE while a socket of that type exists, even one that does not
 * listen yet, and ECONNREFUSED when none does.
 *
 * Two processes that find the same stale file must not both remove it: the
 * second one would remove the file that the first has made in the meantime.  So
 * the file is checked and removed under a lock, and left alone if another process
 * holds the lock.  The lock is a file next to the socket, which exists only while
 * the lock is held.
 */
#include "sockets/names/unix_file.h"

#include "sockets/names/new_socket.h"

#include "seam.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define LOCK_SUFFIX ".socle-lock"

const char *
socle__unix_path(const struct socle_addr *a, char *buf, size_t size)
{
	size_t len = a->len - offsetof(struct sockaddr_un, sun_path);

	buf[0] = '\0';
	if (a->u.sa.sa_family != AF_UNIX || a->u.un.sun_path[0] == '\0')
		return buf;
	assert(len < size);
	(void)size;
	memcpy(buf, a->u.un.sun_path, len);
	buf[len] = '\0';
	return buf;
}

/* Whether no open socket is bound to it. */
static bool
is_unbound(const struct socle_addr *a)
{
	int fd = socle__new_socket(AF_UNIX, SOCK_DGRAM, 0, true);
	bool refused;

	if (fd < 0)
		return false;
	refused =
		sys_connect(fd, &a->u.sa, a->len) < 0 && errno == ECONNREFUSED;
	sys_close(fd);
	return refused;
}

static bool
is_stale(const struct socle_addr *a, const char *path)
{
	struct stat st;

	return sys_lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
		is_unbound(a);
}

/* ECONNREFUSED may also mean that no server listens. */
int
socle__connect(int fd, const struct socle_addr *a)
{
	int err = sys_connect(fd, &a->u.sa, a->len) < 0 ? -errno : 0;

	if (err != -sys_unix_full || a->u.sa.sa_family != AF_UNIX)
		return err;
	return err == -EAGAIN || !is_unbound(a) ? -EAGAIN : err;
}

/*
 * The fd that holds the lock; -1: another process holds it, or removed the file
 * before it could be locked.
 */
static int
lock_take(const char *lock)
{
	struct stat held, there;
	int fd;

	do
		fd = sys_lock_file(lock);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -1;
	if (sys_fstat(fd, &held) == 0 && sys_lstat(lock, &there) == 0 &&
		held.st_dev == there.st_dev && held.st_ino == there.st_ino)
		return fd;
	sys_close(fd);
	return -1;
}

void
socle__unlink_stale(const struct socle_addr *a)
{
	char path[sizeof(a->u) + 1];
	char lock[sizeof(path) + sizeof(LOCK_SUFFIX)];
	int fd;

	if (!*socle__unix_path(a, path, sizeof(path)) || !is_stale(a, path))
		return;
	(void)snprintf(lock, sizeof(lock), "%s" LOCK_SUFFIX, path);
	if ((fd = lock_take(lock)) < 0)
		return;
	if (is_stale(a, path))
		(void)sys_unlink(path);
	(void)sys_unlink(lock);
	sys_close(fd);
}

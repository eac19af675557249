/* The file of a Unix socket: its path, and removing a stale one. */
#include "sockets/names/unix_file.h"

#include "sockets/names/new_socket.h"

#include "seam.h"

#include <string.h>

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

void
socle__unlink_stale(const struct socle_addr *a, int type)
{
	char path[sizeof(a->u) + 1];
	struct stat st;
	int fd;

	if (!*socle__unix_path(a, path, sizeof(path)) ||
		sys_lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socle__new_socket(AF_UNIX, type, 0, true);
	if (fd < 0)
		return;
	if (sys_connect(fd, &a->u.sa, a->len) < 0 && errno == ECONNREFUSED)
		(void)sys_unlink(path);
	sys_close(fd);
}

/*
 * socle_dgram_open(): a datagram object and its socket.
 */
#include "sockets/dgram/dgram.h"

#include "sockets/names/new_socket.h"
#include "sockets/names/unix_file.h"
#include "sockets/names/zone.h"

#include "seam.h"

#include <netinet/in.h>

/* Without SO_REUSEADDR, which would let another socket take the datagrams. */
static int
receive_at(int fd, const struct socle_addr *a)
{
	int off = 0;

	if (a->u.sa.sa_family == AF_INET6)
		(void)sys_setsockopt(
			fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	return sys_bind(fd, &a->u.sa, a->len) < 0 ? -errno : 0;
}

static int
send_to(int fd, const struct socle_addr *a)
{
	/* The kernel gives it a name; without one the peer could not answer. */
	struct sockaddr_un none = {.sun_family = AF_UNIX};

	if (SOCLE__HAVE_ABSTRACT && a->u.sa.sa_family == AF_UNIX)
		(void)sys_bind(fd, (const struct sockaddr *)(void *)&none,
			sizeof(none.sun_family));
	return sys_connect(fd, &a->u.sa, a->len) < 0 ? -errno : 0;
}

/*
 * Removes the file that bind(2) created, if any.  The parsed path ends with a
 * NUL, or fills the address, which is zero behind it.
 */
static void
unlink_made(const struct socle_addr *a)
{
	const char *path = a->u.room + offsetof(struct sockaddr_un, sun_path);

	if (a->u.sa.sa_family == AF_UNIX && *path)
		(void)sys_unlink(path);
}

SOCLE__CONSTRUCTOR int
socle_dgram_open(const char *where, bool bind,
	const struct socle_dgram_class *cls, const struct socle_dgram_params *p,
	struct socle_dgram **ret)
{
	struct socle_addr a;
	int fd, err = socle__addr_parse_zone(&a, where, 0);

	if (err < 0)
		return err;
	if (!bind && socle_addr_port(&a) == 0)
		return -EINVAL;
	if (bind)
		socle__unlink_stale(&a);
	fd = socle__new_socket(a.u.sa.sa_family, SOCK_DGRAM, 0, true);
	if (fd < 0)
		return fd;
	err = bind ? receive_at(fd, &a) : send_to(fd, &a);
	if (err == 0 && (err = socle_dgram_new(cls, fd, p, ret)) < 0 && bind)
		unlink_made(&a);
	if (err < 0)
		sys_close(fd);
	return err;
}

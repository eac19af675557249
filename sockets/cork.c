/* Corking: TCP sends full segments only while the cork is on. */
#include "sockets/object.h"

#include "seam.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

static bool
is_no_tcp_socket(int err)
{
	return err == ENOTSOCK || err == EINVAL || err == EOPNOTSUPP ||
		err == ENOPROTOOPT;
}

int
socle_tcp_cork(struct socle_socket *s, bool on)
{
	int value = on;

	if (socle__is_closed(s))
		return -EBADF;
	if (on == socle__fd_is(s, SOCLE__FD_CORKED) ||
		!socle__has(s, SOCLE__IS_SOCKET) || SOCLE__CORK < 0)
		return 0;
	if (sys_setsockopt(s->d.fd, IPPROTO_TCP, SOCLE__CORK, &value,
		    sizeof(value)) < 0)
		return is_no_tcp_socket(errno) ? 0 : -errno;
	s->d.fd_flags ^= SOCLE__FD_CORKED;
	return 0;
}

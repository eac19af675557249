/* Creating a socket. */
#include "sockets/names/new_socket.h"

#include "seam.h"

int
socle__new_socket(int domain, int type, int protocol, bool nonblocking)
{
	int flags = SOCLE__CLOEXEC | (nonblocking ? SOCLE__NONBLOCK : 0);
	int fd = sys_socket(domain, type | flags, protocol);

	return fd < 0 ? -errno : fd;
}

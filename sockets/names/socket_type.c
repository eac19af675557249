/* The type of a socket. */
#include "sockets/names/socket_type.h"

#include "seam.h"

int
socle__socket_type(int fd)
{
	int type;
	socklen_t len = sizeof(type);

	if (sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	return type;
}

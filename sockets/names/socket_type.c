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

bool
socle__socket_has_ports(int fd)
{
	int type = socle__socket_type(fd), protocol = 0;
	socklen_t len = sizeof(protocol);

	if (type < 0 || type == SOCK_RAW)
		return false;
	(void)sys_getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len);
	return protocol != IPPROTO_ICMP && protocol != IPPROTO_ICMPV6;
}

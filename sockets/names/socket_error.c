/* SO_ERROR: reading it clears it. */
#include "sockets/names/socket_error.h"

#include "seam.h"

int
socle__socket_error(int fd, int *ret)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	*ret = -err;
	return 0;
}

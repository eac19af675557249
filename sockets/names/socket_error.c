/* SO_ERROR: reading it clears it. */
#include "sockets/names/socket_error.h"

#include "seam.h"

int
socle__socket_error(int fd, int *ret)
{
	int err = 0;
	socklen_t len = sizeof(err);

	*ret = 0;
	if (sys_getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	*ret = -err;
	return 0;
}

int
socle__send_error(int fd, int err)
{
	int hidden;

	if (err != -EPIPE || !sys_send_hides_error)
		return err;
	return socle__socket_error(fd, &hidden) == 0 && hidden < 0 ? hidden
								   : err;
}

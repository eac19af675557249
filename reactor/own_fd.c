/*
 * A program may be started with standard input, output or error closed.  An fd
 * of the library must not take their place: the program may still open
 * /dev/null there, or print to it.
 */
#include "reactor/own_fd.h"

#include "seam.h"

#include <errno.h>
#include <unistd.h>

int
socle__own_fd(int fd)
{
	int copy;

	if (fd < 0)
		return -errno;
	if (fd > STDERR_FILENO)
		return fd;
	copy = sys_fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (copy < 0)
		copy = -errno;
	sys_close(fd);
	return copy;
}

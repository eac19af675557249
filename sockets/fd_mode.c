/* The flags of an fd of the application, and giving them back. */
#include "sockets/fd_mode.h"

#include "seam.h"

/* Sets a flag with fcntl's commands `get' and `set'. */
static int
flag_set(int fd, int get, int set, int flag, int *before)
{
	*before = sys_fcntl(fd, get, 0);
	if (*before < 0)
		return -errno;
	if (*before & flag)
		return 0;
	return sys_fcntl(fd, set, *before | flag) < 0 ? -errno : 0;
}

int
socle__fd_mode_set(int fd, struct socle__fd_mode *before)
{
	int err;

	before->fd = FD_CLOEXEC; /* as if there was nothing to restore */
	err = flag_set(fd, F_GETFL, F_SETFL, O_NONBLOCK, &before->file);
	if (err == 0)
		err = flag_set(fd, F_GETFD, F_SETFD, FD_CLOEXEC, &before->fd);
	if (err < 0)
		socle__fd_mode_restore(fd, before);
	return err;
}

void
socle__fd_mode_restore(int fd, const struct socle__fd_mode *before)
{
	if (!(before->file & O_NONBLOCK))
		(void)sys_fcntl(fd, F_SETFL, before->file);
	if (!(before->fd & FD_CLOEXEC))
		(void)sys_fcntl(fd, F_SETFD, before->fd);
}

bool
socle__fd_mode_is_own(const struct socle_descriptor *d)
{
	return d->generation > socle__reactor->inherited;
}

void
socle__fd_mode_block(int fd)
{
	int mode = sys_fcntl(fd, F_GETFL, 0);

	if (mode >= 0)
		(void)sys_fcntl(fd, F_SETFL, mode & ~O_NONBLOCK);
}

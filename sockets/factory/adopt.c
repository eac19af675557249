/*
 * Listeners whose socket listens already: it was inherited, or passed by the
 * program that activated this one.
 *
 * Other processes may share it.  None of its options is changed, and its mode
 * is restored at the end.
 */
#include "sockets/factory/adopt.h"

#include "sockets/factory/accept.h"
#include "sockets/init.h"
#include "sockets/names/socket_type.h"

#include "seam.h"

static int
fd_check(int fd, int *type)
{
	int listens = 0;
	socklen_t len = sizeof(listens);

	if ((*type = socle__socket_type(fd)) < 0)
		return *type;
	if (sys_getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0)
		return -errno;
	return listens ? 0 : -EINVAL;
}

int
socle__listener_adopt(struct socle_factory *f)
{
	int fd = f->p.listen_fd, mode = O_NONBLOCK, exec = FD_CLOEXEC;
	int err = fd_check(fd, &f->type);

	if (err == 0)
		err = socle__fd_flag_set(
			fd, F_GETFL, F_SETFL, O_NONBLOCK, &mode);
	if (err == 0)
		err = socle__fd_flag_set(
			fd, F_GETFD, F_SETFD, FD_CLOEXEC, &exec);
	if (err == 0)
		err = socle__listener_register(f, fd);
	if (err == 0) {
		f->was_blocking = !(mode & O_NONBLOCK);
		socle__listener_begin(f);
		return 0;
	}
	f->d.fd = -1;
	if (!(mode & O_NONBLOCK))
		(void)sys_fcntl(fd, F_SETFL, mode);
	if (!(exec & FD_CLOEXEC))
		(void)sys_fcntl(fd, F_SETFD, exec);
	return err;
}

void
socle__listener_give_back(struct socle_factory *f)
{
	bool inherited = f->d.generation <= socle__reactor->inherited;
	int mode =
		f->was_blocking && !inherited && !(f->d.bits & SOCLE__KEEP_FD)
		? sys_fcntl(f->d.fd, F_GETFL, 0)
		: -1;

	if (mode >= 0)
		(void)sys_fcntl(f->d.fd, F_SETFL, mode & ~O_NONBLOCK);
	f->was_blocking = false;
}

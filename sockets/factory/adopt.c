/*
 * Listeners whose socket listens already: it was inherited, or passed by the
 * program that activated this one.
 *
 * Other processes may share it.  None of its options is changed, and its mode
 * is restored at the end.
 */
#include "sockets/factory/adopt.h"

#include "sockets/factory/accept.h"

#include "seam.h"

static int
option_of(int fd, int opt, int *ret)
{
	socklen_t len = sizeof(*ret);

	return sys_getsockopt(fd, SOL_SOCKET, opt, ret, &len) < 0 ? -errno : 0;
}

static int
fd_check(int fd, int *type)
{
	int listens = 0;
	int err = option_of(fd, SO_TYPE, type);

	if (err == 0)
		err = option_of(fd, SO_ACCEPTCONN, &listens);
	return err == 0 && !listens ? -EINVAL : err;
}

/* Sets a flag; *before is what there was.  0 or -errno. */
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
socle__listener_adopt(struct socle_factory *f)
{
	int fd = f->p.listen_fd, mode = O_NONBLOCK, exec = FD_CLOEXEC;
	int err = fd_check(fd, &f->type);

	if (err == 0)
		err = flag_set(fd, F_GETFL, F_SETFL, O_NONBLOCK, &mode);
	if (err == 0)
		err = flag_set(fd, F_GETFD, F_SETFD, FD_CLOEXEC, &exec);
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

/*
 * Listeners whose socket listens already: it was inherited, or passed by the
 * program that activated this one.
 *
 * Other processes may share it.  None of its options is changed, and its mode
 * is restored at the end.
 */
#include "sockets/factory/adopt.h"

#include "sockets/factory/accept.h"
#include "sockets/fd_mode.h"
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
	struct socle__fd_mode before;
	int fd = f->p.listen_fd, err = fd_check(fd, &f->type);

	if (err == 0)
		err = socle__fd_mode_set(fd, &before);
	if (err == 0 && (err = socle__listener_register(f, fd)) < 0)
		socle__fd_mode_restore(fd, &before);
	if (err < 0) {
		f->d.fd = -1;
		return err;
	}
	f->was_blocking = !(before.file & O_NONBLOCK);
	socle__listener_begin(f);
	return 0;
}

void
socle__listener_give_back(struct socle_factory *f)
{
	if (f->was_blocking && !(f->d.bits & SOCLE__KEEP_FD) &&
		socle__fd_mode_is_own(&f->d))
		socle__fd_mode_block(f->d.fd);
}

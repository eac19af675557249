/*
 * Part of the kqueue emulation: what became of listeners. Linux makes a listener
 * that was shut down a socket that never connected; other kernels remember, and
 * so does this file.
 */
#ifdef __linux__

#include "tests/kqueue/emulation.h"
#include "tests/kqueue/kernels.h"

#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* The last listeners that the emulation has seen, by inode. */
enum { REMEMBERED = 64 };

/* Without a lock, which a fork could leave taken in its child. */
static struct listener {
	_Atomic ino_t ino;       /* 0: unused */
	atomic_bool error_taken; /* ECONNABORTED */
	atomic_bool keeps_end;
} listeners[REMEMBERED];
static atomic_uint next;

static ino_t
inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

/* NULL: it is not known. */
static struct listener *
known(int fd)
{
	ino_t ino = inode_of(fd);

	for (int i = 0; ino != 0 && i < REMEMBERED; i++)
		if (listeners[i].ino == ino)
			return &listeners[i];
	return NULL;
}

static bool
listens(int fd)
{
	int on = 0;
	socklen_t len = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

bool
kq_listens(int fd)
{
	struct listener *at;

	if (!listens(fd))
		return false;
	if (known(fd))
		return true;
	at = &listeners[next++ % REMEMBERED];
	at->ino = 0;
	at->error_taken = at->keeps_end = false;
	at->ino = inode_of(fd);
	return true;
}

bool
kq_listened(int fd)
{
	return kernel()->shut_listener != SHUT_IS_UNCONNECTED && known(fd) &&
		!listens(fd);
}

bool
kq_listener_errs(int fd)
{
	const struct listener *at = known(fd);

	return kernel()->shut_listener == SHUT_IS_ERROR && at &&
		!at->error_taken;
}

bool
kq_listener_keeps_end(int fd)
{
	const struct listener *at = known(fd);

	return at && at->keeps_end;
}

void
kqueue_keep_listeners_end(int fd)
{
	if (kq_listens(fd))
		known(fd)->keeps_end = true;
}

bool
kqueue_listeners_error(int fd)
{
	bool errs = kq_listened(fd) && kq_listener_errs(fd);

	if (errs)
		known(fd)->error_taken = true;
	return errs;
}

#else
typedef int kqueue_listeners_are_not_needed;
#endif

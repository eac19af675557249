/*
 * epoll(7), Linux.
 *
 * The kernel's peculiarities:
 * - It watches open files, not fds.  A copy of an fd (dup, fork) keeps the
 *   registration alive after close(2), and events then come for a number that
 *   is closed or, worse, another file's.  So every close is preceded by
 *   EPOLL_CTL_DEL, and the cookie carries the generation beside the fd.
 * - A child shares the set with its parent: what it deletes is deleted for
 *   both.  So nothing is called here between fork and socle_after_fork().
 * - ERR and HUP are always reported and cannot be masked; only taking the fd
 *   out stops them.
 * - Regular files are EPERM.  A TCP socket that is neither connected nor
 *   listening reports OUT and HUP.
 * - MOD and DEL fail with EBADF if the application has closed the fd.  If the
 *   number is another file by now, they fail with ENOENT, or with EPERM if that
 *   file cannot be polled.
 */
#ifdef __linux__

#include "reactor/backend.h"
#include "reactor/own_fd.h"

#include "seam.h"

enum { ROOM_AT_START = 128, ROOM_AT_MOST = 4096 };

_Static_assert(SOCLE_READ == (int)EPOLLIN && SOCLE_WRITE == (int)EPOLLOUT &&
		SOCLE_ERR == (int)EPOLLERR && SOCLE_HUP == (int)EPOLLHUP,
	"masks are handed over as they are");
_Static_assert(sizeof(struct socle__event) == sizeof(struct epoll_event) &&
		offsetof(struct socle__event, cookie) ==
			offsetof(struct epoll_event, data),
	"and so are whole events");

static int
epoll_open(struct socle__reactor *r)
{
	int err = socle__batch_reserve(r, ROOM_AT_START);

	if (err < 0)
		return err;
	r->poller_fd = socle__own_fd(sys_epoll_create1(EPOLL_CLOEXEC));
	return r->poller_fd < 0 ? r->poller_fd : 0;
}

static SOCLE__COLD int
control_failed(
	const struct socle__reactor *r, int op, int fd, struct epoll_event *e)
{
	if (op == EPOLL_CTL_ADD) {
		if (errno != EEXIST)
			return -errno;
		/* A copy of an earlier fd of this number is registered. */
		if (sys_epoll_ctl(r->poller_fd, EPOLL_CTL_MOD, fd, e) == 0)
			return 0;
	}
	return errno == EPERM ? -ENOENT : -errno;
}

/* Two functions, because each alone needs fewer registers. */
static SOCLE__NOINLINE int
removal(struct socle__reactor *r, int fd)
{
	if (sys_epoll_ctl(r->poller_fd, EPOLL_CTL_DEL, fd, NULL) == 0)
		return 0;
	return control_failed(r, EPOLL_CTL_DEL, fd, NULL);
}

static SOCLE__NOINLINE SOCLE__NO_STACK_PROTECTOR int
change(struct socle__reactor *r, struct socle_descriptor *d, unsigned target)
{
	struct epoll_event e = {.events = target & (SOCLE_READ | SOCLE_WRITE),
		.data.u64 = socle__cookie(d)};
	int op = d->armed ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (socle__unlikely(target & SOCLE__EDGES))
		e.events = EPOLLIN | EPOLLET;
	if (socle__unlikely(sys_epoll_ctl(r->poller_fd, op, d->fd, &e) < 0))
		return control_failed(r, op, d->fd, &e);
	return 0;
}

static int
epoll_set(struct socle__reactor *r, struct socle_descriptor *d, unsigned target)
{
	return target ? change(r, d, target) : removal(r, d->fd);
}

static int
epoll_wait_for(struct socle__reactor *r, int timeout_ms)
{
	int n = sys_epoll_wait(r->poller_fd, (struct epoll_event *)r->batch,
		(int)r->batch_size, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	r->batch_n = (size_t)n;
	if (socle__unlikely(r->batch_n == r->batch_size) && n < ROOM_AT_MOST)
		(void)socle__batch_reserve(r, 2 * r->batch_n); /* or not */
	return 0;
}

static int
epoll_reopen(struct socle__reactor *r)
{
	int fd = sys_epoll_create1(EPOLL_CLOEXEC);
	int err = 0;

	if (fd < 0)
		return -errno;
	do
		err = sys_dup3(fd, r->poller_fd, O_CLOEXEC) < 0 ? -errno : 0;
	while (err == -EINTR || err == -EBUSY);
	sys_close(fd);
	return err;
}

static void
epoll_shrink(struct socle__reactor *r)
{
	socle__batch_shrink(r, ROOM_AT_START);
}

static void
epoll_close(struct socle__reactor *r)
{
	if (r->poller_fd >= 0)
		sys_close(r->poller_fd);
}

const struct socle__backend socle__epoll_backend = {
	.name = "epoll",
	.has_edges = true,
	.open = epoll_open,
	.set = epoll_set,
	.wait = epoll_wait_for,
	.reopen = epoll_reopen,
	.shrink = epoll_shrink,
	.close = epoll_close,
};

#else
typedef int socle__epoll_is_not_here;
#endif

/*
 * Part of the kqueue emulation: when a filter of a pipe or FIFO is ready. Here
 * the kernels differ most; kernels.h has the list.
 */
#ifdef __linux__

#include "tests/kqueue/emulation.h"
#include "tests/kqueue/kernels.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/vfs.h>

enum {
	IN_MEMORY = 0x50495045, /* PIPEFS_MAGIC of <linux/magic.h> */
	FIFO_ROOM = 8192,
};

bool
kq_is_fifo(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type != IN_MEMORY;
}

/* Whether the fd is open for what the filter watches. */
static bool
is_open_for(int fd, short filter)
{
	int mode = fcntl(fd, F_GETFL) & O_ACCMODE;

	return mode == O_RDWR ||
		mode == (filter == EVFILT_READ ? O_RDONLY : O_WRONLY);
}

bool
kq_pipe_ends(int fd, enum file_kind kind)
{
	return kq_state_of(fd) & (POLLHUP | POLLERR) &&
		!(kind == KIND_FIFO && kernel()->fifos_are_endless);
}

int
kq_pipe_refused(int fd, enum file_kind kind, short filter)
{
	const struct kernel *k = kernel();

	if (kind == KIND_FIFO && k->fifos_refuse_other &&
		!is_open_for(fd, filter))
		return EINVAL;
	if (kind == KIND_FIFO && !k->fifos_refuse_new)
		return 0;
	return filter == EVFILT_WRITE && kq_pipe_ends(fd, kind)
		? k->gone_pipe_refuses
		: 0;
}

bool
kq_pipe_is_unseen(int fd, enum file_kind kind, short filter)
{
	if (is_open_for(fd, filter))
		return false;
	if (kind == KIND_FIFO)
		return kernel()->fifos_are_endless;
	return filter == EVFILT_WRITE && kernel()->read_end_has_room;
}

/* The write end's READ reports only the end. */
static bool
reading(int fd, const struct kevent *filter, struct kevent *ret)
{
	unsigned state = kq_state_of(fd);
	int64_t unread = kq_unread_of(fd);

	ret->data = state & POLLERR ? 0 : unread;
	if (state & (POLLHUP | POLLERR)) {
		ret->flags |= EV_EOF;
		return true;
	}
	if (kernel()->pipes_heed_mark && filter->fflags & NOTE_LOWAT) {
		int64_t size = fcntl(fd, F_GETPIPE_SZ);

		return (state & POLLIN) &&
			unread >= (filter->data < size ? filter->data : size);
	}
	return state & POLLIN;
}

static bool
writing(int fd, bool knew_end, struct kevent *ret)
{
	const struct kernel *k = kernel();
	bool own = is_open_for(fd, EVFILT_WRITE);
	unsigned state = kq_state_of(fd);

	if (state & POLLERR || (!own && state & POLLHUP)) {
		if (!own && !k->read_end_ends_write)
			return false;
		if (own && k->full_pipe_sleeps && !knew_end &&
			!(state & POLLOUT))
			return false;
		ret->flags |= EV_EOF;
		if (k->gone_pipe_is_oneshot)
			ret->flags |= EV_ONESHOT;
		return true;
	}
	if (!own) {
		ret->data = k->read_end_has_room;
		return k->read_end_has_room > 0;
	}
	ret->data = fcntl(fd, F_GETPIPE_SZ) - kq_unread_of(fd);
	return state & POLLOUT;
}

/* The direction that the fd is not open for is never reported. */
static bool
fifo_ready(int fd, const struct kevent *filter, struct kevent *ret)
{
	bool reads = filter->filter == EVFILT_READ;
	unsigned state = kq_state_of(fd);

	if (!is_open_for(fd, filter->filter))
		return false;
	if (state & (reads ? POLLHUP : POLLERR))
		ret->flags |= EV_EOF;
	if (reads)
		ret->data = kq_unread_of(fd);
	else if (!(ret->flags & EV_EOF))
		ret->data = fcntl(fd, F_GETPIPE_SZ) - kq_unread_of(fd);
	return (ret->flags & EV_EOF) || state & (reads ? POLLIN : POLLOUT);
}

/* Either end looks at the same buffer, and at nothing else. */
static bool
endless_fifo_ready(int fd, const struct kevent *filter, struct kevent *ret)
{
	int64_t unread = kq_unread_of(fd);
	int64_t size = fcntl(fd, F_GETPIPE_SZ);

	if (filter->filter == EVFILT_READ) {
		ret->data = unread;
		return unread > 0;
	}
	ret->data = unread < size ? FIFO_ROOM : 0;
	return is_open_for(fd, EVFILT_WRITE) ? kq_state_of(fd) & POLLOUT
					     : unread < size;
}

bool
kq_pipe_ready(int fd, enum file_kind kind, const struct kevent *filter,
	bool knew_end, struct kevent *ret)
{
	if (kind == KIND_FIFO && kernel()->fifos_are_endless)
		return endless_fifo_ready(fd, filter, ret);
	if (kind == KIND_FIFO && !kernel()->fifos_refuse_new)
		return fifo_ready(fd, filter, ret);
	return filter->filter == EVFILT_READ ? reading(fd, filter, ret)
					     : writing(fd, knew_end, ret);
}

#else
typedef int kqueue_pipes_are_not_needed;
#endif

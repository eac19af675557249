/*
 * Part of the kqueue emulation: when a filter is ready, and the contents of
 * its event. The answers come from poll(2) and a few queries of the fd, none
 * of which consumes anything: SO_ERROR is never read, because reading clears
 * it and the library wants it. The head of kqueue.c lists what is
 * approximated.
 */
#ifdef __linux__

#include "tests/kqueue/emulation.h"
#include "tests/kqueue/kernels.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef SIOCOUTQ
#define SIOCOUTQ TIOCOUTQ
#endif

enum { UNIX_BUFFER = 8192 }; /* where marks are cut at it */

static int
option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0)
		return -1;
	return value;
}

enum file_kind
kq_file_kind(int fd)
{
	struct stat st;
	int type;

	if (fstat(fd, &st) < 0)
		return KIND_OTHER;
	if (S_ISFIFO(st.st_mode))
		return kq_is_fifo(fd) ? KIND_FIFO : KIND_PIPE;
	if (!S_ISSOCK(st.st_mode))
		return KIND_OTHER;
	(void)kq_listens(fd);
	type = option(fd, SO_TYPE);
	if (type == SOCK_DGRAM && option(fd, SO_DOMAIN) == AF_UNIX)
		return KIND_UNIX_DGRAM;
	if (type != SOCK_STREAM)
		return KIND_SOCKET;
	if (option(fd, SO_DOMAIN) == AF_UNIX)
		return KIND_UNIX;
	return option(fd, SO_PROTOCOL) == IPPROTO_TCP ? KIND_TCP : KIND_SOCKET;
}

static bool
is_socket(enum file_kind kind)
{
	return kind == KIND_TCP || kind == KIND_UNIX ||
		kind == KIND_UNIX_DGRAM || kind == KIND_SOCKET;
}

unsigned
kq_state_of(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};

	return poll(&p, 1, 0) > 0 ? (unsigned)p.revents : 0;
}

int64_t
kq_unread_of(int fd)
{
	int n = 0;

	return ioctl(fd, FIONREAD, &n) < 0 ? 0 : n;
}

static int64_t
unsent_of(int fd)
{
	int n = 0;

	return ioctl(fd, SIOCOUTQ, &n) < 0 ? 0 : n;
}

/* Either end of a pty, as the kernel numbers them. */
static bool
is_pty(dev_t device)
{
	return (major(device) >= 136 && major(device) <= 143) ||
		(major(device) == 5 && minor(device) == 2);
}

int
kq_filter_refused(int fd, enum file_kind kind, short filter)
{
	const struct kernel *k = kernel();
	struct stat st;

	if (kind == KIND_PIPE || kind == KIND_FIFO)
		return kq_pipe_refused(fd, kind, filter);
	if (is_socket(kind) || fstat(fd, &st) < 0)
		return 0;
	if (k->files_refuse_write && filter == EVFILT_WRITE &&
		(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return EINVAL;
	if (k->devices_refuse &&
		(S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode) ||
			(S_ISCHR(st.st_mode) && !is_pty(st.st_rdev))))
		return EINVAL;
	return 0;
}

/* A filter that waits only for the end must not wake for data. */
static bool
is_idle(int fd, const struct kevent *filter)
{
	return filter->filter == EVFILT_READ && filter->fflags & NOTE_LOWAT &&
		filter->data >= INT_MAX && option(fd, SO_ACCEPTCONN) <= 0;
}

bool
kq_filter_is_unseen(int fd, enum file_kind kind, const struct kevent *filter)
{
	if (is_idle(fd, filter))
		return is_socket(kind)
			? kernel()->marks_are_cut
			: kind == KIND_PIPE && kernel()->pipes_heed_mark;
	if (kind == KIND_PIPE || kind == KIND_FIFO)
		return kq_pipe_is_unseen(fd, kind, filter->filter);
	return kind == KIND_UNIX_DGRAM && filter->filter == EVFILT_WRITE &&
		kernel()->full_peer_has_room;
}

uint32_t
kq_epoll_mask(int fd, enum file_kind kind, const struct kevent *filter)
{
	if (filter->filter == EVFILT_WRITE)
		return EPOLLOUT;
	if (is_idle(fd, filter) &&
		(is_socket(kind) ||
			(kind == KIND_PIPE && kernel()->pipes_heed_mark)))
		return EPOLLRDHUP;
	return EPOLLIN | EPOLLRDHUP;
}

static bool
tcp_info(int fd, struct tcp_info *ret)
{
	socklen_t len = sizeof(*ret);

	*ret = (struct tcp_info){.tcpi_state = 0};
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, ret, &len) == 0;
}

/* Approximately the error that SO_ERROR would return. */
static unsigned
pending_error(int fd, enum file_kind kind, unsigned state)
{
	struct tcp_info info;

	if (!(state & POLLERR) || !is_socket(kind))
		return 0;
	if (kind == KIND_TCP && tcp_info(fd, &info) && info.tcpi_rtt == 0)
		return ECONNREFUSED; /* no round-trip time was ever measured */
	return ECONNRESET;
}

/* Whether nothing more can be sent, because of a local shutdown or the peer. */
static bool
sending_has_ended(int fd, enum file_kind kind, unsigned state)
{
	struct tcp_info info;

	if (state & POLLHUP)
		return true;
	if (kind == KIND_TCP && tcp_info(fd, &info))
		return info.tcpi_state == TCP_FIN_WAIT1 ||
			info.tcpi_state == TCP_FIN_WAIT2 ||
			info.tcpi_state == TCP_CLOSING ||
			info.tcpi_state == TCP_LAST_ACK;
	/*
	 * On a stream, sending an empty message sends nothing. While the socket
	 * is full the call could not wake anything, so it is not made.
	 */
	return kind == KIND_UNIX && (state & POLLOUT) && !(state & POLLERR) &&
		send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 &&
		errno == EPIPE;
}

/* A datagram's, which some kernels keep with its bytes. */
static int64_t
address_length(int fd, enum file_kind kind)
{
	if (kind != KIND_SOCKET || option(fd, SO_TYPE) != SOCK_DGRAM)
		return 0;
	return option(fd, SO_DOMAIN) == AF_INET6 ? 28 : 16;
}

/* The kernel uses half of a buffer for more than the bytes. */
static int64_t
mark_of(int fd, enum file_kind kind, const struct kevent *filter)
{
	int64_t most =
		kind == KIND_UNIX ? UNIX_BUFFER : option(fd, SO_RCVBUF) / 2;

	return kernel()->marks_are_cut && filter->data > most ? most
							      : filter->data;
}

static bool
socket_readable(int fd, enum file_kind kind, const struct kevent *filter,
	struct kevent *ret)
{
	unsigned state = kq_state_of(fd);

	if (kq_listens(fd)) {
		ret->data = state & POLLIN ? 1 : 0;
		if (kq_listener_keeps_end(fd)) {
			ret->flags |= EV_EOF;
			ret->fflags = ECONNABORTED;
		}
		return state & POLLIN;
	}
	if (kq_listened(fd)) {
		ret->flags |= EV_EOF;
		ret->fflags = ECONNABORTED;
		return kq_listener_errs(fd);
	}
	ret->data = kq_unread_of(fd);
	if (kernel()->addresses_count && (state & POLLIN) &&
		(ret->data > 0 || !(state & POLLRDHUP)))
		ret->data += address_length(fd, kind);
	if (state & POLLRDHUP) {
		ret->flags |= EV_EOF;
		ret->fflags = pending_error(fd, kind, state);
		return true;
	}
	if (state & POLLERR)
		return true;
	if (filter->fflags & NOTE_LOWAT)
		return ret->data >= mark_of(fd, kind, filter);
	return state & POLLIN;
}

static bool
socket_writable(int fd, enum file_kind kind, const struct kevent *filter,
	struct kevent *ret)
{
	unsigned state = kq_state_of(fd);
	bool unconnected = (state & POLLHUP) && !(state & POLLRDHUP);

	if (kq_listens(fd))
		return false;
	if (kq_listened(fd)) {
		ret->flags |= EV_EOF;
		return kernel()->shut_listener == SHUT_ENDS_WRITE;
	}
	ret->data = option(fd, SO_SNDBUF) - unsent_of(fd);
	if (ret->data < 0)
		ret->data = 0;
	if (!unconnected && sending_has_ended(fd, kind, state)) {
		ret->flags |= EV_EOF;
		ret->fflags = pending_error(fd, kind, state);
		return true;
	}
	if (state & POLLERR)
		return true;
	if (unconnected)
		return false;
	if (kind == KIND_UNIX_DGRAM && kernel()->full_peer_has_room)
		return true;
	if (filter->fflags & NOTE_LOWAT)
		return (state & POLLOUT) && ret->data >= filter->data;
	return state & POLLOUT;
}

static bool
other_ready(int fd, const struct kevent *filter, struct kevent *ret)
{
	unsigned state = kq_state_of(fd);

	if (state & (POLLHUP | POLLRDHUP | POLLERR))
		ret->flags |= EV_EOF;
	if (filter->filter == EVFILT_READ)
		ret->data = kq_unread_of(fd) > 0 ? kq_unread_of(fd) : 1;
	return (ret->flags & EV_EOF) ||
		(state & (filter->filter == EVFILT_READ ? POLLIN : POLLOUT));
}

/* A file is readable while its offset is before its end. */
static bool
always_ready(int fd, const struct kevent *filter, struct kevent *ret)
{
	struct stat st;

	if (filter->filter == EVFILT_WRITE || fstat(fd, &st) < 0 ||
		!S_ISREG(st.st_mode))
		return true;
	ret->data = st.st_size - lseek(fd, 0, SEEK_CUR);
	return ret->data != 0;
}

bool
kq_filter_ready(int fd, enum file_kind kind, const struct kevent *filter,
	bool knew_end, struct kevent *ret)
{
	*ret = *filter;
	ret->flags &= (unsigned short)~EV_EOF;
	ret->fflags = 0;
	ret->data = 0;
	switch (kind) {
	case KIND_ALWAYS:
		return always_ready(fd, filter, ret);
	case KIND_PIPE:
	case KIND_FIFO:
		return kq_pipe_ready(fd, kind, filter, knew_end, ret);
	case KIND_TCP:
	case KIND_UNIX:
	case KIND_UNIX_DGRAM:
	case KIND_SOCKET:
		return filter->filter == EVFILT_READ
			? socket_readable(fd, kind, filter, ret)
			: socket_writable(fd, kind, filter, ret);
	case KIND_OTHER:
		break;
	}
	return other_ready(fd, filter, ret);
}

#else
typedef int kqueue_readiness_is_not_needed;
#endif

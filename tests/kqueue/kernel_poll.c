/*
 * poll(2) as another kernel answers it, on Linux, for the tests only. What a
 * kernel's kqueue says of each direction is what its poll(2) says; they differ
 * in what they make of an end, see kernels.h.
 */
#ifdef __linux__

#include "tests/kqueue/kernel_poll.h"
#include "tests/kqueue/emulation.h"
#include "tests/kqueue/kernels.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { WITHOUT_EPOLL = 10 }; /* ms between looks, when no fd is left for it */

struct direction {
	bool ready, eof, refused;
};

static struct direction
look(int fd, enum file_kind kind, short filter)
{
	struct kevent asked = {.ident = (uintptr_t)fd, .filter = filter}, e;
	struct direction d = {
		.refused = kq_filter_refused(fd, kind, filter) != 0};

	d.ready = kq_filter_ready(fd, kind, &asked, true, &e);
	d.eof = d.ready && e.flags & EV_EOF;
	return d;
}

static bool
is_pipe(enum file_kind kind)
{
	return kind == KIND_PIPE || kind == KIND_FIFO;
}

/* ---- macOS: two filters, READ first ---- */

static short
as_kqueue(int fd, enum file_kind kind, short events)
{
	struct direction r = {.ready = false}, w = {.ready = false};
	int found = 0;

	if (events & (POLLIN | POLLPRI))
		r = look(fd, kind, EVFILT_READ);
	if (events & POLLOUT)
		w = look(fd, kind, EVFILT_WRITE);
	if (r.refused || w.refused)
		return POLLNVAL;
	if (r.ready)
		found |= events & POLLIN;
	if (r.eof || w.eof)
		found |= POLLHUP;
	else if (w.ready)
		found |= POLLOUT;
	return (short)found;
}

/* ---- the BSDs ---- */

static bool
hangs_up(enum file_kind kind, struct direction r, struct direction w)
{
	bool is_over = is_pipe(kind) ? r.eof || w.eof : r.eof && w.eof;

	if (kernel()->poll == POLL_HUP_OF_PIPES)
		return is_over && is_pipe(kind);
	if (kernel()->poll == POLL_HUP_OF_BOTH)
		return is_over;
	if (kind == KIND_FIFO)
		return r.eof;
	return is_over && kind != KIND_SOCKET && kind != KIND_UNIX_DGRAM;
}

/* What a listener that was shut down says to poll(2). */
static struct direction
look_at_shut(int fd)
{
	bool ready = kernel()->shut_listener != SHUT_IS_ERROR ||
		kq_listener_errs(fd);

	return (struct direction){.ready = ready, .eof = ready};
}

static short
as_bsd(int fd, enum file_kind kind, short events)
{
	struct direction r = look(fd, kind, EVFILT_READ);
	struct direction w = look(fd, kind, EVFILT_WRITE);
	bool hup, out;
	int found;

	if (kq_listened(fd))
		r = w = look_at_shut(fd);
	hup = hangs_up(kind, r, w);
	out = w.ready;
	found = hup ? POLLHUP : 0;
	if (kernel()->poll == POLL_HUP_OF_PIPES)
		out = out || hup;
	else
		out = out && !hup;
	if (r.ready)
		found |= events & POLLIN;
	if (out)
		found |= events & POLLOUT;
	return (short)found;
}

static short
answer(const struct pollfd *p)
{
	enum file_kind kind;

	if (p->fd < 0)
		return 0;
	if (kernel()->poll == POLL_IS_KQUEUE && p->events == 0)
		return 0;
	if (fcntl(p->fd, F_GETFD) < 0)
		return POLLNVAL;
	kind = kq_file_kind(p->fd);
	return kernel()->poll == POLL_IS_KQUEUE
		? as_kqueue(p->fd, kind, p->events)
		: as_bsd(p->fd, kind, p->events);
}

static int
answers(struct pollfd *fds, nfds_t n)
{
	int found = 0;

	for (nfds_t i = 0; i < n; i++) {
		fds[i].revents = answer(&fds[i]);
		found += fds[i].revents != 0;
	}
	return found;
}

/* ---- the wait ---- */

/*
 * An epoll set that becomes readable when anything of an fd changes: what Linux
 * reports and this kernel does not would end a wait again and again.
 */
static int
set_of(const struct pollfd *fds, nfds_t n)
{
	int set = epoll_create1(EPOLL_CLOEXEC);

	for (nfds_t i = 0; set >= 0 && i < n; i++) {
		struct epoll_event e = {
			.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};

		if (fds[i].fd >= 0)
			(void)epoll_ctl(set, EPOLL_CTL_ADD, fds[i].fd, &e);
	}
	return set;
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* One wait for a change; -1 and errno. */
static int
await_change(int set, int64_t ms)
{
	struct epoll_event e[16];

	if (set < 0)
		return poll(NULL, 0,
			ms < 0 || ms > WITHOUT_EPOLL ? WITHOUT_EPOLL : (int)ms);
	return epoll_wait(set, e, 16, (int)ms);
}

static int
wait_for_answers(struct pollfd *fds, nfds_t n, int ms)
{
	int64_t end = now_ms() + ms, left = ms;
	int set = set_of(fds, n), found, err;

	do {
		found = await_change(set, left);
		if (found < 0)
			break;
		found = answers(fds, n);
		left = ms < 0 ? -1 : end - now_ms();
	} while (found == 0 && (ms < 0 || left > 0));
	err = errno;
	if (set >= 0)
		close(set);
	errno = err;
	return found;
}

int
kernel_poll(struct pollfd *fds, nfds_t n, int ms)
{
	int found;

	if (kernel()->poll == POLL_OF_LINUX)
		return poll(fds, n, ms);
	found = answers(fds, n);
	return found != 0 || ms == 0 ? found : wait_for_answers(fds, n, ms);
}

#else
typedef int kernel_poll_is_not_needed;
#endif

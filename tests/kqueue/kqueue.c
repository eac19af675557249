/*
 * kqueue(2) and kevent(2) on Linux, for the tests only, so that the library's
 * kqueue backend is compiled and run on a system that has no kqueue. This file
 * holds the kqueues, the changes and the wait; files.c keeps the filters and
 * collects their events; readiness.c decides when a filter is ready, with
 * pipes.c and listeners.c. kernels.c is the table of what FreeBSD, NetBSD,
 * OpenBSD and macOS answer differently, and kernel_poll.c their poll(2).
 *
 * A kqueue is an epoll set, and kqueue() returns the set's fd: it can be
 * polled, and it is the only fd. A table beside it holds the filters by fd
 * number. The set is only a hint of where to look: each fd that it reports is
 * examined again, filter by filter, and yields zero, one or two events. epoll
 * always reports ERR and HUP, and has no NOTE_LOWAT: an fd that epoll reports
 * and that has no event is watched edge-triggered from then on, until it has
 * an event. So the kqueue's fd does not stay readable, and nothing spins.
 *
 * Filters belong to an fd number and vanish with close(2), which cannot be
 * observed here; epoll watches open files, whose duplicates survive. So before
 * a file's filters count, the emulation asks epoll whether this number still
 * is the file that epoll watches (for an fd that is not watched, it compares
 * device and inode). When epoll reports a duplicate of a closed fd, the set is
 * rebuilt without it.
 *
 * A child of fork(2) has no kqueues: their fds are closed in the child. The
 * state of a closed kqueue is freed by the next kqueue().
 *
 * A file's events are returned in the awkward order, WRITE before READ, and
 * flags still contain EV_ADD, as on some systems: no manual page promises
 * otherwise.
 *
 * What this does not prove about a real kqueue:
 * - The order of events of several fds, fairness, and the exact time of an
 *   event: the emulation looks for events during kevent(), a kernel records
 *   them when they happen. A condition that appears and disappears between two
 *   calls is never seen here.
 * - fflags. A socket's error cannot be examined without clearing it: it is
 *   ECONNREFUSED for a TCP socket that never had an answer, else ECONNRESET;
 *   timeouts, unreachable hosts and EPIPE are not distinguished.
 * - data: WRITE's space is Linux's accounting, a listener's backlog is 1, and
 *   an fd without FIONREAD has 1.
 * - NOTE_LOWAT of WRITE may come late.
 * - EV_CLEAR: one event for each of epoll's edges, possibly one too many;
 *   where the other filter is level-triggered, one when the event's values
 *   change.
 * - Half-closed sockets: what a system reports for WRITE after a peer's
 *   shutdown(SHUT_RD), or for a socket that closes while data is unread. A
 *   full Unix socket sees its own shutdown(SHUT_WR) only once it has drained.
 * - Files, directories and devices without poll are ready during kevent() but
 *   do not make the kqueue's fd readable; nor does the WRITE filter of a pipe's
 *   read end, or of an AF_UNIX datagram socket whose peer is full, nor a mark
 *   that was cut.
 * - A number that is closed and then given a duplicate of the same open file
 *   keeps its filters, and so does one reopened on the same inode while all
 *   its filters are disabled. A kqueue's own fd must not be duplicated.
 * - Threads: there is one lock, so races within a kqueue and closing it under
 *   a waiting thread are not covered, and changes that another waiting thread
 *   would notice only as far as epoll covers them.
 * - Limits and lack of memory. An outer epoll set loses a kqueue whose set was
 *   rebuilt (poll(2) does not).
 */
#ifdef __linux__

#include "tests/kqueue/emulation.h"
#include "tests/kqueue/kernels.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

/* F_SETSIG marks the emulation's fds; it sends no signal here. */
enum { MARK = SIGURG };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct kq *kqueues;
static unsigned receipts;

/* ---- kqueues ---- */

static void
kq_free(struct kq *q)
{
	free(q->files);
	free(q);
}

/* Whether the fd is still the kqueue, as far as this can be determined. */
static bool
kq_is_open(const struct kq *q)
{
	return fcntl(q->fd, F_GETSIG) == MARK;
}

static struct kq *
kq_find(int fd)
{
	struct kq *q = kqueues;

	while (q && q->fd != fd)
		q = q->next;
	return q && kq_is_open(q) ? q : NULL;
}

/* Frees the state of closed kqueues, and any earlier state of `number'. */
static void
kq_sweep(int number)
{
	struct kq **at = &kqueues;

	while (*at) {
		struct kq *q = *at;

		if (q->fd == number || !kq_is_open(q)) {
			*at = q->next;
			kq_free(q);
		} else {
			at = &q->next;
		}
	}
}

static void
before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void
after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

static void
in_child(void)
{
	while (kqueues) {
		struct kq *q = kqueues;

		kqueues = q->next;
		if (kq_is_open(q))
			close(q->fd);
		kq_free(q);
	}
	pthread_mutex_unlock(&lock);
}

int
kq_set_open(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd >= 0)
		(void)fcntl(fd, F_SETSIG, MARK);
	return fd;
}

int
kqueue(void)
{
	static bool forks_known;
	struct kq *q = calloc(1, sizeof(*q));
	int fd = q ? kq_set_open() : -1;

	if (fd < 0) {
		free(q);
		return -1;
	}
	pthread_mutex_lock(&lock);
	kq_sweep(fd);
	q->fd = fd;
	q->next = kqueues;
	kqueues = q;
	if (!forks_known)
		(void)pthread_atfork(before_fork, after_fork, in_child);
	forks_known = true;
	pthread_mutex_unlock(&lock);
	return fd;
}

unsigned
kqueue_receipts(void)
{
	unsigned n;

	pthread_mutex_lock(&lock);
	n = receipts;
	pthread_mutex_unlock(&lock);
	return n;
}

int
kqueue_states(void)
{
	int n = 0;

	pthread_mutex_lock(&lock);
	for (const struct kq *q = kqueues; q; q = q->next)
		n++;
	pthread_mutex_unlock(&lock);
	return n;
}

/* ---- changes ---- */

static int
filter_add(
	struct kq *q, struct file *f, struct filter *w, const struct kevent *c)
{
	unsigned flags = w->asked.flags;
	int err;

	if (!w->there) {
		err = kq_filter_refused((int)c->ident, f->kind, c->filter);
		if (err)
			return err;
		if (c->filter == EVFILT_WRITE && kq_find((int)c->ident))
			return kernel()->queue_refuses_write;
		flags = c->flags &
			(EV_ADD | EV_ONESHOT | EV_CLEAR | EV_DISPATCH);
	}
	w->there = true;
	w->enabled = true;
	w->reported = false;
	w->knew_end = (f->kind == KIND_PIPE || f->kind == KIND_FIFO) &&
		kq_pipe_ends((int)c->ident, f->kind);
	w->asked = *c;
	w->asked.flags = (unsigned short)flags;
	f->used = true;
	return kq_file_changed(q, f);
}

/* Makes one change: 0 or an error. */
static int
change_make(struct kq *q, const struct kevent *c)
{
	struct stat st;
	struct file *f;
	struct filter *w;
	int err = 0;

	if (c->filter != EVFILT_READ && c->filter != EVFILT_WRITE)
		return EINVAL;
	if (c->ident > INT_MAX || fstat((int)c->ident, &st) < 0)
		return c->flags & EV_ADD ? EBADF : kernel()->delete_of_closed;
	f = kq_file_at(q, (int)c->ident, &st);
	if (!f)
		return ENOMEM;
	w = &f->filters[c->filter == EVFILT_READ ? READ_SIDE : WRITE_SIDE];
	if (!w->there && !(c->flags & EV_ADD))
		return ENOENT;
	if (c->flags & EV_ADD)
		err = filter_add(q, f, w, c);
	if (w->there && (err || (c->flags & EV_DELETE))) {
		kq_filter_remove(q, f, w);
		return err;
	}
	if (err || !(c->flags & (EV_ENABLE | EV_DISABLE)))
		return err;
	w->enabled = !(c->flags & EV_DISABLE);
	w->reported = false;
	return kq_file_changed(q, f);
}

/*
 * Makes all changes, with the answers in the list: 0, or an error that does not
 * fit.
 */
static int
changes_make(struct kq *q, const struct kevent *c, int n, struct list *out)
{
	for (; n > 0; n--, c++) {
		int err = change_make(q, c);

		if (c->flags & EV_RECEIPT)
			receipts++;
		if (!err && !(c->flags & EV_RECEIPT))
			continue;
		if (out->n == out->capacity)
			return err;
		out->events[out->n] = *c;
		out->events[out->n].flags =
			EV_ERROR | (kernel()->errors_keep_flags ? c->flags : 0);
		out->events[out->n++].data = err;
	}
	return 0;
}

/* ---- the wait ---- */

static struct timespec
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t;
}

static struct timespec
sum(struct timespec a, struct timespec b, int sign)
{
	struct timespec t = {.tv_sec = a.tv_sec + sign * b.tv_sec,
		.tv_nsec = a.tv_nsec + sign * b.tv_nsec};

	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	} else if (t.tv_nsec < 0) {
		t.tv_sec--;
		t.tv_nsec += 1000000000;
	}
	return t;
}

/*
 * Waits until the set is readable, or until it is time to look at what epoll
 * does not see: 1; 0 at the timeout; -1 and errno.
 */
static int
wait_until(int fd, bool unseen, const struct timespec *end)
{
	const struct timespec often = {.tv_nsec = 10000000};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct timespec left = often;
	int n;

	if (end)
		left = sum(*end, now(), -1);
	if (left.tv_sec < 0 || (left.tv_sec == 0 && left.tv_nsec == 0))
		return 0;
	if (unseen && (left.tv_sec > 0 || left.tv_nsec > often.tv_nsec))
		left = often;
	n = ppoll(&p, 1, end || unseen ? &left : NULL, NULL);
	return n == 0 && unseen ? 1 : n;
}

/* Collects the events that are ready now: their number, or -1 and errno. */
static int
collect(int fd, struct list *out, bool *unseen)
{
	struct kq *q;

	pthread_mutex_lock(&lock);
	q = kq_find(fd);
	if (q)
		kq_collect(q, out);
	*unseen = q && q->n_unseen > 0;
	pthread_mutex_unlock(&lock);
	if (q)
		return out->n;
	errno = EBADF;
	return -1;
}

static int
start(int fd, const struct kevent *changes, int n, struct list *out)
{
	struct kq *q;
	int err = EBADF;

	pthread_mutex_lock(&lock);
	q = kq_find(fd);
	if (q)
		err = changes_make(q, changes, n, out);
	pthread_mutex_unlock(&lock);
	return err;
}

static bool
timeout_is_wrong(const struct timespec *t)
{
	return t &&
		(t->tv_sec < 0 || t->tv_nsec < 0 || t->tv_nsec >= 1000000000);
}

int
kevent(int kq, const struct kevent *changes, int nchanges,
	struct kevent *events, int nevents, const struct timespec *timeout)
{
	struct list out = {.events = events, .capacity = nevents};
	struct timespec end = {.tv_sec = 0};
	int wrong = timeout_is_wrong(timeout) ? EINVAL : 0;
	int err = kernel()->timeout_checked_first ? wrong : 0;
	bool unseen;
	int n;

	if (!err)
		err = start(kq, changes, nchanges, &out);
	if (!err)
		err = wrong;
	if (err) {
		errno = err;
		return -1;
	}
	if (out.n > 0 || nevents <= 0)
		return out.n;
	if (timeout)
		end = sum(now(), *timeout, 1);
	for (;;) {
		n = collect(kq, &out, &unseen);
		if (n != 0)
			return n;
		n = wait_until(kq, unseen, timeout ? &end : NULL);
		if (n <= 0)
			return n;
	}
}

#else
typedef int kqueue_is_not_needed;
#endif

/*
 * The seam: every system call, clock read and allocation of the library.
 *
 * Production binds each name to libc at compile time and costs nothing.  The
 * tests compile the same sources with SOCLE_SEAM_TEST, which sends each call
 * through a table of function pointers: that is where calls are counted,
 * faults injected and the clock replaced.  No other file of the library may
 * name a system call or malloc; `make lint' proves it by looking at what the
 * test-bound objects still ask of libc.
 *
 * The list below is the whole of what the library asks of the kernel:
 * X(result, name, (parameters), (arguments)).
 */
#ifndef SOCLE_SEAM_H
#define SOCLE_SEAM_H

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
/* The tests bring an emulation of it to systems without, and set this. */
#if defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) ||     \
	defined(__DragonFly__) || defined(__APPLE__)
#define SOCLE__HAVE_KQUEUE 1
#endif
#ifdef SOCLE__HAVE_KQUEUE
#include <sys/event.h>
#endif
#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#endif

/* clang-format off */
#define SOCLE__SEAM_CALLS(X) \
X(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n)) \
X(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n)) \
X(ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n)) \
X(ssize_t, send, (int fd, const void *p, size_t n, int f), (fd, p, n, f)) \
X(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f)) \
X(ssize_t, sendto, (int fd, const void *p, size_t n, int f, \
	const struct sockaddr *a, socklen_t l), (fd, p, n, f, a, l)) \
X(ssize_t, recvfrom, (int fd, void *p, size_t n, int f, \
	struct sockaddr *a, socklen_t *l), (fd, p, n, f, a, l)) \
X(ssize_t, recvmsg, (int fd, struct msghdr *m, int f), (fd, m, f)) \
X(int, socket, (int d, int t, int p), (d, t, p)) \
X(int, socketpair, (int d, int t, int p, int *fds), (d, t, p, fds)) \
X(int, shutdown, (int fd, int how), (fd, how)) \
X(int, sockatmark, (int fd), (fd)) \
X(int, getaddrinfo, (const char *host, const char *service, \
	const struct addrinfo *hints, struct addrinfo **ret), \
	(host, service, hints, ret)) \
X(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n)) \
X(int, listen, (int fd, int backlog), (fd, backlog)) \
X(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n)) \
X(int, accept, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n)) \
X(int, getsockname, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n)) \
X(int, getpeername, (int fd, struct sockaddr *a, socklen_t *n), (fd, a, n)) \
X(int, getsockopt, (int fd, int l, int o, void *p, socklen_t *n), \
	(fd, l, o, p, n)) \
X(int, setsockopt, (int fd, int l, int o, const void *p, socklen_t n), \
	(fd, l, o, p, n)) \
X(int, fstat, (int fd, struct stat *st), (fd, st)) \
X(int, lstat, (const char *path, struct stat *st), (path, st)) \
X(int, unlink, (const char *path), (path)) \
X(int, open, (const char *path, int f), (path, f)) \
X(ssize_t, pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at)) \
X(int, close, (int fd), (fd)) \
X(int, pipe, (int *fds), (fds)) \
X(int, dup2, (int from, int to), (from, to)) \
X(int, poll, (struct pollfd *fds, nfds_t n, int ms), (fds, n, ms)) \
X(int, sigaction, (int s, const struct sigaction *n, struct sigaction *o), \
	(s, n, o)) \
X(int, clock_gettime, (clockid_t c, struct timespec *ts), (c, ts)) \
X(void *, malloc, (size_t n), (n)) \
X(void *, calloc, (size_t n, size_t size), (n, size)) \
X(void *, realloc, (void *p, size_t n), (p, n)) \
SOCLE__SEAM_LINUX(X) \
SOCLE__SEAM_KQUEUE(X)

#ifdef __linux__
#define SOCLE__SEAM_LINUX(X) \
X(ssize_t, sendfile, (int to, int from, off_t *at, size_t n), \
	(to, from, at, n)) \
X(int, recvmmsg, (int fd, struct mmsghdr *m, unsigned n, int f, \
	struct timespec *t), (fd, m, n, f, t)) \
X(int, sendmmsg, (int fd, struct mmsghdr *m, unsigned n, int f), \
	(fd, m, n, f)) \
X(int, epoll_create1, (int f), (f)) \
X(int, epoll_ctl, (int ep, int op, int fd, struct epoll_event *e), \
	(ep, op, fd, e)) \
X(int, epoll_wait, (int ep, struct epoll_event *e, int n, int ms), \
	(ep, e, n, ms)) \
X(int, eventfd, (unsigned v, int f), (v, f)) \
X(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int f), \
	(fd, a, n, f)) \
X(int, dup3, (int from, int to, int f), (from, to, f))
#else
#define SOCLE__SEAM_LINUX(X)
#endif

#ifdef SOCLE__HAVE_KQUEUE
#define SOCLE__SEAM_KQUEUE(X) \
X(int, kqueue, (void), ()) \
X(int, kevent, (int kq, const struct kevent *c, int changes, \
	struct kevent *e, int events, const struct timespec *t), \
	(kq, c, changes, e, events, t))
#else
#define SOCLE__SEAM_KQUEUE(X)
#endif
/* clang-format on */

#ifndef __linux__
/* The others' shapes differ; files are read and written there. */
static inline ssize_t
sys_sendfile(int to, int from, off_t *at, size_t n)
{
	(void)to;
	(void)from;
	(void)at;
	(void)n;
	errno = ENOSYS;
	return -1;
}
#endif

/*
 * Variadic or oddly typed in libc: one shape each, the same in both
 * bindings.  free is here because it has no result to fail with.
 */
static inline int
socle__libc_fcntl(int fd, int command, int value)
{
	return fcntl(fd, command, value);
}

static inline int
socle__libc_unread(int fd, int *ret)
{
	return ioctl(fd, FIONREAD, ret);
}

static inline int
socle__libc_getrusage(int who, struct rusage *ret)
{
	return getrusage(who, ret);
}

/* The number that the system's files give to a protocol's name. */
static inline int
socle__libc_protocol(const char *name)
{
#ifdef __GLIBC__
	struct protoent entry, *found = NULL;
	char room[1024];
	int err = getprotobyname_r(name, &entry, room, sizeof(room), &found);

	if (found)
		return found->p_proto;
	errno = err ? err : ENOENT;
#else
	(void)name; /* the portable one is not for threads */
	errno = ENOENT;
#endif
	return -1;
}

/* A detached thread with all signals blocked: 0, or -1 and errno. */
static inline int
socle__libc_thread_create(size_t stack, void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;
	pthread_attr_t attr;
	sigset_t all, before;
	int err = pthread_attr_init(&attr);

	if (err == 0) {
		(void)pthread_attr_setdetachstate(
			&attr, PTHREAD_CREATE_DETACHED);
		(void)pthread_attr_setstacksize(&attr, stack);
		sigfillset(&all);
		(void)pthread_sigmask(SIG_SETMASK, &all, &before);
		err = pthread_create(&thread, &attr, fn, arg);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
		(void)pthread_attr_destroy(&attr);
	}
	if (err == 0)
		return 0;
	errno = err;
	return -1;
}

#ifdef SOCLE_SEAM_TEST

#define SOCLE__SEAM_FIELD(result, name, params, args) result(*name) params;
struct socle__seam {
	SOCLE__SEAM_CALLS(SOCLE__SEAM_FIELD)
	int (*fcntl)(int fd, int command, int value);
	int (*unread)(int fd, int *ret);
	int (*getrusage)(int who, struct rusage *ret);
	int (*protocol)(const char *name);
	int (*thread_create)(size_t stack, void *(*fn)(void *arg), void *arg);
	void (*freeaddrinfo)(struct addrinfo *list);
	void (*free)(void *p);
};
extern struct socle__seam socle__seam;

#define SOCLE__SEAM_BIND(result, name, params, args)                           \
	static inline result sys_##name params                                 \
	{                                                                      \
		return socle__seam.name args;                                  \
	}
#define sys_fcntl(fd, command, value) socle__seam.fcntl(fd, command, value)
#define sys_unread(fd, ret) socle__seam.unread(fd, ret)
#define sys_getrusage(who, ret) socle__seam.getrusage(who, ret)
#define sys_protocol(name) socle__seam.protocol(name)
#define sys_thread_create(stack, fn, arg)                                      \
	socle__seam.thread_create(stack, fn, arg)
#define sys_freeaddrinfo(list) socle__seam.freeaddrinfo(list)
#define sys_free(p) socle__seam.free(p)

#else

#define SOCLE__SEAM_BIND(result, name, params, args)                           \
	static inline result sys_##name params                                 \
	{                                                                      \
		return name args;                                              \
	}
#define sys_fcntl(fd, command, value) socle__libc_fcntl(fd, command, value)
#define sys_unread(fd, ret) socle__libc_unread(fd, ret)
#define sys_getrusage(who, ret) socle__libc_getrusage(who, ret)
#define sys_protocol(name) socle__libc_protocol(name)
#define sys_thread_create(stack, fn, arg)                                      \
	socle__libc_thread_create(stack, fn, arg)
#define sys_freeaddrinfo(list) freeaddrinfo(list)
#define sys_free(p) free(p)

#endif

SOCLE__SEAM_CALLS(SOCLE__SEAM_BIND)

#endif

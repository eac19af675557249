/*
 * The seam: every system call, clock read and allocation of the library.
 *
 * Production binds each name to libc at compile time and costs nothing.  The
 * tests compile the same sources with SOCLE_SEAM_TEST, which sends each call
 * through a table of function pointers: that is where calls are counted,
 * faults injected and the clock replaced.  No other file of the library may
 * name a system call or malloc; `make lint' proves it by the symbols that
 * the test-bound objects still need from libc.
 *
 * The list below is everything that the library uses of the kernel:
 * X(result, name, (parameters), (arguments)).
 */
#ifndef SOCLE_SEAM_H
#define SOCLE_SEAM_H

#include "system.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#ifdef __linux__
#include <sys/epoll.h>
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
X(int, shutdown, (int fd, int how), (fd, how)) \
X(int, sockatmark, (int fd), (fd)) \
X(int, getaddrinfo, (const char *host, const char *service, \
	const struct addrinfo *hints, struct addrinfo **ret), \
	(host, service, hints, ret)) \
X(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n)) \
X(int, listen, (int fd, int backlog), (fd, backlog)) \
X(int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n)) \
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
X(int, dup2, (int from, int to), (from, to)) \
X(int, poll, (struct pollfd *fds, nfds_t n, int ms), (fds, n, ms)) \
X(int, sigaction, (int s, const struct sigaction *n, struct sigaction *o), \
	(s, n, o)) \
X(pid_t, fork, (void), ()) \
X(int, execve, (const char *file, char *const *argv, char *const *env), \
	(file, argv, env)) \
X(pid_t, waitpid, (pid_t pid, int *status, int f), (pid, status, f)) \
X(int, kill, (pid_t pid, int s), (pid, s)) \
X(int, clock_gettime, (clockid_t c, struct timespec *ts), (c, ts)) \
X(void *, malloc, (size_t n), (n)) \
X(void *, calloc, (size_t n, size_t size), (n, size)) \
X(void *, realloc, (void *p, size_t n), (p, n)) \
SOCLE__SEAM_LINUX(X) \
SOCLE__SEAM_KQUEUE(X)

#ifdef __linux__
#define SOCLE__SEAM_LINUX(X) \
X(int, epoll_create1, (int f), (f)) \
X(int, epoll_ctl, (int ep, int op, int fd, struct epoll_event *e), \
	(ep, op, fd, e)) \
X(int, epoll_wait, (int ep, struct epoll_event *e, int n, int ms), \
	(ep, e, n, ms))
#else
#define SOCLE__SEAM_LINUX(X)
#endif

#if SOCLE__HAVE_KQUEUE
#define SOCLE__SEAM_KQUEUE(X) \
X(int, kqueue, (void), ())
#else
#define SOCLE__SEAM_KQUEUE(X)
#endif

#if SOCLE__HAVE_KQUEUE
#define SOCLE__SEAM_KEVENT(X) \
X(int, kevent, (int kq, const struct kevent *c, int changes, \
	struct kevent *e, int events, const struct timespec *t), \
	(kq, c, changes, e, events, t))
#else
#define SOCLE__SEAM_KEVENT(X)
#endif

/* Those that system.h gives one shape: it has them as socle__libc_NAME. */
#define SOCLE__SEAM_SHAPES(X) \
X(int, socket, (int d, int t, int p), (d, t, p)) \
X(int, socketpair, (int d, int t, int p, int *fds), (d, t, p, fds)) \
X(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int f), \
	(fd, a, n, f)) \
X(int, dup3, (int from, int to, int f), (from, to, f)) \
X(int, wake_fds, (int *fds), (fds)) \
X(ssize_t, sendfile, (int to, int from, off_t *at, size_t n), \
	(to, from, at, n)) \
X(int, readable, (int fd), (fd)) \
X(int, recvmmsg, (int fd, struct socle__message *m, unsigned n, int f), \
	(fd, m, n, f)) \
X(int, sendmmsg, (int fd, struct socle__message *m, unsigned n, int f), \
	(fd, m, n, f)) \
X(int, fcntl, (int fd, int command, int value), (fd, command, value)) \
X(int, unread, (int fd, int *ret), (fd, ret)) \
X(int, getrusage, (int who, struct rusage *ret), (who, ret)) \
X(int, fd_limit, (struct rlimit *ret), (ret)) \
X(int, peer_uid, (int fd, uid_t *ret), (fd, ret)) \
X(int, protocol, (const char *name), (name)) \
X(int, lock_file, (const char *path), (path)) \
X(int, signals_block, (const sigset_t *set, sigset_t *before), \
	(set, before)) \
X(int, close_above, (int fd), (fd)) \
X(int, thread_create, (size_t stack, void *(*fn)(void *arg), void *arg), \
	(stack, fn, arg)) \
SOCLE__SEAM_KEVENT(X)
/* clang-format on */

#ifdef SOCLE_SEAM_TEST

#define SOCLE__SEAM_FIELD(result, name, params, args) result(*name) params;
struct socle__seam {
	SOCLE__SEAM_CALLS(SOCLE__SEAM_FIELD)
	SOCLE__SEAM_SHAPES(SOCLE__SEAM_FIELD)
	void (*freeaddrinfo)(struct addrinfo *list);
	void (*free)(void *p);
	/* What the kernel does, for tests to change. */
	int unix_full;
	bool accept_drops, send_hides_error;
};
extern struct socle__seam socle__seam;

#define SOCLE__SEAM_BIND(result, name, params, args)                           \
	static inline result sys_##name params                                 \
	{                                                                      \
		return socle__seam.name args;                                  \
	}
#define SOCLE__SEAM_BIND_SHAPE SOCLE__SEAM_BIND
#define sys_freeaddrinfo(list) socle__seam.freeaddrinfo(list)
#define sys_free(p) socle__seam.free(p)
#define sys_unix_full socle__seam.unix_full
#define sys_accept_drops socle__seam.accept_drops
#define sys_send_hides_error socle__seam.send_hides_error

#else

#define SOCLE__SEAM_BIND(result, name, params, args)                           \
	static inline result sys_##name params                                 \
	{                                                                      \
		return name args;                                              \
	}
#define SOCLE__SEAM_BIND_SHAPE(result, name, params, args)                     \
	static inline result sys_##name params                                 \
	{                                                                      \
		return socle__libc_##name args;                                \
	}
/* These two have no result to fail with. */
#define sys_freeaddrinfo(list) freeaddrinfo(list)
#define sys_free(p) free(p)
#define sys_unix_full SOCLE__UNIX_FULL
#define sys_accept_drops SOCLE__ACCEPT_DROPS
#define sys_send_hides_error SOCLE__SEND_HIDES_ERROR

#endif

SOCLE__SEAM_CALLS(SOCLE__SEAM_BIND)
SOCLE__SEAM_SHAPES(SOCLE__SEAM_BIND_SHAPE)

/* For systems where it is an option of the socket, not a flag of a send. */
static inline int
sys_no_sigpipe(int fd)
{
	int on = 1;

	return SOCLE__NOSIGPIPE < 0
		? 0
		: sys_setsockopt(
			  fd, SOL_SOCKET, SOCLE__NOSIGPIPE, &on, sizeof(on));
}

#endif

/*
 * The simulated kernel under the names of libc.  A source that is compiled with
 * `-include tests/sim/libc.h' makes its system calls here: the parts of the
 * kqueue emulation, the calls of other kernels, and the programs of tests/model.
 *
 * All of it is in memory, in one process, and decided by one seed; sim.h tells
 * how it is driven.  What a call does is what Linux does, as far as the library
 * or a test can see it; what other kernels do differently is in tests/kqueue.
 */
#ifndef SOCLE_TESTS_SIM_LIBC_H
#define SOCLE_TESTS_SIM_LIBC_H

#include <dirent.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* ---- files ---- */

int sim_open(const char *path, int flags, ...);
int sim_close(int fd);
int sim_dup2(int from, int to);
int sim_dup3(int from, int to, int flags);
int sim_fcntl(int fd, int command, ...);
int sim_ioctl(int fd, unsigned long what, ...);
int sim_fstat(int fd, struct stat *st);
int sim_lstat(const char *path, struct stat *st);
int sim_fstatfs(int fd, struct statfs *fs);
int sim_unlink(const char *path);
int sim_flock(int fd, int operation);
off_t sim_lseek(int fd, off_t at, int whence);
ssize_t sim_pread(int fd, void *p, size_t n, off_t at);
int sim_pipe2(int *fds, int flags);
int sim_eventfd(unsigned value, int flags);

/* ---- bytes and messages ---- */

ssize_t sim_read(int fd, void *p, size_t n);
ssize_t sim_write(int fd, const void *p, size_t n);
ssize_t sim_writev(int fd, const struct iovec *v, int n);
ssize_t sim_send(int fd, const void *p, size_t n, int flags);
ssize_t sim_sendto(int fd, const void *p, size_t n, int flags,
	const struct sockaddr *to, socklen_t len);
ssize_t sim_sendmsg(int fd, const struct msghdr *m, int flags);
int sim_sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags);
ssize_t sim_sendfile(int to, int from, off_t *at, size_t n);
ssize_t sim_recvfrom(int fd, void *p, size_t n, int flags,
	struct sockaddr *from, socklen_t *len);
ssize_t sim_recvmsg(int fd, struct msghdr *m, int flags);
int sim_recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags,
	struct timespec *timeout);

/* ---- sockets ---- */

int sim_socket(int domain, int type, int protocol);
int sim_socketpair(int domain, int type, int protocol, int fds[2]);
int sim_bind(int fd, const struct sockaddr *a, socklen_t n);
int sim_listen(int fd, int backlog);
int sim_connect(int fd, const struct sockaddr *a, socklen_t n);
int sim_accept(int fd, struct sockaddr *a, socklen_t *n);
int sim_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags);
int sim_shutdown(int fd, int how);
int sim_sockatmark(int fd);
int sim_getsockname(int fd, struct sockaddr *a, socklen_t *n);
int sim_getpeername(int fd, struct sockaddr *a, socklen_t *n);
int sim_getsockopt(int fd, int level, int name, void *p, socklen_t *n);
int sim_setsockopt(int fd, int level, int name, const void *p, socklen_t n);

/* ---- waiting, time, signals ---- */

int sim_poll(struct pollfd *fds, nfds_t n, int ms);
int sim_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
	const sigset_t *mask);
int sim_epoll_create1(int flags);
int sim_epoll_ctl(int ep, int op, int fd, struct epoll_event *e);
int sim_epoll_wait(int ep, struct epoll_event *e, int n, int ms);
int sim_clock_gettime(clockid_t clock, struct timespec *ret);
int sim_getrusage(int who, struct rusage *ret);
int sim_getrlimit(int what, struct rlimit *ret);
int sim_setrlimit(int what, const struct rlimit *limit);

/* clang-format off */
#define open sim_open
#define close sim_close
#define dup2 sim_dup2
#define dup3 sim_dup3
#define fcntl sim_fcntl
#define ioctl sim_ioctl
#define fstat sim_fstat
#define lstat sim_lstat
#define fstatfs sim_fstatfs
#define unlink sim_unlink
#define flock sim_flock
#define lseek sim_lseek
#define pread sim_pread
#define pipe2 sim_pipe2
#define eventfd sim_eventfd
#define read sim_read
#define write sim_write
#define writev sim_writev
#define send sim_send
#define sendto sim_sendto
#define sendmsg sim_sendmsg
#define sendmmsg sim_sendmmsg
#define sendfile sim_sendfile
#define recvfrom sim_recvfrom
#define recvmsg sim_recvmsg
#define recv(fd, p, n, flags) sim_recvfrom(fd, p, n, flags, NULL, NULL)
#define recvmmsg sim_recvmmsg
#define socket sim_socket
#define socketpair sim_socketpair
#define bind sim_bind
#define listen sim_listen
#define connect sim_connect
#define accept sim_accept
#define accept4 sim_accept4
#define shutdown sim_shutdown
#define sockatmark sim_sockatmark
#define getsockname sim_getsockname
#define getpeername sim_getpeername
#define getsockopt sim_getsockopt
#define setsockopt sim_setsockopt
#define poll sim_poll
#define ppoll sim_ppoll
#define epoll_create1 sim_epoll_create1
#define epoll_ctl sim_epoll_ctl
#define epoll_wait sim_epoll_wait
#define clock_gettime sim_clock_gettime
#define getrusage sim_getrusage
#define getrlimit sim_getrlimit
#define setrlimit sim_setrlimit
/* clang-format on */

#endif

/*
 * All differences between systems.  Apart from the backends no other file of the
 * library checks which system it is compiled for.
 *
 * A constant that a system does not have gets a value here that is harmless
 * where it is used: a flag is 0, an option is -1, which no kernel knows, an
 * error is one that no call returns.  A call that a system does not have, or
 * that has another shape there, is a socle__libc_ function here, in Linux's
 * shape, for seam.h to bind; so are a few that are variadic or have unusual
 * types everywhere.  docs/portability.md lists what an application notices.
 */
#ifndef SOCLE_SYSTEM_H
#define SOCLE_SYSTEM_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <netinet/udp.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#endif

/* ---- the compiler ---- */

#define socle__likely(x) __builtin_expect(!!(x), 1)
#define socle__unlikely(x) __builtin_expect(!!(x), 0)

/* Kept out of the functions that call it, and out of their cache lines. */
#define SOCLE__COLD __attribute__((noinline, cold))
/* The same for a function that is called often. */
#define SOCLE__NOINLINE __attribute__((noinline))
/*
 * For a function that returns an object through a pointer.  Inlined by
 * LTO, it would have gcc warn that the caller's variable is not set: for all that
 * gcc knows, -errno may be 0.
 */
#define SOCLE__CONSTRUCTOR SOCLE__NOINLINE

/*
 * For a function that is called often and has no arrays: the stack protector
 * treats a variable whose address is taken like one.
 */
#if defined(__has_attribute)
#if __has_attribute(no_stack_protector)
#define SOCLE__NO_STACK_PROTECTOR __attribute__((no_stack_protector))
#endif
#endif
#ifndef SOCLE__NO_STACK_PROTECTOR
#define SOCLE__NO_STACK_PROTECTOR
#endif

/*
 * A variable that is needed only after an unusual result of a system call is
 * kept on the stack: in a register it would have to be saved on every call.  A
 * function that is inlined into its caller has it there anyway.
 */
#ifdef SOCLE_LTO
#define SOCLE__ON_STACK(variable) (void)(variable)
#else
#define SOCLE__ON_STACK(variable) __asm__ volatile("" : "+m"(variable))
#endif

/* ---- features: 1 or 0 ---- */

#ifdef __linux__
#define SOCLE__IS_LINUX 1
#else
#define SOCLE__IS_LINUX 0
#endif

/* New fds can be had close-on-exec at once; accept4, pipe2, dup3 go along. */
#if defined(SOCK_CLOEXEC) && defined(SOCK_NONBLOCK) && !defined(__APPLE__)
#define SOCLE__HAVE_FD_FLAGS 1
#else
#define SOCLE__HAVE_FD_FLAGS 0
#endif

/* The tests define it themselves when they use an emulation. */
#ifndef SOCLE__HAVE_KQUEUE
#if defined(__FreeBSD__) || defined(__NetBSD__) || defined(__OpenBSD__) ||     \
	defined(__DragonFly__) || defined(__APPLE__)
#define SOCLE__HAVE_KQUEUE 1
#else
#define SOCLE__HAVE_KQUEUE 0
#endif
#endif

#if SOCLE__HAVE_KQUEUE
#include <sys/event.h>
#endif

/*
 * recvmmsg(2) and sendmmsg(2).  FreeBSD's are loops over recvmsg(2) and
 * sendmsg(2), as ours is.  NetBSD's and OpenBSD's leave an error in SO_ERROR,
 * and after one NetBSD's sendmmsg(2) fails for ever.
 */
#define SOCLE__HAVE_MMSG SOCLE__IS_LINUX

/* On the BSDs it is a library of its own. */
#if defined(__GLIBC__) || defined(__APPLE__)
#define SOCLE__HAVE_BACKTRACE 1
#else
#define SOCLE__HAVE_BACKTRACE 0
#endif

/* Whether several threads may search the system's list of protocols. */
#ifdef __GLIBC__
#define SOCLE__HAVE_PROTOCOLS 1
#else
#define SOCLE__HAVE_PROTOCOLS 0
#endif

/* ---- numbers ---- */

enum {
	/* Unix socket names without a file, which the kernel can assign. */
	SOCLE__HAVE_ABSTRACT = SOCLE__IS_LINUX,
	/* For recvmsg: return the full length of a datagram that is cut. */
	SOCLE__TELL_LENGTH = SOCLE__IS_LINUX ? MSG_TRUNC : 0,
#if SOCLE__HAVE_FD_FLAGS
	SOCLE__CLOEXEC = SOCK_CLOEXEC,
	SOCLE__NONBLOCK = SOCK_NONBLOCK,
#else
	SOCLE__CLOEXEC = 1 << 28, /* beside a socket's type */
	SOCLE__NONBLOCK = 1 << 29,
#endif
	/* Some headers say 128; the kernel reduces a larger value itself. */
	SOCLE__BACKLOG_MOST = SOMAXCONN > 4096 ? SOMAXCONN : 4096,
/* On macOS what TCP_NOPUSH has held back is not sent when it is cleared. */
#if defined(TCP_CORK)
	SOCLE__CORK = TCP_CORK,
#elif defined(TCP_NOPUSH) && !defined(__APPLE__)
	SOCLE__CORK = TCP_NOPUSH,
#else
	SOCLE__CORK = -1,
#endif
/* macOS always honours the option, MSG_NOSIGNAL only in recent versions. */
#if defined(SO_NOSIGPIPE) && (defined(__APPLE__) || !defined(MSG_NOSIGNAL))
	SOCLE__NOSIGPIPE = SO_NOSIGPIPE,
#else
	SOCLE__NOSIGPIPE = -1,
#endif
	/* The error of connect(2) if an AF_UNIX listener's backlog is full. */
	SOCLE__UNIX_FULL = SOCLE__IS_LINUX ? EAGAIN : ECONNREFUSED,
	/* Whether send(2) says EPIPE after a reset, and SO_ERROR the error. */
	SOCLE__SEND_HIDES_ERROR = !SOCLE__IS_LINUX,
/* Whether accept(2) without a free fd drops the client at the queue's head. */
#ifdef __APPLE__
	SOCLE__ACCEPT_DROPS = 1,
#else
	SOCLE__ACCEPT_DROPS = 0,
#endif
#ifdef NSIG
	SOCLE__SIGNALS = NSIG
#else
	SOCLE__SIGNALS = 65
#endif
};

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif
#ifndef MSG_CMSG_CLOEXEC
#define MSG_CMSG_CLOEXEC 0
#endif
#ifndef SO_DOMAIN
#define SO_DOMAIN (-1)
#endif
#ifndef SO_PROTOCOL
#define SO_PROTOCOL (-1)
#endif
#ifndef SO_REUSEPORT
#define SO_REUSEPORT (-1)
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT (SOCLE__IS_LINUX ? 103 : -1)
#endif
#ifndef UDP_GRO
#define UDP_GRO (SOCLE__IS_LINUX ? 104 : -1)
#endif
#ifndef RUSAGE_THREAD /* not everywhere has a thread a usage of its own */
#define RUSAGE_THREAD RUSAGE_SELF
#endif
#ifndef ENONET
#define ENONET (INT_MAX - 1)
#endif
#ifndef ENODATA /* sockets/sendfile.h says so */
#define ENODATA EIO
#endif
#ifndef EAI_ADDRFAMILY
#define EAI_ADDRFAMILY (INT_MAX - 1)
#endif

#ifdef __APPLE__ /* a shared library cannot name the variable */
#include <crt_externs.h>
#define environ (*_NSGetEnviron())
#elif !defined(__linux__)
extern char **environ;
#endif

/* ---- addresses ---- */

/* The BSDs have the length of an address in it as well. */
static inline void
socle__sockaddr_len(struct sockaddr *sa, socklen_t len)
{
#ifdef SIN6_LEN
	sa->sa_len = (uint8_t)len;
#else
	(void)sa;
	(void)len;
#endif
}

/*
 * Control data of an IPv4 datagram: the address that it was sent to, on receipt,
 * and the address to send it from.  NetBSD has IP_PKTINFO for senders and
 * IP_RECVPKTINFO for receivers, whose values differ between its versions.
 */
#if defined(IP_PKTINFO) &&                                                     \
	(!defined(IP_RECVPKTINFO) || IP_RECVPKTINFO == IP_PKTINFO)
#define SOCLE__HAVE_PKTINFO 1
#define socle__ip_info in_pktinfo
enum {
	SOCLE__IP_ASK = IP_PKTINFO,
	SOCLE__IP_TOLD = IP_PKTINFO,
	SOCLE__IP_FROM = IP_PKTINFO
};
#else
#define SOCLE__HAVE_PKTINFO 0
struct socle__ip_info {
	struct in_addr ipi_addr;
};
enum {
	SOCLE__IP_ASK = IP_RECVDSTADDR,
	SOCLE__IP_TOLD = IP_RECVDSTADDR,
#ifdef IP_SENDSRCADDR
	SOCLE__IP_FROM = IP_SENDSRCADDR
#else
	SOCLE__IP_FROM = -1
#endif
};
#endif

static inline struct socle__ip_info
socle__ip_info_from(struct in_addr from)
{
#if SOCLE__HAVE_PKTINFO
	struct socle__ip_info info = {.ipi_spec_dst = from};
#else
	struct socle__ip_info info = {.ipi_addr = from};
#endif

	return info;
}

static inline int
socle__ip_info_ifindex(const struct socle__ip_info *info)
{
#if SOCLE__HAVE_PKTINFO
	return (int)info->ipi_ifindex;
#else
	(void)info;
	return 0;
#endif
}

/* Errors that Linux queues if the application has set IP_RECVERR. */
#if defined(MSG_ERRQUEUE) && SOCLE__IS_LINUX
#define SOCLE__HAVE_ERRQUEUE 1
#else
#define SOCLE__HAVE_ERRQUEUE 0
#endif
struct socle__kept_error {
	uint32_t number;
	uint8_t origin, type, code, pad;
	uint32_t info, data;
};
enum { SOCLE__ERROR_LOCAL = 1, SOCLE__ERROR_ICMP = 2, SOCLE__ERROR_ICMP6 = 3 };

/* ---- making fds ---- */

/* For a system where the flags come after the fd; it is closed if it fails. */
static inline int
socle__fd_flags(int fd, int flags)
{
	int on = 1, saved;

	if (fd < 0)
		return fd;
	(void)setsockopt(fd, SOL_SOCKET, SOCLE__NOSIGPIPE, &on, sizeof(on));
	if (fcntl(fd, F_SETFD, flags & SOCLE__CLOEXEC ? FD_CLOEXEC : 0) == 0 &&
		fcntl(fd, F_SETFL, flags & SOCLE__NONBLOCK ? O_NONBLOCK : 0) ==
			0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* `type' with SOCLE__CLOEXEC, SOCLE__NONBLOCK. */
static inline int
socle__libc_socket(int domain, int type, int protocol)
{
#if SOCLE__HAVE_FD_FLAGS
	return socket(domain, type, protocol);
#else
	int flags = type & (SOCLE__CLOEXEC | SOCLE__NONBLOCK);

	return socle__fd_flags(socket(domain, type & ~flags, protocol), flags);
#endif
}

static inline int
socle__libc_socketpair(int domain, int type, int protocol, int *fds)
{
#if SOCLE__HAVE_FD_FLAGS
	return socketpair(domain, type, protocol, fds);
#else
	int flags = type & (SOCLE__CLOEXEC | SOCLE__NONBLOCK);

	if (socketpair(domain, type & ~flags, protocol, fds) < 0)
		return -1;
	if (socle__fd_flags(fds[0], flags) < 0) {
		close(fds[1]);
		return -1;
	}
	if (socle__fd_flags(fds[1], flags) < 0) {
		close(fds[0]);
		return -1;
	}
	return 0;
#endif
}

static inline int
socle__libc_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags)
{
#if defined(__NetBSD__) /* accept4(2) only since version 8 */
	return paccept(fd, a, n, NULL, flags);
#elif SOCLE__HAVE_FD_FLAGS
	return accept4(fd, a, n, flags);
#else
	return socle__fd_flags(accept(fd, a, n), flags);
#endif
}

/* `flags': O_CLOEXEC */
static inline int
socle__libc_dup3(int from, int to, int flags)
{
#if SOCLE__HAVE_FD_FLAGS
	return dup3(from, to, flags);
#else
	(void)flags;
	return dup2(from, to) < 0 || fcntl(to, F_SETFD, FD_CLOEXEC) < 0 ? -1
									: to;
#endif
}

/* Data written to the second is read from the first, which may be the same. */
static inline int
socle__libc_wake_fds(int *fds)
{
#if SOCLE__IS_LINUX
	fds[0] = fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return fds[0] < 0 ? -1 : 0;
#elif SOCLE__HAVE_FD_FLAGS
	return pipe2(fds, O_CLOEXEC | O_NONBLOCK);
#else
	if (pipe(fds) < 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		(void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
		(void)fcntl(fds[i], F_SETFD, FD_CLOEXEC);
	}
	return 0;
#endif
}

/* ---- moving bytes ---- */

/*
 * As on Linux: the number of bytes sent, with *at advanced; 0 at the end of the
 * file; -1 if none was sent.  The other systems return the count beside the
 * error.
 */
static inline ssize_t
socle__libc_sendfile(int to, int from, off_t *at, size_t n)
{
#if SOCLE__IS_LINUX
	return sendfile(to, from, at, n);
#elif defined(__FreeBSD__) || defined(__DragonFly__)
	off_t sent = 0;
	int r = sendfile(from, to, *at, n, NULL, &sent, 0);

	*at += sent;
	return r < 0 && sent == 0 ? -1 : (ssize_t)sent;
#elif defined(__APPLE__)
	off_t sent = (off_t)n;
	int r = sendfile(from, to, *at, &sent, NULL, 0);

	/* The kernel writes the count with every error. */
	*at += sent;
	if (r < 0 && errno == ENOTCONN)
		errno = EPIPE;
	return r < 0 && sent == 0 ? -1 : (ssize_t)sent;
#else
	(void)to;
	(void)from;
	(void)at;
	(void)n;
	errno = ENOSYS;
	return -1;
#endif
}

/*
 * Whether reading does not block: > 0.  macOS' poll(2) does not report that a
 * FIFO has lost its writers; its select(2) does.
 */
static inline int
socle__libc_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

#ifdef __APPLE__
	struct timeval at_once = {0, 0};
	fd_set set;

	if (fd < FD_SETSIZE) {
		FD_ZERO(&set);
		FD_SET(fd, &set);
		return select(fd + 1, &set, NULL, NULL, &at_once);
	}
#endif
	return poll(&p, 1, 0);
}

/* musl's macro is not as careful with signs as we are. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
static inline struct cmsghdr *
socle__cmsg_next(struct msghdr *m, struct cmsghdr *c)
{
	return CMSG_NXTHDR(m, c);
}
#pragma GCC diagnostic pop

/* A count of pieces: an int in some, a size_t in others. */
typedef __typeof__(((struct msghdr *)NULL)->msg_iovlen) socle__iovlen;

/* A message of the two that follow. */
#if SOCLE__HAVE_MMSG
#define socle__message mmsghdr
#else
struct socle__message {
	struct msghdr msg_hdr;
	unsigned msg_len;
};
#endif

#ifdef __GLIBC__ /* musl's are unsigned */
typedef int socle__mmsg_flags;
#else
typedef unsigned socle__mmsg_flags;
#endif

static inline int
socle__libc_recvmmsg(int fd, struct socle__message *m, unsigned n, int flags)
{
#if SOCLE__HAVE_MMSG
	return recvmmsg(fd, m, n, (socle__mmsg_flags)flags, NULL);
#else
	(void)fd;
	(void)m;
	(void)n;
	(void)flags;
	errno = ENOSYS;
	return -1;
#endif
}

static inline int
socle__libc_sendmmsg(int fd, struct socle__message *m, unsigned n, int flags)
{
#if SOCLE__HAVE_MMSG
	return sendmmsg(fd, m, n, (socle__mmsg_flags)flags);
#else
	(void)fd;
	(void)m;
	(void)n;
	(void)flags;
	errno = ENOSYS;
	return -1;
#endif
}

/* ---- variadic or oddly typed in libc ---- */

#if SOCLE__HAVE_KQUEUE
#ifdef __NetBSD__
typedef size_t socle__kevent_count;
#else
typedef int socle__kevent_count;
#endif
typedef __typeof__(((struct kevent *)NULL)->filter) socle__kevent_filter;

static inline int
socle__libc_kevent(int kq, const struct kevent *c, int changes,
	struct kevent *e, int events, const struct timespec *t)
{
	return kevent(kq, c, (socle__kevent_count)changes, e,
		(socle__kevent_count)events, t);
}
#endif

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

static inline int
socle__libc_fd_limit(struct rlimit *ret)
{
	return getrlimit(RLIMIT_NOFILE, ret);
}

/* The user at the other end of a connected AF_UNIX socket. */
static inline int
socle__libc_peer_uid(int fd, uid_t *ret)
{
#ifdef SO_PEERCRED
#ifdef __OpenBSD__
	struct sockpeercred peer;
#else
	struct ucred peer;
#endif
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -1;
	*ret = peer.uid;
	return 0;
#else
	gid_t group;

	return getpeereid(fd, ret, &group);
#endif
}

/* The number that the system's files give to a protocol's name. */
static inline int
socle__libc_protocol(const char *name)
{
#if SOCLE__HAVE_PROTOCOLS
	struct protoent entry, *found = NULL;
	char room[1024];
	int err = getprotobyname_r(name, &entry, room, sizeof(room), &found);

	if (found)
		return found->p_proto;
	errno = err ? err : ENOENT;
#else
	(void)name;
	errno = ENOENT;
#endif
	return -1;
}

/* Opens the file, which is made if need be, and locks it without waiting. */
static inline int
socle__libc_lock_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	close(fd);
	errno = EWOULDBLOCK;
	return -1;
}

/* Sets this thread's blocked signals. */
static inline int
socle__libc_signals_block(const sigset_t *set, sigset_t *before)
{
	return (errno = pthread_sigmask(SIG_SETMASK, set, before)) == 0 ? 0
									: -1;
}

/* Closes every fd above this one.  Async-signal-safe. */
static inline int
socle__libc_close_above(int fd)
{
	long most = sysconf(_SC_OPEN_MAX);

#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)fd + 1, ~0U, 0U) == 0)
		return 0;
#endif
	while (++fd < most)
		close(fd);
	return 0;
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

#endif

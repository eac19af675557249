/* errnos.h describes the table. */
#include "tests/sweep/errnos.h"

#include <errno.h>
#include <string.h>

/* clang-format off */
static const struct row {
	int errors[ERRORS_MOST];
	const char *why_not;
	bool moves;
} table[CALLS] = {
#define ROW(name, ...) [CALL_##name] = {.errors = {__VA_ARGS__}}
#define MOVES(name, ...) [CALL_##name] = {.errors = {__VA_ARGS__}, .moves = true}
#define NOT_FAILED(name, why) [CALL_##name] = {.why_not = why}

	/* ---- moving bytes ---- */
#define SEND_ERRORS EINTR, EAGAIN, ENOBUFS, ENOMEM, EPIPE, ECONNRESET, \
	ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, EACCES, EPERM
	MOVES(read, EINTR, EAGAIN, ECONNRESET, ETIMEDOUT, EIO, ENOMEM, ENOBUFS,
		EHOSTUNREACH, EBADF),
	MOVES(write, EINTR, EAGAIN, EPIPE, EIO, ENOSPC, EBADF),
	MOVES(writev, EINTR, EAGAIN, EPIPE, EIO, ENOMEM, ENOBUFS, ENOSPC, EBADF),
	MOVES(send, SEND_ERRORS, EBADF),
	MOVES(sendmsg, SEND_ERRORS, EMSGSIZE, ECONNREFUSED),
	MOVES(sendto, SEND_ERRORS, EMSGSIZE, ECONNREFUSED, EADDRNOTAVAIL),
	ROW(sendmmsg, EINTR, EAGAIN, ENOBUFS, ENOMEM, EPIPE, ECONNREFUSED,
		EHOSTUNREACH, ENETUNREACH, ENETDOWN, EPERM, EMSGSIZE, EIO,
		EINVAL, ENOSYS),
	MOVES(recvfrom, EINTR, EAGAIN, ECONNRESET, ECONNREFUSED, ETIMEDOUT,
		ENOMEM, ENOBUFS, ENOTCONN),
	ROW(recvmsg, EINTR, EAGAIN, ECONNREFUSED, EHOSTUNREACH, ENOMEM,
		ENOBUFS, EMSGSIZE, EIO, EBADF),
	ROW(recvmmsg, EINTR, EAGAIN, ECONNREFUSED, EHOSTUNREACH, ENOMEM,
		ENOBUFS, EMSGSIZE, EIO, ENOSYS, EBADF),
	MOVES(sendfile, EINTR, EAGAIN, ENOMEM, ENOBUFS, EIO, EINVAL, ENOSYS,
		EOPNOTSUPP, EPIPE, ECONNRESET, EOVERFLOW),
	MOVES(pread, EINTR, EIO, ENOMEM, ENOBUFS, EAGAIN, ESPIPE),
	ROW(shutdown, ENOTCONN, EINVAL, ENOBUFS),
	ROW(sockatmark, EINVAL, ENOTTY),
	ROW(unread, EINVAL, ENOTTY, EBADF),
	ROW(readable, EINTR, EAGAIN, ENOMEM, EINVAL),

	/* ---- sockets ---- */
	ROW(socket, EMFILE, ENFILE, ENOBUFS, ENOMEM, EACCES, EPERM,
		EAFNOSUPPORT, EPROTONOSUPPORT),
	ROW(socketpair, EMFILE, ENFILE, ENOBUFS, ENOMEM, EOPNOTSUPP),
	ROW(bind, EADDRINUSE, EADDRNOTAVAIL, EACCES, ENOMEM, ENOBUFS, ENOENT,
		ENOTDIR, EROFS, EIO),
	ROW(listen, EADDRINUSE, ENOBUFS, EOPNOTSUPP, EINVAL),
	ROW(connect, EINTR, EINPROGRESS, EAGAIN, ECONNREFUSED, ETIMEDOUT,
		EHOSTUNREACH, ENETUNREACH, EADDRNOTAVAIL, EADDRINUSE,
		ECONNRESET, EACCES, EPERM, ENOENT, ENOMEM, ENOBUFS),
	ROW(accept4, EINTR, EAGAIN, ECONNABORTED, EPROTO, EPERM, ENETDOWN,
		EHOSTUNREACH, ETIMEDOUT, EMFILE, ENFILE, ENOBUFS, ENOMEM),
	ROW(getsockname, ENOBUFS, EINVAL, ECONNRESET),
	ROW(getpeername, ENOBUFS, ENOTCONN, EINVAL),
	ROW(getsockopt, ENOBUFS, ENOMEM, ENOPROTOOPT, EINVAL),
	ROW(setsockopt, ENOBUFS, ENOMEM, ENOPROTOOPT, EINVAL, EDOM, EPERM),
	ROW(getaddrinfo, EMFILE, ENOMEM, EAGAIN, EINTR),
	ROW(protocol, ENOENT, EMFILE, ERANGE),

	/* ---- files and fds ---- */
	ROW(fstat, EIO, ENOMEM, EOVERFLOW, EBADF),
	ROW(lstat, EACCES, ENOENT, ENOTDIR, ELOOP, EIO, ENOMEM),
	ROW(unlink, EACCES, ENOENT, EPERM, EBUSY, EROFS, EIO),
	ROW(lock_file, EACCES, EWOULDBLOCK, EROFS, EMFILE, ENFILE, ENOSPC,
		ELOOP, EINTR),
	ROW(open, EINTR, EACCES, ENOENT, EMFILE, ENFILE, ENOMEM, ELOOP, ENXIO,
		EIO),
	ROW(close, EINTR, EIO, ENOSPC, ECONNRESET),
	ROW(fcntl, EINVAL, EPERM, EBADF),
	ROW(dup2, EINTR, EBUSY, EMFILE),
	ROW(dup3, EINTR, EBUSY, EMFILE),
	ROW(wake_fds, EMFILE, ENFILE, ENOMEM, ENODEV),

	/* ---- waiting ---- */
	ROW(poll, EINTR, EAGAIN, ENOMEM, EINVAL),
#ifdef __linux__
	ROW(epoll_create1, EMFILE, ENFILE, ENOMEM),
	ROW(epoll_ctl, ENOMEM, ENOSPC, EBADF),
	ROW(epoll_wait, EINTR, EBADF, EINVAL),
#endif
#if SOCLE__HAVE_KQUEUE
	ROW(kqueue, EMFILE, ENFILE, ENOMEM),
	ROW(kevent, EINTR, ENOMEM, EBADF),
#endif

	/* ---- the process ---- */
	ROW(sigaction, EINVAL),
	ROW(getrusage, EINVAL),
	ROW(fork, EAGAIN, ENOMEM),
	ROW(execve, ENOENT, EACCES, ENOMEM),
	ROW(waitpid, EINTR, ECHILD),
	ROW(kill, ESRCH, EPERM),
	NOT_FAILED(signals_block, "with these arguments it cannot fail"),
	NOT_FAILED(close_above, "it has no result"),
	ROW(fd_limit, EINVAL),
	ROW(peer_uid, ENOTCONN, EINVAL, ENOPROTOOPT),
	ROW(thread_create, EAGAIN, ENOMEM, EPERM),
	ROW(malloc, ENOMEM),
	ROW(calloc, ENOMEM),
	ROW(realloc, ENOMEM),
	NOT_FAILED(clock_gettime, "with this clock it cannot fail"),
	NOT_FAILED(change, "it is part of an epoll_ctl or a kevent"),
};
/* clang-format on */

const int *
errnos_of(enum call which)
{
	return table[which].errors;
}

const char *
why_not_failed(enum call which)
{
	return table[which].why_not;
}

bool
moves_bytes(enum call which)
{
	return table[which].moves;
}

bool
is_temporary(enum call which, int err)
{
	bool dgrams = which == CALL_sendto || which == CALL_sendmmsg ||
		which == CALL_recvmsg || which == CALL_recvmmsg;
	bool writes = dgrams || which == CALL_send || which == CALL_sendmsg ||
		which == CALL_writev || which == CALL_sendfile;

	if (which == CALL_accept4 || err == EINTR)
		return true;
	if (err == EAGAIN)
		return writes || which == CALL_read;
	return writes && (err == ENOBUFS || err == ENOMEM);
}

bool
is_shortage(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOMEM ||
		err == ENOBUFS || err == ENOSPC;
}

long
most_in_a_row(const struct socle__site *s, int err)
{
	enum call c = site_call(s);

	if (err == EINTR || (err == EBUSY && c == CALL_dup3))
		return 30;
	/* A timed accept(2): poll(2) said that there is a client. */
	if (err == EAGAIN && strcmp(s->function, "accept_once") == 0)
		return 30;
	/* A blocking connect(2) waits until the backlog has space. */
	if (c == CALL_connect && (err == EAGAIN || err == ECONNREFUSED))
		return 30;
	return -1;
}

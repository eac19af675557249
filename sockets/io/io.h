/*
 * Sockets as objects, outside the loop (IO::Socket).
 *
 * These sockets block unless created otherwise, and name look-ups block
 * always.  They are for clients, tools and tests, and for the start of a
 * daemon, before its loop runs.  To use such a socket in the loop, pass the fd
 * that socle_io_steal() returns to socle_socket_init(), or watch its fd with
 * socle_add_other_fd().
 *
 * The caller allocates the object.  An object of all zero bytes has no fd; nor
 * has one after a failed socle_io_open() or after socle_io_close().  Such an
 * object can be used for another socket.  From the call that created or
 * adopted the fd until socle_io_close() or socle_io_steal() the object owns
 * it; no other call closes it.  An object has no pointers into itself and may
 * be moved in memory, but after a copy only one of the two may be used.
 *
 * Any thread may use an object, but only one thread at a time.  No loop is
 * needed.  After a fork, parent and child share the socket as with a bare fd.
 *
 * Results of type int and ssize_t are >= 0 or -errno: -EBADF if the object has
 * no fd, otherwise the error of the system call; the errors listed below are
 * the notable ones.  EINTR is never returned.  A call that fails leaves the
 * object as it was, except where its description says otherwise, and except
 * for the text of socle_io_errstr().  -EAGAIN and -EINPROGRESS are not
 * failures and leave even that text.
 *
 * Objects and results must not be NULL unless a description allows it.
 * Pointers are used during the call only.  Every fd is close-on-exec.  Sending
 * never raises SIGPIPE.
 */
#ifndef SOCLE_SOCKETS_IO_H
#define SOCLE_SOCKETS_IO_H

#include "../names/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)
/* A function and a struct share a name, of which g++ -Wshadow warns. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

struct socle_io {
	/* private */
	int handle;     /* the fd + 1; 0: none */
	int connecting; /* -EINPROGRESS, the error of that connect, or 0 */
	bool wants_to;  /* not connected: each send must name the peer */
	double timeout; /* seconds; 0: none */
	struct socle__io_plan *plan; /* addresses left to try, or NULL */
	struct socle_addr last_peer; /* of send or recv; len 0: none */
	char errstr[96];
};

/* A call of setsockopt(2): the int `value', or `len' bytes of `data'. */
struct socle_io_sockopt {
	int level, opt;
	int value;
	const void *data; /* instead of value, if not NULL */
	socklen_t len;
};

/*
 * Zero is the default of every field.  An address is "host", "host:port" or
 * "[::1]:port"; the host is a name or a numeric address.  With AF_UNIX it is a
 * path or, on Linux, "@name" in the abstract name space, with or without
 * "unix:" before it.  A relative path is looked up in the working directory of
 * the moment.
 *
 * A port is a number, the name of a service, or both: "http(80)" is port 80 if
 * the name is unknown, "(80)" always.  A port in an address takes precedence over the field.
 * AF_UNIX ignores ports.
 *
 * NULL and "" both mean that a text is not given, with one exception: with
 * domain AF_UNIX the local_addr "" has the kernel choose a name (Linux).
 */
struct socle_io_params {
	/*
	 * 0: the family of the address, which is AF_UNIX for "/path", "@name"
	 * and "unix:..."; AF_INET if no address is given.  Any other value is
	 * passed to socket(2) unchanged.
	 */
	int domain;
	/*
	 * 0: that of the protocol or, without one, of the service if it has a
	 * name: SOCK_DGRAM for "tftp", which exists for UDP alone.  Else
	 * SOCK_STREAM.
	 */
	int type;
	/*
	 * "tcp", "udp", "icmp", ... or digits; NULL: 0.  With AF_UNIX the
	 * protocol is always 0, and in other domains than AF_INET and AF_INET6
	 * that of a name is.
	 */
	const char *proto;
	/*
	 * The socket is bound if one of the two is given or `listen' is not 0.
	 * Without an address it is bound to any address, without a port to
	 * one that the kernel chooses.  "*" is any address.
	 */
	const char *local_addr, *local_port;
	/*
	 * The socket is connected if one of the two is given.  Without an
	 * address it connects to the loopback address.
	 */
	const char *peer_addr, *peer_port;
	/* The backlog; 0: do not listen; < 0: the largest the system allows. */
	int listen;
	bool nonblocking;
	/* Seconds that a connect or an accept may block; 0: no limit. */
	double timeout;
	bool reuse_addr, reuse_port, broadcast; /* SO_REUSEADDR, ... */
	/* 0: "::" serves IPv4 too; > 0: it does not; < 0: system's default. */
	int v6only;
	/* Further options, set before the socket is bound, in this order. */
	const struct socle_io_sockopt *sockopts;
	size_t n_sockopts;
};

/* ---- creating and closing ---- */

/*
 * Initialises `io' and creates its socket as `p' describes (IO::Socket's new):
 * sets the options, binds, and listens or connects.  If `p' is NULL or has
 * only zero fields apart from the timeout, the object gets no fd.  Previous
 * contents of `io' are overwritten, not closed.
 *
 * If a name has several addresses, each is tried in turn, with the whole
 * timeout for each.  If all fail, the result is the error of the attempt that
 * got furthest, connect before bind before socket, and of several the last.
 * An option that cannot be set fails the call at once.  A datagram socket of
 * AF_UNIX is bound, but `listen' is ignored.
 *
 * With `nonblocking' the call does not wait for the connection and returns 0;
 * socle_io_connected() reports the outcome.  The object then holds memory for
 * the addresses left to try, which is freed when the connect has succeeded or
 * failed, by socle_io_connect(), and by socle_io_close() and socle_io_steal().
 *
 * Returns 0; or -errno, and the object has no fd.  The text of
 * socle_io_errstr() then starts with the operation that failed: timeout,
 * socket, setsockopt, getaddrinfo, bind, listen or connect.
 *
 *	-EINVAL		an unknown host, service or protocol; a number that
 *			socle_addr_parse() refuses ("127.1"); a peer without a
 *			port or with port 0; a peer together with `listen'; a timeout that is
 *			negative or NaN
 *	-ENAMETOOLONG	a path, host or service
 *	-EAFNOSUPPORT	no address of a family that both sides, or the domain,
 *			have
 *	-ETIMEDOUT	"connect: timeout"; or no name server answered
 *	-EAGAIN		`nonblocking', and the backlog of an AF_UNIX listener
 *			is full
 *	-ENOMEM
 *
 * and the errors of socket(2), setsockopt(2), bind(2), listen(2), connect(2).
 */
int socle_io_open(struct socle_io *io, const struct socle_io_params *p);

/*
 * Creates a blocking socket by socket(2) for an object without an fd.  `proto'
 * is the number of a protocol.  Returns 0; -EBUSY: the object has an fd.
 *
 * A text is allowed instead of a number, as in struct socle_io_params: it is
 * then socle_io_socket_by_name() that is called.  `type' may be 0, and outside
 * of AF_INET and AF_INET6 a name has no number, so that the protocol is 0.
 * -EINVAL: an unknown name.
 */
int socle_io_socket(struct socle_io *io, int domain, int type, int proto);
int socle_io_socket_by_name(
	struct socle_io *io, int domain, int type, const char *proto);

/*
 * Initialises both objects as the ends of a socketpair(2).  Previous contents
 * are overwritten, not closed; after a failure neither object has an fd.
 */
int socle_io_socketpair(struct socle_io *a, struct socle_io *b, int domain,
	int type, int proto);

/*
 * Gives the socket `fd' to an object without an fd.  The fd stays blocking or
 * non-blocking and is made close-on-exec.  Returns 0, and the object owns the
 * fd; or -errno, and the caller still owns it: -EBUSY, the object has an fd;
 * -ENOTSOCK.
 */
int socle_io_adopt(struct socle_io *io, int fd);

/*
 * Returns the fd, which the caller owns from then on.  The object has no fd;
 * its timeout and the text of socle_io_errstr() stay.
 */
int socle_io_steal(struct socle_io *io);

/*
 * Closes the fd; the timeout and the text of socle_io_errstr() stay.  Allowed
 * on an object without an fd.
 */
void socle_io_close(struct socle_io *io);

/* ---- connecting ---- */

/* As bind(2).  -EINVAL: `addr' is NULL, or its len does not fit the family. */
int socle_io_bind(struct socle_io *io, const struct socle_addr *addr);

/* As listen(2); a backlog of 0 or less, or too large, is the largest. */
int socle_io_listen(struct socle_io *io, int backlog);

/*
 * Accepts the next client and initialises `ret' with its socket, which blocks
 * and has the listener's timeout.  `ret' must not be `io'; its previous
 * contents are overwritten, not closed, and are untouched after a failure.
 * `peer' may be NULL; the address of an AF_UNIX client without a name is its
 * family alone.  A client that has already disconnected (ECONNABORTED) is
 * skipped; on OpenBSD a listener that was shut down returns that error.
 *
 * A blocking listener waits, at most for the timeout: -ETIMEDOUT, "accept:
 * timeout".  A non-blocking one returns -EAGAIN.  During a call with a timeout
 * the fd is non-blocking, for other processes that share it too.
 */
int socle_io_accept(
	struct socle_io *io, struct socle_io *ret, struct socle_addr *peer);

/*
 * Connects to `addr'; addresses that socle_io_open() has left to try are
 * dropped.  Returns 0: connected.
 *
 * A blocking socket waits, at most for the timeout: -ETIMEDOUT, "connect:
 * timeout".  As in accept, the fd is non-blocking during a call with a timeout.
 * A non-blocking socket does not wait:
 *
 *	-EINPROGRESS	socle_io_connected() reports the outcome
 *	-EAGAIN		the backlog of an AF_UNIX listener is full; try again
 *	-EALREADY	an earlier connect is in progress
 *
 * -EINVAL: `addr' is NULL, its len does not fit the family, or it has port 0 and
 * the protocol has ports.  -ECONNREFUSED also for a TCP socket that connected
 * to itself, which the kernel allows on a local port without a listener.  After
 * a failure close a stream socket and create a new one: systems differ in what
 * the old one can still do.
 */
int socle_io_connect(struct socle_io *io, const struct socle_addr *addr);

/*
 * Returns 1: the socket is connected, even if the peer has sent its end of
 * stream; 0: it is not, was reset, or a connect is in progress; -errno: that
 * connect has failed.  Later calls return the same error, until the next
 * connect.  Ask when the fd is writable.
 *
 * If socle_io_open() has addresses left to try, a failure starts a connect to
 * the next one, and the result is 0.  The fd then keeps its number but is
 * another socket: add it again to the epoll or kqueue that watches it.
 */
int socle_io_connected(struct socle_io *io);

/*
 * As shutdown(2): `how' is SHUT_RD, SHUT_WR or SHUT_RDWR.  The last peer is
 * forgotten.  -ENOTCONN; -EINVAL.
 */
int socle_io_shutdown(struct socle_io *io, int how);

/* ---- data ---- */

/*
 * Sends to `to' or, if it is NULL, to the connected peer or, if there is none,
 * to the last peer: the one that the object last sent to or received from.
 * `flags' is that of send(2).  Returns the number of bytes sent, on a stream
 * possibly fewer than `len'.
 *
 *	-EAGAIN		non-blocking, and no buffer space
 *	-EDESTADDRREQ	or -ENOTCONN: there is no peer
 *	-EPIPE		the stream was closed
 *	-EMSGSIZE	the datagram is too long
 *	-EINVAL		the len of `to' does not fit its family
 *
 * and the other errors of sendto(2).  The timeout does not apply.
 */
ssize_t socle_io_send(struct socle_io *io, const void *data, size_t len,
	int flags, const struct socle_addr *to);

/*
 * Receives up to `size' bytes.  The sender becomes the last peer; if it has no
 * address, there is no last peer.  `flags' is that of recv(2).  Returns the
 * number of bytes received; 0 is the end of a stream or an empty datagram.  The
 * part of a datagram that does not fit is lost; with MSG_TRUNC in `flags' Linux
 * returns the whole length.
 *
 * `from' may be NULL; its len is 0 if the kernel reports no sender, as on a
 * TCP stream.  -EAGAIN: non-blocking, and nothing to receive.  The timeout does
 * not apply.
 */
ssize_t socle_io_recv(struct socle_io *io, void *buf, size_t size, int flags,
	struct socle_addr *from);

/* Returns 1 if reading is at the out-of-band mark, else 0. */
int socle_io_atmark(struct socle_io *io);

/* ---- addresses, kind and options ---- */

/* Stores the local address in *ret. */
int socle_io_sockname(struct socle_io *io, struct socle_addr *ret);

/*
 * Stores the address of the connected peer in *ret or, on a socket that is not
 * connected, the last peer.  -ENOTCONN: there is neither.
 */
int socle_io_peername(struct socle_io *io, struct socle_addr *ret);

/*
 * As getsockopt(2) and setsockopt(2).  *len is the size of `value' before the
 * call, and the number of bytes written after it.
 */
int socle_io_getsockopt(
	struct socle_io *io, int level, int opt, void *value, socklen_t *len);
int socle_io_setsockopt(struct socle_io *io, int level, int opt,
	const void *value, socklen_t len);

/*
 * Get and set an option of level SOL_SOCKET whose value is an int.  Getting
 * returns the value.  A negative value looks like -errno: use
 * socle_io_getsockopt() for an option that can have one.
 */
int socle_io_sockopt(struct socle_io *io, int opt);
int socle_io_set_sockopt(struct socle_io *io, int opt, int value);

/*
 * Return the domain (AF_INET, ...), the type (SOCK_STREAM, ...) and the
 * protocol (IPPROTO_TCP, ...; 0 with AF_UNIX), as the kernel reports them.  A
 * kernel without SO_PROTOCOL does not report the protocol: it then follows
 * from the other two, or the result is -ENOPROTOOPT; outside of AF_INET and
 * AF_INET6 it is then 0.
 */
int socle_io_sockdomain(struct socle_io *io);
int socle_io_socktype(struct socle_io *io);
int socle_io_protocol(struct socle_io *io);

/*
 * TCP_NODELAY: small writes are sent at once, or gathered, as they are at
 * first.  Returns 0; also, without effect, on a socket that is not TCP.
 */
int socle_io_autoflush(struct socle_io *io, bool on);

/*
 * Makes the socket blocking or non-blocking.  Returns the previous mode: 1 if
 * it was blocking, else 0.
 */
int socle_io_blocking(struct socle_io *io, bool on);

/*
 * The timeout of connect and accept in seconds; 0: none.  Needs no fd.  Setting
 * returns the previous timeout; or, unchanged, -EINVAL as a double for one that
 * is negative or NaN.
 */
double socle_io_timeout(const struct socle_io *io);
double socle_io_set_timeout(struct socle_io *io, double seconds);

/*
 * Returns the operation that failed last and the reason: "connect: Connection
 * refused", "connect: timeout", "getaddrinfo: Bad hostname 'nowhere'"; or "" if
 * none has failed.  A long text is truncated.  Calls that succeed leave it,
 * except those that initialise the object.  It is stored in the object and
 * valid until the next failure.
 */
const char *socle_io_errstr(const struct socle_io *io);

/* Returns the fd, which the object still owns; -1 if it has none. */
int socle_io_fd(const struct socle_io *io);

#pragma GCC diagnostic pop
#pragma GCC visibility pop
#ifdef __cplusplus
}

static inline int
socle_io_socket(struct socle_io *io, int domain, int type, const char *proto)
{
	return socle_io_socket_by_name(io, domain, type, proto);
}
#else
/* clang-format off */
#define socle_io_socket(io, domain, type, proto)                               \
	_Generic((proto),                                                      \
		char *: socle_io_socket_by_name,                               \
		const char *: socle_io_socket_by_name,                         \
		void *: socle_io_socket_by_name,                               \
		default: socle_io_socket)(io, domain, type, proto)
/* clang-format on */
#endif

#endif

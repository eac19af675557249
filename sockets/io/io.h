/*
 * A socket as an object, outside the loop: IO::Socket.
 *
 * It blocks unless told otherwise, and looks names up while the caller waits:
 * this is for clients, tools and tests, and for what a daemon does before its
 * loop runs.  A socket made here goes to the loop by socle_io_steal(), or is
 * watched there by socle_add_other_fd() of its fd.
 *
 * The object is memory of yours.  Zeroed it is one without an fd; so is what a
 * failed socle_io_open() leaves, and a closed one, and each can be used again.
 * It owns its fd from the call that made or adopted it until
 * socle_io_close() or socle_io_steal().  It has no pointer into itself: it may
 * be moved, but only one of two copies may be used on.  Any thread may use it,
 * one at a time; no loop is needed.
 *
 * Results are >= 0 or -errno: -EBADF without an fd, else what the kernel says.
 * EINTR never comes out.  A failed call has changed nothing but the text of
 * socle_io_errstr(); -EAGAIN and -EINPROGRESS, which are no errors, not even
 * that.  Pointers are borrowed for the call.  Every fd is close-on-exec, and no
 * write raises SIGPIPE.
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

struct socle_io {
	/* private */
	int handle;     /* the fd + 1; 0: none */
	int connecting; /* -EINPROGRESS; or why that connect failed; or 0 */
	bool wants_to;  /* not connected: a send has to name the peer */
	double timeout; /* seconds; 0: none */
	struct socle__io_plan *plan; /* what else to connect to, or NULL */
	struct socle_addr last_peer; /* of send or recv; len 0: none */
	char errstr[96];
};

/* setsockopt(2) as a struct: the int `value', or `len' bytes of `data'. */
struct socle_io_sockopt {
	int level, opt;
	int value;
	const void *data; /* instead of value, when not NULL */
	socklen_t len;
};

/*
 * Addresses are "host", "host:port" or "[::1]:port", names or numbers, and
 * with AF_UNIX a path or "@name", with "unix:" before it or not.  The port in
 * an address wins over the field; it may be a number, a service's name, or
 * both, "http(80)": the number if the name is unknown.  NULL and "" are none;
 * with AF_UNIX a local "" is a name that the kernel chooses (Linux).
 */
struct socle_io_params {
	/*
	 * 0: that of the address, AF_UNIX for "/path", "@name" and "unix:...";
	 * AF_INET if there is none.  Any other is handed to socket(2) as it is.
	 */
	int domain;
	int type;          /* 0: the protocol's own, else SOCK_STREAM */
	const char *proto; /* "tcp", "udp", "icmp", ... or digits; NULL: 0 */
	/* Bound if there is any of these or `listen'. */
	const char *local_addr, *local_port;
	/* Connected if there is any of these; a port alone is this machine's. */
	const char *peer_addr, *peer_port;
	int listen; /* backlog; 0: does not listen; < 0: the system's most */
	bool nonblocking;
	double timeout; /* seconds, for connect and accept; 0: none */
	bool reuse_addr, reuse_port, broadcast;
	int v6only; /* 0: "::" serves IPv4 too; 1: not; -1: the system's way */
	const struct socle_io_sockopt *sockopts; /* set before bind, in order */
	size_t n_sockopts;
};

/* ---- making and ending ---- */

/*
 * Makes `io', whatever was in it, as `p' says (IO::Socket's new): socket,
 * options, bind, and listen or connect.  With p NULL or nothing in it, or the
 * timeout alone, it has no fd.
 *
 * A name may have several addresses: each is tried in turn, each with the
 * whole timeout, and of the failures the last connect's is told, or the last
 * bind's, or the last socket's.  An option that cannot be set ends it at once.
 * `nonblocking' connects without waiting: what waits is told by
 * socle_io_connected().
 *
 * 0, or -errno and an object without an fd.  errstr then begins with the
 * operation: socket, setsockopt, getaddrinfo, bind, listen, connect.  -EINVAL:
 * an unknown host, service or protocol, a peer without a port, listening and a
 * peer at once, a negative timeout; -ENAMETOOLONG: a path, host or service;
 * -EAFNOSUPPORT: addresses of another family than the domain or each other;
 * -ETIMEDOUT: "connect: timeout", or name servers that do not answer; -ENOMEM.
 */
int socle_io_open(struct socle_io *io, const struct socle_io_params *p);

/* Gives one without an fd a socket(2).  -EBUSY: it has one. */
int socle_io_socket(struct socle_io *io, int domain, int type, int proto);

/* Makes both, whatever was in them; after a failure neither has an fd. */
int socle_io_socketpair(struct socle_io *a, struct socle_io *b, int domain,
	int type, int proto);

/*
 * Gives one without an fd a socket of yours, which it owns from then on; its
 * mode stays.  -EBUSY: it has one; -ENOTSOCK; after a failure it is yours.
 */
int socle_io_adopt(struct socle_io *io, int fd);

/*
 * Lets the fd go, which is yours then, to make a socle_socket of it or what
 * you like; the object has none.  The fd.
 */
int socle_io_steal(struct socle_io *io);

/* Closes, once; the timeout and errstr stay. */
void socle_io_close(struct socle_io *io);

/* ---- connecting ---- */

/* -ENAMETOOLONG and others as bind(2). */
int socle_io_bind(struct socle_io *io, const struct socle_addr *addr);

/* A backlog of 0 or less, or too much, is the system's most. */
int socle_io_listen(struct socle_io *io, int backlog);

/*
 * Takes the next client into `ret', whatever was in it: a blocking socket with
 * the listener's timeout.  `peer' may be NULL; that of an AF_UNIX client
 * without a name has no more than its family.  A client that is gone again is
 * passed over.
 *
 * A blocking listener waits, for the timeout at most: -ETIMEDOUT, "accept:
 * timeout".  A non-blocking one does not: -EAGAIN.
 */
int socle_io_accept(
	struct socle_io *io, struct socle_io *ret, struct socle_addr *peer);

/*
 * Connects; ends what an earlier one still had to try.  A blocking socket
 * waits, for the timeout at most (-ETIMEDOUT, "connect: timeout"), and blocks
 * again afterwards.  A non-blocking one does not: -EINPROGRESS, and
 * socle_io_connected() tells; -EAGAIN: an AF_UNIX listener's backlog is full,
 * try again.  A TCP socket that connected to itself, which the kernel lets
 * happen where nobody listens, is -ECONNREFUSED.  After a failure close a
 * stream socket and take a new one: systems differ in what the old can do.
 */
int socle_io_connect(struct socle_io *io, const struct socle_addr *addr);

/*
 * 1: it has a peer, even one that has sent its end; 0: it has none, or a reset
 * has cut it off, or a connect is under way; -errno: the connect that was
 * under way has failed, and says so from then on.  Ask when the fd is
 * writable.
 *
 * If socle_io_open() found more addresses, a failure goes on to the next, and
 * the result is 0 again.  The fd keeps its number; what watches it in the
 * kernel has to be told of it anew.
 */
int socle_io_connected(struct socle_io *io);

/*
 * SHUT_RD, SHUT_WR or SHUT_RDWR; forgets the last peer.  -ENOTCONN, -EINVAL.
 */
int socle_io_shutdown(struct socle_io *io, int how);

/* ---- data ---- */

/*
 * Sends to `to', or if NULL to whom the socket is connected, else to the last
 * peer: whom it sent to or received from last.  The bytes sent; a stream may
 * take a part.  -EAGAIN: non-blocking and no room; -EDESTADDRREQ or -ENOTCONN:
 * there is no peer; -EPIPE, -EMSGSIZE and others as sendto(2).
 */
ssize_t socle_io_send(struct socle_io *io, const void *data, size_t len,
	int flags, const struct socle_addr *to);

/*
 * Receives, and remembers the sender, or that there is none to answer.  The bytes received: 0 is the end of a
 * stream, or an empty datagram.  What of a datagram does not fit is lost; with
 * MSG_TRUNC in flags Linux returns its whole length.  `from' may be NULL; its
 * len is 0 where the kernel names no sender, as on a TCP stream.  -EAGAIN:
 * non-blocking and nothing there.  The timeout is not for this.
 */
ssize_t socle_io_recv(struct socle_io *io, void *buf, size_t size, int flags,
	struct socle_addr *from);

/* Whether the next byte is behind the out-of-band mark: 1, 0. */
int socle_io_atmark(struct socle_io *io);

/* ---- names, kind and options ---- */

/* The local address. */
int socle_io_sockname(struct socle_io *io, struct socle_addr *ret);

/* The peer; of one that is not connected the last peer; else -ENOTCONN. */
int socle_io_peername(struct socle_io *io, struct socle_addr *ret);

/*
 * As getsockopt(2) and setsockopt(2).  `len' is the room in `value', and then
 * what was written.
 */
int socle_io_getsockopt(
	struct socle_io *io, int level, int opt, void *value, socklen_t *len);
int socle_io_setsockopt(struct socle_io *io, int level, int opt,
	const void *value, socklen_t len);

/*
 * An int at SOL_SOCKET.  One that the kernel counts below 0 looks like -errno:
 * ask socle_io_getsockopt().
 */
int socle_io_sockopt(struct socle_io *io, int opt);
int socle_io_set_sockopt(struct socle_io *io, int opt, int value);

/*
 * AF_INET, ...; SOCK_STREAM, ...; IPPROTO_TCP, ..., 0 with AF_UNIX.  Asked of
 * the kernel each time; where it does not know the protocol it follows from
 * the other two, or is -ENOPROTOOPT.
 */
int socle_io_sockdomain(struct socle_io *io);
int socle_io_socktype(struct socle_io *io);
int socle_io_protocol(struct socle_io *io);

/*
 * Small writes go at once (TCP_NODELAY) or are gathered, as at the start.
 * 0 on what is no TCP socket.
 */
int socle_io_autoflush(struct socle_io *io, bool on);

/* The mode before: 1 it blocked, 0 it did not. */
int socle_io_blocking(struct socle_io *io, bool on);

/*
 * Seconds; 0: none.  Setting returns the old one; a negative one or no number
 * is refused: -EINVAL, as a double.
 */
double socle_io_timeout(const struct socle_io *io);
double socle_io_set_timeout(struct socle_io *io, double seconds);

/*
 * What failed last, "connect: Connection refused", "connect: timeout",
 * "getaddrinfo: Bad hostname 'nowhere'"; "" if nothing has.  It is the
 * object's, until its next failure.
 */
const char *socle_io_errstr(const struct socle_io *io);

int socle_io_fd(const struct socle_io *io); /* -1: it has none */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

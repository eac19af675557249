/*
 * Creating sockets without blocking: listeners, connectors and bound datagram
 * sockets (POE::Wheel::SocketFactory).
 *
 * A factory belongs to the loop of the thread that created it and is used on
 * that thread only.  Every function here may be called inside any callback,
 * and a callback may free the factory that it was called for.  The sockets
 * that a factory creates are non-blocking and close-on-exec.
 *
 * socle_reset() and the end of the thread free all factories of the thread;
 * no callback runs.  After a fork, socle_after_fork() keeps the factories in
 * the child: parent and child then accept from the same listening socket and
 * share the sockets that are connecting.  A name look-up that was under way
 * fails in the child with -ECANCELED.  The child never removes the file of a
 * unix socket.
 */
#ifndef SOCLE_SOCKETS_FACTORY_H
#define SOCLE_SOCKETS_FACTORY_H

#include "../class.h"
#include "../names/addr.h"
#include "../socket.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* A failure, and its factory; valid until the callback returns. */
struct socle_failure {
	/*
	 * Static text: "domain", "socket", "setsockopt", "getaddrinfo",
	 * "bind", "listen", "connect" or "accept".
	 */
	const char *operation;
	int err;         /* -errno */
	char errstr[96]; /* the text of strerror(3) */
	uint64_t id;     /* socle_factory_id() of the factory */
};

/* What a listener does when accept(2) fails with EMFILE or ENFILE. */
enum {
	/*
	 * Stop accepting until the library closes an fd, and retry every
	 * 100 ms.  Clients wait in the backlog.  (On macOS accept(2) has
	 * already dropped the first of them.)
	 */
	SOCLE_EMFILE_PAUSE,
	/*
	 * Accept the client on a reserved fd and close it at once.  Where the
	 * reserved fd could not be opened again: as SOCLE_EMFILE_PAUSE.
	 */
	SOCLE_EMFILE_SHED
};

/*
 * Zero is the default of every field.  Without a remote address a socket of
 * type SOCK_STREAM or SOCK_SEQPACKET listens, and any other is bound; with a
 * remote address the socket connects.  NULL and "" both mean that a text is
 * not given.
 */
struct socle_factory_params {
	/*
	 * AF_INET, AF_INET6 or AF_UNIX.  0: the family of bind_addr or, without
	 * one, of remote_addr; for addresses given as text AF_INET, except that
	 * a remote_address may have either family if no bind address is given.
	 */
	int socket_domain SOCLE_OPTIONAL;
	/* 0: the type that socket_protocol implies, else SOCK_STREAM. */
	int socket_type SOCLE_OPTIONAL;
	/* "tcp", "udp", ... or digits; ignored with AF_UNIX. */
	const char *socket_protocol SOCLE_OPTIONAL;
	bool reuse SOCLE_OPTIONAL;      /* SO_REUSEADDR; not with AF_UNIX */
	bool reuse_port SOCLE_OPTIONAL; /* SO_REUSEPORT; not with AF_UNIX */
	bool v6only SOCLE_OPTIONAL;     /* false: "::" serves IPv4 too */
	/*
	 * Names or numbers.  A bind_port alone binds to any address; without
	 * it the kernel chooses the port.  With AF_UNIX an address is a path
	 * or, on Linux, "@name" in the abstract name space; ports are ignored.
	 * The kernel looks up a relative path in the working directory of the
	 * moment at which the library uses it.
	 */
	const char *bind_address SOCLE_OPTIONAL;
	const char *bind_port SOCLE_OPTIONAL;
	const char *remote_address SOCLE_OPTIONAL;
	const char *remote_port SOCLE_OPTIONAL;
	/* The same as structs; an address is given one way or the other. */
	const struct socle_addr *bind_addr SOCLE_OPTIONAL;
	const struct socle_addr *remote_addr SOCLE_OPTIONAL;
	/*
	 * With has_listen_fd: a socket that listens already, which was
	 * inherited or passed by the program that activated this one.  It is
	 * made non-blocking and close-on-exec; freeing the factory makes it
	 * blocking again if it was, because other processes may share it.
	 * Domain, type, protocol, options, backlog and addresses are those of
	 * the socket; no address may be given.  The file of a unix socket is
	 * never removed.
	 */
	bool has_listen_fd SOCLE_OPTIONAL;
	int listen_fd SOCLE_OPTIONAL;
	/* The backlog of listen(2); 0 or less, or too much: the largest. */
	int listen_queue SOCLE_OPTIONAL;
	/* At most this many clients are accepted in a tick; 0: 64. */
	int accept_batch SOCLE_OPTIONAL;
	/*
	 * A listener stops accepting while this many clients are connected; 0:
	 * no limit.  An object of accept_class counts until it is closed or
	 * stolen: a stolen fd is no longer counted.  An fd counts until socle_factory_release().
	 */
	int max_connections SOCLE_OPTIONAL;
	int emfile SOCLE_OPTIONAL; /* SOCLE_EMFILE_PAUSE or _SHED */
	/*
	 * Seconds for looking up names and connecting together, from the first
	 * tick on; 0: only the system's own limits.  When they have passed,
	 * "connect" fails with -ETIMEDOUT, during a look-up too.  Before that
	 * the kernel is asked: a connection that has been established, or
	 * refused, in the meantime is reported as such, and addresses that
	 * were not tried in time are tried once more without waiting.  A long
	 * handler or a stopped process therefore fails no connection that
	 * exists.  Listeners have no timeout.
	 */
	double connect_timeout SOCLE_OPTIONAL;
	/*
	 * Before binding, remove the file of a unix socket to which no socket
	 * is bound any more: the process that made it is gone.  It is removed
	 * under a lock, the file PATH.socle-lock, which exists only as long as
	 * that takes.
	 */
	bool unlink_stale SOCLE_OPTIONAL;
	/*
	 * When a listener is freed, remove the file of its unix socket, if it
	 * is still the file that bind(2) made.  A relative path is not found
	 * after a change of the working directory: the file then stays.
	 */
	bool unlink_on_close SOCLE_OPTIONAL;
	/*
	 * A class of stream sockets.  With it and `accepted', the factory makes
	 * an object of each socket, and `success' is not called.
	 */
	const struct socle_class *accept_class SOCLE_OPTIONAL;
	/*
	 * A socket was made; the application owns `fd'.  `peer' is the client's
	 * address, or the address that was connected to; it is NULL for a bound
	 * datagram socket and for a client without a name (AF_UNIX), and valid
	 * until the callback returns.
	 */
	void (*success)(struct socle_factory *f, int fd,
		const struct socle_addr *peer, void *arg) SOCLE_OPTIONAL;
	/*
	 * An object was made.  Called after the event_accepted of its class,
	 * also if that closed the object, but not if that freed the factory.
	 */
	void (*accepted)(struct socle_factory *f, struct socle_socket *s,
		void *arg) SOCLE_OPTIONAL;
	void (*failure)(struct socle_factory *f,
		const struct socle_failure *why, void *arg) SOCLE_OPTIONAL;
	/*
	 * A connector has finished with this address: `err' is 0, -errno,
	 * -ECANCELED if another address won, or -ETIMEDOUT.
	 */
	void (*attempt)(struct socle_factory *f, const struct socle_addr *to,
		int err, void *arg) SOCLE_OPTIONAL;
	void *arg SOCLE_OPTIONAL; /* passed to the four callbacks */
};

/*
 * Makes a factory and starts its work.  Returns 0 and stores the factory in
 * *ret.  No callback runs before the function has returned.  All texts and
 * addresses are copied; the class must exist as long as the loop.
 *
 * Returns -ENOMEM, or -EINVAL for wrong parameters: `failure' is NULL;
 * `success' is NULL, and `accepted' or `accept_class' is NULL too; a remote
 * address without a port (AF_UNIX needs none) or a port without an address; port
 * 0 of a remote end, except with SOCK_RAW; an address given as a struct while
 * one of its texts is not NULL, or with a `len' that does not fit its family; an
 * accept_class that is no class of stream sockets, or with a type that is not
 * SOCK_STREAM or SOCK_SEQPACKET; a connect_timeout that is negative or NaN; an
 * AF_UNIX listener without an address; an address beside has_listen_fd.  A
 * listen_fd also has the errors of socle_listen_on(), and stays the caller's
 * then.  Every other problem is reported to `failure': an unsupported
 * domain is "domain",
 * -EAFNOSUPPORT; a path that is too long is "bind" or "connect",
 * -ENAMETOOLONG.
 *
 * A callback that is NULL is not called; a socket for which no callback is
 * set is closed.  After its one success or failure a connector or bound
 * socket does nothing more, and so does a listener that could not start; the
 * application frees it.
 *
 * A listener that has no name to look up listens when this function returns.
 * It accepts clients until it is freed.  An object that it makes is
 * zeroed beyond its base and watched for reading before event_accepted and
 * `accepted' are called; so is one that a connector makes, whose class gets
 * event_accepted too.  Errors that concern one client, such as
 * ECONNABORTED, are ignored.  A shortage of fds or memory is reported
 * ("accept") once, at most once a second, and accepting continues when the
 * shortage ends.  After any other error the listener is paused and "accept"
 * is reported.
 *
 * A connector tries the addresses of a name by RFC 8305: the families in
 * turn, a new attempt every 250 ms or as soon as one fails.  The first
 * connection that is established is the success; if all fail, the failure is
 * that of the attempt that failed last.  `attempt' is called for each address
 * that was tried, before the success or failure.  An AF_UNIX server whose
 * backlog is full is tried again every 20 ms, until connect_timeout.  Only
 * Linux tells it from a server that has bound its socket and does not listen
 * yet: that is -ECONNREFUSED there, and is tried again elsewhere.
 */
int socle_factory_new(
	const struct socle_factory_params *p, struct socle_factory **ret);

/*
 * Listens at a numeric address ("127.0.0.1:8080", "[::]:80") or an AF_UNIX
 * address ("unix:/run/x.sock", "unix:@name") and makes an object of class
 * `cls' of each client.  The object is watched for reading when its
 * event_accepted is called.  With port 0 the kernel chooses the port;
 * socle_factory_getsockname() returns it.
 *
 * SO_REUSEADDR and TCP_NODELAY are set, and "[::]" serves IPv4 too.  A stale
 * file of a unix socket is replaced (unlink_stale), and the file is removed
 * when the factory is freed (unlink_on_close).  Errors of accept(2) are
 * logged; socle_factory_set_events() sets callbacks for them.
 *
 * Returns 0 and stores the factory in *ret; or -errno, with nothing created:
 * -EINVAL for a text that is no such address or a class that is no class of
 * stream sockets, -ENODEV for a zone ("[fe80::1%eth0]:80") that names no
 * interface, -ENAMETOOLONG for a path, -ENOMEM, and the errors of socket(2),
 * setsockopt(2), bind(2) and listen(2).  -EADDRINUSE also if another server has
 * taken the path of a unix socket while this call was at work: after a success
 * the path leads to this listener.
 */
int socle_listen(const char *where, const struct socle_class *cls,
	struct socle_factory **ret);

/*
 * Accepts clients from `fd', a socket that listens already, and makes an object
 * of class `cls' of each, as socle_listen() does.  `arg' is what
 * socle_factory_arg() returns in event_accepted.  The fd is treated as
 * `listen_fd' of struct socle_factory_params; none of its options is changed.
 *
 * Returns 0 and stores the factory in *ret, which owns the fd from then on; or
 * -errno, and the caller still owns the fd, unchanged: -EBADF; -ENOTSOCK;
 * -EINVAL for a socket that does not listen or a class that is no class of
 * stream sockets; -EEXIST, the fd is in the loop already; -ENOMEM.
 */
int socle_listen_on(int fd, const struct socle_class *cls, void *arg,
	struct socle_factory **ret);

/*
 * Makes an object of class `cls' that connects to "127.0.0.1:8080",
 * "[::1]:80", "unix:/run/x.sock" or "example.org:80".  The object gets
 * event_write once it is connected, or event_err with the reason; its
 * event_accepted is not called.  `timeout' is in seconds, for the look-up of
 * the name and connecting together (-ETIMEDOUT); 0: only the system's own
 * limits.  TCP_NODELAY is set.
 *
 * The object can be used at once: writes are queued until it is connected,
 * and reads return -EAGAIN.  Its fd keeps its number, but each attempt uses a
 * socket of its own, and the one that connects replaces the first: set
 * options in event_write.  Stealing the fd before gives a socket that is not
 * connected.  If event_err does not close the object, its queue is dropped
 * and writes return the same error.
 *
 * Returns 0 and stores the object in *ret; or -errno, with nothing created:
 * -EINVAL for a text that is no such address, a port that is missing or 0, a
 * number that socle_addr_parse() refuses ("127.1:80"), a class that is
 * no class of stream sockets, or a timeout that is negative or NaN; -ENODEV for
 * a zone that names no interface; -ENAMETOOLONG; -ENOMEM; the errors of socket(2), such as -EMFILE.
 */
int socle_connect(const char *where, const struct socle_class *cls,
	double timeout, struct socle_socket **ret);

/*
 * A paused listener accepts no clients; they wait in the backlog.  Pauses do
 * not nest: one resume ends any number of them.  Nothing happens on a factory
 * that does not listen.
 */
void socle_pause_accept(struct socle_factory *f);
void socle_resume_accept(struct socle_factory *f);

/*
 * Replaces success, accepted, failure and arg by those of `events'.  A NULL
 * callback is not called; with `events' NULL none of the three is.  The other
 * parameters, `attempt' among them, and a pause stay as they are.
 */
void socle_factory_set_events(
	struct socle_factory *f, const struct socle_factory_params *events);

/*
 * Stores the address that a listener is bound to.  Returns 0, or -EBADF if
 * the factory does not listen (yet).
 */
int socle_factory_getsockname(
	const struct socle_factory *f, struct socle_addr *ret);

/* Returns `.arg' of the parameters or of socle_factory_set_events(). */
void *socle_factory_arg(const struct socle_factory *f);

/*
 * The objects of accept_class that the factory made and that are still open: an
 * object that was closed or stolen is no longer one of them.
 *
 * socle_factory_each() calls `fn' for each, in the order of their fds.  `fn' may
 * close, steal and make objects, and may free the factory, which ends the
 * calls.  Both look at each fd up to the highest one that the factory has
 * accepted, so they are not for every tick of a large server.
 */
size_t socle_factory_count(const struct socle_factory *f);
void socle_factory_each(struct socle_factory *f,
	void (*fn)(struct socle_socket *s, void *arg), void *arg);

/* Unique among the factories of the process, never 0. */
uint64_t socle_factory_id(const struct socle_factory *f);

/*
 * With max_connections and `success': a client whose fd `success' received is
 * gone and no longer counts.  Must not be called after socle_factory_free().
 */
void socle_factory_release(struct socle_factory *f);

/*
 * Stops everything the factory does and frees it; no callback is called
 * afterwards.  A listening socket and sockets that are connecting are closed.
 * Sockets and objects that were delivered stay.  NULL is allowed.
 */
void socle_factory_free(struct socle_factory *f);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

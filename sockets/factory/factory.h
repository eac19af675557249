/*
 * Making sockets without blocking: listeners, connectors and UDP peers
 * (POE::Wheel::SocketFactory).
 *
 * A factory belongs to the loop of the thread that made it.  Like an object it
 * is let go at the end of a tick, so that it may be freed anywhere, inside its
 * own callbacks too.  What it makes is non-blocking and close-on-exec.
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

/* What went wrong, and with which factory. */
struct socle_failure {
	/*
	 * "domain", "socket", "setsockopt", "getaddrinfo", "bind", "listen",
	 * "connect" or "accept"
	 */
	const char *operation;
	int err; /* -errno */
	char errstr[96];
	uint64_t id;
};

/* What a listener does when the process has no fd for a client. */
enum {
	/*
	 * Stops accepting until the library closes an fd, and looks again ten
	 * times a second; the client waits in the backlog.
	 */
	SOCLE_EMFILE_PAUSE,
	/* Takes the client with an fd kept in reserve, and closes it. */
	SOCLE_EMFILE_SHED
};

/*
 * Zero is the default of everything.  Without a remote address a stream
 * socket listens, and a datagram socket is bound; with one it connects.
 */
struct socle_factory_params {
	/*
	 * AF_INET, AF_INET6, AF_UNIX; 0: that of the address below; of texts
	 * AF_INET, and of a remote name without a bind address both.
	 */
	int socket_domain SOCLE_OPTIONAL;
	int socket_type SOCLE_OPTIONAL; /* the protocol's, else SOCK_STREAM */
	/* "tcp", "udp", ..., or digits */
	const char *socket_protocol SOCLE_OPTIONAL;
	bool reuse SOCLE_OPTIONAL;      /* SO_REUSEADDR */
	bool reuse_port SOCLE_OPTIONAL; /* SO_REUSEPORT */
	bool v6only SOCLE_OPTIONAL;     /* false: "::" serves IPv4 too */
	/* Names or numbers; AF_UNIX: a path or "@name", and no port. */
	const char *bind_address SOCLE_OPTIONAL;
	const char *bind_port SOCLE_OPTIONAL;
	const char *remote_address SOCLE_OPTIONAL;
	const char *remote_port SOCLE_OPTIONAL;
	/* instead of them, when you have one */
	const struct socle_addr *bind_addr SOCLE_OPTIONAL;
	const struct socle_addr *remote_addr SOCLE_OPTIONAL;
	int listen_queue SOCLE_OPTIONAL;    /* 0: as long as may be */
	int accept_batch SOCLE_OPTIONAL;    /* clients a tick at most: 64 */
	int max_connections SOCLE_OPTIONAL; /* alive at a time; 0: no limit */
	int emfile SOCLE_OPTIONAL;
	/* Seconds for names and connecting together; 0: the system's. */
	double connect_timeout SOCLE_OPTIONAL;
	bool unlink_stale SOCLE_OPTIONAL; /* a unix socket nobody serves */
	/* A listener's file, when it is freed, if it is ours still. */
	bool unlink_on_close SOCLE_OPTIONAL;
	/* Make an object of each socket, and tell `accepted' of it. */
	const struct socle_class *accept_class SOCLE_OPTIONAL;
	/*
	 * A socket, which is yours from now on.  peer: the other end, NULL for
	 * a bound datagram socket and an unnamed AF_UNIX client.
	 */
	void (*success)(struct socle_factory *f, int fd,
		const struct socle_addr *peer, void *arg) SOCLE_OPTIONAL;
	void (*accepted)(struct socle_factory *f, struct socle_socket *s,
		void *arg) SOCLE_OPTIONAL;
	void (*failure)(struct socle_factory *f,
		const struct socle_failure *why, void *arg) SOCLE_OPTIONAL;
	/* Each address that was tried, and how it ended: 0 or -errno. */
	void (*attempt)(struct socle_factory *f, const struct socle_addr *to,
		int err, void *arg) SOCLE_OPTIONAL;
	void *arg SOCLE_OPTIONAL;
};

/*
 * Makes a factory and sets to work.  No callback runs before it has returned.
 * All text and addresses are copied.
 *
 * Fails only for wrong use: -EINVAL (no success and no accepted with its
 * class, no failure, a remote address without a port, an address both as text
 * and as a struct, no proper class); and -ENOMEM.  Everything else is told to
 * `failure', an unsupported domain ("domain", -EAFNOSUPPORT), a path too long
 * ("bind" or "connect", -ENAMETOOLONG) and an AF_UNIX listener without an
 * address ("listen", -EINVAL) included.  A numeric listener listens already
 * when this returns.  AF_UNIX has neither ports nor protocols: they are
 * ignored there.
 *
 * A listener goes on until it is freed.  Clients are taken in batches that
 * grow with the rush; errors of single clients are passed over; a shortage of
 * fds or memory is told at most once a second; after another error ("accept")
 * the listener is paused.  An object is zeroed beyond its base and watched for
 * reading; its class's event_accepted is told before `accepted'.
 *
 * A connector tries all addresses of a name by RFC 8305: the families in turn,
 * 250 ms apart or as soon as one fails, and the first that answers wins.  It
 * tells one success or one failure, the last one's.  `attempt' is told before
 * that of each address whose end is known: 0, -errno, -ECANCELED for those
 * that came too late, -ETIMEDOUT.  An AF_UNIX server whose backlog is full is
 * asked again until connect_timeout.
 *
 * A callback that is NULL when its time comes is not called: a socket is
 * closed then.  After its success or failure all but a listener is done and
 * waits to be freed.
 */
int socle_factory_new(
	const struct socle_factory_params *p, struct socle_factory **ret);

/*
 * Listens at a numeric address ("127.0.0.1:8080", "[::]:80") or on AF_UNIX
 * ("unix:/run/x.sock", "unix:@name"), and makes an object of class `cls' of
 * each client; its event_accepted is told.  Port 0 lets the kernel choose: ask
 * socle_factory_getsockname().
 *
 * The address may be used again at once (SO_REUSEADDR), small writes of
 * accepted TCP sockets are not delayed (TCP_NODELAY), "[::]" serves IPv4 too.
 * The file of a unix socket that nobody answers at is replaced, and ours is
 * removed when the factory is freed.  Trouble in accepting is logged.
 *
 * 0, or -errno with nothing done: -EINVAL, -ENAMETOOLONG for the text or the
 * class, and what socket(2), bind(2) and listen(2) say.
 */
int socle_listen(const char *where, const struct socle_class *cls,
	struct socle_factory **ret);

/*
 * An object of class `cls' that connects: "127.0.0.1:8080", "[::1]:80",
 * "unix:/run/x.sock", "example.org:80".  It gets event_write once it is
 * connected, or event_err; `timeout' seconds cover names and connecting, 0 is
 * the system's patience (-ETIMEDOUT).  Small writes of TCP are not delayed.
 *
 * All its calls are legal at once: what is written is held, and reads get
 * -EAGAIN.  The fd is there and keeps its number, but the socket under it is
 * another one before: options are for event_write to set, and what is stolen
 * is not connected.  An object that does not close in event_err is dead: its
 * queue is dropped, and writes get the same error.
 *
 * 0, or -errno with nothing done: -EINVAL (also for a missing port),
 * -ENAMETOOLONG, -ENOMEM, -EMFILE.
 */
int socle_connect(const char *where, const struct socle_class *cls,
	double timeout, struct socle_socket **ret);

/*
 * No client is taken until resume; they wait in the backlog.  Neither counts:
 * one resume undoes any number of pauses.  Nothing on what does not listen.
 */
void socle_pause_accept(struct socle_factory *f);
void socle_resume_accept(struct socle_factory *f);

/*
 * Other callbacks from now on: success, accepted, failure and arg are taken
 * from `events', all four; NULL ones disable, and NULL for `events' all of
 * them.  A pause is not touched.
 */
void socle_factory_set_events(
	struct socle_factory *f, const struct socle_factory_params *events);

/* The address a listener listens at.  0 or -errno, -EBADF without an fd. */
int socle_factory_getsockname(
	const struct socle_factory *f, struct socle_addr *ret);

/* Unique among the factories of the process, never 0. */
uint64_t socle_factory_id(const struct socle_factory *f);

/*
 * With max_connections and raw fds: one that `success' got is gone.  Not after
 * socle_factory_free().
 */
void socle_factory_release(struct socle_factory *f);

/*
 * Stops whatever it is at; no callback comes after it.  What it made stays.
 * NULL is nothing.
 */
void socle_factory_free(struct socle_factory *f);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

/*
 * Datagram objects: IO::Async::Socket's, with a queue of outgoing datagrams
 * and events for what is received, for errors, and for the emptied queue.
 *
 * A dgram is a socket object: socle_close(), socle_watch_read(), timeouts,
 * socle_set_water_marks(), socle_set_write_cap(), the address strings and the
 * rest of socket.h work on `&d->sock', but for what reads and writes a stream:
 * socle_read(), socle_write() and its like, socle_sendfile(), pushing back and
 * the reader and writer functions are -EINVAL.  socle_write_kick() sends what
 * is queued, socle_write_buf_size() are its bytes, an empty datagram counting
 * 1; socle_close_after_flush() waits for them.  socle_set_autoflush() does
 * nothing: a dgram has its own.
 *
 *	struct peer { struct socle_dgram dgram; int seen; };
 *
 *	static const struct socle_dgram_class peer_class = {
 *		.cls = {
 *			.name = "Peer",
 *			.super = &socle_dgram_class.cls,
 *			.size = sizeof(struct peer),
 *		},
 *		.on_recv = peer_on_recv,
 *	};
 *
 * For SOCK_DGRAM and SOCK_RAW; SOCK_SEQPACKET and SOCK_STREAM serve as well,
 * the latter in pieces as they come.  Any call may be made from inside any
 * callback, and a callback may close and reconfigure what it was called for.
 */
#ifndef SOCLE_SOCKETS_DGRAM_H
#define SOCLE_SOCKETS_DGRAM_H

#include "../class.h"
#include "../names/addr.h"
#include "../socket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct socle_dgram;

/* A datagram, valid until the callback that got it returns. */
struct socle_packet {
	const void *data SOCLE_OPTIONAL;
	size_t len SOCLE_OPTIONAL; /* 0 is a datagram too */
	/* as it was sent; where the kernel does not tell (not Linux), len */
	size_t full_len SOCLE_OPTIONAL;
	bool truncated SOCLE_OPTIONAL; /* recv_len was too small for it */
	/*
	 * Who sent it; len 0: nobody with a name.  In on_send_error: from
	 * where it was to go, len 0 unless it was a reply.
	 */
	struct socle_addr from SOCLE_OPTIONAL;
	/* With `pktinfo', to where it was sent.  In on_send_error: to whom. */
	struct socle_addr to SOCLE_OPTIONAL;
	int ifindex SOCLE_OPTIONAL; /* with `pktinfo', by which interface */
};

/*
 * A class of dgrams.  One below &socle_dgram_class.cls is always a struct
 * socle_dgram_class, for socle_set_class() too.  What is NULL is inherited.
 */
struct socle_dgram_class {
	struct socle_class cls;
	/*
	 * A datagram came.  Without one, reading is off: it is turned on by
	 * making or configuring an object that has one.
	 */
	void (*on_recv)(struct socle_dgram *self,
		const struct socle_packet *p) SOCLE_OPTIONAL;
	/*
	 * Receiving failed, or an ICMP error came in; `err' is -errno.
	 * Default: ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN,
	 * EMSGSIZE, ECONNRESET and other ICMP errors (ENOPROTOOPT, EPROTO,
	 * ENONET) are dropped, any other closes ("recv_error").
	 */
	void (*on_recv_error)(struct socle_dgram *self, int err) SOCLE_OPTIONAL;
	/*
	 * A queued datagram was not sent, and will not be: `err' is -errno,
	 * `p' has data, len, to, and `from' if it was a reply.  Exactly once
	 * for each of those that were queued and not sent; -ECANCELED, with
	 * the object closed, for those that a close dropped, and in a child
	 * for those queued before the fork.  Default: as on_recv_error's
	 * ("send_error"), ECANCELED being dropped.
	 */
	void (*on_send_error)(struct socle_dgram *self, int err,
		const struct socle_packet *p) SOCLE_OPTIONAL;
	/*
	 * The queue went from something to nothing, and not by a close.  The
	 * default of the class's event_drain calls it.
	 */
	void (*on_outgoing_empty)(struct socle_dgram *self) SOCLE_OPTIONAL;
};

/* The root of all classes of dgrams; its super is &socle_socket_class. */
extern const struct socle_dgram_class socle_dgram_class;

/* Zero means the default, in everything. */
struct socle_dgram_params {
	/* of this object alone; they win over the class's */
	void (*on_recv)(struct socle_dgram *self,
		const struct socle_packet *p) SOCLE_OPTIONAL;
	void (*on_recv_error)(struct socle_dgram *self, int err) SOCLE_OPTIONAL;
	void (*on_send_error)(struct socle_dgram *self, int err,
		const struct socle_packet *p) SOCLE_OPTIONAL;
	void (*on_outgoing_empty)(struct socle_dgram *self) SOCLE_OPTIONAL;
	/* Sends are tried at once; off: in the next tick, before its wait. */
	bool autoflush SOCLE_OPTIONAL;
	/* Bytes of the largest datagram; the rest is cut off.  0: 65536. */
	size_t recv_len SOCLE_OPTIONAL;
	/*
	 * Receives until nothing is left, instead of once, at each readiness,
	 * but at most 256 datagrams or 1 MiB.
	 */
	bool recv_all SOCLE_OPTIONAL;
	/*
	 * Sends all that is queued, instead of one datagram, at each
	 * readiness, but at most 1024 datagrams or 2 MiB.
	 */
	bool send_all SOCLE_OPTIONAL;
	/*
	 * Receives up to this many by one system call (64 are the most), and
	 * sends as with send_all, as many in a call.  0 and 1: one by one.
	 */
	unsigned recv_batch SOCLE_OPTIONAL;
	/* A send that would queue more is -ENOBUFS; 0: no limit. */
	size_t max_queue_bytes SOCLE_OPTIONAL;
	size_t max_queue_items SOCLE_OPTIONAL;
	/* Asks for `to' and `ifindex' of what is received. */
	bool pktinfo SOCLE_OPTIONAL;
	/*
	 * UDP on Linux: the kernel may hand over (gro) or be handed (gso) many
	 * datagrams as one.  Nothing is seen of it but the speed; it is left
	 * out where there is no such thing or a device refuses it.  With gso
	 * all that is queued is sent as with send_all.
	 */
	bool gro SOCLE_OPTIONAL;
	bool gso SOCLE_OPTIONAL;
	void *arg SOCLE_OPTIONAL;
};

/* `which' of socle_dgram_configure(); ~0u is all. */
enum {
	SOCLE_DGRAM_ON_RECV = 1 << 0,
	SOCLE_DGRAM_ON_RECV_ERROR = 1 << 1,
	SOCLE_DGRAM_ON_SEND_ERROR = 1 << 2,
	SOCLE_DGRAM_ON_OUTGOING_EMPTY = 1 << 3,
	SOCLE_DGRAM_AUTOFLUSH = 1 << 4,
	SOCLE_DGRAM_RECV_LEN = 1 << 5,
	SOCLE_DGRAM_RECV_ALL = 1 << 6,
	SOCLE_DGRAM_SEND_ALL = 1 << 7,
	SOCLE_DGRAM_RECV_BATCH = 1 << 8,
	SOCLE_DGRAM_MAX_QUEUE_BYTES = 1 << 9,
	SOCLE_DGRAM_MAX_QUEUE_ITEMS = 1 << 10,
	SOCLE_DGRAM_PKTINFO = 1 << 11,
	SOCLE_DGRAM_GRO = 1 << 12,
	SOCLE_DGRAM_GSO = 1 << 13,
	SOCLE_DGRAM_ARG = 1 << 14
};

struct socle_dgram {
	struct socle_socket sock; /* first */
	/* private */
	struct socle_dgram_params p;
	struct socle_timer later;       /* tries what did not go again */
	struct socle__dgram_room *room; /* received, not yet handed over */
	struct socle__dgram_block *first, *last; /* the queue */
	size_t items;                            /* datagrams in it */
	struct socle__dgram_writer *writer;      /* another fd to send by */
	uint16_t port;                           /* ours, once it was asked */
	uint16_t delay_ms;                       /* until the next try */
	uint32_t flags;
};

/* ---- making and ending ---- */

/*
 * Makes `d', memory of yours of at least the class's size, an object that owns
 * `fd', a socket, non-blocking and close-on-exec from here on; fields behind
 * the base are left as they are.  With an on_recv it is watched for reading.
 * `p' is copied and may be NULL.  0, or -errno with the fd still yours and as
 * it was: those of socle_socket_init(), -ENOTSOCK, -EINVAL for a class that is
 * none of dgrams or a recv_len above INT_MAX, and with `pktinfo' what
 * setsockopt(2) says, -EOPNOTSUPP or the like where there is none.
 */
int socle_dgram_init(struct socle_dgram *d, const struct socle_dgram_class *cls,
	int fd, const struct socle_dgram_params *p);

/* The same with memory from the library, zeroed, and freed after destroy. */
int socle_dgram_new(const struct socle_dgram_class *cls, int fd,
	const struct socle_dgram_params *p, struct socle_dgram **ret);

/*
 * Makes the socket too.  `bind': receives first, at that address ("0.0.0.0:53",
 * "[::]:53", which serves IPv4 too, "unix:/run/x.sock", "unix:@name").  Else it
 * sends first and hears of that peer alone: connected to it, from a port of the
 * kernel's choice, or on AF_UNIX from a name of its choice, so that the peer
 * can answer.  Numeric addresses only: names are for socle_resolve().
 *
 * SO_REUSEADDR is never set: the later of two would steal from the former.  The
 * file of a unix socket whose owner is gone is replaced; ours stays behind.
 * 0, or -errno with nothing done: -EINVAL, -ENAMETOOLONG for the text or the
 * class, and what socket(2), bind(2) and connect(2) say.
 */
int socle_dgram_open(const char *where, bool bind,
	const struct socle_dgram_class *cls, const struct socle_dgram_params *p,
	struct socle_dgram **ret);

/*
 * Sets the fields of `p' that `which' names, from the next datagram on.  When
 * the first on_recv comes reading is turned on, when the last goes it is
 * turned off; what was received already waits for the next one.  0, or -errno
 * with nothing changed: -EBADF, and those of `p' in socle_dgram_init().
 */
int socle_dgram_configure(struct socle_dgram *d,
	const struct socle_dgram_params *p, unsigned which);

/* `.arg', after the close too. */
void *socle_dgram_arg(const struct socle_dgram *d);

/* Takes no more (-ESHUTDOWN), reads no more, closes when the queue is out. */
void socle_dgram_close_when_empty(struct socle_dgram *d);

/* ---- sending ---- */

/*
 * Sends a copy to `to', or to the connected peer if it is NULL; `flags' as of
 * send(2).  1: sent; 0: queued, behind what is queued; -errno: nothing taken.
 * -EBADF closed; -ESHUTDOWN after socle_dgram_close_when_empty(); -ENOBUFS
 * over a limit, which counts before anything is tried; -EINVAL for an address
 * that cannot be; -ENOMEM; and, when this call tried to send it, what the
 * kernel said: on_send_error is not called for that, and it closes nothing.
 *
 * Without autoflush it is queued and tried in the next tick.  With it the
 * queue is sent first, then this one.  What the kernel has no room for waits,
 * for writability, or where that does not tell for 1, 2, 4 .. 50 ms.  What
 * callbacks of a running flush send is queued.
 */
int socle_dgram_send(struct socle_dgram *d, const void *data, size_t len,
	int flags, const struct socle_addr *to);

/*
 * Sends an answer to the sender of `p', with `pktinfo' from the address that
 * it had asked, unless that was no address to send from (a broadcast).
 * Results as of socle_dgram_send().
 */
int socle_dgram_reply(struct socle_dgram *d, const struct socle_packet *p,
	const void *data, size_t len);

/*
 * Sends by `fd', a socket that the object owns from here on; -1, or the fd it
 * reads from: by that one again.  The former one is closed, and either with the
 * object; socle_steal_socket() lets go of the one that it reads from alone.
 * Errors of either are the object's.  0, or -errno with nothing changed: -EBADF, -EEXIST,
 * -ENOTSOCK, -ENOMEM.
 */
int socle_dgram_set_write_fd(struct socle_dgram *d, int fd);

/* ---- super calls ---- */

/*
 * What the class above `mine' does; at the root the defaults that are told
 * above, for on_recv nothing.
 */
void socle_super_on_recv(const struct socle_dgram_class *mine,
	struct socle_dgram *self, const struct socle_packet *p);
void socle_super_on_recv_error(const struct socle_dgram_class *mine,
	struct socle_dgram *self, int err);
void socle_super_on_send_error(const struct socle_dgram_class *mine,
	struct socle_dgram *self, int err, const struct socle_packet *p);
void socle_super_on_outgoing_empty(
	const struct socle_dgram_class *mine, struct socle_dgram *self);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

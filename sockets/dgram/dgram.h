/*
 * Datagram objects (IO::Async::Socket): socket objects with a queue of
 * outgoing datagrams and with events for received datagrams, for errors, and
 * for the emptied queue.
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
 * They are for SOCK_DGRAM and SOCK_RAW.  SOCK_SEQPACKET and SOCK_STREAM work
 * as well; a stream is delivered in pieces as the bytes arrive.  On these two
 * a read of 0 bytes closes the object ("end of stream").
 *
 * The functions of socket.h work on `&d->sock': socle_close(),
 * socle_watch_read(), timeouts, water marks, the write cap, the address
 * strings and the others, with these exceptions:
 *
 * - Functions that read or write a stream return -EINVAL: socle_read(),
 *   socle_write() and its variants, socle_sendfile(), pushing back, and
 *   setting reader and writer functions.
 * - socle_write_kick() flushes the queue as one readiness does (see
 *   `send_all').  socle_write_buf_size() returns the queued bytes; an empty
 *   datagram counts 1.
 * - socle_close() does not flush: queued datagrams are reported to
 *   on_send_error.  socle_close_after_flush() closes once they are sent.
 * - socle_set_autoflush() has no effect; `autoflush' below decides.
 * - socle_steal_socket() returns the fd that the object reads from, and closes
 *   that of socle_dgram_set_write_fd().  It turns `gro' off, and discards the
 *   datagrams that wait in the kernel, because they may be joined.
 *
 * Every function here is called on the thread that created the object.  It may
 * be called inside any callback, and a callback may close, steal or configure
 * the object that it was called for.
 *
 * socle_reset() and the end of the thread close the object.  After a fork,
 * socle_after_fork() keeps the object in the child and drops what was queued:
 * on_send_error is called with -ECANCELED in the child, and the parent sends.
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

/*
 * A datagram.  The struct and its data belong to the library and are valid
 * until the callback returns.
 */
struct socle_packet {
	const void *data SOCLE_OPTIONAL;
	size_t len SOCLE_OPTIONAL; /* may be 0 */
	/* The length as sent; equal to len where the kernel reports no more. */
	size_t full_len SOCLE_OPTIONAL;
	bool truncated SOCLE_OPTIONAL; /* it was longer than recv_len */
	/*
	 * The sender; len 0: the sender has no name, or the kernel did not
	 * report it.  In on_send_error: the source address of a reply, else
	 * len 0.
	 */
	struct socle_addr from SOCLE_OPTIONAL;
	/*
	 * With `pktinfo', the address that the datagram was sent to, else len
	 * 0.  In on_send_error: the destination, len 0 for the connected peer.
	 */
	struct socle_addr to SOCLE_OPTIONAL;
	/* With `pktinfo', the index of the receiving interface; else 0. */
	int ifindex SOCLE_OPTIONAL;
};

/*
 * A class of datagram objects.  Every class whose ancestors include
 * &socle_dgram_class.cls must be the `cls' of a struct socle_dgram_class, also
 * one that is given to socle_set_class().  A NULL slot is inherited.
 */
struct socle_dgram_class {
	struct socle_class cls;
	/*
	 * A datagram was received.  An object without an on_recv does not read:
	 * reading is turned on when an object that has one is created or
	 * configured.
	 */
	void (*on_recv)(struct socle_dgram *self,
		const struct socle_packet *p) SOCLE_OPTIONAL;
	/*
	 * Receiving failed, or an ICMP error arrived; `err' is -errno.  The
	 * default closes ("recv_error") only for an error of the socket
	 * itself: EBADF, EFAULT, ENOSYS, ENOTSOCK, and any on SOCK_STREAM and
	 * SOCK_SEQPACKET.  It ignores all others, so that no other host can
	 * close the object.  If receives fail repeatedly, receiving pauses
	 * for 50 ms after each.  A shortage of memory or of buffers is not
	 * reported; receiving pauses as well.
	 */
	void (*on_recv_error)(struct socle_dgram *self, int err) SOCLE_OPTIONAL;
	/*
	 * A queued datagram was not sent and will not be; `err' is -errno.
	 * Called exactly once for each such datagram.  `p' has data, len, to,
	 * and from if it was a reply.  -ECANCELED: the object was closed or
	 * stolen, or the process is a child that was forked while the datagram
	 * was queued.  The default closes ("send_error") for the errors that
	 * on_recv_error closes for, and ignores all others: the datagram is
	 * lost.
	 */
	void (*on_send_error)(struct socle_dgram *self, int err,
		const struct socle_packet *p) SOCLE_OPTIONAL;
	/*
	 * Datagrams were queued and the queue is now empty, because they were
	 * sent or failed, not because the object was closed.  The default
	 * event_drain of the class calls it; the default does nothing.
	 */
	void (*on_outgoing_empty)(struct socle_dgram *self) SOCLE_OPTIONAL;
};

/* The root of all classes of datagrams; its super is &socle_socket_class. */
extern const struct socle_dgram_class socle_dgram_class;

/* Zero means the default, in every field. */
struct socle_dgram_params {
	/* For this object alone, instead of the slots of its class. */
	void (*on_recv)(struct socle_dgram *self,
		const struct socle_packet *p) SOCLE_OPTIONAL;
	void (*on_recv_error)(struct socle_dgram *self, int err) SOCLE_OPTIONAL;
	void (*on_send_error)(struct socle_dgram *self, int err,
		const struct socle_packet *p) SOCLE_OPTIONAL;
	void (*on_outgoing_empty)(struct socle_dgram *self) SOCLE_OPTIONAL;
	/* Send at once; false: queue, and flush before the next tick waits. */
	bool autoflush SOCLE_OPTIONAL;
	/*
	 * Bytes of the longest datagram, INT_MAX at most; the rest of a longer
	 * one is lost.  0: 65536.
	 */
	size_t recv_len SOCLE_OPTIONAL;
	/*
	 * On each readiness, receive until nothing is left, but at most 256
	 * datagrams or 1 MiB; false: one system call.
	 */
	bool recv_all SOCLE_OPTIONAL;
	/*
	 * On each readiness, and in each tick, send until the queue is empty,
	 * but at most 1024 datagrams or 2 MiB; false: one datagram.
	 */
	bool send_all SOCLE_OPTIONAL;
	/*
	 * Receive up to this many datagrams with one system call, 64 at most,
	 * and send as many with one call, as with send_all.  0 and 1: receive
	 * one datagram.
	 */
	unsigned recv_batch SOCLE_OPTIONAL;
	/* A send that would exceed a limit returns -ENOBUFS; 0: no limit. */
	size_t max_queue_bytes SOCLE_OPTIONAL;
	size_t max_queue_items SOCLE_OPTIONAL;
	/* Fill in `to' and `ifindex' of received datagrams (IP sockets). */
	bool pktinfo SOCLE_OPTIONAL;
	/*
	 * UDP on Linux: let the kernel join received datagrams (gro) and split
	 * sent ones (gso).  This affects only speed; where the kernel does
	 * not support it, it is not used, and datagrams that were refused
	 * joined are sent one by one.  With gso the queue is sent as with
	 * send_all.  If gro is turned off while joined datagrams wait, these
	 * are received first.
	 */
	bool gro SOCLE_OPTIONAL;
	bool gso SOCLE_OPTIONAL;
	void *arg SOCLE_OPTIONAL; /* for socle_dgram_arg() */
};

/* `which' of socle_dgram_configure(): one bit for each field; ~0u: all. */
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
	struct socle_timer later;       /* retries after a temporary failure */
	struct socle__dgram_room *room; /* received, not yet delivered */
	struct socle__dgram_block *first, *last; /* the queue */
	size_t items;                            /* datagrams in it */
	struct socle__dgram_writer *writer;      /* the second fd, or NULL */
	uint16_t port;     /* local port, network byte order; 0: unknown */
	uint16_t delay_ms; /* until the next retry */
	uint16_t singly;   /* datagrams of the queue not to be joined */
	uint32_t flags;
};

/* ---- creating and closing ---- */

/*
 * Initialises `d', memory that the caller allocated, of at least the class's
 * size, as an object for the socket `fd'.  Fields of a subclass behind struct
 * socle_dgram are not touched.  `p' is copied and may be NULL.  The fd is made
 * non-blocking and close-on-exec; with an on_recv it is watched for reading.
 *
 * Returns 0, and the object owns the fd; or -errno, and the caller still owns
 * the fd, unchanged: -EBADF; -ENOTSOCK; -EEXIST, the fd is in the loop
 * already; -EINVAL, `cls' is no class of datagrams or recv_len is above
 * INT_MAX; -ENOMEM; with pktinfo -EOPNOTSUPP on sockets that are not IP; and
 * the other errors of socle_socket_init() and setsockopt(2).
 */
int socle_dgram_init(struct socle_dgram *d, const struct socle_dgram_class *cls,
	int fd, const struct socle_dgram_params *p);

/*
 * The same in memory that the library allocates, zeroes, and frees after
 * `destroy'.  *ret is stored on success only.
 */
int socle_dgram_new(const struct socle_dgram_class *cls, int fd,
	const struct socle_dgram_params *p, struct socle_dgram **ret);

/*
 * Creates the socket, too.  `where' is numeric; resolve names with
 * socle_resolve().
 *
 * With `bind' the socket receives at that address: "0.0.0.0:53", "[::]:53",
 * which serves IPv4 too, "unix:/run/x.sock" or "unix:@name".  With port 0, or
 * without a port, the kernel chooses one: ask socle_local_port().  The file of
 * a unix socket is replaced if the process that made it is gone; the library
 * does not remove the new one.  SO_REUSEADDR is not set, because it would let
 * another socket take over the datagrams.
 *
 * Without `bind' the socket is connected to that address and exchanges
 * datagrams with this peer only.  The kernel chooses its port or, with AF_UNIX
 * on Linux, its name, so that the peer can answer.
 *
 * Returns 0 and stores the object in *ret; or -errno, with nothing created:
 * -EINVAL for a text that is no such address, a missing port of the peer, or a
 * class that is no class of datagrams; -ENODEV for a zone ("[fe80::1%eth0]:53")
 * that names no interface; -ENAMETOOLONG for a path; -ENOMEM; and
 * the errors of socket(2), bind(2) and connect(2).
 */
int socle_dgram_open(const char *where, bool bind,
	const struct socle_dgram_class *cls, const struct socle_dgram_params *p,
	struct socle_dgram **ret);

/*
 * Replaces the fields of the object's parameters that `which' names by those
 * of `p'; they apply from the next datagram on.  Reading is turned on if the
 * object had no on_recv and now has one, and off in the opposite case;
 * datagrams that the library has received already are kept for the next
 * on_recv.
 *
 * Returns 0; or -errno, with the parameters unchanged: -EBADF, the object is
 * closed; -EINVAL, recv_len is above INT_MAX; the errors of pktinfo.
 */
int socle_dgram_configure(struct socle_dgram *d,
	const struct socle_dgram_params *p, unsigned which);

/* Returns `.arg' of the parameters; also after the object was closed. */
void *socle_dgram_arg(const struct socle_dgram *d);

/*
 * Stops reading, refuses further sends (-ESHUTDOWN), and closes the object
 * once the queue is empty; at once if it is empty now.
 */
void socle_dgram_close_when_empty(struct socle_dgram *d);

/* ---- sending ---- */

/*
 * Sends a copy of the data to `to', or to the connected peer if `to' is NULL.
 * `flags' is that of send(2).  Without autoflush the datagram is queued, and
 * the next tick flushes the queue before it waits.  With it, the queue is
 * flushed first, then the datagram is sent: what a callback of that flush sends
 * goes before it.  A datagram that the kernel does not accept now is queued; it
 * is sent when the socket is writable or, where the kernel does not report that,
 * after 1, 2, 4 .. 50 ms.  Inside a callback of a running flush it is always
 * queued.
 *
 * Returns 1: sent; 0: queued; or -errno, and the datagram was not taken:
 *
 *	-EBADF		the object is closed
 *	-ESHUTDOWN	after socle_dgram_close_when_empty()
 *	-ENOBUFS	over a limit, which applies even if the datagram could
 *			be sent at once
 *	-EINVAL		`to->len' does not fit the family of `to'
 *	-ENOMEM		(a SOCK_STREAM may have sent a part)
 *
 * or an error of the kernel, if this call tried to send.  Such an error is
 * reported by the result alone: on_send_error is not called, and the object is
 * not closed.
 */
int socle_dgram_send(struct socle_dgram *d, const void *data, size_t len,
	int flags, const struct socle_addr *to);

/*
 * Sends an answer to the sender of `p'.  With `pktinfo' the source address is
 * the address that `p' was sent to, unless the kernel refuses that, as it does
 * for a broadcast address.  If the sender has no name, a connected object
 * answers its peer.
 *
 * Returns as socle_dgram_send(), and at once, with autoflush or without:
 * -EDESTADDRREQ, the sender has no name and the object is not connected;
 * -EINVAL, the sender's port is 0, which any host can forge.  (Raw and ICMP
 * sockets have no ports.)
 */
int socle_dgram_reply(struct socle_dgram *d, const struct socle_packet *p,
	const void *data, size_t len);

/*
 * Makes the object send through `fd', another socket (IO::Async's
 * write_handle).  A negative fd, or the fd that the object reads from, makes
 * it send through that one again.  The previous second fd is closed.  Queued
 * datagrams are sent through the new one; errors of either fd are events of
 * the object.  The fd is made close-on-exec.
 *
 * Returns 0, and the object owns the fd and closes it with the other; or
 * -errno, and the caller still owns the fd: -EBADF, the object is closed or
 * `fd' is; -EEXIST, the fd is in the loop already; -ENOTSOCK; -ENOMEM; and
 * what the poller reports.
 */
int socle_dgram_set_write_fd(struct socle_dgram *d, int fd);

/* ---- super calls ---- */

/*
 * Call the method of the class above `mine', which is the class being written
 * and never &socle_dgram_class itself.  The root class's methods are the
 * defaults described above; it has no on_recv, and the call does nothing.
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

/*
 * The base class of every object with an fd and events: Danga::Socket's object
 * methods.  A "socket" below is any fd that can be polled; pipes and terminals
 * work too.
 *
 * Life.  An object owns its fd.  socle_close() takes effect at once: no
 * further event is delivered, and reads and writes return -EBADF.  The fd is
 * closed at the end of the tick.  The class's `destroy' is called, and the
 * memory freed, at the end of the outermost tick.  Until then every function
 * here may still be called on the object.  socle_reset() and the end of the
 * thread close every object without calling its `close', drop its queue with
 * the callbacks, and destroy it.  The struct must not move in memory before
 * its `destroy' is called.
 *
 * Calls.  Every function here may be called from inside any callback on the
 * thread that made the object, and from no other thread.  A NULL object is a
 * broken contract.  Results are >= 0 or -errno.  -EBADF means that the object
 * is closed, -EINVAL also that it is not a stream (a datagram object), and
 * -ENOMEM that memory ran out; unless stated otherwise a refused call has
 * changed nothing.
 *
 * Fork.  In a child that has not called socle_after_fork() no queue is flushed
 * and no event is delivered.  socle_read(), and socle_write() on an empty
 * queue, still use the socket that the child shares with its parent.
 * socle_after_fork() drops the queue of every object with its callbacks,
 * because the parent sends that data, and closes the objects for which
 * socle_close_after_flush() was called.  The connection itself remains shared.
 * socle_close() in one process leaves it open in the other, but turns a cork
 * off for both; socle_close_after_flush() may shut it down for both.
 */
#ifndef SOCLE_SOCKETS_SOCKET_H
#define SOCLE_SOCKETS_SOCKET_H

#include "../reactor/descriptor.h"
#include "../timers/timer.h"
#include "class.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct socle_socket {
	/* private */
	struct socle_descriptor d;  /* first */
	size_t queued;              /* unsent bytes, + 1 per call and file */
	uint64_t in, out;           /* bytes read and written */
	struct socle__item *queue;  /* the last item of the queue, or NULL */
	struct socle__extra *extra; /* rarely used state, or NULL */
	int64_t active;             /* ns: time of the last traffic */
	struct socle__timer_node timer; /* idle, stall, a retried write */
	uint32_t idle_ms;
	uint16_t read_error;  /* errno of the last read that failed */
	uint16_t write_error; /* errno of a failed write, close vetoed */
};

/* ---- creating and closing ---- */

/*
 * Makes an object that owns `fd' in `self', memory of the application of at
 * least the class's size.  The fields of the subclass are left as they are.
 * Sets FD_CLOEXEC, and O_NONBLOCK, which every process that shares the open file
 * sees.  O_NONBLOCK is undone when the library closes the fd or lets it go, if
 * it was set here and the fd is not a socket or is 0, 1 or 2; not in a forked
 * child.  Nothing is watched.  The first fd that
 * is not a socket gives SIGPIPE an empty handler, which exec(2) resets, unless
 * the application has set an action for it.
 *
 * `self' must not be a live object, one whose `destroy' has yet to be called.
 * This is not detected.
 *
 * On failure the caller still owns the fd, whose flags are as before.
 *
 *	-EBADF	the fd is not open
 *	-EEXIST	the fd is in the loop: an object's, an other fd, the library's
 *	-EPERM	a regular file, a directory, or what the poller cannot watch
 *	-EINVAL	`cls' is NULL, has no name or no root class, is a datagram
 *		class, or is smaller than one of its supers
 *	-ENOMEM; -ENOSPC at the poller's limit; -EMFILE, -ENFILE if the loop
 *		could not be started
 *
 * For a socket inside a tick, a refusal of the poller is reported by event_err
 * before the next wait.  (Danga::Socket's new, which dies.)
 */
int socle_socket_init(
	struct socle_socket *self, const struct socle_class *cls, int fd);

/*
 * Allocates the class's size, makes an object of it, and stores it in *ret,
 * which is unchanged on failure.  The fields of the subclass are zero.  The
 * library takes the memory back after `destroy'.  That of objects of up to 512
 * bytes may be used again at once; SOCLE_SLABS=0 in the environment stops that,
 * for tools that look for uses of memory that was freed.  Otherwise as
 * socle_socket_init().
 */
int socle_socket_new(
	const struct socle_class *cls, int fd, struct socle_socket **ret);

/*
 * Changes the class of a live object at once: every further method is that
 * of `cls' (Perl's re-bless).  The fields of the subclass are left as they are.
 * Returns 0; -EBADF; -EINVAL if `cls' is not a valid class, is not of the same
 * kind (streams, datagrams), or needs a larger struct than the object was made
 * with; -ENOMEM.
 */
int socle_set_class(struct socle_socket *s, const struct socle_class *cls);

/* The class the object has now, as it was passed; also on a closed object. */
const struct socle_class *socle_class_of(const struct socle_socket *s);

/*
 * Closes the object through its class's `close', which may veto.  Does nothing
 * if the object is closed, or if its `close' is running.  Data that autoflush
 * or a flush's limit holds back is flushed once before; what the kernel does
 * not take is dropped with its callbacks, which find the object closed.
 * `reason' may be NULL; it is passed to `close' and the log and is not kept.
 *
 * The fd is closed by close(2) at the end of the tick.  If unread input is left
 * on a TCP connection, the kernel resets it, and the peer may lose the last
 * bytes that were sent.
 */
void socle_close(struct socle_socket *s, const char *reason);

/*
 * Stops reading for good, refuses further writes (-ESHUTDOWN), and calls the
 * class's `close' when the queue is empty: inside this call if it is empty now
 * and the object need not linger.  A second call does nothing.  If the class
 * vetoes the close, writes are accepted again, unless the object has lingered,
 * and reading may be turned on.  `reason' must be static storage; it is lost
 * (NULL) if there is no memory to keep it.
 *
 * A TCP connection whose end of stream was not read lingers first, so that the
 * peer gets the last bytes even if it is still sending: the library shuts the
 * sending side down (shutdown(2)), reads and discards what comes, and calls
 * `close' at the end of the stream, after an error, or at the latest when the
 * times of socle_set_linger() are over.  Meanwhile the object is open, gets no
 * event and no timeout, and counts as before; socle_close() closes it at once.
 * A reader function is not called; a TLS library says goodbye before, in a call
 * of socle_write_func().
 *
 * shutdown(2) acts on the connection and not on one fd.  On a connection that a
 * child inherited through fork(2), lingering ends the sending side of parent and
 * child alike, and the input that it discards is lost to both.  A child that
 * leaves the connection to its parent calls socle_close(), or sets the times of
 * socle_set_linger() to 0 first.
 */
void socle_close_after_flush(struct socle_socket *s, const char *reason);

/*
 * How long socle_close_after_flush() lingers: until no byte has come for
 * `silence' seconds, and `most' seconds in total; 2 and 30 at first.  If either
 * is 0 it closes at once.  If there is no memory at that moment, it lingers for
 * 2 seconds.  Returns 0, -EBADF, -EINVAL (negative, NaN, or not a stream),
 * -ENOMEM.
 */
int socle_set_linger(struct socle_socket *s, double silence, double most);

/*
 * Gives the fd to the caller, who owns it from then on, and closes the object
 * without calling its `close'.  Held-back data is flushed once before, which may
 * break the stream and close the object through `close'; the rest of the queue
 * is dropped with its callbacks.  `destroy' is called at the end
 * of the outermost tick.  The fd stays non-blocking and close-on-exec.
 * Returns the fd, or -EBADF if the object is closed or that flush closed it.
 */
int socle_steal_socket(struct socle_socket *s);

/*
 * While `keep' is set, the fd belongs to other code, such as another runtime,
 * and the library never closes it: a closed object's fd leaves the loop
 * at the end of the tick, `closing_fd' is called, and the fd stays open.  Does
 * nothing on a closed object.
 */
void socle_keep_fd(struct socle_socket *s, bool keep);

/* ---- state ---- */

/* The fd; -1 once the object is closed. */
int socle_fd(const struct socle_socket *s);
bool socle_closed(const struct socle_socket *s);

/*
 * SOCLE_READ and SOCLE_WRITE: what is watched now, for the application or for
 * the library.  0 on a closed object.
 */
unsigned socle_watching(const struct socle_socket *s);

/*
 * Calls the class's `as_string'.  The root's writes "Class(RW): open to
 * 127.0.0.1:80" or "Class(R): closed".  At most `size' bytes are written, the
 * NUL included; the result is the length of the whole text, as of snprintf().
 */
int socle_as_string(const struct socle_socket *s, char *buf, size_t size);

/*
 * The addresses as text: "127.0.0.1" and "127.0.0.1:80", "::1" and "[::1]:80";
 * for AF_UNIX, in both forms, the path, "@name" or "unix".  The kernel is asked
 * once.  The text belongs to the object, is kept after close, and is valid
 * until `destroy' has returned.  NULL if there is no address: the object is not
 * connected or not a socket, it was closed before the first such call, or
 * memory ran out.
 */
const char *socle_peer_ip_string(struct socle_socket *s);
const char *socle_peer_addr_string(struct socle_socket *s);
const char *socle_local_ip_string(struct socle_socket *s);
const char *socle_local_addr_string(struct socle_socket *s);

/*
 * The port, 0 .. 65535, in host byte order; -EAFNOSUPPORT for AF_UNIX;
 * -ENOTCONN where the strings above are NULL.
 */
int socle_peer_port(struct socle_socket *s);
int socle_local_port(struct socle_socket *s);

/* ---- events ---- */

/*
 * Turns event_read or event_write on or off for the application.  The kernel
 * is informed once a tick, before the wait, and only of real changes.  Turning
 * writability off does not stall the queue, which watches it independently;
 * event_write is still called while the queue does.  After a read of 0 the READ
 * event is off until it is turned on here.  Does nothing on a closed object;
 * reading cannot be turned on after socle_close_after_flush().
 */
void socle_watch_read(struct socle_socket *s, bool on);
void socle_watch_write(struct socle_socket *s, bool on);

/*
 * The idle timeout calls event_timeout(SOCLE_IDLE) once no byte was read or
 * written for `seconds'.  The write timeout calls event_timeout(SOCLE_STALL)
 * once data was queued and none of it was sent for `seconds', also while
 * socle_connect() is connecting.  Before a timeout is reported, the kernel is
 * asked: if READ or WRITE is watched and ready, the event comes first.  So a
 * long handler, or a process that was stopped, causes no disconnect.
 * Traffic counts from the time of its tick; traffic of the last tick counts
 * from its end.  If the handler does not close the object, the time starts
 * again.  The clock is
 * CLOCK_MONOTONIC, which stops while the system is suspended.
 *
 * 0 turns a timeout off.  An idle timeout above 49 days counts as 49 days.
 * Returns 0, -EBADF, -EINVAL (negative or NaN); the write timeout -ENOMEM too.
 */
int socle_set_idle_timeout(struct socle_socket *s, double seconds);
int socle_set_write_timeout(struct socle_socket *s, double seconds);

/*
 * Calls `fn(s, arg)' at the end of every tick until the object is closed or
 * another callback replaces it; NULL removes it.  If `fn' returns false, the
 * loop ends after the remaining post-loop callbacks.  Returns 0, -EBADF,
 * -ENOMEM.
 */
int socle_set_socket_post_loop_callback(struct socle_socket *s,
	bool (*fn)(struct socle_socket *s, void *arg), void *arg);

/* ---- reading ---- */

/*
 * Reads at most `size' bytes, and at most 1 MiB.  Returns
 *
 *	> 0	the number of bytes
 *	0	the end of the stream; the READ event is off from now on.
 *		On SOCK_DGRAM: an empty datagram, and reading goes on
 *	-EAGAIN	nothing to read now, or not connected yet
 *	-EBADF	the object is closed
 *	-EINVAL	`size' is 0, or the object is not a stream
 *	-errno	the stream is broken; the object stays open
 *
 * Pushed-back data is returned first, one chunk a call, without bytes from the
 * kernel behind it.
 */
ssize_t socle_read(struct socle_socket *s, void *buf, size_t size);

/*
 * Copies data to where socle_read() finds it: push_back_read behind what was
 * pushed back before, as Danga::Socket does, and unread in front of it.  While
 * reading is watched and such data remains, event_read is called once a tick.
 * A length of 0 does nothing.  Returns 0, -EBADF, -EINVAL, -ENOMEM.
 */
int socle_push_back_read(struct socle_socket *s, const void *data, size_t len);
int socle_unread(struct socle_socket *s, const void *data, size_t len);

/*
 * Makes socle_read() call `fn' instead of read(2), for TLS and the like; NULL
 * restores.  `fn' returns the number of bytes, 0 at the end of the stream, or
 * -errno; more than `len' is -EIO.  -EAGAIN and SOCLE_WANT_READ: nothing to
 * read now.  SOCLE_WANT_WRITE: nothing until the fd is writable; event_read is
 * called then, or once reading is watched again.  Any function may be called
 * inside `fn'.
 *
 * Data that `fn' has received and not returned is not lost, although the poller
 * does not see it: after a result > 0 `fn' is taken to hold more until it returns
 * anything else.  Meanwhile event_read is called once a tick while reading is
 * watched, and ERR and HUP wait.  Setting or removing a function forgets this.
 *
 * The first reader or writer function handles SIGPIPE as socle_socket_init()
 * does for a pipe.  Returns 0, -EBADF, -EINVAL, -ENOMEM.
 */
int socle_set_reader_func(struct socle_socket *s,
	ssize_t (*fn)(
		struct socle_socket *s, void *data, size_t len, void *arg),
	void *arg);

/*
 * The bytes that are pushed back; if there are none, 1 while a reader function
 * may hold more, else 0.  -EBADF.
 */
int socle_pending(const struct socle_socket *s);

/* Outside the range of errno. */
enum { SOCLE_WANT_READ = -70001, SOCLE_WANT_WRITE = -70002 };

/* ---- writing ---- */

/*
 * The write queue.  A write on an empty queue goes to the kernel at once; bytes
 * that the kernel does not take are queued and sent without further calls.  A write
 * behind queued data is queued.  One flush sends about 1 MiB and runs at most
 * 64 calls; the rest follows in the next tick.
 *
 * Writes made inside a release, done, mark or drain callback are queued, and
 * sent by the flush that runs the callback or in the next tick.  Data that
 * a call of socle_write_func() writes on an empty queue is sent at once.
 *
 * The results of every write:
 *
 *	1	everything was handed over, earlier queued data included
 *	0	something is queued
 *
 * and these, for which nothing was taken and the object stays as it is:
 *
 *	-EBADF		the object is closed
 *	-EINVAL		the object is not a stream
 *	-ESHUTDOWN	socle_close_after_flush() was called
 *	-ENOBUFS	the write cap would be exceeded
 *	-ENOMEM		out of memory, nothing sent
 *	-errno		of an earlier failed write, whose close was vetoed
 *
 * A write that fails closes the object, through its `close', with the reason
 * "EPIPE", "ECONNRESET" or "write_error".  If the class vetoes that, the queue
 * is dropped all the same and every further write returns the same error.
 */

/*
 * Writes a copy of the data.  Results as above; another -errno: this write
 * failed and closed the object.  -ENOMEM also closes it if a part was sent and
 * the rest could not be queued: socle_closed() tells the two apart.  -EBADF is
 * returned too if a callback closed the object during the call.
 *
 * A length of 0 is socle_write_kick().  socle_writev() writes `n' >= 0 pieces,
 * any number, as one write; -EINVAL if `n' is negative or the lengths overflow.
 *
 * On a socket that keeps the bounds of messages (SOCK_SEQPACKET, SOCK_DGRAM)
 * each write is one message, which is sent whole, also from the queue.  One that
 * the kernel finds too long is -EMSGSIZE, with nothing taken, if nothing is
 * queued; in the queue it is a failed write.
 */
int socle_write(struct socle_socket *s, const void *data, size_t len);
int socle_writev(struct socle_socket *s, const struct iovec *iov, int n);

/*
 * Writes without a copy.  < 0, one of the results above: nothing was taken,
 * and `release' is never called.  >= 0: the data must stay unchanged until
 * `release(sent, arg)', which is called exactly once, possibly inside this
 * call; `sent' is true if all of it was handed over.  A write that fails and
 * closes the object returns 0, after release(false).  `release' may be NULL.
 * A length of 0 calls release(true) at once and returns 1.
 */
int socle_write_ref(struct socle_socket *s, const void *data, size_t len,
	void (*release)(bool sent, void *arg), void *arg);

/*
 * Queues a call: `fn(s, arg)' runs once everything written before it was
 * handed over.  < 0: nothing was taken, and neither function is ever called.
 * >= 0: exactly one of them is called once; `drop(arg)', which may be NULL, if
 * the object closes first.  Returns 1 if `fn' ran inside this call: nothing was
 * queued, and no call or callback of this object's queue was running.  On an
 * empty queue it is not held back when autoflush is off.
 */
int socle_write_func(struct socle_socket *s,
	void (*fn)(struct socle_socket *s, void *arg), void (*drop)(void *arg),
	void *arg);

/*
 * Flushes the queue now and writes nothing.  1: the queue is empty; 0: it is
 * not; -EBADF; or the -errno of a failed write.
 */
int socle_write_kick(struct socle_socket *s);

/* Unsent bytes, + 1 per queued call or file.  The kernel's are not counted. */
size_t socle_write_buf_size(const struct socle_socket *s);

/*
 * The bytes that the object took from the kernel or its reader function, and
 * gave to the kernel or its writer function, so far; also after close, and in
 * `destroy'.  Data that is pushed back is not counted again.
 */
uint64_t socle_bytes_in(const struct socle_socket *s);
uint64_t socle_bytes_out(const struct socle_socket *s);

/*
 * On by default.  While it is off, writes are held back and sent together,
 * before the next wait of the loop or by a kick, a close or a steal.  Turning
 * it on sends nothing by itself.  Does nothing on a closed object.
 */
void socle_set_autoflush(struct socle_socket *s, bool on);

/*
 * Calls `fn(s, true, arg)' once when more than `high' is queued, and
 * `fn(s, false, arg)' once when `low' or less is queued after that.  `fn' may
 * run inside the write that crosses a mark, and inside this call: the queue
 * counts as below the new marks at first.  NULL removes.  Not called when the
 * queue is dropped: by close, steal, a failed write or socle_after_fork().
 * Returns 0; -EBADF; -EINVAL if low > high; -ENOMEM.
 */
int socle_set_water_marks(struct socle_socket *s, size_t low, size_t high,
	void (*fn)(struct socle_socket *s, bool above, void *arg), void *arg);

/*
 * Limits the queue: a write is refused with -ENOBUFS if what is queued and the
 * write together exceed `bytes'.  The whole length counts before anything is
 * sent, so a single longer write is refused even on an empty queue.  A call or
 * a file counts 1.  0: no cap.  Returns 0, -EBADF, -ENOMEM.
 */
int socle_set_write_cap(struct socle_socket *s, size_t bytes);

/*
 * Sends queued bytes through `fn' instead of the kernel, for TLS and the like;
 * NULL restores.  `fn' returns
 *
 *	> 0	the number of bytes taken; more than `len' is a failed write
 *	0, -EAGAIN, SOCLE_WANT_WRITE	none until the fd is writable
 *	SOCLE_WANT_READ			none until it is readable
 *	-ENOBUFS, -ENOMEM		none for about 10 ms
 *	-errno	the write failed, and the object is closed
 *
 * After a result <= 0 the same bytes are offered again at the same address,
 * with more behind them if more was written.  `fn' may close the object; what
 * it writes to the object is queued.  Returns 0, -EBADF, -EINVAL, -ENOMEM.
 */
int socle_set_writer_func(struct socle_socket *s,
	ssize_t (*fn)(struct socle_socket *s, const void *data, size_t len,
		void *arg),
	void *arg);

/*
 * TCP_CORK or TCP_NOPUSH: while it is on, TCP sends full segments only.  Close
 * and steal turn it off.  Returns 0, also on an fd that is not a TCP socket and if
 * nothing changes; -EBADF; or the -errno of setsockopt(2).  It does nothing on
 * NetBSD, which has no such option, and on macOS, where turning the option off
 * does not send what was held back.
 */
int socle_tcp_cork(struct socle_socket *s, bool on);

/* ---- log messages ---- */

/*
 * Logs "ERROR: message", the object as a string and, where libc offers one, a
 * backtrace, at level 0.
 */
void socle_dump_error(struct socle_socket *s, const char *message);

/* Logs at level 0; the object is not part of the message. */
void socle_socket_debug_msg(struct socle_socket *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

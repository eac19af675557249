/*
 * The base class of all that has an fd and events: Danga::Socket's object
 * methods.
 *
 * Ownership and life.  An object that was made owns its fd.  socle_close()
 * takes effect at once, for events and calls; the fd is closed at the end of
 * the tick, the memory let go at the end of the outermost tick, through the
 * class's `destroy'.  Until then every function here may be called on it.
 *
 * All of these may be called from inside any callback of the thread that made
 * the object, and from no other thread.  Results are >= 0 or -errno; -EBADF
 * is a closed object.  "Socket" below is any fd that can be polled: pipes and
 * terminals serve as well.
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
	struct socle__item *queue;  /* write queue: its last item, or NULL */
	size_t queued;              /* unsent bytes, + 1 per closure */
	struct socle__extra *extra; /* what most objects never use, or NULL */
	int64_t active;             /* ns: the last traffic, if idle_ms */
	struct socle_timer timer;   /* idle, write stall, a retried write */
	uint32_t idle_ms;
	uint16_t read_error;  /* errno of the last read that failed */
	uint16_t write_error; /* errno of a failed write, close vetoed */
};

/* ---- making and ending ---- */

/*
 * Makes `self', memory of yours of at least the class's size, an object that
 * owns `fd'; the subclass's own fields are left as they are.  O_NONBLOCK and
 * FD_CLOEXEC are set; nothing is watched.  -EBADF; -EEXIST: the fd belongs to
 * an object or is an other fd; -EPERM: a regular file or directory; -EINVAL:
 * no proper class; -ENOMEM, -ENOSPC; after a failure the fd is still yours
 * and as it was.  (Danga::Socket's new, which dies.)
 */
int socle_socket_init(
	struct socle_socket *self, const struct socle_class *cls, int fd);

/* The same with memory from the library, zeroed, and freed after destroy. */
int socle_socket_new(
	const struct socle_class *cls, int fd, struct socle_socket **ret);

/*
 * Another class from the next event on (Perl's re-bless).  -EINVAL: the class
 * needs a larger struct than the object was made with, or is of another
 * family.
 */
int socle_set_class(struct socle_socket *s, const struct socle_class *cls);
const struct socle_class *socle_class_of(const struct socle_socket *s);

/*
 * Closes, through the class's `close'; nothing if it is closed already or
 * being closed.  What autoflush held back is flushed once before; what does
 * not go is dropped, with its callbacks.  `reason' may be NULL; it is told to
 * `close' and the debug log and not kept.
 */
void socle_close(struct socle_socket *s, const char *reason);

/*
 * Reads no more, takes no more writes (-ESHUTDOWN), and closes when the queue
 * is out; at once if it is empty.  `reason' is kept: static storage.
 */
void socle_close_after_flush(struct socle_socket *s, const char *reason);

/*
 * Lets the fd go: it is yours, non-blocking still, and the object is closed
 * without its `close' being called.  What was held back is flushed once, the
 * rest of the queue dropped with its callbacks.  The fd, or -EBADF.
 */
int socle_steal_socket(struct socle_socket *s);

/* ---- what it is ---- */

int socle_fd(const struct socle_socket *s); /* -1 once closed */
bool socle_closed(const struct socle_socket *s);

/* SOCLE_READ and SOCLE_WRITE as watched now, for you or for the queue. */
unsigned socle_watching(const struct socle_socket *s);

/*
 * "Class(RW): open to 127.0.0.1:80", "Class(R): closed"; like snprintf.
 * Through the class's slot.
 */
int socle_as_string(const struct socle_socket *s, char *buf, size_t size);

/*
 * The addresses as text: "127.0.0.1" and "127.0.0.1:80", "::1" and "[::1]:80",
 * for AF_UNIX the path, "@name" or "unix".  Asked of the kernel once, and kept
 * after close.  NULL when there is none (yet): not connected, no socket, or
 * closed before anybody asked.
 */
const char *socle_peer_ip_string(struct socle_socket *s);
const char *socle_peer_addr_string(struct socle_socket *s);
const char *socle_local_ip_string(struct socle_socket *s);
const char *socle_local_addr_string(struct socle_socket *s);

/* The port, 0 .. 65535; -ENOTCONN without an address, -EAFNOSUPPORT. */
int socle_peer_port(struct socle_socket *s);
int socle_local_port(struct socle_socket *s);

/* ---- events ---- */

/*
 * Whether event_read, event_write are wanted.  Setting what is set costs
 * nothing; the kernel hears of changes once a tick.  Turning writability off
 * never stalls the queue, which has a wish of its own.  After a read of 0 the
 * READ event is off until it is turned on here.  Nothing on a closed object.
 */
void socle_watch_read(struct socle_socket *s, bool on);
void socle_watch_write(struct socle_socket *s, bool on);

/*
 * event_timeout(SOCLE_IDLE) after this time without a byte read or written;
 * event_timeout(SOCLE_STALL) when queued bytes have not moved for this time.
 * Traffic counts as of the beginning of its tick.  If the handler does not
 * close, the time counts anew.  0 switches off; the longest is 49 days.  -EINVAL: negative or no number.
 */
int socle_set_idle_timeout(struct socle_socket *s, double seconds);
int socle_set_write_timeout(struct socle_socket *s, double seconds);

/* At the end of every tick; false ends the loop; NULL removes it. */
int socle_set_socket_post_loop_callback(struct socle_socket *s,
	bool (*fn)(struct socle_socket *s, void *arg), void *arg);

/* ---- reading ---- */

/*
 * > 0: bytes; 0: end of the stream; -EAGAIN: nothing now; another -errno: the
 * stream is broken, the object not closed by it.  Pushed-back data come first,
 * one chunk a call, never topped up from the kernel.  At most 1 MiB a call.
 * -EINVAL: size 0.
 */
ssize_t socle_read(struct socle_socket *s, void *buf, size_t size);

/*
 * Puts data (copied) where socle_read() finds them: behind what was pushed
 * back before, as Danga::Socket does, or, by socle_unread(), before it.  While
 * reading is on, event_read is called for it once in each tick.
 */
int socle_push_back_read(struct socle_socket *s, const void *data, size_t len);
int socle_unread(struct socle_socket *s, const void *data, size_t len);

/*
 * Reads through `fn' instead of read(2); NULL restores.  `fn' returns bytes, 0
 * at the end, or -errno; -EAGAIN or SOCLE_WANT_READ: nothing now;
 * SOCLE_WANT_WRITE: nothing before it is writable, when event_read is called.
 */
int socle_set_reader_func(struct socle_socket *s,
	ssize_t (*fn)(
		struct socle_socket *s, void *data, size_t len, void *arg),
	void *arg);

/* Outside the range of errno. */
enum { SOCLE_WANT_READ = -70001, SOCLE_WANT_WRITE = -70002 };

/* ---- writing ---- */

/*
 * Writes a copy.  1: all handed to the kernel; 0: the rest is queued and will
 * go by itself.  Nothing taken, the object lives: -EBADF closed, -ENOBUFS over
 * the cap, -ESHUTDOWN after socle_close_after_flush(), -ENOMEM.  Any other
 * -errno: this write failed and closed the object ("EPIPE", "ECONNRESET",
 * "write_error"); if its class vetoes that, the queue is dropped and every
 * further write returns the same.  len 0 is a kick.
 */
int socle_write(struct socle_socket *s, const void *data, size_t len);
int socle_writev(struct socle_socket *s, const struct iovec *iov, int n);

/*
 * The same without a copy: the data must stay as they are until
 * `release(sent, arg)', which is called exactly once, perhaps inside this
 * call; `sent': they went out whole.  A refused call (-errno with nothing
 * taken) calls nothing.  After -ENOMEM the object is closed if a part went out,
 * and `release' was called then.
 */
int socle_write_ref(struct socle_socket *s, const void *data, size_t len,
	void (*release)(bool sent, void *arg), void *arg);

/*
 * Calls `fn(s, arg)' when all bytes written before it have been handed to the
 * kernel: at once (result 1) if none wait and no other such call is running.
 * What `fn' writes goes behind what is queued.  If the object closes first,
 * `drop(arg)' is called instead; it may be NULL.
 */
int socle_write_func(struct socle_socket *s,
	void (*fn)(struct socle_socket *s, void *arg), void (*drop)(void *arg),
	void *arg);

/* Flushes what can be flushed.  1: nothing waits now; 0; -errno. */
int socle_write_kick(struct socle_socket *s);

/* Unsent bytes, + 1 per queued call. */
size_t socle_write_buf_size(const struct socle_socket *s);

/*
 * On at the start.  Off: writes are held back and leave gathered, in the next
 * tick before the wait, or with a kick or close.
 */
void socle_set_autoflush(struct socle_socket *s, bool on);

/*
 * `fn' is told once when the queue grows above `high', and once when it has
 * come down to `low' or less after that.  May run inside the write that
 * caused it.  NULL removes.  -EINVAL: low > high.
 */
int socle_set_water_marks(struct socle_socket *s, size_t low, size_t high,
	void (*fn)(struct socle_socket *s, bool above, void *arg), void *arg);

/* A write that would make more than this wait is -ENOBUFS; 0: no cap. */
int socle_set_write_cap(struct socle_socket *s, size_t bytes);

/*
 * Writes through `fn' instead of the kernel; NULL restores.  `fn' returns the
 * bytes taken, 0 or -EAGAIN: none now, SOCLE_WANT_READ: none before it is
 * readable; another -errno closes as a failed write does, and so does a
 * result larger than `len' ("write_error").  What it writes itself is queued.
 */
int socle_set_writer_func(struct socle_socket *s,
	ssize_t (*fn)(struct socle_socket *s, const void *data, size_t len,
		void *arg),
	void *arg);

/*
 * TCP_CORK, TCP_NOPUSH: full segments only, until it is off.  0 on what is no
 * TCP socket and when nothing changes.  Taken off by close.
 */
int socle_tcp_cork(struct socle_socket *s, bool on);

/* ---- messages ---- */

/* "ERROR: message", the object and a backtrace where there is one, logged. */
void socle_dump_error(struct socle_socket *s, const char *message);
void socle_socket_debug_msg(struct socle_socket *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

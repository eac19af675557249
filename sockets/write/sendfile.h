/*
 * Files as items of the write queue: sent in order with bytes and calls, by
 * the kernel where it can, and with one completion each (IO::AsyncX::Sendfile).
 */
#ifndef SOCLE_SOCKETS_SENDFILE_H
#define SOCLE_SOCKETS_SENDFILE_H

#include "../socket.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)
/* A function and a struct share a name, of which g++ -Wshadow warns. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

enum { SOCLE_TO_END = -1 }; /* struct socle_sendfile.length */

/* How sending a file ended. */
struct socle_sent {
	/*
	 * 0: all of it was handed to the kernel.  -ENODATA (-EIO on a system
	 * without ENODATA): the file ended early.  -ECANCELED: the object
	 * closed first, or its queue was dropped.  Otherwise the error of
	 * `operation'.
	 */
	int err;
	const char *operation; /* "sendfile", "read" or "write" */
	uint64_t sent;         /* bytes handed to the kernel */
	/*
	 * Bytes not sent.  If the size was not known: bytes that were read and
	 * not sent.
	 */
	uint64_t remaining;
};

struct socle_sendfile {
	/* A path, which the library opens and closes; NULL: `fd' is used. */
	const char *file SOCLE_OPTIONAL;
	/* An open file of the caller.  Note that 0 is standard input. */
	int fd SOCLE_OPTIONAL;
	/* The library closes `fd', right before `done'. */
	bool close_fd SOCLE_OPTIONAL;
	int64_t offset SOCLE_OPTIONAL; /* bytes from the start, >= 0 */
	/* Bytes; SOCLE_TO_END: up to the end; 0 sends nothing. */
	int64_t length SOCLE_OPTIONAL;
	/* May be NULL.  `how' is valid during the call. */
	void (*done)(struct socle_socket *s, const struct socle_sent *how,
		void *arg) SOCLE_OPTIONAL;
	void *arg SOCLE_OPTIONAL;
	/* A failure of the file drops this file only; the queue continues. */
	bool carry_on SOCLE_OPTIONAL;
};

/*
 * Queues a file, or a part of one, behind the queued data, and sends as much as
 * possible now.  `what' and the path are not needed after the call.  The file
 * position is neither used nor changed; several items may send the same fd,
 * which must stay open until the last `done'.
 *
 * < 0: nothing was taken, `done' is never called, and the caller still owns
 * `fd', even with close_fd: an error that socle_write() returns without taking
 * data; of open(2) or fstat(2); -EISDIR; -ESPIPE for an offset in a pipe or
 * socket; -EINVAL for a negative offset or length, and on a socket that keeps the
 * bounds of messages.
 *
 * >= 0: `done' is called exactly once, possibly inside this call.  1: nothing
 * is queued any more; 0: something is, or the file's failure has closed the
 * object.  Data that `done' writes is queued.
 *
 * With SOCLE_TO_END the length of a regular file is its size at the call; if it
 * is truncated meanwhile, that is -ENODATA.  A file without a size, or with a
 * wrong one (a pipe, a file of /proc or sysfs), is sent until its end.
 *
 * Files that the kernel cannot send are read and written instead: pipes, /proc,
 * and every file while a writer function is set.  An empty pipe is read again
 * about every 10 ms, without blocking the loop; the write timeout runs
 * meanwhile.  (A FIFO that no writer has opened yet is empty on Linux, and at
 * its end on macOS.)  Data that was read from a pipe and not sent when the
 * object closes is lost.  Reading a regular file may block on the disk.
 *
 * A failure closes the object after `done', with the reason "sendfile", unless
 * `carry_on' is set and the failure is the file's.  If the class vetoes that,
 * the queue is dropped and further writes return the error.  A file counts 1
 * for a write cap, the marks and socle_write_buf_size().
 *
 * The first call gives SIGPIPE an empty handler, which exec(2) resets, unless
 * the application has set an action for it: sendfile(2) has no MSG_NOSIGNAL.
 */
int socle_sendfile(struct socle_socket *s, const struct socle_sendfile *what);

#pragma GCC diagnostic pop
#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

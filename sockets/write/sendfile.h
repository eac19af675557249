/*
 * Files sent by the kernel, as items of the write queue: in order with bytes
 * and calls, and with one completion each (IO::AsyncX::Sendfile).
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

enum { SOCLE_TO_END = -1 };

/* How it went. */
struct socle_sent {
	/*
	 * 0; -ENODATA, or -EIO on a system without: the file ended early;
	 * -ECANCELED: the socket was closed first; else what `operation' said.
	 */
	int err;
	const char *operation; /* "sendfile", "read", "write" */
	uint64_t sent;         /* bytes handed to the kernel */
	/* bytes that were not; of what has no size those read already */
	uint64_t remaining;
};

struct socle_sendfile {
	/* a path, opened and closed by the library; or, when it is NULL, */
	const char *file SOCLE_OPTIONAL;
	/* an fd of yours, */
	int fd SOCLE_OPTIONAL;
	/* to be closed before `done' */
	bool close_fd SOCLE_OPTIONAL;
	int64_t offset SOCLE_OPTIONAL;
	int64_t length SOCLE_OPTIONAL; /* SOCLE_TO_END: the rest; 0: nothing */
	void (*done)(struct socle_socket *s, const struct socle_sent *how,
		void *arg) SOCLE_OPTIONAL; /* may be NULL */
	void *arg SOCLE_OPTIONAL;
	/* a failing file is dropped alone, the queue goes on */
	bool carry_on SOCLE_OPTIONAL;
};

/*
 * Queues a file, or a part of one, behind what is queued, and sends what can
 * be sent now.  The file's own position is neither used nor moved; several may
 * send one fd, which must stay open until the last `done'.  1: nothing waits
 * any more; 0: it will go by itself, or its failure has closed the object.  In
 * both cases `done' is called exactly once, perhaps inside this call, and tells
 * how it went.  -errno: nothing is queued, `done' never called, `fd' still
 * yours: that of open(2); -EISDIR; -ESPIPE: an offset in a pipe; -EINVAL: a
 * negative offset or length; and those of socle_write().
 *
 * SOCLE_TO_END is what the file has now; for what has no size (a pipe, /proc)
 * it is all until its end.  What the kernel cannot send (pipes, /proc, a
 * writer function in between) is read and written instead.  A pipe is sent as
 * it fills, without blocking the loop; what was read of it and not sent when
 * the socket closes is lost.
 *
 * A failure closes the socket after `done', with the reason "sendfile", unless
 * `carry_on' is set and the fault was the file's.  A write cap counts a file
 * as 1, and so does socle_write_buf_size().  From the first call on SIGPIPE is
 * ignored if it had its default disposition: sendfile(2) cannot say
 * MSG_NOSIGNAL.
 */
int socle_sendfile(struct socle_socket *s, const struct socle_sendfile *what);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

/*
 * Files in the write queue.
 *
 * sendfile(2) sends regular files.  Everything else is read into a buffer and
 * written from there, starting at the offset that was reached: files that
 * sendfile(2) refuses, pipes, files without a size (/proc), and every file while
 * a writer function is set.  The buffer keeps the bytes that the socket did not
 * take, because a pipe cannot be read twice.
 */
#include "sockets/write/file.h"

#include "reactor/interest.h"
#include "sockets/activity.h"
#include "sockets/counts.h"
#include "sockets/names/socket_error.h"
#include "sockets/write/transmit.h"

#include "seam.h"

enum { BUFFER = 64 << 10 };

_Static_assert(sizeof(off_t) >= sizeof(int64_t),
	"the Makefile asks for -D_FILE_OFFSET_BITS=64");

struct socle__file {
	int fd;
	bool close_fd, carry_on;
	bool buffered;  /* sent through the buffer */
	bool in_order;  /* a pipe: read without offsets; buffered */
	bool to_end;    /* SOCLE_TO_END: of a regular file, its size */
	bool until_end; /* `remaining' is only an upper bound; buffered */
	bool ended;     /* sent or failed: `err' and `operation' are set */
	int err;
	const char *operation;
	off_t offset; /* of the next byte to read or send */
	uint64_t sent, remaining;
	char *buffer;
	size_t at, held; /* buffer[at .. at + held) is not written yet */
	void (*done)(struct socle_socket *s, const struct socle_sent *how,
		void *arg);
	void *arg;
};

/* ---- completion ---- */

static void
call_done(struct socle_socket *s, const struct socle__file *f,
	const struct socle_sent *how)
{
	struct socle__callback c;

	socle__object_callback_begin(s, &c, SOCLE__ITEM_CLOSURE);
	f->done(s, how, f->arg);
	socle__callback_end(socle__reactor, &c);
}

void
socle__file_end(struct socle_socket *s, struct socle__file *f)
{
	struct socle_sent how = {.err = f->ended ? f->err : -ECANCELED,
		.operation = f->ended ? f->operation : "sendfile",
		.sent = f->sent,
		.remaining = f->until_end ? f->held : f->remaining};

	if (f->close_fd)
		sys_close(f->fd);
	sys_free(f->buffer);
	if (f->done)
		call_done(s, f, &how);
	sys_free(f);
}

static enum socle__flush_end
finish(struct socle_socket *s, struct socle__item *item,
	struct socle__flush *flush, const char *operation, int err)
{
	struct socle__file *f = item->u.file;

	f->ended = true;
	f->err = err;
	f->operation = operation;
	flush->finished = true;
	socle__queue_finish(s, item, err == 0);
	if (err == 0 || f->carry_on)
		return SOCLE__FLUSH_MORE;
	flush->err = err;
	flush->reason = "sendfile";
	return SOCLE__FLUSH_BROKEN;
}

/* ---- sending ---- */

static size_t
piece(const struct socle__file *f, size_t most)
{
	return f->remaining < most ? (size_t)f->remaining : most;
}

static void
account(struct socle_socket *s, struct socle__file *f,
	struct socle__flush *flush, size_t n)
{
	f->sent += n;
	f->remaining -= n;
	flush->bytes -= n < flush->bytes ? n : flush->bytes;
	socle__moved(s);
	socle__descriptor_touch(&s->d);
}

/* Errors of a file or socket that sendfile(2) does not support. */
static bool
cannot_sendfile(int err)
{
	return err == -EINVAL || err == -ENOSYS || err == -ENOTSOCK ||
		err == -EOPNOTSUPP || err == -ENOTSUP || err == -ESPIPE;
}

/* sendfile(2) does not report which of its two fds has failed. */
static bool
is_error_of_socket(int err)
{
	return err == -EPIPE || err == -ECONNRESET || err == -ECONNABORTED ||
		err == -ENOTCONN || err == -ESHUTDOWN || err == -ETIMEDOUT ||
		err == -EHOSTDOWN || err == -EHOSTUNREACH || err == -ENETDOWN ||
		err == -ENETRESET || err == -ENETUNREACH;
}

/*
 * Whether an end before `remaining' is the real end.  The size of a file in sysfs
 * is a page, though it holds a line; a truncated file is smaller than it was.
 */
static bool
is_real_end(struct socle__file *f)
{
	struct stat st;

	if (f->to_end && !f->until_end && sys_fstat(f->fd, &st) == 0)
		f->until_end = (uint64_t)st.st_size >=
			(uint64_t)f->offset + f->remaining;
	return f->until_end;
}

static enum socle__flush_end
kernel_refused(struct socle_socket *s, struct socle__item *item,
	struct socle__flush *flush, int err)
{
	struct socle__file *f = item->u.file;

	flush->err = err;
	if (err == -ENODATA && is_real_end(f))
		return finish(s, item, flush, "sendfile", 0);
	if (socle__is_blocked_by(err))
		return SOCLE__FLUSH_BLOCKED;
	if (cannot_sendfile(err)) {
		f->buffered = true;
		return SOCLE__FLUSH_MORE;
	}
	f->carry_on = f->carry_on && !is_error_of_socket(err);
	return finish(s, item, flush, "sendfile", err);
}

/*
 * A short count is taken to mean a full socket, without a second call.  If the
 * cause was another, the socket is writable and the next call reports it.
 */
static enum socle__flush_end
flush_by_kernel(struct socle_socket *s, struct socle__item *item,
	struct socle__flush *flush)
{
	struct socle__file *f = item->u.file;
	size_t n = piece(f, 2 * flush->bytes); /* cheap: nothing is copied */
	ssize_t sent;

	do
		sent = sys_sendfile(s->d.fd, f->fd, &f->offset, n);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		sent = socle__send_error(s->d.fd, -errno);
	socle__count_sent(s, sent, n, socle__is_blocked_by(sent));
	if (sent <= 0)
		return kernel_refused(
			s, item, flush, sent < 0 ? (int)sent : -ENODATA);
	account(s, f, flush, (size_t)sent);
	if (f->remaining == 0)
		return finish(s, item, flush, "sendfile", 0);
	flush->err = 0;
	return (size_t)sent < n ? SOCLE__FLUSH_BLOCKED : SOCLE__FLUSH_MORE;
}

/* Reads up to `n' bytes: 0 at the end; -EAGAIN if an in-order read blocks. */
static ssize_t
file_read(struct socle__file *f, size_t n)
{
	ssize_t got;

	if (f->in_order && sys_readable(f->fd) <= 0)
		return -EAGAIN;
	do
		got = f->in_order ? sys_read(f->fd, f->buffer, n)
				  : sys_pread(f->fd, f->buffer, n, f->offset);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == ESPIPE && !f->in_order && f->offset == 0) {
		f->in_order = true;
		return file_read(f, n);
	}
	return got < 0 ? -errno : got;
}

/* Fills the empty buffer.  MORE: it holds bytes, or the file is finished. */
static enum socle__flush_end
fill(struct socle_socket *s, struct socle__item *item,
	struct socle__flush *flush)
{
	struct socle__file *f = item->u.file;
	ssize_t got = -ENOMEM;

	if (f->buffer || (f->buffer = sys_malloc(BUFFER)))
		got = file_read(f, piece(f, BUFFER));
	if (got > 0) {
		f->offset += got;
		f->at = 0;
		f->held = (size_t)got;
		return SOCLE__FLUSH_MORE;
	}
	if (socle__is_blocked_by(got)) {
		flush->err =
			-ENOBUFS; /* retried by timer: no event is watched */
		return SOCLE__FLUSH_BLOCKED;
	}
	if (got == 0 && is_real_end(f))
		return finish(s, item, flush, "sendfile", 0);
	return finish(s, item, flush, "read", got < 0 ? (int)got : -ENODATA);
}

static enum socle__flush_end
flush_by_buffer(struct socle_socket *s, struct socle__item *item,
	struct socle__flush *flush)
{
	struct socle__file *f = item->u.file;
	enum socle__flush_end end = SOCLE__FLUSH_MORE;
	struct iovec iov;
	ssize_t sent;

	if (f->held == 0)
		end = fill(s, item, flush);
	if (end != SOCLE__FLUSH_MORE || item->finished)
		return end;
	iov.iov_base = f->buffer + f->at;
	iov.iov_len = f->held;
	sent = socle__transmit(s, &iov, 1);
	if (item->finished)
		return SOCLE__FLUSHED; /* the writer function closed it */
	if (sent < 0 && !socle__is_blocked_by(sent)) {
		f->carry_on = false;
		return finish(s, item, flush, "write", (int)sent);
	}
	if (sent > 0) {
		account(s, f, flush, (size_t)sent);
		f->at += (size_t)sent;
		f->held -= (size_t)sent;
	}
	flush->err = sent < 0 ? (int)sent : 0;
	if (f->held > 0)
		return SOCLE__FLUSH_BLOCKED;
	return f->remaining > 0 ? SOCLE__FLUSH_MORE
				: finish(s, item, flush, "sendfile", 0);
}

enum socle__flush_end
socle__file_flush(struct socle_socket *s, struct socle__item *item,
	struct socle__flush *flush)
{
	struct socle__file *f = item->u.file;

	if (f->remaining == 0)
		return finish(s, item, flush, "sendfile", 0);
	if (f->buffered || f->held > 0 || socle__has_writer(s))
		return flush_by_buffer(s, item, flush);
	return flush_by_kernel(s, item, flush);
}

/* ---- creation ---- */

/* A file of size 0 that can be read is one of /proc. */
static int
file_measure(struct socle__file *f, int64_t length)
{
	struct stat st;
	char byte;

	if (sys_fstat(f->fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	f->in_order = S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode);
	if (f->in_order && f->offset > 0)
		return -ESPIPE;
	f->to_end = length < 0;
	if (length >= 0)
		f->remaining = (uint64_t)length;
	else if (S_ISREG(st.st_mode) && st.st_size > f->offset)
		f->remaining = (uint64_t)(st.st_size - f->offset);
	else if (!S_ISREG(st.st_mode) ||
		(st.st_size == 0 && sys_pread(f->fd, &byte, 1, f->offset) != 0))
		f->until_end = true;
	if (f->until_end)
		f->remaining = INT64_MAX;
	f->buffered = f->in_order || f->until_end;
	return 0;
}

int
socle__file_new(
	const struct socle_sendfile *what, int fd, struct socle__file **ret)
{
	struct socle__file *f = sys_calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->fd = fd;
	f->close_fd = what->file || what->close_fd;
	f->carry_on = what->carry_on;
	f->offset = (off_t)what->offset;
	f->done = what->done;
	f->arg = what->arg;
	if ((err = file_measure(f, what->length)) < 0)
		sys_free(f);
	else
		*ret = f;
	return err;
}

/*
 * Files in the write queue.
 *
 * The kernel sends what it can.  The rest is sent by hand, read into a buffer
 * and written from there, from the offset that was reached: what sendfile(2)
 * refuses, pipes, what has no size (/proc), and everything while a writer
 * function is set.  The buffer keeps what the socket did not take, for a pipe
 * cannot be read twice.
 *
 * A file leaves the queue before its `done' is called, and no function here
 * touches it after something that may call the user: it may be gone.
 */
#include "sockets/write/sendfile.h"
#include "sockets/private.h"

#include "seam.h"

enum { BUFFER = 64 << 10 };

_Static_assert(sizeof(off_t) >= sizeof(int64_t),
	"the Makefile asks for -D_FILE_OFFSET_BITS=64");

struct socle__file {
	int fd;
	bool close_fd, carry_on;
	bool by_hand;
	bool in_order;  /* has no offsets: a pipe; by hand */
	bool until_end; /* `remaining' is not known, but large; by hand */
	off_t offset;   /* of the next byte to get from it */
	uint64_t sent, remaining;
	char *buffer; /* by hand: [at, at + held) is not yet written */
	size_t at, held;
	void (*done)(struct socle_socket *s, const struct socle_sent *how,
		void *arg);
	void *arg;
};

/* ---- the end of a file ---- */

static void
tell(struct socle_socket *s, const struct socle__file *f,
	const struct socle_sent *how)
{
	struct socle__held_call call;
	bool open = !socle__is_closed(s);
	uint32_t before = open ? socle__callback_begins(s) : 0;

	socle__held_begin(s, &call, SOCLE__ITEM_CLOSURE);
	f->done(s, how, f->arg);
	socle__held_end(&call);
	if (!open)
		return;
	socle__callback_ends(s, before);
	if (!(before & SOCLE__FLUSHING) && s->queue &&
		!socle__has(s, SOCLE__BLOCKED))
		socle__turn_ask(&s->d, SOCLE__TURN_FLUSH);
}

/* requires: it is in no queue */
static void
file_end(struct socle_socket *s, struct socle__file *f, int err,
	const char *operation)
{
	struct socle_sent how = {.err = err,
		.operation = operation,
		.sent = f->sent,
		.remaining = f->until_end ? f->held : f->remaining};

	if (f->close_fd)
		sys_close(f->fd);
	sys_free(f->buffer);
	if (f->done)
		tell(s, f, &how);
	sys_free(f);
}

void
socle__file_drop(struct socle_socket *s, struct socle__file *f)
{
	file_end(s, f, -ECANCELED, "sendfile");
}

static void
file_sent(struct socle_socket *s, struct socle__file *f)
{
	socle__queue_free_head(s);
	file_end(s, f, 0, "sendfile");
}

/* With write_error set nothing behind it leaves, whatever `done' does. */
static void
file_failed(struct socle_socket *s, struct socle__file *f, int err,
	const char *operation)
{
	bool alone = f->carry_on;

	socle__queue_free_head(s);
	if (!alone)
		socle__write_error_set(s, err);
	file_end(s, f, err, operation);
	if (!alone && !socle__is_closed(s))
		socle__write_broken(s, "sendfile");
}

/* ---- sending ---- */

static size_t
piece(const struct socle__file *f, size_t most)
{
	return f->remaining < most ? (size_t)f->remaining : most;
}

static void
account(struct socle_socket *s, struct socle__file *f, size_t n)
{
	f->sent += n;
	f->remaining -= n;
	socle__moved(s);
	socle__descriptor_touch(&s->d);
}

/* What the kernel says of a file or socket that sendfile(2) does not serve. */
static bool
cannot_sendfile(int err)
{
	return err == -EINVAL || err == -ENOSYS || err == -ENOTSOCK ||
		err == -EOPNOTSUPP || err == -ENOTSUP || err == -ESPIPE;
}

/* sendfile(2) does not say which end an error is of. */
static bool
is_sockets_fault(int err)
{
	return err == -EPIPE || err == -ECONNRESET || err == -ECONNABORTED ||
		err == -ENOTCONN || err == -ESHUTDOWN || err == -ETIMEDOUT ||
		err == -EHOSTDOWN || err == -EHOSTUNREACH || err == -ENETDOWN ||
		err == -ENETRESET || err == -ENETUNREACH;
}

static void
kernel_refused(struct socle_socket *s, struct socle__file *f, int err)
{
	if (socle__try_later(err)) {
		socle__write_blocked(s, err);
	} else if (cannot_sendfile(err)) {
		f->by_hand = true;
	} else {
		f->carry_on = f->carry_on && !is_sockets_fault(err);
		file_failed(s, f, err, "sendfile");
	}
}

/*
 * A short count is taken for a full socket without asking again: if it was
 * something else the socket is writable, and the next call says what.
 */
static size_t
send_by_kernel(struct socle_socket *s, struct socle__file *f, size_t budget)
{
	size_t n = piece(f, 2 * budget); /* it copies nothing */
	ssize_t sent;

	do
		sent = sys_sendfile(s->d.fd, f->fd, &f->offset, n);
	while (sent < 0 && errno == EINTR);
	if (sent <= 0) {
		kernel_refused(s, f, sent < 0 ? -errno : -ENODATA);
		return 0;
	}
	account(s, f, (size_t)sent);
	if (f->remaining == 0)
		file_sent(s, f);
	else if ((size_t)sent < n)
		socle__write_blocked(s, 0);
	return (size_t)sent;
}

/* 0: the end; -errno, -EAGAIN if it would block. */
static ssize_t
get(struct socle__file *f, size_t n)
{
	struct pollfd p = {.fd = f->fd, .events = POLLIN};
	ssize_t got;

	if (f->in_order && sys_poll(&p, 1, 0) <= 0)
		return -EAGAIN;
	do
		got = f->in_order ? sys_read(f->fd, f->buffer, n)
				  : sys_pread(f->fd, f->buffer, n, f->offset);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == ESPIPE && !f->in_order && f->offset == 0) {
		f->in_order = true;
		return get(f, n);
	}
	return got < 0 ? -errno : got;
}

/* Into the empty buffer; false: there is nothing to write now. */
static bool
fill(struct socle_socket *s, struct socle__file *f)
{
	ssize_t got = -ENOMEM;

	if (f->buffer || (f->buffer = sys_malloc(BUFFER)))
		got = get(f, piece(f, BUFFER));
	if (got > 0) {
		f->offset += got;
		f->at = 0;
		f->held = (size_t)got;
		return true;
	}
	if (socle__try_later(got))
		socle__write_blocked(s, -ENOBUFS); /* no event would tell */
	else if (got == 0 && f->until_end)
		file_sent(s, f);
	else
		file_failed(s, f, got < 0 ? (int)got : -ENODATA, "read");
	return false;
}

static size_t
send_by_hand(struct socle_socket *s, struct socle__file *f)
{
	struct iovec iov;
	ssize_t sent;

	if (f->held == 0 && !fill(s, f))
		return 0;
	iov.iov_base = f->buffer + f->at;
	iov.iov_len = f->held;
	sent = socle__transmit(s, &iov, 1);
	if (socle__is_closed(s))
		return 0; /* by the writer: the file went with the queue */
	if (sent < 0 && !socle__try_later(sent)) {
		f->carry_on = false;
		file_failed(s, f, (int)sent, "write");
		return 0;
	}
	if (sent > 0) {
		account(s, f, (size_t)sent);
		f->at += (size_t)sent;
		f->held -= (size_t)sent;
	}
	if (f->held > 0)
		socle__write_blocked(s, sent < 0 ? (int)sent : 0);
	else if (f->remaining == 0)
		file_sent(s, f);
	return sent > 0 ? (size_t)sent : 0;
}

/* requires: the head of the queue is this file */
size_t
socle__flush_file(struct socle_socket *s, struct socle__file *f, size_t budget)
{
	if (f->remaining == 0) {
		file_sent(s, f);
		return 0;
	}
	if (f->by_hand || f->held > 0 || (s->extra && s->extra->writer))
		return send_by_hand(s, f);
	return send_by_kernel(s, f, budget);
}

/* ---- queueing ---- */

/* A file of size 0 that has a byte all the same is one of /proc. */
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
	if (length >= 0)
		f->remaining = (uint64_t)length;
	else if (S_ISREG(st.st_mode) && st.st_size > f->offset)
		f->remaining = (uint64_t)(st.st_size - f->offset);
	else if (!S_ISREG(st.st_mode) ||
		(st.st_size == 0 && sys_pread(f->fd, &byte, 1, f->offset) != 0))
		f->until_end = true;
	if (f->until_end)
		f->remaining = INT64_MAX;
	f->by_hand = f->in_order || f->until_end;
	return 0;
}

static int
file_new(const struct socle_sendfile *what, int fd, struct socle__file **ret)
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

/* O_NONBLOCK, for a FIFO without a writer would block the loop. */
static int
path_open(const char *path)
{
	int fd;

	do
		fd = sys_open(
			path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

int
socle_sendfile(struct socle_socket *s, const struct socle_sendfile *what)
{
	struct socle__item item = {.type = SOCLE__FILE, .len = 1};
	bool was_empty = s->queue == NULL;
	int fd = what->fd;
	int err = socle__write_refusal(s, 1);

	if (err < 0)
		return err;
	if (what->offset < 0 || what->length < SOCLE_TO_END)
		return -EINVAL;
	if (what->file && (fd = path_open(what->file)) < 0)
		return fd;
	err = file_new(what, fd, &item.u.file);
	if (err == 0 && (err = socle__queue_item(s, &item)) < 0)
		sys_free(item.u.file);
	if (err < 0) {
		if (what->file)
			sys_close(fd);
		return err;
	}
	socle__ignore_sigpipe();
	err = socle__write_queued(s, was_empty);
	return err < 0 ? 0 : err; /* `done' has been told why */
}

/*
 * Files in the write queue.
 *
 * The kernel sends what it can; what it refuses at the first try (a pipe,
 * /proc, a writer function in between) is read into a buffer and written from
 * there, from the same offset on.  The buffer keeps what the socket did not
 * take, because a pipe cannot be read twice.
 */
#include "sockets/sendfile.h"
#include "sockets/private.h"

#include "seam.h"

enum { CHUNK = 1 << 20, BUFFER = 64 << 10 };

struct socle__file {
	int fd;
	bool close_fd, carry_on;
	bool by_hand;   /* read and written, not sent by the kernel */
	bool in_order;  /* has no offsets: a pipe */
	bool until_end; /* its size is not known */
	off_t offset;   /* of the next byte to get from it */
	uint64_t sent, remaining;
	char *buffer; /* by hand; [at, at + held) is not yet written */
	size_t at, held;
	void (*done)(struct socle_socket *s, const struct socle_sent *how,
		void *arg);
	void *arg;
};

/* Tells, and lets everything go.  requires: it is in no queue */
static void
file_end(struct socle_socket *s, struct socle__file *f, int err,
	const char *operation)
{
	struct socle_sent how = {.err = err,
		.operation = operation,
		.sent = f->sent,
		.remaining = f->until_end ? f->held : f->remaining};
	uint32_t before = 0;
	bool open = !socle__is_closed(s);

	if (f->close_fd)
		sys_close(f->fd);
	sys_free(f->buffer);
	if (f->done) {
		if (open)
			before = socle__callback_begins(s);
		f->done(s, &how, f->arg);
		if (open)
			socle__callback_ends(s, before);
	}
	sys_free(f);
}

void
socle__file_drop(struct socle_socket *s, struct socle__file *f)
{
	file_end(s, f, -ECANCELED, "sendfile");
}

/* What the kernel says of a file or socket that sendfile(2) does not serve. */
static bool
cannot_sendfile(int err)
{
	return err == -EINVAL || err == -ENOSYS || err == -ENOTSOCK ||
		err == -EOPNOTSUPP || err == -ENOTSUP || err == -ESPIPE;
}

static bool
is_sockets_fault(int err)
{
	return err == -EPIPE || err == -ECONNRESET || err == -ENOTCONN ||
		err == -ETIMEDOUT || err == -EHOSTUNREACH;
}

/* The first item is over; the socket too, if that is what its end means. */
static void
file_failed(struct socle_socket *s, struct socle__file *f, int err,
	const char *operation)
{
	bool alone = f->carry_on && !is_sockets_fault(err);

	socle__queue_free_head(s);
	if (!alone)
		s->write_error = (uint8_t)-err;
	file_end(s, f, err, operation);
	if (!alone && !socle__is_closed(s))
		socle__write_broken(s, "sendfile");
}

static void
file_sent(struct socle_socket *s, struct socle__file *f)
{
	socle__queue_free_head(s);
	file_end(s, f, 0, "sendfile");
}

static void
account(struct socle_socket *s, struct socle__file *f, size_t n)
{
	f->sent += n;
	if (!f->until_end)
		f->remaining -= n;
	socle__moved(s);
	socle__descriptor_touch(&s->d);
}

static size_t
piece(const struct socle__file *f, size_t most)
{
	return !f->until_end && f->remaining < most ? (size_t)f->remaining
						    : most;
}

/* How many bytes the kernel moved; what else happened is dealt with. */
static size_t
send_by_kernel(struct socle_socket *s, struct socle__file *f, size_t most)
{
	size_t n = piece(f, most);
	ssize_t sent;

	do
		sent = sys_sendfile(s->d.fd, f->fd, &f->offset, n);
	while (sent < 0 && errno == EINTR);
	if (sent > 0) {
		account(s, f, (size_t)sent);
		return (size_t)sent;
	}
	if (sent == 0)
		file_failed(s, f, -ENODATA, "sendfile");
	else if (socle__try_later(-errno))
		socle__write_blocked(s, -errno);
	else if (cannot_sendfile(-errno))
		f->by_hand = true;
	else
		file_failed(s, f, -errno, "sendfile");
	return 0;
}

/* Fills the buffer; false: it is not to be written from now. */
static bool
fill(struct socle_socket *s, struct socle__file *f)
{
	size_t want = piece(f, BUFFER);
	ssize_t n;

	if (!f->buffer && !(f->buffer = sys_malloc(BUFFER))) {
		socle__write_blocked(s, -ENOMEM);
		return false;
	}
	do
		n = f->in_order ? sys_read(f->fd, f->buffer, want)
				: sys_pread(f->fd, f->buffer, want, f->offset);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == ESPIPE && !f->in_order) {
		f->in_order = true;
		return fill(s, f);
	}
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		socle__write_blocked(s, -ENOBUFS); /* look again soon */
		return false;
	}
	if (n < 0)
		file_failed(s, f, -errno, "read");
	else if (n == 0 && f->until_end)
		file_sent(s, f);
	else if (n == 0)
		file_failed(s, f, -ENODATA, "read");
	if (n <= 0)
		return false;
	f->offset += n;
	f->at = 0;
	f->held = (size_t)n;
	return true;
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
	return sent > 0 ? (size_t)sent : 0;
}

/* requires: the head of the queue is this file */
size_t
socle__flush_file(struct socle_socket *s, struct socle__file *f, size_t budget)
{
	size_t most = budget < CHUNK ? budget : CHUNK;
	bool by_writer = s->extra && s->extra->writer;
	size_t n;

	if (!f->until_end && f->remaining == 0) {
		file_sent(s, f);
		return 0;
	}
	if (f->by_hand || by_writer || f->until_end || f->held > 0)
		n = send_by_hand(s, f);
	else
		n = send_by_kernel(s, f, most);
	if (n > 0 && !socle__is_closed(s) && !f->until_end &&
		f->remaining == 0 && !socle__has(s, SOCLE__BLOCKED))
		file_sent(s, f);
	return n;
}

/* What there is to send of it: 0 or -errno. */
static int
file_measure(struct socle__file *f, int64_t length)
{
	struct stat st;

	if (sys_fstat(f->fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	f->in_order = !S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode);
	if (length >= 0)
		f->remaining = (uint64_t)length;
	else if (S_ISREG(st.st_mode) && st.st_size > f->offset)
		f->remaining = (uint64_t)(st.st_size - f->offset);
	else if (S_ISREG(st.st_mode) && st.st_size > 0)
		f->remaining = 0;
	else
		f->until_end = true; /* a pipe, /proc */
	return 0;
}

static int
file_open(const struct socle_sendfile *what, struct socle__file **ret)
{
	struct socle__file *f;
	int err = 0;

	if (what->offset < 0 || what->length < SOCLE_TO_END)
		return -EINVAL;
	if (!(f = sys_calloc(1, sizeof(*f))))
		return -ENOMEM;
	f->fd = what->fd;
	if (what->file)
		f->fd = sys_open(what->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (f->fd < 0)
		err = what->file ? -errno : -EBADF;
	f->close_fd = what->file || what->close_fd;
	f->carry_on = what->carry_on;
	f->offset = what->offset;
	f->done = what->done;
	f->arg = what->arg;
	if (err == 0 && (err = file_measure(f, what->length)) == 0) {
		*ret = f;
		return 0;
	}
	if (what->file && f->fd >= 0)
		sys_close(f->fd);
	sys_free(f);
	return err;
}

int
socle_sendfile(struct socle_socket *s, const struct socle_sendfile *what)
{
	struct socle__item item = {.type = SOCLE__FILE, .len = 1};
	int err = socle__write_refusal(s, 1);
	bool was_empty = s->queue == NULL;

	if (err < 0 || (err = file_open(what, &item.u.file)) < 0)
		return err;
	socle__ignore_sigpipe();
	if (socle__queue_item(s, &item) == 0) {
		err = socle__write_queued(s, was_empty);
		return err < 0 ? 0 : err; /* `done' has been told why */
	}
	if (what->file)
		sys_close(item.u.file->fd);
	sys_free(item.u.file);
	return -ENOMEM;
}

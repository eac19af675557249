/* Writing: directly to the kernel if nothing is queued, else to the queue. */
#include "sockets/write/write.h"

#include "reactor/interest.h"
#include "sockets/activity.h"
#include "sockets/counts.h"
#include "sockets/names/socket_error.h"
#include "sockets/write/pump.h"
#include "sockets/write/transmit.h"

#include "seam.h"

enum { VECTOR_MAX = 1024 };
#define MOST ((size_t)PTRDIFF_MAX) /* bytes of a queue */

int
socle__write_refusal(const struct socle_socket *s, size_t len)
{
	const struct socle__extra *x = s->extra;
	int err = socle__stream_refusal(s);

	if (err < 0)
		return err;
	if (s->write_error)
		return -(int)s->write_error;
	if (socle__has(s, SOCLE__ENDING))
		return -ESHUTDOWN;
	if (x && x->cap && (len > x->cap || s->queued > x->cap - len))
		return -ENOBUFS;
	return 0;
}

/* The result of a write whose data was taken. */
static int
result_of(const struct socle_socket *s)
{
	if (s->write_error)
		return -(int)s->write_error;
	if (socle__is_closed(s))
		return -EBADF;
	return s->queued == 0;
}

/* The first item of a queue is pumped now; a later one follows the others. */
static void
queued(struct socle_socket *s, bool was_empty)
{
	if (was_empty) {
		socle__moved(s);
		socle__pump_queued(s);
	} else {
		socle__marks_check(s);
	}
}

int
socle__write_item(struct socle_socket *s, const struct socle__item *item)
{
	bool was_empty = s->queued == 0;
	int err = socle__queue_item(s, item);

	if (err < 0)
		return err;
	queued(s, was_empty);
	return !socle__is_closed(s) && !s->write_error && s->queued == 0;
}

/* ---- bytes, copied ---- */

/* A writer function may write, so it is given bytes from the queue only. */
static bool
may_write_directly(const struct socle_socket *s)
{
	return !s->queued && !socle__has_writer(s) &&
		!socle__has(
			s, SOCLE__HOLD | SOCLE__CONNECTING | SOCLE__REPORTING);
}

static int
write_failed(struct socle_socket *s, int err)
{
	const char *reason = err == -EPIPE ? "EPIPE"
		: err == -ECONNRESET       ? "ECONNRESET"
					   : "write_error";

	socle__write_error_set(s, err);
	socle__close_for_write_error(s, reason);
	return err;
}

/* The kernel was offered all of it; `sent' is the number it took, or -errno. */
static SOCLE__NOINLINE int
written_directly(struct socle_socket *s, const struct iovec *iov, int n,
	size_t len, ssize_t sent)
{
	size_t taken = sent > 0 ? (size_t)sent : 0;

	if (sent == -EMSGSIZE && socle__fd_is(s, SOCLE__FD_MESSAGES))
		return -EMSGSIZE;
	if (sent < 0 && !socle__is_blocked_by(sent))
		return write_failed(s, (int)sent);
	if (taken > 0) {
		socle__active(s);
		socle__descriptor_touch(&s->d);
	}
	if (taken == len)
		return 1;
	/* Bytes were sent: a stream without the rest of them is broken. */
	if (socle__queue_copy(s, iov, n, taken, len - taken) < 0)
		return taken > 0 ? write_failed(s, -ENOMEM) : -ENOMEM;
	socle__pump_blocked(s, sent < 0 ? (int)sent : 0);
	return result_of(s);
}

/* In as many calls as it takes, until the kernel takes no more. */
static SOCLE__COLD ssize_t
transmit_all(struct socle_socket *s, const struct iovec *iov, int n)
{
	ssize_t sent = 0, more = 0;

	while (n > 0) {
		int part = n < VECTOR_MAX ? n : VECTOR_MAX;

		more = socle__transmit(s, iov, part);
		sent += more > 0 ? more : 0;
		if (more != (ssize_t)socle__iovec_length(iov, part))
			break;
		iov += part;
		n -= part;
	}
	return more < 0 && sent == 0 ? more : sent;
}

static int
write_vector(struct socle_socket *s, const struct iovec *iov, int n, size_t len)
{
	bool was_empty = s->queued == 0;

	if (may_write_directly(s))
		return written_directly(s, iov, n, len,
			n <= VECTOR_MAX ? socle__transmit(s, iov, n)
					: transmit_all(s, iov, n));
	if (socle__queue_copy(s, iov, n, 0, len) < 0)
		return -ENOMEM;
	queued(s, was_empty);
	return result_of(s);
}

/* A message of more pieces than one call takes. */
static SOCLE__COLD int
write_joined(struct socle_socket *s, const struct iovec *iov, int n, size_t len)
{
	char *all = sys_malloc(len), *at = all;
	struct iovec one = socle__iovec(all, len);
	int r;

	if (!all)
		return -ENOMEM;
	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > 0)
			memcpy(at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	r = write_vector(s, &one, 1, len);
	sys_free(all);
	return r;
}

int
socle_writev(struct socle_socket *s, const struct iovec *iov, int n)
{
	size_t len = 0;
	int err;

	if (n < 0)
		return -EINVAL;
	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > MOST - s->queued - len)
			return -EINVAL;
		len += iov[i].iov_len;
	}
	if (len == 0)
		return socle_write_kick(s);
	if ((err = socle__write_refusal(s, len)) < 0)
		return err;
	if (n > VECTOR_MAX && socle__fd_is(s, SOCLE__FD_MESSAGES))
		return write_joined(s, iov, n, len);
	return write_vector(s, iov, n, len);
}

static SOCLE__COLD int
write_in_full(struct socle_socket *s, const void *data, size_t len)
{
	struct iovec iov = socle__iovec(data, len);
	int err;

	if (len == 0)
		return socle_write_kick(s);
	err = socle__write_refusal(s, len);
	return err < 0 ? err : write_vector(s, &iov, 1, len);
}

/* With autoflush off: the first of the writes that one call will send. */
static SOCLE__NOINLINE int
write_first(struct socle_socket *s, const void *data, size_t len)
{
	uint32_t mask =
		SOCLE__CLOSED | SOCLE__ENDING | SOCLE__SPECIAL | SOCLE__HOLD;

	if (len == 0 || s->queued || (s->d.bits & mask) != SOCLE__HOLD ||
		!socle__queue_first(s, data, len))
		return write_in_full(s, data, len);
	queued(s, true);
	return 0;
}

/* Appends to the last block of the queue if it has the space. */
static SOCLE__NOINLINE int
write_queued(struct socle_socket *s, const void *data, size_t len)
{
	uint32_t mask = SOCLE__CLOSED | SOCLE__ENDING | SOCLE__SPECIAL;

	if (len > 0 && !socle__has(s, mask) &&
		socle__queue_append(s, data, len))
		return 0;
	return write_first(s, data, len);
}

/* A send that took a part or none, or whose time must be recorded. */
static SOCLE__COLD int
sent_unusual(struct socle_socket *s, const void *data, size_t len, ssize_t sent)
{
	struct iovec iov = socle__iovec(data, len);

	if (sent < 0 && errno == EINTR)
		return write_in_full(s, data, len);
	if (sent < 0)
		sent = socle__send_error(s->d.fd, -errno);
	socle__count_sent(s, sent, len, socle__is_blocked_by(sent));
	return written_directly(s, &iov, 1, len, sent);
}

/* The usual write, on an empty queue with nothing set, is one send(2). */
SOCLE__NO_STACK_PROTECTOR int
socle_write(struct socle_socket *s, const void *data, size_t len)
{
	uint32_t mask = SOCLE__IS_SOCKET | SOCLE__CLOSED | SOCLE__END_REPORTED |
		SOCLE__HOLD | SOCLE__CONNECTING | SOCLE__REPORTING |
		SOCLE__ENDING | SOCLE__SPECIAL;
	struct socle_socket *self;
	const void *from;
	size_t size;
	ssize_t sent;

	if (socle__unlikely((s->d.bits & mask) != SOCLE__IS_SOCKET ||
		    s->queued || len == 0))
		return write_queued(s, data, len);
	self = s;
	from = data;
	size = len;
	SOCLE__ON_STACK(self);
	SOCLE__ON_STACK(from);
	SOCLE__ON_STACK(size);
	sent = sys_send(s->d.fd, data, len, MSG_NOSIGNAL);
	if (socle__unlikely(
		    sent != (ssize_t)size || socle__has(self, SOCLE__IDLES)))
		return sent_unusual(self, from, size, sent);
	SOCLE__COUNT(self->out, size);
	return 1;
}

/* ---- borrowed bytes, closures, kicks ---- */

int
socle_write_ref(struct socle_socket *s, const void *data, size_t len,
	void (*release)(bool sent, void *arg), void *arg)
{
	struct socle__item item = {.type = SOCLE__BORROWED,
		.len = len,
		.at = data,
		.u.release = release,
		.arg = arg};
	struct socle__callback c;
	int err = socle__write_refusal(s, len);

	if (err < 0)
		return err;
	if (len > MOST - s->queued)
		return -EINVAL;
	if (len > 0)
		return socle__write_item(s, &item);
	if (release) { /* nothing is borrowed */
		socle__callback_begin_plain(socle__reactor, &c);
		release(true, arg);
		socle__callback_end(socle__reactor, &c);
	}
	return 1;
}

int
socle_write_func(struct socle_socket *s,
	void (*fn)(struct socle_socket *s, void *arg), void (*drop)(void *arg),
	void *arg)
{
	struct socle__item item = {.type = SOCLE__CLOSURE,
		.len = 1,
		.u.closure = {.fn = fn, .drop = drop},
		.arg = arg};
	bool runs_now = !s->queued && !socle__pump_waits(s);
	int err = socle__write_refusal(s, 1);

	if (err == 0)
		err = socle__write_item(s, &item);
	return err < 0 ? err : runs_now;
}

int
socle_write_kick(struct socle_socket *s)
{
	if (socle__is_closed(s))
		return -EBADF;
	if (s->write_error)
		return -(int)s->write_error;
	if (s->queued)
		socle__flush(s);
	return result_of(s);
}

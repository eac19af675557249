/*
 * Flushing: from the write queue to the kernel, or to the writer function.
 *
 * A flush goes on until the queue is empty, the kernel takes no more, or a
 * budget is used up, so that no socket starves the others: then the rest asks
 * for a turn in the next tick, not for writability.  It is not re-entered:
 * what its callbacks write is queued, but that bytes written by a closure
 * while nothing else waits go out at once.
 */
#include "sockets/private.h"

#include "seam.h"

#include <string.h>

enum { BYTES_A_FLUSH = 1 << 20, CLOSURES_A_FLUSH = 64, PIECES = 64 };

bool
socle__try_later(ssize_t err)
{
	return err == -EAGAIN || err == -EWOULDBLOCK || err == -ENOBUFS ||
		err == -ENOMEM || err == SOCLE_WANT_READ ||
		err == SOCLE_WANT_WRITE;
}

static ssize_t
send_pieces(struct socle_socket *s, const struct iovec *iov, int n)
{
	union {
		const struct iovec *from;
		struct iovec *to;
	} v = {iov};
	struct msghdr m = {.msg_iov = v.to, .msg_iovlen = (socle__iovlen)n};

	if (!socle__has(s, SOCLE__IS_SOCKET))
		return sys_writev(s->d.fd, iov, n);
	if (n == 1)
		return sys_send(
			s->d.fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL);
	return sys_sendmsg(s->d.fd, &m, MSG_NOSIGNAL);
}

static ssize_t
give_to_writer(struct socle_socket *s, const struct iovec *iov)
{
	struct socle__loop *l = socle__loop;
	struct socle__extra *x = s->extra;
	ssize_t n;

	socle__user_begins(l);
	s->d.bits |= SOCLE__IN_WRITER;
	do
		n = x->writer(s, iov->iov_base, iov->iov_len, x->writer_arg);
	while (n == -EINTR && x->writer && !socle__is_closed(s));
	s->d.bits &= ~(uint32_t)SOCLE__IN_WRITER;
	socle__user_ends(l);
	return n > 0 && (size_t)n > iov->iov_len ? -EIO : n;
}

ssize_t
socle__transmit(struct socle_socket *s, const struct iovec *iov, int n)
{
	ssize_t sent;

	if (socle__unlikely(s->extra != NULL) && s->extra->writer)
		return give_to_writer(s, iov);
	do
		sent = send_pieces(s, iov, n);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : sent;
}

void
socle__write_blocked(struct socle_socket *s, int err)
{
	socle__descriptor_touch(&s->d);
	if (err == -ENOBUFS || err == -ENOMEM)
		socle__write_retry_later(s); /* writable, and yet not */
	else if (err == SOCLE_WANT_READ)
		s->d.bits |= SOCLE__WRITER_READ;
	else
		s->d.bits |= SOCLE__QUEUE_WRITE;
	s->d.bits |= SOCLE__BLOCKED;
	socle__socket_interest(s);
	if (s->extra && s->extra->stall_ns)
		socle__stall_begins(s);
	socle__user_begins(socle__loop);
	socle__class_of(s)->flat.incomplete_write(s);
	socle__user_ends(socle__loop);
}

static const char *
reason_of(int err)
{
	if (err == -EPIPE)
		return "EPIPE";
	return err == -ECONNRESET ? "ECONNRESET" : "write_error";
}

/*
 * An override of close may veto; the queue cannot be saved by that: nobody
 * knows any more what the peer got.  requires: write_error says why
 */
void
socle__write_broken(struct socle_socket *s, const char *reason)
{
	uint32_t wishes =
		SOCLE__USER_WRITE | SOCLE__QUEUE_WRITE | SOCLE__WRITER_READ;

	socle__log(1, "Closing #%d due to write error: %s", s->d.fd,
		strerror(s->write_error));
	socle__close_broken(s, reason);
	if (socle__is_closed(s))
		return;
	s->d.bits &= ~wishes;
	socle__turn_drop(&s->d, SOCLE__TURN_FLUSH);
	socle__socket_interest(s);
	socle__queue_drop(s);
}

void
socle__write_error_set(struct socle_socket *s, int err)
{
	s->write_error = (uint8_t)-err;
	s->d.bits |= SOCLE__SPECIAL;
}

int
socle__write_failed(struct socle_socket *s, int err)
{
	socle__write_error_set(s, err);
	socle__write_broken(s, reason_of(err));
	return err;
}

void
socle__run_closure(struct socle_socket *s,
	void (*fn)(struct socle_socket *s, void *arg), void *arg)
{
	struct socle__held_call call;

	s->d.bits |= SOCLE__IN_CLOSURE;
	socle__held_begin(s, &call, SOCLE__ITEM_CLOSURE);
	fn(s, arg);
	socle__held_end(&call);
	s->d.bits &= ~(uint32_t)SOCLE__IN_CLOSURE;
}

static void
flush_closure(struct socle_socket *s)
{
	struct socle__item *item = socle__queue_take(s);
	struct socle__item it = *item;

	sys_free(item);
	socle__run_closure(s, it.u.closure.fn, it.arg);
}

/* How many bytes went, to be taken off the budget. */
static size_t
flush_bytes(struct socle_socket *s, size_t budget)
{
	struct iovec iov[PIECES];
	bool by_writer = s->extra && s->extra->writer;
	int n = socle__queue_gather(s, iov, by_writer ? 1 : PIECES, budget);
	size_t asked = 0;
	ssize_t sent;

	for (int i = 0; i < n; i++)
		asked += iov[i].iov_len;
	sent = socle__transmit(s, iov, n);
	if (socle__is_closed(s))
		return 0; /* by the writer function */
	if (sent < 0 && !socle__try_later(sent)) {
		socle__write_failed(s, (int)sent);
		return 0;
	}
	if (sent > 0) {
		socle__moved(s);
		socle__descriptor_touch(&s->d);
		socle__queue_sent(s, (size_t)sent);
	}
	if (sent < (ssize_t)asked && s->queue)
		socle__write_blocked(s, sent < 0 ? (int)sent : 0);
	return sent > 0 ? (size_t)sent : 0;
}

/* True: the budget is used up and something is left. */
static bool
flush_some(struct socle_socket *s)
{
	size_t bytes = BYTES_A_FLUSH;
	int closures = CLOSURES_A_FLUSH;

	while (s->queue && !socle__has(s, SOCLE__BLOCKED) &&
		!socle__loop->forked) {
		size_t went = 0;

		if (bytes == 0 || closures == 0)
			return true;
		switch (socle__queue_head(s)->type) {
		case SOCLE__CLOSURE:
			closures--;
			flush_closure(s);
			break;
		case SOCLE__FILE:
			closures--;
			went = socle__flush_file(
				s, socle__queue_head(s)->u.file, bytes);
			break;
		case SOCLE__BYTES:
		case SOCLE__BORROWED:
			went = flush_bytes(s, bytes);
			break;
		}
		bytes -= went < bytes ? went : bytes;
	}
	return false;
}

static void
drained(struct socle_socket *s)
{
	struct socle__held_call call;

	if (socle__has(s, SOCLE__ENDING) || !socle__class_of(s)->drains)
		return;
	socle__held_begin(s, &call, SOCLE__ITEM_DRAIN);
	socle__class_of(s)->flat.event_drain(s);
	socle__held_end(&call);
}

static void
after_flush(struct socle_socket *s, bool had)
{
	if (!s->queue && had && !s->write_error)
		drained(s);
	if (!socle__is_closed(s))
		socle__marks_tell(s);
	if (socle__is_closed(s))
		return;
	s->d.bits &= ~(uint32_t)SOCLE__FLUSHING;
	if (s->queue && !socle__has(s, SOCLE__BLOCKED))
		socle__turn_ask(&s->d, SOCLE__TURN_FLUSH);
	else
		socle__turn_drop(&s->d, SOCLE__TURN_FLUSH);
	socle__socket_interest(s);
	if (!s->queue && socle__has(s, SOCLE__ENDING))
		socle_close(s, s->extra ? s->extra->close_reason : NULL);
}

void
socle__flush(struct socle_socket *s)
{
	bool had = s->queue != NULL;

	if (socle__is_closed(s) || s->write_error ||
		socle__has(s, SOCLE__FLUSHING | SOCLE__CONNECTING))
		return;
	if (socle__has(s, SOCLE__OF_FAMILY)) {
		socle__class_of(s)->family->flush(s);
		return;
	}
	/* For a loop nested in a callback of this flush: it goes on there. */
	socle__turn_ask(&s->d, SOCLE__TURN_FLUSH);
	s->d.bits |= SOCLE__FLUSHING | SOCLE__TRIED;
	s->d.bits &= ~(uint32_t)(SOCLE__BLOCKED | SOCLE__QUEUE_WRITE |
		SOCLE__WRITER_READ | SOCLE__RETRY);
	(void)flush_some(s);
	if (!socle__is_closed(s))
		after_flush(s, had);
}

void
socle__flush_anew(struct socle_socket *s)
{
	uint32_t under = s->d.bits & (SOCLE__FLUSHING | SOCLE__IN_CLOSURE);

	if (socle__has(s, SOCLE__IN_WRITER))
		return;
	s->d.bits &= ~under;
	socle__flush(s);
	if (!socle__is_closed(s))
		s->d.bits |= under;
}

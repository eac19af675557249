/*
 * Writing: straight to the kernel when nothing waits, else into the queue.
 */
#include "sockets/private.h"

#include "seam.h"

#include <limits.h>

enum { VECTOR_AT_MOST = 1024 };

/* 0, or why nothing may be written now. */
int
socle__write_refusal(const struct socle_socket *s, size_t len)
{
	const struct socle__extra *x = s->extra;

	if (socle__is_closed(s))
		return -EBADF;
	if (s->write_error)
		return -s->write_error;
	if (socle__has(s, SOCLE__ENDING | SOCLE__OF_FAMILY))
		return socle__has(s, SOCLE__OF_FAMILY) ? -EINVAL : -ESHUTDOWN;
	if (x && x->cap && (len > x->cap || s->queued > x->cap - len))
		return -ENOBUFS;
	return 0;
}

/*
 * A closure's own bytes may go straight; others' not while a flush runs.  A
 * writer function always gets them from the queue, because it may write.
 */
static bool
goes_straight(const struct socle_socket *s)
{
	if (s->queue || socle__has(s, SOCLE__HOLD | SOCLE__CONNECTING))
		return false;
	if (s->extra && s->extra->writer)
		return false;
	return !socle__has(s, SOCLE__FLUSHING) ||
		socle__has(s, SOCLE__IN_CLOSURE);
}

/* What a call that ended well says, whatever its callbacks did. */
static int
outcome(const struct socle_socket *s)
{
	if (s->write_error)
		return -s->write_error;
	if (socle__is_closed(s))
		return -EBADF;
	return s->queue == NULL;
}

/* The same for what had callbacks: -EBADF would say that none was called. */
static int
outcome_of_taken(const struct socle_socket *s)
{
	if (s->write_error || !socle__is_closed(s))
		return outcome(s);
	return 0;
}

/* While connecting, held writes stall as others do. */
static void
begin_to_wait(struct socle_socket *s)
{
	socle__moved(s);
	if (socle__has(s, SOCLE__CONNECTING) && s->extra->stall_ns)
		socle__stall_begins(s);
}

/*
 * Behind what waits, whose flush will come; or it waits for nothing, and goes
 * now or when held writes go.  requires: it is in the queue
 */
int
socle__write_queued(struct socle_socket *s, bool was_empty)
{
	if (was_empty)
		begin_to_wait(s);
	if (was_empty && !socle__has(s, SOCLE__CONNECTING)) {
		if (socle__has(s, SOCLE__HOLD | SOCLE__FLUSHING))
			socle__turn_ask(&s->d, SOCLE__TURN_FLUSH);
		else
			socle__flush(s);
	}
	if (!socle__is_closed(s))
		socle__marks_tell(s);
	return outcome(s);
}

/* After a straight write that took `sent' bytes, the rest was queued. */
static int
queued_rest(struct socle_socket *s, ssize_t sent)
{
	socle__moved(s);
	socle__write_blocked(s, sent < 0 ? (int)sent : 0);
	if (!socle__is_closed(s))
		socle__marks_tell(s);
	return outcome(s);
}

/* Bytes cannot be called back, and their rest has no place. */
static int
rest_lost(struct socle_socket *s)
{
	s->write_error = ENOMEM;
	socle__write_failed(s, -ENOMEM);
	return -ENOMEM;
}

static size_t
vector_length(const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

/* The kernel was asked for all of it and said `sent', or why not. */
static int
went_straight(struct socle_socket *s, const struct iovec *iov, int n,
	size_t len, ssize_t sent)
{
	size_t went = sent > 0 ? (size_t)sent : 0;

	if (sent < 0 && !socle__try_later(sent))
		return socle__write_failed(s, (int)sent);
	if (went > 0) {
		socle__active(s);
		socle__descriptor_touch(&s->d);
	}
	if (went == len)
		return 1;
	if (socle__queue_copy(s, iov, n, went, len - went) < 0)
		return went > 0 ? rest_lost(s) : -ENOMEM;
	return queued_rest(s, sent);
}

static int
write_vector(struct socle_socket *s, const struct iovec *iov, int n, size_t len)
{
	bool was_empty = s->queue == NULL;

	if (goes_straight(s))
		return went_straight(s, iov, n, len,
			socle__transmit(s, iov,
				n < VECTOR_AT_MOST ? n : VECTOR_AT_MOST));
	if (socle__queue_copy(s, iov, n, 0, len) < 0)
		return -ENOMEM;
	return socle__write_queued(s, was_empty);
}

int
socle_writev(struct socle_socket *s, const struct iovec *iov, int n)
{
	size_t len = n > 0 ? vector_length(iov, n) : 0;
	int err = socle__write_refusal(s, len);

	if (n < 0)
		return -EINVAL;
	if (len == 0)
		return socle_write_kick(s);
	return err < 0 ? err : write_vector(s, iov, n, len);
}

static socle__aside int
write_in_full(struct socle_socket *s, const void *data, size_t len)
{
	struct iovec iov = socle__iovec(data, len);
	int err;

	if (len == 0)
		return socle_write_kick(s);
	err = socle__write_refusal(s, len);
	return err < 0 ? err : write_vector(s, &iov, 1, len);
}

/* Behind what waits already, if it fits there. */
static socle__apart int
write_aside(struct socle_socket *s, const void *data, size_t len)
{
	uint32_t mask = SOCLE__CLOSED | SOCLE__ENDING | SOCLE__OF_FAMILY |
		SOCLE__SPECIAL;

	if (len > 0 && !socle__has(s, mask) &&
		socle__queue_append(s, data, len))
		return 0;
	return write_in_full(s, data, len);
}

/* A send that did not take all, or on which something hangs. */
static socle__aside int
sent_aside(struct socle_socket *s, const void *data, size_t len, ssize_t sent)
{
	struct iovec iov = socle__iovec(data, len);

	if (sent < 0 && errno == EINTR)
		return write_aside(s, data, len);
	return went_straight(s, &iov, 1, len, sent < 0 ? -errno : sent);
}

/* Nothing waits, nothing is set: a write is a send, and no more. */
socle__no_arrays int
socle_write(struct socle_socket *s, const void *data, size_t len)
{
	uint32_t mask = SOCLE__IS_SOCKET | SOCLE__CLOSED | SOCLE__END_TOLD |
		SOCLE__HOLD | SOCLE__CONNECTING | SOCLE__FLUSHING |
		SOCLE__ENDING | SOCLE__OF_FAMILY | SOCLE__SPECIAL;
	struct socle_socket *self = s;
	const void *from = data;
	size_t all = len;
	ssize_t sent;

	if (socle__unlikely((s->d.bits & mask) != SOCLE__IS_SOCKET ||
		    s->queue || len == 0))
		return write_aside(s, data, len);
	socle__on_stack(self);
	socle__on_stack(from);
	socle__on_stack(all);
	sent = sys_send(s->d.fd, data, len, MSG_NOSIGNAL);
	if (socle__unlikely(
		    sent != (ssize_t)all || socle__has(self, SOCLE__IDLES)))
		return sent_aside(self, from, all, sent);
	return 1;
}

/* The borrowed rest of a straight write; its release may run in here. */
static int
borrow(struct socle_socket *s, const struct socle__item *item, ssize_t sent)
{
	struct socle__item rest = *item;

	if (sent > 0) {
		rest.at += sent;
		rest.len -= (size_t)sent;
	}
	if (socle__queue_item(s, &rest) == 0) {
		(void)queued_rest(s, sent);
		return outcome_of_taken(s);
	}
	if (sent <= 0)
		return -ENOMEM;
	rest_lost(s);
	if (item->u.release)
		item->u.release(false, item->arg);
	return -ENOMEM;
}

static void
release_now(struct socle_socket *s, const struct socle__item *item, bool sent)
{
	uint32_t before;

	if (!item->u.release)
		return;
	before = socle__callback_begins(s);
	item->u.release(sent, item->arg);
	socle__callback_ends(s, before);
	if (!(before & SOCLE__FLUSHING) && s->queue &&
		!socle__has(s, SOCLE__BLOCKED))
		socle__turn_ask(&s->d, SOCLE__TURN_FLUSH);
}

int
socle_write_ref(struct socle_socket *s, const void *data, size_t len,
	void (*release)(bool sent, void *arg), void *arg)
{
	struct socle__item item = {.type = SOCLE__BORROWED,
		.len = len,
		.at = data,
		.u.release = release,
		.arg = arg};
	struct iovec iov = socle__iovec(data, len);
	int err = socle__write_refusal(s, len);
	bool was_empty = s->queue == NULL;
	ssize_t sent;

	if (err < 0)
		return err;
	if (len > 0 && !goes_straight(s)) {
		if (socle__queue_item(s, &item) < 0)
			return -ENOMEM;
		(void)socle__write_queued(s, was_empty);
		return outcome_of_taken(s);
	}
	sent = len > 0 ? socle__transmit(s, &iov, 1) : 0;
	if (sent < 0 && !socle__try_later(sent)) {
		err = socle__write_failed(s, (int)sent);
		release_now(s, &item, false);
		return err;
	}
	if (sent < (ssize_t)len)
		return borrow(s, &item, sent);
	socle__active(s);
	socle__descriptor_touch(&s->d);
	release_now(s, &item, true);
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
	int err = socle__write_refusal(s, 1);

	if (err < 0)
		return err;
	if (s->queue || socle__has(s, SOCLE__FLUSHING | SOCLE__CONNECTING)) {
		if (socle__queue_item(s, &item) < 0)
			return -ENOMEM;
		if (s->queue->next == s->queue)
			begin_to_wait(s);
		socle__marks_tell(s);
		return outcome_of_taken(s);
	}
	s->d.bits |= SOCLE__FLUSHING;
	socle__run_closure(s, fn, arg);
	if (socle__is_closed(s))
		return 1;
	s->d.bits &= ~(uint32_t)SOCLE__FLUSHING;
	if (s->queue && !socle__has(s, SOCLE__BLOCKED | SOCLE__HOLD))
		socle__flush(s);
	else if (s->queue && !socle__has(s, SOCLE__BLOCKED))
		socle__turn_ask(&s->d, SOCLE__TURN_FLUSH);
	return 1;
}

int
socle_write_kick(struct socle_socket *s)
{
	if (socle__is_closed(s))
		return -EBADF;
	if (s->write_error)
		return -s->write_error;
	if (!s->queued)
		return 1;
	socle__flush(s);
	if (s->write_error)
		return -s->write_error;
	return s->queued == 0;
}

void
socle_close_after_flush(struct socle_socket *s, const char *reason)
{
	if (socle__is_closed(s) || socle__has(s, SOCLE__ENDING))
		return;
	if (!s->queued) {
		socle_close(s, reason);
		return;
	}
	/* Without memory it is the reason alone that is lost. */
	if (reason && socle__extra_get(s))
		s->extra->close_reason = reason;
	socle_watch_read(s, false);
	s->d.bits |= SOCLE__ENDING;
}

/* Flushing: I/O only.  The pump runs the callbacks. */
#include "sockets/write/flush.h"

#include "reactor/interest.h"
#include "sockets/activity.h"
#include "sockets/write/file.h"
#include "sockets/write/transmit.h"

enum { PIECES = 64 };

static const char *
reason_of(int err)
{
	if (err == -EPIPE)
		return "EPIPE";
	return err == -ECONNRESET ? "ECONNRESET" : "write_error";
}

static enum socle__flush_end
flush_bytes(struct socle_socket *s, struct socle__item *item,
	struct socle__flush *f)
{
	struct iovec iov[PIECES];
	bool whole = socle__unlikely(socle__fd_is(s, SOCLE__FD_MESSAGES));
	int max = whole || socle__has_writer(s) ? 1 : PIECES;
	int n = socle__queue_gather(s, iov, max, whole ? SIZE_MAX : f->bytes);
	size_t total = 0;
	ssize_t sent;

	for (int i = 0; i < n; i++)
		total += iov[i].iov_len;
	sent = socle__transmit(s, iov, n);
	if (item->finished)
		return SOCLE__FLUSHED; /* the writer function closed it */
	if (sent < 0 && !socle__is_blocked_by(sent)) {
		f->err = (int)sent;
		f->reason = reason_of(f->err);
		return SOCLE__FLUSH_BROKEN;
	}
	if (sent > 0) {
		socle__moved(s);
		socle__descriptor_touch(&s->d);
		f->bytes -= (size_t)sent < f->bytes ? (size_t)sent : f->bytes;
		f->finished = socle__queue_sent(s, (size_t)sent);
	}
	f->err = sent < 0 ? (int)sent : 0;
	return sent == (ssize_t)total ? SOCLE__FLUSH_MORE
				      : SOCLE__FLUSH_BLOCKED;
}

enum socle__flush_end
socle__flush_queue(struct socle_socket *s, struct socle__flush *f)
{
	enum socle__flush_end end = SOCLE__FLUSH_MORE;
	struct socle__item *item;

	f->finished = false;
	while (end == SOCLE__FLUSH_MORE && f->bytes > 0 && !f->finished) {
		item = socle__queue_next(s);
		if (!item || item->type == SOCLE__CLOSURE)
			return SOCLE__FLUSHED;
		end = item->type == SOCLE__FILE ? socle__file_flush(s, item, f)
						: flush_bytes(s, item, f);
	}
	return end;
}

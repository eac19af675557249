/*
 * Handing bytes to the kernel or to the writer function, and how moving them
 * can end.
 */
#ifndef SOCLE_SOCKETS_WRITE_TRANSMIT_H
#define SOCLE_SOCKETS_WRITE_TRANSMIT_H

#include "sockets/object.h"

enum socle__flush_end {
	SOCLE__FLUSHED, /* nothing is left, or the next item is a closure */
	SOCLE__FLUSH_BLOCKED,
	SOCLE__FLUSH_BROKEN, /* nothing can be sent any more */
	SOCLE__FLUSH_MORE    /* the budget is used up, or an item is finished */
};

struct socle__flush {
	size_t bytes;  /* budget: how many may still be moved */
	bool finished; /* an item is, and its callback has yet to run */
	int err;       /* of BLOCKED and BROKEN: -errno, 0: a short count */
	const char *reason; /* of BROKEN: for `close' */
};

/*
 * How many bytes were taken, or -errno.  Only a writer function can close the
 * object or drop its queue.  requires: not under the writer function
 */
ssize_t socle__transmit(struct socle_socket *s, const struct iovec *iov, int n);

/* Whether an error only means that nothing more is taken now. */
bool socle__is_blocked_by(ssize_t err);

static inline bool
socle__has_writer(const struct socle_socket *s)
{
	return socle__unlikely(s->extra != NULL) && s->extra->writer;
}

#endif

/*
 * Handing bytes to the kernel or the writer function, and how a flush can end.
 */
#ifndef SOCLE_SOCKETS_WRITE_TRANSMIT_H
#define SOCLE_SOCKETS_WRITE_TRANSMIT_H

#include "sockets/object.h"

enum socle__flush_end {
	SOCLE__FLUSHED, /* the queue is empty, or the next item is a closure */
	SOCLE__FLUSH_BLOCKED, /* no more is taken for now */
	SOCLE__FLUSH_BROKEN,  /* an error: nothing can be sent any more */
	SOCLE__FLUSH_MORE     /* the budget is used up, or an item finished */
};

struct socle__flush {
	size_t bytes;  /* budget: bytes that may still be sent */
	bool finished; /* an item was finished; its callback has yet to run */
	int err;       /* BLOCKED, BROKEN: -errno, or 0 after a short count */
	const char *reason; /* BROKEN: the reason for `close' */
};

/*
 * Returns the number of bytes taken, or -errno.  Only a writer function can
 * close the object in this call.  requires: not inside the writer function
 */
ssize_t socle__transmit(struct socle_socket *s, const struct iovec *iov, int n);

/* The bytes of a vector. */
size_t socle__iovec_length(const struct iovec *iov, int n);

/* Whether an error only means that no more is taken for now. */
bool socle__is_blocked_by(ssize_t err);

static inline bool
socle__has_writer(const struct socle_socket *s)
{
	return socle__unlikely(s->extra != NULL) && s->extra->writer;
}

#endif

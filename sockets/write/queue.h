/*
 * The write queue as a data structure.
 *
 * A queue is a ring of items, and s->queue points to the last one.  Finished
 * items, whose callbacks have yet to run, precede the items to be sent.
 */
#ifndef SOCLE_SOCKETS_WRITE_QUEUE_H
#define SOCLE_SOCKETS_WRITE_QUEUE_H

#include "sockets/object.h"

#include <string.h>

enum socle__item_type {
	SOCLE__BYTES,
	SOCLE__BORROWED,
	SOCLE__CLOSURE,
	SOCLE__FILE
};

struct socle__item {
	struct socle__item *next;
	uint8_t type;   /* enum socle__item_type */
	bool finished;  /* sent or dropped; its callback has yet to run */
	bool sent;      /* all of it was handed over */
	size_t len;     /* unsent bytes; 1 for a closure or file */
	const char *at; /* the first unsent byte */
	union {
		size_t space; /* BYTES: free bytes after the data */
		void (*release)(bool sent, void *arg);
		struct {
			void (*fn)(struct socle_socket *s, void *arg);
			void (*drop)(void *arg);
		} closure;
		struct socle__file *file;
	} u;
	void *arg;
	char data[];
};

/*
 * Queues a copy of `len' bytes of the vector, starting at its byte `skip'; 0,
 * or -ENOMEM with nothing changed.
 */
int socle__queue_copy(struct socle_socket *s, const struct iovec *iov, int n,
	size_t skip, size_t len);

/*
 * Queues a copy of `data' as the first block of a queue of a stream.  False: it is
 * longer than a block, or there is no memory.
 */
bool socle__queue_first(struct socle_socket *s, const void *data, size_t len);

/* Queues a copy of `item'; 0 or -ENOMEM. */
int socle__queue_item(struct socle_socket *s, const struct socle__item *item);

/* The first unfinished item, or NULL. */
struct socle__item *socle__queue_next(const struct socle_socket *s);

/*
 * Collects up to `most' pieces and `bytes' bytes from the next item on, up to a
 * closure or file.  Returns the number of pieces.
 */
int socle__queue_gather(const struct socle_socket *s, struct iovec *iov,
	int most, size_t bytes);

/* Removes `n' sent bytes; returns whether that finished an item. */
bool socle__queue_sent(struct socle_socket *s, size_t n);

/* Marks an item as finished; `sent' is for its callback. */
void socle__queue_finish(
	struct socle_socket *s, struct socle__item *item, bool sent);

/* Finishes every unfinished item as not sent. */
void socle__queue_finish_all(struct socle_socket *s);

/* Takes the first item of the ring if it is finished, or NULL. */
struct socle__item *socle__queue_take_finished(struct socle_socket *s);

/* Frees an item that was taken. */
void socle__item_free(struct socle__item *item);

/* Asserts the invariants. */
void socle__queue_check(const struct socle_socket *s);

/* requires: an item of BYTES with at least `n' bytes of space */
static inline void
socle__block_fill(struct socle__item *item, const void *from, size_t n)
{
	char *to = item->data + (item->at - item->data) + item->len;

	item->len += n;
	item->u.space -= n;
	memcpy(to, from, n);
}

/* Appends to the last item if it has the space; returns whether it did. */
static inline bool
socle__queue_append(struct socle_socket *s, const void *data, size_t len)
{
	struct socle__item *last = s->queue;

	if (!s->queued || last->type != SOCLE__BYTES || last->u.space < len)
		return false;
	s->queued += len;
	SOCLE__PROBE3(write_queued, s, s->d.fd, s->queued);
	socle__block_fill(last, data, len);
	return true;
}

/* Casts const away: iov_base is not const because readv(2) uses it too. */
static inline struct iovec
socle__iovec(const void *data, size_t len)
{
	union {
		const void *from;
		void *base;
	} v = {data};

	return (struct iovec){.iov_base = v.base, .iov_len = len};
}

#endif

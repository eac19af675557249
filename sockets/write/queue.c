/*
 * The write queue as a data structure: no I/O, no callbacks.
 *
 * Invariants: finished items precede the others.  `queued' is the sum of the
 * lengths of the unfinished items, each at least 1, so it is 0 if and only if
 * there is nothing to send.  The bytes [at, at + len) of an item are unsent.
 * Only the last item has its free space used.  Small copies share blocks, so
 * that many small writes become few pieces.
 */
#include "sockets/write/queue.h"

#include "seam.h"

#include <assert.h>

/* With its header and malloc's own, a block is just below a page. */
enum { BLOCK = 4096 - sizeof(struct socle__item) - 16, SPARES = 64 };

static void
item_append(struct socle_socket *s, struct socle__item *item)
{
	if (s->queue) {
		item->next = s->queue->next;
		s->queue->next = item;
	} else {
		item->next = item;
	}
	s->queue = item;
	s->queued += item->len;
	SOCLE__PROBE3(write_queued, s, s->d.fd, s->queued);
}

/* A block of the standard size may be a recycled one. */
static inline struct socle__item *
block_new(size_t space)
{
	struct socle__reactor *r = socle__reactor;
	struct socle__item *item = space == BLOCK ? r->spares : NULL;

	if (item) {
		r->spares = item->next;
		r->n_spares--;
	} else if (!(item = sys_malloc(sizeof(*item) + space))) {
		return NULL;
	}
	*item = (struct socle__item){.type = SOCLE__BYTES, .u.space = space};
	item->at = item->data;
	return item;
}

/*
 * Fills the space of the last block first, then one new block.  A message has a
 * block of its own, without space behind it.
 */
int
socle__queue_copy(struct socle_socket *s, const struct iovec *iov, int n,
	size_t skip, size_t len)
{
	bool whole = socle__unlikely(socle__fd_is(s, SOCLE__FD_MESSAGES));
	struct socle__item *last = s->queued ? s->queue : NULL, *block = NULL;
	size_t old = last && last->type == SOCLE__BYTES ? last->u.space : 0;
	size_t rest = len > old ? len - old : 0;

	if (rest && !(block = block_new(whole || rest > BLOCK ? rest : BLOCK)))
		return -ENOMEM;
	old = len - rest;
	s->queued += old;
	for (int i = 0; i < n; i++) {
		const char *from = iov[i].iov_base;
		size_t have = iov[i].iov_len;
		size_t part;

		if (skip >= have) {
			skip -= have;
			continue;
		}
		from += skip;
		have -= skip;
		skip = 0;
		part = have < old ? have : old;
		if (part) {
			socle__block_fill(last, from, part);
			old -= part;
		}
		if (have > part)
			socle__block_fill(block, from + part, have - part);
	}
	if (block)
		item_append(s, block);
	else
		SOCLE__PROBE3(write_queued, s, s->d.fd, s->queued);
	return 0;
}

bool
socle__queue_first(struct socle_socket *s, const void *data, size_t len)
{
	struct socle__item *block = len <= BLOCK ? block_new(BLOCK) : NULL;

	if (!block)
		return false;
	socle__block_fill(block, data, len);
	item_append(s, block);
	return true;
}

int
socle__queue_item(struct socle_socket *s, const struct socle__item *item)
{
	struct socle__item *copy = sys_malloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *item;
	item_append(s, copy);
	return 0;
}

struct socle__item *
socle__queue_next(const struct socle_socket *s)
{
	struct socle__item *item;

	if (!s->queued)
		return NULL;
	for (item = s->queue->next; item->finished; item = item->next)
		;
	return item;
}

int
socle__queue_gather(
	const struct socle_socket *s, struct iovec *iov, int most, size_t bytes)
{
	const struct socle__item *item = socle__queue_next(s);
	int n = 0;

	while (n < most && bytes > 0 &&
		(item->type == SOCLE__BYTES || item->type == SOCLE__BORROWED)) {
		iov[n] = socle__iovec(
			item->at, item->len < bytes ? item->len : bytes);
		bytes -= iov[n++].iov_len;
		if (item == s->queue)
			break;
		item = item->next;
	}
	return n;
}

void
socle__queue_finish(struct socle_socket *s, struct socle__item *item, bool sent)
{
	s->queued -= item->len;
	if (item->type == SOCLE__BYTES)
		item->at += item->len;
	item->len = 0;
	item->finished = true;
	item->sent = sent;
}

bool
socle__queue_sent(struct socle_socket *s, size_t n)
{
	struct socle__item *item = socle__queue_next(s);
	bool finished = item->len <= n;

	for (; n > 0 && item->len <= n; item = item->next) {
		n -= item->len;
		socle__queue_finish(s, item, true);
	}
	if (n > 0) {
		item->at += n;
		item->len -= n;
		s->queued -= n;
	}
	return finished;
}

void
socle__queue_finish_all(struct socle_socket *s)
{
	struct socle__item *item = socle__queue_next(s);

	for (; item; item = item == s->queue ? NULL : item->next)
		socle__queue_finish(s, item, false);
}

struct socle__item *
socle__queue_take_finished(struct socle_socket *s)
{
	struct socle__item *first = s->queue ? s->queue->next : NULL;

	if (!first || !first->finished)
		return NULL;
	if (first == s->queue)
		s->queue = NULL;
	else
		s->queue->next = first->next;
	return first;
}

static void
spares_free(struct socle__reactor *r)
{
	while (r->spares) {
		struct socle__item *item = r->spares;

		r->spares = item->next;
		sys_free(item);
	}
}

static const struct socle__part spares_part = {.free = spares_free};

/* Blocks of the standard size are kept for the next burst of writes. */
void
socle__item_free(struct socle__item *item)
{
	struct socle__reactor *r = socle__reactor;

	if (item->type != SOCLE__BYTES || r->n_spares == SPARES ||
		(size_t)(item->at - item->data) + item->u.space != BLOCK) {
		sys_free(item);
		return;
	}
	item->next = r->spares;
	r->spares = item;
	r->n_spares++;
	socle__part_register(r, SOCLE__PART_SPARES, &spares_part);
}

void
socle__queue_check(const struct socle_socket *s)
{
	const struct socle__item *item = s->queue ? s->queue->next : NULL;
	bool unfinished = false;
	size_t sum = 0;

	for (; item; item = item == s->queue ? NULL : item->next) {
		unfinished = unfinished || !item->finished;
		assert(item->finished != unfinished);
		assert((item->len == 0) == item->finished);
		assert(item->len <= 1 || item->type == SOCLE__BYTES ||
			item->type == SOCLE__BORROWED);
		sum += item->len;
	}
	assert(sum == s->queued);
	(void)sum;
	(void)unfinished;
}

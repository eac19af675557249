/*
 * The write queue as a structure: a ring of items, known by its last.
 *
 * Invariants: `queued' is the sum of the items' lengths, a closure or file 1;
 * the queue is empty if and only if the pointer is NULL; bytes between `at'
 * and `at + len' of an item are unsent; only the last item has its room used.
 * Small copies share blocks, so that many small writes become few pieces.
 */
#include "sockets/private.h"

#include "seam.h"

#include <assert.h>
#include <string.h>

/* With its head a block is a nice size for malloc. */
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
}

/* A block of the usual size may have served before. */
static struct socle__item *
block_new(size_t room)
{
	struct socle__loop *l = socle__loop;
	struct socle__item *item = room == BLOCK ? l->spares : NULL;

	if (item) {
		l->spares = item->next;
		l->n_spares--;
	} else if (!(item = sys_malloc(sizeof(*item) + room))) {
		return NULL;
	}
	*item = (struct socle__item){.type = SOCLE__BYTES, .u.room = room};
	item->at = item->data;
	return item;
}

/*
 * Copies `len' bytes of the vector from `skip' on: first into what the last
 * block has free, then into one new block.  -ENOMEM changes nothing.
 */
int
socle__queue_copy(struct socle_socket *s, const struct iovec *iov, int n,
	size_t skip, size_t len)
{
	struct socle__item *last = s->queue, *block = NULL;
	size_t old = last && last->type == SOCLE__BYTES ? last->u.room : 0;
	size_t rest = len > old ? len - old : 0;

	if (rest && !(block = block_new(rest > BLOCK ? rest : BLOCK)))
		return -ENOMEM;
	if (!rest || old) {
		s->queued += len - rest;
		old = len - rest;
	}
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
	return 0;
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

/* requires: not empty */
struct socle__item *
socle__queue_take(struct socle_socket *s)
{
	struct socle__item *head = s->queue->next;

	if (head == s->queue)
		s->queue = NULL;
	else
		s->queue->next = head->next;
	s->queued -= head->len;
	return head;
}

void
socle__queue_free_head(struct socle_socket *s)
{
	sys_free(socle__queue_take(s));
}

/* Pieces of bytes from the head on, up to a closure or file: how many. */
int
socle__queue_gather(
	const struct socle_socket *s, struct iovec *iov, int room, size_t most)
{
	const struct socle__item *item = socle__queue_head(s);
	union {
		const char *from;
		void *base;
	} at;
	int n = 0;

	while (n < room && most > 0 &&
		(item->type == SOCLE__BYTES || item->type == SOCLE__BORROWED)) {
		at.from = item->at;
		iov[n].iov_base = at.base;
		iov[n].iov_len = item->len < most ? item->len : most;
		most -= iov[n++].iov_len;
		if (item == s->queue)
			break;
		item = item->next;
	}
	return n;
}

static void
spares_free(struct socle__loop *l)
{
	while (l->spares) {
		struct socle__item *item = l->spares;

		l->spares = item->next;
		sys_free(item);
	}
}

/* Blocks that a burst has filled are kept for the next burst. */
static void
item_free(struct socle__item *item)
{
	struct socle__loop *l = socle__loop;
	size_t used = (size_t)(item->at - item->data) + item->len;

	if (item->type != SOCLE__BYTES || used + item->u.room != BLOCK ||
		l->n_spares == SPARES) {
		sys_free(item);
		return;
	}
	item->next = l->spares;
	l->spares = item;
	l->n_spares++;
	l->free_spares = spares_free;
}

static void
item_finish(struct socle_socket *s, struct socle__item *item, bool sent)
{
	if (item->type == SOCLE__BORROWED && item->u.release)
		item->u.release(sent, item->arg);
	else if (item->type == SOCLE__CLOSURE && item->u.closure.drop)
		item->u.closure.drop(item->arg);
	else if (item->type == SOCLE__FILE)
		socle__file_drop(s, item->u.file);
	item_free(item);
}

/*
 * `n' bytes from the head on are sent.  What is whole leaves the queue before
 * anybody is told: a release may do anything to it.
 */
void
socle__queue_sent(struct socle_socket *s, size_t n)
{
	struct socle__item *done = NULL, **end = &done;

	while (n > 0 && socle__queue_head(s)->len <= n) {
		struct socle__item *item = socle__queue_take(s);

		n -= item->len;
		item->next = NULL;
		*end = item;
		end = &item->next;
	}
	if (n > 0) {
		struct socle__item *head = socle__queue_head(s);

		head->at += n;
		head->len -= n;
		s->queued -= n;
	}
	socle__user_begins(socle__loop);
	while (done) {
		struct socle__item *next = done->next;

		item_finish(s, done, true);
		done = next;
	}
	socle__user_ends(socle__loop);
}

/* All of it, with its callbacks, in order. */
void
socle__queue_drop(struct socle_socket *s)
{
	struct socle__loop *l = socle__loop;
	struct socle__item *last, *item;

	socle__user_begins(l);
	if (socle__has(s, SOCLE__OF_FAMILY))
		socle__class_of(s)->family->drop(s);
	/* What the callbacks write to an open object is a new queue. */
	last = s->queue;
	item = socle__queue_head(s);
	if (last)
		s->queued = 0;
	s->queue = NULL;
	while (item) {
		struct socle__item *next = item == last ? NULL : item->next;

		item_finish(s, item, false);
		item = next;
	}
	socle__user_ends(l);
}

void
socle__queue_check(const struct socle_socket *s)
{
	const struct socle__item *item = socle__queue_head(s);
	size_t sum = 0;

	for (; item; item = item == s->queue ? NULL : item->next) {
		assert(item->len > 0);
		assert(item->len == 1 || item->type == SOCLE__BYTES ||
			item->type == SOCLE__BORROWED);
		sum += item->len;
	}
	assert(sum == s->queued);
	(void)sum;
}

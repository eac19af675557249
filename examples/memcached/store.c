/* store.h describes the functions. */
#include "memcached/store.h"

#include <socle/socle.h>

#include "common/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * HEAP is what malloc(3) takes besides, about; a SLOT_BYTES-th of the memory is
 * for the table of slots.
 */
enum { PREFIX = 6 /* "VALUE " */, HEAD_MOST = 32, HEAP = 16, SLOT_BYTES = 32 };

struct store_counts store_counts;

static struct item **slots;
static size_t slots_mask;
static struct item *newest, *oldest;
static uint64_t last_cas;
static uint64_t flushed; /* items whose cas is not higher are forgotten */
static struct socle_timer flush_timer;

static void
flush_now(struct socle_timer *t)
{
	(void)t;
	flushed = last_cas;
}

int
store_start(size_t memory)
{
	size_t n = 1024;

	while (n * 2 * sizeof(struct item *) <= memory / SLOT_BYTES)
		n *= 2;
	slots = calloc(n, sizeof(struct item *));
	if (!slots)
		return -ENOMEM;
	slots_mask = n - 1;
	store_counts.memory = memory;
	store_counts.used = n * sizeof(struct item *);
	socle_timer_init(&flush_timer, flush_now);
	return 0;
}

/* ---- items ---- */

const char *
item_key(const struct item *it)
{
	return it->text + PREFIX;
}

char *
item_value(struct item *it)
{
	return it->text + it->head_len;
}

size_t
item_text_len(const struct item *it)
{
	return it->head_len + it->value_len + 2;
}

static size_t
size_of(size_t text_len)
{
	return (sizeof(struct item) + text_len + HEAP + 15) / 16 * 16;
}

void
item_hold(struct item *it)
{
	it->references++;
}

void
item_release(struct item *it)
{
	if (--it->references > 0)
		return;
	store_counts.used -= size_of(item_text_len(it));
	free(it);
}

/*
 * What is being sent or received is not in the store and cannot be evicted, so
 * the memory may be used up by that.
 */
static bool
make_room(size_t size)
{
	while (store_counts.used + size > store_counts.memory && oldest) {
		store_counts.evictions++;
		store_remove(oldest);
	}
	return store_counts.used + size <= store_counts.memory;
}

struct item *
item_new(const char *key, size_t key_len, uint32_t flags, double expires,
	size_t value_len)
{
	char head[HEAD_MOST];
	int n = snprintf(
		head, sizeof(head), " %u %zu\r\n", (unsigned)flags, value_len);
	size_t head_len = PREFIX + key_len + (size_t)n;
	size_t size = size_of(head_len + value_len + 2);
	struct item *it = make_room(size)
		? malloc(sizeof(*it) + head_len + value_len + 2)
		: NULL;

	if (!it)
		return NULL;
	store_counts.used += size;
	*it = (struct item){.expires = expires,
		.references = 1,
		.key_len = (uint8_t)key_len,
		.head_len = (uint16_t)head_len,
		.flags = flags,
		.value_len = (uint32_t)value_len};
	memcpy(it->text, "VALUE ", PREFIX);
	memcpy(it->text + PREFIX, key, key_len);
	memcpy(it->text + PREFIX + key_len, head, (size_t)n);
	memcpy(it->text + head_len + value_len, "\r\n", 2);
	return it;
}

/* ---- the list by use ---- */

static void
list_add(struct item *it)
{
	it->newer = NULL;
	it->older = newest;
	if (newest)
		newest->newer = it;
	else
		oldest = it;
	newest = it;
}

static void
list_remove(struct item *it)
{
	if (it->newer)
		it->newer->older = it->older;
	else
		newest = it->older;
	if (it->older)
		it->older->newer = it->newer;
	else
		oldest = it->newer;
}

void
store_use(struct item *it)
{
	if (it == newest)
		return;
	list_remove(it);
	list_add(it);
}

void
store_each(bool (*fn)(struct item *it, void *arg), void *arg)
{
	for (struct item *it = newest; it; it = it->older)
		if (it->cas > flushed && !fn(it, arg))
			return;
}

/* ---- the table by key ---- */

/* The pointer to the item with this key, or to where it would be. */
static struct item **
place_of(uint64_t hash, const char *key, size_t key_len)
{
	struct item **at = &slots[hash & slots_mask];

	while (*at &&
		((*at)->hash != hash || (*at)->key_len != key_len ||
			memcmp(item_key(*at), key, key_len) != 0))
		at = &(*at)->next;
	return at;
}

static bool
is_dead(const struct item *it)
{
	return it->cas <= flushed ||
		(it->expires != 0 && it->expires <= socle_now());
}

struct item *
store_find(const char *key, size_t key_len)
{
	struct item *it = *place_of(hash_bytes(key, key_len), key, key_len);

	if (!it || !is_dead(it))
		return it;
	store_counts.expired++;
	store_remove(it);
	return NULL;
}

void
store_remove(struct item *it)
{
	struct item **at = place_of(it->hash, item_key(it), it->key_len);

	*at = it->next;
	list_remove(it);
	store_counts.items--;
	item_release(it);
}

void
store_put(struct item *it)
{
	struct item **at;

	it->hash = hash_bytes(item_key(it), it->key_len);
	at = place_of(it->hash, item_key(it), it->key_len);
	if (*at) {
		store_remove(*at);
		at = place_of(it->hash, item_key(it), it->key_len);
	}
	it->next = NULL;
	*at = it;
	list_add(it);
	it->cas = ++last_cas;
	item_hold(it);
	store_counts.items++;
	store_counts.total_items++;
}

void
store_stop(void)
{
	while (newest)
		store_remove(newest);
	free(slots);
	socle_timer_cancel(&flush_timer);
	store_counts = (struct store_counts){0};
	last_cas = flushed = 0;
}

void
store_touch_cas(struct item *it)
{
	it->cas = ++last_cas;
}

void
store_flush(double seconds)
{
	socle_timer_cancel(&flush_timer);
	if (seconds <= 0 || socle_timer_start(&flush_timer, seconds) < 0)
		flush_now(&flush_timer);
}

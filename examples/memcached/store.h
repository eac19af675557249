/*
 * The items of the cache.  All of them, with their keys and what each takes
 * besides, fit into the memory that store_start() was given: the item that was
 * not used for longest goes first.
 *
 * An item is stored as the answer to a `get': "VALUE key flags bytes\r\n", the
 * value, "\r\n".  It is sent from where it is; a reference keeps it alive when
 * it is replaced, evicted or deleted meanwhile.  It counts until it is freed.
 */
#ifndef MEMCACHED_STORE_H
#define MEMCACHED_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEY_MOST = 250, VALUE_MOST = 1024 * 1024 };

/* Never changed while more than one reference is there. */
struct item {
	/* private */
	struct item *next; /* in its slot */
	struct item *newer, *older;
	uint64_t hash;
	double expires; /* on socle_now()'s scale; 0: never */
	unsigned references;

	uint8_t key_len;
	uint16_t head_len; /* up to the value */
	uint32_t flags;
	uint32_t value_len;
	uint64_t cas; /* differs for all items and changes */
	char text[];
};

struct store_counts {
	size_t memory, used; /* bytes */
	size_t items;
	uint64_t evictions, total_items, expired;
};
extern struct store_counts store_counts;

/* Returns 0, or -errno. */
int store_start(size_t memory);

/* Frees all; no client may have an item. */
void store_stop(void);

const char *item_key(const struct item *it);
char *item_value(struct item *it);
size_t item_text_len(const struct item *it);

/*
 * A new item that only the caller has, with a value of `value_len' bytes that the
 * caller writes, and its "\r\n".  NULL: no memory, even without other items.
 */
struct item *item_new(const char *key, size_t key_len, uint32_t flags,
	double expires, size_t value_len);

/* One reference less; the last one frees the item. */
void item_release(struct item *it);
void item_hold(struct item *it);

/* NULL if there is none, or it has expired.  store_use() counts as a use. */
struct item *store_find(const char *key, size_t key_len);
void store_use(struct item *it);

/*
 * Puts a new item into the store, in place of one with the same key, and gives it
 * its cas.  The store has a reference of its own.
 */
void store_put(struct item *it);
void store_remove(struct item *it);

/* A value was changed in place. */
void store_touch_cas(struct item *it);

/* Forgets all items, now or after some seconds; a later call replaces that. */
void store_flush(double seconds);

/* Calls `fn' for each item, the latest used first, while it returns true. */
void store_each(bool (*fn)(struct item *it, void *arg), void *arg);

#endif

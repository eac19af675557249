/* values.h describes the functions. */
#include "memcached/values.h"

#include "memcached/stats.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BAD_LINE "CLIENT_ERROR bad command line format\r\n"

/* ---- reading ---- */

static void
get_one(struct client *c, struct word key)
{
	struct item *it = store_find(key.at, key.len);

	counts[it ? GET_HITS : GET_MISSES]++;
	counts[it ? TOUCH_HITS : TOUCH_MISSES] += c->touches;
	if (!it)
		return;
	if (c->touches)
		it->expires = c->expires;
	store_use(it);
	say_item(c, it, c->gets_cas);
}

/*
 * Each key counts as a line does, so that a long list of keys is no way around the
 * limits of a client.
 */
void
get_rest(struct client *c, const char *at, const char *end)
{
	struct word key;

	c->is_getting = true;
	while (word_next(&key, &at, end)) {
		if (!line_goes_on(&c->reader)) {
			line_again(&c->reader, key.at);
			return;
		}
		get_one(c, key);
	}
	c->is_getting = false;
	say_bytes(c, "END\r\n", 5);
}

void
do_get(struct client *c, const char *at, const char *end)
{
	const char *keys = at;
	struct word key;

	while (word_next(&key, &at, end)) {
		if (key.len > KEY_MOST) {
			say(c, BAD_LINE);
			return;
		}
	}
	get_rest(c, keys, end);
}

/* ---- storing ---- */

static struct item *
joined(struct item *old, struct item *it, bool prepend)
{
	const struct item *first = prepend ? it : old;
	const struct item *second = prepend ? old : it;
	size_t len = (size_t)old->value_len + it->value_len;
	struct item *both = NULL;

	item_hold(old); /* the new one may evict it */
	if (len <= VALUE_MOST)
		both = item_new(item_key(it), it->key_len, old->flags,
			old->expires, len);
	if (both) {
		memcpy(item_value(both), first->text + first->head_len,
			first->value_len);
		memcpy(item_value(both) + first->value_len,
			second->text + second->head_len, second->value_len);
	}
	item_release(old);
	return both;
}

static const char *
join(struct item *old, struct item *it, bool prepend)
{
	struct item *both = old ? joined(old, it, prepend) : NULL;

	if (!both)
		return "NOT_STORED\r\n";
	store_put(both);
	item_release(both);
	return "STORED\r\n";
}

static const char *
compare_and_store(struct client *c, const struct item *old, struct item *it)
{
	if (!old) {
		counts[CAS_MISSES]++;
		return "NOT_FOUND\r\n";
	}
	if (old->cas != c->cas) {
		counts[CAS_BADVAL]++;
		return "EXISTS\r\n";
	}
	counts[CAS_HITS]++;
	store_put(it);
	return "STORED\r\n";
}

static const char *
store(struct client *c, struct item *it)
{
	struct item *old = store_find(item_key(it), it->key_len);

	switch (c->verb) {
	case CAS:
		return compare_and_store(c, old, it);
	case APPEND:
	case PREPEND:
		return join(old, it, c->verb == PREPEND);
	case ADD:
	case REPLACE:
		if (!old == (c->verb == REPLACE)) {
			if (old)
				store_use(old);
			return "NOT_STORED\r\n";
		}
		break;
	case SET:
		break;
	}
	store_put(it);
	return "STORED\r\n";
}

void
store_data(struct client *c)
{
	struct item *it = c->filling;

	if (!it)
		return;
	c->filling = NULL;
	counts[CMD_SET]++;
	if (memcmp(item_value(it) + it->value_len, "\r\n", 2) != 0)
		say(c, "CLIENT_ERROR bad data chunk\r\n");
	else
		say(c, store(c, it));
	item_release(it);
}

/* The data comes all the same, and what it was to replace is outdated. */
static void
refuse(struct client *c, struct word key, int64_t len, const char *why)
{
	struct item *old = store_find(key.at, key.len);

	say(c, why);
	line_want(&c->reader, NULL, (size_t)len + 2);
	if (c->verb == SET && old)
		store_remove(old);
}

/* VERB KEY FLAGS SECONDS BYTES [CAS] [noreply] */
void
do_store(struct client *c, const struct words *w, int verb)
{
	struct word key = w->word[1];
	int64_t seconds, len;
	uint32_t flags;

	if (key.len > KEY_MOST || !word_u32(w->word[2], &flags) ||
		!word_i64(w->word[3], &seconds) ||
		!word_i64(w->word[4], &len) || len < 0 || len > INT_MAX - 2 ||
		(verb == CAS && !word_u64(w->word[5], &c->cas))) {
		say(c, BAD_LINE);
		return;
	}
	c->verb = (enum verb)verb;
	if (len > VALUE_MOST) {
		refuse(c, key, len,
			"SERVER_ERROR object too large for cache\r\n");
		return;
	}
	c->filling =
		item_new(key.at, key.len, flags, expiry(seconds), (size_t)len);
	if (!c->filling)
		refuse(c, key, len,
			"SERVER_ERROR out of memory storing object\r\n");
	else /* its bytes are read to where they stay */
		line_want(&c->reader, item_value(c->filling), (size_t)len + 2);
}

/* ---- counting ---- */

/*
 * Others may be sending the old value, or it may be too short; else the new one is
 * put in its place, followed by blanks.
 */
static bool
set_number(struct item *it, const char *digits, size_t len)
{
	struct item *other;

	if (it->references == 1 && len <= it->value_len) {
		memset(item_value(it), ' ', it->value_len);
		memcpy(item_value(it), digits, len);
		store_touch_cas(it);
		store_use(it);
		return true;
	}
	item_hold(it); /* the new one may evict it */
	other = item_new(
		item_key(it), it->key_len, it->flags, it->expires, len);
	item_release(it);
	if (!other)
		return false;
	memcpy(item_value(other), digits, len);
	store_put(other);
	item_release(other);
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* As strtoull(3) reads it: after blanks, and up to a blank or a NUL. */
static bool
number_of(struct item *it, uint64_t *ret)
{
	const char *at = item_value(it), *end = at + it->value_len;
	struct word digits;

	while (at < end && is_blank(*at))
		at++;
	digits = (struct word){at, 0};
	while (at < end && !is_blank(*at) && *at != '\0')
		at++;
	digits.len = (size_t)(at - digits.at);
	return word_u64(digits, ret);
}

/* incr|decr KEY NUMBER [noreply] */
void
do_count(struct client *c, const struct words *w, int way)
{
	struct item *it;
	uint64_t by, number;
	char text[32];
	int n;

	if (w->word[1].len > KEY_MOST) {
		say(c, BAD_LINE);
		return;
	}
	if (!word_u64(w->word[2], &by)) {
		say(c, "CLIENT_ERROR invalid numeric delta argument\r\n");
		return;
	}
	it = store_find(w->word[1].at, w->word[1].len);
	counts[INCR_HITS + 2 * way + !it]++;
	if (!it) {
		say(c, "NOT_FOUND\r\n");
		return;
	}
	if (!number_of(it, &number)) {
		say(c,
			"CLIENT_ERROR cannot increment or decrement "
			"non-numeric "
			"value\r\n");
		return;
	}
	number = way == UP ? number + by : number - (by < number ? by : number);
	n = snprintf(
		text, sizeof(text), "%llu\r\n", (unsigned long long)number);
	if (set_number(it, text, (size_t)n - 2))
		say(c, text);
	else
		say(c, "SERVER_ERROR out of memory\r\n");
}

/* name.h describes the functions. */
#include "name.h"

#include <stdio.h>
#include <string.h>

static uint8_t
lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* FNV-1a, a step for each byte. */
enum { HASH_PRIME = 16777619 };
static const uint32_t hash_start = 2166136261u;

static void
hash_again(struct name *n)
{
	n->hash = hash_start;
	for (size_t i = 0; i < n->len; i++)
		n->hash = (n->hash ^ n->bytes[i]) * HASH_PRIME;
}

/* Lower-cases the lengths too: no length is a capital letter. */
size_t
name_read(struct name *ret, const uint8_t *at, size_t size)
{
	size_t end = 0, label = 0;
	uint32_t hash = hash_start;

	if (size > NAME_MOST)
		size = NAME_MOST;
	for (size_t i = 0; i < size; i++) {
		ret->bytes[i] = lower(at[i]);
		hash = (hash ^ ret->bytes[i]) * HASH_PRIME;
		if (i < end)
			continue;
		label = at[i];
		if (label > LABEL_MOST)
			return 0; /* a pointer, or a reserved type */
		end = i + 1 + label;
		if (label == 0) {
			ret->hash = hash;
			ret->len = (uint8_t)(i + 1);
			return i + 1;
		}
	}
	return 0;
}

static bool
is_of_host_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
		c == '_';
}

bool
name_parse(struct name *ret, const char *text, size_t len)
{
	size_t at = 0; /* of the length of the label */

	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len == 0 || len > NAME_MOST - 2)
		return false;
	ret->bytes[0] = 0;
	for (size_t i = 0; i < len; i++) {
		uint8_t c = lower((uint8_t)text[i]);

		if (c == '.' && ret->bytes[at] > 0) {
			at = i + 1;
			ret->bytes[at] = 0;
		} else if (is_of_host_name((char)c) &&
			++ret->bytes[at] <= LABEL_MOST) {
			ret->bytes[i + 1] = c;
		} else {
			return false;
		}
	}
	ret->bytes[len + 1] = 0;
	ret->len = (uint8_t)(len + 2);
	hash_again(ret);
	return ret->bytes[at] > 0;
}

bool
name_append(struct name *n, const struct name *suffix)
{
	size_t len = n->len - 1u;

	if (len + suffix->len > NAME_MOST)
		return false;
	memcpy(n->bytes + len, suffix->bytes, suffix->len);
	n->len = (uint8_t)(len + suffix->len);
	hash_again(n);
	return true;
}

void
name_reverse(struct name *ret, const uint8_t *address, size_t size)
{
	char text[80];
	size_t len = 0;

	if (size == 4)
		len = (size_t)snprintf(text, sizeof(text),
			"%d.%d.%d.%d.in-addr.arpa", address[3], address[2],
			address[1], address[0]);
	else
		for (size_t i = size; i-- > 0;)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
				"%x.%x.%s", address[i] & 15, address[i] >> 4,
				i == 0 ? "ip6.arpa" : "");
	(void)name_parse(ret, text, len);
}

int
name_find_zone(const struct name *n, const struct name *zone)
{
	int at = 0;

	while (n->len - at > zone->len)
		at += 1 + n->bytes[at];
	return n->len - at == zone->len &&
			memcmp(n->bytes + at, zone->bytes, zone->len) == 0
		? at
		: -1;
}

void
name_parent(struct name *n)
{
	size_t label = 1u + n->bytes[0];

	n->len = (uint8_t)(n->len - label);
	memmove(n->bytes, n->bytes + label, n->len);
	hash_again(n);
}

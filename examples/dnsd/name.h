/* Domain names as in messages: labels behind their lengths, then a 0. */
#ifndef EXAMPLES_DNSD_NAME_H
#define EXAMPLES_DNSD_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NAME_MOST = 255, LABEL_MOST = 63 }; /* RFC 1035, 2.3.4 */

/* A name in lower case, so that two names are equal if their bytes are. */
struct name {
	uint32_t hash;
	uint8_t len; /* with the 0 of the root */
	uint8_t bytes[NAME_MOST];
};

/*
 * Reads a name without pointers at the beginning of `size' bytes.  Returns its
 * length, or 0 if it is not one.
 */
size_t name_read(struct name *ret, const uint8_t *at, size_t size);

/* "www.example.org", with a dot behind it or not; false: it is not a name. */
bool name_parse(struct name *ret, const char *text, size_t len);

/* Appends `suffix' to a name; false: the result would be too long. */
bool name_append(struct name *n, const struct name *suffix);

/* The name of an address's PTR record: in-addr.arpa for 4 bytes, else ip6.arpa. */
void name_reverse(struct name *ret, const uint8_t *address, size_t size);

/* Where in `n' the name `zone' begins; -1: `n' is not in the zone. */
int name_find_zone(const struct name *n, const struct name *zone);

/* The name without its first label.  requires: it is not the root */
void name_parent(struct name *n);

#endif

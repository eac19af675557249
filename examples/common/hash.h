/*
 * A hash of bytes that clients choose.  It is keyed (SipHash-1-3), so that no
 * client can find names that all fall into one slot of a table.
 */
#ifndef EXAMPLES_HASH_H
#define EXAMPLES_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Draws the key of this process.  Returns 0, or -errno. */
int hash_start(void);

uint64_t hash_bytes(const void *data, size_t n);

#endif

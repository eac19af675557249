/* See fuzz.h. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { SHORT = 32, SPLITS = 16 };

bool fuzz_every_split;

char *
fuzz_copy(const void *data, size_t size)
{
	char *copy = malloc(size > 0 ? size : 1);

	if (!copy)
		abort();
	return size > 0 ? memcpy(copy, data, size) : copy;
}

char *
fuzz_text(const void *data, size_t size)
{
	char *copy = malloc(size + 1);

	if (!copy)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

size_t
fuzz_next_split(size_t at, size_t size)
{
	return at + 1 + (fuzz_every_split || size <= SHORT ? 0 : size / SPLITS);
}

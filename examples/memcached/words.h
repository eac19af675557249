/* The words of a command line, which blanks separate, and numbers. */
#ifndef MEMCACHED_WORDS_H
#define MEMCACHED_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than any command but `get' has. */
enum { WORDS_MOST = 9 };

struct word {
	const char *at;
	size_t len;
};

struct words {
	size_t n; /* WORDS_MOST: or more */
	struct word word[WORDS_MOST];
};

/* Takes the next word from `*at' on; false if there is none. */
bool word_next(struct word *ret, const char **at, const char *end);

void words_split(struct words *ret, const char *line, size_t len);

bool word_is(struct word w, const char *text);

/* The whole word is a number in decimal that fits. */
bool word_u64(struct word w, uint64_t *ret);
bool word_u32(struct word w, uint32_t *ret);
bool word_i64(struct word w, int64_t *ret);

#endif

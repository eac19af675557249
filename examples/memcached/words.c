/* words.h describes the functions. */
#include "memcached/words.h"

#include <string.h>

bool
word_next(struct word *ret, const char **at, const char *end)
{
	const char *from = *at, *to;

	while (from < end && *from == ' ')
		from++;
	for (to = from; to < end && *to != ' ';)
		to++;
	*at = to;
	*ret = (struct word){from, (size_t)(to - from)};
	return ret->len > 0;
}

void
words_split(struct words *ret, const char *line, size_t len)
{
	const char *at = line;

	ret->n = 0;
	while (ret->n < WORDS_MOST &&
		word_next(&ret->word[ret->n], &at, line + len))
		ret->n++;
}

bool
word_is(struct word w, const char *text)
{
	return w.len == strlen(text) && memcmp(w.at, text, w.len) == 0;
}

bool
word_u64(struct word w, uint64_t *ret)
{
	uint64_t number = 0;
	size_t i = w.len > 1 && w.at[0] == '+';

	if (w.len == 0)
		return false;
	for (; i < w.len; i++) {
		unsigned digit = (unsigned)(unsigned char)w.at[i] - '0';

		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret = number;
	return true;
}

bool
word_u32(struct word w, uint32_t *ret)
{
	uint64_t number;

	if (!word_u64(w, &number) || number > UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

bool
word_i64(struct word w, int64_t *ret)
{
	bool is_negative = w.len > 1 && w.at[0] == '-' && w.at[1] != '+';
	uint64_t number;

	if (is_negative)
		w = (struct word){w.at + 1, w.len - 1};
	if (!word_u64(w, &number) || number > INT64_MAX)
		return false;
	*ret = is_negative ? -(int64_t)number : (int64_t)number;
	return true;
}

/*
 * The parser of request heads: the result does not depend on how the bytes were
 * split, and what it says of a head is in that head.
 */
#include "fuzz/fuzz.h"

#include "common/http_values.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Where the parts of a request are. */
#define PART(name) offsetof(struct http_request, name)
static const size_t parts[] = {PART(target), PART(host), PART(range),
	PART(if_range), PART(if_match), PART(if_none_match),
	PART(if_modified_since), PART(if_unmodified_since)};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static const struct http_part *
part_of(const struct http_request *r, size_t i)
{
	return (const void *)((const char *)r + parts[i]);
}

static bool
same_part(const struct http_part *a, const struct http_part *b)
{
	return a->at == b->at && a->length == b->length;
}

static void
is_same(const struct http_request *a, const struct http_request *b)
{
	HOLDS(a->method == b->method && a->minor == b->minor);
	HOLDS(a->body == b->body && a->fields == b->fields);
	HOLDS(a->keep_alive == b->keep_alive);
	HOLDS(a->expects_continue == b->expects_continue);
	HOLDS(a->saw == b->saw && a->has_line == b->has_line);
	for (size_t i = 0; i < PARTS; i++)
		HOLDS(same_part(part_of(a, i), part_of(b, i)));
}

/* One piece that is elsewhere in memory than the others. */
static int
parse_piece(struct http_request *r, const char *head, size_t len)
{
	char *copy = fuzz_copy(head, len);
	int result = http_parse(r, copy, len);

	free(copy);
	return result;
}

static void
splits_parse_the_same(const char *head, size_t len,
	const struct http_request *whole, int wanted)
{
	struct http_request r;
	int result;

	for (size_t at = 0; at <= len; at = fuzz_next_split(at, len)) {
		http_begin(&r);
		result = parse_piece(&r, head, at);
		if (result == 0)
			result = http_parse(&r, head, len);
		HOLDS(result == wanted);
		is_same(whole, &r);
	}
	http_begin(&r);
	result = 0;
	for (size_t n = 0; n <= len && result == 0; n++)
		result = http_parse(&r, head, n);
	HOLDS(result == wanted);
	is_same(whole, &r);
}

static bool
is_inside(const struct http_part *part, size_t len)
{
	return part->at <= len && part->length <= len - part->at;
}

static void
head_is_sane(const struct http_request *r, const char *head, int len)
{
	HOLDS(len <= HTTP_HEAD_MOST);
	HOLDS(head[len - 1] == '\n');
	HOLDS(r->target.length <= HTTP_LINE_MOST);
	HOLDS(r->target.length > 0 && head[r->target.at] == '/');
	HOLDS(r->body <= HTTP_BODY_MOST && r->fields <= HTTP_FIELDS_MOST);
	for (size_t i = 0; i < PARTS; i++)
		HOLDS(is_inside(part_of(r, i), (size_t)len));
	HOLDS(r->minor >= 0 && r->minor <= 9);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *head = fuzz_copy(data, size);
	struct http_request r;
	int result;

	http_begin(&r);
	result = http_parse(&r, head, size);
	if (result > 0) {
		HOLDS((size_t)result <= size);
		head_is_sane(&r, head, result);
	} else if (result < 0) {
		HOLDS(strcmp(http_reason(-result), "Internal Server Error") !=
			0);
	}
	splits_parse_the_same(head, size, &r, result);
	free(head);
	return 0;
}

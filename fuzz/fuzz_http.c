/*
 * The demo's parser of request heads: the result does not depend on how the
 * bytes were split, and what it says of a head is in that head.
 */
#include "fuzz/fuzz.h"

#include "examples/demo/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
same_part(const struct http_part *a, const struct http_part *b)
{
	return a->at == b->at && a->length == b->length;
}

static void
is_same(const struct http_request *a, const struct http_request *b)
{
	HOLDS(a->method == b->method && a->minor == b->minor);
	HOLDS(a->target == b->target && a->length == b->length);
	HOLDS(a->body == b->body && a->since == b->since);
	HOLDS(a->keep_alive == b->keep_alive);
	HOLDS(a->expects_continue == b->expects_continue);
	HOLDS(a->accepts_html == b->accepts_html);
	HOLDS(a->saw == b->saw && a->has_line == b->has_line);
	HOLDS(same_part(&a->host, &b->host));
	HOLDS(same_part(&a->origin, &b->origin));
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
components_are_decoded(const char *target, size_t len)
{
	char *to = fuzz_text(target, len);
	int n = http_decode(to, target, len);

	HOLDS(n == -400 || (n >= 0 && (size_t)n <= len));
	if (n >= 0)
		HOLDS(strlen(to) == (size_t)n && !strchr(to, '/'));
	free(to);
}

static void
dates_come_back(time_t t)
{
	char text[HTTP_DATE_SIZE];

	if (t < 0 || t > 253402300799) /* of year 9999 */
		return;
	http_date(t, text);
	HOLDS(http_date_parse(text, strlen(text)) == t);
}

static void
head_is_sane(const struct http_request *r, const char *head, int len)
{
	HOLDS(len <= HTTP_HEAD_MOST);
	HOLDS(head[len - 1] == '\n');
	HOLDS(r->target + r->length < (size_t)len);
	HOLDS(r->length <= HTTP_LINE_MOST && head[r->target] == '/');
	HOLDS(r->body <= HTTP_BODY_MOST);
	HOLDS(is_inside(&r->host, (size_t)len));
	HOLDS(is_inside(&r->origin, (size_t)len));
	HOLDS(r->minor >= 0 && r->minor <= 9);
	(void)http_is_own(r, head);
	components_are_decoded(head + r->target + 1, r->length - 1);
	dates_come_back(r->since);
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

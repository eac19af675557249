/*
 * Paths, dates, conditions and ranges of HTTP.  The input is the target and the
 * value of each field, a line each: a path stays below its root, a date comes
 * back, and ranges are in the file and do not overlap.
 */
#include "fuzz/fuzz.h"

#include "common/http_values.h"

#include <stdlib.h>
#include <string.h>

#define TAG "\"5-c\""
enum { MODIFIED = 784111777, LINES = 6 };

/* Each component has bytes, and none starts with a dot. */
static void
path_is_below(const char *target, size_t len)
{
	char *copy = fuzz_copy(target, len), *to = fuzz_copy(target, len);
	int n = len > 0 ? http_path(to, copy, len) : -404;

	HOLDS(n == -400 || n == -404 || (n >= 0 && (size_t)n < len));
	if (n >= 0) {
		HOLDS(strlen(to) == (size_t)n);
		HOLDS(*to != '/' && *to != '.');
		HOLDS(!strstr(to, "//") && !strstr(to, "/."));
	}
	free(to);
	free(copy);
}

static void
date_comes_back(const char *text, size_t len)
{
	time_t t = http_date_parse(text, len);
	char again[HTTP_DATE_SIZE];

	if (t < 0 || t > 253402300799) /* of year 9999 */
		return;
	http_date(t, again);
	HOLDS(http_date_parse(again, strlen(again)) == t);
}

static void
ranges_are_inside(const struct http_range *ranges, int n, int64_t size)
{
	HOLDS(n >= 0 ? n <= HTTP_RANGES_MOST : n == -416);
	for (int i = 0; i < n; i++) {
		HOLDS(ranges[i].from >= 0 && ranges[i].length > 0);
		HOLDS(ranges[i].length <= size - ranges[i].from);
		for (int j = 0; j < i; j++)
			HOLDS(ranges[i].from + ranges[i].length <
					ranges[j].from ||
				ranges[j].from + ranges[j].length <
					ranges[i].from);
	}
}

static void
ranges_are_sane(const struct http_request *r, const char *head)
{
	static const int64_t sizes[] = {0, 1, 12, 1 << 20, INT64_MAX};
	struct http_range ranges[HTTP_RANGES_MOST] = {{0, 0}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		ranges_are_inside(ranges,
			http_ranges(r, head, TAG, MODIFIED, sizes[i], ranges),
			sizes[i]);
}

/* The next line at *at, which moves behind it. */
static struct http_part
take_line(const char *data, size_t size, size_t *at)
{
	struct http_part line = {*at, 0};

	while (*at < size && data[*at] != '\n')
		++*at;
	line.length = *at - line.at;
	*at += *at < size;
	return line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *head = fuzz_text(data, size);
	struct http_part lines[LINES];
	struct http_request r;
	size_t at = 0;
	int status;

	for (int i = 0; i < LINES; i++)
		lines[i] = take_line(head, size, &at);
	path_is_below(head, lines[0].length);
	http_begin(&r);
	r.range = lines[1];
	r.if_range = lines[2];
	r.if_match = lines[3];
	r.if_none_match = lines[4];
	r.if_modified_since = r.if_unmodified_since = lines[5];
	ranges_are_sane(&r, head);
	status = http_condition(&r, head, TAG, MODIFIED);
	HOLDS(status == 200 || status == 304 || status == 412);
	date_comes_back(head + lines[5].at, lines[5].length);
	free(head);
	return 0;
}

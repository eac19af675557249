/* Paths, dates, entity tags, conditions and ranges of HTTP. */
#include "examples/common/http_values.h"

#include "tests/support/fixture.h"

#include <stdio.h>

/* ---- paths ---- */

static void
assert_path(const char *target, const char *path)
{
	char to[64];

	assert_int_equal(strlen(path), http_path(to, target, strlen(target)));
	assert_string_equal(path, to);
}

static void
paths_are_decoded_once_and_have_no_query(void **state)
{
	(void)state;
	assert_path("/", "");
	assert_path("/?a", "");
	assert_path("/a", "a");
	assert_path("/a%20b/c?d/../e", "a b/c");
	assert_path("/a/", "a/");
	assert_path("/%252e%63x", "%2ecx");
	assert_path("/a..b/c.", "a..b/c.");
	assert_path("/%ff", "\xff");
}

static void
escaped_slashes_nuls_and_bad_escapes_are_400(void **state)
{
	static const char *const bad[] = {"/%00", "/a%2fb", "/%2F", "/%", "/%2",
		"/%g0", "/%0g", "/a%", "/% 1", "/a/%2f", "/%2", "/%2?3"};
	char to[32];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(-400, http_path(to, bad[i], strlen(bad[i])));
}

static void
components_that_are_empty_or_start_with_a_dot_are_404(void **state)
{
	static const char *const bad[] = {"/.", "/..", "/../a", "/a/..",
		"/a/./b", "/%2e%2e/a", "/a/%2E", "/.git/config", "//", "//a",
		"/a//b", "/a//", "/.%2e"};
	char to[32];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(-404, http_path(to, bad[i], strlen(bad[i])));
}

/* ---- dates ---- */

static void
dates_are_read_in_all_three_forms(void **state)
{
	static const char *const same[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"};
	char buf[HTTP_DATE_SIZE];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			784111777, http_date_parse(same[i], strlen(same[i])));
	assert_int_equal(-1, http_date_parse("yesterday", 9));
	http_date(784111777, buf);
	assert_string_equal(same[0], buf);
}

static void
a_date_is_always_one_of_four_digits_a_year(void **state)
{
	char buf[HTTP_DATE_SIZE];

	(void)state;
	http_date(INT64_MAX, buf);
	assert_string_equal("Fri, 31 Dec 9999 23:59:59 GMT", buf);
	http_date(-1, buf);
	assert_string_equal("Thu, 01 Jan 1970 00:00:00 GMT", buf);
}

/* ---- conditions ---- */

#define TAG "\"5\""
enum { MODIFIED = 784111777 };
#define EARLIER "Sun, 06 Nov 1994 08:49:36 GMT\r\n"
#define THEN "Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define LATER "Sun, 06 Nov 1994 08:49:38 GMT\r\n"

static char head[2048];

/* A request with these fields. */
static struct http_request
request_with(const char *method, const char *fields)
{
	struct http_request r;

	snprintf(head, sizeof(head), "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n",
		method, fields);
	http_begin(&r);
	assert_int_equal(strlen(head), http_parse(&r, head, strlen(head)));
	return r;
}

static void
conditions_are_judged_as_the_standard_says(void **state)
{
	static const struct {
		const char *fields;
		int status;
	} rows[] = {
		{"", 200},
		{"If-Modified-Since: " EARLIER, 200},
		{"If-Modified-Since: " THEN, 304},
		{"If-Modified-Since: " LATER, 304},
		{"If-Modified-Since: today\r\n", 200},
		{"If-Unmodified-Since: " EARLIER, 412},
		{"If-Unmodified-Since: " THEN, 200},
		{"If-Unmodified-Since: today\r\n", 200},
		{"If-None-Match: " TAG "\r\n", 304},
		{"If-None-Match: *\r\n", 304},
		{"If-None-Match: W/" TAG "\r\n", 304},
		{"If-None-Match: \"4\", W/\"3\" , " TAG "\r\n", 304},
		{"If-None-Match: \"4\"\r\n", 200},
		{"If-None-Match: 5\r\n", 200},
		{"If-None-Match: \"\r\n", 200},
		{"If-None-Match: \"4\",\"\r\n", 200},
		{"If-None-Match:\r\n", 200},
		{"If-None-Match: \"55\"\r\n", 200},
		{"If-Match: " TAG "\r\n", 200},
		{"If-Match: *\r\n", 200},
		{"If-Match: W/" TAG "\r\n", 412},
		{"If-Match: \"4\"\r\n", 412},
		/* A tag is more exact than a time. */
		{"If-None-Match: \"4\"\r\nIf-Modified-Since: " THEN, 200},
		{"If-None-Match: " TAG "\r\nIf-Modified-Since: " EARLIER, 304},
		{"If-Match: " TAG "\r\nIf-Unmodified-Since: " EARLIER, 200},
		/* 412 comes before 304. */
		{"If-Match: \"4\"\r\nIf-None-Match: " TAG "\r\n", 412},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct http_request r = request_with("GET", rows[i].fields);
		int status = http_condition(&r, head, TAG, MODIFIED);

		if (status != rows[i].status)
			print_error("%d for %s\n", status, rows[i].fields);
		assert_int_equal(rows[i].status, status);
	}
}

/* ---- ranges ---- */

/* As "2-3 5-5"; or the result, if that is no number of ranges. */
static const char *
ranges_of(const char *method, const char *fields, int64_t size)
{
	struct http_request r = request_with(method, fields);
	struct http_range ranges[HTTP_RANGES_MOST];
	static char text[512];
	int n = http_ranges(&r, head, TAG, MODIFIED, size, ranges);
	int len = 0;

	if (n <= 0)
		sprintf(text, "%d", n);
	for (int i = 0; i < n; i++)
		len += sprintf(text + len, "%s%lld-%lld", i > 0 ? " " : "",
			(long long)ranges[i].from,
			(long long)(ranges[i].from + ranges[i].length - 1));
	return text;
}

static void
assert_ranges(const char *value, int64_t size, const char *wanted)
{
	char fields[512];
	const char *found;

	snprintf(fields, sizeof(fields), "Range: %s\r\n", value);
	found = ranges_of("GET", fields, size);
	if (strcmp(wanted, found) != 0)
		print_error("%s of %lld\n", value, (long long)size);
	assert_string_equal(wanted, found);
}

static void
one_range_has_a_start_and_an_end_or_is_the_last_bytes(void **state)
{
	(void)state;
	assert_ranges("bytes=2-5", 12, "2-5");
	assert_ranges("BYTES=0-0", 12, "0-0");
	assert_ranges("bytes=2-", 12, "2-11");
	assert_ranges("bytes=2-99999999999999999999999999", 12, "2-11");
	assert_ranges("bytes=-5", 12, "7-11");
	assert_ranges("bytes=-99999999999999999999999999", 12, "0-11");
	assert_ranges("bytes= 2-5 ", 12, "2-5");
}

static void
a_range_that_the_file_has_not_is_416(void **state)
{
	(void)state;
	assert_ranges("bytes=12-", 12, "-416");
	assert_ranges("bytes=99999999999999999999999999-", 12, "-416");
	assert_ranges("bytes=-0", 12, "-416");
	assert_ranges("bytes=0-", 0, "-416");
	assert_ranges("bytes=-5", 0, "-416");
	assert_ranges("bytes=20-30,40-50", 12, "-416");
	assert_ranges("bytes=20-30,-1", 12, "11-11");
}

static void
a_malformed_range_is_416_and_another_unit_is_ignored(void **state)
{
	static const char *const malformed[] = {"bytes=", "bytes=,",
		"bytes=5-1", "bytes=a-b", "bytes=1", "bytes=-", "bytes=--1",
		"bytes=1-2x", "bytes=1 -2", "bytes=0-1;2-3", "bytes=+1-2",
		"bytes=1-2,x"};

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++)
		assert_ranges(malformed[i], 12, "-416");
	assert_ranges("lines=1-2", 12, "0");
	assert_ranges("bytes", 12, "0");
	assert_ranges("", 12, "0");
}

static void
ranges_that_overlap_or_touch_are_made_one(void **state)
{
	(void)state;
	assert_ranges("bytes=0-1,4-5", 12, "0-1 4-5");
	assert_ranges("bytes=8-9, 0-1 ,,4-5", 12, "8-9 0-1 4-5");
	assert_ranges("bytes=0-5,3-7", 12, "0-7");
	assert_ranges("bytes=0-1,2-3", 12, "0-3");
	assert_ranges("bytes=0-1,6-7,2-5", 12, "0-7");
	assert_ranges("bytes=0-,0-,0-,-1", 12, "0-11");
	assert_ranges("bytes=4-5,0-11", 12, "0-11");
}

static void
too_many_ranges_are_ignored(void **state)
{
	char value[256] = "bytes=0-0";

	(void)state;
	for (int i = 1; i < HTTP_RANGES_MOST; i++)
		sprintf(value + strlen(value), ",%d-%d", 2 * i, 2 * i);
	assert_ranges(value, 99,
		"0-0 2-2 4-4 6-6 8-8 10-10 12-12 14-14 16-16 18-18 20-20 22-22 "
		"24-24 26-26 28-28 30-30");
	strcat(value, ",40-40");
	assert_ranges(value, 99, "0");
}

static void
a_range_is_for_get_and_for_the_file_that_the_client_knows(void **state)
{
	static const char range[] = "Range: bytes=2-5\r\n";
	char fields[128];
	static const struct {
		const char *value, *wanted;
	} rows[] = {
		{TAG "\r\n", "2-5"},
		{"W/" TAG "\r\n", "0"},
		{"\"4\"\r\n", "0"},
		{THEN, "2-5"},
		{LATER, "0"},
		{EARLIER, "0"},
		{"\r\n", "0"},
	};

	(void)state;
	assert_string_equal("0", ranges_of("HEAD", range, 12));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(fields, sizeof(fields), "%sIf-Range: %s", range,
			rows[i].value);
		assert_string_equal(
			rows[i].wanted, ranges_of("GET", fields, 12));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(paths_are_decoded_once_and_have_no_query),
		test(escaped_slashes_nuls_and_bad_escapes_are_400),
		test(components_that_are_empty_or_start_with_a_dot_are_404),
		test(dates_are_read_in_all_three_forms),
		test(a_date_is_always_one_of_four_digits_a_year),
		test(conditions_are_judged_as_the_standard_says),
		test(one_range_has_a_start_and_an_end_or_is_the_last_bytes),
		test(a_range_that_the_file_has_not_is_416),
		test(a_malformed_range_is_416_and_another_unit_is_ignored),
		test(ranges_that_overlap_or_touch_are_made_one),
		test(too_many_ranges_are_ignored),
		test(a_range_is_for_get_and_for_the_file_that_the_client_knows),
	};
	return run_tests(tests);
}

/* The parser of request heads, with heads split anywhere. */
#include "examples/common/http.h"

#include "tests/support/fixture.h"

#include <stdio.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

static int
parse(const char *head, struct http_request *r)
{
	http_begin(r);
	return http_parse(r, head, strlen(head));
}

static void
assert_status(const char *head, int status)
{
	struct http_request r;
	int result = parse(head, &r);

	if (result != -status)
		print_error("%d, not %d, for:\n%s\n", -result, status, head);
	assert_int_equal(-status, result);
}

static void
assert_same_part(const struct http_part *a, const struct http_part *b)
{
	assert_int_equal(a->at, b->at);
	assert_int_equal(a->length, b->length);
}

static void
assert_same(const struct http_request *a, const struct http_request *b)
{
	assert_int_equal(a->method, b->method);
	assert_int_equal(a->minor, b->minor);
	assert_same_part(&a->target, &b->target);
	assert_same_part(&a->range, &b->range);
	assert_same_part(&a->if_modified_since, &b->if_modified_since);
	assert_int_equal(a->body, b->body);
	assert_int_equal(a->keep_alive, b->keep_alive);
	assert_int_equal(a->expects_continue, b->expects_continue);
}

/* The part of the head is this text. */
static void
assert_part(const char *head, struct http_part part, const char *text)
{
	assert_int_equal(strlen(text), part.length);
	assert_memory_equal(text, head + part.at, part.length);
}

static const char full_head[] =
	"POST /a%20b?c=d HTTP/1.1\r\n"
	"Host: example.org\r\n"
	"content-length: 12\r\n"
	"Connection: foo, close\r\n"
	"Expect: 100-continue\r\n"
	"If-Modified-Since:  Sun, 06 Nov 1994 08:49:37 GMT \r\n"
	"RANGE:bytes=0-1\r\n"
	"If-None-Match: \"a\", W/\"b\"\r\n"
	"X-Empty:\r\n\r\n";

static void
a_request_is_parsed_into_its_parts(void **state)
{
	struct http_request r;

	(void)state;
	assert_int_equal(strlen(full_head), parse(full_head, &r));
	assert_int_equal(HTTP_POST, r.method);
	assert_int_equal(1, r.minor);
	assert_part(full_head, r.target, "/a%20b?c=d");
	assert_int_equal(12, r.body);
	assert_part(full_head, r.host, "example.org");
	assert_part(full_head, r.if_modified_since,
		"Sun, 06 Nov 1994 08:49:37 GMT");
	assert_part(full_head, r.range, "bytes=0-1");
	assert_part(full_head, r.if_none_match, "\"a\", W/\"b\"");
	assert_int_equal(0, r.if_range.at);
	assert_false(r.keep_alive);
	assert_true(r.expects_continue);
}

static void
a_head_split_at_any_byte_parses_the_same(void **state)
{
	struct http_request whole, r;
	size_t len = strlen(full_head);

	(void)state;
	parse(full_head, &whole);
	for (size_t at = 0; at < len; at++) {
		http_begin(&r);
		assert_int_equal(0, http_parse(&r, full_head, at));
		assert_int_equal(len, http_parse(&r, full_head, len));
		assert_same(&whole, &r);
	}
}

static void
a_head_may_arrive_byte_by_byte_and_move_in_memory(void **state)
{
	struct http_request whole, r;
	size_t len = strlen(full_head);

	(void)state;
	parse(full_head, &whole);
	http_begin(&r);
	for (size_t n = 1; n <= len; n++) {
		/* the sanitizer detects a read beyond the end */
		char *elsewhere = malloc(n);

		assert_non_null(elsewhere);
		memcpy(elsewhere, full_head, n);
		assert_int_equal(
			n < len ? 0 : len, http_parse(&r, elsewhere, n));
		free(elsewhere);
	}
	assert_same(&whole, &r);
}

static void
bytes_after_a_head_are_not_consumed(void **state)
{
	struct http_request r;
	const char *two = GET "\r\n"
			      "rubbish\r\n\r\n";

	(void)state;
	assert_int_equal(strlen(GET "\r\n"), parse(two, &r));
}

static void
empty_lines_before_a_request_are_skipped(void **state)
{
	struct http_request r;
	const char *head = "\r\n\n" GET "\r\n";

	(void)state;
	assert_int_equal(strlen(head), parse(head, &r));
	assert_int_equal(3 + 4, r.target.at);
}

static void
lines_may_end_with_a_line_feed_alone(void **state)
{
	struct http_request r;
	const char *head = "HEAD /x HTTP/1.1\nHost: a\n\n";

	(void)state;
	assert_int_equal(strlen(head), parse(head, &r));
	assert_int_equal(HTTP_HEAD, r.method);
	assert_part(head, r.target, "/x");
}

static void
an_absolute_url_is_accepted_as_a_path(void **state)
{
	struct http_request r;
	const char *head = "GET http://a:80/b/c HTTP/1.1\r\nHost: a\r\n\r\n";

	(void)state;
	assert_int_equal(strlen(head), parse(head, &r));
	assert_part(head, r.target, "/b/c");
	head = "GET HTTP://a:80 HTTP/1.1\r\nHost: a\r\n\r\n";
	assert_int_equal(strlen(head), parse(head, &r));
	assert_part(head, r.target, "/");
}

static void
keep_alive_follows_the_version_and_the_connection_field(void **state)
{
	static const struct {
		const char *head;
		bool stays;
	} rows[] = {
		{GET "\r\n", true},
		{GET "Connection: close\r\n\r\n", false},
		{GET "Connection: CLOSE , x\r\n\r\n", false},
		{GET "Connection: closed\r\n\r\n", true},
		{GET "Connection: keep-alive\r\nConnection: close\r\n\r\n",
			false},
		{"GET / HTTP/1.0\r\n\r\n", false},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
		{"GET / HTTP/1.9\r\nHost: a\r\n\r\n", true},
	};
	struct http_request r;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(parse(rows[i].head, &r) > 0);
		assert_int_equal(rows[i].stays, r.keep_alive);
	}
}

static void
a_malformed_request_is_refused(void **state)
{
	(void)state;
	assert_status("GET\r\n", 400);
	assert_status("GET /\r\n", 400);
	assert_status("GET  / HTTP/1.1\r\n", 400);
	assert_status("GET / HTTP/1.1 \r\n", 400);
	assert_status("GET / x HTTP/1.1\r\n", 400);
	assert_status(" GET / HTTP/1.1\r\n", 400);
	assert_status("G{}T / HTTP/1.1\r\n", 400);
	assert_status("GET x HTTP/1.1\r\n", 400);
	assert_status("GET * HTTP/1.1\r\n", 400);
	assert_status("GET http://a?b HTTP/1.1\r\n", 400);
	assert_status("GET http:// HTTP/1.1\r\n", 400);
	assert_status("GET /\x7f HTTP/1.1\r\n", 400);
	assert_status("GET /\r HTTP/1.1\r\n", 400);
	assert_status("GET / HTTP/11\r\n", 400);
	assert_status("GET / http/1.1\r\n", 400);
	assert_status("GET / HTTP/2.0\r\n", 505);
	assert_status("get / HTTP/1.1\r\n", 501);
	assert_status("BREW / HTTP/1.1\r\n", 501);
}

static void
bad_header_fields_are_refused(void **state)
{
	(void)state;
	assert_status(GET "no colon\r\n", 400);
	assert_status(GET ": no name\r\n", 400);
	assert_status(GET "Name : blank\r\n", 400);
	assert_status(GET " folded: line\r\n", 400);
	assert_status(GET "A: b\r\n\tfolded\r\n", 400);
	assert_status(GET "A: b\rc\r\n", 400);
	assert_status(GET "A: \x01\r\n", 400);
	assert_status(GET "Host: b\r\n", 400);
	assert_status(GET "Range: bytes=0-1\r\nRange: bytes=2-3\r\n", 400);
	assert_status(GET "Expect: miracles\r\n", 417);
	assert_status("GET / HTTP/1.1\r\nA: b\r\n\r\n", 400);
}

static void
a_host_is_a_name_or_an_address(void **state)
{
	static const char *const good[] = {"", "a", "a.example:80", "[::1]:80"};
	static const char *const bad[] = {
		"a b", "a/b", "a,b", "a@b", "a?b", "a#b", "\"a\"", "a\\b"};
	struct http_request r;
	char head[128];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(head, sizeof(head),
			"GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
		assert_int_equal(strlen(head), parse(head, &r));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(head, sizeof(head),
			"GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
		assert_status(head, 400);
	}
}

static void
more_fields_than_the_limit_are_431(void **state)
{
	char head[HTTP_HEAD_MOST] = GET;
	struct http_request r;
	size_t len = strlen(head);

	(void)state;
	for (int i = 1; i < HTTP_FIELDS_MOST; i++)
		len += (size_t)sprintf(head + len, "A: b\r\n");
	strcpy(head + len, "\r\n");
	assert_int_equal(len + 2, parse(head, &r));
	strcpy(head + len, "A: b\r\n");
	assert_status(head, 431);
}

static void
a_nul_in_a_head_is_refused(void **state)
{
	struct http_request r;
	static const char head[] = GET "A: b\0c\r\n\r\n";

	(void)state;
	http_begin(&r);
	assert_int_equal(-400, http_parse(&r, head, sizeof(head) - 1));
}

static void
a_body_of_ambiguous_length_is_refused(void **state)
{
	(void)state;
	assert_status(POST "Content-Length: 1\r\nContent-Length: 1\r\n", 400);
	assert_status(POST "Content-Length: 1, 1\r\n", 400);
	assert_status(POST "Content-Length: +1\r\n", 400);
	assert_status(POST "Content-Length: 0x1\r\n", 400);
	assert_status(POST "Content-Length: -1\r\n", 400);
	assert_status(POST "Content-Length:\r\n", 400);
	assert_status(POST "Transfer-Encoding: chunked\r\n\r\n", 501);
	assert_status(POST "Transfer-Encoding: gzip , Chunked\r\n\r\n", 501);
	assert_status(POST "Transfer-Encoding: gzip\r\n"
			   "Transfer-Encoding: chunked\r\n\r\n",
		501);
	assert_status(POST "Transfer-Encoding:\r\n\r\n", 400);
	assert_status(POST "Transfer-Encoding: chunked, gzip\r\n\r\n", 400);
	assert_status(POST "Transfer-Encoding: chunked, chunked\r\n\r\n", 400);
	assert_status(POST "Transfer-Encoding: xchunked\r\n\r\n", 400);
	assert_status(POST "Transfer-Encoding: identity\r\n\r\n", 400);
	assert_status(POST "Transfer-Encoding : chunked\r\n\r\n", 400);
	assert_status(POST "Transfer-Encoding:\x0b"
			   "chunked\r\n\r\n",
		400);
	assert_status(
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
	assert_status(POST "Content-Length: 1\r\n"
			   "Transfer-Encoding: chunked\r\n\r\n",
		400);
	assert_status(POST "Transfer-Encoding: identity\r\n"
			   "Content-Length: 1\r\n\r\n",
		400);
}

static void
a_body_above_the_maximum_size_is_413(void **state)
{
	struct http_request r;

	(void)state;
	assert_true(parse(POST "Content-Length: 65536\r\n\r\n", &r) > 0);
	assert_int_equal(65536, r.body);
	assert_status(POST "Content-Length: 65537\r\n\r\n", 413);
	assert_status(POST
		"Content-Length: 184467440737095516160000000001\r\n\r\n",
		413);
}

/* A request line "GET /xxx HTTP/1.1" of `len' bytes, properly terminated. */
static size_t
long_line(char *buf, size_t len)
{
	static const char end[] = " HTTP/1.1\r\nHost: a\r\n\r\n";

	memset(buf, 'x', len);
	memcpy(buf, "GET /", 5);
	memcpy(buf + len - 9, end, sizeof(end));
	return len - 9 + sizeof(end) - 1;
}

static void
a_line_that_is_too_long_is_414_however_it_arrives(void **state)
{
	struct http_request r;
	char head[HTTP_LINE_MOST + 64];
	size_t len = long_line(head, HTTP_LINE_MOST);

	(void)state;
	http_begin(&r);
	assert_int_equal(len, http_parse(&r, head, len));
	len = long_line(head, HTTP_LINE_MOST + 1);
	http_begin(&r);
	assert_int_equal(-414, http_parse(&r, head, len));
	http_begin(&r);
	for (size_t n = 1; n <= HTTP_LINE_MOST; n++)
		assert_int_equal(0, http_parse(&r, head, n));
	assert_int_equal(-414, http_parse(&r, head, len));
}

static size_t
long_head(char *buf, size_t len)
{
	memset(buf, 'x', len);
	memcpy(buf, GET "A: ", sizeof(GET "A: ") - 1);
	memcpy(buf + len - 4, "\r\n\r\n", 4);
	return len;
}

static void
a_head_that_is_too_long_is_431_however_it_arrives(void **state)
{
	struct http_request r;
	char head[HTTP_HEAD_MOST + 64];
	size_t len = long_head(head, HTTP_HEAD_MOST);

	(void)state;
	http_begin(&r);
	assert_int_equal(len, http_parse(&r, head, len));
	len = long_head(head, HTTP_HEAD_MOST + 1);
	http_begin(&r);
	assert_int_equal(-431, http_parse(&r, head, len));
	http_begin(&r);
	for (size_t n = 1; n < HTTP_HEAD_MOST; n++)
		assert_int_equal(0, http_parse(&r, head, n));
	assert_int_equal(-431, http_parse(&r, head, HTTP_HEAD_MOST));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_request_is_parsed_into_its_parts),
		test(a_head_split_at_any_byte_parses_the_same),
		test(a_head_may_arrive_byte_by_byte_and_move_in_memory),
		test(bytes_after_a_head_are_not_consumed),
		test(empty_lines_before_a_request_are_skipped),
		test(lines_may_end_with_a_line_feed_alone),
		test(an_absolute_url_is_accepted_as_a_path),
		test(keep_alive_follows_the_version_and_the_connection_field),
		test(a_malformed_request_is_refused),
		test(bad_header_fields_are_refused),
		test(a_host_is_a_name_or_an_address),
		test(more_fields_than_the_limit_are_431),
		test(a_nul_in_a_head_is_refused),
		test(a_body_of_ambiguous_length_is_refused),
		test(a_body_above_the_maximum_size_is_413),
		test(a_line_that_is_too_long_is_414_however_it_arrives),
		test(a_head_that_is_too_long_is_431_however_it_arrives),
	};
	return run_tests(tests);
}

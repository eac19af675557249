/* httpd's files: conditions, ranges, links. */
/* backends: all */
#include "tests/support/httpd.h"

#include <stdio.h>
#include <stdlib.h>

/* A request with one field, whose value may be one of a response before. */
static int
get_with(int fd, const char *path, const char *name, const char *value)
{
	char fields[600];

	snprintf(fields, sizeof(fields), "%s: %s\r\n", name, value);
	return request(fd, "GET", path, fields);
}

/* ---- conditions ---- */

static void
an_unchanged_file_is_304_without_a_body(void **state)
{
	static const char *const names[][2] = {{"ETag: ", "If-None-Match"},
		{"Last-Modified: ", "If-Modified-Since"}};
	int fd = httpd_start(NULL);
	char text[700];

	(void)state;
	for (int i = 0; i < 2; i++) {
		get(fd, "/a.md");
		snprintf(text, sizeof(text),
			"GET /a.md HTTP/1.1\r\nHost: a\r\n%s: %s\r\n\r\n",
			names[i][1], field(names[i][0]));
		send_text(fd, text);
		assert_int_equal(304, receive_head(fd));
		assert_non_null(field("ETag: "));
		assert_null(field("Content-Length: "));
	}
	assert_int_equal(200, get(fd, "/a.md"));
	httpd_stop(fd);
}

static void
a_changed_file_is_sent(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(200,
		get_with(fd, "/a.md", "If-Modified-Since",
			"Sun, 06 Nov 1994 08:49:37 GMT"));
	assert_int_equal(200, get_with(fd, "/a.md", "If-None-Match", "\"1\""));
	httpd_stop(fd);
}

static void
a_request_for_another_version_is_412(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(412, get_with(fd, "/a.md", "If-Match", "\"1\""));
	assert_int_equal(412,
		get_with(fd, "/a.md", "If-Unmodified-Since",
			"Sun, 06 Nov 1994 08:49:37 GMT"));
	assert_int_equal(404, get_with(fd, "/none", "If-Match", "\"1\""));
	httpd_stop(fd);
}

static void
a_file_that_changes_gets_another_tag(void **state)
{
	int fd = httpd_start(NULL);
	char tag[128];

	(void)state;
	get(fd, "/a.md");
	snprintf(tag, sizeof(tag), "%s", field("ETag: "));
	httpd_put("root/a.md", "# abc\n");
	assert_int_equal(200, get_with(fd, "/a.md", "If-None-Match", tag));
	assert_string_not_equal(tag, field("ETag: "));
	httpd_put("root/a.md", "# a\n");
	httpd_stop(fd);
}

/* ---- ranges ---- */

static void
a_range_is_sent_alone(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(206, get_with(fd, "/b.svg", "Range", "bytes=1-3"));
	assert_string_equal("svg", reply.body);
	assert_string_equal("bytes 1-3/6", field("Content-Range: "));
	assert_int_equal(206, get_with(fd, "/middle", "Range", "bytes=100-"));
	assert_int_equal(MIDDLE - 100, reply.len);
	assert_pattern(reply.body, MIDDLE - 100, 100, 7);
	assert_int_equal(
		206, get_with(fd, "/big", "Range", "bytes=4000000-4099999"));
	assert_pattern(reply.body, 100000, 4000000, 7);
	assert_int_equal(206, get_with(fd, "/b.svg", "Range", "bytes=-2"));
	assert_string_equal("/>", reply.body);
	httpd_stop(fd);
}

static void
a_range_outside_of_the_file_is_416_with_its_size(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(416, get_with(fd, "/b.svg", "Range", "bytes=6-"));
	assert_string_equal("bytes */6", field("Content-Range: "));
	assert_int_equal(200, get(fd, "/b.svg"));
	httpd_stop(fd);
}

/* Replaces the boundary, which differs each time, by "B". */
static void
boundary_shorten(void)
{
	const char *type = field("Content-Type: ");
	static const char start[] = "multipart/byteranges; boundary=";
	char boundary[128], *at;
	size_t n;

	assert_non_null(type);
	assert_memory_equal(start, type, strlen(start));
	snprintf(boundary, sizeof(boundary), "%s", type + strlen(start));
	n = strlen(boundary);
	while ((at = strstr(reply.body, boundary))) {
		*at = 'B';
		memmove(at + 1, at + n, strlen(at + n) + 1);
	}
}

static void
several_ranges_are_parts_of_one_response(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(
		206, get_with(fd, "/b.svg", "Range", "bytes=1-3,9-,-1"));
	boundary_shorten();
	assert_string_equal("\r\n--B\r\nContent-Type: image/svg+xml\r\n"
			    "Content-Range: bytes 1-3/6\r\n\r\nsvg"
			    "\r\n--B\r\nContent-Type: image/svg+xml\r\n"
			    "Content-Range: bytes 5-5/6\r\n\r\n>"
			    "\r\n--B--\r\n",
		reply.body);
	assert_int_equal(200, get(fd, "/b.svg"));
	httpd_stop(fd);
}

static void
large_parts_and_what_is_pipelined_behind_them_arrive_in_order(void **state)
{
	int fd = httpd_start(NULL);
	const char *at;

	(void)state;
	send_text(fd,
		"GET /big HTTP/1.1\r\nHost: a\r\n"
		"Range: bytes=0-49999,4000000-4049999\r\n\r\n"
		"HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(206, receive_response(fd));
	at = strstr(reply.body, "\r\n\r\n");
	assert_non_null(at);
	assert_pattern(at + 4, 50000, 0, 7);
	at = strstr(at + 4 + 50000, "\r\n\r\n");
	assert_non_null(at);
	assert_pattern(at + 4, 50000, 4000000, 7);
	assert_int_equal(200, receive_head(fd));
	assert_string_equal("5000000", field("Content-Length: "));
	assert_int_equal(200, receive_response(fd));
	assert_string_equal("3", reply.body);
	httpd_stop(fd);
}

static void
overlapping_ranges_are_sent_once(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(
		206, get_with(fd, "/b.svg", "Range", "bytes=0-3,2-5,0-,0-,0-"));
	assert_string_equal("<svg/>", reply.body);
	assert_string_equal("bytes 0-5/6", field("Content-Range: "));
	httpd_stop(fd);
}

static void
a_range_of_another_version_gets_the_whole_file(void **state)
{
	int fd = httpd_start(NULL);
	char fields[256];

	(void)state;
	get(fd, "/b.svg");
	snprintf(fields, sizeof(fields), "Range: bytes=1-3\r\nIf-Range: %s\r\n",
		field("ETag: "));
	assert_int_equal(206, request(fd, "GET", "/b.svg", fields));
	assert_int_equal(200,
		request(fd, "GET", "/b.svg",
			"Range: bytes=1-3\r\nIf-Range: \"1\"\r\n"));
	assert_string_equal("<svg/>", reply.body);
	httpd_stop(fd);
}

/* ---- links ---- */

static void
a_link_below_the_root_is_followed_if_the_kernel_checks_it(void **state)
{
	int fd = httpd_start(NULL), status = get(fd, "/link");

	(void)state;
	if (status == 200)
		assert_string_equal("# a\n", reply.body);
	else
		assert_int_equal(403, status);
	httpd_stop(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(an_unchanged_file_is_304_without_a_body),
		program_test(a_changed_file_is_sent),
		program_test(a_request_for_another_version_is_412),
		program_test(a_file_that_changes_gets_another_tag),
		program_test(a_range_is_sent_alone),
		program_test(a_range_outside_of_the_file_is_416_with_its_size),
		program_test(several_ranges_are_parts_of_one_response),
		program_test(
			large_parts_and_what_is_pipelined_behind_them_arrive_in_order),
		program_test(overlapping_ranges_are_sent_once),
		program_test(a_range_of_another_version_gets_the_whole_file),
		program_test(
			a_link_below_the_root_is_followed_if_the_kernel_checks_it),
	};
	return cmocka_run_group_tests_name(
		__FILE__, tests, httpd_make_root, httpd_remove_root);
}

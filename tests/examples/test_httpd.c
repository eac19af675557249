/* httpd, as a client sees it. */
/* backends: all */
#include "tests/support/httpd.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* ---- files ---- */

static void
files_are_served_with_their_types(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(200, get(fd, "/a.md"));
	assert_string_equal("# a\n", reply.body);
	assert_string_equal(
		"text/plain; charset=utf-8", field("Content-Type: "));
	assert_non_null(field("Date: "));
	assert_non_null(field("Last-Modified: "));
	assert_non_null(field("Server: "));
	assert_int_equal(200, get(fd, "/b.svg?query"));
	assert_string_equal("image/svg+xml", field("Content-Type: "));
	assert_int_equal(200, get(fd, "/middle"));
	assert_string_equal(
		"application/octet-stream", field("Content-Type: "));
	assert_pattern(reply.body, MIDDLE, 0, 7);
	httpd_stop(fd);
}

static void
the_top_page_links_to_the_files(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(200, get(fd, "/"));
	assert_non_null(strstr(reply.body, "href='./a.md'"));
	assert_string_equal(
		"text/html; charset=utf-8", field("Content-Type: "));
	httpd_stop(fd);
}

static void
a_directory_returns_its_index_or_a_listing(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(301, get(fd, "/sub"));
	assert_string_equal("/sub/", field("Location: "));
	assert_int_equal(301, get(fd, "/s%75b?a/b"));
	assert_string_equal("/s%75b/?a/b", field("Location: "));
	assert_int_equal(200, get(fd, "/sub/"));
	assert_non_null(strstr(reply.body, "href='./%3Cx%3E.txt'"));
	assert_null(strstr(reply.body, "<x>"));
	assert_int_equal(200, get(fd, "/sub/%3Cx%3E.txt"));
	assert_int_equal(200, get(fd, "/home/"));
	assert_string_equal("home", reply.body);
	httpd_stop(fd);
}

static void
no_path_leads_out_of_the_root(void **state)
{
	static const char *const paths[] = {"/../secret", "/%2e%2e/secret",
		"/.%2E/secret", "/sub/../../secret",
		"/sub/%2e%2e/%2e%2e/secret", "/..%2fsecret", "/%2e%2e%2fsecret",
		"/..%5csecret", "/a.md%00.html", "/secret", "/etc/passwd",
		"/etc/", "//etc/passwd", "/sub//etc/passwd", "/fifo", "/.",
		"/..", "/%2f..%2fsecret", "/sub%2f..%2f..%2fsecret",
		"/%252e%252e/secret"};
	int fd = httpd_start(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int status = get(fd, paths[i]);

		if (status != 400 && status != 403 && status != 404)
			print_error("%s: %d\n", paths[i], status);
		assert_in_range(status, 400, 404);
		assert_null(strstr(reply.body, "secret"));
	}
	assert_int_equal(403, get(fd, "/secret"));
	assert_int_equal(403, get(fd, "/fifo"));
	assert_int_equal(403, get(fd, "/up"));
	assert_int_equal(403, get(fd, "/etc/passwd"));
	httpd_stop(fd);
}

static void
a_missing_file_is_404(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(404, get(fd, "/nothing"));
	assert_int_equal(404, get(fd, "/nothing/at/all"));
	assert_int_equal(404, get(fd, "/a.md/"));
	assert_int_equal(404, get(fd, "/a.md/b"));
	assert_int_equal(404, get(fd, "/nothing/"));
	assert_int_equal(404, get(fd, "/a.md/b/"));
	assert_int_equal(404, get(fd, "/.style"));
	httpd_stop(fd);
}

static void
a_method_that_is_not_allowed_is_405_with_an_allow_field(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(405, request(fd, "POST", "/a.md", ""));
	assert_string_equal("GET, HEAD", field("Allow: "));
	assert_int_equal(405, request(fd, "DELETE", "/.style.css", ""));
	assert_string_equal("GET, HEAD", field("Allow: "));
	assert_int_equal(501, request(fd, "BREW", "/", ""));
	assert_ends(fd);
	httpd_stop(fd);
}

static void
the_response_to_head_has_no_body(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	send_text(fd,
		"HEAD /middle HTTP/1.1\r\nHost: a\r\n\r\n"
		"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
		"HEAD /none HTTP/1.1\r\nHost: a\r\n\r\n");
	receive_head(fd);
	assert_string_equal("60000", field("Content-Length: "));
	receive_head(fd);
	assert_int_equal(200, reply.status);
	receive_head(fd);
	assert_int_equal(404, reply.status);
	assert_int_equal(200, get(fd, "/a.md"));
	httpd_stop(fd);
}

/* ---- connections ---- */

static void
a_connection_stays_open_until_close_is_requested(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(200, get(fd, "/a.md"));
	assert_string_equal("keep-alive", field("Connection: "));
	assert_int_equal(
		200, request(fd, "GET", "/a.md", "Connection: close\r\n"));
	assert_string_equal("close", field("Connection: "));
	assert_ends(fd);
	httpd_stop(fd);
}

static void
http_1_0_closes_unless_keep_alive_is_requested(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	send_text(fd, "GET /a.md HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	assert_int_equal(200, receive_response(fd));
	assert_string_equal("keep-alive", field("Connection: "));
	send_text(fd, "GET /a.md HTTP/1.0\r\n\r\n");
	assert_int_equal(200, receive_response(fd));
	assert_string_equal("close", field("Connection: "));
	assert_ends(fd);
	httpd_stop(fd);
}

/*
 * The response to another client proves that the daemon has read the first
 * part.
 */
static void
a_request_split_at_every_byte_is_answered(void **state)
{
	static const char text[] = "POST /a.md HTTP/1.1\r\nHost: a\r\n"
				   "Content-Length: 3\r\n\r\nabc";
	int fd = httpd_start(NULL), other = program_client();

	(void)state;
	for (size_t at = 1; at < sizeof(text) - 1; at++) {
		send_all(fd, text, at);
		assert_int_equal(404, get(other, "/none"));
		send_all(fd, text + at, sizeof(text) - 1 - at);
		assert_int_equal(405, receive_response(fd));
	}
	close(other);
	httpd_stop(fd);
}

static void
twenty_requests_in_one_write_are_answered_in_order(void **state)
{
	int fd = httpd_start(NULL);
	char text[4096];
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 20; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
			"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
	send_all(fd, text, len);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(200, receive_response(fd));
		assert_int_equal(i, atoi(reply.body));
	}
	httpd_stop(fd);
}

static void
requests_pipelined_by_a_slow_reader_are_all_answered(void **state)
{
	static const char text[] = "GET /middle HTTP/1.1\r\nHost: a\r\n\r\n";
	int fd = httpd_start(NULL), other = program_client();
	int n = scaled(200, 50);

	(void)state;
	for (int i = 0; i < n; i++)
		send_all(fd, text, sizeof(text) - 1);
	assert_int_equal(200, get(other, "/a.md"));
	close(other);
	for (int i = 0; i < n; i++) {
		assert_int_equal(200, receive_response(fd));
		assert_pattern(reply.body, MIDDLE, 0, 7);
	}
	httpd_stop(fd);
}

static void
requests_before_an_end_of_stream_are_answered(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	send_text(fd,
		"GET /0 HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /middle HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2");
	shutdown(fd, SHUT_WR);
	assert_int_equal(200, receive_response(fd));
	assert_int_equal(200, receive_response(fd));
	assert_pattern(reply.body, MIDDLE, 0, 7);
	assert_int_equal(200, receive_response(fd));
	assert_string_equal("1", reply.body);
	assert_ends(fd);
	httpd_stop(fd);
}

/* Reads `n' bytes of the big file from `offset' on. */
static void
read_big(int fd, size_t offset, size_t n)
{
	char *data = malloc(n + 1);

	assert_non_null(data);
	assert_int_equal(n, receive(fd, data, n + 1, NULL));
	assert_pattern(data, n, offset, 7);
	free(data);
}

static void
a_big_file_reaches_a_stalling_reader_complete(void **state)
{
	int fd = httpd_start(NULL), other = program_client();

	(void)state;
	send_text(fd,
		"GET /big HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(200, receive_head(fd));
	assert_string_equal("5000000", field("Content-Length: "));
	for (size_t at = 0; at < BIG; at += BIG / 5) {
		/* Other clients are served meanwhile. */
		for (int i = 0; i < 20; i++)
			assert_int_equal(200, get(other, "/a.md"));
		read_big(fd, at, BIG / 5);
	}
	assert_int_equal(200, receive_response(fd));
	assert_string_equal("1", reply.body);
	close(other);
	httpd_stop(fd);
}

static void
a_stop_waits_for_the_response_in_progress(void **state)
{
	int fd = httpd_start(NULL), idle = program_client();

	(void)state;
	send_text(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(200, receive_head(fd));
	program_ask_to_stop();
	assert_ends(idle);
	read_big(fd, 0, BIG);
	assert_ends(fd);
	close(idle);
	httpd_stop(fd);
}

static void
a_stop_does_not_wait_long_for_a_reader_that_does_not_read(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	send_text(fd,
		"GET /big HTTP/1.1\r\nHost: a\r\n\r\n"
		"GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(200, receive_head(fd));
	program_stop();
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(files_are_served_with_their_types),
		program_test(the_top_page_links_to_the_files),
		program_test(a_directory_returns_its_index_or_a_listing),
		program_test(no_path_leads_out_of_the_root),
		program_test(a_missing_file_is_404),
		program_test(
			a_method_that_is_not_allowed_is_405_with_an_allow_field),
		program_test(the_response_to_head_has_no_body),
		program_test(a_connection_stays_open_until_close_is_requested),
		program_test(http_1_0_closes_unless_keep_alive_is_requested),
		program_test(a_request_split_at_every_byte_is_answered),
		program_test(
			twenty_requests_in_one_write_are_answered_in_order),
		program_test(
			requests_pipelined_by_a_slow_reader_are_all_answered),
		program_test(requests_before_an_end_of_stream_are_answered),
		program_test(a_big_file_reaches_a_stalling_reader_complete),
		program_test(a_stop_waits_for_the_response_in_progress),
		program_test(
			a_stop_does_not_wait_long_for_a_reader_that_does_not_read),
	};
	return cmocka_run_group_tests_name(
		__FILE__, tests, httpd_make_root, httpd_remove_root);
}

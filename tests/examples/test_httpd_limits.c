/* httpd with many, slow, greedy and malformed clients. */
/* backends: all */
#include "tests/support/httpd.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define HEAD "POST /a.md HTTP/1.1\r\nHost: a\r\n"

/* The request is refused with this status, and the connection is closed. */
static void
assert_refused(const char *request, int status)
{
	int fd = program_client();

	send_text(fd, request);
	assert_int_equal(status, receive_response(fd));
	assert_string_equal("close", field("Connection: "));
	assert_ends(fd);
	close(fd);
}

/* ---- malformed ---- */

static void
a_malformed_request_is_refused_and_closed(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_refused("rubbish\r\n\r\n", 400);
	assert_refused("GET / HTTP/1.1\r\n\r\n", 400);
	assert_refused("GET / HTTP/1.1\r\n folded\r\n\r\n", 400);
	assert_refused("GET / HTTP/3.0\r\n\r\n", 505);
	assert_refused(HEAD "Expect: more\r\n\r\n", 417);
	assert_int_equal(200, get(fd, "/a.md"));
	httpd_stop(fd);
}

static void
a_body_of_ambiguous_length_is_refused(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_refused(HEAD
		"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
		400);
	assert_refused(HEAD "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501);
	assert_refused(
		HEAD "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400);
	httpd_stop(fd);
}

static void
requests_before_a_malformed_one_are_answered(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	send_text(fd,
		"GET /7 HTTP/1.1\r\nHost: a\r\n\r\nrubbish\r\n\r\n"
		"GET /8 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(200, receive_response(fd));
	assert_string_equal("7", reply.body);
	assert_int_equal(400, receive_response(fd));
	assert_ends(fd);
	httpd_stop(fd);
}

/* ---- too large ---- */

static void
a_body_that_is_too_large_is_413_even_if_it_is_sent(void **state)
{
	int fd = httpd_start(NULL);
	char *body = calloc(1, 200000);

	(void)state;
	assert_non_null(body);
	send_text(fd, HEAD "Content-Length: 200000\r\n\r\n");
	send_all(fd, body, 200000);
	assert_int_equal(413, receive_response(fd));
	assert_ends(fd);
	free(body);
	httpd_stop(fd);
}

static void
after_a_body_of_the_maximum_size_the_next_request_is_found(void **state)
{
	int fd = httpd_start(NULL);
	char *body = calloc(1, 65536);

	(void)state;
	assert_non_null(body);
	for (int i = 0; i < 3; i++) {
		send_text(fd, HEAD "Content-Length: 65536\r\n\r\n");
		send_all(fd, body, 65536);
		send_text(fd, "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
		assert_int_equal(405, receive_response(fd));
		assert_int_equal(200, receive_response(fd));
		assert_string_equal("3", reply.body);
	}
	free(body);
	httpd_stop(fd);
}

static void
a_request_with_expect_gets_100_continue(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	send_text(fd, HEAD "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
	assert_int_equal(100, receive_head(fd));
	send_text(fd, "abc");
	assert_int_equal(405, receive_response(fd));
	send_text(fd,
		HEAD "Expect: 100-continue\r\nContent-Length: 70000\r\n\r\n");
	assert_int_equal(413, receive_response(fd));
	httpd_stop(fd);
}

/* A request whose path, or one field if not `path', has this many letters. */
static void
send_long(int fd, bool path, size_t letters)
{
	char *text = malloc(letters + 1);

	assert_non_null(text);
	memset(text, 'x', letters);
	text[letters] = '\0';
	send_text(fd, path ? "GET /" : "GET / HTTP/1.1\r\nHost: a\r\nA: ");
	send_text(fd, text);
	send_text(fd, path ? " HTTP/1.1\r\nHost: a\r\n\r\n" : "\r\n\r\n");
	free(text);
}

static void
a_head_too_large_is_431_and_a_path_too_long_is_414(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	send_long(fd, true, 8000);
	assert_int_equal(404, receive_response(fd));
	send_long(fd, false, 16000);
	assert_int_equal(200, receive_response(fd));
	send_long(fd, false, 100000);
	assert_int_equal(431, receive_response(fd));
	assert_ends(fd);
	close(fd);
	fd = program_client();
	send_long(fd, true, 9000);
	assert_int_equal(414, receive_response(fd));
	assert_ends(fd);
	httpd_stop(fd);
}

/* ---- slow ---- */

static void
an_incomplete_request_times_out_with_408(void **state)
{
	int idle = httpd_start("--header-timeout=0.2");

	(void)state;
	assert_refused("GET / HTTP/1.1\r\nHo", 408);
	assert_refused(HEAD "Content-Length: 3\r\n\r\nab", 408);
	assert_int_equal(200, get(idle, "/a.md"));
	httpd_stop(idle);
}

/* The timeout is for the whole request, not for each byte. */
static void
a_request_that_arrives_byte_by_byte_times_out_with_408(void **state)
{
	int fd = httpd_start("--header-timeout=0.2");
	struct pollfd p = {.fd = fd, .events = POLLIN};

	(void)state;
	send_text(fd, "GET / HTTP/1.1\r\nA: ");
	for (int i = 0; i < 1000 && poll(&p, 1, 10) == 0; i++)
		send(fd, "x", 1, MSG_NOSIGNAL);
	assert_int_equal(408, receive_response(fd));
	httpd_stop(fd);
}

/* Each request has its time from its own first byte on. */
static void
requests_that_come_in_halves_may_take_longer_together(void **state)
{
	static const char half[] = "GET /1 HTTP/1.1\r\n",
			  rest[] = "Host: a\r\n\r\n";
	int fd = httpd_start("--header-timeout=3");
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char text[64];

	(void)state;
	snprintf(text, sizeof(text), "%s%s", rest, half);
	send_text(fd, half);
	for (int i = 0; i < 16; i++) {
		assert_int_equal(0, poll(&p, 1, 200));
		send_text(fd, text);
		assert_int_equal(200, receive_response(fd));
	}
	httpd_stop(fd);
}

static void
an_idle_connection_is_closed_after_its_time(void **state)
{
	int fd = httpd_start("--idle-timeout=0.2");

	(void)state;
	assert_int_equal(200, get(fd, "/1"));
	assert_ends(fd);
	httpd_stop(fd);
}

/* ---- many ---- */

static void
a_thousand_idle_clients_do_not_delay_another_client(void **state)
{
	enum { CLIENTS = 1000 };
	int *idle = calloc(CLIENTS, sizeof(*idle));
	int fd;

	(void)state;
	assert_non_null(idle);
	if (!fds_may_be(CLIENTS + 100)) {
		free(idle);
		skip_because("the limit of open files is below 1100");
	}
	fd = httpd_start(NULL);
	for (int i = 0; i < CLIENTS; i++)
		idle[i] = program_client();
	for (int i = 0; i < 20; i++)
		assert_int_equal(200, get(fd, "/a.md"));
	assert_int_equal(200, get(idle[0], "/0"));
	assert_int_equal(200, get(idle[CLIENTS - 1], "/1"));
	for (int i = 0; i < CLIENTS; i++)
		close(idle[i]);
	free(idle);
	httpd_stop(fd);
}

/* ---- clients that disconnect ---- */

static void
a_client_may_disconnect_after_any_byte(void **state)
{
	static const char text[] = HEAD "Content-Length: 3\r\n\r\nabc"
					"GET /middle HTTP/1.1\r\nHost: a\r\n"
					"\r\n";
	int fd = httpd_start(NULL);

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		int polite = program_client(), rude = program_client();

		send_all(polite, text, n);
		send_all(rude, text, n);
		if (n % 2)
			assert_int_equal(200, get(fd, "/0"));
		close(polite);
		close_by_reset(rude);
	}
	assert_int_equal(200, get(fd, "/a.md"));
	httpd_stop(fd);
}

static void
a_client_may_disconnect_in_the_middle_of_a_file(void **state)
{
	int fd = httpd_start(NULL);
	char buf[100000];

	(void)state;
	for (int i = 0; i < 10; i++) {
		int gone = program_client();

		send_text(
			gone, "GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /big ");
		receive(gone, buf, (size_t)i * 10000 + 2, NULL);
		if (i % 2)
			close_by_reset(gone);
		else
			close(gone);
		assert_int_equal(200, get(fd, "/0"));
	}
	httpd_stop(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(a_malformed_request_is_refused_and_closed),
		program_test(a_body_of_ambiguous_length_is_refused),
		program_test(requests_before_a_malformed_one_are_answered),
		program_test(
			a_body_that_is_too_large_is_413_even_if_it_is_sent),
		program_test(
			after_a_body_of_the_maximum_size_the_next_request_is_found),
		program_test(a_request_with_expect_gets_100_continue),
		program_test(
			a_head_too_large_is_431_and_a_path_too_long_is_414),
		program_test(an_incomplete_request_times_out_with_408),
		program_test(
			a_request_that_arrives_byte_by_byte_times_out_with_408),
		program_test(
			requests_that_come_in_halves_may_take_longer_together),
		program_test(an_idle_connection_is_closed_after_its_time),
		program_test(
			a_thousand_idle_clients_do_not_delay_another_client),
		program_test(a_client_may_disconnect_after_any_byte),
		program_test(a_client_may_disconnect_in_the_middle_of_a_file),
	};
	return cmocka_run_group_tests_name(
		__FILE__, tests, httpd_make_root, httpd_remove_root);
}

/* The console by HTTP: the live page, its numbers and its switches. */
/* backends: all */
#include "tests/support/consoles.h"

#include "daemon/console_state.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- a small reader of JSON: the end of the value at `s', or NULL ---- */

static const char *json_value(const char *s);

static const char *
json_string(const char *s)
{
	if (!s || *s++ != '"')
		return NULL;
	for (; *s != '"'; s++) {
		if ((unsigned char)*s < ' ')
			return NULL;
		if (*s == '\\' && !*++s)
			return NULL;
	}
	return s + 1;
}

/* The members of an object or array, and its end. */
static const char *
json_members(const char *s, char end)
{
	if (s[1] == end)
		return s + 2;
	do {
		s++;
		if (end == '}') {
			s = json_string(s);
			if (!s || *s++ != ':')
				return NULL;
		}
		s = json_value(s);
	} while (s && *s == ',');
	return s && *s == end ? s + 1 : NULL;
}

static const char *
json_number(const char *s)
{
	char *end;

	if (*s != '-' && !isdigit((unsigned char)*s))
		return NULL;
	strtod(s, &end);
	return end > s ? end : NULL;
}

static const char *
json_value(const char *s)
{
	if (*s == '{')
		return json_members(s, '}');
	if (*s == '[')
		return json_members(s, ']');
	if (*s == '"')
		return json_string(s);
	if (strncmp(s, "true", 4) == 0)
		return s + 4;
	if (strncmp(s, "false", 5) == 0)
		return s + 5;
	return json_number(s);
}

/* ---- requests ---- */

static const char *body;

/* Sends a request over a connection of its own; its status. */
static int
request(const char *method, const char *path, const char *fields)
{
	char text[4096];
	int fd = console_client();

	snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\n%s\r\n", method, path,
		fields);
	console_send(fd, text);
	close(fd);
	turn(2);
	assert_memory_equal("HTTP/1.1 ", said, 9);
	body = strstr(said, "\r\n\r\n");
	assert_non_null(body);
	body += 4;
	return atoi(said + 9);
}

static int
get(const char *path)
{
	return request("GET", path, "Host: localhost:8081\r\n");
}

static bool
body_contains(const char *text)
{
	return strstr(body, text) != NULL;
}

static void
get_json(void)
{
	static char text[1 << 20];
	const char *end;
	size_t n = 0;

	assert_int_equal(200, get("/profile.json"));
	assert_non_null(strstr(said, "\r\nContent-Type: application/json"));
	for (const char *at = body; *at; at++)
		if (!isspace((unsigned char)*at))
			text[n++] = *at;
	text[n] = '\0';
	end = json_value(text);
	assert_non_null(end);
	assert_string_equal("", end);
	body = text;
}

/* The value of a member of an item in the last report; -1: no such item. */
static double
number(const char *item, const char *name)
{
	char text[64];
	const char *at;

	snprintf(text, sizeof(text), "{\"item\":\"%s\",", item);
	at = strstr(body, text);
	if (!at)
		return -1;
	snprintf(text, sizeof(text), "\"%s\":", name);
	at = strstr(at, text);
	assert_non_null(at);
	return atof(at + strlen(text));
}

static double
reads(void)
{
	get_json();
	return number("Console-read", "calls");
}

/* ---- answers ---- */

static void
each_path_has_its_type(void **state)
{
	static const char *const paths[][2] = {{"/", "text/html"},
		{"/socks", "text/plain"}, {"/metrics", "text/plain"},
		{"/prof.folded", "text/plain"},
		{"/profile.json", "application/json"},
		{"/healthz", "text/plain"}, {"/?x", "text/html"}};
	char type[64];

	(void)state;
	close(console_start());
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(200, get(paths[i][0]));
		snprintf(type, sizeof(type),
			"\r\nContent-Type: %s; charset=utf-8\r\n", paths[i][1]);
		assert_non_null(strstr(said, type));
		assert_int_equal(200, request("HEAD", paths[i][0], ""));
		assert_non_null(strstr(said, type));
		assert_string_equal("", body);
	}
	assert_int_equal(404, get("/nothing"));
	assert_int_equal(404, get("/socks/"));
	assert_int_equal(400, get("socks"));
}

static void
the_page_loads_nothing_from_other_hosts(void **state)
{
	(void)state;
	close(console_start());
	assert_int_equal(200, get("/"));
	assert_true(body_contains("fetch('/profile.json'"));
	assert_false(body_contains(" src=") || body_contains("https:") ||
		body_contains("url(") || body_contains("@import"));
	for (const char *at = body; (at = strstr(at, "http:")); at++)
		assert_memory_equal(
			"http://www.w3.org/2000/svg'", at, 27); /* a name */
	assert_true(body_contains("</html>"));
	assert_non_null(strstr(said,
		"\r\nContent-Security-Policy: default-src "
		"'none'; connect-src 'self'; "));
}

static void
the_page_greys_its_numbers_when_the_connection_is_lost(void **state)
{
	(void)state;
	close(console_start());
	assert_int_equal(200, get("/"));
	assert_true(body_contains(".stale td{color"));
	assert_true(body_contains("classList.toggle('stale', lost)"));
	/* A server that hangs is lost too, and so is one that refuses. */
	assert_true(body_contains("AbortSignal.timeout("));
	assert_true(body_contains("if (!r.ok) throw"));
	assert_true(body_contains("state('connection lost', 'bad')"));
}

static void
the_length_is_that_of_the_body(void **state)
{
	static const char *const paths[] = {"/", "/metrics", "/profile.json"};

	(void)state;
	close(console_start());
	for (size_t i = 0; i < 3; i++) {
		get(paths[i]);
		assert_int_equal(strlen(body),
			atoi(strstr(said, "Content-Length: ") + 16));
	}
}

static void
a_loop_that_drains_is_not_healthy(void **state)
{
	int fds[2];

	(void)state;
	close(console_start());
	pair_tcp(fds);
	probe_new(fds[0], "p");
	assert_int_equal(200, get("/healthz"));
	get_json();
	assert_true(body_contains("\"draining\":false"));
	assert_int_equal(0, socle_drain(1000, NULL, NULL));
	assert_int_equal(503, get("/healthz"));
	assert_int_equal(503, request("HEAD", "/healthz", ""));
	get_json();
	assert_true(body_contains("\"draining\":true"));
	close(fds[1]);
}

static void
socks_are_listed_by_http_too(void **state)
{
	int fds[2];

	(void)state;
	close(console_start());
	pair_tcp(fds);
	probe_new(fds[0], "p");
	assert_int_equal(200, get("/socks"));
	assert_true(body_contains("    1 Probe\r\n"));
	assert_true(body_contains(" Probe(): open to 127.0.0.1:"));
	assert_true(body_contains("\r\n   fd    age\r\n"));
	close(fds[1]);
}

static int
odd_as_string(const struct socle_socket *self, char *buf, size_t size)
{
	(void)self;
	return snprintf(buf, size, "<b>\"\\\x01\xff");
}

static const struct socle_class odd_class = {
	.name = "Odd\"<",
	.super = &socle_socket_class,
	.as_string = odd_as_string,
};

static void
texts_of_peers_are_quoted(void **state)
{
	struct socle_socket *s;
	int fds[2];

	(void)state;
	close(console_start());
	pair_unix(fds);
	assert_int_equal(0, socle_socket_new(&odd_class, fds[0], &s));
	get_json();
	assert_true(body_contains("\"text\":\"<b>\\\"\\\\\\\\x01\\\\xff\""));
	assert_true(body_contains("{\"name\":\"Odd\\\"<\""));
	close(fds[1]);
}

static void
the_numbers_stay_few_when_there_are_many_sockets(void **state)
{
	int n = 0, fds[50][2];

	(void)state;
	close(console_start());
	for (int i = 0; i < 50; i++) {
		pair_unix(fds[i]);
		probe_new(fds[i][0], "p");
	}
	stuff_fd(fds[49][0]);
	socle_write(socle_descriptor(fds[49][0]), "x", 1);
	get_json();
	for (const char *at = body; (at = strstr(at, "{\"fd\":")); at++)
		n++;
	assert_int_equal(25, n);
	assert_true(body_contains("\"queued\":1,\"in\":0,\"out\":"));
	assert_true(body_contains("\"does\":\"writing\""));
	for (int i = 0; i < 50; i++)
		close(fds[i][1]);
}

static void
folded_stacks_have_a_line_for_each_handler(void **state)
{
	int n = 0;
	char *copy, *line;

	(void)state;
	close(console_start());
	request("POST", "/prof/on", "");
	get("/");
	assert_int_equal(200, get("/prof.folded"));
	assert_true(body_contains("socle;Console;read "));
	copy = strdup(body);
	for (line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
		char *space = strrchr(line, ' ');

		assert_memory_equal("socle;", line, 6);
		assert_non_null(space);
		assert_true(isdigit((unsigned char)space[1]));
		n++;
	}
	free(copy);
	assert_true(n >= 1);
}

/* ---- switches ---- */

static void
the_profile_is_off_until_it_is_switched_on(void **state)
{
	double before;

	(void)state;
	close(console_start());
	assert_true(reads() < 0);
	assert_true(body_contains("\"profiling\":false"));
	assert_int_equal(200, request("POST", "/prof/on", ""));
	get("/");
	before = reads();
	assert_true(body_contains("\"profiling\":true"));
	assert_true(before >= 1);
	assert_true(reads() > before);
	assert_true(number("Console-read", "wall") > 0);
	assert_true(number("Console-read", "longest") > 0);
	assert_int_equal(200, request("POST", "/prof/off", ""));
	before = reads();
	assert_true(body_contains("\"profiling\":false"));
	assert_true(reads() == before);
}

static void
a_reset_clears_the_profile_and_leaves_it_on_or_off(void **state)
{
	(void)state;
	close(console_start());
	request("POST", "/prof/on", "");
	for (int i = 0; i < 20; i++)
		get("/healthz");
	assert_true(reads() >= 20);
	assert_int_equal(200, request("POST", "/prof/reset", ""));
	assert_true(reads() < 10);
	assert_true(body_contains("\"profiling\":true"));
	request("POST", "/prof/off", "");
	request("POST", "/prof/reset", "");
	assert_true(reads() < 1);
	assert_true(body_contains("\"profiling\":false"));
}

static void
a_post_from_a_page_of_another_origin_is_403(void **state)
{
	static const char *const fields[] = {"Origin: http://b\r\n",
		"Origin: https://localhost\r\n",
		"Origin: http://localhost:81\r\n",
		"Origin: http://localhosts\r\n", "Origin: http://\r\n",
		"Origin: null\r\n", "Origin:\r\n", "origin: HTTP://B\r\n",
		"Sec-Fetch-Site: cross-site\r\n",
		"Sec-Fetch-Site: same-site\r\n",
		"Origin: http://localhost\r\nSec-Fetch-Site: cross-site\r\n"};
	char text[256];

	(void)state;
	close(console_start());
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		snprintf(
			text, sizeof(text), "Host: localhost\r\n%s", fields[i]);
		assert_int_equal(403, request("POST", "/prof/on", text));
	}
	get_json();
	assert_true(body_contains("\"profiling\":false"));
}

static void
a_post_from_its_own_page_is_obeyed(void **state)
{
	(void)state;
	close(console_start());
	assert_int_equal(200,
		request("POST", "/prof/on",
			"Host: localhost:81\r\nOrigin: http://LOCALHOST:81\r\n"
			"Sec-Fetch-Site: same-origin\r\n"));
	get_json();
	assert_true(body_contains("\"profiling\":true"));
}

static void
a_post_changes_nothing_but_the_profile(void **state)
{
	static const char *const paths[] = {"/", "/socks", "/healthz"};

	(void)state;
	close(console_start());
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(405, request("POST", paths[i], ""));
		assert_non_null(strstr(said, "\r\nAllow: GET, HEAD\r\n"));
	}
	assert_int_equal(405, get("/prof/on"));
	assert_non_null(strstr(said, "\r\nAllow: POST\r\n"));
	assert_int_equal(405, request("HEAD", "/prof/on", ""));
}

/* ---- who asks ---- */

static void
a_request_for_another_host_is_421(void **state)
{
	static const char *const others[] = {"example.org", "localhost.b",
		"localhosts", "127.0.0.1.b", "127.0.0.2", "", "[::1]x", "b:80",
		"localhost\r\nHost: localhost"};
	static const char *const own[] = {"localhost", "LocalHost:1",
		"127.0.0.1", "127.0.0.1:8081", "[::1]", "[::1]:81",
		"  localhost  "};
	char field[128];

	(void)state;
	close(console_start());
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		snprintf(field, sizeof(field), "Host: %s\r\n", others[i]);
		assert_int_equal(strchr(others[i], '\n') ? 400 : 421,
			request("GET", "/", field));
		assert_int_not_equal(200, request("POST", "/prof/on", field));
	}
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		snprintf(field, sizeof(field), "Host:%s\r\n", own[i]);
		assert_int_equal(200, request("GET", "/healthz", field));
	}
	assert_int_equal(200, request("GET", "/healthz", ""));
}

static void
what_is_no_request_is_400(void **state)
{
	static const char *const texts[] = {"GET \r\n\r\n", "GET /\r\n\r\n",
		"GET / HTTP/2.0\r\n\r\n", "GET / FTP\r\n\r\n", "GET / \n\n",
		"POST  HTTP/1.1\n\n"};

	(void)state;
	close(console_start());
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int fd = console_client();

		assert_memory_equal(
			"HTTP/1.1 400 ", console_send(fd, texts[i]), 13);
		close(fd);
		turn(2);
	}
}

static void
a_head_may_come_in_pieces(void **state)
{
	static const char text[] = "GET /healthz HTTP/1.0\nHost: localhost\n\n";
	int fd = console_start();

	(void)state;
	for (size_t i = 0; i + 2 < sizeof(text); i++) {
		send_all(fd, text + i, 1);
		turn(2);
	}
	assert_memory_equal("HTTP/1.1 200 OK\r\n", console_send(fd, "\n"), 17);
	close(fd);
}

static void
a_head_that_is_too_long_is_431(void **state)
{
	static char text[SOCLE__CONSOLE_LINE + 1];
	int fd = console_start();

	(void)state;
	memset(text, 'x', SOCLE__CONSOLE_LINE);
	memcpy(text, "GET / HTTP/1.1\r\nA: ", 19);
	assert_memory_equal("HTTP/1.1 431 ", console_send(fd, text), 13);
	close(fd);
}

static void
a_browser_cannot_give_commands(void **state)
{
	static const char *const texts[] = {
		"PUT / HTTP/1.1\r\nHost: b\r\n\r\nprof on\n",
		"uptime 1\nPOST / HTTP/1.1\r\n\r\nprof on\n",
		"uptime 1\r\nhost: b\r\nprof on\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nprof on\n",
		"\x16\x03\x01\nprof on\n", "x\ry\nprof on\n"};

	(void)state;
	close(console_start());
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int fd = console_client();

		console_send(fd, texts[i]);
		assert_null(strstr(said, "OK\r\n"));
		close(fd);
		turn(2);
	}
	get_json();
	assert_true(body_contains("\"profiling\":false"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_path_has_its_type),
		test(the_page_loads_nothing_from_other_hosts),
		test(the_page_greys_its_numbers_when_the_connection_is_lost),
		test(the_length_is_that_of_the_body),
		test(a_loop_that_drains_is_not_healthy),
		test(socks_are_listed_by_http_too),
		test(texts_of_peers_are_quoted),
		test(the_numbers_stay_few_when_there_are_many_sockets),
		test(folded_stacks_have_a_line_for_each_handler),
		test(the_profile_is_off_until_it_is_switched_on),
		test(a_reset_clears_the_profile_and_leaves_it_on_or_off),
		test(a_post_from_a_page_of_another_origin_is_403),
		test(a_post_from_its_own_page_is_obeyed),
		test(a_post_changes_nothing_but_the_profile),
		test(a_request_for_another_host_is_421),
		test(what_is_no_request_is_400),
		test(a_head_may_come_in_pieces),
		test(a_head_that_is_too_long_is_431),
		test(a_browser_cannot_give_commands),
	};
	return run_tests(tests);
}

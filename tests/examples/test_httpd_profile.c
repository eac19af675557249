/* httpd's profile page: its numbers and its switches. */
/* backends: all */
#include "tests/support/httpd.h"

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

/* ---- */

/* The report, which must be complete; blanks are removed. */
static void
get_json(int fd)
{
	const char *end;
	size_t n = 0;

	assert_int_equal(200, get(fd, "/profile.json"));
	assert_string_equal("application/json", field("Content-Type: "));
	for (size_t i = 0; i < reply.len; i++)
		if (!isspace((unsigned char)reply.body[i]))
			reply.body[n++] = reply.body[i];
	reply.body[n] = '\0';
	end = json_value(reply.body);
	assert_non_null(end);
	assert_string_equal("", end);
}

/* The value of a member of an item in the last report; -1: no such item. */
static double
number(const char *item, const char *name)
{
	char text[64];
	const char *at;

	snprintf(text, sizeof(text), "{\"item\":\"%s\",", item);
	at = strstr(reply.body, text);
	if (!at)
		return -1;
	snprintf(text, sizeof(text), "\"%s\":", name);
	at = strstr(at, text);
	assert_non_null(at);
	return atof(at + strlen(text));
}

static bool
reply_contains(const char *text)
{
	return strstr(reply.body, text) != NULL;
}

/* The number of event_read calls in a new report. */
static double
reads(int fd)
{
	get_json(fd);
	return number("Http-read", "calls");
}

static void
the_page_loads_nothing_from_other_hosts(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(200, get(fd, "/profile"));
	assert_string_equal(
		"text/html; charset=utf-8", field("Content-Type: "));
	assert_true(reply_contains("fetch('/profile.json'"));
	assert_false(reply_contains("http:") || reply_contains("https:") ||
		reply_contains(" src="));
	assert_true(reply_contains("</html>"));
	httpd_stop(fd);
}

static void
the_profile_is_on_and_counts_requests(void **state)
{
	int fd = httpd_start(NULL);
	double before;

	(void)state;
	get(fd, "/a.md");
	before = reads(fd);
	assert_true(reply_contains("\"profiling\":true"));
	assert_true(before >= 1);
	for (int i = 0; i < 100; i++)
		get(fd, "/a.md");
	assert_true(reads(fd) >= before + 100);
	assert_true(number("Http-read", "wall") > 0);
	assert_true(number("Http-read", "longest") > 0);
	assert_true(number("Http-read", "utime") >= 0);
	assert_true(number("Http-read", "stime") >= 0);
	httpd_stop(fd);
}

static void
profiling_can_be_turned_off_and_on_again(void **state)
{
	int fd = httpd_start(NULL);
	double before;

	(void)state;
	assert_int_equal(200, request(fd, "POST", "/profile/off", ""));
	before = reads(fd);
	assert_true(reply_contains("\"profiling\":false"));
	get(fd, "/a.md");
	assert_true(reads(fd) == before);
	assert_int_equal(200, request(fd, "POST", "/profile/on", ""));
	get(fd, "/a.md");
	before = reads(fd);
	assert_true(reply_contains("\"profiling\":true"));
	get(fd, "/a.md");
	assert_true(reads(fd) > before);
	httpd_stop(fd);
}

static void
a_reset_clears_the_profile_and_leaves_it_on_or_off(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	for (int i = 0; i < 50; i++)
		get(fd, "/a.md");
	assert_true(reads(fd) >= 50);
	assert_int_equal(200, request(fd, "POST", "/profile/reset", ""));
	assert_true(reads(fd) < 10);
	assert_true(reply_contains("\"profiling\":true"));
	request(fd, "POST", "/profile/off", "");
	request(fd, "POST", "/profile/reset", "");
	get(fd, "/a.md");
	assert_true(reads(fd) < 1);
	assert_true(reply_contains("\"profiling\":false"));
	httpd_stop(fd);
}

static void
folded_stacks_have_a_line_for_each_handler(void **state)
{
	int fd = httpd_start(NULL), n = 0;
	char *line;

	(void)state;
	get(fd, "/a.md");
	assert_int_equal(200, get(fd, "/profile.folded"));
	assert_true(reply_contains("socle;Http;read "));
	for (line = strtok(reply.body, "\n"); line; line = strtok(NULL, "\n")) {
		char *space = strrchr(line, ' ');

		assert_memory_equal("socle;", line, 6);
		assert_non_null(space);
		assert_true(isdigit((unsigned char)space[1]));
		n++;
	}
	assert_true(n >= 1);
	httpd_stop(fd);
}

/* ---- who may switch it ---- */

static void
a_post_from_a_page_of_another_origin_is_403(void **state)
{
	static const char *const fields[] = {"Origin: http://b\r\n",
		"Origin: https://a\r\n", "Origin: http://a:81\r\n",
		"Origin: http://aa\r\n", "Origin: http://\r\n",
		"Origin: null\r\n", "Origin:\r\n", "origin: HTTP://B\r\n",
		"Sec-Fetch-Site: cross-site\r\n",
		"Sec-Fetch-Site: same-site\r\n",
		"Origin: http://a\r\nSec-Fetch-Site: cross-site\r\n"};
	int fd = httpd_start(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (request(fd, "POST", "/profile/off", fields[i]) != 403)
			print_error("%s: %d\n", fields[i], reply.status);
		assert_int_equal(403, reply.status);
	}
	get_json(fd);
	assert_true(reply_contains("\"profiling\":true"));
	httpd_stop(fd);
}

static void
a_post_from_its_own_page_is_obeyed(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(200,
		request(fd, "POST", "/profile/off",
			"Origin: http://A\r\n"
			"Sec-Fetch-Site: same-origin\r\n"));
	get_json(fd);
	assert_true(reply_contains("\"profiling\":false"));
	httpd_stop(fd);
}

static void
two_origins_are_one_too_many(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(400,
		request(fd, "POST", "/profile/off",
			"Origin: http://b\r\nOrigin: http://a\r\n"));
	httpd_stop(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(the_page_loads_nothing_from_other_hosts),
		program_test(the_profile_is_on_and_counts_requests),
		program_test(profiling_can_be_turned_off_and_on_again),
		program_test(
			a_reset_clears_the_profile_and_leaves_it_on_or_off),
		program_test(folded_stacks_have_a_line_for_each_handler),
		program_test(a_post_from_a_page_of_another_origin_is_403),
		program_test(a_post_from_its_own_page_is_obeyed),
		program_test(two_origins_are_one_too_many),
	};
	return cmocka_run_group_tests_name(
		__FILE__, tests, httpd_make_root, httpd_remove_root);
}

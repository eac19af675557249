/* dnsd's hosts files, and what is wrong with some. */
#include "tests/support/fixture.h"

#include "examples/dnsd/hosts.h"

#include <stdio.h>
#include <stdlib.h>

static struct name zone;

/* "ok", or "LINE: what is wrong". */
static const char *
parsed(const char *text, size_t len)
{
	static char said[128];
	struct hosts_error error;
	struct hosts *h;

	assert_true(name_parse(&zone, "example.test", 12));
	h = hosts_parse(text, len, &zone, &error);
	hosts_free(h);
	if (h)
		return "ok";
	snprintf(said, sizeof(said), "%u: %s", error.line, error.what);
	return said;
}

static void
assert_parsed(const char *wanted, const char *text)
{
	assert_string_equal(wanted, parsed(text, strlen(text)));
}

static void
empty_lines_and_comments_are_nothing(void **state)
{
	(void)state;
	assert_parsed("ok", "");
	assert_parsed("ok", "\n\n \t\r\n# 1.2.3.4\n   # x");
	assert_parsed("ok", "1.2.3.4 x#y z");
}

static void
an_error_names_its_line(void **state)
{
	(void)state;
	assert_parsed("1: not an IPv4 or IPv6 address", "www 1.2.3.4");
	assert_parsed("3: not an IPv4 or IPv6 address", "\n\n1.2.3 www\n");
	assert_parsed("1: not an IPv4 or IPv6 address", "fe80::1%lo www\n");
	assert_parsed("2: an address without a name", "::1 x\n::1\n");
	assert_parsed("1: not a host name", "::1 x a..b\n");
	assert_parsed("1: not a host name", "::1 .\n");
	assert_parsed("1: not a host name", "::1 \xc3\xa4\n");
}

static void
a_nul_is_no_part_of_a_word(void **state)
{
	(void)state;
	assert_string_equal(
		"1: not an IPv4 or IPv6 address", parsed("1.2.3.4\0x y\n", 12));
	assert_string_equal("1: not a host name", parsed("1.2.3.4 a\0b\n", 12));
}

static void
a_label_has_at_most_63_letters_and_a_name_255_bytes(void **state)
{
	char text[512];
	int n;

	(void)state;
	snprintf(text, sizeof(text), "::1 %063d\n", 0);
	assert_parsed("ok", text);
	snprintf(text, sizeof(text), "::1 %064d\n", 0);
	assert_parsed("1: not a host name", text);
	n = snprintf(text, sizeof(text), "::1 %063d.%063d.%063d.", 0, 0, 0);
	snprintf(text + n, sizeof(text) - (size_t)n, "%061d\n", 0);
	assert_parsed("ok", text);
	snprintf(text + n, sizeof(text) - (size_t)n, "%062d\n", 0);
	assert_parsed("1: not a host name", text);
}

static void
a_zone_may_be_too_long_for_a_name(void **state)
{
	char text[300];
	struct hosts_error error;

	(void)state;
	snprintf(text, sizeof(text), "%063d.%063d.%063d", 0, 0, 0);
	assert_true(name_parse(&zone, text, strlen(text)));
	snprintf(text, sizeof(text), "::1 %063d", 0);
	assert_null(hosts_parse(text, strlen(text), &zone, &error));
	assert_string_equal("a host name that is too long", error.what);
}

static void
a_name_has_a_limit_of_addresses(void **state)
{
	enum { LIMIT = 4096 };
	char *text = malloc((LIMIT + 1) * 32);
	size_t len = 0, last = 0;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i <= LIMIT; i++) {
		last = len;
		len += (size_t)sprintf(
			text + len, "10.0.%d.%d x\n", i / 256, i % 256);
	}
	assert_string_equal("ok", parsed(text, last));
	assert_string_equal(
		"4097: too many addresses of one name", parsed(text, len));
	free(text);
}

static void
a_file_that_cannot_be_read_is_an_error_of_no_line(void **state)
{
	struct hosts_error error;

	(void)state;
	assert_null(hosts_read("/nonexistent/hosts", &zone, &error));
	assert_int_equal(0, error.line);
	assert_string_equal(strerror(ENOENT), error.what);
	assert_null(hosts_read("/", &zone, &error));
	assert_string_equal(strerror(EISDIR), error.what);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(empty_lines_and_comments_are_nothing),
		test(an_error_names_its_line),
		test(a_nul_is_no_part_of_a_word),
		test(a_label_has_at_most_63_letters_and_a_name_255_bytes),
		test(a_zone_may_be_too_long_for_a_name),
		test(a_name_has_a_limit_of_addresses),
		test(a_file_that_cannot_be_read_is_an_error_of_no_line),
	};
	return run_tests(tests);
}

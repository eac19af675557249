/* httpd's pages in a browser: style, colours, icon, the site of the documents. */
/* backends: all */
#include "tests/support/httpd.h"

#include <stdio.h>
#include <stdlib.h>

static bool
reply_contains(const char *text)
{
	return strstr(reply.body, text) != NULL;
}

/* ---- colours ---- */

/* The value of a colour's name, in the part of the style that starts here. */
static unsigned long
colour(const char *style, const char *name)
{
	char text[32];
	const char *at;
	unsigned long value;

	snprintf(text, sizeof(text), "--%s:#", name);
	at = strstr(style, text);
	assert_non_null(at);
	at += strlen(text);
	value = strtoul(at, NULL, 16);
	if (strspn(at, "0123456789abcdef") == 6)
		return value;
	assert_int_equal(3, strspn(at, "0123456789abcdef"));
	return (value >> 8) * 0x110000 + (value >> 4 & 15) * 0x1100 +
		(value & 15) * 0x11;
}

/* x to the power of 2.4, by Newton's method for the fifth root of its square */
static double
power(double x)
{
	double root = 1;

	for (int i = 0; i < 60; i++)
		root -= (root - x * x / (root * root * root * root)) / 5;
	return x * x * root;
}

/* As WCAG 2 defines it. */
static double
luminance(unsigned long rgb)
{
	static const double weights[] = {0.0722, 0.7152, 0.2126};
	double sum = 0;

	for (int i = 0; i < 3; i++) {
		double part = (double)(rgb >> 8 * i & 255) / 255;

		sum += weights[i] *
			(part <= 0.04045 ? part / 12.92
					 : power((part + 0.055) / 1.055));
	}
	return sum;
}

static double
contrast(unsigned long a, unsigned long b)
{
	double x = luminance(a) + 0.05, y = luminance(b) + 0.05;

	return x > y ? x / y : y / x;
}

/* Each colour that text has, on each that is behind it, and on pills. */
static const char *const texts_of_httpd[] = {
	"ink", "dim", "main", "new", "good", "bad", NULL};
static const char *const texts_of_the_site[] = {"ink", "dim", "main", NULL};

static void
assert_legible(const char *style, const char *const *texts)
{
	for (size_t i = 0; texts[i]; i++) {
		unsigned long text = colour(style, texts[i]);
		double page = contrast(text, colour(style, "bg"));
		double card = contrast(text, colour(style, "card"));

		if (page < 4.5 || card < 4.5)
			print_error("%s: %.2f on the page, %.2f on a card\n",
				texts[i], page, card);
		assert_true(page >= 4.5 && card >= 4.5);
	}
}

static void
the_contrast_of_black_and_white_is_21(void **state)
{
	(void)state;
	assert_true(contrast(0, 0xffffff) > 20.99);
	assert_true(contrast(0, 0xffffff) < 21.01);
	assert_true(contrast(0x767676, 0xffffff) > 4.5);
	assert_true(contrast(0x777777, 0xffffff) < 4.5);
}

static void
text_is_legible_in_light_and_dark_mode(void **state)
{
	int fd = httpd_start(NULL);
	const char *dark;

	(void)state;
	assert_int_equal(200, get(fd, "/.style.css"));
	assert_string_equal("text/css; charset=utf-8", field("Content-Type: "));
	dark = strstr(reply.body, "prefers-color-scheme:dark");
	assert_non_null(dark);
	assert_legible(reply.body, texts_of_httpd);
	assert_legible(dark, texts_of_httpd);
	httpd_stop(fd);
}

static void
every_colour_of_a_page_is_one_of_the_style(void **state)
{
	static const char *const paths[] = {"/", "/sub/"};
	int fd = httpd_start(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(200, get(fd, paths[i]));
		assert_false(reply_contains("color:#") ||
			reply_contains("background:#"));
	}
	httpd_stop(fd);
}

/* ---- elements of every page ---- */

static void
every_page_fits_a_phone_and_has_the_icon_and_the_style(void **state)
{
	static const char *const paths[] = {"/", "/sub/"};
	int fd = httpd_start(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(200, get(fd, paths[i]));
		assert_true(reply_contains("width=device-width"));
		assert_true(reply_contains("href='/.icon.svg'"));
		assert_true(reply_contains("href='/.style.css'"));
	}
	httpd_stop(fd);
}

static void
the_icon_is_a_picture(void **state)
{
	int fd = httpd_start(NULL);

	(void)state;
	assert_int_equal(200, get(fd, "/.icon.svg"));
	assert_string_equal("image/svg+xml", field("Content-Type: "));
	assert_memory_equal("<svg ", reply.body, 5);
	httpd_stop(fd);
}

/* ---- manual pages ---- */

static int
start_on_the_site(void)
{
	const char *build = getenv("B");
	static char option[256];

	snprintf(option, sizeof(option), "--root=%s/site",
		build ? build : "build/plain");
	return httpd_start(option);
}

static void
the_front_page_of_the_site_links_to_every_document(void **state)
{
	int fd = start_on_the_site(), found = 0;
	static struct reply page;

	(void)state;
	assert_int_equal(200, get(fd, "/"));
	page = reply;
	for (char *at = page.body; (at = strstr(at, "<td><a href='"));) {
		char path[64] = "/";

		at += strlen("<td><a href='");
		strncat(path, at, strcspn(at, "'"));
		assert_int_equal(200, get(fd, path));
		assert_non_null(strstr(field("Content-Type: "), "utf-8"));
		found++;
	}
	assert_true(found > 15);
	httpd_stop(fd);
}

static void
the_text_of_the_site_is_legible_in_light_and_dark_mode(void **state)
{
	int fd = start_on_the_site();
	const char *dark;

	(void)state;
	assert_int_equal(200, get(fd, "/style.css"));
	dark = strstr(reply.body, "prefers-color-scheme: dark");
	assert_non_null(dark);
	assert_legible(reply.body, texts_of_the_site);
	assert_legible(dark, texts_of_the_site);
	httpd_stop(fd);
}

static void
the_manual_pages_are_html_if_mandoc_was_there(void **state)
{
	int fd;

	(void)state;
	if (system("command -v mandoc >/dev/null") != 0)
		skip_because("mandoc is not installed");
	fd = start_on_the_site();
	assert_int_equal(200, get(fd, "/socle.7.html"));
	assert_string_equal(
		"text/html; charset=utf-8", field("Content-Type: "));
	assert_true(reply_contains("href='style.css'"));
	assert_true(reply_contains("href=\"socle_loop.3.html"));
	assert_int_equal(200, get(fd, "/socle_loop.3.html"));
	assert_int_equal(404, get(fd, "/socle.7"));
	assert_int_equal(200, get(fd, "/design.md"));
	httpd_stop(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_contrast_of_black_and_white_is_21),
		program_test(text_is_legible_in_light_and_dark_mode),
		program_test(every_colour_of_a_page_is_one_of_the_style),
		program_test(
			every_page_fits_a_phone_and_has_the_icon_and_the_style),
		program_test(the_icon_is_a_picture),
		program_test(
			the_front_page_of_the_site_links_to_every_document),
		program_test(
			the_text_of_the_site_is_legible_in_light_and_dark_mode),
		program_test(the_manual_pages_are_html_if_mandoc_was_there),
	};
	return cmocka_run_group_tests_name(
		__FILE__, tests, httpd_make_root, httpd_remove_root);
}

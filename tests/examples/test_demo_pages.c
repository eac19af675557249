/* The demo's pages in a browser: style, colours, icon, documents. */
/* backends: all */
#include "tests/support/demo.h"

#include <stdio.h>
#include <stdlib.h>

#define BROWSER "Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\n"

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
static void
assert_legible(const char *style)
{
	static const char *const texts[] = {
		"ink", "dim", "main", "new", "good", "bad"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
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
	int fd = demo_start(NULL);
	const char *dark;

	(void)state;
	assert_int_equal(200, get(fd, "/style.css"));
	assert_string_equal("text/css; charset=utf-8", field("Content-Type: "));
	dark = strstr(reply.body, "prefers-color-scheme:dark");
	assert_non_null(dark);
	assert_legible(reply.body);
	assert_legible(dark);
	demo_stop(fd);
}

static void
every_colour_of_a_page_is_one_of_the_style(void **state)
{
	static const char *const paths[] = {"/", "/profile", "/sub/", "/a.md"};
	int fd = demo_start(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(200, request(fd, "GET", paths[i], BROWSER));
		assert_false(reply_contains("color:#") ||
			reply_contains("background:#"));
	}
	demo_stop(fd);
}

/* ---- elements of every page ---- */

static void
every_page_fits_a_phone_and_has_the_icon_and_the_style(void **state)
{
	static const char *const paths[] = {"/", "/profile", "/sub/", "/a.md"};
	int fd = demo_start(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(200, request(fd, "GET", paths[i], BROWSER));
		assert_true(reply_contains("width=device-width"));
		assert_true(reply_contains("href='/favicon.ico'"));
		assert_true(reply_contains("href='/style.css'"));
	}
	demo_stop(fd);
}

static void
the_icon_is_a_picture(void **state)
{
	int fd = demo_start(NULL);

	(void)state;
	assert_int_equal(200, get(fd, "/favicon.ico"));
	assert_string_equal("image/svg+xml", field("Content-Type: "));
	assert_memory_equal("<svg ", reply.body, 5);
	demo_stop(fd);
}

static void
the_profile_greys_its_numbers_when_the_connection_is_lost(void **state)
{
	int fd = demo_start(NULL);

	(void)state;
	assert_int_equal(200, get(fd, "/profile"));
	assert_true(reply_contains(".stale #tiles b"));
	assert_true(reply_contains("classList.toggle('stale', !yes)"));
	/* A server that hangs is lost too, and so is one that refuses. */
	assert_true(reply_contains("AbortSignal.timeout("));
	assert_true(reply_contains("if (!r.ok) throw"));
	assert_true(reply_contains("connected(false)"));
	demo_stop(fd);
}

/* ---- Markdown ---- */

static void
a_browser_gets_markdown_as_a_page_and_others_the_source(void **state)
{
	int fd = demo_start(NULL);

	(void)state;
	assert_int_equal(200, request(fd, "GET", "/a.md", BROWSER));
	assert_string_equal(
		"text/html; charset=utf-8", field("Content-Type: "));
	assert_string_equal("Accept", field("Vary: "));
	assert_true(reply_contains("<h1 id='a'>a</h1>"));
	assert_int_equal(200, request(fd, "GET", "/a.md", "Accept: */*\r\n"));
	assert_string_equal("# a\n", reply.body);
	assert_string_equal("Accept", field("Vary: "));
	assert_int_equal(200, request(fd, "GET", "/0", BROWSER));
	assert_string_equal("0", reply.body);
	demo_stop(fd);
}

/* One document, and what the page must contain. */
static const struct {
	const char *source, *html;
} documents[] = {
	{"One\ntwo.\n\nThree.", "<p>One\ntwo.</p>\n<p>Three.</p>"},
	{"## 2. The *path*, `x`", "<h2 id='2-the-path-x'>2. The <em>path"},
	{"- a\n  b\n- c\n\nd", "<ul><li>a\nb</li>\n<li>c</li></ul>\n<p>d"},
	{"1. a\n2. b", "<ol><li>a</li>\n<li>b</li></ol>"},
	{"```c\na < b;\n# c\n```\nd", "<code>a &#60; b;\n# c\n</code></pre>"},
	{"a\n\n    b\n\n      c\n", "<pre><code>b\n\n  c\n</code></pre>"},
	{"| a | b |\n|---|---|\n| `c|d` | e |",
		"<tr><th>a<th>b</tr>\n<tr><td><code>c|d</code><td>e</tr>"},
	{"> a\n> b", "<blockquote>a\nb</blockquote>"},
	{"a [b\nc](d.md#e) f", "a <a href='d.md#e'>b\nc</a> f"},
	{"![a](b.svg)", "<img src='b.svg' alt='a'>"},
	{"**a** \\*b\\* 2 * 3 * 4", "<strong>a</strong> *b* 2 * 3 * 4"},
	{"`a` and ``b ` c``", "<code>a</code> and <code>b ` c</code>"},
	{"<script>&", "<p>&#60;script&#62;&#38;</p>"},
	{"[a](javascript:b) c", "<p>[a](javascript:b) c</p>"},
	{"[a](b'onclick='c)", "href='b&#39;onclick=&#39;c'"},
	{"`a", "<p>`a</p>"},
	{"|a||\n|", "<tr><th>a<th></tr>"},
	{"**a [b](c", "<p>**a [b](c</p>"},
	{"", "<main"},
};

static void
the_parts_of_markdown_become_html(void **state)
{
	int fd = demo_start(NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
		demo_put("root/a.md", documents[i].source);
		assert_int_equal(200, request(fd, "GET", "/a.md", BROWSER));
		if (!reply_contains(documents[i].html))
			print_error(
				"%s\n\n%s\n", documents[i].source, reply.body);
		assert_true(reply_contains(documents[i].html));
		assert_true(reply_contains("</main>\n</body></html>"));
	}
	demo_put("root/a.md", "# a\n");
	demo_stop(fd);
}

/* A paragraph of 100,000 letters is complete: `line' of them in a line. */
static void
assert_all_arrive(int fd, size_t line)
{
	enum { LETTERS = 100000 };
	char *text = malloc(LETTERS + 1);
	const char *at;
	size_t n = 0;

	assert_non_null(text);
	for (size_t i = 0; i < LETTERS; i++)
		text[i] = i % line == line - 1 ? '\n' : 'x';
	text[LETTERS] = '\0';
	demo_put("root/a.md", text);
	free(text);
	assert_int_equal(200, request(fd, "GET", "/a.md", BROWSER));
	at = strstr(reply.body, "<p>");
	assert_non_null(at);
	for (; *at; at++)
		n += *at == 'x';
	assert_int_equal(LETTERS - LETTERS / line, n);
}

static void
a_paragraph_of_any_length_is_complete(void **state)
{
	int fd = demo_start(NULL);

	(void)state;
	assert_all_arrive(fd, 200000);
	assert_all_arrive(fd, 40);
	assert_all_arrive(fd, 2);
	demo_put("root/a.md", "# a\n");
	demo_stop(fd);
}

/* ---- manual pages ---- */

static void
the_manual_pages_are_html_if_mandoc_was_there(void **state)
{
	const char *build = getenv("B");
	char option[256];
	int fd;

	(void)state;
	if (system("command -v mandoc >/dev/null") != 0)
		skip_because("mandoc is not installed");
	snprintf(option, sizeof(option), "--root=%s/site",
		build ? build : "build/plain");
	fd = demo_start(option);
	assert_int_equal(200, get(fd, "/socle.7.html"));
	assert_string_equal(
		"text/html; charset=utf-8", field("Content-Type: "));
	assert_true(reply_contains("href=\"/style.css\""));
	assert_true(reply_contains("href=\"socle_loop.3.html"));
	assert_int_equal(200, get(fd, "/socle_loop.3.html"));
	assert_int_equal(404, get(fd, "/socle.7"));
	assert_int_equal(200, get(fd, "/design.md"));
	demo_stop(fd);
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
			the_profile_greys_its_numbers_when_the_connection_is_lost),
		program_test(
			a_browser_gets_markdown_as_a_page_and_others_the_source),
		program_test(the_parts_of_markdown_become_html),
		program_test(a_paragraph_of_any_length_is_complete),
		program_test(the_manual_pages_are_html_if_mandoc_was_there),
	};
	return cmocka_run_group_tests_name(
		__FILE__, tests, demo_make_root, demo_remove_root);
}

/*
 * The text of a paragraph, heading, item or cell is collected first, because a
 * link or emphasis may go on in the next line.
 */
#include "markdown.h"

#include "page.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The open elements, from the outside in. */
enum block {
	NO_BLOCK,
	PARAGRAPH,
	LIST,
	ORDERED,
	TABLE,
	QUOTE,
	FENCE,
	INDENTED
};

static const char *const begins[] = {"", "<p>", "<ul>", "<ol>",
	"<div class='wide'><table>\n", "<blockquote>", "<pre><code>",
	"<pre><code>"};
static const char *const ends[] = {"", "</p>\n", "</li></ul>\n", "</li></ol>\n",
	"</table></div>\n", "</blockquote>\n", "</code></pre>\n",
	"</code></pre>\n"};

enum { TEXT_MOST = 16 * 1024 }; /* no link or emphasis goes on beyond it */

struct writer {
	FILE *out;
	enum block open;
	bool blank; /* the line before was */
	bool rows;  /* the table has its head */
	size_t len;
	char text[TEXT_MOST];
};

/* ---- inside a line ---- */

/* The next `mark' in the text from `at' on; `len' if there is none. */
static size_t
find(const char *text, size_t len, size_t at, const char *mark)
{
	size_t n = strlen(mark);

	for (; at + n <= len; at++)
		if (memcmp(text + at, mark, n) == 0)
			return at;
	return len;
}

/* No scheme but http and https: `javascript:' is one. */
static bool
is_safe(const char *url, size_t len)
{
	const char *colon = memchr(url, ':', len);

	return !colon || memchr(url, '/', (size_t)(colon - url)) ||
		memchr(url, '#', (size_t)(colon - url)) ||
		strncmp(url, "http://", 7) == 0 ||
		strncmp(url, "https://", 8) == 0;
}

static void put_spans(FILE *out, const char *text, size_t len);

/* [text](url) or ![text](url) at `at'.  Returns its length, or 0. */
static size_t
put_link(FILE *out, const char *text, size_t len, size_t at)
{
	bool image = text[at] == '!';
	size_t from = at + image + 1, mid = find(text, len, from, "](");
	size_t end = find(text, len, mid, ")");
	const char *url = text + mid + 2;

	if (end == len || find(text, mid, from, "[") < mid ||
		!is_safe(url, end - mid - 2))
		return 0;
	fputs(image ? "<img src='" : "<a href='", out);
	page_text(out, url, end - mid - 2);
	fputs(image ? "' alt='" : "'>", out);
	if (image)
		page_text(out, text + from, mid - from);
	else
		put_spans(out, text + from, mid - from);
	fputs(image ? "'>" : "</a>", out);
	return end + 1 - at;
}

/* Text between two `mark's at `at'.  Returns its length, or 0. */
static size_t
put_between(FILE *out, const char *text, size_t len, size_t at,
	const char *mark, const char *tag)
{
	size_t n = strlen(mark), from = at + n, end = len;

	if (find(text, len, at, mark) == at && from < len &&
		!isspace((unsigned char)text[from]))
		end = find(text, len, from, mark);
	if (end == len || end == from)
		return 0;
	fprintf(out, "<%s>", tag);
	if (*mark == '`')
		page_text(out, text + from, end - from);
	else
		put_spans(out, text + from, end - from);
	fprintf(out, "</%s>", tag);
	return end + n - at;
}

/* An escaped character, code, emphasis, a link; 0: it is plain text. */
static size_t
put_span(FILE *out, const char *text, size_t len, size_t at)
{
	size_t n = 0;

	if (text[at] == '\\' && at + 1 < len &&
		ispunct((unsigned char)text[at + 1])) {
		page_text(out, text + at + 1, 1);
		return 2;
	}
	if (text[at] == '`')
		n = put_between(out, text, len, at, "``", "code");
	if (text[at] == '`' && n == 0)
		n = put_between(out, text, len, at, "`", "code");
	if (text[at] == '*')
		n = put_between(out, text, len, at, "**", "strong");
	if (text[at] == '*' && n == 0)
		n = put_between(out, text, len, at, "*", "em");
	if (text[at] == '[' ||
		(text[at] == '!' && at + 1 < len && text[at + 1] == '['))
		n = put_link(out, text, len, at);
	return n;
}

static void
put_spans(FILE *out, const char *text, size_t len)
{
	for (size_t at = 0, n; at < len; at += n) {
		n = put_span(out, text, len, at);
		if (n == 0)
			page_text(out, text + at, n = 1);
	}
}

/* ---- blocks ---- */

static void
flush_if_full(struct writer *w)
{
	if (w->len < TEXT_MOST)
		return;
	put_spans(w->out, w->text, w->len);
	w->len = 0;
}

static void
add_text(struct writer *w, const char *text, size_t len)
{
	for (size_t n; len > 0; text += n, len -= n) {
		flush_if_full(w);
		n = TEXT_MOST - w->len;
		if (n > len)
			n = len;
		memcpy(w->text + w->len, text, n);
		w->len += n;
	}
	flush_if_full(w);
	w->text[w->len++] = '\n';
}

static void
put_collected(struct writer *w)
{
	while (w->len > 0 && isspace((unsigned char)w->text[w->len - 1]))
		w->len--;
	put_spans(w->out, w->text, w->len);
	w->len = 0;
}

static void
open_block(struct writer *w, enum block block)
{
	if (w->open == block)
		return;
	put_collected(w);
	fputs(ends[w->open], w->out);
	w->open = block;
	w->rows = false;
	fputs(begins[block], w->out);
}

/* "#" to "######"; the id is the one that links to it use. */
static void
put_heading(struct writer *w, const char *line, size_t len)
{
	size_t level = strspn(line, "#");

	open_block(w, NO_BLOCK);
	fprintf(w->out, "<h%zu id='", level);
	for (size_t i = level + 1; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if (isalnum(c) || c == '-' || c == '_')
			putc(tolower(c), w->out);
		else if (c == ' ')
			putc('-', w->out);
	}
	fputs("'>", w->out);
	put_spans(w->out, line + level + 1, len - level - 1);
	fprintf(w->out, "</h%zu>\n", level);
}

/* A bar that is escaped, or in code, ends no cell. */
static size_t
cell_end(const char *line, size_t len, size_t at)
{
	bool code = false;

	for (; at < len && (code || line[at] != '|'); at++)
		if (line[at] == '`')
			code = !code;
		else if (line[at] == '\\' && at + 1 < len)
			at++;
	return at;
}

static void
put_row(struct writer *w, const char *line, size_t len)
{
	const char *tag;

	open_block(w, TABLE);
	if (strspn(line, "|-: ") == len) {
		w->rows = true;
		return;
	}
	tag = w->rows ? "td" : "th";
	fputs("<tr>", w->out);
	for (size_t at = 1, end; at < len; at = end + 1) {
		end = cell_end(line, len, at);
		fprintf(w->out, "<%s>", tag);
		at += strspn(line + at, " ");
		if (at < end)
			add_text(w, line + at, end - at);
		put_collected(w);
	}
	fputs("</tr>\n", w->out);
}

/* The length of "- ", "* " or "12. "; 0: the line is no item. */
static size_t
item_mark(const char *line)
{
	size_t n = strspn(line, "0123456789");

	if (n > 0 && n < 4)
		return line[n] == '.' && line[n + 1] == ' ' ? n + 2 : 0;
	return (*line == '-' || *line == '*') && line[1] == ' ' ? 2 : 0;
}

static void
put_item(struct writer *w, const char *line, size_t len, size_t mark)
{
	enum block list = isdigit((unsigned char)*line) ? ORDERED : LIST;
	bool first = w->open != list;

	open_block(w, list);
	put_collected(w);
	fputs(first ? "<li>" : "</li>\n<li>", w->out);
	add_text(w, line + mark, len - mark);
}

static void
put_code(struct writer *w, const char *line, size_t len)
{
	page_text(w->out, line, len);
	putc('\n', w->out);
}

/* A line that starts no block goes on with the one that is open. */
static void
put_plain(struct writer *w, const char *line, size_t len)
{
	size_t blanks = strspn(line, " ");
	bool in_list = w->open == LIST || w->open == ORDERED;

	if (in_list && w->blank && blanks > 0) {
		put_collected(w);
		fputs("<br><br>", w->out);
	} else if (w->blank && blanks >= 4) {
		open_block(w, INDENTED);
		put_code(w, line + 4, len - 4);
		return;
	} else if (w->blank || w->open == TABLE || w->open == NO_BLOCK) {
		open_block(w, NO_BLOCK);
		open_block(w, PARAGRAPH);
	}
	add_text(w, line + blanks, len - blanks);
}

static void
put_quote(struct writer *w, const char *line, size_t len)
{
	size_t mark = line[1] == ' ' ? 2 : 1;

	open_block(w, QUOTE);
	add_text(w, line + mark, len - mark);
}

static void
put_rule(struct writer *w)
{
	open_block(w, NO_BLOCK);
	fputs("<hr>\n", w->out);
}

static void
put_line(struct writer *w, const char *line, size_t len)
{
	size_t level = strspn(line, "#"), mark = item_mark(line);
	bool fence = strncmp(line, "```", 3) == 0;

	if (w->open == FENCE && !fence)
		put_code(w, line, len);
	else if (fence)
		open_block(w, w->open == FENCE ? NO_BLOCK : FENCE);
	else if (w->open == INDENTED && (len == 0 || *line == ' '))
		put_code(w, line + (len < 4 ? len : 4), len < 4 ? 0 : len - 4);
	else if (level > 0 && level <= 6 && line[level] == ' ')
		put_heading(w, line, len);
	else if (*line == '|')
		put_row(w, line, len);
	else if (*line == '>')
		put_quote(w, line, len);
	else if (len > 2 && strspn(line, "-") == len)
		put_rule(w);
	else if (mark > 0)
		put_item(w, line, len, mark);
	else if (len > 0)
		put_plain(w, line, len);
	w->blank = len == 0;
}

void
markdown_page(FILE *out, FILE *in, const char *title)
{
	struct writer w = {.out = out, .blank = true};
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	page_begin(out, title, strlen(title));
	fputs("<main class='text'><header><nav><a href='./'>all files</a>"
	      "</nav></header>\n",
		out);
	while ((n = getline(&line, &room, in)) >= 0) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			line[--n] = '\0';
		put_line(&w, line, strlen(line));
	}
	open_block(&w, NO_BLOCK);
	if (ferror(in))
		fputs("<p>The rest could not be read.</p>\n", out);
	fputs("</main>\n", out);
	page_end(out);
	free(line);
}

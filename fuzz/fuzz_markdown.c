/*
 * The demo's pages of Markdown: whatever the document, all that has a meaning in
 * HTML is one of our own elements, and these are nested properly.
 */
#include "fuzz/fuzz.h"

#include "examples/demo/markdown.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MOST = 64, NAME_MOST = 16 };

struct reader {
	int depth;
	char open[DEPTH_MOST][NAME_MOST];
};

static bool
is_one_of(const char *name, const char *list)
{
	size_t n = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += n)
		if ((at == list || at[-1] == ' ') &&
			(at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

/* HTML leaves out the end of a cell. */
static void
end_cell(struct reader *r, const char *before)
{
	if (is_one_of(before, "tr th td") && r->depth > 0 &&
		is_one_of(r->open[r->depth - 1], "th td"))
		r->depth--;
}

/* An element's start or end at `<'; returns what follows its `>'. */
static const char *
take_tag(struct reader *r, const char *at)
{
	bool end = at[1] == '/';
	const char *name = at + 1 + end, *after = strchr(name, '>');
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz123456");
	char copy[NAME_MOST] = "";

	HOLDS(after != NULL && n > 0 && n < sizeof(copy));
	memcpy(copy, name, n);
	HOLDS(is_one_of(copy,
		"html head meta title link style body main header nav p ul ol "
		"li "
		"div table tr td th blockquote pre code strong em a img br hr "
		"h1 h2 h3 h4 h5 h6"));
	HOLDS(name[n] == '>' || (!end && name[n] == ' '));
	if (is_one_of(copy, "meta link img br hr"))
		return after + 1;
	end_cell(r, copy);
	if (!end) {
		HOLDS(r->depth < DEPTH_MOST);
		memcpy(r->open[r->depth++], copy, sizeof(copy));
	} else {
		HOLDS(r->depth > 0);
		HOLDS(strcmp(r->open[--r->depth], copy) == 0);
	}
	return after + 1;
}

static void
is_nested(const char *page)
{
	struct reader r = {0};

	HOLDS(strncmp(page, "<!doctype html>", 15) == 0);
	page += 15;
	while ((page = strchr(page, '<')))
		page = take_tag(&r, page);
	HOLDS(r.depth == 0);
}

static void
links_are_safe(const char *page)
{
	while ((page = strstr(page, "href='"))) {
		page += strlen("href='");
		HOLDS(strncmp(page, "javascript:", 11) != 0);
		HOLDS(strncmp(page, "data:", 5) != 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *page = NULL;
	size_t len;
	FILE *out = open_memstream(&page, &len);
	FILE *in = fmemopen(text, size > 0 ? size : 1, "r");

	HOLDS(in && out);
	markdown_page(out, in, "a <title>");
	fclose(in);
	fclose(out);
	HOLDS(strlen(page) == len);
	is_nested(page);
	links_are_safe(page);
	free(page);
	free(text);
	return 0;
}

/*
 * All pages share one style.  It suits a phone as well: nothing is wider than the
 * window, except boxes that scroll.  Colours of text have a contrast of at least
 * 4.5.
 *
 * The literals are short because C11 does not guarantee more than 4095 bytes.
 */
#include "httpd/page.h"

#include <stdlib.h>
#include <string.h>

static const char colours[] =
	":root{color-scheme:light "
	"dark;--bg:#f6f7f9;--card:#fff;--ink:#1b2430;\n"
	"--dim:#566070;--line:#e3e7ed;--old:#b9c7dc;--new:#b93a04;\n"
	"--main:#2054d8;--good:#15803d;--bad:#c92a2a}\n"
	"@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1b212a;\n"
	"--ink:#e6ebf2;--dim:#9aa6b6;--line:#2c3541;--old:#46566e;\n"
	"--new:#ff922b;--main:#7eb2ff;--good:#51cf66;--bad:#ff8787}}\n";

static const char style[] =
	"*{box-sizing:border-box}html{-webkit-text-size-adjust:100%}\n"
	"body{margin:0 auto;max-width:1160px;padding:28px 24px;\n"
	"background:var(--bg);color:var(--ink);overflow-wrap:break-word;\n"
	"font:14px/1.45 system-ui,sans-serif}\n"
	"h1{font-size:24px;margin:0;letter-spacing:-.02em}\n"
	"a{color:var(--main);text-decoration:none}\n"
	"a:hover{text-decoration:underline}small,.dim{color:var(--dim)}\n"
	"header{display:flex;gap:12px;align-items:center;flex-wrap:wrap;\n"
	"margin-bottom:18px}header nav{margin-left:auto;display:flex;\n"
	"gap:6px 14px;align-items:center;flex-wrap:wrap}\n"
	".card{background:var(--card);border:1px solid var(--line);\n"
	"border-radius:10px;box-shadow:0 1px 2px #0000000d}\n"
	".card table{width:100%;border-collapse:collapse}\n"
	".card th{font-weight:600;color:var(--dim);font-size:12px;\n"
	"text-align:right;padding:10px 12px;\n"
	"border-bottom:1px solid var(--line)}\n"
	".card td{padding:8px 12px;text-align:right;\n"
	"border-top:1px solid var(--line);white-space:nowrap;\n"
	"font-variant-numeric:tabular-nums}\n"
	".card tr:first-child td{border-top:0}\n"
	".card th:first-child,.card td:first-child{text-align:left}\n"
	"@media(max-width:820px){body{padding:16px 12px}}\n";

static const char style_list[] =
	".list{max-width:760px}.list p{margin:0 0 18px;max-width:60ch}\n"
	".list td:first-child{white-space:normal;overflow-wrap:anywhere}\n"
	".list td:nth-child(n+2){color:var(--dim)}\n"
	"@media(max-width:520px){.list td:nth-child(3){display:none}\n"
	".list td{padding:11px 12px}}\n";

static bool
put_style(FILE *out, void *arg)
{
	(void)arg;
	fputs(colours, out);
	fputs(style, out);
	fputs(style_list, out);
	return true;
}

/* A socket with its two holes, on the colour of links. */
static bool
put_icon(FILE *out, void *arg)
{
	(void)arg;
	fputs("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
	      "<rect width='16' height='16' rx='4' fill='#2054d8'/>"
	      "<circle cx='5' cy='8' r='1.8' fill='#fff'/>"
	      "<circle cx='11' cy='8' r='1.8' fill='#fff'/></svg>\n",
		out);
	return true;
}

void
page_text(FILE *out, const char *text)
{
	for (; *text; text++)
		if (strchr("&<>'\"", *text))
			fprintf(out, "&#%d;", *text);
		else
			putc(*text, out);
}

void
page_begin(FILE *out, const char *title)
{
	fputs("<!doctype html><html lang='en'><head><meta charset='utf-8'>\n"
	      "<meta name='viewport' "
	      "content='width=device-width,initial-scale=1'>\n"
	      "<link rel='icon' href='/.icon.svg' "
	      "type='image/svg+xml'>\n"
	      "<link rel='stylesheet' href='/.style.css'><title>",
		out);
	page_text(out, title);
	fputs("</title></head><body>\n", out);
}

void
page_end(FILE *out)
{
	fputs("</body></html>\n", out);
}

/* ---- generated answers ---- */

void
page_answer(struct client *c, const char *type,
	bool (*put)(FILE *out, void *arg), void *arg)
{
	char *data = NULL;
	size_t len;
	FILE *out = open_memstream(&data, &len);
	bool is_whole = out && put(out, arg) && !ferror(out);

	if (out && fclose(out) == 0 && is_whole)
		client_answer_text(c,
			&(struct answer){.status = 200,
				.type = type,
				.length = (int64_t)len},
			data);
	else
		client_answer_status(c, 503, NULL);
	free(data);
}

/* ---- parts of pages ---- */

/* No file has such a path: the root's names with a dot in front are not served. */
static const struct part {
	const char *path, *type;
	bool (*put)(FILE *out, void *arg);
} parts[] = {
	{"/.style.css", "text/css; charset=utf-8", put_style},
	{"/.icon.svg", "image/svg+xml", put_icon},
};

bool
page_answer_part(struct client *c, const char *head)
{
	const char *target = head + c->request.target.at;
	size_t len = c->request.target.length;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (c->request.method <= HTTP_HEAD &&
			len == strlen(parts[i].path) &&
			memcmp(target, parts[i].path, len) == 0) {
			page_answer(c, parts[i].type, parts[i].put, NULL);
			return true;
		}
	return false;
}

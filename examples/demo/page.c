/*
 * All pages share one style, and so do the manual pages that mandoc makes.  It
 * suits a phone as well: nothing is wider than the window, except boxes that
 * scroll.  Colours of text have a contrast of at least 4.5.
 *
 * The literals are short because C11 does not guarantee more than 4095 bytes.
 */
#include "page.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

/* Listings, and text to read: Markdown and manual pages. */
static const char style_text[] =
	".list{max-width:760px}.list p{margin:0 0 18px;max-width:60ch}\n"
	".list td:first-child{white-space:normal;overflow-wrap:anywhere}\n"
	".list td:nth-child(n+2){color:var(--dim)}\n"
	"@media(max-width:520px){.list td:nth-child(3){display:none}\n"
	".list td{padding:11px 12px}}\n"
	".text,.manual-text{max-width:46em;margin:0 auto;font-size:16px;\n"
	"line-height:1.55}.text h1,.text h2,.text h3,.manual-text h1,\n"
	".manual-text h2{line-height:1.25;margin:1.6em 0 .5em}\n"
	".text h2,.manual-text h1{font-size:20px}.text h3,\n"
	".manual-text h2{font-size:17px}.text header+h1{margin-top:0}\n"
	"code,pre,.Bd-indent{font-family:ui-monospace,monospace;\n"
	"font-size:.9em}.text code{background:var(--card)}\n"
	"pre,.wide{overflow-x:auto;max-width:100%}\n"
	"pre{background:var(--card);border:1px solid var(--line);\n"
	"border-radius:8px;padding:10px 12px;line-height:1.4}\n"
	"pre code{font-size:inherit}img{max-width:100%;height:auto}\n"
	".wide table{border-collapse:collapse;font-size:14px}\n"
	".wide th,.wide td{text-align:left;vertical-align:top;\n"
	"padding:5px 10px;border:1px solid var(--line)}\n"
	"li{margin:.25em 0}blockquote{margin:1em 0;padding-left:12px;\n"
	"border-left:3px solid var(--line);color:var(--dim)}\n";

/* mandoc's classes; its first and last table are the page's head and foot. */
static const char style_manual[] =
	".head,.foot{width:100%;max-width:52em;margin:0 auto 14px;\n"
	"color:var(--dim);font-size:12px}.head{table-layout:fixed}\n"
	".foot{margin:24px auto 0}.head-vol{text-align:center}\n"
	".head-rtitle,.foot-os{text-align:right}\n"
	"div.head,div.foot{display:flex;justify-content:space-between;\n"
	"gap:12px}a.permalink{color:inherit}.Nd,.Bf,.Op{display:inline}\n"
	".manual-text .Nm,.Fl,.Cm,.Ic,.In,.Fd,.Fn,.Cd{font-weight:600;\n"
	"font-style:normal}.Va,.Fa,.Ft,.Vt,.Pa,.Ar{font-style:italic}\n"
	".manual-text dd{margin:0 0 .5em "
	"1.6em}.Bl-compact>dd{margin-bottom:0}\n"
	".manual-text table{display:block;overflow-x:auto;max-width:100%}\n"
	".manual-text td{vertical-align:top;padding:2px 12px 2px 0}\n"
	".Bd-indent,.D1{margin-left:1.2em}\n"
	"pre.Bd-indent{margin-left:0}.Bl-column{border-collapse:collapse}\n"
	".Bl-diag>dt,.Ms{font-weight:600}.manual-text{overflow-wrap:anywhere}\n"
	"@media(max-width:520px){.manual-text dd{margin-left:1em}\n"
	".manual-text ul,.text ul{padding-left:1.4em}\n"
	".text ol{padding-left:2em}}\n";

void
page_style(FILE *out)
{
	fputs(colours, out);
	fputs(style, out);
	fputs(style_text, out);
	fputs(style_manual, out);
}

/* A socket with its two holes, on the colour of links. */
void
page_icon(FILE *out)
{
	fputs("<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
	      "<rect width='16' height='16' rx='4' fill='#2054d8'/>"
	      "<circle cx='5' cy='8' r='1.8' fill='#fff'/>"
	      "<circle cx='11' cy='8' r='1.8' fill='#fff'/></svg>\n",
		out);
}

void
page_text(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr("&<>'\"", text[i]))
			fprintf(out, "&#%d;", text[i]);
		else
			putc(text[i], out);
}

void
page_begin(FILE *out, const char *title, size_t len)
{
	fputs("<!doctype html><html lang='en'><head><meta charset='utf-8'>\n"
	      "<meta name='viewport' "
	      "content='width=device-width,initial-scale=1'>\n"
	      "<link rel='icon' href='/favicon.ico' type='image/svg+xml'>\n"
	      "<link rel='stylesheet' href='/style.css'><title>",
		out);
	page_text(out, title, len);
	fputs("</title></head><body>\n", out);
}

void
page_end(FILE *out)
{
	fputs("</body></html>\n", out);
}

/* ---- listings ---- */

static const char introduction[] =
	"<p>These files come from a small web server that is built with\n"
	"socle, a library for programs that serve many connections at once.\n"
	"The server measures how long its own work takes: see the\n"
	"<a href='/profile'><b>live profile</b></a>.</p>\n";

/* Escapes a name for a path in an attribute. */
static void
put_link(FILE *out, const char *name)
{
	for (; *name; name++)
		if ((*name >= 'a' && *name <= 'z') ||
			(*name >= 'A' && *name <= 'Z') ||
			(*name >= '0' && *name <= '9') || strchr("-._~", *name))
			putc(*name, out);
		else
			fprintf(out, "%%%02X", (unsigned char)*name);
}

static void
put_entry(FILE *out, int dir, const char *name)
{
	struct stat st;
	struct tm tm;
	char when[32];
	const char *slash;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		!(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return;
	slash = S_ISDIR(st.st_mode) ? "/" : "";
	localtime_r(&st.st_mtime, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M", &tm);
	fputs("<tr><td><a href='./", out);
	put_link(out, name);
	fprintf(out, "%s'>", slash);
	page_text(out, name, strlen(name));
	fprintf(out, "%s</a><td>", slash);
	if (S_ISREG(st.st_mode))
		fprintf(out, "%.1f KiB", (double)st.st_size / 1024);
	fprintf(out, "<td>%s</tr>\n", when);
}

enum { ENTRIES_MAX = 1000 };

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Returns how many; names that start with a dot are left out. */
static size_t
read_names(DIR *d, char **names)
{
	struct dirent *e;
	size_t n = 0;

	while (n < ENTRIES_MAX && (e = readdir(d)))
		if (e->d_name[0] != '.' && (names[n] = strdup(e->d_name)))
			n++;
	qsort(names, n, sizeof(*names), by_name);
	return n;
}

static size_t
put_entries(FILE *out, int dir)
{
	char *names[ENTRIES_MAX] = {NULL};
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t n = d ? read_names(d, names) : 0;

	for (size_t i = 0; i < n; i++) {
		put_entry(out, dir, names[i]);
		free(names[i]);
	}
	if (d)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	return n;
}

void
page_listing(FILE *out, int dir, const char *path, size_t len)
{
	page_begin(out, path, len);
	fputs("<div class='list'><header><h1>", out);
	if (len > 1)
		page_text(out, path, len);
	else
		fputs("socle", out);
	fputs("</h1>", out);
	if (len > 1)
		fputs("<nav><a href='../'>up</a></nav>", out);
	fputs("</header>\n", out);
	if (len == 1)
		fputs(introduction, out);
	fputs("<section class='card'><table>\n", out);
	if (put_entries(out, dir) == 0)
		fputs("<tr><td class='dim'>This directory is empty.</tr>\n",
			out);
	fputs("</table></section></div>\n", out);
	page_end(out);
}

/* listing.h describes the function. */
#include "httpd/listing.h"

#include "httpd/page.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char introduction[] =
	"<p>These files come from a small web server that is built with\n"
	"socle, a library for programs that serve many connections at once.\n"
	"With --console=ADDR it shows there what it does.</p>\n";

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
	page_text(out, name);
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

struct directory {
	DIR *d;
	const char *path;
};

static bool
put_listing(FILE *out, void *arg)
{
	const struct directory *dir = arg;
	char *names[ENTRIES_MAX] = {NULL};
	size_t n = read_names(dir->d, names);

	page_begin(out, *dir->path ? dir->path : "/");
	fputs("<div class='list'><header><h1>/", out);
	page_text(out, dir->path);
	fputs(*dir->path ? "/</h1><nav><a href='../'>up</a></nav></header>\n"
			 : "</h1></header>\n",
		out);
	if (!*dir->path)
		fputs(introduction, out);
	fputs("<section class='card'><table>\n", out);
	for (size_t i = 0; i < n; i++) {
		put_entry(out, dirfd(dir->d), names[i]);
		free(names[i]);
	}
	if (n == 0)
		fputs("<tr><td class='dim'>This directory is empty.</tr>\n",
			out);
	fputs("</table></section></div>\n", out);
	page_end(out);
	return true;
}

void
answer_listing(struct client *c, int fd, const char *path)
{
	struct directory dir = {.d = fdopendir(fd), .path = path};

	if (!dir.d) {
		close(fd);
		client_answer_status(c, 503, NULL);
		return;
	}
	page_answer(c, "text/html; charset=utf-8", put_listing, &dir);
	closedir(dir.d);
}

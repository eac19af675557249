/* See answers.h. */
#include "answers.h"

#include "files.h"
#include "markdown.h"
#include "page.h"
#include "profile_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int root = -1;
static bool profiling;

int
answers_start(const char *path)
{
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	profiling = true;
	return socle_enable_profiling(0);
}

void
answers_stop(void)
{
	close(root);
}

/* ---- generated text ---- */

struct text {
	FILE *out;
	char *data;
	size_t len;
};

static bool
text_open(struct client *c, struct text *t)
{
	t->out = open_memstream(&t->data, &t->len);
	if (!t->out)
		client_answer_status(c, 503, NULL, NULL);
	return t->out != NULL;
}

static void
text_answer(struct client *c, struct text *t, struct answer a)
{
	bool complete = !ferror(t->out);

	if (fclose(t->out) == 0 && complete) {
		a.status = 200;
		a.body = t->data;
		a.length = (off_t)t->len;
		client_answer(c, &a);
	} else {
		client_answer_status(c, 503, NULL, NULL);
	}
	free(t->data);
}

static int
text_add(const char *piece, size_t len, void *arg)
{
	struct text *t = arg;

	return fwrite(piece, 1, len, t->out) == len ? 0 : -ENOMEM;
}

/* Answers with the text that `put' writes. */
static void
answer_text(struct client *c, void (*put)(FILE *out), const char *type)
{
	struct text t;

	if (!text_open(c, &t))
		return;
	put(t.out);
	text_answer(c, &t, (struct answer){.type = type});
}

static void
get_style(struct client *c)
{
	answer_text(c, page_style, "text/css; charset=utf-8");
}

static void
get_icon(struct client *c)
{
	answer_text(c, page_icon, "image/svg+xml");
}

/* ---- the profile ---- */

static void
get_page(struct client *c)
{
	answer_text(c, profile_page, "text/html; charset=utf-8");
}

static void
get_json(struct client *c)
{
	struct text t;

	if (!text_open(c, &t))
		return;
	fprintf(t.out,
		"{\"profiling\":%s,\"now\":%.6f,\"clients\":%zu,"
		"\"requests\":%llu,\"backend\":\"%s\",\"profile\":",
		profiling ? "true" : "false", socle_now(),
		socle_watched_sockets(), (unsigned long long)client_requests,
		socle_backend());
	if (socle_profile_report(SOCLE_REPORT_JSON, text_add, &t) < 0)
		fputs("{\"items\":[]}", t.out);
	fputs("}\n", t.out);
	text_answer(c, &t, (struct answer){.type = "application/json"});
}

static void
get_folded(struct client *c)
{
	struct text t;

	if (!text_open(c, &t))
		return;
	(void)socle_profile_report(SOCLE_REPORT_FOLDED, text_add, &t);
	text_answer(
		c, &t, (struct answer){.type = "text/plain; charset=utf-8"});
}

static void
set_profiling(struct client *c, bool on, bool clear)
{
	if (clear)
		(void)socle_enable_profiling(0);
	if (!on)
		socle_disable_profiling();
	profiling = on;
	client_answer_status(c, 200, NULL, NULL);
}

static void
post_on(struct client *c)
{
	set_profiling(c, true, !profiling);
}

static void
post_off(struct client *c)
{
	set_profiling(c, false, false);
}

static void
post_reset(struct client *c)
{
	set_profiling(c, profiling, true);
}

/* ---- files ---- */

static int
status_of(int err)
{
	switch (-err) {
	case EINVAL:
		return 400;
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
		return 404;
	case EACCES:
	case EPERM:
	case ELOOP:
	case EMLINK:
	case ENXIO:
		return 403;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return 503;
	default:
		return 500;
	}
}

/* A page is made in memory, so only of a document of ordinary size. */
enum { MARKDOWN_MOST = 1024 * 1024 };

static void
answer_file(struct client *c, int fd, const struct stat *st, const char *path,
	size_t len)
{
	struct answer a = {.status = 200,
		.type = files_type(path, len),
		.modified = st->st_mtime,
		.file = fd,
		.length = st->st_size,
		.name = files_is_markdown(path, len) ? "Vary: " : NULL,
		.more = "Accept\r\n"};

	if (c->request.since >= st->st_mtime) {
		a.status = 304;
		a.type = NULL;
	}
	client_answer(c, &a);
}

/* For browsers: without it, a phone shows very small letters. */
static void
answer_markdown(struct client *c, int fd, const char *path, size_t len)
{
	char title[64];
	struct text t;
	FILE *in;

	snprintf(title, sizeof(title), "%.*s", (int)len, path);
	in = fdopen(fd, "r");
	if (!in) {
		close(fd);
		client_answer_status(c, 503, NULL, NULL);
		return;
	}
	if (text_open(c, &t)) {
		markdown_page(t.out, in, title);
		text_answer(c, &t,
			(struct answer){.type = "text/html; charset=utf-8",
				.name = "Vary: ",
				.more = "Accept\r\n"});
	}
	fclose(in);
}

static void
answer_listing(struct client *c, int dir, const char *path, size_t len)
{
	struct text t;

	if (!text_open(c, &t))
		return;
	page_listing(t.out, dir, path, len);
	text_answer(c, &t, (struct answer){.type = "text/html; charset=utf-8"});
}

/* The root always gets its listing, because that links to the profile. */
static void
answer_directory(struct client *c, int dir, const char *path, size_t len)
{
	struct stat st;
	char *more;
	int fd;

	if (path[len - 1] != '/') {
		more = malloc(len + 4);
		if (more)
			sprintf(more, "%.*s/\r\n", (int)len, path);
		client_answer_status(
			c, more ? 301 : 503, more ? "Location: " : NULL, more);
		free(more);
		return;
	}
	fd = len > 1 ? files_open(dir, "/index.html", 11, &st) : -ENOENT;
	if (fd >= 0 && S_ISREG(st.st_mode)) {
		answer_file(c, fd, &st, "/index.html", 11);
		return;
	}
	if (fd >= 0)
		close(fd);
	answer_listing(c, dir, path, len);
}

static void
answer_path(struct client *c, const char *path, size_t len)
{
	struct stat st;
	int fd = files_open(root, path, len, &st);

	if (fd < 0) {
		client_answer_status(c, status_of(fd), NULL, NULL);
	} else if (c->request.method > HTTP_HEAD) {
		client_answer_status(c, 405, "Allow: ", "GET, HEAD\r\n");
		close(fd);
	} else if (S_ISDIR(st.st_mode)) {
		answer_directory(c, fd, path, len);
		close(fd);
	} else if (c->request.accepts_html && st.st_size <= MARKDOWN_MOST &&
		files_is_markdown(path, len)) {
		answer_markdown(c, fd, path, len);
	} else {
		answer_file(c, fd, &st, path, len);
	}
}

/* ---- routes ---- */

static const struct route {
	const char *path;
	bool post;
	void (*answer)(struct client *c);
} routes[] = {
	{"/style.css", false, get_style},
	{"/favicon.ico", false, get_icon},
	{"/profile", false, get_page},
	{"/profile.json", false, get_json},
	{"/profile.folded", false, get_folded},
	{"/profile/on", true, post_on},
	{"/profile/off", true, post_off},
	{"/profile/reset", true, post_reset},
};

static bool
allows(const struct route *r, enum http_method method)
{
	return r->post ? method == HTTP_POST
		       : method == HTTP_GET || method == HTTP_HEAD;
}

void
answer_request(struct client *c, const char *head)
{
	const char *path = head + c->request.target;
	const char *query = memchr(path, '?', c->request.length);
	size_t len = query ? (size_t)(query - path) : c->request.length;

	if (c->request.method == HTTP_POST && !http_is_own(&c->request, head)) {
		client_answer_status(c, 403, NULL, NULL);
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		const struct route *r = &routes[i];

		if (len != strlen(r->path) || memcmp(path, r->path, len) != 0)
			continue;
		if (allows(r, c->request.method))
			r->answer(c);
		else
			client_answer_status(c, 405, "Allow: ",
				r->post ? "POST\r\n" : "GET, HEAD\r\n");
		return;
	}
	answer_path(c, path, len);
}

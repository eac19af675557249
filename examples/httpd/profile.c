/* profile.h describes the functions. */
#include "httpd/profile.h"

#include "common/http_values.h"
#include "httpd/page.h"
#include "httpd/profile_page.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static bool profiling = true; /* from the start */
static unsigned clocks = SOCLE_PROFILE_WALL;

bool
profile_take(const char *how)
{
	profiling = strcmp(how, "off") != 0;
	clocks = strcmp(how, "wall") == 0 ? SOCLE_PROFILE_WALL : 0; /* both */
	return !profiling || clocks != 0 || strcmp(how, "cpu") == 0;
}

int
profile_start(void)
{
	return profiling ? socle_enable_profiling(clocks) : 0;
}

/* ---- texts ---- */

static int
add_piece(const char *piece, size_t len, void *arg)
{
	return fwrite(piece, 1, len, arg) == len ? 0 : -ENOMEM;
}

static bool
put_page(FILE *out, void *arg)
{
	(void)arg;
	profile_page(out);
	return true;
}

static bool
put_json(FILE *out, void *arg)
{
	(void)arg;
	fprintf(out,
		"{\"profiling\":%s,\"now\":%.6f,\"clients\":%zu,"
		"\"requests\":%" PRIu64 ",\"backend\":\"%s\",\"profile\":",
		profiling ? "true" : "false", socle_now(),
		socle_watched_sockets(), client_requests, socle_backend());
	if (socle_profile_report(SOCLE_REPORT_JSON, add_piece, out) < 0)
		return false;
	fputs("}\n", out);
	return true;
}

static bool
put_folded(FILE *out, void *arg)
{
	(void)arg;
	return socle_profile_report(SOCLE_REPORT_FOLDED, add_piece, out) == 0;
}

static bool
put_style(FILE *out, void *arg)
{
	(void)arg;
	page_style(out);
	return true;
}

static bool
put_icon(FILE *out, void *arg)
{
	(void)arg;
	page_icon(out);
	return true;
}

/* ---- switches ---- */

static void
set_profiling(bool on, bool clear)
{
	if (clear)
		(void)socle_enable_profiling(clocks);
	if (!on)
		socle_disable_profiling();
	profiling = on;
}

static void
turn_on(void)
{
	set_profiling(true, !profiling);
}

static void
turn_off(void)
{
	set_profiling(false, false);
}

static void
reset(void)
{
	set_profiling(profiling, true);
}

/* ---- routes ---- */

/* A GET has a text, and a POST changes something. */
static const struct route {
	const char *path, *type;
	bool (*put)(FILE *out, void *arg);
	void (*change)(void);
} routes[] = {
	{"/profile", "text/html; charset=utf-8", put_page, NULL},
	{"/profile.json", "application/json", put_json, NULL},
	{"/profile.folded", "text/plain; charset=utf-8", put_folded, NULL},
	{"/profile/style.css", "text/css; charset=utf-8", put_style, NULL},
	{"/profile/icon.svg", "image/svg+xml", put_icon, NULL},
	{"/profile/on", NULL, NULL, turn_on},
	{"/profile/off", NULL, NULL, turn_off},
	{"/profile/reset", NULL, NULL, reset},
};

static void
answer_route(struct client *c, const char *head, const struct route *r)
{
	if (r->put && c->request.method <= HTTP_HEAD) {
		page_answer(c, r->type, r->put, NULL);
	} else if (!r->change || c->request.method != HTTP_POST) {
		client_answer_status(c, 405,
			r->change ? "Allow: POST\r\n" : "Allow: GET, HEAD\r\n");
	} else if (!http_is_own(&c->request, head)) {
		client_answer_status(c, 403, NULL);
	} else {
		r->change();
		client_answer_status(c, 200, NULL);
	}
}

bool
answer_profile(struct client *c, const char *head)
{
	const char *path = head + c->request.target.at;
	size_t len = c->request.target.length;
	const char *query = memchr(path, '?', len);

	len = query ? (size_t)(query - path) : len;
	if (len < 8 || memcmp(path, "/profile", 8) != 0)
		return false;
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (len == strlen(routes[i].path) &&
			memcmp(path, routes[i].path, len) == 0) {
			answer_route(c, head, &routes[i]);
			return true;
		}
	return false;
}

/*
 * One request a connection.  A browser can be made to send requests here by any
 * page that it shows, so this answers only what names this host by a name that no
 * other site can have, and changes something only for its own page.
 */
#include "daemon/web.h"

#include "daemon/commands.h"
#include "daemon/drain.h"
#include "daemon/output.h"
#include "daemon/process.h"
#include "profiling/live_page.h"
#include "reactor/metrics_text.h"
#include "sockets/live_json.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct request {
	const char *method, *path, *host, *origin, *site;
	bool is_bad;
};

bool
socle__web_is_request(const char *input)
{
	return strncmp(input, "GET ", 4) == 0 ||
		strncmp(input, "HEAD ", 5) == 0 ||
		strncmp(input, "POST ", 5) == 0;
}

char *
socle__web_head_end(char *input)
{
	char *at = input;

	while ((at = strchr(at, '\n'))) {
		at++;
		if (*at == '\n')
			return at + 1;
		if (at[0] == '\r' && at[1] == '\n')
			return at + 2;
	}
	return NULL;
}

/* ---- answers ---- */

static void
answer_head(struct socle_console *c, const char *status, const char *type,
	const char *length)
{
	char head[640];
	int n = snprintf(head, sizeof(head),
		"HTTP/1.1 %s\r\nContent-Type: %s; charset=utf-8\r\n%s"
		"Connection: close\r\nCache-Control: no-store\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"Cross-Origin-Resource-Policy: same-origin\r\n"
		"Content-Security-Policy: default-src 'none'; connect-src "
		"'self'; script-src 'unsafe-inline'; style-src "
		"'unsafe-inline'; img-src data:; frame-ancestors "
		"'none'\r\n\r\n",
		status, type, length);

	socle__console_put(c, head, (size_t)n);
}

static void
answer(struct socle_console *c, const struct request *r, const char *status,
	const char *type, const char *body, size_t len)
{
	char length[64];

	(void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", len);
	answer_head(c, status, type, length);
	if (strcmp(r->method, "HEAD") != 0)
		socle__console_put(c, body, len);
	socle_close_after_flush(&c->sock, "console: answered");
}

/* With a line that says so; `status' may have more fields behind it. */
static void
answer_status(
	struct socle_console *c, const struct request *r, const char *status)
{
	char body[64];
	int n = snprintf(body, sizeof(body), "%.*s\n",
		(int)strcspn(status, "\r"), status);

	answer(c, r, status, "text/plain", body, (size_t)n);
}

static void
put_folded(struct socle__text *t)
{
	(void)socle_profile_report(SOCLE_REPORT_FOLDED, socle__text_add, t);
}

static void
put_json(struct socle__text *t)
{
	const struct socle__console_state *st = socle__console();

	socle__live_json(t, &st->ages, socle__wall_time() - st->started,
		socle_draining());
}

static void
answer_socks(struct socle_console *c, const struct request *r)
{
	char summary[] = "socks summary", all[] = "socks";

	answer_head(c, "200 OK", "text/plain", "");
	if (strcmp(r->method, "HEAD") == 0) {
		socle_close_after_flush(&c->sock, "console: answered");
		return;
	}
	socle__console_run(c, summary);
	socle__console_run(c, all);
	if (!c->row)
		socle_close_after_flush(&c->sock, "console: answered");
}

static void
answer_health(struct socle_console *c, const struct request *r)
{
	answer_status(
		c, r, socle_draining() ? "503 Service Unavailable" : "200 OK");
}

/* ---- requests ---- */

/* A path has an answer, or a text, or a POST that changes the profile. */
static const struct route {
	const char *path, *type, *profile;
	void (*put)(struct socle__text *t);
	void (*answer)(struct socle_console *c, const struct request *r);
} routes[] = {
	{"/", "text/html", NULL, socle__live_page, NULL},
	{"/socks", NULL, NULL, NULL, answer_socks},
	{"/metrics", "text/plain", NULL, socle__metrics_prometheus, NULL},
	{"/prof.folded", "text/plain", NULL, put_folded, NULL},
	{"/profile.json", "application/json", NULL, put_json, NULL},
	{"/healthz", NULL, NULL, NULL, answer_health},
	{"/prof/on", NULL, "on", NULL, NULL},
	{"/prof/off", NULL, "off", NULL, NULL},
	{"/prof/reset", NULL, "reset", NULL, NULL},
};

static bool
is_own_host(const char *host)
{
	static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

	for (int i = 0; i < 3; i++) {
		size_t n = strlen(names[i]);

		if (strncasecmp(host, names[i], n) == 0 &&
			(host[n] == '\0' || host[n] == ':'))
			return true;
	}
	return false;
}

/* A browser names the page that a POST comes from; other programs do not. */
static bool
is_own_page(const struct request *r)
{
	if (r->site && strcasecmp(r->site, "same-origin") != 0)
		return false;
	return !r->origin ||
		(r->host && strncasecmp(r->origin, "http://", 7) == 0 &&
			strcasecmp(r->origin + 7, r->host) == 0);
}

static void
answer_route(struct socle_console *c, const struct request *r,
	const struct route *route)
{
	struct socle__text t = {.data = NULL};
	bool is_post = strcmp(r->method, "POST") == 0;

	if (is_post != (route->profile != NULL)) {
		answer_status(c, r,
			is_post ? "405 Method Not Allowed\r\nAllow: GET, HEAD"
				: "405 Method Not Allowed\r\nAllow: POST");
	} else if (is_post && !is_own_page(r)) {
		answer_status(c, r, "403 Forbidden");
	} else if (is_post) {
		(void)socle__console_profile(route->profile);
		answer_status(c, r, "200 OK");
	} else if (route->answer) {
		route->answer(c, r);
	} else {
		route->put(&t);
		if (t.failed)
			answer_status(c, r, "503 Service Unavailable");
		else
			answer(c, r, "200 OK", route->type,
				t.data ? t.data : "", t.len);
		socle__text_free(&t);
	}
}

/* Cuts a line off; NULL: there is none. */
static char *
next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');

	if (!end)
		return NULL;
	*at = end + 1;
	if (end > line && end[-1] == '\r')
		end--;
	*end = '\0';
	return line;
}

static void
take_field(struct request *r, char *line)
{
	static const char *const names[] = {
		"Host:", "Origin:", "Sec-Fetch-Site:"};
	const char **values[] = {&r->host, &r->origin, &r->site};

	for (int i = 0; i < 3; i++) {
		size_t n = strlen(names[i]), len;

		if (strncasecmp(line, names[i], n) != 0)
			continue;
		r->is_bad = r->is_bad || *values[i];
		line += n + strspn(line + n, " \t");
		for (len = strlen(line); len > 0 && line[len - 1] <= ' ';)
			line[--len] = '\0';
		*values[i] = line;
		return;
	}
}

static struct request
parse(char *head)
{
	struct request r = {.method = "GET", .path = "/"};
	char *line = next_line(&head), *space;

	if ((space = line ? strchr(line, ' ') : NULL)) {
		*space = '\0';
		r.method = line;
		r.path = line = space + 1;
		space = strchr(line, ' ');
	}
	r.is_bad = !space || strncmp(space + 1, "HTTP/1.", 7) != 0 ||
		*r.path != '/';
	if (space)
		*space = '\0';
	while ((line = next_line(&head)))
		take_field(&r, line);
	return r;
}

void
socle__web_answer(struct socle_console *c, char *head)
{
	struct request r = {.method = "GET"};

	if (!head) {
		answer_status(c, &r, "431 Request Header Fields Too Large");
		return;
	}
	r = parse(head);
	if (r.is_bad) {
		answer_status(c, &r, "400 Bad Request");
		return;
	}
	if (r.host && !is_own_host(r.host)) {
		answer_status(c, &r, "421 Misdirected Request");
		return;
	}
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		size_t n = strlen(routes[i].path);

		if (strncmp(r.path, routes[i].path, n) == 0 &&
			(r.path[n] == '\0' || r.path[n] == '?')) {
			answer_route(c, &r, &routes[i]);
			return;
		}
	}
	answer_status(c, &r, "404 Not Found");
}

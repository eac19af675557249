/*
 * A client's input is handled a line a tick, and only when the kernel has taken
 * the answer to the line before.  A long answer comes in slices, in the same way.
 * So a client that does not read costs no more than one answer, and one that asks
 * for much does not hold up the loop.
 */
#include "daemon/client.h"

#include "daemon/commands.h"
#include "daemon/output.h"
#include "daemon/web.h"
#include "reactor/map.h"

#include "seam.h"

#include <string.h>
#include <strings.h>

enum {
	ROWS_A_SLICE = 256,
	SLICE = 16 * 1024,        /* bytes */
	ANSWER_MOST = 1024 * 1024 /* of one command */
};

static struct socle_console *
client_of(struct socle_socket *s)
{
	return socle_container_of(s, struct socle_console, sock);
}

/* ---- answers ---- */

static void
answer_sent(struct socle_socket *s, void *arg)
{
	struct socle_console *c = client_of(s);

	(void)arg;
	(void)socle_timer_start(&c->turn, 0);
}

/* The next line or slice waits until this one is out. */
static void
finish_turn(struct socle_console *c)
{
	int err;

	if (socle_closed(&c->sock) || socle_forked())
		return;
	err = socle_write_func(&c->sock, answer_sent, NULL, NULL);
	if (err == -ENOMEM || err == -ENOBUFS)
		socle_close(&c->sock, "console: no memory");
	(void)socle_write_kick(&c->sock);
}

static void
print_slice(struct socle_console *c)
{
	bool more = true;
	int n = 0;

	while (more && n++ < ROWS_A_SLICE && c->sock.queued < SLICE &&
		!socle_closed(&c->sock))
		more = c->row(c, c->arg);
	if (more)
		return;
	socle_console_rows(c, NULL, NULL, NULL);
	if (c->is_web)
		socle_close_after_flush(&c->sock, "console: answered");
	else
		socle_console_end(c);
}

/* ---- lines ---- */

/*
 * A page of another site can have a browser speak to this port: it sends requests,
 * of which only a client's first line may be one, or the start of TLS.
 */
static bool
is_command(const char *line, size_t len)
{
	const char *version = strstr(line, " HTTP/1.");

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' && line[i] != '\t' &&
			(line[i] != '\r' || i + 1 < len))
			return false;
	return strncasecmp(line, "Host:", 5) != 0 &&
		!(version && strcspn(version, "\r") == 9);
}

static void
take_line(struct socle_console *c, char *line, size_t len)
{
	c->waiting = c->greeted = true;
	if (is_command(line, len))
		socle__console_run(c, line);
	else
		socle_close(&c->sock, "console: not a command");
	finish_turn(c);
}

/* Answers a request whose head is complete. */
static void
take_request(struct socle_console *c)
{
	char *end = socle__web_head_end(c->line);

	if (!end && c->len < SOCLE__CONSOLE_LINE)
		return;
	c->waiting = true;
	if (end)
		*end = '\0';
	socle__web_answer(c, end ? c->line : NULL);
	finish_turn(c);
}

/* Handles the next line, if there is a whole one. */
static void
take_input(struct socle_console *c)
{
	char *end = memchr(c->line, '\n', c->len);
	size_t n;

	c->line[c->len] = '\0';
	if (!c->greeted && socle__web_is_request(c->line))
		c->is_web = true;
	if (c->is_web) {
		take_request(c);
	} else if (end) {
		*end = '\0';
		n = (size_t)(end + 1 - c->line);
		take_line(c, c->line, n - 1);
		c->len -= n;
		memmove(c->line, c->line + n, c->len);
	} else if (c->len == SOCLE__CONSOLE_LINE) {
		socle_console_error(c, "line too long");
		socle_close_after_flush(&c->sock, "console: line too long");
	}
}

static void
console_turn(struct socle_timer *t)
{
	struct socle_console *c =
		socle_container_of(t, struct socle_console, turn);

	c->waiting = false;
	if (c->row) {
		c->waiting = true;
		print_slice(c);
		finish_turn(c);
	} else {
		take_input(c);
	}
	if (!c->waiting && !socle_closed(&c->sock))
		socle_watch_read(&c->sock, true);
}

/* ---- events ---- */

static void
console_event_read(struct socle_socket *self)
{
	struct socle_console *c = client_of(self);
	ssize_t n;

	if (c->waiting || c->len == SOCLE__CONSOLE_LINE) {
		socle_watch_read(self, false);
		return;
	}
	n = socle_read(self, c->line + c->len, SOCLE__CONSOLE_LINE - c->len);
	if (n > 0) {
		c->len += (size_t)n;
		take_input(c);
	} else if (n == 0) {
		socle_close_after_flush(self, "console: end of stream");
	} else if (n != -EAGAIN) {
		socle_close(self, "console: read failed");
	}
}

static void
console_destroy(struct socle_socket *self)
{
	struct socle_console *c = client_of(self);

	socle_timer_cancel(&c->turn);
	if (c->drop)
		c->drop(c->arg);
}

/* A unix socket serves its own user and root. */
static bool
may_ask(const struct socle_socket *s)
{
	struct socle_addr a = {.len = sizeof(a.u)};
	uid_t uid;

	if (sys_getsockname(s->d.fd, &a.u.sa, &a.len) < 0)
		return false;
	return a.u.sa.sa_family != AF_UNIX ||
		(sys_peer_uid(s->d.fd, &uid) == 0 &&
			(uid == 0 || uid == geteuid()));
}

static void
console_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	struct socle__console_state *st = socle__console();
	struct socle_console *c = client_of(self);
	size_t n = 0;

	(void)by;
	socle__descriptor_hide(&self->d);
	socle_timer_init(&c->turn, console_turn);
	for (int i = 0; i < st->n_listeners; i++)
		n += socle_factory_count(st->listeners[i]);
	socle_set_autoflush(self, false);
	if (!may_ask(self)) {
		socle_close(self, "console: another user");
	} else if (n > SOCLE__CONSOLE_CLIENTS) {
		socle_console_error(c, "too many clients");
		socle_close_after_flush(self, "console: too many clients");
	} else if (socle_set_write_cap(self, ANSWER_MOST) < 0 ||
		socle_set_write_timeout(self, SOCLE__CONSOLE_PATIENCE) < 0 ||
		socle_set_idle_timeout(self, SOCLE__CONSOLE_PATIENCE) < 0) {
		socle_close(self, "console: no memory");
	}
}

const struct socle_class socle__console_class = {
	.name = "Console",
	.super = &socle_socket_class,
	.size = sizeof(struct socle_console),
	.event_read = console_event_read,
	.destroy = console_destroy,
	.event_accepted = console_event_accepted,
};

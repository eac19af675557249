/* client.h describes the functions. */
#include "httpd/client.h"

#include "common/http_values.h"
#include "common/server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

uint64_t client_requests;

/*
 * Lets the client read the last answer although it may still be sending: the
 * library then reads on for a while, because closing with unread input would
 * reset the connection.
 */
void
client_end(struct client *c)
{
	c->in_len = 0;
	socle_timer_cancel(&c->timer);
	socle_close_after_flush(&c->sock, "no keep-alive");
}

bool
client_write(struct client *c, const void *data, size_t len)
{
	if (socle_write(&c->sock, data, len) >= 0)
		return true;
	socle_close(&c->sock, "write failed");
	return false;
}

/* Corked: its first bytes leave in one segment with the head. */
void
client_take_file(struct client *c, int fd)
{
	c->file = fd;
	(void)socle_tcp_cork(&c->sock, true);
}

/* The file stays open until the queue is empty. */
bool
client_send(struct client *c, int64_t from, int64_t length)
{
	const struct socle_sendfile what = {
		.fd = c->file, .offset = from, .length = length};

	if (socle_sendfile(&c->sock, &what) >= 0)
		return true;
	socle_close(&c->sock, "write failed");
	return false;
}

void
client_file_close(struct client *c)
{
	if (c->file < 0)
		return;
	close(c->file);
	c->file = -1;
	(void)socle_tcp_cork(&c->sock, false);
}

void
client_answered(struct client *c)
{
	if (socle_write_buf_size(&c->sock) == 0)
		client_file_close(c);
	if (!c->keep_alive)
		client_end(c);
}

/* The text of the current second. */
static const char *
date_now(void)
{
	static char text[HTTP_DATE_SIZE];
	static time_t when;
	time_t now = time(NULL);

	if (now != when)
		http_date(now, text);
	when = now;
	return text;
}

static char *
put_field(char *at, const char *name, const char *value)
{
	return stpcpy(stpcpy(stpcpy(at, name), value), "\r\n");
}

/* The buffer has room for all of it: a Location repeats the target. */
static char *
head_print(char *at, const struct client *c, const struct answer *a)
{
	char text[HTTP_DATE_SIZE];

	at += sprintf(at, "HTTP/1.1 %d ", a->status);
	at = stpcpy(stpcpy(at, http_reason(a->status)),
		"\r\nServer: socle-httpd\r\n");
	at = put_field(at, "Date: ", date_now());
	if (a->type)
		at = put_field(at, "Content-Type: ", a->type);
	if (a->status != 304)
		at += sprintf(at, "Content-Length: %" PRId64 "\r\n", a->length);
	if (a->tag) {
		http_date(a->modified, text);
		at = put_field(at, "Last-Modified: ", text);
		at = put_field(at, "ETag: ", a->tag);
		at = stpcpy(at, "Accept-Ranges: bytes\r\n");
	} else {
		at = stpcpy(at, "Cache-Control: no-cache\r\n");
	}
	at = a->field ? stpcpy(at, a->field) : at;
	at = stpcpy(at, "X-Content-Type-Options: nosniff\r\n");
	return put_field(at,
		"Connection: ", c->keep_alive ? "keep-alive\r\n" : "close\r\n");
}

bool
client_head(struct client *c, const struct answer *a)
{
	char head[HTTP_LINE_MOST + 1024];
	bool body = c->request.method != HTTP_HEAD && a->status != 304;

	client_requests++;
	c->keep_alive = c->request.keep_alive && !server_is_draining();
	return client_write(c, head, (size_t)(head_print(head, c, a) - head)) &&
		body;
}

void
client_answer_text(struct client *c, const struct answer *a, const char *body)
{
	if (client_head(c, a) && a->length > 0)
		client_write(c, body, (size_t)a->length);
	client_answered(c);
}

void
client_answer_status(struct client *c, int status, const char *field)
{
	char text[64];
	int n = snprintf(
		text, sizeof(text), "%d %s\n", status, http_reason(status));

	client_answer_text(c,
		&(struct answer){.status = status,
			.type = "text/plain; charset=utf-8",
			.field = field,
			.length = n},
		text);
}

/* See client.h. */
#include "client.h"

#include "answers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	REQUESTS_PER_TICK = 16,
	LOW_WATER = 64 * 1024,
	HIGH_WATER = 256 * 1024,
	IDLE_SECONDS = 60,
	LINGER_SECONDS = 1
};

double client_header_timeout = 10;
uint64_t client_requests;

static bool stopping;

static struct client *
client_of(struct socle_socket *s)
{
	return socle_container_of(s, struct client, sock);
}

/* After each event: turns reading on or off, starts or cancels the timer. */
static void
client_update(struct client *c)
{
	bool reading = c->lingering ||
		!(c->sending || c->throttled || c->closing ||
			socle_closed(&c->sock));

	socle_watch_read(&c->sock, reading);
	if (c->lingering)
		return;
	if (!reading || c->in_len == 0)
		socle_timer_cancel(&c->timer);
	else if (!socle_timer_pending(&c->timer))
		socle_timer_start(&c->timer, client_header_timeout);
}

/* ---- closing ---- */

/*
 * Closing with unread input resets the connection, and the peer may lose the
 * last answer.  So we shut down our side first, discard what still arrives, and
 * close at the peer's end of stream.
 */
static void
client_linger(struct socle_socket *s, void *arg)
{
	struct client *c = client_of(s);

	(void)arg;
	shutdown(socle_fd(s), SHUT_WR);
	c->lingering = true;
	socle_timer_start(&c->timer, LINGER_SECONDS);
	client_update(c);
}

static void
client_end(struct client *c)
{
	if (c->closing)
		return;
	c->closing = true;
	c->in_len = 0;
	if (stopping)
		socle_close_after_flush(&c->sock, "stopping");
	else if (socle_write_func(&c->sock, client_linger, NULL, NULL) < 0)
		socle_close(&c->sock, "no memory");
}

static void
client_stop(struct socle_socket *s, void *arg)
{
	struct client *c = client_of(s);

	(void)arg;
	c->keep_alive = false;
	if (c->sending)
		return; /* client_end() runs once it is sent */
	socle_timer_cancel(&c->timer);
	c->closing = true;
	socle_close_after_flush(s, "stopping");
}

void
clients_stop(void)
{
	stopping = true;
	socle_each_descriptor(client_stop, NULL);
}

/* ---- answering ---- */

static bool
client_write(struct client *c, const void *data, size_t len)
{
	if (socle_write(&c->sock, data, len) >= 0)
		return true;
	socle_close(&c->sock, "write failed");
	return false;
}

/* All of the file is with the kernel, or the connection is closed. */
static void
client_file_sent(
	struct socle_socket *s, const struct socle_sent *how, void *arg)
{
	struct client *c = client_of(s);

	(void)arg;
	c->sending = false;
	if (how->err == 0 && !c->keep_alive)
		client_end(c);
	client_update(c);
}

static void
client_file_send(struct client *c, int fd, off_t length)
{
	const struct socle_sendfile what = {.fd = fd,
		.close_fd = true,
		.length = length,
		.done = client_file_sent};

	c->sending = true;
	if (socle_sendfile(&c->sock, &what) >= 0)
		return;
	c->sending = false;
	close(fd);
	socle_close(&c->sock, "write failed");
}

static int
head_print(
	char *buf, size_t size, const struct client *c, const struct answer *a)
{
	char now[HTTP_DATE_SIZE], then[HTTP_DATE_SIZE], length[64] = "";

	http_date(time(NULL), now);
	http_date(a->modified, then);
	if (a->status != 304)
		snprintf(length, sizeof(length),
			"Content-Length: %" PRIdMAX "\r\n",
			(intmax_t)a->length);
	return snprintf(buf, size,
		"HTTP/1.1 %d %s\r\n"
		"Server: socle-demo\r\n"
		"Date: %s\r\n"
		"%s%s%s%s%s%s%s%s%s"
		"Cache-Control: no-cache\r\n"
		"X-Content-Type-Options: nosniff\r\n"
		"Connection: %s\r\n\r\n",
		a->status, http_reason(a->status), now, length,
		a->type ? "Content-Type: " : "", a->type ? a->type : "",
		a->type ? "\r\n" : "", a->modified ? "Last-Modified: " : "",
		a->modified ? then : "", a->modified ? "\r\n" : "",
		a->name ? a->name : "", a->name ? a->more : "",
		c->keep_alive ? "keep-alive" : "close");
}

void
client_answer(struct client *c, const struct answer *a)
{
	char head[HTTP_LINE_MOST + 1024]; /* Location repeats the target */
	bool body = c->request.method != HTTP_HEAD && a->status != 304;
	int n;

	client_requests++;
	c->keep_alive = c->request.keep_alive && !stopping;
	n = head_print(head, sizeof(head), c, a);
	if (!client_write(c, head, (size_t)n)) {
		if (!a->body)
			close(a->file);
		return;
	}
	if (!a->body)
		client_file_send(c, a->file, body ? a->length : 0);
	else if (body && a->length > 0)
		client_write(c, a->body, (size_t)a->length);
	if (!c->keep_alive && !c->sending)
		client_end(c);
}

void
client_answer_status(
	struct client *c, int status, const char *name, const char *more)
{
	char text[64];
	int n = snprintf(
		text, sizeof(text), "%d %s\n", status, http_reason(status));

	client_answer(c,
		&(struct answer){.status = status,
			.type = "text/plain; charset=utf-8",
			.name = name,
			.more = more,
			.body = text,
			.length = n});
}

/* Answers and closes: the rest of the input cannot be parsed. */
static void
client_refuse(struct client *c, int status)
{
	c->request.keep_alive = false;
	client_answer_status(c, status, NULL, NULL);
}

/* ---- requests ---- */

/* The head stays in c->in until the whole body has arrived. */
static void
client_await_body(struct client *c, size_t body_left)
{
	static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";

	if (c->request.expects_continue && body_left == c->request.body)
		client_write(c, interim, sizeof(interim) - 1);
	c->body_left = body_left;
}

/* The number of bytes consumed; 0: more input is needed. */
static size_t
client_take(struct client *c, const char *head, size_t len)
{
	int n = http_parse(&c->request, head, len);
	size_t rest = n > 0 ? len - (size_t)n : 0;

	if (n < 0)
		client_refuse(c, -n);
	if (n <= 0)
		return 0;
	if (c->request.body > rest) {
		client_await_body(c, c->request.body - rest);
		return 0;
	}
	answer_request(c, head);
	rest = (size_t)n + c->request.body;
	http_begin(&c->request);
	return rest;
}

static void
client_requests_answer(struct client *c)
{
	size_t used = 0, n = 1;
	int served = 0;

	while (used < c->in_len && !c->throttled && !c->closing &&
		!c->sending && !socle_closed(&c->sock) &&
		served++ < REQUESTS_PER_TICK) {
		n = client_take(c, c->in + used, c->in_len - used);
		used += n;
		if (n == 0)
			break;
	}
	if (c->closing || socle_closed(&c->sock)) {
		c->in_len = 0;
		return;
	}
	c->in_len -= used;
	if (n == 0)
		memmove(c->in, c->in + used, c->in_len);
	if (n == 0 || c->in_len == 0)
		return;
	if (socle_unread(&c->sock, c->in + used, c->in_len) < 0)
		socle_close(&c->sock, "no memory");
	c->in_len = 0;
}

static void
client_body_received(struct client *c, size_t n)
{
	c->body_left -= n;
	if (c->body_left > 0)
		return;
	answer_request(c, c->in);
	http_begin(&c->request);
	c->in_len = 0;
}

static ssize_t
client_read(struct client *c)
{
	static char discarded[HTTP_BODY_MOST];

	if (c->lingering || c->body_left > 0)
		return socle_read(&c->sock, discarded,
			c->lingering ? sizeof(discarded) : c->body_left);
	if (!c->in && !(c->in = malloc(HTTP_HEAD_MOST)))
		return -ENOMEM;
	return socle_read(
		&c->sock, c->in + c->in_len, HTTP_HEAD_MOST - c->in_len);
}

static void
client_input(struct client *c, size_t n)
{
	if (c->body_left > 0) {
		client_body_received(c, n);
		return;
	}
	c->in_len += n;
	client_requests_answer(c);
}

/* ---- events ---- */

static void
client_event_read(struct socle_socket *self)
{
	struct client *c = client_of(self);
	ssize_t n = client_read(c);

	if (n > 0 && !c->lingering) {
		client_input(c, (size_t)n);
	} else if (n == 0) {
		c->closing = true;
		c->lingering = false;
		socle_close_after_flush(self, "end of stream");
	} else if (n < 0 && n != -EAGAIN) {
		socle_close(self, "read failed");
	}
	if (c->in_len == 0) {
		free(c->in);
		c->in = NULL;
	}
	client_update(c);
}

static void
client_throttle(struct socle_socket *s, bool above, void *arg)
{
	struct client *c = client_of(s);

	(void)arg;
	c->throttled = above;
	client_update(c);
}

static void
client_timed_out(struct socle_timer *t)
{
	struct client *c = socle_container_of(t, struct client, timer);

	if (c->lingering)
		socle_close(&c->sock, "linger");
	else
		client_refuse(c, 408);
	client_update(c);
}

/* Autoflush is off: the answers of a tick leave in one flush. */
static void
client_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	struct client *c = client_of(self);

	(void)by;
	http_begin(&c->request);
	socle_timer_init(&c->timer, client_timed_out);
	socle_set_autoflush(self, false);
	if (socle_set_idle_timeout(self, IDLE_SECONDS) < 0 ||
		socle_set_water_marks(
			self, LOW_WATER, HIGH_WATER, client_throttle, NULL) < 0)
		socle_close(self, "no memory");
}

static void
client_destroy(struct socle_socket *self)
{
	struct client *c = client_of(self);

	socle_timer_cancel(&c->timer);
	free(c->in);
}

const struct socle_class client_class = {
	.name = "Http",
	.super = &socle_socket_class,
	.size = sizeof(struct client),
	.event_read = client_event_read,
	.event_accepted = client_event_accepted,
	.destroy = client_destroy,
};

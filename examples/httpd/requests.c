/* requests.h describes the functions. */
#include "httpd/requests.h"

#include "common/server.h"
#include "httpd/answers.h"
#include "httpd/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_PER_TICK = 16, HIGH_WATER = 256 * 1024 };

double requests_header_timeout = 10, requests_idle_timeout = 60;

static struct client *
client_of(struct socle_socket *s)
{
	return socle_container_of(s, struct client, sock);
}

/* Whether the next request has to wait until the client has taken answers. */
static bool
client_is_behind(const struct client *c)
{
	return c->file >= 0 || socle_write_buf_size(&c->sock) > HIGH_WATER;
}

/* After each event: turns reading on or off, starts or cancels the timer. */
static void
client_update(struct client *c)
{
	bool reading = !client_is_behind(c) && !socle_closed(&c->sock);

	socle_watch_read(&c->sock, reading);
	if (!reading || (c->in_len == 0 && c->body_left == 0))
		socle_timer_cancel(&c->timer);
	else if (!socle_timer_pending(&c->timer))
		socle_timer_start(&c->timer, requests_header_timeout);
}

/* Answers and ends: where the next request starts is not known. */
static void
client_refuse(struct client *c, int status)
{
	c->request.keep_alive = false;
	client_answer_status(c, status, NULL);
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
	socle_timer_cancel(&c->timer); /* a next request has its own time */
	answer_request(c, head);
	rest = (size_t)n + c->request.body;
	http_begin(&c->request);
	return rest;
}

/* Keeps the `n' bytes at `from' for the next event. */
static void
client_keep_input(struct client *c, const char *from, size_t n)
{
	if (n > 0 && !c->in && !(c->in = malloc(HTTP_HEAD_MOST))) {
		socle_close(&c->sock, "no memory");
		return;
	}
	if (n > 0)
		memmove(c->in, from, n);
	c->in_len = n;
}

/* Answers what is complete in `len' bytes; others wait for their turn. */
static void
client_requests_answer(struct client *c, const char *in, size_t len)
{
	size_t used = 0, n = 1;
	int served = 0;

	while (used < len && !client_is_behind(c) &&
		served++ < REQUESTS_PER_TICK) {
		n = client_take(c, in + used, len - used);
		used += n;
		if (n == 0 || !c->keep_alive || socle_closed(&c->sock))
			break;
	}
	if (!c->keep_alive || socle_closed(&c->sock))
		return;
	if (n == 0)
		client_keep_input(c, in + used, len - used);
	else if (socle_unread(&c->sock, in + used, len - used) < 0)
		socle_close(&c->sock, "no memory");
	else
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

/* ---- events ---- */

/* Nearly every head arrives whole, and then needs no memory of its own. */
static void
client_event_read(struct socle_socket *self)
{
	static char shared[HTTP_BODY_MOST];
	struct client *c = client_of(self);
	char *in = c->in && c->body_left == 0 ? c->in : shared;
	size_t had = in == c->in ? c->in_len : 0;
	ssize_t n = socle_read(self, in + had,
		c->body_left > 0 ? c->body_left : HTTP_HEAD_MOST - had);

	if (n > 0 && c->body_left > 0)
		client_body_received(c, (size_t)n);
	else if (n > 0)
		client_requests_answer(c, in, had + (size_t)n);
	else if (n == 0)
		client_end(c);
	else if (n != -EAGAIN)
		socle_close(self, "read failed");
	if (c->in_len == 0) {
		free(c->in);
		c->in = NULL;
	}
	/* Now, not before the next wait: the client goes on meanwhile. */
	(void)socle_write_kick(self);
	client_update(c);
}

/* All that was queued is with the kernel: go on. */
static void
client_event_drain(struct socle_socket *self)
{
	struct client *c = client_of(self);

	client_file_close(c);
	client_update(c);
}

static void
client_timed_out(struct socle_timer *t)
{
	client_refuse(socle_container_of(t, struct client, timer), 408);
}

/*
 * Autoflush is off: the answers to what one read has brought leave together, and
 * so does a head with the body behind it.
 */
static void
client_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	struct client *c = client_of(self);

	(void)by;
	http_begin(&c->request);
	c->file = -1;
	c->keep_alive = true;
	socle_timer_init(&c->timer, client_timed_out);
	socle_set_autoflush(self, false);
	if (socle_set_idle_timeout(self, requests_idle_timeout) < 0)
		socle_close(self, "no memory");
}

static void
client_destroy(struct socle_socket *self)
{
	struct client *c = client_of(self);

	socle_timer_cancel(&c->timer);
	client_file_close(c);
	free(c->in);
}

const struct socle_class requests_class = {
	.name = "Http",
	.super = &socle_socket_class,
	.size = sizeof(struct client),
	.event_read = client_event_read,
	.event_drain = client_event_drain,
	.event_accepted = client_event_accepted,
	.destroy = client_destroy,
};

/* ---- the end ---- */

static void
client_drain(struct socle_socket *s, void *arg)
{
	(void)arg;
	if (socle_class_of(s) == &requests_class)
		client_end(client_of(s));
}

void
requests_drain(bool idle)
{
	if (idle)
		socle_each_descriptor(client_drain, NULL);
}

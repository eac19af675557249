/*
 * The echo server on libuv's streams.  Answers are sent by uv_try_write(), and the
 * rest by uv_write(); with --queue all of them by uv_write().
 */
#include "server.h"

#include <stddef.h>
#include <uv.h>

struct client {
	uv_tcp_t tcp;
	uv_timer_t idle; /* allocated with an idle timeout only */
};

struct answer {
	uv_write_t req;
	char data[];
};

static struct options opt;
static char in[READ_SIZE], out[READ_SIZE];

static void
check(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, uv_strerror(err));
	exit(1);
}

static void
client_free(uv_handle_t *h)
{
	free(h->data);
}

static void
client_close(struct client *c)
{
	if (uv_is_closing((uv_handle_t *)&c->tcp))
		return;
	if (opt.timeout > 0)
		uv_close((uv_handle_t *)&c->idle, NULL);
	uv_close((uv_handle_t *)&c->tcp, client_free);
}

static void
client_idle(uv_timer_t *t)
{
	client_close(t->data);
}

static void
give_room(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	(void)h;
	(void)size;
	*buf = uv_buf_init(in, sizeof(in));
}

static void
written(uv_write_t *req, int status)
{
	free(req->data);
	if (status < 0)
		client_close(req->handle->data);
}

static void
queue(uv_stream_t *s, const char *data, size_t len)
{
	struct answer *a = malloc(sizeof(*a) + len);
	uv_buf_t buf;

	if (!a)
		die("malloc");
	memcpy(a->data, data, len);
	a->req.data = a;
	buf = uv_buf_init(a->data, (unsigned)len);
	check(uv_write(&a->req, s, &buf, 1, written), "uv_write");
}

/* Each message by itself, as in libuv's guide. */
static void
answer_by_queue(uv_stream_t *s, size_t len)
{
	size_t i, n;

	for (i = 0; i < len; i += n) {
		n = opt.message;
		if (n == 0 || n > len - i)
			n = len - i;
		queue(s, in + i, n);
	}
}

/* Answers to several messages are gathered by hand. */
static void
answer(uv_stream_t *s, size_t len)
{
	uv_buf_t buf = uv_buf_init(in, (unsigned)len);
	size_t i;
	int n;

	if (opt.message > 0) {
		for (i = 0; i + opt.message <= len; i += opt.message)
			memcpy(out + i, in + i, opt.message);
		memcpy(out + i, in + i, len - i);
		buf.base = out;
	}
	n = uv_try_write(s, &buf, 1);
	if (n == UV_EAGAIN)
		n = 0;
	if (n < 0)
		client_close(s->data);
	else if ((size_t)n < len)
		queue(s, buf.base + n, len - (size_t)n);
}

static void
client_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = s->data;

	(void)buf;
	if (n > 0) {
		if (opt.queue)
			answer_by_queue(s, (size_t)n);
		else
			answer(s, (size_t)n);
		if (opt.timeout > 0)
			uv_timer_again(&c->idle);
	} else if (n < 0) {
		client_close(c);
	}
}

static void
welcome(uv_stream_t *l, int status)
{
	uint64_t ms = (uint64_t)(opt.timeout * 1000);
	struct client *c =
		malloc(ms > 0 ? sizeof(*c) : offsetof(struct client, idle));

	if (!c)
		die("malloc");
	check(status, "listen");
	uv_tcp_init(l->loop, &c->tcp);
	c->tcp.data = c;
	check(uv_accept(l, (uv_stream_t *)&c->tcp), "uv_accept");
	check(uv_read_start((uv_stream_t *)&c->tcp, give_room, client_read),
		"uv_read_start");
	if (ms == 0)
		return;
	uv_timer_init(l->loop, &c->idle);
	c->idle.data = c;
	uv_timer_start(&c->idle, client_idle, ms, ms);
}

static void
every_second(uv_timer_t *t)
{
	(void)t;
}

static void
start_timers(uv_loop_t *loop)
{
	static uv_timer_t timers[TIMERS];
	uint64_t i;

	for (i = 0; i < TIMERS; i++) {
		uv_timer_init(loop, &timers[i]);
		uv_timer_start(
			&timers[i], every_second, i * 1000 / TIMERS, 1000);
	}
}

int
main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	uv_tcp_t l;

	opt = options(argc, argv);
	check(uv_tcp_init(loop, &l), "uv_tcp_init");
	check(uv_tcp_open(&l, listener()), "uv_tcp_open");
	check(uv_listen((uv_stream_t *)&l, BACKLOG, welcome), "uv_listen");
	if (opt.timers)
		start_timers(loop);
	return uv_run(loop, UV_RUN_DEFAULT);
}

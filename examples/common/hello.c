/* hello.h describes the functions. */
#include "common/hello.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { IDLE_SECONDS = 60, QUEUE_MOST = 64 * 1024 };

struct hello {
	struct socle_socket sock; /* the base, first */
	bool asks;                /* it has begun a request, or has yet to */
	unsigned ended;           /* of its last "\r\n\r\n", so many bytes */
};

/* A thread has a loop of its own, and shares nothing with the others. */
static _Thread_local const char *answer;

/* ---- the listening sockets ---- */

static int
open_one(const char *where)
{
	const struct socle_io_sockopt nodelay = {
		.level = IPPROTO_TCP, .opt = TCP_NODELAY, .value = 1};
	struct socle_io io;
	int err = socle_io_open(&io,
		&(struct socle_io_params){
			.local_addr = where,
			.listen = -1,
			/* not left to the loops: they may share its file */
			.nonblocking = true,
			.reuse_addr = true,
			.reuse_port = true,
			.sockopts = &nodelay,
			.n_sockopts = 1,
		});

	return err < 0 ? err : socle_io_steal(&io);
}

/* Where it listens, with the port that it got. */
static int
name_of(int fd, char text[SOCLE_ADDR_TEXT_MAX])
{
	struct socle_addr a = {.len = sizeof(a.u)};

	if (getsockname(fd, &a.u.sa, &a.len) < 0)
		return -errno;
	return socle_addr_format(&a, text, SOCLE_ADDR_TEXT_MAX);
}

int
hello_open(const char *server, const char *where, int *fds, int n)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	int i, err = 0;

	for (i = 0; i < n && err >= 0; i++) {
		err = fds[i] = open_one(i == 0 ? where : text);
		if (i == 0 && err >= 0)
			err = name_of(fds[0], text);
	}
	if (err < 0) {
		while (i-- > 0)
			if (fds[i] >= 0)
				close(fds[i]);
		return err;
	}
	printf("%s: listening on %s\n", server, text);
	fflush(stdout);
	return 0;
}

/* ---- the service ---- */

static void
reply(struct socle_socket *self)
{
	bool last = socle_draining();
	char text[512];
	int n = snprintf(text, sizeof(text),
		"HTTP/1.1 200 OK\r\n"
		"Content-Type: text/plain\r\n"
		"Content-Length: %zu\r\n"
		"%s"
		"\r\n"
		"%s\n",
		strlen(answer) + 1, last ? "Connection: close\r\n" : "",
		answer);

	if (socle_write(self, text, (size_t)n) < 0)
		socle_close(self, "reads too slowly");
	else if (last)
		socle_close_after_flush(self, "draining");
}

static void
hello_event_read(struct socle_socket *self)
{
	struct hello *h = socle_container_of(self, struct hello, sock);
	char buf[4096];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	for (ssize_t i = 0; i < n && !socle_closed(self); i++) {
		h->asks = true;
		if (buf[i] == "\r\n\r\n"[h->ended])
			h->ended++;
		else
			h->ended = buf[i] == '\r';
		if (h->ended == 4) {
			h->asks = false;
			h->ended = 0;
			reply(self);
			if (socle_draining())
				return; /* what follows is not answered */
		}
	}
	if (n == 0)
		socle_close_after_flush(self, "end of stream");
	else if (n < 0 && n != -EAGAIN)
		socle_close(self, "read failed");
}

static void
hello_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	(void)by;
	socle_container_of(self, struct hello, sock)->asks = true;
	if (socle_set_idle_timeout(self, IDLE_SECONDS) < 0 ||
		socle_set_write_cap(self, QUEUE_MOST) < 0)
		socle_close(self, "no memory");
}

static const struct socle_class hello_class = {
	.name = "Hello",
	.super = &socle_socket_class,
	.size = sizeof(struct hello),
	.event_read = hello_event_read,
	.event_accepted = hello_event_accepted,
};

int
hello_serve(int fd, const char *text)
{
	struct socle_factory *f; /* the loop's; the drain frees it */

	answer = text;
	return socle_listen_on(fd, &hello_class, NULL, &f);
}

/* ---- the end ---- */

/* Its request may have arrived, and not been read yet. */
static void
close_if_idle(struct socle_socket *s, void *arg)
{
	(void)arg;
	hello_event_read(s);
	if (!socle_container_of(s, struct hello, sock)->asks)
		socle_close_after_flush(s, "draining");
}

static void
close_the_idle(void *arg)
{
	socle_each_descriptor(close_if_idle, arg);
}

void
hello_drain(double seconds)
{
	if (socle_drain(socle_draining() ? 0 : seconds, close_the_idle, NULL) <
		0)
		socle_stop();
}

/* See served.h. */
#include "fuzz/served.h"

#include "fuzz/fuzz.h"
#include "reactor/loop.h"
#include "sockets/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t
give_input(struct socle_socket *s, void *data, size_t len, void *arg)
{
	struct served *v = arg;
	size_t n = v->input_left < len ? v->input_left : len;

	(void)s;
	if (n == 0)
		return -EAGAIN;
	memcpy(data, v->input, n);
	v->input += n;
	v->input_left -= n;
	return (ssize_t)n;
}

static ssize_t
keep_answer(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	struct served *v = arg;

	(void)s;
	if (v->said_len + len > v->said_size) {
		v->said_size = (v->said_len + len) * 2;
		v->said = realloc(v->said, v->said_size);
		HOLDS(v->said != NULL);
	}
	memcpy(v->said + v->said_len, data, len);
	v->said_len += len;
	return (ssize_t)len;
}

void
served_start(struct served *v, const struct socle_class *cls)
{
	int fds[2];

	*v = (struct served){0};
	HOLDS(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	close(fds[1]);
	HOLDS(socle_socket_new(cls, fds[0], &v->sock) == 0);
	HOLDS(socle_set_reader_func(v->sock, give_input, v) == 0);
	HOLDS(socle_set_writer_func(v->sock, keep_answer, v) == 0);
	socle_watch_read(v->sock, true);
	cls->event_accepted(v->sock, NULL);
}

void
served_feed(struct served *v, const char *data, size_t n)
{
	v->input = data;
	v->input_left = n;
	while (!socle_closed(v->sock) &&
		(v->input_left > 0 || socle_pending(v->sock) > 0)) {
		if (!(socle_watching(v->sock) & SOCLE_READ))
			return; /* the server is closing it */
		socle_class_of(v->sock)->event_read(v->sock);
		socle_write_kick(v->sock);
	}
}

void
served_end(struct served *v)
{
	socle_close(v->sock, "end of input");
	socle_event_loop_once(0);
}

void
served_free(struct served *v)
{
	free(v->said);
}

void
served_same(const struct served *a, const struct served *b)
{
	HOLDS(a->said_len == b->said_len);
	HOLDS(a->said_len == 0 || memcmp(a->said, b->said, a->said_len) == 0);
}

static void
feed_pieces(struct served *v, const struct socle_class *cls, const char *data,
	size_t size, size_t piece)
{
	served_start(v, cls);
	if (piece > 0) {
		for (size_t at = 0; at < size; at += piece)
			served_feed(v, data + at,
				piece < size - at ? piece : size - at);
	}
	served_end(v);
}

void
served_splits_the_same(const struct socle_class *cls, const char *data,
	size_t size, void (*start)(void), void (*check)(struct served *v))
{
	struct served whole, split;

	if (start)
		start();
	feed_pieces(&whole, cls, data, size, size);
	if (check)
		check(&whole);
	for (size_t at = 0; at <= size; at = fuzz_next_split(at, size)) {
		if (start)
			start();
		if (at == 0) {
			feed_pieces(&split, cls, data, size, 1);
		} else {
			served_start(&split, cls);
			served_feed(&split, data, at);
			served_feed(&split, data + at, size - at);
			served_end(&split);
		}
		if (check)
			check(&split);
		served_same(&whole, &split);
		served_free(&split);
	}
	served_free(&whole);
}

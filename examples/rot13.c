/*
 * rot13 [--port=N]: answers each line with the line in ROT13.
 *
 * The listener is a factory without an accept_class: it hands each accepted fd
 * to the program.  While a client does not read its answers, the server does
 * not read from the client.
 */
#include <socle/socle.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 1000, LOW_WATER = 16 * 1024, HIGH_WATER = 64 * 1024 };

struct rot13 {
	struct socle_socket sock; /* the base, first */
	size_t len;               /* bytes in text */
	char text[LINE_SIZE];     /* an incomplete line */
};

static struct socle_factory *listener;
static int status;

static char
rot13_char(char c)
{
	if ((c >= 'a' && c <= 'm') || (c >= 'A' && c <= 'M'))
		return (char)(c + 13);
	if ((c >= 'n' && c <= 'z') || (c >= 'N' && c <= 'Z'))
		return (char)(c - 13);
	return c;
}

/* Answers the complete lines in text and keeps the rest. */
static void
rot13_answer(struct rot13 *r)
{
	size_t complete = r->len;

	while (complete > 0 && r->text[complete - 1] != '\n')
		complete--;
	for (size_t i = 0; i < complete; i++)
		r->text[i] = rot13_char(r->text[i]);
	if (complete > 0)
		socle_write(&r->sock, r->text, complete);
	r->len -= complete;
	memmove(r->text, r->text + complete, r->len);
	if (r->len == sizeof(r->text))
		socle_close(&r->sock, "line too long");
}

static void
rot13_event_read(struct socle_socket *self)
{
	struct rot13 *r = socle_container_of(self, struct rot13, sock);
	ssize_t n =
		socle_read(self, r->text + r->len, sizeof(r->text) - r->len);

	if (n > 0) {
		r->len += (size_t)n;
		rot13_answer(r);
	} else if (n == 0) {
		socle_close_after_flush(self, "end of stream");
	} else if (n != -EAGAIN) {
		socle_close(self, "read failed");
	}
}

static const struct socle_class rot13_class = {
	.name = "Rot13",
	.super = &socle_socket_class,
	.size = sizeof(struct rot13),
	.event_read = rot13_event_read,
};

static void
throttle(struct socle_socket *s, bool above, void *arg)
{
	(void)arg;
	socle_watch_read(s, !above);
}

static void
client_accepted(struct socle_factory *f, int fd, const struct socle_addr *peer,
	void *arg)
{
	struct socle_socket *s;

	(void)f;
	(void)peer;
	(void)arg;
	if (socle_socket_new(&rot13_class, fd, &s) < 0) {
		close(fd);
		return;
	}
	if (socle_set_water_marks(s, LOW_WATER, HIGH_WATER, throttle, NULL) < 0)
		socle_close(s, "no memory");
	socle_watch_read(s, true);
}

static bool
is_temporary(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOBUFS ||
		err == -ENOMEM;
}

/* The listener retries after a shortage; any other failure is final. */
static void
listener_failed(
	struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)f;
	(void)arg;
	fprintf(stderr, "rot13: %s: %s\n", why->operation, why->errstr);
	if (strcmp(why->operation, "accept") != 0 || !is_temporary(why->err)) {
		status = 1;
		socle_stop();
	}
}

static void
stop(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	socle_stop();
}

int
main(int argc, char **argv)
{
	struct socle_factory_params p = {
		.reuse = true,
		.bind_address = "127.0.0.1",
		.bind_port = "7009",
		.success = client_accepted,
		.failure = listener_failed,
	};
	struct socle_addr a;
	int err;

	if (argc == 2 && strncmp(argv[1], "--port=", 7) == 0)
		p.bind_port = argv[1] + 7;
	err = socle_factory_new(&p, &listener);
	if (err < 0) {
		fprintf(stderr, "rot13: %s\n", strerror(-err));
		return 1;
	}
	if (socle_factory_getsockname(listener, &a) == 0) {
		printf("listening on 127.0.0.1:%d\n", socle_addr_port(&a));
		fflush(stdout);
	}
	socle_signal(SIGTERM, stop, NULL);
	socle_signal(SIGINT, stop, NULL);
	if (socle_event_loop() < 0)
		status = 1;
	socle_factory_free(listener);
	socle_reset();
	return status;
}

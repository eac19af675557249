/*
 * chat [--port=N]: sends each line of a client to all other clients.
 *
 * A client that reads too slowly is muted until it has caught up; the server
 * notifies all clients.  A client whose queue reaches the cap is dropped.
 */
#include <socle/socle.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	LINE_SIZE = 1000,
	LOW_WATER = 16 * 1024,
	HIGH_WATER = 64 * 1024,
	WRITE_CAP = 512 * 1024,
	STOP_SECONDS = 1
};

struct guest {
	struct socle_socket sock; /* the base, first */
	unsigned number;
	size_t len; /* of the incomplete line */
	bool too_long;
	char line[LINE_SIZE];
};

static struct socle_factory *listener;
static struct socle_timer stop_timer;

static struct guest *
guest_of(struct socle_socket *s)
{
	return socle_container_of(s, struct guest, sock);
}

/* ---- sending ---- */

struct message {
	const struct guest *from;
	char text[LINE_SIZE + 64];
};

static void
deliver(struct socle_socket *s, void *arg)
{
	const struct message *m = arg;

	if (&m->from->sock != s &&
		socle_write(s, m->text, strlen(m->text)) == -ENOBUFS)
		socle_close(s, "too slow");
}

/* Sends a line to all guests but `from'. */
static void __attribute__((format(printf, 2, 3)))
broadcast(const struct guest *from, const char *format, ...)
{
	struct message m = {.from = from};
	va_list args;

	va_start(args, format);
	vsnprintf(m.text, sizeof(m.text), format, args);
	va_end(args);
	socle_each_descriptor(deliver, &m);
}

static void
guest_send(struct guest *g, const char *text)
{
	socle_write(&g->sock, text, strlen(text));
}

/* ---- receiving ---- */

static void
guest_end_line(struct guest *g)
{
	if (g->too_long)
		guest_send(g, "* that line was too long and was not sent\n");
	else if (g->len > 0)
		broadcast(
			g, "guest%u: %.*s\n", g->number, (int)g->len, g->line);
	g->len = 0;
	g->too_long = false;
}

static void
guest_add_char(struct guest *g, char c)
{
	if (c == '\n')
		guest_end_line(g);
	else if (c == '\r' || c == '\0')
		return;
	else if (g->len == LINE_SIZE)
		g->too_long = true;
	else
		g->line[g->len++] = (unsigned char)c < ' ' ? ' ' : c;
}

static void
guest_event_read(struct socle_socket *self)
{
	struct guest *g = guest_of(self);
	char buf[4096];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; i++)
		guest_add_char(g, buf[i]);
	if (n == 0)
		socle_close_after_flush(self, "end of stream");
	else if (n < 0 && n != -EAGAIN)
		socle_close(self, "read failed");
}

static void
guest_throttle(struct socle_socket *s, bool above, void *arg)
{
	struct guest *g = guest_of(s);

	(void)arg;
	guest_send(g,
		above ? "* you read too slowly: you are not heard\n"
		      : "* you have caught up: you are heard again\n");
	broadcast(g,
		above ? "* guest%u is not heard for now\n"
		      : "* guest%u is heard again\n",
		g->number);
	socle_watch_read(s, !above);
}

/* ---- joining and leaving ---- */

static void
guest_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	static unsigned guests;
	struct guest *g = guest_of(self);

	(void)by;
	g->number = ++guests;
	if (socle_set_water_marks(
		    self, LOW_WATER, HIGH_WATER, guest_throttle, NULL) < 0 ||
		socle_set_write_cap(self, WRITE_CAP) < 0) {
		socle_close(self, "no memory");
		return;
	}
	guest_send(g, "* welcome\n");
	broadcast(g, "* guest%u came\n", g->number);
}

static void guest_close(struct socle_socket *self, const char *reason);

static const struct socle_class guest_class = {
	.name = "Guest",
	.super = &socle_socket_class,
	.size = sizeof(struct guest),
	.event_read = guest_event_read,
	.event_accepted = guest_event_accepted,
	.close = guest_close,
};

static void
guest_close(struct socle_socket *self, const char *reason)
{
	struct guest *g = guest_of(self);

	socle_super_close(&guest_class, self, reason);
	if (listener)
		broadcast(g, "* guest%u left (%s)\n", g->number, reason);
}

/* ---- shutdown ---- */

static void
guest_dismiss(struct socle_socket *s, void *arg)
{
	(void)arg;
	guest_send(guest_of(s), "* good night\n");
	socle_close_after_flush(s, "stopping");
}

static bool
guests_remain(void *arg)
{
	(void)arg;
	return socle_watched_sockets() > 0;
}

static void
stop_timed_out(struct socle_timer *t)
{
	(void)t;
	socle_stop();
}

static void
stop(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	socle_factory_free(listener);
	listener = NULL;
	socle_each_descriptor(guest_dismiss, NULL);
	socle_set_post_loop_callback(guests_remain, NULL);
	if (!socle_timer_pending(&stop_timer))
		socle_timer_start(&stop_timer, STOP_SECONDS);
}

int
main(int argc, char **argv)
{
	struct socle_addr a;
	const char *port = "7008";
	char address[64];
	int err;

	if (argc == 2 && strncmp(argv[1], "--port=", 7) == 0)
		port = argv[1] + 7;
	snprintf(address, sizeof(address), "127.0.0.1:%s", port);
	err = socle_listen(address, &guest_class, &listener);
	if (err == 0)
		err = socle_factory_getsockname(listener, &a);
	if (err < 0) {
		fprintf(stderr, "chat: %s: %s\n", address, strerror(-err));
		return 1;
	}
	printf("listening on 127.0.0.1:%d\n", socle_addr_port(&a));
	fflush(stdout);
	socle_timer_init(&stop_timer, stop_timed_out);
	socle_signal(SIGTERM, stop, NULL);
	socle_signal(SIGINT, stop, NULL);
	err = socle_event_loop();
	socle_reset();
	return err < 0;
}

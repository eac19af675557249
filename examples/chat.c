/*
 * chat [--port=N]: what one says in a line, all others hear.
 *
 * Who reads too slowly is not heard any more until he has caught up, and he is
 * told so; who falls behind as far as the cap is dropped.
 */
#include <socle/socle.h>

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	LINE_MOST = 1000,
	LOW_WATER = 16 * 1024,
	HIGH_WATER = 64 * 1024,
	WRITE_CAP = 512 * 1024,
	STOP_SECONDS = 1
};

struct guest {
	struct socle_socket sock; /* the base, first */
	unsigned number;
	size_t len; /* of the unfinished line */
	bool too_long;
	char line[LINE_MOST];
};

static struct socle_factory *listener;
static struct socle_timer patience;

static struct guest *
guest_of(struct socle_socket *s)
{
	return socle_container_of(s, struct guest, sock);
}

/* ---- saying ---- */

struct saying {
	const struct guest *by;
	char text[LINE_MOST + 64];
};

static void
say_to(struct socle_socket *s, void *arg)
{
	const struct saying *w = arg;

	if (&w->by->sock != s &&
		socle_write(s, w->text, strlen(w->text)) == -ENOBUFS)
		socle_close(s, "too slow");
}

/* To all but `by'. */
static void __attribute__((format(printf, 2, 3)))
say(const struct guest *by, const char *form, ...)
{
	struct saying w = {.by = by};
	va_list args;

	va_start(args, form);
	vsnprintf(w.text, sizeof(w.text), form, args);
	va_end(args);
	socle_each_descriptor(say_to, &w);
}

static void
tell(struct guest *g, const char *text)
{
	socle_write(&g->sock, text, strlen(text));
}

/* ---- hearing ---- */

static void
guest_line_ends(struct guest *g)
{
	if (g->too_long)
		tell(g, "* that line was too long, and nobody heard it\n");
	else if (g->len > 0)
		say(g, "guest%u: %.*s\n", g->number, (int)g->len, g->line);
	g->len = 0;
	g->too_long = false;
}

static void
guest_hears(struct guest *g, char c)
{
	if (c == '\n')
		guest_line_ends(g);
	else if (c == '\r' || c == '\0')
		return;
	else if (g->len == LINE_MOST)
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
		guest_hears(g, buf[i]);
	if (n == 0)
		socle_close_after_flush(self, "end of stream");
	else if (n < 0 && n != -EAGAIN)
		socle_close(self, "read failed");
}

static void
guest_mark(struct socle_socket *s, bool above, void *arg)
{
	struct guest *g = guest_of(s);

	(void)arg;
	tell(g,
		above ? "* you read too slowly: you are not heard\n"
		      : "* you have caught up: you are heard again\n");
	say(g,
		above ? "* guest%u is not heard for now\n"
		      : "* guest%u is heard again\n",
		g->number);
	socle_watch_read(s, !above);
}

/* ---- coming and going ---- */

static void
guest_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	static unsigned guests;
	struct guest *g = guest_of(self);

	(void)by;
	g->number = ++guests;
	if (socle_set_water_marks(
		    self, LOW_WATER, HIGH_WATER, guest_mark, NULL) < 0 ||
		socle_set_write_cap(self, WRITE_CAP) < 0) {
		socle_close(self, "no memory");
		return;
	}
	tell(g, "* welcome\n");
	say(g, "* guest%u came\n", g->number);
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
		say(g, "* guest%u left (%s)\n", g->number, reason);
}

/* ---- the end ---- */

static void
dismiss(struct socle_socket *s, void *arg)
{
	(void)arg;
	tell(guest_of(s), "* good night\n");
	socle_close_after_flush(s, "stopping");
}

static bool
somebody_is_left(void *arg)
{
	(void)arg;
	return socle_watched_sockets() > 0;
}

static void
out_of_patience(struct socle_timer *t)
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
	socle_each_descriptor(dismiss, NULL);
	socle_set_post_loop_callback(somebody_is_left, NULL);
	if (!socle_timer_pending(&patience))
		socle_timer_start(&patience, STOP_SECONDS);
}

int
main(int argc, char **argv)
{
	struct socle_addr a;
	const char *port = "7008";
	char where[64];
	int err;

	if (argc == 2 && strncmp(argv[1], "--port=", 7) == 0)
		port = argv[1] + 7;
	snprintf(where, sizeof(where), "127.0.0.1:%s", port);
	err = socle_listen(where, &guest_class, &listener);
	if (err == 0)
		err = socle_factory_getsockname(listener, &a);
	if (err < 0) {
		fprintf(stderr, "chat: %s: %s\n", where, strerror(-err));
		return 1;
	}
	printf("chatting at 127.0.0.1:%d\n", socle_addr_port(&a));
	fflush(stdout);
	socle_timer_init(&patience, out_of_patience);
	socle_signal(SIGTERM, stop, NULL);
	socle_signal(SIGINT, stop, NULL);
	err = socle_event_loop();
	socle_reset();
	return err < 0;
}

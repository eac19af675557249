/*
 * A C11 program that uses the installed library: it listens, connects to itself
 * with an object of a second class, exchanges a greeting and exits with status 0.
 */
#include <socle/socle.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char greeting[] = "guten Tag, socle";
static int destroyed;
static bool answered;

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "consumer: %s\n", what);
	exit(1);
}

static void
count_destroyed(struct socle_socket *self)
{
	(void)self;
	destroyed++;
}

static void
echo_event_read(struct socle_socket *self)
{
	char buf[256];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	if (n > 0)
		socle_write(self, buf, (size_t)n);
	else if (n == 0)
		socle_close(self, "end of stream");
}

static const struct socle_class echo_class = {
	.name = "Echo",
	.super = &socle_socket_class,
	.event_read = echo_event_read,
	.destroy = count_destroyed,
};

struct client {
	struct socle_socket sock; /* the base, first */
	size_t length;
	char got[sizeof(greeting)];
};

static void
client_event_read(struct socle_socket *self)
{
	struct client *c = socle_container_of(self, struct client, sock);
	ssize_t n = socle_read(
		self, c->got + c->length, sizeof(c->got) - c->length);

	check(n > 0, "the echo went away");
	c->length += (size_t)n;
	if (c->length < sizeof(greeting))
		return;
	answered = memcmp(c->got, greeting, sizeof(greeting)) == 0;
	socle_close(self, "thank you");
}

static const struct socle_class client_class = {
	.name = "Client",
	.super = &socle_socket_class,
	.size = sizeof(struct client),
	.event_read = client_event_read,
	.destroy = count_destroyed,
};

static void
give_up(void *why)
{
	check(false, why);
}

static bool
both_destroyed(void *arg)
{
	(void)arg;
	return destroyed == 2;
}

int
main(void)
{
	static char late[] = "nothing moves";
	struct socle_factory *listener;
	struct socle_socket *c;
	struct socle_addr where;
	char text[80];

	check(strcmp(socle_version(), SOCLE_VERSION) == 0, "another library");
	check(socle_listen("127.0.0.1:0", &echo_class, &listener) == 0,
		"socle_listen");
	check(socle_factory_getsockname(listener, &where) == 0, "getsockname");
	check(socle_addr_format(&where, text, sizeof(text)) > 0, "the address");
	check(socle_add_timer(10.0, give_up, late) != 0, "socle_add_timer");

	check(socle_connect(text, &client_class, 10.0, &c) == 0,
		"socle_connect");
	check(socle_write(c, greeting, sizeof(greeting)) >= 0, "socle_write");
	socle_watch_read(c, true);
	check(socle_run_until(both_destroyed, NULL) == 1, "ended early");
	check(answered, "no answer");

	socle_factory_free(listener);
	socle_reset();
	return 0;
}

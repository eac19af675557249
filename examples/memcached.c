/*
 * memcached --listen=ADDR:PORT --memory=MEGABYTES: a cache of values by key, with
 * memcached's text protocol.
 *
 * memcached/ has its parts: store.h the items, command.h and values.h the
 * commands, stats.h its figures.  Whoever reaches the address may read and change
 * everything.
 */
#include <socle/socle.h>

#include "common/hash.h"
#include "common/line.h"
#include "common/server.h"
#include "memcached/client.h"
#include "memcached/command.h"
#include "memcached/stats.h"
#include "memcached/values.h"

#include <stddef.h>

enum {
	LINE_MOST = 64 * 1024, /* a `get' of many keys */
	LOW_WATER = 64 * 1024,
	HIGH_WATER = 256 * 1024,
	MEMORY_MOST = 1024 * 1024 /* megabytes */
};

static const char *address;
static double megabytes;

/* ---- clients ---- */

static void
client_line(struct socle_socket *s, const char *line, size_t len)
{
	struct client *c = to_client(s);

	if (c->is_getting)
		get_rest(c, line, line + len);
	else
		command(c, line, len);
}

static void
client_data(struct socle_socket *s)
{
	store_data(to_client(s));
}

static void
client_too_long(struct socle_socket *s)
{
	line_close(s, &to_client(s)->reader, "line too long");
}

static const struct line_events client_events = {
	.longest = LINE_MOST,
	.line = client_line,
	.data = client_data,
	.too_long = client_too_long,
};

static void
client_event_read(struct socle_socket *self)
{
	line_read(self, &to_client(self)->reader, &client_events);
}

static void
client_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	(void)by;
	counts[TOTAL_CONNECTIONS]++;
	if (line_start(self, &to_client(self)->reader, LOW_WATER, HIGH_WATER) <
		0)
		socle_close(self, "no memory");
}

static void
client_destroy(struct socle_socket *self)
{
	struct client *c = to_client(self);

	line_free(&c->reader);
	if (c->filling)
		item_release(c->filling);
}

static const struct socle_class client_class = {
	.name = "Client",
	.super = &socle_socket_class,
	.size = sizeof(struct client),
	.event_read = client_event_read,
	.event_accepted = client_event_accepted,
	.destroy = client_destroy,
};

/* ---- the program ---- */

static void
client_dismiss(struct socle_socket *s, void *arg)
{
	(void)arg;
	line_close(s, &to_client(s)->reader, "stopping");
}

static void
clients_dismiss(bool idle)
{
	if (idle)
		socle_each_descriptor(client_dismiss, NULL);
}

static bool
take_address(const char *value)
{
	address = value;
	return true;
}

static bool
take_memory(const char *value)
{
	return server_number(value, 1, MEMORY_MOST, &megabytes);
}

static const struct server_option options[] = {
	{"listen", "ADDR:PORT", take_address, true},
	{"memory", "MEGABYTES", take_memory, true},
	{"console", "ADDR", server_take_console, false},
	{NULL, NULL, NULL, false},
};

int
main(int argc, char **argv)
{
	int err;

	if (!server_options("memcached", options, argc, argv))
		return 2;
	server_raise_fd_limit();
	err = hash_start();
	if (err == 0)
		err = store_start((size_t)(megabytes * 1024 * 1024));
	if (err < 0)
		return server_fails("memcached", "start", err);
	stats_start();
	err = server_listen("memcached", address, &client_class);
	if (err < 0)
		return server_fails("memcached", address, err);
	err = server_run(clients_dismiss);
	store_stop();
	return err < 0 ? server_fails("memcached", "event loop", err) : 0;
}

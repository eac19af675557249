/*
 * ddlockd [--port=7002] [--listen=ADDR:PORT]: Danga's lock daemon.
 *
 * A lock is a name that at most one connection holds; it is free again when that
 * connection releases it or ends, however it ends.  Requests are lines; their
 * arguments are encoded as in a URL:
 *
 *	trylock lock=NAME	OK, ERR taken, ERR empty_lock
 *	releaselock lock=NAME	OK, ERR didnthave, ERR empty_lock
 *	noop			OK
 *	locks, status, load	several lines
 *
 * It listens on 127.0.0.1 unless --listen says otherwise: there is no password.
 */
#include <socle/socle.h>

#include "common/hash.h"
#include "common/line.h"
#include "common/server.h"
#include "ddlockd/args.h"
#include "ddlockd/load.h"
#include "ddlockd/locks.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	LINE_MOST = 4096,
	LOW_WATER = 16 * 1024,
	HIGH_WATER = 64 * 1024,
	LISTS_MOST = 256 * 1024 * 1024 /* bytes of answers to `locks' */
};

struct client {
	struct socle_socket sock; /* the base, first */
	struct line_reader reader;
	struct lock *held;
};

static char address[128] = "127.0.0.1:7002";
static unsigned long long successes, failures;
static double started;
static size_t list_bytes;

static struct client *
client_of(struct socle_socket *s)
{
	return socle_container_of(s, struct client, sock);
}

/* ---- answers ---- */

/* It is sent with the answers to all lines of the same read: see common/line.h. */
static void
say(struct socle_socket *s, const char *text, size_t n)
{
	if (socle_write(s, text, n) == -ENOMEM)
		socle_close(s, "no memory");
}

static void
say_text(struct socle_socket *s, const char *text)
{
	say(s, text, strlen(text));
}

static void
say_ok(struct socle_socket *s)
{
	say(s, "OK \r\n", 5);
}

/* ---- requests ---- */

static const char *
try_lock(struct socle_socket *s, const struct name *name)
{
	if (name->len == 0)
		return "ERR empty_lock \r\n";
	if (locks_find(name->text, name->len))
		return "ERR taken \r\n";
	if (!locks_take(&client_of(s)->held, s, name->text, name->len))
		return "ERR too_many_locks \r\n";
	return NULL;
}

static void
do_trylock(struct socle_socket *s, const struct name *name)
{
	const char *error = try_lock(s, name);

	load_count();
	if (error) {
		failures++;
		say_text(s, error);
	} else {
		successes++;
		say_ok(s);
	}
}

static void
do_releaselock(struct socle_socket *s, const struct name *name)
{
	struct lock *l = locks_find(name->text, name->len);

	if (name->len == 0) {
		say_text(s, "ERR empty_lock \r\n");
	} else if (!l || lock_holder(l) != s) {
		say_text(s, "ERR didnthave \r\n");
	} else {
		locks_release(l);
		say_ok(s);
	}
}

static void
do_noop(struct socle_socket *s, const struct name *name)
{
	(void)name;
	say_ok(s);
}

static void
list_is_sent(bool sent, void *arg)
{
	struct locks_text *list = arg;

	(void)sent;
	list_bytes -= list->len;
	free(list);
}

/*
 * The list may be long, and it is sent from where it was made, without a copy.
 * Clients that ask for it and read nothing do not fill the memory.
 */
static void
do_locks(struct socle_socket *s, const struct name *name)
{
	struct locks_text *list = locks_list();

	(void)name;
	if (!list || list_bytes + list->len > LISTS_MOST) {
		free(list);
		socle_close(s, "no memory");
		return;
	}
	list_bytes += list->len;
	if (socle_write_ref(s, list->text, list->len, list_is_sent, list) < 0) {
		list_is_sent(false, list); /* not taken: it is still ours */
		socle_close(s, "no memory");
	}
}

static void
do_status(struct socle_socket *s, const struct name *name)
{
	char text[256];

	(void)name;
	snprintf(text, sizeof(text),
		"STATUS: OK\nSUCCESSES: %llu\nFAILURES: %llu\n"
		"RUNTIME: %ld\nLOAD: %lu\n\n",
		successes, failures, (long)(socle_now() - started),
		load_current());
	say_text(s, text);
}

static void
do_load(struct socle_socket *s, const struct name *name)
{
	char text[64];

	(void)name;
	snprintf(text, sizeof(text), "LOAD: %lu\n\n", load_current());
	say_text(s, text);
}

static const struct {
	const char *name;
	void (*run)(struct socle_socket *s, const struct name *name);
} commands[] = {
	{"trylock", do_trylock},
	{"releaselock", do_releaselock},
	{"noop", do_noop},
	{"locks", do_locks},
	{"status", do_status},
	{"load", do_load},
};

static void
client_line(struct socle_socket *s, const char *line, size_t len)
{
	struct args args;

	args_parse(&args, line, len);
	if (args.name.too_long) {
		say_text(s, "ERR lock_too_long \r\n");
		return;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(args.command, commands[i].name) == 0) {
			commands[i].run(s, &args.name);
			return;
		}
	}
	say_text(s, "ERR unknown_command Unknown+server+command\r\n");
}

static void
client_too_long(struct socle_socket *s)
{
	say_text(s, "ERR line_too_long \r\n");
	line_close(s, &client_of(s)->reader, "line too long");
}

/* ---- the class ---- */

static const struct line_events client_events = {
	.longest = LINE_MOST,
	.line = client_line,
	.too_long = client_too_long,
};

static void
client_event_read(struct socle_socket *self)
{
	line_read(self, &client_of(self)->reader, &client_events);
}

/* A client whose machine has vanished would hold its locks for ever. */
static void
keep_alive(int fd)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
#ifdef TCP_KEEPIDLE
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &(int){30}, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &(int){30}, sizeof(int));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &(int){10}, sizeof(int));
#endif
}

static void
client_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	(void)by;
	keep_alive(socle_fd(self));
	if (line_start(self, &client_of(self)->reader, LOW_WATER, HIGH_WATER) <
		0)
		socle_close(self, "no memory");
}

static void client_close(struct socle_socket *self, const char *reason);

static void
client_destroy(struct socle_socket *self)
{
	line_free(&client_of(self)->reader);
}

/* The name that the Perl daemon's clients see in `locks'. */
static const struct socle_class client_class = {
	.name = "DDLockd::Client::Internal",
	.super = &socle_socket_class,
	.size = sizeof(struct client),
	.event_read = client_event_read,
	.event_accepted = client_event_accepted,
	.close = client_close,
	.destroy = client_destroy,
};

/*
 * Every end of a connection comes here, and only here; so this is where the locks
 * are free again.
 */
static void
client_close(struct socle_socket *self, const char *reason)
{
	while (client_of(self)->held)
		locks_release(client_of(self)->held);
	socle_super_close(&client_class, self, reason);
}

/* ---- the program ---- */

static void
client_dismiss(struct socle_socket *s, void *arg)
{
	(void)arg;
	line_close(s, &client_of(s)->reader, "stopping");
}

static void
clients_dismiss(bool idle)
{
	if (idle)
		socle_each_descriptor(client_dismiss, NULL);
}

static bool
take_port(const char *value)
{
	return server_port(value, address, sizeof(address));
}

static bool
take_address(const char *value)
{
	return snprintf(address, sizeof(address), "%s", value) <
		(int)sizeof(address);
}

static const struct server_option options[] = {
	{"port", "7002", take_port, false},
	{"listen", "ADDR:PORT", take_address, false},
	{"console", "ADDR", server_take_console, false},
	{NULL, NULL, NULL, false},
};

int
main(int argc, char **argv)
{
	int err;

	if (!server_options("ddlockd", options, argc, argv))
		return 2;
	server_raise_fd_limit();
	err = hash_start();
	if (err == 0)
		err = server_listen("ddlockd", address, &client_class);
	if (err < 0)
		return server_fails("ddlockd", address, err);
	started = socle_now();
	err = server_run(clients_dismiss);
	return err < 0 ? server_fails("ddlockd", "event loop", err) : 0;
}

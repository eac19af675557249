/*
 * What the console keeps: for a client, and for its thread.
 *
 *	output.c	what a client is answered
 *	listing.c	sockets, states, queues, timers, slow handlers
 *	process.c	the process and its loop
 *	commands.c	the commands
 *	web.c		HTTP
 *	client.c	the class: lines and requests
 *	console.c	the public functions
 */
#ifndef SOCLE_DAEMON_CONSOLE_STATE_H
#define SOCLE_DAEMON_CONSOLE_STATE_H

#include "daemon/console.h"
#include "reactor/ages.h"
#include "reactor/slow_calls.h"
#include "sockets/factory/factory.h"
#include "sockets/socket.h"

enum {
	SOCLE__CONSOLES = 8, /* listeners */
	SOCLE__CONSOLE_CLIENTS = 8,
	SOCLE__CONSOLE_LINE = 4096,
	SOCLE__CONSOLE_PATIENCE = 60 /* seconds */
};

struct socle_console {
	struct socle_socket sock; /* first */
	struct socle_timer turn;  /* the next line or slice */
	bool (*row)(struct socle_console *c, void *arg);
	void (*drop)(void *arg);
	void *arg;
	size_t at;    /* of a built-in listing */
	bool waiting; /* for its answer to be sent, and for its turn */
	bool greeted; /* a line has come */
	bool is_web, is_quiet;
	size_t len;
	char line[SOCLE__CONSOLE_LINE + 1];
};

struct socle__console_command {
	const char *name, *help;
	void (*fn)(struct socle_console *c, int argc, char **argv, void *arg);
	void *arg;
};

struct socle__console_state {
	struct socle_factory *listeners[SOCLE__CONSOLES];
	int n_listeners;
	struct socle__console_command *commands; /* the application's */
	size_t n_commands;
	void (*shutdown)(double seconds, void *arg);
	void *shutdown_arg;
	time_t started;
	int64_t utime, stime; /* at the last `proc', microseconds */
	uint64_t reqs;        /* ... and the clients accepted */
	struct socle__ages ages;
	struct socle__slow_calls slow;
};

static inline struct socle__console_state *
socle__console(void)
{
	return socle__reactor->console;
}

#endif

/* server.h describes the functions. */
#include "common/server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum {
	LISTENERS = 16,
	STOP_SECONDS = 2, /* for clients, when a signal ends the server */
	HAND_OVER_SECONDS = 600, /* ... when a new server has taken over */
	START_SECONDS = 10       /* for a new server to be ready */
};
#define SLOW_SECONDS 0.25

static const char *name = "server";
static char **command;
static struct socle_factory *listeners[LISTENERS];
static int n_listeners;
static void (*end_clients)(bool idle);
static bool told_to_stop;
static pid_t successor;
static const char *console;

/* ---- options ---- */

static bool
usage(const char *server, const struct server_option *options)
{
	fprintf(stderr, "usage: %s", server);
	for (const struct server_option *o = options; o->name; o++)
		fprintf(stderr, o->needed ? " --%s=%s" : " [--%s=%s]", o->name,
			o->value);
	fputc('\n', stderr);
	return false;
}

static bool
takes(const struct server_option *options, const char *arg, uint32_t *given)
{
	for (int i = 0; options[i].name; i++) {
		size_t n = strlen(options[i].name);

		if (strncmp(arg, "--", 2) == 0 &&
			strncmp(arg + 2, options[i].name, n) == 0 &&
			arg[2 + n] == '=') {
			*given |= 1U << i;
			return options[i].take(arg + 2 + n + 1);
		}
	}
	return false;
}

bool
server_options(const char *server, const struct server_option *options,
	int argc, char **argv)
{
	uint32_t given = 0;

	name = server;
	command = argv;
	for (int i = 1; i < argc; i++)
		if (!takes(options, argv[i], &given))
			return usage(server, options);
	for (int i = 0; options[i].name; i++)
		if (options[i].needed && !(given & 1U << i))
			return usage(server, options);
	return true;
}

bool
server_number(const char *text, double least, double most, double *ret)
{
	char *end;
	double number = strtod(text, &end);

	*ret = number;
	return end != text && *end == '\0' && number >= least && number <= most;
}

bool
server_port(const char *text, char *address, size_t size)
{
	double port;

	if (!server_number(text, 0, 65535, &port))
		return false;
	snprintf(address, size, "127.0.0.1:%.0f", port);
	return true;
}

/* ---- limits and errors ---- */

void
server_raise_fd_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

int
server_fails(const char *server, const char *what, int err)
{
	fprintf(stderr, "%s: %s: %s\n", server, what, strerror(-err));
	return 1;
}

/* ---- listeners ---- */

int
server_listen(
	const char *server, const char *where, const struct socle_class *cls)
{
	struct socle_factory *f;
	struct socle_addr a;
	char text[256];
	int err = n_listeners == LISTENERS
		? -ENOSPC
		: socle_service_listen(where, cls, &f);

	if (err < 0)
		return err;
	listeners[n_listeners++] = f;
	err = socle_factory_getsockname(f, &a);
	if (err == 0)
		err = socle_addr_format(&a, text, sizeof(text));
	if (err < 0)
		return err; /* the loop still owns it */
	printf("%s: listening on %s\n", server, text);
	fflush(stdout);
	return 0;
}

void
server_accept(bool on)
{
	for (int i = 0; i < n_listeners; i++)
		if (on)
			socle_resume_accept(listeners[i]);
		else
			socle_pause_accept(listeners[i]);
}

bool
server_take_console(const char *value)
{
	console = value;
	return *value != '\0';
}

static int
console_open(void)
{
	int err = console ? socle_console_listen(console) : 0;

	if (err < 0)
		fprintf(stderr, "%s: %s\n", console, strerror(-err));
	else if (console)
		printf(strncmp(console, "unix:", 5) == 0
				? "console on %s\n"
				: "console on http://%s/\n",
			console);
	fflush(stdout);
	return err;
}

/* ---- slow handlers ---- */

/* A handler that blocks holds up every client. */
static void
report_slow(const struct socle_slow *what, void *arg)
{
	(void)arg;
	fprintf(stderr, "%s: slow handler: %s took %.3f s", name, what->item,
		what->seconds);
	if (what->fd >= 0)
		fprintf(stderr, ", fd %d", what->fd);
	if (what->peer)
		fprintf(stderr, ", peer %s", what->peer);
	fputc('\n', stderr);
}

/* ---- the end ---- */

bool
server_is_draining(void)
{
	return socle_draining();
}

/* Clients that are idle stay when a new server has taken over: see server.h. */
static void
drain(double seconds, bool idle)
{
	int err = socle_drain(seconds, NULL, NULL);

	n_listeners = 0; /* it has freed them */
	if (err < 0) {
		server_fails(name, "drain", err);
		socle_stop();
	} else if (end_clients) {
		end_clients(idle);
	}
}

static void
ask_to_stop(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	if (told_to_stop)
		socle_stop();
	told_to_stop = true;
	drain(STOP_SECONDS, true);
}

/* The new server may end first, replaced in its turn. */
static void
reap(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	(void)waitpid(successor, NULL, WNOHANG);
}

static void
restart_ended(int err, void *arg)
{
	(void)arg;
	if (err < 0) {
		server_fails(name, "restart", err);
		return;
	}
	(void)socle_signal(SIGCHLD, reap, NULL);
	reap(SIGCHLD, NULL);
	drain(HAND_OVER_SECONDS, false);
}

static void
ask_to_restart(int signo, void *arg)
{
	int pid = socle_restart(command, START_SECONDS, restart_ended, NULL);

	(void)signo;
	(void)arg;
	if (pid < 0)
		server_fails(name, "restart", pid);
	else
		successor = pid;
}

/*
 * A manager that cannot be reached is no reason to end.  One that wants signs of
 * life ends a server whose handler hangs, so the log has to name the handler; it
 * costs two readings of the clock for each call, which a server alone saves.
 */
static int
announce(void)
{
	int err = socle_service_watchdog();

	if (err > 0)
		socle_set_slow_handler(SLOW_SECONDS, report_slow, NULL);
	if (err >= 0)
		err = socle_service_ready();
	if (err < 0)
		server_fails(name, "service manager", err);
	return 0;
}

int
server_run(void (*end)(bool idle))
{
	int err = socle_signal(SIGTERM, ask_to_stop, NULL);

	end_clients = end;
	if (err == 0)
		err = socle_signal(SIGINT, ask_to_stop, NULL);
	if (err == 0)
		err = socle_signal(SIGUSR2, ask_to_restart, NULL);
	if (err == 0)
		err = console_open();
	if (err == 0)
		err = announce();
	if (err == 0)
		err = socle_event_loop();
	socle_reset();
	n_listeners = 0; /* freed with the loop */
	return err < 0 ? err : 0;
}

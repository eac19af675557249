/*
 * demo [--port=N] [--root=DIR] [--header-timeout=SECONDS]: an HTTP/1.1 server
 * for the files below DIR.  It profiles its own handlers and shows the profile
 * live at /profile.
 */
#include <socle/socle.h>

#include "demo/answers.h"
#include "demo/client.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { STOP_SECONDS = 2 };

struct options {
	const char *port, *root;
};

static struct socle_factory *listener;
static struct socle_timer stop_timer;

static int
usage(void)
{
	fputs("usage: demo [--port=N] [--root=DIR] "
	      "[--header-timeout=SECONDS]\n",
		stderr);
	return 2;
}

/* The value if `arg' is the option `name', else NULL. */
static const char *
value_of(const char *arg, const char *name)
{
	size_t n = strlen(name);

	return strncmp(arg, name, n) == 0 ? arg + n : NULL;
}

static bool
options_take(struct options *o, int argc, char **argv)
{
	const char *value;
	char *end;

	for (int i = 1; i < argc; i++) {
		if ((value = value_of(argv[i], "--port="))) {
			o->port = value;
		} else if ((value = value_of(argv[i], "--root="))) {
			o->root = value;
		} else if ((value = value_of(argv[i], "--header-timeout="))) {
			client_header_timeout = strtod(value, &end);
			if (end == value || *end ||
				!(client_header_timeout > 0))
				return false;
		} else {
			return false;
		}
	}
	return true;
}

/* Each client needs a descriptor: allow as many as the hard limit does. */
static void
raise_fd_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

/* ---- shutdown ---- */

static void
stop_timed_out(struct socle_timer *t)
{
	(void)t;
	socle_stop();
}

static bool
clients_remain(void *arg)
{
	(void)arg;
	return socle_watched_sockets() > 0;
}

/* The first signal lets answers finish; the second stops at once. */
static void
stop(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	if (!listener) {
		socle_stop();
		return;
	}
	socle_factory_free(listener);
	listener = NULL;
	clients_stop();
	socle_set_post_loop_callback(clients_remain, NULL);
	socle_timer_init(&stop_timer, stop_timed_out);
	socle_timer_start(&stop_timer, STOP_SECONDS);
}

/* ---- startup ---- */

static int
fail(const char *what, int err)
{
	fprintf(stderr, "demo: %s: %s\n", what, strerror(-err));
	return 1;
}

static int
serve(void)
{
	struct socle_addr a;
	int err = socle_factory_getsockname(listener, &a);

	if (err == 0)
		err = socle_signal(SIGTERM, stop, NULL);
	if (err == 0)
		err = socle_signal(SIGINT, stop, NULL);
	if (err == 0) {
		printf("serving http://127.0.0.1:%d/\n", socle_addr_port(&a));
		fflush(stdout);
		err = socle_event_loop();
	}
	return err;
}

int
main(int argc, char **argv)
{
	struct options o = {.port = "8080", .root = "docs"};
	char address[64];
	int err;

	if (!options_take(&o, argc, argv))
		return usage();
	raise_fd_limit();
	err = answers_start(o.root);
	if (err < 0)
		return fail(o.root, err);
	snprintf(address, sizeof(address), "127.0.0.1:%s", o.port);
	err = socle_listen(address, &client_class, &listener);
	if (err < 0)
		return fail(address, err);
	err = serve();
	socle_reset();
	answers_stop();
	return err < 0 ? fail("event loop", err) : 0;
}

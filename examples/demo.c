/*
 * demo [--port=N] [--root=DIR] [--header-timeout=SECONDS]: an HTTP/1.1 daemon
 * that serves the files below DIR and, at /profile, what its own handlers
 * cost while it does so.
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
static struct socle_timer patience;

static int
usage(void)
{
	fputs("usage: demo [--port=N] [--root=DIR] "
	      "[--header-timeout=SECONDS]\n",
		stderr);
	return 2;
}

/* What follows `name' in `arg', or NULL. */
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

/* As many clients as the system lets us have. */
static void
raise_fd_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

/* ---- the end ---- */

static void
out_of_patience(struct socle_timer *t)
{
	(void)t;
	socle_stop();
}

static bool
somebody_is_left(void *arg)
{
	(void)arg;
	return socle_watched_sockets() > 0;
}

/* The answers under way are finished; a second signal does not wait. */
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
	socle_set_post_loop_callback(somebody_is_left, NULL);
	socle_timer_init(&patience, out_of_patience);
	socle_timer_start(&patience, STOP_SECONDS);
}

/* ---- the beginning ---- */

static int
complain(const char *what, int err)
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
	char where[64];
	int err;

	if (!options_take(&o, argc, argv))
		return usage();
	raise_fd_limit();
	err = answers_start(o.root);
	if (err < 0)
		return complain(o.root, err);
	snprintf(where, sizeof(where), "127.0.0.1:%s", o.port);
	err = socle_listen(where, &client_class, &listener);
	if (err < 0)
		return complain(where, err);
	err = serve();
	socle_reset();
	answers_stop();
	return err < 0 ? complain("event loop", err) : 0;
}

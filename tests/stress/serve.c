/* serve.h describes the functions. */
#include "serve.h"
#include "case.h"
#include "usage.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct tally tally;

static const struct serving *serving;
static struct socle_factory *listener;
static int to_load;

/* ---- the class ---- */

static void
echo_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	(void)self;
	(void)by;
	tally.accepted++;
}

static void
echo_event_read(struct socle_socket *self)
{
	char buf[16384];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	if (n > 0) {
		tally.bytes += (uint64_t)n;
		socle_write(self, buf, (size_t)n);
	} else if (n == 0) {
		socle_close_after_flush(self, "end of stream");
	} else if (n != -EAGAIN) {
		socle_close(self, "read failed");
	}
}

static void
echo_event_timeout(struct socle_socket *self, int which)
{
	tally.timeouts++;
	socle_super_event_timeout(&echo_class, self, which);
}

static void
echo_destroy(struct socle_socket *self)
{
	(void)self;
	tally.destroyed++;
}

const struct socle_class echo_class = {
	.name = "Echo",
	.super = &socle_socket_class,
	.event_read = echo_event_read,
	.event_accepted = echo_event_accepted,
	.event_timeout = echo_event_timeout,
	.destroy = echo_destroy,
};

/* ---- questions ---- */

void
serve_answer(void)
{
	tally.heap = usage_heap();
	must(send(to_load, &tally, sizeof(tally), MSG_NOSIGNAL) ==
		(ssize_t)sizeof(tally));
}

static void
observed(void *arg)
{
	(void)arg;
	serve_answer();
}

static void
asked(int fd, unsigned ready, void *arg)
{
	struct question q;
	ssize_t n = recv(fd, &q, sizeof(q), 0);

	(void)ready;
	(void)arg;
	if (n != (ssize_t)sizeof(q)) {
		socle_remove_other_fd(fd);
		return;
	}
	if (q.what == OBSERVE)
		must(socle_add_timer((double)q.argument, observed, NULL) != 0);
	else if (q.what == 0 || serving->answer(&q))
		serve_answer();
}

static bool
tick(void *arg)
{
	(void)arg;
	tally.ticks++;
	return true;
}

static void
log_line(int level, const char *message, void *arg)
{
	(void)level;
	(void)message;
	(void)arg;
	tally.log_lines++;
}

/* ---- the server ---- */

static void
terminated(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	if (serving->terminate)
		serving->terminate(listener);
	else
		socle_stop();
}

static void
accepted(struct socle_factory *f, struct socle_socket *s, void *arg)
{
	(void)f;
	(void)s;
	(void)arg;
}

static void
failed(struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)f;
	(void)arg;
	tally.failures++;
	if (strcmp(why->operation, "accept") != 0)
		fail_case("%s: %s", why->operation, why->errstr);
}

static void
open_listener(void)
{
	struct socle_factory_params p = {
		.has_listen_fd = serving->has_listen_fd,
		.listen_fd = serving->listen_fd,
		.reuse = true, /* ignored with AF_UNIX */
		.unlink_stale = true,
		.unlink_on_close = true,
		.emfile = serving->emfile,
		.accept_batch = serving->accept_batch,
		.accept_class = serving->cls,
		.accepted = accepted,
		.failure = failed,
	};
	const char *where = serving->where ? serving->where : "127.0.0.1:0";
	struct socle_addr at;

	must(socle_addr_parse(&at, where, 0) == 0);
	if (!p.has_listen_fd)
		p.bind_addr = &at;
	must(socle_factory_new(&p, &listener) == 0);
	/* not listening: the failure comes in the first tick */
	if (socle_factory_getsockname(listener, &at) == 0)
		tally.port = socle_addr_port(&at);
}

void
serve(int control, const struct serving *how)
{
	serving = how;
	to_load = control;
	socle_set_log(log_line, NULL);
	socle_set_post_loop_callback(tick, NULL);
	must(socle_signal(SIGTERM, terminated, NULL) == 0);
	must(socle_add_other_fd(control, SOCLE_READ, asked, NULL) == 0);
	open_listener();
	must(socle_event_loop_once(0) == 1);
	serve_answer();
	must(socle_event_loop() == 0);
	socle_reset();
	exit(0);
}

/* backends: all */
/*
 * Processes that are stopped (SIGSTOP) for longer than their timeouts.
 *
 * Shows that a timeout asks the kernel first: clients that sent something
 * meanwhile, or made room for queued data, are served and not closed, and a
 * connection that was made meanwhile is reported as made; that a client that did
 * nothing is closed after all; and that timers fire once each, in their order.
 * Here alone the program waits for time to pass, as that is what it is about.
 */
#include "case.h"
#include "client.h"
#include "serve.h"
#include "usage.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	CLIENTS = 50,
	CHUNK = 65536,
	ROUNDS = 3,
	ROUNDS_BRIEF = 1,
	TIMERS = 100
};
/* Seconds; a connection attempt is repeated by the kernel after 1 s. */
static const double TIMEOUT = 0.4, CONNECT_TIMEOUT = 2;

/* Questions.  With the first two it stops itself: no time passes before. */
enum { BE_IDLE = 1, QUEUE, CONNECT, START_TIMERS };

/* ---- the server ---- */

static const struct socle_class server_class;

/* The first event ends the timeout: the load may be slow. */
static void
server_event_read(struct socle_socket *self)
{
	must(socle_set_idle_timeout(self, 0) == 0);
	socle_super_event_read(&server_class, self);
}

static void
server_event_write(struct socle_socket *self)
{
	must(socle_set_write_timeout(self, 0) == 0);
	socle_super_event_write(&server_class, self);
}

static const struct socle_class server_class = {
	.name = "Server",
	.super = &echo_class,
	.event_read = server_event_read,
	.event_write = server_event_write,
};

static void
set_idle(struct socle_socket *s, void *arg)
{
	(void)arg;
	must(socle_set_idle_timeout(s, TIMEOUT) == 0);
}

/* Until the kernel takes no more, and some beyond that. */
static void
fill(struct socle_socket *s, void *arg)
{
	static unsigned char data[CHUNK];
	size_t offset = 0;

	(void)arg;
	must(socle_set_write_timeout(s, TIMEOUT) == 0);
	do {
		pattern_fill(data, offset, CHUNK);
		must(socle_write(s, data, CHUNK) >= 0);
		offset += CHUNK;
	} while (socle_write_buf_size(s) < CHUNK);
	tally.closed += (long)offset;
}

/* ---- connecting ---- */

static void
connected(struct socle_socket *self)
{
	tally.failures = 0;
	socle_close(self, "connected");
	serve_answer();
}

static void
not_connected(struct socle_socket *self, int err)
{
	tally.failures = err;
	socle_close(self, "not connected");
	serve_answer();
}

static const struct socle_class connector_class = {
	.name = "Connector",
	.super = &socle_socket_class,
	.event_write = connected,
	.event_err = not_connected,
};

static void
connect_to(int port)
{
	struct socle_socket *s;
	char to[32];

	snprintf(to, sizeof(to), "127.0.0.1:%d", port);
	must(socle_connect(to, &connector_class, CONNECT_TIMEOUT, &s) == 0);
}

/* ---- timers ---- */

static struct socle_timer timers[TIMERS];

static void
in_order(struct socle_timer *t)
{
	must(t == &timers[tally.closed]);
	if (++tally.closed == TIMERS)
		serve_answer();
}

static void
start_timers(void)
{
	for (int i = 0; i < TIMERS; i++) {
		socle_timer_init(&timers[i], in_order);
		socle_timer_start(&timers[i], TIMEOUT * (i + 1) / TIMERS);
	}
}

static void
nothing(void *arg)
{
	(void)arg;
}

/*
 * At the end of a tick, because the next one begins with the timers, before it
 * asks for events; and not of the tick that set the timeout, which would count
 * from its end.
 */
static bool
stop_here(void *arg)
{
	static int ticks;

	(void)arg;
	if (++ticks < 3)
		return socle_defer(nothing, NULL) == 0;
	ticks = 0;
	socle_set_post_loop_callback(NULL, NULL);
	raise(SIGSTOP);
	return true;
}

static bool
answer(const struct question *q)
{
	if (q->what == CONNECT)
		connect_to((int)q->argument);
	else if (q->what == START_TIMERS)
		start_timers();
	else
		socle_each_descriptor(
			q->what == BE_IDLE ? set_idle : fill, NULL);
	if (q->what == BE_IDLE || q->what == QUEUE) {
		serve_answer();
		socle_set_post_loop_callback(stop_here, NULL);
	}
	return false;
}

static void
server(int control)
{
	serve(control,
		&(struct serving){.cls = &server_class, .answer = answer});
}

/* ---- the load ---- */

static struct child c;
static int fds[CLIENTS];

static void
start(void)
{
	c = child_start(server);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = client_connect(c.tally.port);
		client_echo(fds[i], "hello", 5);
	}
}

static void
end(void)
{
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	child_await_objects(&c, 0);
	child_stop(&c);
}

/* The server is stopped, and all its timeouts pass. */
static void
let_time_pass(double seconds)
{
	poll(NULL, 0, (int)(seconds * 1e3));
}

/* ---- cases ---- */

static void
clients_that_sent_meanwhile_are_not_idle(void)
{
	start();
	for (long round = scaled(ROUNDS, ROUNDS_BRIEF); round > 0; round--) {
		child_ask(&c, BE_IDLE, 0);
		child_await_stop(&c);
		for (int i = 0; i < CLIENTS; i++)
			client_send(fds[i], "meanwhile", 9);
		let_time_pass(2 * TIMEOUT);
		child_resume(&c);
		for (int i = 0; i < CLIENTS; i++)
			client_expect(fds[i], "meanwhile", 9);
	}
	child_ask(&c, 0, 0);
	must_equal("timeouts", c.tally.timeouts, 0);
	must_equal("objects", c.tally.accepted - c.tally.destroyed, CLIENTS);
	figure("%d clients with an idle timeout of %.1f s, stopped for %.1f s: "
	       "none was closed",
		CLIENTS, TIMEOUT, 2 * TIMEOUT);
	end();
}

static void
clients_that_did_nothing_are_idle_after_all(void)
{
	start();
	child_ask(&c, BE_IDLE, 0);
	child_await_stop(&c);
	let_time_pass(2 * TIMEOUT);
	child_resume(&c);
	child_await_objects(&c, 0);
	must_equal("timeouts", c.tally.timeouts, CLIENTS);
	end();
}

/* Receives what was queued, as far as it is there. */
static size_t
receive_some(int fd, size_t offset)
{
	unsigned char got[CHUNK];
	ssize_t n;

	while ((n = recv(fd, got, sizeof(got), MSG_DONTWAIT)) > 0) {
		must(pattern_holds(got, offset, (size_t)n));
		offset += (size_t)n;
	}
	must(n < 0 && errno == EAGAIN);
	return offset;
}

static void
clients_that_made_room_meanwhile_are_not_stalled(void)
{
	size_t got[CLIENTS] = {0}, all = 0;

	start();
	child_ask(&c, QUEUE, 0);
	child_await_stop(&c);
	for (int i = 0; i < CLIENTS; i++)
		got[i] = receive_some(fds[i], 0);
	let_time_pass(2 * TIMEOUT);
	child_resume(&c);
	/* what was still queued comes too */
	for (long want = c.tally.closed; (long)all < want;) {
		all = 0;
		for (int i = 0; i < CLIENTS; i++) {
			got[i] = receive_some(fds[i], got[i]);
			all += got[i];
		}
	}
	for (int i = 0; i < CLIENTS; i++)
		client_echo(fds[i], "still", 5);
	child_ask(&c, 0, 0);
	must_equal("timeouts", c.tally.timeouts, 0);
	figure("%d clients with %zu bytes and a write timeout of %.1f s, "
	       "stopped for %.1f s: none was closed, no byte was lost",
		CLIENTS, all, TIMEOUT, 2 * TIMEOUT);
	end();
}

/* A listener whose backlog is full: the next connection waits. */
static int
full_listener(int *port, int *held, int n)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(fd >= 0 && bind(fd, (struct sockaddr *)&at, len) == 0);
	must(listen(fd, n - 1) == 0);
	must(getsockname(fd, (struct sockaddr *)&at, &len) == 0);
	*port = ntohs(at.sin_port);
	for (int i = 0; i < n; i++)
		held[i] = client_connect(*port);
	return fd;
}

static void
a_connection_made_meanwhile_is_not_late(void)
{
	struct question q = {.what = CONNECT};
	int held[2], listener, port, fd;
	double from;

	start();
	listener = full_listener(&port, held, 2);
	q.argument = port;
	must(send(c.control, &q, sizeof(q), 0) == (ssize_t)sizeof(q));
	/* the question after it is answered: the attempt is under way */
	q.what = 0;
	must(send(c.control, &q, sizeof(q), 0) == (ssize_t)sizeof(q));
	must(recv(c.control, &c.tally, sizeof(c.tally), 0) > 0);
	from = seconds_now();
	child_pause(&c);
	for (int i = 0; i < 2; i++) {
		close(accept(listener, NULL, NULL));
		close(held[i]);
	}
	fd = accept(listener, NULL, NULL);
	must(fd >= 0);
	let_time_pass(CONNECT_TIMEOUT * 1.2 - (seconds_now() - from));
	child_resume(&c);
	must(recv(c.control, &c.tally, sizeof(c.tally), 0) ==
		(ssize_t)sizeof(c.tally));
	must_equal("result", c.tally.failures, 0);
	figure("connected %.1f s after the start, with a timeout of %.0f s",
		seconds_now() - from, CONNECT_TIMEOUT);
	close(fd);
	close(listener);
	end();
}

static void
timers_fire_once_and_in_order(void)
{
	struct question q = {.what = START_TIMERS};

	start();
	must(send(c.control, &q, sizeof(q), 0) == (ssize_t)sizeof(q));
	for (int i = 0; i < 5; i++) {
		child_pause(&c);
		let_time_pass(TIMEOUT / 4);
		child_resume(&c);
	}
	must(recv(c.control, &c.tally, sizeof(c.tally), 0) ==
		(ssize_t)sizeof(c.tally));
	must_equal("timers", c.tally.closed, TIMERS);
	end();
}

static const struct stress_case cases[] = {
	CASE(clients_that_sent_meanwhile_are_not_idle),
	CASE(clients_that_did_nothing_are_idle_after_all),
	CASE(clients_that_made_room_meanwhile_are_not_stalled),
	CASE(a_connection_made_meanwhile_is_not_late),
	CASE(timers_fire_once_and_in_order),
};

int
main(void)
{
	return CASES_RUN(cases);
}

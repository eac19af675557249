/* backends: all */
/*
 * A link that goes down: the peer is gone, and no packet says so.
 *
 * Server and clients are in two network namespaces, joined by a veth pair of which
 * one end is taken down.  Shows that such half-open connections are found by the
 * idle timeout, by the write timeout, by the kernel's keep-alive and user timeout,
 * whose error reaches each object once, as does that of ss -K, which destroys a
 * connection; that connecting ends at its timeout; and that a link that comes back
 * in time costs nothing.  Prints the times.  Needs root, ip(8) and nft(8).
 */
#include "case.h"
#include "client.h"
#include "net.h"
#include "serve.h"
#include "usage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_ADDRESS "10.9.9.2"

enum { CLIENTS = 50, PIECE = 1 << 16 };
static const double TIMEOUT = 0.5; /* seconds */

/* Questions. */
enum {
	JOIN = 1,
	SET_IDLE,
	SET_STALL,
	SET_USER_TIMEOUT,
	SET_KEEPALIVE,
	SAY,
	GO_DOWN,
	DESTROY
};

/* ---- the server ---- */

static void
option(struct socle_socket *s, int name, int value)
{
	must(setsockopt(socle_fd(s), IPPROTO_TCP, name, &value,
		     sizeof(value)) == 0);
}

static void
keep_alive(struct socle_socket *s)
{
	int on = 1;

	must(setsockopt(socle_fd(s), SOL_SOCKET, SO_KEEPALIVE, &on,
		     sizeof(on)) == 0);
	option(s, TCP_KEEPIDLE, 1);
	option(s, TCP_KEEPINTVL, 1);
	option(s, TCP_KEEPCNT, 1);
}

static void
apply(struct socle_socket *s, void *arg)
{
	static const char data[PIECE];

	switch (*(const int *)arg) {
	case SET_IDLE:
		must(socle_set_idle_timeout(s, TIMEOUT) == 0);
		break;
	case SET_STALL:
		must(socle_set_write_timeout(s, TIMEOUT) == 0);
		break;
	case SET_USER_TIMEOUT:
		option(s, TCP_USER_TIMEOUT, (int)(TIMEOUT * 1e3));
		break;
	case SET_KEEPALIVE:
		keep_alive(s);
		break;
	default:
		/* until the kernel takes no more */
		while (socle_write_buf_size(s) == 0)
			must(socle_write(s, data, sizeof(data)) >= 0);
		break;
	}
}

/* Those that are left are counted: not every kernel can. */
static void
destroy_connections(void)
{
	FILE *f;

	command("ss -K -t state established >/dev/null 2>&1");
	f = popen("ss -H -t state established | wc -l", "r");
	must(f && fscanf(f, "%ld", &tally.closed) == 1);
	pclose(f);
}

static bool
answer(const struct question *q)
{
	int what = q->what;

	if (what == GO_DOWN)
		command("ip link set veth1 down");
	else if (what == DESTROY)
		destroy_connections();
	else
		socle_each_descriptor(apply, &what);
	return true;
}

static const struct socle_class server_class;
static const char finding[] = "the kernel says so";

static void
kernel_found(struct socle_socket *self, int err)
{
	must(err < 0);
	socle_close(self, finding);
}

/*
 * The kernel's finding comes by a read, as an event or, where WRITE is reported
 * with it, by the write that follows.
 */
static void
server_close(struct socle_socket *self, const char *reason)
{
	tally.failures += reason == finding ||
		(reason && strcmp(reason, "write_error") == 0);
	socle_super_close(&server_class, self, reason);
}

static void
server_event_read(struct socle_socket *self)
{
	char c[64];
	ssize_t n = socle_read(self, c, sizeof(c));

	if (n > 0)
		socle_write(self, c, (size_t)n);
	else if (n == 0)
		socle_close_after_flush(self, "end of stream");
	else if (n != -EAGAIN)
		kernel_found(self, (int)n);
}

static const struct socle_class server_class = {
	.name = "Server",
	.super = &echo_class,
	.event_read = server_event_read,
	.event_err = kernel_found,
	.close = server_close,
};

/* In a namespace of its own; its end of the link is given to it. */
static void
server(int control)
{
	struct tally none = {0};
	struct question q;

	empty_network();
	must(send(control, &none, sizeof(none), 0) == (ssize_t)sizeof(none));
	must(recv(control, &q, sizeof(q), 0) == (ssize_t)sizeof(q));
	command("ip link set lo up");
	command("ip addr add " SERVER_ADDRESS "/24 dev veth1");
	command("ip link set veth1 up");
	serve(control,
		&(struct serving){.cls = &server_class,
			.where = "0.0.0.0:0",
			.answer = answer});
}

/* ---- the load ---- */

static struct child c;
static int fds[CLIENTS];

static int
connect_over_link(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)c.tally.port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(inet_pton(AF_INET, SERVER_ADDRESS, &to.sin_addr) == 1);
	must(fd >= 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail_case("connect: %s", strerror(errno));
	return fd;
}

static void
start(void)
{
	empty_network();
	command("ip link set lo up");
	command("ip link add veth0 type veth peer name veth1");
	command("ip addr add 10.9.9.1/24 dev veth0");
	command("ip link set veth0 up");
	c = child_start(server);
	command("ip link set veth1 netns %ld", (long)c.pid);
	child_ask(&c, JOIN, 0);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = connect_over_link();
		client_echo(fds[i], "hello", 5);
	}
}

static void
link_down(void)
{
	command("ip link set veth0 down");
}

static void
end(void)
{
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	child_stop(&c);
}

/* The peers of all objects are gone; what finds that is set up already. */
static void
must_be_found(const char *by, long timeouts, long errors)
{
	double from = seconds_now();

	child_await_objects(&c, 0);
	figure("%d half-open connections found by %s in %.2f s", CLIENTS, by,
		seconds_now() - from);
	must_equal("timeouts", c.tally.timeouts, timeouts);
	must_equal("errors", c.tally.failures, errors);
	end();
}

/* ---- cases ---- */

static void
the_idle_timeout_finds_half_open_connections(void)
{
	start();
	link_down();
	child_ask(&c, SET_IDLE, 0);
	must_be_found("the idle timeout of 0.5 s", CLIENTS, 0);
}

static void
the_write_timeout_finds_half_open_connections(void)
{
	start();
	link_down();
	child_ask(&c, SAY, 0);
	child_ask(&c, SET_STALL, 0);
	must_be_found("the write timeout of 0.5 s", CLIENTS, 0);
}

static void
a_user_timeout_of_the_kernel_reaches_each_object(void)
{
	start();
	link_down();
	child_ask(&c, SET_USER_TIMEOUT, 0);
	child_ask(&c, SAY, 0);
	must_be_found("TCP_USER_TIMEOUT of 0.5 s", 0, CLIENTS);
}

static void
keep_alive_of_the_kernel_reaches_each_object(void)
{
	start();
	link_down();
	child_ask(&c, SET_KEEPALIVE, 0);
	must_be_found("SO_KEEPALIVE of 1 s and 1 s", 0, CLIENTS);
}

static void
connections_that_the_system_destroys_are_found(void)
{
	if (system("command -v ss >/dev/null 2>&1") != 0)
		skip_case("needs ss(8)");
	start();
	child_ask(&c, DESTROY, 0);
	if (c.tally.closed > 0)
		skip_case("the kernel has no INET_DIAG_DESTROY");
	must_be_found("their destruction by ss -K", 0, CLIENTS);
}

/* What was said meanwhile is zeros, and the echo follows. */
static void
expect_behind_zeros(int fd, const char *text)
{
	char got[PIECE];
	size_t at = 0;

	while (at < strlen(text)) {
		ssize_t n = recv(fd, got, sizeof(got), 0);

		must(n > 0);
		for (ssize_t i = 0; i < n; i++) {
			if (got[i] != 0 || at > 0)
				must(got[i] == text[at++]);
		}
	}
}

static void
a_link_that_comes_back_costs_nothing(void)
{
	start();
	link_down();
	for (int i = 0; i < CLIENTS; i++)
		must(send(fds[i], "meanwhile", 9, MSG_NOSIGNAL) == 9);
	child_ask(&c, SAY, 0);
	command("ip link set veth0 up");
	for (int i = 0; i < CLIENTS; i++)
		expect_behind_zeros(fds[i], "meanwhile");
	child_ask(&c, 0, 0);
	must_equal("timeouts", c.tally.timeouts, 0);
	must_equal("objects", c.tally.accepted - c.tally.destroyed, CLIENTS);
	end();
}

/* ---- connecting ---- */

static int connect_result = 1;

static void
connected(struct socle_socket *self)
{
	connect_result = 0;
	socle_close(self, "connected");
}

static void
not_connected(struct socle_socket *self, int err)
{
	must(connect_result == 1); /* once */
	connect_result = err;
	socle_close(self, "not connected");
}

static const struct socle_class connector_class = {
	.name = "Connector",
	.super = &socle_socket_class,
	.event_write = connected,
	.event_err = not_connected,
};

static bool
is_known(void *arg)
{
	(void)arg;
	return connect_result <= 0;
}

static void
connecting_ends_at_its_timeout(void)
{
	struct socle_socket *s;
	char to[64];
	double from;

	start();
	/* the neighbour is known, so that nothing but silence is the answer */
	child_ask(&c, GO_DOWN, 0);
	command("ip neigh replace " SERVER_ADDRESS
		" lladdr 02:00:00:00:00:02 dev veth0");
	snprintf(to, sizeof(to), SERVER_ADDRESS ":%d", c.tally.port);
	from = seconds_now();
	must(socle_connect(to, &connector_class, TIMEOUT, &s) == 0);
	must(socle_write(s, "held", 4) == 0);
	must(socle_run_until(is_known, NULL) == 1);
	figure("%s after %.2f s, with a timeout of %.1f s",
		strerror(-connect_result), seconds_now() - from, TIMEOUT);
	must_equal("result", connect_result, -ETIMEDOUT);
	must(seconds_now() - from >= TIMEOUT);
	socle_reset();
	end();
}

static const struct stress_case cases[] = {
	CASE(the_idle_timeout_finds_half_open_connections),
	CASE(the_write_timeout_finds_half_open_connections),
	CASE(a_user_timeout_of_the_kernel_reaches_each_object),
	CASE(keep_alive_of_the_kernel_reaches_each_object),
	CASE(connections_that_the_system_destroys_are_found),
	CASE(connecting_ends_at_its_timeout),
	CASE(a_link_that_comes_back_costs_nothing),
};

int
main(void)
{
	return CASES_RUN(cases);
}

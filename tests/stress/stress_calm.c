/* backends: all */
/*
 * What must not keep a processor busy.
 *
 * The server holds connections of which the kernel has something to report that
 * nobody asks for: unread input, a half-close, an end or a reset while reading is
 * off and the handlers of errors do nothing; a queue that the peer does not
 * take; datagrams for a peer whose buffer is full.  Shows, by the number of ticks
 * in a few seconds, that none of them makes the loop spin, and that they go on
 * where they stopped.  Prints the ticks.
 */
#include "case.h"
#include "client.h"
#include "serve.h"
#include "usage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLIENTS = 100, CHUNK = 65536, DATAGRAMS = 2000, FEW_TICKS = 10 };
/* A datagram that is refused is tried again after 1, 2, 4 .. 50 ms. */
enum { RETRIES_A_SECOND = 30 };

/* Questions. */
enum { READ_NOT = 1, READ_AGAIN, FILL, SEND_DATAGRAMS };

/* ---- the server ---- */

static void
nothing(struct socle_socket *self)
{
	(void)self;
	tally.timeouts++;
}

static void
nothing_for(struct socle_socket *self, int err)
{
	(void)err;
	nothing(self);
}

static const struct socle_class stoic_class = {
	.name = "Stoic",
	.super = &echo_class,
	.event_hup = nothing,
	.event_err = nothing_for,
};

static void
apply(struct socle_socket *s, void *arg)
{
	static unsigned char data[CHUNK];
	size_t offset = 0;

	if (*(const int *)arg != FILL) {
		socle_watch_read(s, *(const int *)arg == READ_AGAIN);
		return;
	}
	do {
		pattern_fill(data, offset, CHUNK);
		must(socle_write(s, data, CHUNK) >= 0);
		offset += CHUNK;
	} while (socle_write_buf_size(s) < CHUNK);
	tally.closed += (long)offset;
}

static struct sockaddr_un peer;

static void
send_datagrams(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct socle_addr to = {.len = sizeof(peer)};
	struct socle_dgram *d;

	memcpy(&to.u.un, &peer, sizeof(peer));
	must(socle_dgram_new(&socle_dgram_class, fd, NULL, &d) == 0);
	for (long i = 0; i < DATAGRAMS; i++)
		must(socle_dgram_send(d, &i, sizeof(i), 0, &to) >= 0);
}

static bool
answer(const struct question *q)
{
	int what = q->what;

	if (what == SEND_DATAGRAMS)
		send_datagrams();
	else
		socle_each_descriptor(apply, &what);
	return true;
}

static void
server(int control)
{
	serve(control,
		&(struct serving){.cls = &stoic_class, .answer = answer});
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
	for (int i = 0; i < CLIENTS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
	child_stop(&c);
}

static void
must_be_calm(const char *what, long most_a_second)
{
	long seconds = scaled(3, 1), cpu;
	long ticks = child_observe(&c, seconds, &cpu);

	figure("%s: %ld ticks and %ld ms of processor time in %ld s", what,
		ticks, cpu, seconds);
	must_be_at_most("ticks", (double)ticks,
		(double)(FEW_TICKS + most_a_second * seconds));
}

/* ---- cases ---- */

static void
idle_connections_cost_no_tick(void)
{
	start();
	must_be_calm("100 idle connections", 0);
	end();
}

static void
unread_input_waits_for_reading(void)
{
	start();
	child_ask(&c, READ_NOT, 0);
	for (int i = 0; i < CLIENTS; i++)
		client_send(fds[i], "unread", 6);
	must_be_calm("100 connections with unread input", 0);
	child_ask(&c, READ_AGAIN, 0);
	for (int i = 0; i < CLIENTS; i++)
		client_expect(fds[i], "unread", 6);
	end();
}

static void
a_half_close_waits_for_reading(void)
{
	start();
	child_ask(&c, READ_NOT, 0);
	for (int i = 0; i < CLIENTS; i++) {
		client_send(fds[i], "last", 4);
		shutdown(fds[i], SHUT_WR);
	}
	must_be_calm("100 half-closed connections", 0);
	child_ask(&c, READ_AGAIN, 0);
	for (int i = 0; i < CLIENTS; i++) {
		client_expect(fds[i], "last", 4);
		client_drain(fds[i]);
	}
	child_await_objects(&c, 0);
	end();
}

static void
a_reset_is_reported_once(void)
{
	start();
	child_ask(&c, READ_NOT, 0);
	for (int i = 0; i < CLIENTS; i++) {
		client_reset(fds[i]);
		fds[i] = -1;
	}
	must_be_calm("100 reset connections that stay open", 0);
	must_be_at_most("reports of errors and hang-ups",
		(double)c.tally.timeouts, 2 * CLIENTS);
	must_equal("objects", c.tally.accepted - c.tally.destroyed, CLIENTS);
	/* the read finds the reset */
	child_ask(&c, READ_AGAIN, 0);
	child_await_objects(&c, 0);
	end();
}

static void
a_full_queue_waits_for_its_peer(void)
{
	unsigned char got[CHUNK];
	size_t all = 0;

	start();
	child_ask(&c, FILL, 0);
	must_be_calm("100 queues that nobody takes", 0);
	for (int i = 0; i < CLIENTS; i++) {
		size_t offset = 0;
		ssize_t n;

		client_send(fds[i], "the end", 7);
		do {
			n = recv(fds[i], got, sizeof(got), 0);
			must(n > 0);
			offset += (size_t)n;
		} while (n < 7 || memcmp(got + n - 7, "the end", 7) != 0);
		all += offset - 7;
	}
	must_equal("bytes", (long)all, c.tally.closed);
	end();
}

static void
datagrams_wait_for_a_full_peer(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	long number;

	/* abstract, so no file stays */
	peer.sun_family = AF_UNIX;
	snprintf(peer.sun_path + 1, sizeof(peer.sun_path) - 1,
		"socle-stress-%ld", (long)getpid());
	must(fd >= 0 && bind(fd, (struct sockaddr *)&peer, sizeof(peer)) == 0);
	start();
	child_ask(&c, SEND_DATAGRAMS, 0);
	must_be_calm("datagrams for a full peer", RETRIES_A_SECOND);
	for (long i = 0; i < DATAGRAMS; i++) {
		must(recv(fd, &number, sizeof(number), 0) == sizeof(number));
		must_equal("datagram", number, i);
	}
	must(recv(fd, &number, sizeof(number), MSG_DONTWAIT) < 0);
	close(fd);
	end();
}

static const struct stress_case cases[] = {
	CASE(idle_connections_cost_no_tick),
	CASE(unread_input_waits_for_reading),
	CASE(a_half_close_waits_for_reading),
	CASE(a_reset_is_reported_once),
	CASE(a_full_queue_waits_for_its_peer),
	CASE(datagrams_wait_for_a_full_peer),
};

int
main(void)
{
	return CASES_RUN(cases);
}

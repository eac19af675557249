/* backends: all */
/*
 * Clients that do not read.
 *
 * Shows that a broadcast to clients that never read costs at most the write cap
 * for each of them, whether the server drops what exceeds it or the client; that
 * a client that reads gets every byte in order meanwhile, and the others a
 * gapless start; and that the write timeout closes them although the server has
 * nothing to do.  Prints the server's memory.
 */
#include "case.h"
#include "client.h"
#include "serve.h"
#include "usage.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPARE_FDS = 100, PIECE = 16384, CAP = 4 * PIECE, SMALL = 4096 };
static const double STALL = 0.5; /* seconds */

/* Questions. */
enum { BROADCAST = 1, CLOSE_WHEN_FULL, SET_STALL };

/* ---- the server ---- */

static const struct socle_class listener_class;
static bool close_when_full;

static void
listener_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	int size = SMALL;

	socle_super_event_accepted(&listener_class, self, by);
	must(setsockopt(socle_fd(self), SOL_SOCKET, SO_SNDBUF, &size,
		     sizeof(size)) == 0);
	must(socle_set_write_cap(self, CAP) == 0);
}

static const struct socle_class listener_class = {
	.name = "Listener",
	.super = &echo_class,
	.event_accepted = listener_event_accepted,
};

static void
say_to(struct socle_socket *s, void *arg)
{
	if (socle_write(s, arg, PIECE) != -ENOBUFS)
		return;
	tally.refused++;
	if (close_when_full)
		socle_close(s, "too slow");
}

static void
set_stall(struct socle_socket *s, void *arg)
{
	(void)arg;
	must(socle_set_write_timeout(s, STALL) == 0);
}

static bool
answer(const struct question *q)
{
	static unsigned char piece[PIECE];
	static size_t said;

	if (q->what == BROADCAST) {
		pattern_fill(piece, said, PIECE);
		said += PIECE;
		socle_each_descriptor(say_to, piece);
	} else if (q->what == CLOSE_WHEN_FULL) {
		close_when_full = true;
	} else if (q->what == SET_STALL) {
		socle_each_descriptor(set_stall, NULL);
	}
	return true;
}

static void
broadcast_server(int control)
{
	serve(control,
		&(struct serving){.cls = &listener_class, .answer = answer});
}

/* ---- the clients ---- */

static struct child server;
static int *silent, n_silent, reader;
static size_t heard; /* by the reader */

static void
gather(void)
{
	n_silent = (int)scaled(1000, 100);
	need_fds(n_silent + SPARE_FDS);
	server = child_start(broadcast_server);
	silent = malloc((size_t)n_silent * sizeof(*silent));
	must(silent);
	reader = client_connect(server.tally.port);
	for (int i = 0; i < n_silent; i++)
		silent[i] = client_connect_small(server.tally.port, SMALL);
	do
		child_ask(&server, 0, 0);
	while (server.tally.accepted < n_silent + 1);
}

/* The reader gets each piece before the next one is sent. */
static void
broadcast(long pieces)
{
	long rss = usage_rss(server.pid), most_rss = rss;
	size_t heap = server.tally.heap, most_heap = heap;
	double allowed = (double)CAP * n_silent * 1.1 + (1 << 20);
	unsigned char piece[PIECE];

	for (long i = 0; i < pieces; i++) {
		child_ask(&server, BROADCAST, 0);
		pattern_fill(piece, heard, PIECE);
		client_expect(reader, piece, PIECE);
		heard += PIECE;
		if (usage_rss(server.pid) > most_rss)
			most_rss = usage_rss(server.pid);
		if (server.tally.heap > most_heap)
			most_heap = server.tally.heap;
	}
	figure("%ld MB to %d clients that do not read: VmRSS +%ld KB, heap "
	       "+%zu KB, the caps allow %ld KB",
		pieces * PIECE / 1024 * n_silent / 1024, n_silent,
		(most_rss - rss) / 1024, (most_heap - heap) / 1024,
		(long)CAP / 1024 * n_silent);
	if (memory_counts()) {
		must_be_at_most("VmRSS", (double)(most_rss - rss), allowed);
		must_be_at_most("heap", (double)(most_heap - heap), allowed);
	}
}

/* What a silent client finds in the end is the start of what was said. */
static void
must_be_a_start(int fd, size_t least)
{
	unsigned char got[PIECE];
	size_t offset = 0;
	ssize_t n;

	while ((n = recv(fd, got, sizeof(got), 0)) > 0) {
		must(pattern_holds(got, offset, (size_t)n));
		offset += (size_t)n;
	}
	must(n == 0 || errno == ECONNRESET);
	must(offset >= least);
}

static void
disperse(size_t least)
{
	for (int i = 0; i < n_silent; i++) {
		shutdown(silent[i], SHUT_WR);
		must_be_a_start(silent[i], least);
		close(silent[i]);
	}
	client_echo(reader, "here", 4);
	close(reader);
	free(silent);
	child_await_objects(&server, 0);
	child_stop(&server);
}

/* ---- cases ---- */

static void
a_full_queue_drops_what_exceeds_the_cap(void)
{
	gather();
	broadcast(scaled(64, 32));
	must(server.tally.refused > n_silent);
	must_equal("closed", server.tally.destroyed, 0);
	/* what was queued within the cap arrives, now that they read */
	disperse(CAP);
}

static void
a_full_queue_closes_the_client(void)
{
	gather();
	child_ask(&server, CLOSE_WHEN_FULL, 0);
	broadcast(scaled(64, 32));
	must_equal("refused writes", server.tally.refused, n_silent);
	child_await_objects(&server, 1);
	disperse(1);
}

static void
a_stall_is_found_while_nothing_happens(void)
{
	double from;

	gather();
	broadcast(8);
	from = seconds_now();
	child_ask(&server, SET_STALL, 0);
	child_await_objects(&server, 1);
	figure("%d stalled clients closed %.2f s after the write timeout of "
	       "%.2f s was set",
		n_silent, seconds_now() - from, STALL);
	must_equal("timeouts", server.tally.timeouts, n_silent);
	must(seconds_now() - from >= STALL);
	disperse(1);
}

static const struct stress_case cases[] = {
	CASE(a_full_queue_drops_what_exceeds_the_cap),
	CASE(a_full_queue_closes_the_client),
	CASE(a_stall_is_found_while_nothing_happens),
};

int
main(void)
{
	return CASES_RUN(cases);
}

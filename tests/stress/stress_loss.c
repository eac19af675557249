/* backends: all */
/*
 * A network that loses packets and resets connections.
 *
 * Shows that a file and a stream of writes that the server sends, and a stream
 * that it receives, arrive whole and in order while a firewall drops 1, 5 and
 * 20 % of all packets; and that connections that the firewall resets end with an
 * error in their own objects after a gapless start, while others go on beside
 * them.  Prints the times.  Needs root, ip(8) and nft(8).
 */
#include "case.h"
#include "client.h"
#include "net.h"
#include "serve.h"
#include "usage.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 65536, HIGH = 8 * CHUNK, BEGUN = 4 * CHUNK };
enum { SET_IDLE = 1 };           /* a question */
static const double TIMEOUT = 1; /* seconds */

/* What a client asks for: a file, writes, or that the server receives. */
static const char kinds[] = {'F', 'W', 'R'};
enum { KINDS = sizeof(kinds) };

static int file = -1;
static size_t size; /* of each transfer */

/* ---- the server ---- */

struct stream {
	struct socle_socket sock;
	char kind;
	size_t moved;
	bool whole;
};

static void
file_sent(struct socle_socket *self, const struct socle_sent *how, void *arg)
{
	struct stream *s = socle_container_of(self, struct stream, sock);

	(void)arg;
	s->whole = how->err == 0 && how->sent == size;
}

static void
send_file(struct stream *s)
{
	int n = socle_sendfile(&s->sock,
		&(struct socle_sendfile){
			.fd = file, .length = SOCLE_TO_END, .done = file_sent});

	must(n >= 0);
	socle_close_after_flush(&s->sock, "sent");
}

static void
all_written(struct socle_socket *self, void *arg)
{
	struct stream *s = socle_container_of(self, struct stream, sock);

	(void)arg;
	s->whole = true;
	socle_close_after_flush(self, "sent");
}

static void
write_more(struct stream *s)
{
	unsigned char piece[CHUNK];

	while (s->moved < size && socle_write_buf_size(&s->sock) < HIGH) {
		pattern_fill(piece, s->moved, CHUNK);
		if (socle_write(&s->sock, piece, CHUNK) < 0)
			return;
		s->moved += CHUNK;
		if (s->moved == size)
			socle_write_func(&s->sock, all_written, NULL, NULL);
	}
}

static void
server_event_drain(struct socle_socket *self)
{
	struct stream *s = socle_container_of(self, struct stream, sock);

	if (s->kind == 'W')
		write_more(s);
}

static void
receive(struct stream *s)
{
	unsigned char got[CHUNK];
	ssize_t n = socle_read(&s->sock, got, sizeof(got));

	if (n > 0) {
		must(pattern_holds(got, s->moved, (size_t)n));
		s->moved += (size_t)n;
	} else if (n == 0 && s->kind == 'R' && s->moved == size) {
		s->whole = true;
		socle_write(&s->sock, "k", 1);
		socle_close_after_flush(&s->sock, "received");
	} else if (n != -EAGAIN) {
		socle_close(&s->sock, "end of stream");
	}
}

static void
server_event_read(struct socle_socket *self)
{
	struct stream *s = socle_container_of(self, struct stream, sock);

	if (s->kind)
		receive(s);
	else if (socle_read(self, &s->kind, 1) != 1)
		socle_close(self, "no request");
	else if (s->kind == 'F')
		send_file(s);
	else if (s->kind == 'W')
		write_more(s);
}

static void
server_destroy(struct socle_socket *self)
{
	struct stream *s = socle_container_of(self, struct stream, sock);

	tally.closed += s->whole;
	tally.failures += !s->whole;
	tally.destroyed++;
}

static const struct socle_class server_class = {
	.name = "Server",
	.super = &echo_class,
	.size = sizeof(struct stream),
	.event_read = server_event_read,
	.event_drain = server_event_drain,
	.destroy = server_destroy,
};

static void
set_idle(struct socle_socket *s, void *arg)
{
	(void)arg;
	must(socle_set_idle_timeout(s, TIMEOUT) == 0);
}

static bool
answer(const struct question *q)
{
	(void)q;
	socle_each_descriptor(set_idle, NULL);
	return true;
}

static void
server(int control)
{
	serve(control,
		&(struct serving){.cls = &server_class, .answer = answer});
}

/* ---- the clients, a process each ---- */

enum { WHOLE = 0, BROKEN = 2 }; /* exit status */

struct gate {
	int begun[2], go[2]; /* pipes; begun[0] is -1: nobody waits */
};

static void
pass_gate(const struct gate *g, size_t moved)
{
	char c;

	if (moved != BEGUN || g->begun[0] < 0)
		return;
	must(write(g->begun[1], "b", 1) == 1);
	must(read(g->go[0], &c, 1) == 1);
}

static int
client_sends(int fd, const struct gate *g)
{
	unsigned char piece[CHUNK];
	size_t moved = 0;

	while (moved < size) {
		pattern_fill(piece, moved, CHUNK);
		if (send(fd, piece, CHUNK, MSG_NOSIGNAL) != CHUNK)
			return BROKEN;
		moved += CHUNK;
		pass_gate(g, moved);
	}
	shutdown(fd, SHUT_WR);
	return recv(fd, piece, CHUNK, 0) == 1 ? WHOLE : BROKEN;
}

static int
client_receives(int fd, const struct gate *g)
{
	unsigned char got[CHUNK];
	size_t moved = 0;
	ssize_t n;

	while ((n = recv(fd, got, CHUNK, MSG_WAITALL)) > 0) {
		must(pattern_holds(got, moved, (size_t)n));
		moved += (size_t)n;
		pass_gate(g, moved);
	}
	/* a clean end before all has come would be a lie */
	must(n < 0 || moved == size);
	return n == 0 ? WHOLE : BROKEN;
}

static pid_t
start_client(int port, char kind, const struct gate *g)
{
	struct timeval patience = {.tv_sec = 5};
	pid_t pid = fork();
	int fd;

	must(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	fd = g->begun[0] < 0 ? client_connect(port)
			     : client_connect_small(port, CHUNK);
	client_send(fd, &kind, 1);
	/* where a reset may be lost: the client is not what is tested */
	if (g->begun[0] >= 0)
		must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			     sizeof(patience)) == 0);
	_exit(kind == 'R' ? client_sends(fd, g) : client_receives(fd, g));
}

static void
must_end(pid_t pid, int wanted)
{
	int status;

	must(waitpid(pid, &status, 0) == pid);
	must(WIFEXITED(status));
	must_equal("exit status of a client", WEXITSTATUS(status), wanted);
}

static void
make_file(long chunks)
{
	unsigned char piece[CHUNK];

	size = (size_t)chunks * CHUNK;
	file = memfd_create("stress", MFD_CLOEXEC);
	must(file >= 0);
	for (size_t i = 0; i < size; i += CHUNK) {
		pattern_fill(piece, i, CHUNK);
		must(write(file, piece, CHUNK) == CHUNK);
	}
}

/* ---- cases ---- */

static void
transfer_with_loss(int percent)
{
	const struct gate none = {.begun = {-1, -1}};
	struct child c;
	pid_t clients[KINDS];
	double from;

	own_network();
	make_file(scaled(1600, 80));
	c = child_start(server);
	command("nft add rule inet stress in meta l4proto tcp "
		"numgen random mod 100 \\< %d drop",
		percent);
	from = seconds_now();
	for (int i = 0; i < KINDS; i++)
		clients[i] = start_client(c.tally.port, kinds[i], &none);
	for (int i = 0; i < KINDS; i++)
		must_end(clients[i], WHOLE);
	figure("a file, writes and a received stream of %zu bytes each arrived "
	       "whole in %.1f s with %d %% loss",
		size, seconds_now() - from, percent);
	child_await_objects(&c, 0);
	must_equal("whole", c.tally.closed, KINDS);
	must_equal("broken", c.tally.failures, 0);
	child_stop(&c);
	close(file);
}

static void
one_percent_loss_changes_no_byte(void)
{
	transfer_with_loss(1);
}

static void
five_percent_loss_changes_no_byte(void)
{
	transfer_with_loss(5);
}

static void
twenty_percent_loss_changes_no_byte(void)
{
	transfer_with_loss(20);
}

static void
a_reset_ends_its_own_objects_alone(void)
{
	struct child bad, good;
	pid_t doomed[KINDS], healthy[KINDS];
	struct gate g;
	char c;

	own_network();
	make_file(scaled(1600, 320));
	must(pipe(g.begun) == 0 && pipe(g.go) == 0);
	bad = child_start(server);
	good = child_start(server);
	for (int i = 0; i < KINDS; i++) {
		doomed[i] = start_client(bad.tally.port, kinds[i], &g);
		healthy[i] = start_client(good.tally.port, kinds[i], &g);
	}
	for (int i = 0; i < 2 * KINDS; i++)
		must(read(g.begun[0], &c, 1) == 1);
	/* what the firewall answers has to get in */
	for (int i = 0; i < 2; i++)
		command("nft add rule inet stress in tcp %s %d "
			"'tcp flags & rst == 0' reject with tcp reset",
			i == 0 ? "dport" : "sport", bad.tally.port);
	child_ask(&bad, SET_IDLE, 0);
	for (int i = 0; i < 2 * KINDS; i++)
		must(write(g.go[1], "g", 1) == 1);
	for (int i = 0; i < KINDS; i++) {
		must_end(doomed[i], BROKEN);
		must_end(healthy[i], WHOLE);
	}
	child_await_objects(&bad, 0);
	child_await_objects(&good, 0);
	must_equal("broken", bad.tally.failures, KINDS);
	must_equal("whole beside them", good.tally.closed, KINDS);
	figure("%d transfers were reset, %ld of them found by the idle "
	       "timeout; "
	       "%d beside them arrived whole",
		KINDS, bad.tally.timeouts, KINDS);
	child_stop(&bad);
	child_stop(&good);
	for (int i = 0; i < 2; i++) {
		close(g.begun[i]);
		close(g.go[i]);
	}
	close(file);
}

static const struct stress_case cases[] = {
	CASE(one_percent_loss_changes_no_byte),
	CASE(five_percent_loss_changes_no_byte),
	CASE(twenty_percent_loss_changes_no_byte),
	CASE(a_reset_ends_its_own_objects_alone),
};

int
main(void)
{
	return CASES_RUN(cases);
}

/*
 * A server under a mixed load for a long time: SOAK_SECONDS, an hour by default.
 *
 * 10,000 connections are idle; some of them echo; others come and go, every other
 * one by a reset; some ask for much and read it late; datagrams come beside them,
 * each object has a timer that is started and cancelled, and now and then the
 * server forks.  The load works in rounds and looks at the server after each, when
 * the same connections are open.  Shows that the count of fds is the same after
 * every round, that VmRSS and the bytes in use by malloc(3) do not grow once it
 * is warm, and that a timer of a second has not drifted.  Prints the slopes.
 */
#include "case.h"
#include "client.h"
#include "serve.h"
#include "usage.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IDLE = 10000, SPARE_FDS = 300, ECHOES = 200, CHURN = 200, AT_ONCE = 20 };
enum { LATE = 10, DATAGRAMS = 50, FORK_EVERY = 10, MUCH = 1 << 20 };
enum { CHUNK = 65536, SAMPLES = 100000 };
/* A page that the allocator takes late is no leak; a leak would be more. */
enum { HEAP_SLACK = 4096, RSS_SLACK = 512 * 1024 };

/* Questions. */
enum { START = 1, FORK, DRIFT };

/* ---- the server ---- */

static const struct socle_class client_class;

struct client {
	struct socle_socket sock;
	struct socle_timer timer;
};

static double when, since;
static long seconds_fired;
static struct socle_timer each_second;

/* Of each client, started again by each of its messages. */
static void
never(struct socle_timer *t)
{
	(void)t;
	fail_case("a connection was silent for an hour");
}

static void
client_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	struct client *c = socle_container_of(self, struct client, sock);

	socle_super_event_accepted(&client_class, self, by);
	socle_timer_init(&c->timer, never);
	must(socle_set_idle_timeout(self, 100000) == 0);
}

static void
send_much(struct socle_socket *s)
{
	static unsigned char much[MUCH];

	pattern_fill(much, 0, MUCH);
	must(socle_write(s, much, MUCH) >= 0);
}

static void
client_event_read(struct socle_socket *self)
{
	struct client *c = socle_container_of(self, struct client, sock);
	char buf[CHUNK];
	ssize_t n = socle_read(self, buf, sizeof(buf));

	socle_timer_start(&c->timer, 100000);
	if (n > 0 && buf[0] == 'M')
		send_much(self);
	else if (n > 0)
		socle_write(self, buf, (size_t)n);
	else if (n == 0)
		socle_close_after_flush(self, "end of stream");
	else if (n != -EAGAIN)
		socle_close(self, "read failed");
}

static void
client_close(struct socle_socket *self, const char *reason)
{
	struct client *c = socle_container_of(self, struct client, sock);

	socle_timer_cancel(&c->timer);
	socle_super_close(&client_class, self, reason);
}

static const struct socle_class client_class = {
	.name = "Client",
	.super = &echo_class,
	.size = sizeof(struct client),
	.event_read = client_event_read,
	.event_accepted = client_event_accepted,
	.close = client_close,
};

static void
on_datagram(struct socle_dgram *self, const struct socle_packet *p)
{
	socle_dgram_send(self, p->data, p->len, 0, &p->from);
}

/* By absolute times: what is late is caught up, and nothing drifts. */
static void
second(struct socle_timer *t)
{
	seconds_fired++;
	when += 1;
	socle_timer_start_at(t, when);
}

static void
start_parts(void)
{
	struct socle_dgram_params p = {.on_recv = on_datagram};
	struct socle_dgram *d;

	must(socle_dgram_open(
		     "127.0.0.1:0", true, &socle_dgram_class, &p, &d) == 0);
	tally.closed = socle_local_port(&d->sock);
	socle_timer_init(&each_second, second);
	since = socle_now();
	when = since + 1;
	socle_timer_start_at(&each_second, when);
}

static void
fork_once(void)
{
	pid_t pid = fork();
	int status;

	must(pid >= 0);
	if (pid == 0) {
		socle_reset();
		_exit(socle_watched_sockets() == 0 ? 0 : 1);
	}
	must(waitpid(pid, &status, 0) == pid && status == 0);
}

static bool
answer(const struct question *q)
{
	if (q->what == START)
		start_parts();
	else if (q->what == FORK)
		fork_once();
	else
		tally.seconds = socle_now() - since - (double)seconds_fired;
	return true;
}

static void
server(int control)
{
	serve(control,
		&(struct serving){.cls = &client_class, .answer = answer});
}

/* ---- the load ---- */

static struct child c;
static int idle[IDLE], datagram = -1;

static void
start(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	need_fds(IDLE + SPARE_FDS);
	c = child_start(server);
	child_ask(&c, START, 0);
	to.sin_port = htons((uint16_t)c.tally.closed);
	datagram = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(datagram >= 0 &&
		connect(datagram, (struct sockaddr *)&to, sizeof(to)) == 0);
	for (int i = 0; i < IDLE; i++) {
		idle[i] = client_connect(c.tally.port);
		client_echo(idle[i], "hello", 5);
	}
}

static void
some_echo(long round)
{
	for (int i = 0; i < ECHOES; i++)
		client_echo(idle[(round * ECHOES + i) % IDLE],
			"one of the idle ones", 20);
}

static void
some_come_and_go(void)
{
	int fds[AT_ONCE];

	for (int i = 0; i < CHURN; i += AT_ONCE) {
		for (int j = 0; j < AT_ONCE; j++)
			fds[j] = client_connect(c.tally.port);
		for (int j = 0; j < AT_ONCE; j++)
			client_echo(fds[j], "hello", 5);
		for (int j = 0; j < AT_ONCE; j++) {
			if (j % 2)
				client_reset(fds[j]);
			else
				close(fds[j]);
		}
	}
}

/* They ask first and read when all have asked. */
static void
some_read_late(long round)
{
	unsigned char piece[CHUNK];
	int *late = &idle[round * LATE % IDLE];

	for (int i = 0; i < LATE; i++)
		client_send(late[i], "M", 1);
	for (size_t at = 0; at < MUCH; at += CHUNK) {
		pattern_fill(piece, at, CHUNK);
		for (int i = 0; i < LATE; i++)
			client_expect(late[i], piece, CHUNK);
	}
}

static void
some_are_datagrams(void)
{
	char text[64] = "datagram", got[64];

	for (int i = 0; i < DATAGRAMS; i++) {
		must(send(datagram, text, sizeof(text), 0) == sizeof(text));
		must(recv(datagram, got, sizeof(got), 0) == sizeof(got));
		must(memcmp(text, got, sizeof(got)) == 0);
	}
}

static void
play(long round)
{
	some_echo(round);
	some_come_and_go();
	some_read_late(round);
	some_are_datagrams();
	if (round % FORK_EVERY == 0)
		child_ask(&c, FORK, 0);
	child_await_objects(&c, IDLE);
}

/* ---- the samples ---- */

struct samples {
	double time[SAMPLES], rss[SAMPLES], heap[SAMPLES];
	int n;
};

static void
sample(struct samples *s, double time)
{
	if (s->n == SAMPLES || (s->n > 0 && time - s->time[s->n - 1] < 0.25))
		return;
	s->time[s->n] = time;
	s->rss[s->n] = (double)usage_rss(c.pid);
	s->heap[s->n] = (double)c.tally.heap;
	s->n++;
}

/* Of the least squares line, a second. */
static double
slope(const double *x, const double *y, int n)
{
	double sx = 0, sy = 0, sxx = 0, sxy = 0;

	for (int i = 0; i < n; i++) {
		sx += x[i] - x[0];
		sy += y[i] - y[0];
		sxx += (x[i] - x[0]) * (x[i] - x[0]);
		sxy += (x[i] - x[0]) * (y[i] - y[0]);
	}
	return n < 2 ? 0 : (n * sxy - sx * sy) / (n * sxx - sx * sx);
}

static double
most(const double *y, int n)
{
	double m = y[0];

	for (int i = 1; i < n; i++)
		m = y[i] > m ? y[i] : m;
	return m;
}

/* A quarter to warm up; then the second half may not exceed the first. */
static void
must_be_flat(const char *what, const struct samples *s, const double *y,
	double slack)
{
	int warm = s->n / 4, half = (s->n - warm) / 2;
	double before = most(y + warm, half), after;

	after = most(y + warm + half, s->n - warm - half);
	figure("%s: %.0f KB at most in the first half, %.0f KB in the second; "
	       "slope %.2f KB an hour over %.0f s",
		what, before / 1024, after / 1024,
		slope(s->time + warm, y + warm, s->n - warm) * 3600 / 1024,
		s->time[s->n - 1] - s->time[warm]);
	if (memory_counts())
		must_be_at_most(what, after, before + slack);
}

static void
memory_and_fds_stay_flat(void)
{
	const char *text = getenv("SOAK_SECONDS");
	long seconds = text && *text ? strtol(text, NULL, 10) : 3600, fds = 0;
	struct samples *s = calloc(1, sizeof(*s));
	double from = seconds_now();
	long round = 0;

	must(s && seconds > 0);
	alarm((unsigned)seconds + 600);
	start();
	do {
		play(++round);
		/* the first round opens what is opened once */
		if (round == 1)
			fds = usage_fds(c.pid);
		must_equal("fds of the server", usage_fds(c.pid), fds);
		sample(s, seconds_now() - from);
	} while (seconds_now() - from < (double)seconds);
	child_ask(&c, DRIFT, 0);
	figure("%ld rounds in %.0f s: %d connections held, %ld accepted, %ld "
	       "fds after each round, %ld log lines; a timer of a second is "
	       "%.3f s behind",
		round, seconds_now() - from, IDLE, c.tally.accepted, fds,
		c.tally.log_lines, c.tally.seconds);
	must(s->n >= 8);
	must_be_flat("heap", s, s->heap, HEAP_SLACK);
	must_be_flat("VmRSS", s, s->rss, RSS_SLACK);
	must_equal("log lines", c.tally.log_lines, 0);
	must(c.tally.seconds >= 0 && c.tally.seconds < 60);
	for (int i = 0; i < IDLE; i++)
		close(idle[i]);
	close(datagram);
	child_await_objects(&c, 0);
	child_stop(&c);
	free(s);
}

static const struct stress_case cases[] = {CASE(memory_and_fds_stay_flat)};

int
main(void)
{
	return CASES_RUN(cases);
}

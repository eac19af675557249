/* backends: all */
/*
 * Requests that never end.
 *
 * Shows that clients that send a request byte by byte are closed by the time
 * that the server sets for a request, none of them early; that clients that send
 * nothing are closed by the idle timeout; and that the requests of another
 * client, to which no limit applies, are all answered meanwhile.  Prints how late the
 * closures were, and the other client's answers.
 */
#include "case.h"
#include "client.h"
#include "serve.h"
#include "usage.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPARE_FDS = 100, REQUEST = 8 };
static const double HEADER = 1.5, IDLE = 1.0; /* seconds */

/* ---- the server: answers each 8 bytes by the same 8 bytes ---- */

enum { SET_IDLE = 1 }; /* a question */

static const struct socle_class request_class;
static bool idle_timeouts;

struct request {
	struct socle_socket sock;
	struct socle_timer limit;
	double due;
	bool trusted;
	size_t got;
	char text[REQUEST];
};

static void
request_late(struct socle_timer *t)
{
	struct request *r = socle_container_of(t, struct request, limit);
	double late = socle_now() - r->due;

	must(late >= 0);
	if (late > tally.seconds)
		tally.seconds = late;
	tally.closed++;
	socle_close(&r->sock, "request too slow");
}

static void
request_start(struct request *r)
{
	r->got = 0;
	if (r->trusted || idle_timeouts)
		return;
	r->due = socle_now() + HEADER;
	socle_timer_start(&r->limit, HEADER);
}

static void
request_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	struct request *r = socle_container_of(self, struct request, sock);

	socle_super_event_accepted(&request_class, self, by);
	r->trusted = tally.accepted == 1;
	socle_timer_init(&r->limit, request_late);
	request_start(r);
	if (idle_timeouts && !r->trusted)
		must(socle_set_idle_timeout(self, IDLE) == 0);
}

static void
request_event_read(struct socle_socket *self)
{
	struct request *r = socle_container_of(self, struct request, sock);
	ssize_t n = socle_read(self, r->text + r->got, REQUEST - r->got);

	if (n <= 0) {
		if (n != -EAGAIN)
			socle_close(self, "end of stream");
		return;
	}
	r->got += (size_t)n;
	if (r->got < REQUEST)
		return;
	socle_write(self, r->text, REQUEST);
	request_start(r);
}

static void request_close(struct socle_socket *self, const char *reason);

static void
request_close(struct socle_socket *self, const char *reason)
{
	struct request *r = socle_container_of(self, struct request, sock);

	socle_timer_cancel(&r->limit);
	socle_super_close(&request_class, self, reason);
}

static const struct socle_class request_class = {
	.name = "Request",
	.super = &echo_class,
	.size = sizeof(struct request),
	.event_read = request_event_read,
	.event_accepted = request_event_accepted,
	.close = request_close,
};

static bool
answer(const struct question *q)
{
	idle_timeouts = q->what == SET_IDLE;
	return true;
}

static void
request_server(int control)
{
	serve(control,
		&(struct serving){.cls = &request_class, .answer = answer});
}

/* ---- the attack ---- */

static struct child server;
static int *attackers, n_attackers, healthy;
static long answers;
static double slowest; /* answer, in seconds */

static void
attack(int question)
{
	n_attackers = (int)scaled(5000, 500);
	need_fds(n_attackers + SPARE_FDS);
	server = child_start(request_server);
	if (question)
		child_ask(&server, question, 0);
	attackers = malloc((size_t)n_attackers * sizeof(*attackers));
	must(attackers);
	healthy = client_connect(server.tally.port);
	for (int i = 0; i < n_attackers; i++)
		attackers[i] = client_connect(server.tally.port);
}

static void
ask(void)
{
	double from = seconds_now(), took;

	client_echo(healthy, "12345678", REQUEST);
	took = seconds_now() - from;
	if (took > slowest)
		slowest = took;
	answers++;
}

/* A byte to each that is still open, now and then; but never a whole request. */
static void
drip(int *sent, double from)
{
	int due = (int)((seconds_now() - from) / HEADER * (REQUEST - 2));

	if (*sent > due || *sent == REQUEST - 1)
		return;
	(*sent)++;
	for (int i = 0; i < n_attackers; i++)
		send(attackers[i], "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void
withdraw(void)
{
	for (int i = 0; i < n_attackers; i++) {
		client_ends(attackers[i], NULL);
		close(attackers[i]);
	}
	free(attackers);
	ask();
	close(healthy);
	child_await_objects(&server, 0);
	child_stop(&server);
}

static void
dripping_requests_end_at_their_time(void)
{
	double from;
	int sent = 0;

	attack(0);
	from = seconds_now();
	do {
		drip(&sent, from);
		ask();
		child_ask(&server, 0, 0);
	} while (server.tally.accepted < n_attackers + 1 ||
		server.tally.destroyed < n_attackers);
	figure("%d dripping requests closed at most %.1f ms after their %.1f "
	       "s; "
	       "%ld others answered meanwhile, the slowest in %.1f ms",
		n_attackers, server.tally.seconds * 1e3, HEADER, answers,
		slowest * 1e3);
	must_equal("closed as too slow", server.tally.closed, n_attackers);
	must_equal("idle timeouts", server.tally.timeouts, 0);
	withdraw();
}

static void
silent_clients_end_at_the_idle_timeout(void)
{
	double from;

	attack(SET_IDLE);
	from = seconds_now();
	do {
		ask();
		child_ask(&server, 0, 0);
	} while (server.tally.accepted < n_attackers + 1 ||
		server.tally.destroyed < n_attackers);
	figure("%d silent clients closed by the idle timeout of %.1f s within "
	       "%.2f s; %ld others answered meanwhile, the slowest in %.1f ms",
		n_attackers, IDLE, seconds_now() - from, answers,
		slowest * 1e3);
	must_equal("idle timeouts", server.tally.timeouts, n_attackers);
	must_equal("closed as too slow", server.tally.closed, 0);
	withdraw();
}

static const struct stress_case cases[] = {
	CASE(dripping_requests_end_at_their_time),
	CASE(silent_clients_end_at_the_idle_timeout),
};

int
main(void)
{
	return CASES_RUN(cases);
}

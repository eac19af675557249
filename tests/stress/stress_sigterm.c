/* backends: all */
/*
 * SIGTERM in every phase of a server's work.
 *
 * On SIGTERM the server frees its listener, calls socle_close_after_flush() for
 * every object, and ends when none is left.  Shows that whatever it had accepted
 * to send arrives whole, followed by a clean end of the stream, and that the exit
 * status is 0: while it is idle, accepts, sends a file, drains a queue, lingers,
 * and when the signal is repeated.  Prints the bytes that were on their way.
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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS = 8, ANSWER = 32768, CHUNK = 65536 };
static const double LINGER = 60; /* seconds; no test waits for it */

static int file = -1;
static size_t size; /* of the file, and of a queue */

/* ---- the server ---- */

static void
send_file(struct socle_socket *s)
{
	int n = socle_sendfile(s,
		&(struct socle_sendfile){.fd = file, .length = SOCLE_TO_END});

	must(n >= 0);
}

static void
send_queue(struct socle_socket *s)
{
	unsigned char piece[CHUNK];

	for (size_t i = 0; i < size; i += CHUNK) {
		pattern_fill(piece, i, CHUNK);
		must(socle_write(s, piece, CHUNK) >= 0);
	}
}

static void
send_answer(struct socle_socket *s)
{
	unsigned char answer[ANSWER];

	pattern_fill(answer, 0, ANSWER);
	must(socle_write(s, answer, ANSWER) >= 0);
	socle_close_after_flush(s, "answered");
}

static void
server_event_read(struct socle_socket *self)
{
	char c;
	ssize_t n = socle_read(self, &c, 1);

	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		socle_close_after_flush(self, "end of stream");
		return;
	}
	must(socle_set_linger(self, LINGER, LINGER) == 0);
	if (c == 'F')
		send_file(self);
	else if (c == 'Q')
		send_queue(self);
	else if (c == 'A')
		send_answer(self);
}

static const struct socle_class server_class = {
	.name = "Server",
	.super = &echo_class,
	.event_read = server_event_read,
};

static void
say_goodbye(struct socle_socket *s, void *arg)
{
	(void)arg;
	socle_close_after_flush(s, "terminated");
}

static bool
some_are_left(void *arg)
{
	(void)arg;
	return socle_watched_sockets() > 0;
}

static void
terminate(struct socle_factory *listener)
{
	static bool terminating;

	if (terminating)
		return;
	terminating = true;
	socle_factory_free(listener);
	socle_each_descriptor(say_goodbye, NULL);
	socle_set_post_loop_callback(some_are_left, NULL);
}

static void
server(int control)
{
	serve(control,
		&(struct serving){
			.cls = &server_class, .terminate = terminate});
}

/* ---- clients ---- */

static struct child c;
static int fds[CLIENTS];

static void
start(void)
{
	unsigned char piece[CHUNK];

	size = (size_t)scaled(16 << 20, 2 << 20);
	file = memfd_create("stress", MFD_CLOEXEC);
	must(file >= 0);
	for (size_t i = 0; i < size; i += CHUNK) {
		pattern_fill(piece, i, CHUNK);
		must(write(file, piece, CHUNK) == CHUNK);
	}
	c = child_start(server);
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = client_connect_small(c.tally.port, CHUNK);
		client_send(fds[i], "-", 1);
	}
	do
		child_ask(&c, 0, 0);
	while (c.tally.accepted < CLIENTS);
}

/* Receives the rest up to a clean end. */
static size_t
receive_rest(int fd, size_t from)
{
	unsigned char got[CHUNK];
	ssize_t n;

	while ((n = recv(fd, got, sizeof(got), 0)) > 0) {
		must(pattern_holds(got, from, (size_t)n));
		from += (size_t)n;
	}
	must(n == 0);
	return from;
}

static void
end(size_t from, size_t each)
{
	for (int i = 0; i < CLIENTS; i++) {
		must_equal(
			"bytes", (long)receive_rest(fds[i], from), (long)each);
		close(fds[i]);
	}
	must_equal("exit status", child_wait(&c), 0);
	close(file);
}

/* The first bytes of what is asked for, which shows that it is on its way. */
static void
request(const char *what, size_t first)
{
	unsigned char begun[CHUNK];

	pattern_fill(begun, 0, first);
	for (int i = 0; i < CLIENTS; i++)
		client_send(fds[i], what, 1);
	for (int i = 0; i < CLIENTS; i++)
		client_expect(fds[i], begun, first);
	child_ask(&c, 0, 0);
}

static void
terminate_server(void)
{
	must(kill(c.pid, SIGTERM) == 0);
}

/* ---- cases ---- */

static void
idle_clients_see_the_end(void)
{
	start();
	terminate_server();
	end(0, 0);
}

static void
a_file_that_is_being_sent_arrives_whole(void)
{
	start();
	request("F", 4096);
	terminate_server();
	figure("%d files of %zu bytes arrived whole", CLIENTS, size);
	end(4096, size);
}

static void
a_queue_that_drains_arrives_whole(void)
{
	start();
	request("Q", 4096);
	terminate_server();
	figure("%d queues of %zu bytes arrived whole", CLIENTS, size);
	end(4096, size);
}

/* The server has closed; the client has not ended yet and goes on sending. */
static void
what_a_closing_object_sends_arrives_whole(void)
{
	start();
	request("A", 4096);
	for (int i = 0; i < CLIENTS; i++)
		client_send(fds[i], "and more", 8);
	terminate_server();
	for (int i = 0; i < CLIENTS; i++) {
		must_equal("bytes", (long)receive_rest(fds[i], 4096), ANSWER);
		client_send(fds[i], "late", 4);
		close(fds[i]);
	}
	must_equal("exit status", child_wait(&c), 0);
	close(file);
}

static void
a_repeated_signal_changes_nothing(void)
{
	start();
	request("F", 4096);
	for (int i = 0; i < 1000; i++)
		terminate_server();
	end(4096, size);
}

/* One answer after the other; each is there wholly or not at all. */
static void
visit_until_refused(int report)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)c.tally.port)};
	long whole = 0;

	for (;;) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		size_t got = 0;
		bool clean;

		if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
			break;
		send(fd, "A", 1, MSG_NOSIGNAL);
		clean = client_ends(fd, &got);
		must(got == 0 || (clean && got == ANSWER));
		whole += got == ANSWER;
		close(fd);
	}
	must(errno == ECONNREFUSED || errno == ECONNRESET);
	must(write(report, &whole, sizeof(whole)) == (ssize_t)sizeof(whole));
	_exit(0);
}

static void
visitors_get_all_or_nothing(void)
{
	long before, whole, all = 0;
	int report[2], status;

	start();
	must(pipe(report) == 0);
	for (int i = 0; i < CLIENTS; i++) {
		pid_t pid = fork();

		must(pid >= 0);
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			visit_until_refused(report[1]);
		}
	}
	before = c.tally.accepted;
	do
		child_ask(&c, 0, 0);
	while (c.tally.accepted < before + scaled(5000, 500));
	terminate_server();
	end(0, 0);
	for (int i = 0; i < CLIENTS; i++) {
		must(wait(&status) > 0 && status == 0);
		must(read(report[0], &whole, sizeof(whole)) ==
			(ssize_t)sizeof(whole));
		all += whole;
	}
	figure("%ld answers were complete, and no other was begun", all);
	close(report[0]);
	close(report[1]);
}

static const struct stress_case cases[] = {
	CASE(idle_clients_see_the_end),
	CASE(visitors_get_all_or_nothing),
	CASE(a_file_that_is_being_sent_arrives_whole),
	CASE(a_queue_that_drains_arrives_whole),
	CASE(what_a_closing_object_sends_arrives_whole),
	CASE(a_repeated_signal_changes_nothing),
};

int
main(void)
{
	return CASES_RUN(cases);
}

/*
 * SIGPIPE, which sendfile(2) raises and no flag suppresses. Each test is a
 * child in which the library has not been used before: the library handles
 * SIGPIPE once per process.
 */
/* backends: all */
#include "tests/support/sending.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#define CHECK(truth)                                                           \
	do {                                                                   \
		if (!(truth)) {                                                \
			dprintf(2, "child, line %d: %s\n", __LINE__, #truth);  \
			_exit(1);                                              \
		}                                                              \
	} while (0)

static volatile sig_atomic_t piped;

static void
on_pipe(int signo)
{
	(void)signo;
	piped++;
}

/* Sends to a peer that has already closed. */
static void
send_to_closed_peer(void)
{
	struct sending a = {.name = "a"};
	struct socle_socket *s;
	int peer, fd = file_of(1000, 0);

	alarm(60);
	s = sender_open(&peer);
	close(peer);
	CHECK(send_file(s, &a,
		      (struct socle_sendfile){.fd = fd, .length = 1000}) == 0);
	CHECK(a.completions == 1);
	CHECK(a.how.err == -EPIPE);
	CHECK(a.how.sent == 0 && a.how.remaining == 1000);
	CHECK(socle_closed(s));
	close(fd);
	socle_reset();
}

static void
in_a_child_with(void (*handler)(int signo), int raised)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct sigaction now;

		signal(SIGPIPE, handler);
		send_to_closed_peer();
		CHECK(piped == raised);
		CHECK(sigaction(SIGPIPE, NULL, &now) == 0);
		if (handler == SIG_DFL)
			CHECK(now.sa_handler != SIG_DFL &&
				now.sa_handler != SIG_IGN);
		else
			CHECK(now.sa_handler == handler);
		_exit(0);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
}

/* TS14 */
static void
sendfile_to_a_closed_peer_does_not_kill_the_process(void **state)
{
	(void)state;
	in_a_child_with(SIG_DFL, 0);
}

/* TS14, TS15 */
static void
a_file_sent_by_hand_does_not_kill_the_process(void **state)
{
	(void)state;
	seam_fail(CALL_sendfile, 1, EINVAL, -1);
	in_a_child_with(SIG_DFL, 0);
}

static void
a_handler_of_sigpipe_is_left_alone(void **state)
{
	(void)state;
	in_a_child_with(on_pipe, 1);
}

static void
an_ignored_sigpipe_stays_ignored(void **state)
{
	(void)state;
	in_a_child_with(SIG_IGN, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(sendfile_to_a_closed_peer_does_not_kill_the_process),
		test(a_file_sent_by_hand_does_not_kill_the_process),
		test(a_handler_of_sigpipe_is_left_alone),
		test(an_ignored_sigpipe_stays_ignored),
	};

	return run_tests(tests);
}

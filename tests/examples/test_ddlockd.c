/* The lock daemon, as its clients see it. */
/* backends: all */
#include "tests/support/program.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { ROOM = 1 << 16, PIPELINED = 1000, FLOOD_MOST = 64 << 20 };
static char received[ROOM];

static int
first_client(void)
{
	program_start("ddlockd", NULL, NULL);
	return program_client();
}

static void
send_text(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
}

/* Sends `text'; the answer must be this, and no more. */
static void
assert_answers(int fd, const char *text, const char *answer)
{
	send_text(fd, text);
	receive(fd, received, strlen(answer) + 1, NULL);
	assert_string_equal(answer, received);
	assert_int_equal(-1, recv(fd, received, 1, MSG_DONTWAIT));
}

static void
assert_taken(int fd, const char *name)
{
	snprintf(received, sizeof(received), "trylock lock=%s\r\n", name);
	assert_answers(fd, received, "ERR taken \r\n");
}

static void
take(int fd, const char *name)
{
	snprintf(received, sizeof(received), "trylock lock=%s\r\n", name);
	assert_answers(fd, received, "OK \r\n");
}

/* Asks for a lock until it is free. */
static void
take_once_free(int fd, const char *name)
{
	char line[64];

	snprintf(line, sizeof(line), "trylock lock=%s\n", name);
	do {
		send_text(fd, line);
		receive(fd, received, sizeof(received), "\n");
	} while (strcmp(received, "ERR taken \r\n") == 0);
	assert_string_equal("OK \r\n", received);
}

static void
a_lock_is_held_by_one_connection_at_a_time(void **state)
{
	int a = first_client(), b = program_client();

	(void)state;
	take(a, "foo");
	assert_taken(b, "foo");
	assert_taken(a, "foo");
	take(b, "bar");
	close(a);
	close(b);
	program_stop();
}

static void
a_released_lock_is_free(void **state)
{
	int a = first_client(), b = program_client();

	(void)state;
	take(a, "foo");
	assert_answers(a, "releaselock lock=foo\r\n", "OK \r\n");
	take(b, "foo");
	close(a);
	close(b);
	program_stop();
}

static void
a_lock_is_released_by_its_holder_alone(void **state)
{
	int a = first_client(), b = program_client();

	(void)state;
	take(a, "foo");
	assert_answers(b, "releaselock lock=foo\r\n", "ERR didnthave \r\n");
	assert_answers(b, "releaselock lock=bar\r\n", "ERR didnthave \r\n");
	assert_taken(b, "foo");
	close(a);
	close(b);
	program_stop();
}

static void
a_lock_without_a_name_is_refused(void **state)
{
	int a = first_client();

	(void)state;
	assert_answers(a, "trylock\r\n", "ERR empty_lock \r\n");
	assert_answers(a, "trylock lock=\r\n", "ERR empty_lock \r\n");
	assert_answers(a, "releaselock name=a\r\n", "ERR empty_lock \r\n");
	close(a);
	program_stop();
}

static void
a_connection_that_ends_releases_its_locks(void **state)
{
	int a = first_client(), b = program_client();

	(void)state;
	take(a, "one");
	take(a, "two");
	close(a);
	take_once_free(b, "one");
	take_once_free(b, "two");
	a = program_client();
	take(a, "three");
	close_by_reset(a);
	take_once_free(b, "three");
	close(b);
	program_stop();
}

static void
commands_may_be_in_any_case_and_lines_end_with_or_without_cr(void **state)
{
	int a = first_client();

	(void)state;
	assert_answers(a, "NoOp\n", "OK \r\n");
	assert_answers(a, "TRYLOCK lock=a\n", "OK \r\n");
	assert_answers(a, "ReleaseLock lock=a\r\n", "OK \r\n");
	close(a);
	program_stop();
}

static void
other_commands_are_unknown(void **state)
{
	static const char unknown[] =
		"ERR unknown_command Unknown+server+command\r\n";
	int a = first_client();

	(void)state;
	assert_answers(a, "lock lock=a\r\n", unknown);
	assert_answers(a, "noopnoopnoopnoopnoop\r\n", unknown);
	assert_answers(a, "\r\n", unknown);
	assert_answers(a, "\n", unknown);
	assert_answers(a, " noop\n", unknown);
	close(a);
	program_stop();
}

static void
names_are_decoded_as_in_a_url(void **state)
{
	int a = first_client();

	(void)state;
	take(a, "a+b%2Bc%zz%4");
	assert_taken(a, "%61%20b%2bc%zz%4");
	assert_answers(a, "trylock l%6fck=a\r\n", "OK \r\n");
	assert_answers(a, "trylock x=1&lock=b&y\r\n", "OK \r\n");
	assert_taken(a, "b=ignored");
	take(a, "c&lock=d");
	assert_taken(a, "c%00d");
	close(a);
	program_stop();
}

static void
locks_are_listed_by_name_with_their_holder(void **state)
{
	int a = first_client();
	char expected[256], address[64];
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	(void)state;
	assert_answers(a, "locks\r\n", "LOCKS:\n\n");
	take(a, "b");
	take(a, "a");
	take(a, "ab");
	assert_int_equal(0, getsockname(a, (struct sockaddr *)&in, &len));
	snprintf(address, sizeof(address),
		"DDLockd::Client::Internal(R): open to 127.0.0.1:%d",
		ntohs(in.sin_port));
	snprintf(expected, sizeof(expected),
		"LOCKS:\n  a = %s\n  ab = %s\n  b = %s\n", address, address,
		address);
	assert_answers(a, "locks\r\n", expected);
	close(a);
	program_stop();
}

static void
status_and_load_count_what_was_asked_for(void **state)
{
	static const char start[] =
		"STATUS: OK\nSUCCESSES: 1\nFAILURES: 3\nRUNTIME: ";
	int a = first_client();

	(void)state;
	take(a, "a");
	assert_taken(a, "a");
	assert_taken(a, "a");
	assert_answers(a, "trylock\n", "ERR empty_lock \r\n");
	assert_answers(a, "load\n", "LOAD: 4\n\n");
	send_text(a, "status\n");
	receive(a, received, sizeof(received), "\n\n");
	assert_memory_equal(start, received, sizeof(start) - 1);
	assert_non_null(strstr(received, "\nLOAD: 4\n\n"));
	close(a);
	program_stop();
}

static void
pipelined_lines_are_all_answered_in_order(void **state)
{
	static char lines[PIPELINED * 32];
	int a = first_client(), at = 0;

	(void)state;
	for (int i = 0; i < PIPELINED; i++)
		at += snprintf(lines + at, sizeof(lines) - (size_t)at,
			i % 3 ? "releaselock lock=%d\r\n" : "trylock lock=%d\n",
			i - i % 3);
	send_all(a, lines, (size_t)at);
	for (int i = 0; i < PIPELINED; i++) {
		receive(a, received, sizeof(received), "\n");
		assert_string_equal(
			i % 3 < 2 ? "OK \r\n" : "ERR didnthave \r\n", received);
	}
	close(a);
	program_stop();
}

static void
lines_before_the_end_of_the_stream_are_answered(void **state)
{
	int a = first_client();

	(void)state;
	send_text(a, "noop\nnoop\nnoop");
	assert_int_equal(0, shutdown(a, SHUT_WR));
	receive(a, received, sizeof(received), NULL);
	assert_string_equal("OK \r\nOK \r\n", received);
	close(a);
	program_stop();
}

static void
a_line_that_is_too_long_ends_the_connection(void **state)
{
	int a = first_client();

	(void)state;
	memset(received, 'x', 8192);
	send_all(a, received, 8192);
	receive(a, received, sizeof(received), "\n");
	assert_string_equal("ERR line_too_long \r\n", received);
	assert_ends(a);
	close(a);
	program_stop();
}

static void
a_name_that_is_too_long_is_refused(void **state)
{
	char line[700] = "trylock lock=";
	int a = first_client();

	(void)state;
	memset(line + 13, 'n', 512);
	memcpy(line + 13 + 512, "\n", 2);
	assert_answers(a, line, "OK \r\n");
	memcpy(line + 13 + 512, "n\n", 3);
	assert_answers(a, line, "ERR lock_too_long \r\n");
	close(a);
	program_stop();
}

static bool
may_send(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 500) == 1;
}

/* Sends lines until the peer takes no more; returns how many bytes it took. */
static size_t
flood(int fd)
{
	static char lines[6000];
	size_t sent = 0;
	ssize_t n;

	for (size_t i = 0; i < sizeof(lines); i++)
		lines[i] = "noop\r\n"[i % 6];
	while (sent < FLOOD_MOST && may_send(fd)) {
		size_t from = sent % 6;

		n = send(fd, lines + from, sizeof(lines) - from, MSG_DONTWAIT);
		if (n > 0)
			sent += (size_t)n;
	}
	return sent;
}

static void
a_client_that_reads_nothing_is_not_read_from(void **state)
{
	int a = first_client(), b = program_client();
	size_t sent = flood(a), answers = sent / 6, n;

	(void)state;
	assert_in_range(sent, 1, FLOOD_MOST - 1);
	assert_answers(b, "noop\n", "OK \r\n"); /* others are served */
	for (size_t got = 0; got < answers * 5; got += n) {
		n = receive(a, received, sizeof(received), NULL);
		assert_true(n > 0);
		if (got == 0)
			assert_memory_equal("OK \r\nOK \r\n", received, 10);
		if (answers * 5 - got - n < sizeof(received) - 1)
			break;
	}
	close(a);
	close(b);
	program_stop();
}

static void
a_stop_ends_all_connections(void **state)
{
	int a = first_client();

	(void)state;
	take(a, "a");
	program_ask_to_stop();
	assert_ends(a);
	close(a);
	program_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(a_lock_is_held_by_one_connection_at_a_time),
		program_test(a_released_lock_is_free),
		program_test(a_lock_is_released_by_its_holder_alone),
		program_test(a_lock_without_a_name_is_refused),
		program_test(a_connection_that_ends_releases_its_locks),
		program_test(
			commands_may_be_in_any_case_and_lines_end_with_or_without_cr),
		program_test(other_commands_are_unknown),
		program_test(names_are_decoded_as_in_a_url),
		program_test(locks_are_listed_by_name_with_their_holder),
		program_test(status_and_load_count_what_was_asked_for),
		program_test(pipelined_lines_are_all_answered_in_order),
		program_test(lines_before_the_end_of_the_stream_are_answered),
		program_test(a_line_that_is_too_long_ends_the_connection),
		program_test(a_name_that_is_too_long_is_refused),
		program_test(a_client_that_reads_nothing_is_not_read_from),
		program_test(a_stop_ends_all_connections),
	};
	return run_tests(tests);
}

/* The chat daemon, as its clients see it. */
/* backends: all */
#include "tests/support/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { ROOM = 1 << 20 };
static char received[ROOM + 1];

static void
send_text(int fd, const char *text)
{
	send_all(fd, text, strlen(text));
}

static void
assert_receives(int fd, const char *text)
{
	receive(fd, received, sizeof(received), "\n");
	assert_string_equal(text, received);
}

/* Whether `received' contains `text'; drops the older part of `received'. */
static bool
was_received(const char *text)
{
	size_t len = strlen(received);

	if (len > ROOM / 2) {
		memmove(received, received + len - ROOM / 4, ROOM / 4 + 1);
	}
	return strstr(received, text) != NULL;
}

/*
 * Reads until `text' has arrived, and appends to `received' everything that
 * arrives with it.
 */
static void
receive_until(int fd, const char *text)
{
	while (!was_received(text)) {
		size_t len = strlen(received);
		ssize_t n = recv(fd, received + len, ROOM - len, 0);

		assert_true(n > 0);
		received[len + (size_t)n] = '\0';
	}
}

/* A guest whose join has been announced to it and to all others. */
static int
guest(void)
{
	int fd = program_client();

	assert_receives(fd, "* welcome\n");
	return fd;
}

static int
first_guest(void)
{
	program_start("chat", NULL, NULL);
	return guest();
}

static void
a_message_reaches_all_other_guests(void **state)
{
	int a = first_guest(), b = guest(), c = guest();

	(void)state;
	assert_receives(a, "* guest2 came\n");
	assert_receives(a, "* guest3 came\n");
	assert_receives(b, "* guest3 came\n");
	send_text(b, "hello\r\nhow are");
	assert_receives(a, "guest2: hello\n");
	assert_receives(c, "guest2: hello\n");
	send_text(b, " you\n");
	assert_receives(a, "guest2: how are you\n");
	send_text(a, "fine\n");
	assert_receives(b, "guest1: fine\n");
	close(a);
	close(b);
	close(c);
	program_stop();
}

static void
joins_and_leaves_are_announced_to_all_guests(void **state)
{
	int a = first_guest(), b = guest();

	(void)state;
	assert_receives(a, "* guest2 came\n");
	close(b);
	assert_receives(a, "* guest2 left (end of stream)\n");
	b = guest();
	assert_receives(a, "* guest3 came\n");
	close_by_reset(b);
	receive(a, received, sizeof(received), "\n");
	assert_memory_equal("* guest3 left", received, 13);
	close(a);
	program_stop();
}

static void
a_line_that_is_too_long_reaches_no_guest(void **state)
{
	int a = first_guest(), b = guest();
	char line[1002];

	(void)state;
	assert_receives(a, "* guest2 came\n");
	memset(line, 'x', sizeof(line));
	line[1001] = '\n';
	send_all(b, line, 1002); /* one byte more than allowed */
	assert_receives(b, "* that line was too long and was not sent\n");
	send_all(b, line + 1, 1001);
	receive(a, received, sizeof(received), "\n");
	assert_int_equal(strlen("guest2: \n") + 1000, strlen(received));
	close(a);
	close(b);
	program_stop();
}

/* Control characters could control a guest's terminal. */
static void
control_characters_become_spaces(void **state)
{
	int a = first_guest(), b = guest();

	(void)state;
	assert_receives(a, "* guest2 came\n");
	send_text(b, "a\x1b[2Jb\n");
	assert_receives(a, "guest2: a [2Jb\n");
	close(a);
	close(b);
	program_stop();
}

/* Sends lines from `fd', guest2; `witness' reads all of them. */
static void
flood(int fd, int witness, int lines)
{
	char line[1000];

	memset(line, 'x', sizeof(line));
	line[999] = '\n';
	for (int i = 0; i < lines; i++)
		send_all(fd, line, sizeof(line));
	send_text(fd, "end\n");
	received[0] = '\0';
	receive_until(witness, "guest2: end\n");
}

static void
a_slow_guest_cannot_speak_until_it_has_caught_up(void **state)
{
	int slow = first_guest(), loud = guest(), witness = guest();
	int tries = 0;

	(void)state;
	assert_receives(loud, "* guest3 came\n");
	do {
		assert_in_range(++tries, 1, 1000);
		flood(loud, witness, 50);
	} while (!was_received("* guest1 is not heard for now\n"));
	assert_receives(loud, "* guest1 is not heard for now\n");
	send_text(slow, "here\n");
	send_text(witness, "one\n");
	assert_receives(loud, "guest3: one\n");
	received[0] = '\0';
	receive_until(slow, "* you read too slowly: you are not heard\n");
	receive_until(slow, "* you have caught up: you are heard again\n");
	assert_receives(loud, "* guest1 is heard again\n");
	assert_receives(loud, "guest1: here\n");
	close(slow);
	close(loud);
	close(witness);
	program_stop();
}

static void
a_guest_that_falls_too_far_behind_is_dropped(void **state)
{
	int slow = first_guest(), loud = guest(), witness = guest();
	int tries = 0;

	(void)state;
	do {
		assert_in_range(++tries, 1, 1000);
		flood(loud, witness, 200);
	} while (!was_received("* guest1 left (too slow)\n"));
	close(slow);
	close(loud);
	close(witness);
	program_stop();
}

static void
stopping_sends_good_night_to_all_guests(void **state)
{
	int a = first_guest();

	(void)state;
	program_ask_to_stop();
	assert_receives(a, "* good night\n");
	assert_ends(a);
	program_stop();
	close(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(a_message_reaches_all_other_guests),
		program_test(joins_and_leaves_are_announced_to_all_guests),
		program_test(a_line_that_is_too_long_reaches_no_guest),
		program_test(control_characters_become_spaces),
		program_test(a_slow_guest_cannot_speak_until_it_has_caught_up),
		program_test(a_guest_that_falls_too_far_behind_is_dropped),
		program_test(stopping_sends_good_night_to_all_guests),
	};
	return run_tests(tests);
}

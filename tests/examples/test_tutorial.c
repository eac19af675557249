/* The programs that docs/tutorial.md lists, step by step, as its reader runs them. */
#include "tests/support/program.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static char received[1 << 16];
static char dir[64], file[128], console[128];

static int
tutorial_setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/socle-tutorial-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(file, sizeof(file), "%s/tallies", dir);
	snprintf(console, sizeof(console), "unix:%s/console", dir);
	return fixture_setup(state);
}

static int
tutorial_teardown(void **state)
{
	int failed = program_teardown(state);

	unlink(file);
	unlink(console + strlen("unix:"));
	return rmdir(dir) != 0 || failed;
}

#define tutorial_test(name)                                                    \
	cmocka_unit_test_setup_teardown(name, tutorial_setup, tutorial_teardown)

static void
start(const char *program)
{
	program_start_with(
		program, (const char *const[]){"127.0.0.1:0", file, NULL});
}

static void
start_with_console(void)
{
	program_start_with("tutorial/6/tallyd",
		(const char *const[]){"127.0.0.1:0", file, console, NULL});
}

static void
assert_answers(int fd, const char *text, const char *answer)
{
	send_all(fd, text, strlen(text));
	receive(fd, received, strlen(answer) + 1, NULL);
	assert_string_equal(answer, received);
}

/* Two answers, and the end of the stream. */
static void
assert_counts(void)
{
	int fd = program_client();

	assert_answers(fd, "ann\nbob\r\nann\n", "ann 1\nbob 1\nann 2\n");
	shutdown(fd, SHUT_WR);
	assert_ends(fd);
	close(fd);
}

static void
the_first_server_sends_back_what_it_gets(void **state)
{
	int fd;

	(void)state;
	start("tutorial/1/hello");
	fd = program_client();
	assert_answers(fd, "hello\n", "hello\n");
	close(fd);
}

static void
the_third_step_counts_names(void **state)
{
	(void)state;
	start("tutorial/3/tallyd");
	assert_counts();
}

static void
a_line_that_is_no_name_is_an_error(void **state)
{
	int fd;

	(void)state;
	start("tutorial/3/tallyd");
	fd = program_client();
	assert_answers(fd, "\ntwo words\n", "ERROR\nERROR\n");
	memset(received, 'x', 300);
	send_all(fd, received, 300);
	receive(fd, received, sizeof(received), NULL);
	assert_string_equal("ERROR line too long\n", received);
	close(fd);
}

/* 64 KiB wait for it at most, so what it sends stays in the kernel. */
static void
a_client_that_does_not_read_is_not_read_from(void **state)
{
	static char names[64 * 1024];
	int fd;

	(void)state;
	start("tutorial/3/tallyd");
	fd = program_client();
	for (size_t i = 0; i < sizeof(names); i++)
		names[i] = "a\n"[i % 2];
	for (int i = 0; i < 1024; i++)
		if (send(fd, names, sizeof(names), MSG_DONTWAIT) < 0 &&
			errno == EAGAIN && i > 0)
			break;
	assert_int_equal(-1, send(fd, names, sizeof(names), MSG_DONTWAIT));
	close(fd);
	assert_counts();
}

static void
the_fourth_step_keeps_its_counts(void **state)
{
	int fd;

	(void)state;
	start("tutorial/4/tallyd");
	assert_counts();
	program_stop();
	start("tutorial/4/tallyd");
	fd = program_client();
	assert_answers(fd, "ann\n", "ann 3\n");
	close(fd);
	program_stop();
}

static void
a_client_gets_its_answers_when_the_daemon_ends(void **state)
{
	int fd;

	(void)state;
	start("tutorial/4/tallyd");
	fd = program_client();
	assert_answers(fd, "ann\n", "ann 1\n");
	send_all(fd, "bob\n", 4);
	program_ask_to_stop();
	receive(fd, received, sizeof(received), NULL);
	assert_string_equal("bob 1\n", received);
	close(fd);
}

static void
the_fifth_step_runs_as_the_fourth(void **state)
{
	(void)state;
	start("tutorial/5/tallyd");
	assert_counts();
	program_stop();
}

static int
console_client(void)
{
	struct socle_io io;

	assert_int_equal(0,
		socle_io_open(&io,
			&(struct socle_io_params){.domain = AF_UNIX,
				.peer_addr = console + strlen("unix:")}));
	return socle_io_steal(&io);
}

static void
the_last_step_has_a_console_with_its_own_command(void **state)
{
	int fd;

	(void)state;
	start_with_console();
	assert_counts();
	fd = console_client();
	assert_answers(fd, "tallies\r\n", "ann 2\r\nbob 1\r\n.\r\n");
	send_all(fd, "prof data\r\n", 11);
	receive(fd, received, sizeof(received), ".\r\n");
	assert_non_null(strstr(received, "Client-read"));
	close(fd);
	program_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		tutorial_test(the_first_server_sends_back_what_it_gets),
		tutorial_test(the_third_step_counts_names),
		tutorial_test(a_line_that_is_no_name_is_an_error),
		tutorial_test(a_client_that_does_not_read_is_not_read_from),
		tutorial_test(the_fourth_step_keeps_its_counts),
		tutorial_test(a_client_gets_its_answers_when_the_daemon_ends),
		tutorial_test(the_fifth_step_runs_as_the_fourth),
		tutorial_test(the_last_step_has_a_console_with_its_own_command),
	};
	return run_tests(tests);
}

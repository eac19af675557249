/* The server of several processes, as its clients see it. */
/* backends: all */
#include "tests/support/hello.h"
#include "tests/support/managing.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { PROCESSES = 3 };

static char first[PROCESSES][HELLO_TEXT];

/* Starts it, and finds out how each of its processes answers. */
static void
start(const char *share)
{
	program_start("prefork", "--processes=3", share);
	hello_collect(NULL, 0, first, PROCESSES);
}

static pid_t
pid_of(const char *text)
{
	int pid = 0;

	assert_int_equal(1, sscanf(text, "hello from %d", &pid));
	return pid;
}

static void
each_process_gets_clients(void **state)
{
	(void)state;
	start(NULL);
	program_stop();
}

static void
a_process_that_dies_is_replaced(void **state)
{
	char later[1][HELLO_TEXT];

	(void)state;
	start(NULL);
	assert_int_equal(0, kill(pid_of(first[0]), SIGKILL));
	hello_collect(first, PROCESSES, later, 1);
	program_stop();
}

static void
processes_that_die_together_lose_no_client_that_waits(void **state)
{
	char later[PROCESSES][HELLO_TEXT];

	(void)state;
	start(NULL);
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(0, kill(pid_of(first[i]), SIGKILL));
	hello_collect(first, PROCESSES, later, PROCESSES);
	program_stop();
}

static void
a_process_that_dies_again_and_again_is_replaced_again(void **state)
{
	char texts[3][HELLO_TEXT];

	(void)state;
	program_start("prefork", "--processes=1", NULL);
	for (int i = 0; i < 3; i++) {
		hello_collect(texts, i, &texts[i], 1);
		assert_int_equal(0, kill(pid_of(texts[i]), SIGKILL));
	}
	program_stop();
}

static void
sigterm_to_a_process_replaces_it_once_it_has_answered(void **state)
{
	char text[HELLO_TEXT], later[1][HELLO_TEXT];
	int fd;

	(void)state;
	program_start("prefork", "--processes=1", NULL);
	fd = program_client();
	hello_begin(fd);
	hello_end(fd);
	snprintf(text, sizeof(text), "%s", hello_answer(fd));
	hello_begin(fd);
	assert_int_equal(0, kill(pid_of(text), SIGTERM));
	hello_end(fd);
	assert_string_equal(text, hello_answer(fd));
	hello_collect(&text, 1, later, 1);
	close(fd);
	program_stop();
}

static void
sigterm_drains_all_processes(void **state)
{
	int fds[20];
	int idle;

	(void)state;
	start(NULL);
	idle = program_client();
	hello_begin(idle);
	hello_end(idle);
	hello_answer(idle);
	for (int i = 0; i < 20; i++) {
		fds[i] = program_client();
		hello_begin(fds[i]);
		hello_end(fds[i]);
		hello_answer(fds[i]);
		hello_begin(fds[i]);
	}
	program_ask_to_stop();
	assert_ends(idle);
	close(idle);
	for (int i = 0; i < 20; i++) {
		hello_end(fds[i]);
		assert_string_not_equal("", hello_answer(fds[i]));
		assert_ends(fds[i]);
		close(fds[i]);
	}
	program_stop();
}

static void
a_second_sigterm_ends_it_at_once(void **state)
{
	int fd, idle;

	(void)state;
	program_start("prefork", "--processes=1", NULL);
	idle = program_client();
	fd = program_client();
	hello_begin(fd);
	hello_begin(idle);
	hello_end(idle);
	hello_answer(idle);
	program_ask_to_stop();
	assert_ends(idle);
	program_signal(SIGTERM);
	close(idle);
	program_stop();
	close(fd);
}

static void
processes_whose_parent_was_killed_drain_too(void **state)
{
	int fd;

	(void)state;
	program_start("prefork", "--processes=1", NULL);
	fd = program_client();
	hello_begin(fd);
	hello_end(fd);
	hello_answer(fd);
	program_signal(SIGKILL);
	assert_ends(fd);
	close(fd);
}

static void
processes_may_share_a_listening_socket(void **state)
{
	char later[1][HELLO_TEXT];

	(void)state;
	program_start("prefork", "--processes=3", "--share=yes");
	hello_collect(NULL, 0, first, 1);
	assert_int_equal(0, kill(pid_of(first[0]), SIGTERM));
	hello_collect(first, 1, later, 1);
	program_stop();
}

/* ---- and as its service manager does ---- */

static void
only_the_parent_speaks_to_the_manager(void **state)
{
	char later[1][HELLO_TEXT], name[64];

	(void)state;
	snprintf(name, sizeof(name), "/tmp/socle-prefork-%d", (int)getpid());
	manager_open(name);
	start(NULL);
	assert_string_equal("READY=1", heard());
	assert_int_equal(0, kill(pid_of(first[0]), SIGTERM));
	hello_collect(first, PROCESSES, later, 1);
	program_stop();
	assert_string_equal("STOPPING=1", heard());
	assert_string_equal("", heard());
	manager_close();
}

static int
both_teardown(void **state)
{
	int result = program_teardown(state);

	return managing_teardown(state) + result;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(each_process_gets_clients),
		program_test(a_process_that_dies_is_replaced),
		program_test(
			processes_that_die_together_lose_no_client_that_waits),
		program_test(
			a_process_that_dies_again_and_again_is_replaced_again),
		program_test(
			sigterm_to_a_process_replaces_it_once_it_has_answered),
		program_test(sigterm_drains_all_processes),
		program_test(a_second_sigterm_ends_it_at_once),
		program_test(processes_whose_parent_was_killed_drain_too),
		program_test(processes_may_share_a_listening_socket),
		cmocka_unit_test_setup_teardown(
			only_the_parent_speaks_to_the_manager, managing_setup,
			both_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

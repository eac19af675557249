/* The server of several threads, as its clients see it. */
/* backends: all */
#include "tests/support/hello.h"

#include <signal.h>

enum { THREADS = 3 };

static void
start(void)
{
	program_start("threads", "--threads=3", NULL);
}

/* Its answer is the last byte away. */
static int
client_that_asks(void)
{
	int fd = program_client();

	hello_begin(fd);
	hello_end(fd);
	hello_answer(fd);
	hello_begin(fd);
	return fd;
}

static void
each_thread_gets_clients(void **state)
{
	char texts[THREADS][HELLO_TEXT];

	(void)state;
	start();
	hello_collect(NULL, 0, texts, THREADS);
	for (int i = 0; i < THREADS; i++)
		assert_memory_equal("hello from thread ", texts[i], 18);
	program_stop();
}

static void
sigterm_drains_all_threads(void **state)
{
	int fds[20];
	int idle;

	(void)state;
	start();
	idle = program_client();
	hello_begin(idle);
	hello_end(idle);
	hello_answer(idle);
	for (int i = 0; i < 20; i++)
		fds[i] = client_that_asks();
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
a_second_sigterm_ends_all_threads_at_once(void **state)
{
	int idle, fd;

	(void)state;
	start();
	idle = program_client();
	hello_begin(idle);
	hello_end(idle);
	hello_answer(idle);
	fd = client_that_asks();
	program_ask_to_stop();
	assert_ends(idle);
	close(idle);
	program_signal(SIGTERM);
	program_stop();
	close(fd);
}

static void
sigterm_right_after_the_start_ends_it(void **state)
{
	(void)state;
	start();
	program_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(each_thread_gets_clients),
		program_test(sigterm_drains_all_threads),
		program_test(a_second_sigterm_ends_all_threads_at_once),
		program_test(sigterm_right_after_the_start_ends_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* backends: all */
/*
 * The fds that the library opens for itself: their numbers, and what happens
 * when the application closes them.
 */
#include "tests/support/forking.h"

#include <fcntl.h>
#include <signal.h>

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void
without_standard_fds(void)
{
	socle_reset();
	for (int fd = 0; fd < 3; fd++)
		close(fd);
}

static int
use_the_loop(struct probe *p)
{
	struct socle_loop *l;

	(void)p;
	without_standard_fds();
	l = socle_loop_self();
	if (!l || !socle_backend())
		return 1;
	if (socle_signal(SIGUSR1, note_signal, NULL) < 0)
		return 2;
	for (int fd = 0; fd < 3; fd++)
		if (is_open(fd))
			return 3;
	socle_wakeup(l);
	if (socle_event_loop_once(1000) != 1)
		return 4;
	socle_loop_release(l);
	socle_reset();
	for (int fd = 0; fd < 16; fd++)
		if (is_open(fd) && fcntl(fd, F_GETFD) & FD_CLOEXEC)
			return 5; /* left over */
	return 0;
}

static void
they_are_never_standard_input_output_or_error(void **state)
{
	(void)state;
	child_run(use_the_loop, NULL);
}

static int
continue_in_a_child(struct probe *p)
{
	(void)p;
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	if (socle_after_fork() < 0)
		return 1;
	for (int fd = 0; fd < 3; fd++)
		if (is_open(fd))
			return 2;
	return socle_event_loop_once(0) == 1 ? 0 : 3;
}

static void
nor_are_those_of_a_child(void **state)
{
	struct socle_loop *l = socle_loop_self();

	(void)state;
	turn(1);
	child_run(continue_in_a_child, NULL);
	socle_loop_release(l);
}

static int
fail_to_move(struct probe *p)
{
	const bool epoll = backend_is("epoll");

	(void)p;
	without_standard_fds();
	seam_fail(CALL_fcntl, 1, EMFILE, -1);
	if (epoll && socle_event_loop_once(0) != -EMFILE)
		return 1;
	socle_set_backend("poll");
	if (socle_signal(SIGUSR1, note_signal, NULL) != -EMFILE)
		return 2;
	for (int fd = 0; fd < 3; fd++)
		if (is_open(fd))
			return 3;
	seam_heal();
	return socle_event_loop_once(0) == 1 ? 0 : 4;
}

static void
without_another_number_the_loop_is_refused(void **state)
{
	(void)state;
	child_run(fail_to_move, NULL);
}

static bool
get_false(void *arg)
{
	(void)arg;
	return false;
}

/* closefrom(3), as daemons do. */
static int
close_them_all(struct probe *p)
{
	int ticks = 0, result;

	(void)p;
	CHECK(socle_after_fork() == 0);
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	do
		result = socle_event_loop_once(1000);
	while (result > 0 && ++ticks < 10);
	CHECK(result == -EBADF);
	CHECK(socle_event_loop() == -EBADF);
	CHECK(socle_run_until(get_false, NULL) == -EBADF);
	return 0;
}

static void
once_they_are_closed_the_loop_returns_an_error(void **state)
{
	(void)state;
	assert_int_equal(0, socle_signal(SIGUSR1, note_signal, NULL));
	turn(1);
	child_run(close_them_all, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(they_are_never_standard_input_output_or_error),
		test(nor_are_those_of_a_child),
		test(without_another_number_the_loop_is_refused),
		test(once_they_are_closed_the_loop_returns_an_error),
	};

	return run_tests(tests);
}

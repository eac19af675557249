/* backends: all */
/*
 * What wakes the loop where there is no eventfd(2): a pipe, whose ends are two
 * fds.
 */
#include "tests/support/forking.h"
#include "tests/support/making.h"

#include <pthread.h>
#include <signal.h>

static int (*wake_fds)(int *fds);

static int
pipe_made(int *fds)
{
	pair_pipe(fds);
	return 0;
}

static int
setup(void **state)
{
	wake_fds = socle__seam.wake_fds;
	socle__seam.wake_fds = pipe_made;
	return fixture_setup(state);
}

static int
teardown(void **state)
{
	int result = fixture_teardown(state);

	socle__seam.wake_fds = wake_fds;
	return result;
}

#define pipe_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int posts;

static void
count_post(void *arg)
{
	(void)arg;
	posts++;
}

static void *
post_some(void *l)
{
	for (int i = 0; i < 3; i++)
		if (socle_post(l, count_post, NULL) < 0)
			return NULL;
	return l;
}

static void
posts_and_signals_wake_the_loop(void **state)
{
	struct socle_loop *l = socle_loop_self();
	pthread_t t;

	(void)state;
	posts = 0;
	assert_int_equal(0, socle_signal(SIGUSR1, note_signal, NULL));
	assert_int_equal(0, pthread_create(&t, NULL, post_some, l));
	turn_until_count(&posts, 3);
	pthread_join(t, NULL);
	seam_time_virtual();
	raise(SIGUSR1);
	while (notes()[0] == '\0')
		assert_int_equal(1, socle_event_loop_once(1000));
	assert_notes("signal");
	socle_loop_release(l);
}

static void
the_last_reference_closes_both_ends(void **state)
{
	int n = fds_open();
	struct socle_loop *l = socle_loop_self();

	(void)state;
	socle_reset();
	assert_int_equal(n + 2, fds_open());
	socle_loop_release(l);
	assert_int_equal(n, fds_open());
}

static void
a_refused_registration_closes_both_ends(void **state)
{
	int n;

	(void)state;
	if (!changes_are_calls())
		skip_because("poll(2) refuses no registration");
	turn(1);
	n = fds_open();
	seam_refuse_changes(ENOSPC);
	assert_null(socle_loop_self());
	seam_refuse_changes(0);
	assert_int_equal(n, fds_open());
}

static struct socle_loop *self;
static int n_fds;

static int
wakes_itself(struct probe *p)
{
	(void)p;
	CHECK(socle_after_fork() == 0);
	CHECK(fds_open() == n_fds);
	socle_wakeup(self);
	CHECK(socle_event_loop_once(-1) == 1);
	return 0;
}

static void
a_child_has_a_pipe_of_its_own(void **state)
{
	double before;

	(void)state;
	self = socle_loop_self();
	turn(1);
	n_fds = fds_open();
	child_run(wakes_itself, NULL);
	seam_time_virtual();
	before = seam_time();
	assert_int_equal(1, socle_event_loop_once(1000));
	assert_true(seam_time() - before > 0.999);
	socle_loop_release(self);
}

/* Standard fds are closed, and the nth end of the pipe finds no other number. */
static int
has_no_loop(int standard_fds, unsigned long nth)
{
	int n;

	CHECK(socle_event_loop_once(0) == 1);
	for (int fd = 0; fd < standard_fds; fd++)
		close(fd);
	n = fds_open();
	seam_fail(CALL_fcntl, nth, EMFILE, 1);
	CHECK(!socle_loop_self());
	CHECK(fds_open() == n);
	CHECK(seam_struck() == 1);
	CHECK(socle_loop_self());
	return 0;
}

static int
first_cannot_move(struct probe *p)
{
	(void)p;
	return has_no_loop(1, 1);
}

static int
second_cannot_move(struct probe *p)
{
	(void)p;
	return has_no_loop(2, 2);
}

static void
an_end_that_cannot_leave_the_standard_fds_closes_both(void **state)
{
	(void)state;
	child_run(first_cannot_move, NULL);
	child_run(second_cannot_move, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		pipe_test(posts_and_signals_wake_the_loop),
		pipe_test(the_last_reference_closes_both_ends),
		pipe_test(a_refused_registration_closes_both_ends),
		pipe_test(a_child_has_a_pipe_of_its_own),
		pipe_test(
			an_end_that_cannot_leave_the_standard_fds_closes_both),
	};

	return run_tests(tests);
}

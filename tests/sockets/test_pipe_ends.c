/* backends: all */
/*
 * The write end of a pipe whose reader leaves: kernels refuse its filter, report
 * it once and delete it, or do not wake a full one. However it happens, the
 * object hears of it once and its fd is closed.
 */
#include "tests/support/fixture.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum when { BEFORE_IT_IS_MADE, BEFORE_IT_IS_WATCHED, WHILE_IT_IS_WATCHED };

static int ends[2];

static int
setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	return fixture_setup(state);
}

#define pipe_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

/* NULL: the object has heard of it already, and is destroyed. */
static struct probe *
writer_whose_reader_leaves(enum when when, bool full)
{
	static bool destroyed;
	struct probe *p;

	pair_pipe(ends);
	if (full)
		assert_true(stuff_fd(ends[1]) > 0);
	if (when == BEFORE_IT_IS_MADE)
		close(ends[0]);
	p = probe_new(ends[1], NULL);
	destroyed = false;
	p->destroyed = &destroyed;
	turn(1);
	if (when == BEFORE_IT_IS_WATCHED)
		close(ends[0]);
	return destroyed ? NULL : p;
}

static void
assert_ends_once(void)
{
	turn(4);
	assert_non_null(strstr(notes(), "close(event_err)"));
	assert_non_null(strstr(notes(), "destroy"));
	assert_null(strstr(strstr(notes(), "e0") + 2, "e0"));
	notes_clear();
	assert_int_equal(-1, fcntl(ends[1], F_GETFD));
}

static void
a_watched_writer_hears_once_that_its_reader_left(void **state)
{
	(void)state;
	for (enum when when = 0; when <= WHILE_IT_IS_WATCHED; when++) {
		for (int full = 0; full < 2; full++) {
			struct probe *p =
				writer_whose_reader_leaves(when, full);

			if (p)
				socle_watch_write(&p->sock, true);
			if (when == WHILE_IT_IS_WATCHED) {
				p->on_write = NULL;
				turn(1);
				close(ends[0]);
			}
			assert_ends_once();
		}
	}
}

static void
a_queue_whose_reader_left_ends_with_an_error(void **state)
{
	char buf[64] = {0};

	(void)state;
	for (enum when when = 0; when <= WHILE_IT_IS_WATCHED; when++) {
		struct probe *p = writer_whose_reader_leaves(when, true);
		int result = -EBADF;

		if (p)
			result = socle_write(&p->sock, buf, sizeof(buf));
		if (when == WHILE_IT_IS_WATCHED) {
			assert_int_equal(0, result);
			turn(1);
			close(ends[0]);
		} else {
			assert_true(result < 0);
		}
		turn(4);
		assert_non_null(strstr(notes(), "destroy"));
		notes_clear();
		assert_int_equal(-1, fcntl(ends[1], F_GETFD));
	}
}

/* The nested loop replaces the batch that holds the pipe's only report. */
static void
turn_inside(struct probe *p)
{
	char buf[8];

	drain_fd(socle_fd(&p->sock), buf, sizeof(buf));
	turn(1);
}

static void
a_report_that_a_nested_loop_replaced_comes_again(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		struct probe *p = NULL, *other;
		int fds[2];

		if (first)
			p = writer_whose_reader_leaves(
				WHILE_IT_IS_WATCHED, true);
		pair_unix(fds);
		other = probe_new(fds[0], "other");
		other->on_read = turn_inside;
		socle_watch_read(&other->sock, true);
		if (!first)
			p = writer_whose_reader_leaves(
				WHILE_IT_IS_WATCHED, true);
		socle_watch_write(&p->sock, true);
		turn(1);
		send_all(fds[1], "x", 1);
		close(ends[0]);
		assert_ends_once();
		socle_close(&other->sock, NULL);
		turn(1);
		notes_clear();
		close(fds[1]);
	}
}

static void
note_ready(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)arg;
	note("%s%s%s", ready & SOCLE_READ ? "r" : "",
		ready & SOCLE_WRITE ? "w" : "", ready & SOCLE_ERR ? "e" : "");
}

static void
an_other_fd_hears_that_its_reader_left(void **state)
{
	(void)state;
	for (int full = 0; full < 2; full++) {
		pair_pipe(ends);
		if (full)
			assert_true(stuff_fd(ends[1]) > 0);
		assert_int_equal(0,
			socle_add_other_fd(
				ends[1], SOCLE_WRITE, note_ready, NULL));
		turn(1);
		notes_clear();
		close(ends[0]);
		turn(3);
		assert_non_null(strstr(notes(), "e"));
		notes_clear();
		assert_int_equal(0, socle_remove_other_fd(ends[1]));
		assert_int_equal(0, close(ends[1]));
	}
}

/* ---- FIFOs ---- */

static char path[] = "/tmp/socle-pipe-ends-XXXXXX";

static void
fifo_open(int fds[2])
{
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	close(mkstemp(path));
	unlink(path);
	assert_int_equal(0, mkfifo(path, 0600));
	fds[0] = open(path, O_RDONLY | O_NONBLOCK);
	fds[1] = open(path, O_WRONLY | O_NONBLOCK);
	assert_true(fds[0] >= 0 && fds[1] >= 0);
	unlink(path);
}

static void
count_and_stop(struct probe *p)
{
	socle_watch_write(&p->sock, false);
}

/* Some kernels refuse a filter for the direction that is not open. */
static void
the_write_end_of_a_fifo_can_be_watched(void **state)
{
	struct probe *p;

	(void)state;
	fifo_open(ends);
	assert_int_equal(
		0, socle_add_other_fd(ends[1], SOCLE_WRITE, note_ready, NULL));
	turn(1);
	assert_notes("w");
	assert_int_equal(0, socle_remove_other_fd(ends[1]));

	p = probe_new(ends[1], NULL);
	p->on_write = count_and_stop;
	for (int i = 0; i < 3; i++) {
		socle_watch_write(&p->sock, true);
		turn(2);
		assert_notes("w");
	}
	socle_close(&p->sock, NULL);
	turn(1);
	assert_int_equal(-1, fcntl(ends[1], F_GETFD));
	close(ends[0]);
	notes_clear();
}

static void
making_within_a_tick(void *arg)
{
	struct probe **p = arg;

	*p = probe_new(ends[1], NULL);
	(*p)->on_write = count_and_stop;
}

static void
the_write_end_of_a_fifo_can_be_watched_within_a_tick(void **state)
{
	struct probe *p = NULL;

	(void)state;
	fifo_open(ends);
	assert_int_equal(0, socle_defer(making_within_a_tick, &p));
	turn(2);
	assert_notes("");
	socle_watch_write(&p->sock, true);
	turn(2);
	assert_notes("w");
	socle_close(&p->sock, NULL);
	turn(1);
	assert_int_equal(-1, fcntl(ends[1], F_GETFD));
	close(ends[0]);
	notes_clear();
}

static pid_t child;

/* Made before socle_after_fork(), the object is registered in the tick. */
static void
forking_within_a_tick(void *arg)
{
	struct probe **p = arg;

	if ((child = fork()) != 0)
		return;
	making_within_a_tick(p);
	socle_watch_write(&(*p)->sock, true);
	if (socle_after_fork() < 0)
		_exit(1);
}

static void
the_write_end_of_a_fifo_can_be_watched_in_a_child(void **state)
{
	struct probe *p = NULL;
	int status = 0;

	(void)state;
	fifo_open(ends);
	assert_int_equal(0, socle_defer(forking_within_a_tick, &p));
	for (int i = 0; i < 3; i++)
		(void)socle_event_loop_once(0);
	if (child == 0)
		_exit(strcmp(notes(), "w") == 0 ? 0 : 2);
	assert_int_equal(child, waitpid(child, &status, 0));
	assert_int_equal(0, status);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		pipe_test(a_watched_writer_hears_once_that_its_reader_left),
		pipe_test(a_queue_whose_reader_left_ends_with_an_error),
		pipe_test(a_report_that_a_nested_loop_replaced_comes_again),
		pipe_test(an_other_fd_hears_that_its_reader_left),
		pipe_test(the_write_end_of_a_fifo_can_be_watched),
		pipe_test(the_write_end_of_a_fifo_can_be_watched_within_a_tick),
		pipe_test(the_write_end_of_a_fifo_can_be_watched_in_a_child),
	};

	return run_tests(tests);
}

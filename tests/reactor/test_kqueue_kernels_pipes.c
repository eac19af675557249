/*
 * What the emulation of kqueue(2) and poll(2) says of pipes and FIFOs as each
 * kernel. Linux only.
 */
#include "tests/kqueue/states.h"

#include <stdlib.h>
#include <sys/stat.h>

/* ---- pipes ---- */

static void
read_end(int fds[2])
{
	pair_pipe(fds);
}

static void
write_end(int fds[2])
{
	int made[2];

	pair_pipe(made);
	fds[0] = made[1];
	fds[1] = made[0];
}

static void
other_end_closes(int fds[2])
{
	close(fds[1]);
	fds[1] = -1;
}

static void
writes_and_closes(int fds[2])
{
	writes(fds);
	other_end_closes(fds);
}

static void
peer_fills_it(int fds[2])
{
	stuff_fd(fds[1]);
}

static void
is_full_and_the_reader_goes(int fds[2])
{
	is_full(fds);
	(void)events_in(ROOM, &at_once);
	other_end_closes(fds);
}

/* clang-format off */
static const struct state pipes[] = {
	{"read end", read_end, NULL,
		each("W", "", "W", ""), each("W", "", "W", ""), all(""),
		each("OUT", "", "OUT", "")},
	{"read end, input", read_end, writes,
		each("W R4", "R4", "W R4", "R4"), each("W R4", "R4", "W R4", "R4"),
		each("R4", "R4", "R4", ""),
		each("IN OUT", "IN", "IN OUT", "IN")},
	{"read end, full", read_end, peer_fills_it,
		each("W R65536", "R65536", "W R65536", "R65536"),
		each("W R65536", "R65536", "W R65536", "R65536"),
		all("R65536"), each("IN OUT", "IN", "IN OUT", "IN")},
	{"read end, writers gone", read_end, other_end_closes,
		each("We R0e", "R0e", "We R0e", "We R0e"),
		each("W?32 R0e", "W?9 R0e", "We R0e", "We R0e"), all("R0e"),
		each("IN HUP", "IN OUT HUP", "IN HUP", "IN HUP")},
	{"read end, input, writers gone", read_end, writes_and_closes,
		each("We R4e", "R4e", "We R4e", "We R4e"),
		each("W?32 R4e", "W?9 R4e", "We R4e", "We R4e"), all("R4e"),
		each("IN HUP", "IN OUT HUP", "IN HUP", "IN HUP")},
	{"write end", write_end, NULL,
		all("W"), all("W"), all(""), all("OUT")},
	{"write end, full", write_end, is_full,
		all(""), all(""), all(""), all("")},
	{"write end, readers gone", write_end, other_end_closes,
		all("We R0e"),
		each("W?32 R0e", "W?9 R0e", "We R0e", "We R0e"), all("R0e"),
		each("IN HUP", "IN OUT HUP", "IN HUP", "IN HUP")},
	{"write end, full, readers gone", write_end, is_full_and_the_reader_goes,
		each("We R0e", "R0e", "R0e", "We R0e"),
		each("W?32 R0e", "W?9 R0e", "We R0e", "We R0e"), all("R0e"),
		each("IN HUP", "IN OUT HUP", "IN HUP", "IN HUP")},
};
/* clang-format on */

STATES_TESTS(pipes)

static void
freebsd_deletes_the_write_filter_of_a_vanished_pipe(void **state)
{
	int fds[2];

	(void)state;
	kernel_becomes(FREEBSD);
	write_end(fds);
	add(fds[0], EVFILT_WRITE);
	assert_events("W");
	other_end_closes(fds);
	assert_events("We");
	assert_events("");
	assert_int_equal(ENOENT, change(fds[0], EVFILT_WRITE, EV_DELETE));
	assert_int_equal(EPIPE, change(fds[0], EVFILT_WRITE, EV_ADD));
	close(fds[0]);
	kernel_becomes(MANUAL);
}

static void
adding_a_sleeping_filter_again_wakes_it(void **state)
{
	int fds[2];

	(void)state;
	kernel_becomes(OPENBSD);
	write_end(fds);
	is_full(fds);
	add(fds[0], EVFILT_WRITE);
	other_end_closes(fds);
	assert_events("");
	add(fds[0], EVFILT_WRITE);
	assert_events("We");
	close(fds[0]);
	kernel_becomes(MANUAL);
}

/* ---- FIFOs ---- */

/* An end of a FIFO; the other one is opened after the first. */
static void
fifo(int fds[2], int mode, int other)
{
	char dir[] = "/tmp/socle-fifo-XXXXXX", path[64];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/fifo", dir);
	assert_int_equal(0, mkfifo(path, 0600));
	if (mode == O_WRONLY)
		fds[1] = open(path, other | O_NONBLOCK);
	fds[0] = open(path, mode | O_NONBLOCK);
	if (mode == O_RDONLY)
		fds[1] = open(path, other | O_NONBLOCK);
	assert_true(fds[0] >= 0 && fds[1] >= 0);
	assert_int_equal(0, unlink(path));
	assert_int_equal(0, rmdir(dir));
}

static void
fifo_reader(int fds[2])
{
	fifo(fds, O_RDONLY, O_WRONLY);
}

static void
fifo_writer(int fds[2])
{
	fifo(fds, O_WRONLY, O_RDONLY);
}

/* clang-format off */
static const struct state fifos[] = {
	{"reader", fifo_reader, NULL,
		each("", "", "W?22", "W"), each("", "", "W?22", "W"), all(""),
		each("", "", "", "OUT")},
	{"reader, input", fifo_reader, writes,
		each("R4", "R4", "W?22 R4", "W R4"),
		each("R4", "R4", "W?22 R4", "W R4"), all("R4"),
		each("IN", "IN", "IN", "IN OUT")},
	{"reader, writer gone", fifo_reader, other_end_closes,
		each("R0e", "R0e", "W?22 R0e", "W"),
		each("R0e", "R0e", "W?22 R0e", "W"), each("R0e", "R0e", "R0e", ""),
		each("IN HUP", "IN OUT HUP", "IN HUP", "OUT")},
	{"writer", fifo_writer, NULL,
		each("W", "W", "R?22 W", "W"), each("W", "W", "R?22 W", "W"),
		each("", "", "refused", ""), all("OUT")},
	{"writer, reader gone", fifo_writer, other_end_closes,
		each("We", "We", "R?22 We", "W"), each("We", "We", "R?22 We", "W"),
		each("", "", "refused", ""),
		each("HUP", "OUT HUP", "OUT", "OUT")},
};
/* clang-format on */

STATES_TESTS(fifos)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STATES_RUN(pipes),
		STATES_RUN(fifos),
		kqueue_test(
			freebsd_deletes_the_write_filter_of_a_vanished_pipe),
		kqueue_test(adding_a_sleeping_filter_again_wakes_it),
	};
	return run_tests(tests);
}

/*
 * Writing after a reset on a kernel whose send(2) says EPIPE then, and leaves
 * the reason in SO_ERROR.
 */
/* backends: all */
#include "tests/support/dgrams.h"
#include "tests/support/sending.h"

static bool before;

static int
setup(void **state)
{
	before = socle__seam.send_hides_error;
	socle__seam.send_hides_error = true;
	return fixture_setup(state);
}

static int
teardown(void **state)
{
	socle__seam.send_hides_error = before;
	return fixture_teardown(state);
}

#define reset_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* One end of a connection that was reset; no call has returned the error yet. */
static void
end_arrives(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(1, poll(&p, 1, 5000));
}

static int
reset_socket(void)
{
	int fds[2];

	pair_tcp(fds);
	close_by_reset(fds[1]);
	end_arrives(fds[0]);
	return fds[0];
}

static void
a_write_after_a_reset_says_so(void **state)
{
	struct socle_socket *s = sender_new(reset_socket());

	(void)state;
	seam_fail(CALL_send, 1, EPIPE, 1);
	assert_int_equal(-ECONNRESET, socle_write(s, "x", 1));
	assert_notes("close(ECONNRESET)");
}

static void
a_flush_after_a_reset_says_so(void **state)
{
	struct socle_socket *s;
	int fds[2];

	(void)state;
	pair_tcp(fds);
	s = sender_new(fds[0]);
	seam_fail(CALL_send, 1, EAGAIN, 1);
	assert_int_equal(0, socle_write(s, "x", 1));
	close_by_reset(fds[1]);
	end_arrives(fds[0]);
	seam_fail(CALL_send, 1, EPIPE, 1);
	assert_int_equal(-ECONNRESET, socle_write_kick(s));
	assert_notes("close(ECONNRESET)");
}

static void
a_file_after_a_reset_says_so(void **state)
{
	struct socle_socket *s = sender_new(reset_socket());
	struct sending f = {.name = "f"};

	(void)state;
	seam_fail(CALL_sendfile, 1, EPIPE, 1);
	send_whole(s, &f, file_of(10, 1));
	assert_int_equal(1, f.completions);
	assert_int_equal(-ECONNRESET, f.how.err);
	notes_clear();
}

static void
an_io_after_a_reset_says_so(void **state)
{
	struct socle_io io;

	(void)state;
	assert_int_equal(0, socle_io_open(&io, NULL));
	assert_int_equal(0, socle_io_adopt(&io, reset_socket()));
	seam_fail(CALL_sendto, 1, EPIPE, 1);
	assert_int_equal(-ECONNRESET, socle_io_send(&io, "x", 1, 0, NULL));
	socle_io_close(&io);
}

static void
a_dgram_on_a_stream_after_a_reset_says_so(void **state)
{
	const struct socle_dgram_params p = {.autoflush = true};
	struct recorder *t = recorder_new(reset_socket(), &p);

	(void)state;
	seam_fail(CALL_sendto, 1, EPIPE, 1);
	assert_int_equal(
		-ECONNRESET, socle_dgram_send(&t->dgram, "x", 1, 0, NULL));
	notes_clear();
}

static void
an_epipe_without_a_reason_stays_one(void **state)
{
	struct socle_socket *s;
	int fds[2];

	(void)state;
	pair_tcp(fds);
	s = sender_new(fds[0]);
	seam_fail(CALL_send, 1, EPIPE, 1);
	assert_int_equal(-EPIPE, socle_write(s, "x", 1));
	assert_notes("close(EPIPE)");
	close(fds[1]);
}

static void
a_pipe_without_a_reader_is_epipe(void **state)
{
	struct socle_socket *s;
	int fds[2];

	(void)state;
	pair_pipe(fds);
	s = sender_new(fds[1]);
	close(fds[0]);
	assert_int_equal(-EPIPE, socle_write(s, "x", 1));
	assert_notes("close(EPIPE)");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		reset_test(a_write_after_a_reset_says_so),
		reset_test(a_flush_after_a_reset_says_so),
		reset_test(a_file_after_a_reset_says_so),
		reset_test(an_io_after_a_reset_says_so),
		reset_test(a_dgram_on_a_stream_after_a_reset_says_so),
		reset_test(an_epipe_without_a_reason_stays_one),
		reset_test(a_pipe_without_a_reader_is_epipe),
	};

	return run_tests(tests);
}

/* Reading from the kernel: the results of socle_read(), and their effects. */
/* backends: all */
#include "tests/support/fixture.h"

#include <stdlib.h>

enum { MIB = 1 << 20 };

static int ends[2];

/* An object on one end of a socketpair; ends[1] is the peer's end. */
static struct probe *
made(void)
{
	pair_unix(ends);
	return probe_new(ends[0], NULL);
}

static void
assert_read(struct probe *p, size_t size, const char *text)
{
	char buf[64];
	ssize_t n = socle_read(&p->sock, buf, size);

	assert_int_equal(strlen(text), n);
	assert_memory_equal(text, buf, strlen(text));
}

static void
a_read_returns_available_data_in_one_system_call(void **state)
{
	struct probe *p = made();

	(void)state;
	send_all(ends[1], "hello", 5);
	seam_count_reset();
	assert_read(p, 64, "hello");
	assert_int_equal(1, seam_count(CALL_read));
	assert_int_equal(1, seam_system_calls());
	close(ends[1]);
}

/* case 96 */
static void
a_read_without_data_is_eagain_and_not_the_end(void **state)
{
	struct probe *p = made();
	char buf[8];

	(void)state;
	errno = EPIPE; /* left by an earlier call */
	assert_int_equal(-EAGAIN, socle_read(&p->sock, buf, sizeof(buf)));
	send_all(ends[1], "x", 1);
	assert_read(p, 8, "x");
	close(ends[1]);
}

static void
eagain_does_not_turn_the_read_event_off(void **state)
{
	struct probe *p = made();
	char buf[8];

	(void)state;
	socle_watch_read(&p->sock, true);
	assert_int_equal(-EAGAIN, socle_read(&p->sock, buf, sizeof(buf)));
	assert_int_equal(SOCLE_READ, socle_watching(&p->sock));
	send_all(ends[1], "x", 1);
	turn(1);
	assert_notes("r");
	close(ends[1]);
}

/* case 97 */
static void
the_end_of_the_stream_does_not_depend_on_errno(void **state)
{
	struct probe *p = made();
	char buf[8];

	(void)state;
	close(ends[1]);
	for (int i = 0; i < 3; i++) {
		errno = EAGAIN;
		assert_int_equal(0, socle_read(&p->sock, buf, sizeof(buf)));
	}
	assert_false(socle_closed(&p->sock));
}

/* case 98 */
static void
a_read_of_0_bytes_is_refused_and_takes_nothing(void **state)
{
	struct probe *p = made();
	char buf[8];

	(void)state;
	send_all(ends[1], "hello", 5);
	seam_count_reset();
	assert_int_equal(-EINVAL, socle_read(&p->sock, buf, 0));
	assert_int_equal(0, seam_system_calls());
	assert_read(p, 8, "hello");
	close(ends[1]);
}

static size_t requested;

static ssize_t
endless_read(int fd, void *buf, size_t n)
{
	(void)fd;
	requested = n;
	memset(buf, 'x', n);
	return (ssize_t)n;
}

/* case 99 */
static void
one_read_asks_for_at_most_a_mebibyte(void **state)
{
	struct probe *p = made();
	ssize_t (*libc_read)(int, void *, size_t) = socle__seam.read;
	char *buf = malloc(MIB + 1);
	ssize_t whole, more;

	(void)state;
	socle__seam.read = endless_read;
	whole = socle_read(&p->sock, buf, MIB);
	more = socle_read(&p->sock, buf, MIB + 1);
	socle__seam.read = libc_read;
	free(buf);
	assert_int_equal(MIB, whole);
	assert_int_equal(MIB, more);
	assert_int_equal(MIB, requested);
	close(ends[1]);
}

/* case 100 */
static void
an_interrupted_read_is_retried(void **state)
{
	struct probe *p = made();

	(void)state;
	send_all(ends[1], "hello", 5);
	seam_count_reset();
	seam_fail(CALL_read, 1, EINTR, 3);
	assert_read(p, 8, "hello");
	assert_int_equal(4, seam_count(CALL_read));
	close(ends[1]);
}

static void
a_read_error_is_returned_and_closes_nothing(void **state)
{
	static const int errors[] = {ECONNRESET, EIO, ENOMEM, ETIMEDOUT};
	struct probe *p = made();
	char buf[8];

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		seam_fail(CALL_read, 1, errors[i], 1);
		assert_int_equal(
			-errors[i], socle_read(&p->sock, buf, sizeof(buf)));
	}
	assert_false(socle_closed(&p->sock));
	send_all(ends[1], "still", 5);
	assert_read(p, 8, "still");
	close(ends[1]);
}

static void
a_reset_by_the_peer_is_econnreset(void **state)
{
	struct probe *p;
	char buf[8];

	(void)state;
	pair_tcp(ends);
	p = probe_new(ends[0], NULL);
	close_by_reset(ends[1]);
	assert_int_equal(-ECONNRESET, socle_read(&p->sock, buf, sizeof(buf)));
	assert_false(socle_closed(&p->sock));
}

/* case 51 as in socle: a closed object is not the end of a stream */
static void
reading_a_closed_object_is_ebadf(void **state)
{
	struct probe *p = made();
	char buf[8];

	(void)state;
	send_all(ends[1], "hello", 5);
	socle_close(&p->sock, NULL);
	seam_count_reset();
	assert_int_equal(-EBADF, socle_read(&p->sock, buf, sizeof(buf)));
	assert_int_equal(-EBADF, socle_read(&p->sock, buf, 0));
	assert_int_equal(0, seam_system_calls());
	close(ends[1]);
}

static void
data_left_by_a_short_read_causes_another_event(void **state)
{
	struct probe *p = made();

	(void)state;
	p->read_size = 2;
	socle_watch_read(&p->sock, true);
	send_all(ends[1], "hello", 5);
	turn(5);
	assert_notes("r r r");
	assert_int_equal(5, p->got_len);
	assert_memory_equal("hello", p->got, 5);
	close(ends[1]);
}

static void
after_the_end_no_event_read_comes_until_it_is_requested(void **state)
{
	struct probe *p = made();

	(void)state;
	socle_watch_read(&p->sock, true);
	shutdown(ends[1], SHUT_WR);
	turn(4);
	assert_notes("r eof");
	assert_int_equal(0, socle_watching(&p->sock));
	socle_watch_read(&p->sock, true);
	turn(1);
	assert_notes("r eof");
	close(ends[1]);
}

static void
reading_the_end_outside_event_read_turns_the_event_off(void **state)
{
	struct probe *p = made();
	char buf[8];

	(void)state;
	socle_watch_read(&p->sock, true);
	shutdown(ends[1], SHUT_WR);
	assert_int_equal(0, socle_read(&p->sock, buf, sizeof(buf)));
	turn(2);
	assert_notes("");
	close(ends[1]);
}

static void
event_read_need_not_read(void **state)
{
	struct probe *p = made();

	(void)state;
	p->read_size = 0;
	socle_watch_read(&p->sock, true);
	send_all(ends[1], "x", 1);
	turn(3);
	assert_notes("r r r");
	close(ends[1]);
}

static void
a_pipe_is_read_like_a_socket(void **state)
{
	struct probe *p;
	char buf[8];

	(void)state;
	pair_pipe(ends);
	p = probe_new(ends[0], NULL);
	assert_int_equal(-EAGAIN, socle_read(&p->sock, buf, sizeof(buf)));
	send_all(ends[1], "hello", 5);
	assert_read(p, 3, "hel");
	assert_read(p, 8, "lo");
	close(ends[1]);
	assert_int_equal(0, socle_read(&p->sock, buf, sizeof(buf)));
}

static size_t stream_at;
static bool stream_done;

static void
read_by_odd_sizes(struct probe *p)
{
	static char buf[8192];
	ssize_t n;

	while ((n = socle_read(&p->sock, buf, 1 + stream_at % 7919)) > 0) {
		assert_pattern(buf, (size_t)n, stream_at, 7);
		stream_at += (size_t)n;
	}
	stream_done = n == 0;
	assert_true(n == 0 || n == -EAGAIN);
}

static void
a_long_stream_arrives_complete_and_in_order(void **state)
{
	enum { STEP = 50000 };
	static char buf[STEP];
	struct probe *p = made();
	size_t total = (size_t)scaled(40, 4) * STEP;

	(void)state;
	p->on_read = read_by_odd_sizes;
	stream_at = 0;
	stream_done = false;
	socle_watch_read(&p->sock, true);
	for (size_t at = 0; at < total; at += STEP) {
		pattern_fill(buf, STEP, at, 7);
		send_all(ends[1], buf, STEP);
		turn(1);
	}
	close(ends[1]);
	turn_until(&stream_done);
	assert_int_equal(total, stream_at);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_read_returns_available_data_in_one_system_call),
		test(a_read_without_data_is_eagain_and_not_the_end),
		test(eagain_does_not_turn_the_read_event_off),
		test(the_end_of_the_stream_does_not_depend_on_errno),
		test(a_read_of_0_bytes_is_refused_and_takes_nothing),
		test(one_read_asks_for_at_most_a_mebibyte),
		test(an_interrupted_read_is_retried),
		test(a_read_error_is_returned_and_closes_nothing),
		test(a_reset_by_the_peer_is_econnreset),
		test(reading_a_closed_object_is_ebadf),
		test(data_left_by_a_short_read_causes_another_event),
		test(after_the_end_no_event_read_comes_until_it_is_requested),
		test(reading_the_end_outside_event_read_turns_the_event_off),
		test(event_read_need_not_read),
		test(a_pipe_is_read_like_a_socket),
		test(a_long_stream_arrives_complete_and_in_order),
	};

	return run_tests(tests);
}

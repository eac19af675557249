/* Files sent through a writer function, which sendfile(2) would bypass. */
/* backends: all */
#include "tests/support/sending.h"

static struct socle_socket *s;
static int peer;
static struct sending a = {.name = "a"}, b = {.name = "b"};

/*
 * A writer function that encodes its data, like a cipher, and takes at most
 * `max_take' bytes a call.
 */
static const char key = 0x5a;
static size_t max_take;
static int calls;
static ssize_t next_result; /* returned instead, once, if it is not 0 */

static ssize_t
mix(struct socle_socket *it, const void *data, size_t len, void *arg)
{
	static char buf[1024 * KIB];
	const char *from = data;
	size_t n = len < max_take ? len : max_take;
	ssize_t r = next_result;

	(void)arg;
	calls++;
	next_result = 0;
	if (r != 0)
		return r;
	for (size_t i = 0; i < n; i++)
		buf[i] = (char)(from[i] ^ key);
	r = send(socle_fd(it), buf, n, MSG_NOSIGNAL);
	return r < 0 ? -errno : r;
}

static void
open_mixed(size_t size)
{
	s = sender_open(&peer);
	assert_int_equal(0, socle_set_writer_func(s, mix, NULL));
	max_take = size;
	calls = 0;
	next_result = 0;
	a = (struct sending){.name = "a"};
	b = (struct sending){.name = "b"};
}

/*
 * Decodes what the peer received, and compares it with the pattern from `at'
 * on.
 */
static size_t
unmix(uint64_t at, size_t size)
{
	static char buf[256 * KIB];
	ssize_t n =
		drain_fd(peer, buf, size < sizeof(buf) ? size : sizeof(buf));

	for (ssize_t i = 0; i < n; i++)
		buf[i] ^= key;
	if (n > 0)
		assert_pattern(buf, (size_t)n, (size_t)at, 0);
	return n > 0 ? (size_t)n : 0;
}

static void
unmix_until(uint64_t from, uint64_t to)
{
	while (from < to) {
		turn(1);
		from += unmix(from, (size_t)(to - from));
	}
}

static void
a_file_is_passed_to_the_writer_function(void **state)
{
	(void)state;
	open_mixed(SIZE_MAX);
	send_whole(s, &a, file_of(2 * MIB, 0));
	unmix_until(0, 2 * MIB);
	turn_until_completed(&a);
	assert_notes("a:ok(2097152)");
	assert_true(calls > 0);
	assert_int_equal(0, seam_count(CALL_sendfile));
	close(peer);
}

static void
a_writer_function_may_take_a_few_bytes_at_a_time(void **state)
{
	(void)state;
	open_mixed(777);
	send_whole(s, &a, file_of(150000, 0));
	unmix_until(0, 150000);
	turn_until_completed(&a);
	assert_notes("a:ok(150000)");
	assert_int_equal(85 + 85 + 25, calls); /* in buffers of 64 KiB */
	close(peer);
}

static void
a_writer_function_set_midway_gets_the_rest(void **state)
{
	struct reader r = {.at = 0};

	(void)state;
	open_mixed(SIZE_MAX);
	assert_int_equal(0, socle_set_writer_func(s, NULL, NULL));
	r.fd = peer;
	send_whole(s, &a, file_of(MIB, 0));
	assert_true(reader_take(&r, MIB) > 0);
	assert_int_equal(0, socle_set_writer_func(s, mix, NULL));
	unmix_until(r.at, MIB);
	turn_until_completed(&a);
	assert_notes("a:ok(1048576)");
	close(peer);
}

/* The part of a buffer that it had not taken is not lost. */
static void
after_removing_the_writer_function_the_kernel_sends_the_rest(void **state)
{
	struct reader r = {.at = 0};

	(void)state;
	open_mixed(1000);
	r.fd = peer;
	send_whole(s, &a, file_of(MIB, 0));
	r.at = unmix(0, MIB);
	assert_true(r.at > 0 && r.at % 1000 == 0);
	assert_int_equal(0, socle_set_writer_func(s, NULL, NULL));
	reader_until(&r, MIB);
	turn_until_completed(&a);
	assert_notes("a:ok(1048576)");
	assert_true(seam_count(CALL_sendfile) > 0);
	close(peer);
}

static void
a_writer_function_may_wait_for_readability(void **state)
{
	(void)state;
	open_mixed(SIZE_MAX);
	next_result = SOCLE_WANT_READ;
	send_whole(s, &a, file_of(1000, 0));
	turn(3);
	assert_int_equal(1, calls);
	assert_int_equal(0, a.completions);
	send_all(peer, "now", 3);
	turn(1);
	assert_notes("a:ok(1000)");
	assert_int_equal(1000, unmix(0, 2000));
	close(peer);
}

static void
a_writer_function_may_take_nothing(void **state)
{
	(void)state;
	open_mixed(SIZE_MAX);
	next_result = -EAGAIN;
	send_whole(s, &a, file_of(1000, 0));
	assert_int_equal(0, a.completions);
	turn(1);
	assert_notes("a:ok(1000)");
	assert_int_equal(1000, unmix(0, 2000));
	close(peer);
}

/*
 * It is unknown how much of the file was sent, so the stream cannot continue.
 */
static void
a_writer_function_that_fails_closes(void **state)
{
	struct socle_sendfile what = {
		.length = 100, .close_fd = true, .carry_on = true};

	(void)state;
	open_mixed(SIZE_MAX);
	socle_set_autoflush(s, false);
	what.fd = file_of(100, 0);
	send_file(s, &a, what);
	what.fd = file_of(100, 0);
	send_file(s, &b, what);
	next_result = -EIO;
	turn(1);
	assert_notes("a:EIO(0+100) close(sendfile) b:ECANCELED(0+100)");
	assert_string_equal("write", a.how.operation);
	close(peer);
}

static void
a_writer_function_that_takes_too_much_closes(void **state)
{
	(void)state;
	open_mixed(SIZE_MAX);
	next_result = 101;
	send_whole(s, &a, file_of(100, 0));
	assert_notes("a:EIO(0+100) close(sendfile)");
	turn(1);
	close(peer);
}

static ssize_t
close_in_it(struct socle_socket *it, const void *data, size_t len, void *arg)
{
	(void)data;
	(void)arg;
	socle_close(it, "writer");
	return (ssize_t)len;
}

static void
a_writer_function_may_close(void **state)
{
	(void)state;
	open_mixed(SIZE_MAX);
	assert_int_equal(0, socle_set_writer_func(s, close_in_it, NULL));
	send_whole(s, &a, file_of(100, 0));
	assert_notes("close(writer) a:ECANCELED(0+100)");
	turn(1);
	close(peer);
}

static ssize_t
write_in_it(struct socle_socket *it, const void *data, size_t len, void *arg)
{
	assert_int_equal(0, socle_set_writer_func(it, mix, NULL));
	assert_int_equal(0, socle_write(it, "!", 1));
	turn(1); /* must not send the bytes that are being sent */
	return mix(it, data, len, arg);
}

static void
writes_of_a_writer_function_are_queued_after_the_file(void **state)
{
	char end = '!' ^ key;
	char got[101];

	(void)state;
	open_mixed(SIZE_MAX);
	assert_int_equal(0, socle_set_writer_func(s, write_in_it, NULL));
	send_whole(s, &a, file_of(100, 0));
	turn(1);
	assert_notes("a:ok(100)");
	assert_int_equal(101, drain_fd(peer, got, sizeof(got)));
	assert_int_equal(end, got[100]);
	close(peer);
}

/* ---- fairness ---- */

static ssize_t
swallow(struct socle_socket *it, const void *data, size_t len, void *arg)
{
	(void)it;
	(void)data;
	*(size_t *)arg += len;
	return (ssize_t)len;
}

static bool rang;

static void
ring(void *arg)
{
	(void)arg;
	rang = true;
}

/* TS18: even if both files never block */
static void
two_large_files_and_a_timer_take_turns(void **state)
{
	const size_t size = 50 * (size_t)MIB;
	size_t took[2] = {0, 0};
	struct socle_socket *to[2];
	int ends[2], fd = file_of(0, 0);

	(void)state;
	assert_int_equal(0, ftruncate(fd, (off_t)size));
	a = (struct sending){.name = "a"};
	b = (struct sending){.name = "b"};
	for (int i = 0; i < 2; i++) {
		to[i] = sender_open(&ends[i]);
		socle_set_writer_func(to[i], swallow, &took[i]);
		send_file(to[i], i ? &b : &a,
			(struct socle_sendfile){
				.fd = fd, .length = SOCLE_TO_END});
	}
	rang = false;
	assert_true(socle_add_timer(0, ring, NULL) != 0);
	turn(1);
	assert_true(rang);
	for (int round = 0; !a.completions && !b.completions; round++) {
		assert_true(took[0] < took[1] + 2 * MIB);
		assert_true(took[1] < took[0] + 2 * MIB);
		assert_true(round < 60);
		turn(1);
	}
	for (int i = 0; i < 2; i++) {
		socle_close(to[i], NULL);
		close(ends[i]);
	}
	close(fd);
}

/* TS18: the same if the kernel sends */
static void
two_large_files_are_sent_side_by_side(void **state)
{
	struct socle_socket *to[2];
	struct reader r[2];
	int fd = file_of(16 * MIB, 0);

	(void)state;
	a = (struct sending){.name = "a"};
	b = (struct sending){.name = "b"};
	for (int i = 0; i < 2; i++) {
		int fds[2];

		pair_tcp(fds);
		r[i] = (struct reader){.fd = fds[1]};
		to[i] = sender_new(fds[0]);
		send_file(to[i], i ? &b : &a,
			(struct socle_sendfile){
				.fd = fd, .length = SOCLE_TO_END});
	}
	while (!a.completions && !b.completions) {
		turn(1);
		reader_take(&r[0], SIZE_MAX);
		reader_take(&r[1], SIZE_MAX);
		assert_true(r[0].at < r[1].at + 8 * MIB);
		assert_true(r[1].at < r[0].at + 8 * MIB);
	}
	for (int i = 0; i < 2; i++) {
		reader_until(&r[i], 16 * MIB);
		socle_close(to[i], NULL);
		close(r[i].fd);
	}
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_file_is_passed_to_the_writer_function),
		test(a_writer_function_may_take_a_few_bytes_at_a_time),
		test(a_writer_function_set_midway_gets_the_rest),
		test(after_removing_the_writer_function_the_kernel_sends_the_rest),
		test(a_writer_function_may_wait_for_readability),
		test(a_writer_function_may_take_nothing),
		test(a_writer_function_that_fails_closes),
		test(a_writer_function_that_takes_too_much_closes),
		test(a_writer_function_may_close),
		test(writes_of_a_writer_function_are_queued_after_the_file),
		test(two_large_files_and_a_timer_take_turns),
		both(two_large_files_are_sent_side_by_side),
	};

	return run_tests(tests);
}

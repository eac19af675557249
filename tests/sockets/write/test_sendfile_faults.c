/*
 * Temporary failures of sending files, and systems where sendfile(2) fails.
 * test_sweep.c has each call fail.
 */
/* backends: all */
#include "tests/support/sending.h"

enum { FILES = 4 };

static struct sending files[FILES] = {
	{.name = "path"}, {.name = "fd"}, {.name = "pipe"}, {.name = "big"}};
static bool taken[FILES];  /* the call said >= 0 */
static bool was_destroyed; /* the object was destroyed */

static void
watched_destroy(struct socle_socket *self)
{
	(void)self;
	was_destroyed = true;
}

static const struct socle_class watched_class = {
	.name = "Watched",
	.super = &sender_class,
	.destroy = watched_destroy,
};

static void
queue_file(struct socle_socket *s, int i, struct socle_sendfile what)
{
	int r;

	what.length = i == 1 ? 700 : SOCLE_TO_END;
	what.close_fd = true;
	r = send_file(s, &files[i], what);
	taken[i] = r >= 0;
	if (r < 0)
		assert_int_equal(0, files[i].completions);
	if (r < 0 && !what.file)
		close(what.fd);
}

static int
pipe_of(size_t n)
{
	char buf[1000];
	int to, from = pipe_source(&to);

	pattern_fill(buf, n, 0, 0);
	send_all(to, buf, n);
	close(to);
	return from;
}

/*
 * Sends bytes, a file by path, one by fd, a pipe, and a large file. Returns how
 * many bytes of files arrived.
 */
static uint64_t
run(const char *path)
{
	struct socle_socket *s;
	static char buf[65536];
	uint64_t got = 0;
	int fds[2];

	for (int i = 0; i < FILES; i++)
		files[i].completions = 0;
	pair_unix(fds);
	if (socle_socket_new(&watched_class, fds[0], &s) < 0) {
		close(fds[0]);
		close(fds[1]);
		return 0;
	}
	queue_file(s, 0, (struct socle_sendfile){.file = path});
	queue_file(s, 1, (struct socle_sendfile){.fd = file_of(700, 0)});
	queue_file(s, 2, (struct socle_sendfile){.fd = pipe_of(900)});
	queue_file(s, 3, (struct socle_sendfile){.fd = file_of(MIB, 0)});
	socle_close_after_flush(s, "over");
	was_destroyed = false;
	for (int tick = 0; tick < 1000 && !was_destroyed; tick++) {
		ssize_t n;

		(void)socle_event_loop_once(1);
		while ((n = drain_fd(fds[1], buf, sizeof(buf))) > 0)
			got += (uint64_t)n;
	}
	assert_true(was_destroyed);
	for (ssize_t n; (n = drain_fd(fds[1], buf, sizeof(buf))) > 0;)
		got += (uint64_t)n;
	close(fds[1]);
	return got;
}

static void
check(uint64_t got)
{
	uint64_t sent = 0;

	for (int i = 0; i < FILES; i++) {
		assert_int_equal(taken[i], files[i].completions);
		if (taken[i])
			sent += files[i].how.sent;
	}
	assert_int_equal(sent, got);
}

/* These errors mean "again" or "later"; every byte still arrives. */
static void
a_temporary_error_loses_nothing(void **state)
{
	static const int errors[] = {EINTR, EAGAIN, ENOMEM, ENOBUFS};
	static const enum call calls[] = {
		CALL_sendfile, CALL_pread, CALL_read, CALL_send};
	char path[PATH_SIZE];

	(void)state;
	file_named(path, 500, 0);
	for (size_t e = 0; e < 4; e++)
		for (size_t c = 0; c < 4; c++) {
			unsigned long refused;

			seam_reset();
			if (calls[c] != CALL_sendfile)
				seam_fail(CALL_sendfile, 1, EINVAL, -1);
			seam_fail(calls[c], 1, errors[e], 1);
			seam_fail(calls[c], 3, errors[e], 1);
			assert_int_equal(500 + 700 + 900 + MIB, run(path));
			refused = calls[c] == CALL_sendfile
				? 0
				: seam_count(CALL_sendfile);
			assert_int_equal(2, seam_struck() - refused);
			seam_heal();
			check(500 + 700 + 900 + MIB);
		}
	unlink(path);
}

/* A failed allocation of the buffer is retried later. */
static void
a_failed_buffer_allocation_is_retried(void **state)
{
	struct sending a = {.name = "a"};
	struct socle_socket *s;
	int peer;

	(void)state;
	s = sender_open(&peer);
	socle_set_autoflush(s, false);
	send_whole(s, &a, pipe_of(100));
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	turn(1);
	assert_int_equal(0, a.completions);
	turn_until_completed(&a);
	assert_notes("a:ok(100)");
	close(peer);
}

static void
an_interrupted_open_is_repeated(void **state)
{
	struct sending a = {.name = "a"};
	struct socle_socket *s;
	char path[PATH_SIZE];
	int peer;

	(void)state;
	s = sender_open(&peer);
	file_named(path, 10, 0);
	seam_fail(CALL_open, 1, EINTR, 2);
	assert_int_equal(1,
		send_file(s, &a,
			(struct socle_sendfile){.file = path, .length = 10}));
	assert_notes("a:ok(10)");
	unlink(path);
	close(peer);
}

/* The kernel may refuse sendfile(2) in the middle of a file. */
static void
the_kernel_may_refuse_sendfile_midway(void **state)
{
	struct sending a = {.name = "a"};
	struct reader r = {.at = 0};
	struct socle_socket *s;

	(void)state;
	s = sender_open(&r.fd);
	seam_fail(CALL_sendfile, 2, EINVAL, -1);
	send_whole(s, &a, file_of(2 * MIB, 0));
	reader_until(&r, 2 * MIB);
	turn_until_completed(&a);
	assert_notes("a:ok(2097152)");
	assert_int_equal(2, seam_count(CALL_sendfile));
	close(r.fd);
}

static void
a_file_can_be_sent_one_byte_at_a_time(void **state)
{
	struct sending a = {.name = "a"};
	struct reader r = {.at = 0};
	struct socle_socket *s;

	(void)state;
	s = sender_open(&r.fd);
	seam_short(CALL_send, 1, -1);
	seam_fail(CALL_sendfile, 1, EINVAL, -1);
	send_whole(s, &a, file_of(1000, 0));
	reader_until(&r, 1000);
	turn_until_completed(&a);
	assert_notes("a:ok(1000)");
	assert_int_equal(1, seam_count(CALL_pread));
	close(r.fd);
}

/* Each system has its own error for a file or a socket that it cannot serve. */
static void
where_sendfile_is_not_supported_the_file_is_read(void **state)
{
	static const int errors[] = {
		EINVAL, ENOSYS, ENOTSOCK, EOPNOTSUPP, ENOTSUP, ESPIPE};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		struct sending f = {.name = "f"};
		struct reader r = {.seed = 3};
		struct socle_socket *s = sender_open(&r.fd);

		seam_fail(CALL_sendfile, 1, errors[i], 1);
		send_whole(s, &f, file_of(5000, 3));
		reader_until(&r, 5000);
		turn_until_completed(&f);
		assert_notes("f:ok(5000)");
		assert_int_equal(i + 1, seam_struck());
		socle_close(s, NULL);
		turn(1);
		notes_clear();
		close(r.fd);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_temporary_error_loses_nothing),
		test(a_failed_buffer_allocation_is_retried),
		test(where_sendfile_is_not_supported_the_file_is_read),
		test(an_interrupted_open_is_repeated),
		test(the_kernel_may_refuse_sendfile_midway),
		test(a_file_can_be_sent_one_byte_at_a_time),
	};

	return run_tests(tests);
}

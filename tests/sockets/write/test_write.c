/* Writing straight to the kernel: results, failures, refusals, releases. */
/* backends: all */
#include "tests/support/fixture.h"

#include <sys/wait.h>

static struct probe *p;
static int peer;

static void
open_pair(void)
{
	int fds[2];

	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	peer = fds[1];
}

/* Fills the kernel's buffer: later writes are queued. */
static size_t
open_stuck_pair(void)
{
	open_pair();
	return stuff_fd(socle_fd(&p->sock));
}

static void
assert_peer_got(const char *text)
{
	char buf[256];
	ssize_t n = drain_fd(peer, buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = '\0';
	assert_string_equal(text, buf);
}

static void
released(bool sent, void *arg)
{
	note("%s=%s", (const char *)arg, sent ? "sent" : "dropped");
}

static void
called(struct socle_socket *s, void *arg)
{
	(void)s;
	note("fn:%s", (const char *)arg);
}

static void
dropped(void *arg)
{
	note("drop:%s", (const char *)arg);
}

static char name_a[] = "a", name_b[] = "b";

/* Every call that writes is refused with `err' and runs no callback. */
static void
assert_all_refused(int err)
{
	struct iovec iov = {.iov_base = name_a, .iov_len = 1};
	size_t before = socle_write_buf_size(&p->sock);

	notes_clear();
	assert_int_equal(err, socle_write(&p->sock, "x", 1));
	assert_int_equal(err, socle_writev(&p->sock, &iov, 1));
	assert_int_equal(
		err, socle_write_ref(&p->sock, "x", 1, released, name_a));
	assert_int_equal(
		err, socle_write_func(&p->sock, called, dropped, name_a));
	assert_int_equal(before, socle_write_buf_size(&p->sock));
	assert_notes("");
}

/* ---- the direct path ---- */

/* case 65 */
static void
a_small_write_is_one_system_call(void **state)
{
	(void)state;
	open_pair();
	seam_count_reset();
	assert_int_equal(1, socle_write(&p->sock, "hello", 5));
	assert_int_equal(1, seam_count(CALL_send));
	assert_int_equal(1, seam_system_calls());
	assert_int_equal(0, seam_count(CALL_malloc));
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	assert_int_equal(0, socle_watching(&p->sock));
	assert_peer_got("hello");
	close(peer);
}

/* case 76 */
static void
an_empty_write_makes_no_system_call(void **state)
{
	(void)state;
	open_pair();
	seam_count_reset();
	assert_int_equal(1, socle_write(&p->sock, "", 0));
	assert_int_equal(1, socle_write(&p->sock, NULL, 0));
	assert_int_equal(1, socle_writev(&p->sock, NULL, 0));
	assert_int_equal(0, seam_system_calls());
	close(peer);
}

/* case 76 */
static void
an_empty_write_flushes_the_queue(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write(&p->sock, "x", 1);
	assert_int_equal(0, socle_write(&p->sock, "", 0));
	while (drain_fd(peer, p->got, sizeof(p->got)) > 0)
		;
	assert_int_equal(1, socle_write(&p->sock, "", 0));
	assert_peer_got("x");
	close(peer);
}

/* case 72 */
static void
a_kick_with_nothing_queued_returns_1(void **state)
{
	(void)state;
	open_pair();
	seam_count_reset();
	assert_int_equal(1, socle_write_kick(&p->sock));
	assert_int_equal(0, seam_system_calls());
	close(peer);
}

/* case 72 */
static void
a_kick_with_bytes_that_cannot_be_sent_returns_0(void **state)
{
	(void)state;
	open_stuck_pair();
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	assert_int_equal(0, socle_write_kick(&p->sock));
	close(peer);
}

static void
a_vector_is_sent_in_one_system_call_and_in_order(void **state)
{
	char a[] = "one ", b[] = "two ", c[] = "three";
	struct iovec iov[] = {{a, 4}, {b, 0}, {b, 4}, {c, 5}};

	(void)state;
	open_pair();
	seam_count_reset();
	assert_int_equal(1, socle_writev(&p->sock, iov, 4));
	assert_int_equal(1, seam_system_calls());
	assert_peer_got("one two three");
	close(peer);
}

static void
a_vector_sent_in_part_continues_inside_an_element(void **state)
{
	char a[] = "one ", b[] = "two ", c[] = "three";
	struct iovec iov[] = {{a, 4}, {b, 4}, {c, 5}};

	(void)state;
	open_pair();
	seam_short(CALL_sendmsg, 1, 1);
	assert_int_equal(0, socle_writev(&p->sock, iov, 3));
	assert_int_equal(12, socle_write_buf_size(&p->sock));
	turn(2);
	assert_peer_got("one two three");
	close(peer);
}

static void
a_negative_vector_count_is_einval(void **state)
{
	(void)state;
	open_pair();
	assert_int_equal(-EINVAL, socle_writev(&p->sock, NULL, -1));
	close(peer);
}

/* ---- failures ---- */

/* case 77 */
static void
a_closed_peer_closes_with_epipe(void **state)
{
	(void)state;
	open_pair();
	close(peer);
	assert_int_equal(-EPIPE, socle_write(&p->sock, "x", 1));
	assert_true(socle_closed(&p->sock));
	turn(1);
	assert_notes("close(EPIPE) destroy");
}

/* Runs in a child in which SIGPIPE kills; 0: the write returned -EPIPE. */
static int
write_to_closed_peer(void (*pair)(int fds[2]), int own_end)
{
	struct socle_socket *s;
	int fds[2];

	pair(fds);
	signal(SIGPIPE, SIG_DFL);
	if (socle_socket_new(&socle_socket_class, fds[own_end], &s) < 0)
		return 1;
	close(fds[!own_end]);
	if (socle_write(s, "x", 1) != -EPIPE)
		return 2;
	return socle_closed(s) ? 0 : 3;
}

static int
in_child(void (*pair)(int fds[2]), int own_end)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(write_to_closed_peer(pair, own_end));
	assert_int_equal(pid, waitpid(pid, &status, 0));
	return status;
}

/*
 * case 77. Must be the first test: the library handles SIGPIPE once per
 * process.
 */
static void
a_pipe_without_a_reader_is_epipe_and_raises_no_signal(void **state)
{
	(void)state;
	assert_int_equal(0, in_child(pair_pipe, 1));
}

/* case 77 */
static void
a_socket_without_a_peer_is_epipe_and_raises_no_signal(void **state)
{
	(void)state;
	assert_int_equal(0, in_child(pair_unix, 0));
}

/* case 78 */
static void
a_reset_closes_with_econnreset(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_send, 1, ECONNRESET, 1);
	assert_int_equal(-ECONNRESET, socle_write(&p->sock, "x", 1));
	assert_true(socle_closed(&p->sock));
	assert_notes("close(ECONNRESET)");
	close(peer);
}

/* case 79 */
static void
any_other_error_closes_with_write_error(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_send, 1, EIO, 1);
	assert_int_equal(-EIO, socle_write(&p->sock, "x", 1));
	assert_notes("close(write_error)");
	close(peer);
}

static void
an_error_in_a_flush_is_the_result_of_the_kick(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_send, 1, EAGAIN, 1);
	socle_write_ref(&p->sock, "x", 1, released, name_a);
	socle_write_func(&p->sock, called, dropped, name_b);
	notes_clear();
	seam_fail(CALL_send, 1, EPIPE, 1);
	assert_int_equal(-EPIPE, socle_write_kick(&p->sock));
	assert_notes("close(EPIPE) a=dropped drop:b");
	close(peer);
}

/* case 80, defect 2 */
static void
an_interrupted_write_is_retried(void **state)
{
	char a[] = "y", b[] = "z";
	struct iovec iov[] = {{a, 1}, {b, 1}};

	(void)state;
	open_pair();
	seam_fail(CALL_send, 1, EINTR, 2);
	assert_int_equal(1, socle_write(&p->sock, "x", 1));
	seam_fail(CALL_sendmsg, 1, EINTR, 2);
	assert_int_equal(1, socle_writev(&p->sock, iov, 2));
	assert_false(socle_closed(&p->sock));
	assert_int_equal(4, seam_struck());
	assert_peer_got("xyz");
	close(peer);
}

/* ---- memory ---- */

static void
without_memory_and_with_nothing_sent_the_socket_stays_open(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_send, 1, EAGAIN, -1);
	seam_fail(CALL_malloc, 1, ENOMEM, -1);
	assert_int_equal(-ENOMEM, socle_write(&p->sock, "x", 1));
	assert_int_equal(
		-ENOMEM, socle_write_ref(&p->sock, "x", 1, released, name_a));
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	assert_notes("");
	seam_heal();
	assert_int_equal(1, socle_write(&p->sock, "y", 1));
	assert_peer_got("y");
	close(peer);
}

static void
without_memory_all_kinds_of_writes_are_refused(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write_ref(&p->sock, "x", 1, NULL, NULL);
	seam_fail(CALL_malloc, 1, ENOMEM, -1);
	assert_all_refused(-ENOMEM);
	assert_false(socle_closed(&p->sock));
	close(peer);
}

static void
a_partial_write_without_memory_for_the_rest_closes(void **state)
{
	(void)state;
	open_pair();
	seam_short(CALL_send, 1, 1);
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_write(&p->sock, "hello", 5));
	assert_true(socle_closed(&p->sock));
	turn(1);
	assert_notes("close(write_error) destroy");
	close(peer);
}

static void
without_memory_setting_a_cap_or_marks_is_enomem(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_calloc, 1, ENOMEM, -1);
	assert_int_equal(-ENOMEM, socle_set_write_cap(&p->sock, 1));
	assert_int_equal(
		-ENOMEM, socle_set_water_marks(&p->sock, 0, 1, NULL, NULL));
	assert_int_equal(1, socle_write(&p->sock, "xy", 2));
	assert_peer_got("xy");
	close(peer);
}

/* ---- refusals ---- */

/* case 50, defect 14 */
static void
writing_to_a_closed_socket_is_ebadf_and_runs_no_callback(void **state)
{
	(void)state;
	open_pair();
	socle_close(&p->sock, NULL);
	assert_all_refused(-EBADF);
	assert_int_equal(-EBADF, socle_write_kick(&p->sock));
	assert_int_equal(-EBADF, socle_write(&p->sock, "", 0));
	assert_int_equal(-EBADF, socle_set_write_cap(&p->sock, 1));
	assert_int_equal(
		-EBADF, socle_set_water_marks(&p->sock, 0, 1, NULL, NULL));
	assert_int_equal(-EBADF, socle_set_writer_func(&p->sock, NULL, NULL));
	close(peer);
}

static void
writing_after_close_after_flush_is_eshutdown(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write(&p->sock, "x", 1);
	socle_close_after_flush(&p->sock, "bye");
	assert_all_refused(-ESHUTDOWN);
	assert_false(socle_closed(&p->sock));
	close(peer);
}

/* ---- pipes ---- */

static void
a_pipe_is_written_by_writev(void **state)
{
	char buf[16];
	int fds[2];

	(void)state;
	pair_pipe(fds);
	p = probe_new(fds[1], NULL);
	seam_count_reset();
	assert_int_equal(1, socle_write(&p->sock, "hello", 5));
	assert_int_equal(1, seam_count(CALL_writev));
	assert_int_equal(1, seam_system_calls());
	assert_int_equal(5, read(fds[0], buf, sizeof(buf)));
	assert_memory_equal("hello", buf, 5);
	close(fds[0]);
}

static void
a_full_pipe_gets_the_rest_once_it_has_space(void **state)
{
	char buf[1024];
	int fds[2];

	(void)state;
	pair_pipe(fds);
	p = probe_new(fds[1], NULL);
	stuff_fd(fds[1]);
	assert_int_equal(0, socle_write(&p->sock, "the end", 7));
	turn(2);
	assert_int_equal(7, socle_write_buf_size(&p->sock));
	while (read(fds[0], buf, sizeof(buf)) > 0)
		;
	turn(2);
	assert_int_equal(7, read(fds[0], buf, sizeof(buf)));
	assert_memory_equal("the end", buf, 7);
	assert_notes("inc w drain");
	close(fds[0]);
}

/* The sum of the lengths would wrap around. */
static void
a_vector_whose_length_overflows_is_invalid(void **state)
{
	static char big[1 << 20];
	struct iovec iov[2] = {
		{big, sizeof(big)}, {big, (size_t)0 - sizeof(big) + 100}};

	(void)state;
	open_pair();
	assert_int_equal(-EINVAL, socle_writev(&p->sock, iov, 2));
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	assert_int_equal(-EINVAL, socle_writev(&p->sock, iov, 2));
	assert_int_equal(-EINVAL,
		socle_write_ref(&p->sock, big, SIZE_MAX - 1, released, name_a));
	assert_int_equal(1, socle_write_kick(&p->sock));
	assert_peer_got("x");
	notes_clear();
	close(peer);
}

static void
a_vector_longer_than_the_kernel_takes_is_written_whole(void **state)
{
	static struct iovec iov[3000];
	static char buf[4000];

	(void)state;
	open_pair();
	for (int i = 0; i < 3000; i++)
		iov[i] = (struct iovec){.iov_base = name_a, .iov_len = 1};
	assert_int_equal(1, socle_writev(&p->sock, iov, 3000));
	assert_notes("");
	assert_int_equal(3000, drain_fd(peer, buf, sizeof(buf)));
	close(peer);
}

/* The part that the kernel did not take is not skipped. */
static void
a_long_vector_that_is_taken_in_part_continues_where_it_stopped(void **state)
{
	static struct iovec iov[3000];
	static char sent[3000], buf[4000];

	(void)state;
	open_pair();
	pattern_fill(sent, sizeof(sent), 0, 7);
	for (int i = 0; i < 3000; i++)
		iov[i] = (struct iovec){.iov_base = &sent[i], .iov_len = 1};
	seam_short(CALL_sendmsg, 1, 1);
	assert_int_equal(0, socle_writev(&p->sock, iov, 3000));
	assert_int_equal(2999, socle_write_buf_size(&p->sock));
	assert_int_equal(1, seam_count(CALL_sendmsg));
	assert_int_equal(1, socle_write_kick(&p->sock));
	assert_int_equal(3000, drain_fd(peer, buf, sizeof(buf)));
	assert_pattern(buf, 3000, 0, 7);
	notes_clear();
	close(peer);
}

/* ---- long vectors that the kernel does not take ---- */

static void
a_long_vector_that_meets_a_full_kernel_is_queued(void **state)
{
	static struct iovec iov[3000];
	static char sent[3000], buf[4000];

	(void)state;
	pattern_fill(sent, sizeof(sent), 0, 7);
	for (int i = 0; i < 3000; i++)
		iov[i] = (struct iovec){.iov_base = &sent[i], .iov_len = 1};
	for (unsigned long nth = 1; nth <= 2; nth++) {
		open_pair();
		seam_reset();
		seam_fail(CALL_sendmsg, nth, EAGAIN, 1);
		assert_int_equal(0, socle_writev(&p->sock, iov, 3000));
		assert_int_equal(nth, seam_count(CALL_sendmsg));
		assert_int_equal(nth == 1 ? 3000 : 3000 - 1024,
			socle_write_buf_size(&p->sock));
		assert_int_equal(1, socle_write_kick(&p->sock));
		assert_int_equal(3000, drain_fd(peer, buf, sizeof(buf)));
		assert_pattern(buf, 3000, 0, 7);
		notes_clear();
		close(peer);
	}
}

/* Only a message can be too long. */
static void
emsgsize_on_a_stream_closes(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_send, 1, EMSGSIZE, 1);
	assert_int_equal(-EMSGSIZE, socle_write(&p->sock, "x", 1));
	assert_notes("close(write_error)");
	close(peer);
}

static void
an_empty_reference_needs_no_release(void **state)
{
	(void)state;
	open_pair();
	assert_int_equal(1, socle_write_ref(&p->sock, "", 0, NULL, NULL));
	assert_int_equal(0, seam_count(CALL_send));
	close(peer);
}

/* Of a burst, the blocks of 64 writes are kept for the next. */
static void
a_long_queue_leaves_a_few_blocks(void **state)
{
	static char block[4000];
	long before;

	(void)state;
	open_pair();
	socle_set_autoflush(&p->sock, false);
	before = seam_live_blocks();
	for (int i = 0; i < 200; i++)
		assert_int_equal(
			0, socle_write(&p->sock, block, sizeof(block)));
	assert_true(seam_live_blocks() > before + 190);
	seam_fail(CALL_sendmsg, 1, EPIPE, -1);
	seam_fail(CALL_send, 1, EPIPE, -1);
	socle_close(&p->sock, NULL);
	turn(1);
	assert_true(seam_live_blocks() < before + 70);
	notes_clear();
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_vector_whose_length_overflows_is_invalid),
		test(a_vector_longer_than_the_kernel_takes_is_written_whole),
		test(a_long_vector_that_is_taken_in_part_continues_where_it_stopped),
		test(a_pipe_without_a_reader_is_epipe_and_raises_no_signal),
		test(a_socket_without_a_peer_is_epipe_and_raises_no_signal),
		test(a_small_write_is_one_system_call),
		test(an_empty_write_makes_no_system_call),
		test(an_empty_write_flushes_the_queue),
		test(a_kick_with_nothing_queued_returns_1),
		test(a_kick_with_bytes_that_cannot_be_sent_returns_0),
		test(a_vector_is_sent_in_one_system_call_and_in_order),
		test(a_vector_sent_in_part_continues_inside_an_element),
		test(a_negative_vector_count_is_einval),
		test(a_closed_peer_closes_with_epipe),
		test(a_reset_closes_with_econnreset),
		test(any_other_error_closes_with_write_error),
		test(an_error_in_a_flush_is_the_result_of_the_kick),
		test(an_interrupted_write_is_retried),
		test(without_memory_and_with_nothing_sent_the_socket_stays_open),
		test(without_memory_all_kinds_of_writes_are_refused),
		test(a_partial_write_without_memory_for_the_rest_closes),
		test(without_memory_setting_a_cap_or_marks_is_enomem),
		test(writing_to_a_closed_socket_is_ebadf_and_runs_no_callback),
		test(writing_after_close_after_flush_is_eshutdown),
		test(a_pipe_is_written_by_writev),
		test(a_full_pipe_gets_the_rest_once_it_has_space),
		test(a_long_vector_that_meets_a_full_kernel_is_queued),
		test(emsgsize_on_a_stream_closes),
		test(an_empty_reference_needs_no_release),
		test(a_long_queue_leaves_a_few_blocks),
	};

	return run_tests(tests);
}

/* Writing through a function of the application. */
/* backends: all */
#include "tests/support/fixture.h"

#include <signal.h>
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

static void
assert_peer_got(const char *text)
{
	char buf[256];
	ssize_t n = drain_fd(peer, buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = '\0';
	assert_string_equal(text, buf);
}

/*
 * A writer function that returns scripted results; ALL takes everything. The
 * data taken is in `took'.
 */
enum { ALL = 1 << 20 };

struct script {
	ssize_t answers[16];
	int calls;
	char took[256];
	size_t len;
};

static ssize_t
answer(struct script *w, const void *data, size_t len)
{
	ssize_t n = w->answers[w->calls++];

	assert_true(w->calls < 16);
	if (n == ALL)
		n = (ssize_t)len;
	if (n > 0 && (size_t)n <= len) {
		memcpy(w->took + w->len, data, (size_t)n);
		w->len += (size_t)n;
	}
	return n;
}

static ssize_t
by_script(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	(void)s;
	note("<%.*s", (int)len, (const char *)data);
	return answer(arg, data, len);
}

static void
set_script(struct script *w)
{
	assert_int_equal(0, socle_set_writer_func(&p->sock, by_script, w));
}

/* case 81 */
static void
a_partial_result_continues_with_the_rest(void **state)
{
	struct script w = {.answers = {3, 0, -EAGAIN, 2, ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	assert_int_equal(0, socle_write(&p->sock, "hello", 5));
	assert_notes("<hello inc");
	assert_int_equal(0, socle_write_kick(&p->sock));
	assert_int_equal(0, socle_write_kick(&p->sock));
	assert_int_equal(2, socle_write_buf_size(&p->sock));
	assert_int_equal(1, socle_write_kick(&p->sock));
	assert_notes("<lo inc <lo inc <lo drain");
	close(peer);
}

static void
a_write_taken_completely_returns_1_and_queues_nothing(void **state)
{
	struct script w = {.answers = {ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	seam_count_reset();
	assert_int_equal(1, socle_write(&p->sock, "hello", 5));
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	assert_int_equal(0, seam_system_calls());
	assert_int_equal(0, socle_watching(&p->sock));
	close(peer);
}

static void
a_write_taken_not_at_all_waits_for_writability(void **state)
{
	struct script w = {.answers = {-EAGAIN, ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	assert_int_equal(SOCLE_WRITE, socle_watching(&p->sock));
	turn(1);
	assert_notes("<x inc w <x drain");
	assert_int_equal(0, socle_watching(&p->sock));
	close(peer);
}

/* case 80 */
static void
an_interrupted_writer_function_is_called_again_at_once(void **state)
{
	struct script w = {.answers = {-EINTR, ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	assert_int_equal(1, socle_write(&p->sock, "x", 1));
	assert_int_equal(2, w.calls);
	close(peer);
}

/* case 82 */
static void
a_result_larger_than_the_data_closes_with_write_error(void **state)
{
	struct script w = {.answers = {6}};

	(void)state;
	open_pair();
	set_script(&w);
	assert_true(socle_write(&p->sock, "hello", 5) < 0);
	assert_true(socle_closed(&p->sock));
	assert_notes("<hello close(write_error)");
	close(peer);
}

static void
an_error_closes_as_a_failed_write_does(void **state)
{
	struct script w = {.answers = {-EPIPE}};

	(void)state;
	open_pair();
	set_script(&w);
	assert_int_equal(-EPIPE, socle_write(&p->sock, "x", 1));
	assert_notes("<x close(EPIPE)");
	close(peer);
}

static void
release_it(bool sent, void *arg)
{
	(void)arg;
	note("%s", sent ? "sent" : "dropped");
}

static void
an_error_releases_what_was_borrowed_as_dropped(void **state)
{
	struct script w = {.answers = {1, -ECONNRESET}};

	(void)state;
	open_pair();
	set_script(&w);
	socle_write_ref(&p->sock, "ab", 2, release_it, NULL);
	assert_int_equal(-ECONNRESET, socle_write_kick(&p->sock));
	assert_notes("<ab inc <b close(ECONNRESET) dropped");
	close(peer);
}

static void
a_flush_passes_one_piece_after_another(void **state)
{
	struct script w = {.answers = {-EAGAIN, ALL, ALL, ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	socle_write_ref(&p->sock, "a", 1, NULL, NULL);
	socle_write(&p->sock, "b", 1);
	socle_write_ref(&p->sock, "c", 1, NULL, NULL);
	notes_clear();
	assert_int_equal(1, socle_write_kick(&p->sock));
	assert_notes("<a <b <c drain");
	close(peer);
}

static void
borrowed_bytes_are_released_when_the_last_was_taken(void **state)
{
	struct script w = {.answers = {1, 1}};

	(void)state;
	open_pair();
	set_script(&w);
	socle_write_ref(&p->sock, "ab", 2, release_it, NULL);
	assert_int_equal(1, socle_write_kick(&p->sock));
	assert_notes("<ab inc <b sent drain");
	close(peer);
}

static void
note_call(struct socle_socket *s, void *arg)
{
	(void)s;
	note("%s", (const char *)arg);
}

static char fn[] = "fn";

static void
queued_closures_run_between_the_bytes_taken(void **state)
{
	struct script w = {.answers = {-EAGAIN, ALL, ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	socle_write(&p->sock, "a", 1);
	socle_write_func(&p->sock, note_call, NULL, fn);
	socle_write(&p->sock, "b", 1);
	notes_clear();
	assert_int_equal(1, socle_write_kick(&p->sock));
	assert_notes("<a fn <b drain");
	close(peer);
}

static void
write_b(struct socle_socket *s, void *arg)
{
	(void)arg;
	note("=%d", socle_write(s, "b", 1));
}

static void
writes_of_a_closure_are_passed_to_it_right_afterwards(void **state)
{
	struct script w = {.answers = {ALL, ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	assert_int_equal(1, socle_write_func(&p->sock, write_b, NULL, NULL));
	assert_notes("=0 <b drain");
	close(peer);
}

/* ---- calls inside the writer function ---- */

static ssize_t
writes_more(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	struct script *w = arg;

	if (w->calls == 0)
		note("=%d", socle_write(s, "more", 4));
	return answer(w, data, len);
}

/* case 83 */
static void
writes_of_a_writer_function_are_queued_after_existing_data(void **state)
{
	struct script w = {.answers = {2, ALL, ALL, ALL}};

	(void)state;
	open_pair();
	socle_set_writer_func(&p->sock, writes_more, &w);
	assert_int_equal(0, socle_write(&p->sock, "first ", 6));
	assert_notes("=0 inc");
	assert_int_equal(1, socle_write_kick(&p->sock));
	assert_string_equal("first more", w.took);
	close(peer);
}

/* case 83 */
static void
writes_of_a_writer_function_are_sent_in_the_same_flush(void **state)
{
	struct script w = {.answers = {ALL, ALL, ALL}};

	(void)state;
	open_pair();
	socle_set_writer_func(&p->sock, writes_more, &w);
	assert_int_equal(1, socle_write(&p->sock, "first ", 6));
	assert_string_equal("first more", w.took);
	close(peer);
}

static ssize_t
closes(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	(void)data;
	(void)arg;
	socle_close(s, "by the writer");
	return (ssize_t)len;
}

static void
a_writer_function_may_close_the_socket(void **state)
{
	(void)state;
	open_pair();
	socle_set_writer_func(&p->sock, closes, NULL);
	/* The write was accepted, and its release has reported the drop. */
	assert_int_equal(
		0, socle_write_ref(&p->sock, "x", 1, release_it, NULL));
	turn(1);
	assert_notes("close(by the writer) dropped destroy");
	close(peer);
}

static ssize_t
closes_interrupted(
	struct socle_socket *s, const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	note("<");
	socle_close(s, NULL);
	return -EINTR;
}

static void
an_interrupted_writer_function_that_closed_is_not_called_again(void **state)
{
	(void)state;
	open_pair();
	socle_set_writer_func(&p->sock, closes_interrupted, NULL);
	socle_write(&p->sock, "x", 1);
	turn(1);
	assert_notes("< close() destroy");
	close(peer);
}

static int stolen;

static ssize_t
steals(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	(void)data;
	(void)arg;
	stolen = socle_steal_socket(s);
	return (ssize_t)len;
}

static void
a_writer_function_may_steal_the_socket(void **state)
{
	(void)state;
	open_pair();
	socle_set_writer_func(&p->sock, steals, NULL);
	socle_write(&p->sock, "x", 1);
	assert_true(stolen >= 0);
	assert_true(socle_closed(&p->sock));
	turn(1);
	assert_notes("destroy");
	close(stolen);
	close(peer);
}

static ssize_t
turns(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	(void)data;
	(void)arg;
	socle_close(s, NULL);
	turn(2);
	note("end");
	return (ssize_t)len;
}

static void
nothing_is_destroyed_while_a_writer_function_is_on_the_stack(void **state)
{
	(void)state;
	open_pair();
	socle_set_writer_func(&p->sock, turns, NULL);
	socle_write(&p->sock, "x", 1);
	assert_notes("close() end");
	turn(1);
	assert_notes("destroy");
	close(peer);
}

static ssize_t
kicks(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	(void)arg;
	note("<%.*s", (int)len, (const char *)data);
	socle_write_kick(s);
	return (ssize_t)len;
}

static void
a_kick_in_a_writer_function_does_not_pass_the_same_data_again(void **state)
{
	(void)state;
	open_pair();
	socle_set_writer_func(&p->sock, kicks, NULL);
	assert_int_equal(1, socle_write(&p->sock, "x", 1));
	assert_notes("<x drain");
	close(peer);
}

/* ---- waiting for readability ---- */

/* case 85 */
static void
want_read_waits_for_readability_and_not_for_writability(void **state)
{
	struct script w = {.answers = {SOCLE_WANT_READ, ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	assert_int_equal(SOCLE_READ, socle_watching(&p->sock));
	turn(2);
	assert_notes("<x inc");
	send_all(peer, "!", 1);
	turn(1);
	assert_notes("<x drain");
	assert_int_equal(0, socle_watching(&p->sock));
	close(peer);
}

/* case 85 */
static void
want_read_does_not_change_the_applications_reading(void **state)
{
	struct script w = {.answers = {SOCLE_WANT_READ, ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	socle_watch_read(&p->sock, true);
	socle_write(&p->sock, "x", 1);
	notes_clear();
	send_all(peer, "in", 2);
	turn(1);
	assert_notes("<x drain r");
	assert_int_equal(2, p->got_len);
	assert_int_equal(SOCLE_READ, socle_watching(&p->sock));
	close(peer);
}

/* case 85 */
static void
want_read_works_while_the_application_does_not_read(void **state)
{
	struct script w = {.answers = {SOCLE_WANT_READ, ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	socle_watch_read(&p->sock, true);
	socle_write(&p->sock, "x", 1);
	socle_watch_read(&p->sock, false);
	assert_int_equal(SOCLE_READ, socle_watching(&p->sock));
	notes_clear();
	send_all(peer, "in", 2);
	turn(1);
	assert_notes("<x drain");
	close(peer);
}

static void
want_read_followed_by_eagain_waits_for_writability(void **state)
{
	struct script w = {.answers = {SOCLE_WANT_READ, -EAGAIN, ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	socle_write(&p->sock, "x", 1);
	assert_int_equal(0, socle_write_kick(&p->sock));
	assert_int_equal(SOCLE_WRITE, socle_watching(&p->sock));
	turn(1);
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	close(peer);
}

/* The object is closed in the event that it would have read in. */
static void
a_failure_after_want_read_leaves_no_event_read(void **state)
{
	struct script w = {.answers = {SOCLE_WANT_READ, -ECONNRESET}};

	(void)state;
	open_pair();
	set_script(&w);
	socle_watch_read(&p->sock, true);
	socle_write(&p->sock, "x", 1);
	notes_clear();
	send_all(peer, "in", 2);
	turn(1);
	assert_notes("<x close(ECONNRESET) destroy");
	close(peer);
}

/* ---- restoring ---- */

/* case 84 */
static void
null_restores_the_kernels_write(void **state)
{
	struct script w = {.answers = {ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	assert_int_equal(0, socle_set_writer_func(&p->sock, NULL, NULL));
	assert_int_equal(1, socle_write(&p->sock, "x", 1));
	assert_peer_got("x");
	assert_int_equal(0, w.calls);
	close(peer);
}

/* case 84 */
static void
null_sends_queued_data_through_the_kernel(void **state)
{
	struct script w = {.answers = {-EAGAIN}};

	(void)state;
	open_pair();
	set_script(&w);
	socle_write(&p->sock, "x", 1);
	socle_set_writer_func(&p->sock, NULL, NULL);
	turn(1);
	assert_peer_got("x");
	close(peer);
}

/* case 84 */
static void
null_does_not_leave_the_queue_waiting_for_readability(void **state)
{
	struct script w = {.answers = {SOCLE_WANT_READ}};

	(void)state;
	open_pair();
	set_script(&w);
	socle_write(&p->sock, "x", 1);
	socle_set_writer_func(&p->sock, NULL, NULL);
	turn(2);
	assert_peer_got("x");
	assert_int_equal(0, socle_watching(&p->sock));
	close(peer);
}

static void
without_memory_setting_a_writer_function_changes_nothing(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_calloc, 1, ENOMEM, -1);
	assert_int_equal(-ENOMEM, socle_set_writer_func(&p->sock, kicks, NULL));
	assert_int_equal(0, socle_set_writer_func(&p->sock, NULL, NULL));
	assert_int_equal(1, socle_write(&p->sock, "x", 1));
	assert_peer_got("x");
	close(peer);
}

static void
with_autoflush_off_a_writer_function_runs_in_the_next_tick(void **state)
{
	struct script w = {.answers = {ALL}};

	(void)state;
	open_pair();
	set_script(&w);
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "a", 1));
	assert_int_equal(0, socle_write(&p->sock, "b", 1));
	assert_notes("");
	turn(1);
	assert_notes("<ab drain");
	close(peer);
}

static ssize_t
plain_write(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	ssize_t n = write(socle_fd(s), data, len);

	(void)arg;
	return n < 0 ? -errno : n;
}

static ssize_t
reply_as_it_reads(struct socle_socket *s, void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	return plain_write(s, "x", 1, arg);
}

/* In a child, where SIGPIPE has its default action. */
static void
raise_sigpipe(bool reader)
{
	struct socle_socket *s;
	char c;
	int fds[2];

	signal(SIGPIPE, SIG_DFL);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
		socle_socket_new(&socle_socket_class, fds[0], &s) < 0)
		_exit(1);
	close(fds[1]);
	if (reader) {
		socle_set_reader_func(s, reply_as_it_reads, NULL);
		_exit(socle_read(s, &c, 1) == -EPIPE ? 0 : 2);
	}
	socle_set_writer_func(s, plain_write, NULL);
	_exit(socle_write(s, "x", 1) == -EPIPE ? 0 : 3);
}

static void
functions_that_use_write_are_not_killed_by_sigpipe(void **state)
{
	(void)state;
	for (int reader = 0; reader < 2; reader++) {
		pid_t pid = fork();
		int status;

		assert_true(pid >= 0);
		if (pid == 0)
			raise_sigpipe(reader);
		assert_int_equal(pid, waitpid(pid, &status, 0));
		assert_int_equal(0, status);
	}
}

static ssize_t
remove_and_want_read(
	struct socle_socket *s, const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	assert_int_equal(0, socle_set_writer_func(s, NULL, NULL));
	return SOCLE_WANT_READ;
}

static void
what_a_writer_that_is_no_more_waited_for_is_forgotten(void **state)
{
	(void)state;
	open_pair();
	assert_int_equal(
		0, socle_set_writer_func(&p->sock, remove_and_want_read, NULL));
	assert_int_equal(0, socle_write(&p->sock, "data", 4));
	assert_int_equal(SOCLE_WRITE, socle_watching(&p->sock));
	turn(2);
	assert_peer_got("data");
	socle_close(&p->sock, NULL);
	turn(1);
	notes_clear();
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* first: the library handles SIGPIPE once per process */
		test(functions_that_use_write_are_not_killed_by_sigpipe),
		test(a_partial_result_continues_with_the_rest),
		test(a_write_taken_completely_returns_1_and_queues_nothing),
		test(a_write_taken_not_at_all_waits_for_writability),
		test(an_interrupted_writer_function_is_called_again_at_once),
		test(a_result_larger_than_the_data_closes_with_write_error),
		test(an_error_closes_as_a_failed_write_does),
		test(an_error_releases_what_was_borrowed_as_dropped),
		test(a_flush_passes_one_piece_after_another),
		test(borrowed_bytes_are_released_when_the_last_was_taken),
		test(queued_closures_run_between_the_bytes_taken),
		test(writes_of_a_closure_are_passed_to_it_right_afterwards),
		test(writes_of_a_writer_function_are_queued_after_existing_data),
		test(writes_of_a_writer_function_are_sent_in_the_same_flush),
		test(a_writer_function_may_close_the_socket),
		test(an_interrupted_writer_function_that_closed_is_not_called_again),
		test(a_writer_function_may_steal_the_socket),
		test(nothing_is_destroyed_while_a_writer_function_is_on_the_stack),
		test(a_kick_in_a_writer_function_does_not_pass_the_same_data_again),
		test(want_read_waits_for_readability_and_not_for_writability),
		test(want_read_does_not_change_the_applications_reading),
		test(want_read_works_while_the_application_does_not_read),
		test(want_read_followed_by_eagain_waits_for_writability),
		test(a_failure_after_want_read_leaves_no_event_read),
		test(what_a_writer_that_is_no_more_waited_for_is_forgotten),
		test(null_restores_the_kernels_write),
		test(null_sends_queued_data_through_the_kernel),
		test(null_does_not_leave_the_queue_waiting_for_readability),
		test(without_memory_setting_a_writer_function_changes_nothing),
		test(with_autoflush_off_a_writer_function_runs_in_the_next_tick),
	};

	return run_tests(tests);
}

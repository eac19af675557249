/* Reading through a function of the application: TLS and the like. */
/* backends: all */
#include "tests/support/fixture.h"

#include <stdlib.h>

static int ends[2];

/*
 * A reader function that returns scripted results, and notes the size
 * requested.
 */
struct script {
	const ssize_t *answers; /* the last one repeats */
	int calls;
	size_t requested;
	struct probe *p;
	void (*inside)(struct probe *p);
};

static ssize_t
scripted(struct socle_socket *s, void *data, size_t len, void *arg)
{
	struct script *script = arg;
	ssize_t n = *script->answers;

	assert_ptr_equal(script->p, probe_of(s));
	script->calls++;
	script->requested = len;
	if (script->answers[1] != 0 || n > 0)
		script->answers++;
	if (script->inside)
		script->inside(script->p);
	if (n > 0 && (size_t)n <= len)
		memset(data, 'r', (size_t)n);
	return n;
}

static struct probe *
made(struct script *script)
{
	struct probe *p;

	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	script->p = p;
	assert_int_equal(0, socle_set_reader_func(&p->sock, scripted, script));
	return p;
}

static ssize_t
rot13(struct socle_socket *s, void *data, size_t len, void *arg)
{
	ssize_t n = read(socle_fd(s), data, len);
	char *text = data;

	(void)arg;
	for (ssize_t i = 0; i < n; i++)
		text[i] = (char)('a' + (text[i] - 'a' + 13) % 26);
	return n < 0 ? -errno : n;
}

static void
socle_read_returns_the_reader_functions_data(void **state)
{
	struct probe *p;

	(void)state;
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	socle_set_reader_func(&p->sock, rot13, NULL);
	socle_watch_read(&p->sock, true);
	send_all(ends[1], "uryyb", 5);
	turn(2);
	shutdown(ends[1], SHUT_WR);
	turn(2);
	assert_notes("r r r-EAGAIN r eof");
	assert_int_equal(5, p->got_len);
	assert_memory_equal("hello", p->got, 5);
	close(ends[1]);
}

static void
the_reader_function_gets_the_callers_size(void **state)
{
	const ssize_t answers[] = {3, 3, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char *buf = malloc(2 << 20);

	(void)state;
	seam_count_reset();
	assert_int_equal(3, socle_read(&p->sock, buf, 10));
	assert_int_equal(10, script.requested);
	assert_int_equal(3, socle_read(&p->sock, buf, 2 << 20));
	assert_int_equal(1 << 20, script.requested);
	assert_memory_equal("rrr", buf, 3);
	assert_int_equal(0, seam_count(CALL_read));
	free(buf);
	close(ends[1]);
}

static void
a_reader_functions_0_is_the_end_of_the_stream(void **state)
{
	const ssize_t answers[] = {0, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);

	(void)state;
	socle_watch_read(&p->sock, true);
	send_all(ends[1], "x", 1);
	turn(3);
	assert_notes("r eof");
	assert_int_equal(1, script.calls);
	close(ends[1]);
}

static void
a_reader_functions_error_is_returned_and_closes_nothing(void **state)
{
	const ssize_t answers[] = {-EPROTO, -ECONNRESET, -ENOMEM, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char c;

	(void)state;
	assert_int_equal(-EPROTO, socle_read(&p->sock, &c, 1));
	assert_int_equal(-ECONNRESET, socle_read(&p->sock, &c, 1));
	assert_int_equal(-ENOMEM, socle_read(&p->sock, &c, 1));
	assert_false(socle_closed(&p->sock));
	close(ends[1]);
}

static void
an_interrupted_reader_function_is_called_again(void **state)
{
	const ssize_t answers[] = {-EINTR, -EINTR, 1, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char c;

	(void)state;
	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	assert_int_equal(3, script.calls);
	close(ends[1]);
}

static void
a_reader_function_that_returns_too_much_is_an_error(void **state)
{
	const ssize_t answers[] = {9, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char buf[8];

	(void)state;
	assert_int_equal(-EIO, socle_read(&p->sock, buf, sizeof(buf)));
	close(ends[1]);
}

static void
want_read_is_eagain(void **state)
{
	const ssize_t answers[] = {SOCLE_WANT_READ, -EAGAIN, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char c;

	(void)state;
	socle_watch_read(&p->sock, true);
	assert_int_equal(-EAGAIN, socle_read(&p->sock, &c, 1));
	assert_int_equal(-EAGAIN, socle_read(&p->sock, &c, 1));
	assert_int_equal(SOCLE_READ, socle_watching(&p->sock));
	turn(2);
	assert_notes("");
	close(ends[1]);
}

static void
want_write_causes_event_read_once_writable(void **state)
{
	const ssize_t answers[] = {SOCLE_WANT_WRITE, 5, -EAGAIN, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char c;

	(void)state;
	socle_watch_read(&p->sock, true);
	assert_int_equal(-EAGAIN, socle_read(&p->sock, &c, 1));
	assert_true(socle_watching(&p->sock) & SOCLE_WRITE);
	turn(3);
	assert_notes("r r r-EAGAIN");
	assert_int_equal(5, p->got_len);
	assert_int_equal(SOCLE_READ, socle_watching(&p->sock));
	close(ends[1]);
}

static void
want_write_waits_for_writability(void **state)
{
	const ssize_t answers[] = {SOCLE_WANT_WRITE, 5, -EAGAIN, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	static char buf[1 << 22];

	(void)state;
	stuff_fd(ends[0]);
	socle_watch_read(&p->sock, true);
	assert_int_equal(-EAGAIN, socle_read(&p->sock, buf, 1));
	turn(3);
	assert_notes("");
	drain_fd(ends[1], buf, sizeof(buf));
	turn(3);
	assert_notes("r r r-EAGAIN");
	close(ends[1]);
}

/* It has returned SOCLE_WANT_WRITE: input alone cannot help it. */
static void
after_want_write_unread_input_does_not_spin(void **state)
{
	const ssize_t answers[] = {SOCLE_WANT_WRITE, SOCLE_WANT_WRITE, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);

	(void)state;
	stuff_fd(ends[0]);
	send_all(ends[1], "x", 1);
	socle_watch_read(&p->sock, true);
	turn(10);
	assert_int_equal(1, p->reads);
	close(ends[1]);
}

static void
want_write_with_reading_off_causes_no_event(void **state)
{
	const ssize_t answers[] = {SOCLE_WANT_WRITE, 1, -EAGAIN, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char c;

	(void)state;
	assert_int_equal(-EAGAIN, socle_read(&p->sock, &c, 1));
	turn(3);
	assert_notes("");
	close(ends[1]);
}

/* No input arrives: what the reader has received must not be forgotten. */
static void
a_want_write_of_a_time_without_reading_is_retried_when_it_is_on(void **state)
{
	const ssize_t answers[] = {SOCLE_WANT_WRITE, 5, -EAGAIN, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char c;

	(void)state;
	assert_int_equal(-EAGAIN, socle_read(&p->sock, &c, 1));
	turn(3);
	assert_notes("");
	assert_int_equal(-1, socle_loop_timeout_ms());
	socle_watch_read(&p->sock, true);
	turn(3);
	assert_notes("r r r-EAGAIN");
	assert_int_equal(5, p->got_len);
	assert_int_equal(SOCLE_READ, socle_watching(&p->sock));
	close(ends[1]);
}

static void
removing_the_reader_function_clears_its_want_write(void **state)
{
	const ssize_t answers[] = {SOCLE_WANT_WRITE, SOCLE_WANT_WRITE, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char c;

	(void)state;
	assert_int_equal(-EAGAIN, socle_read(&p->sock, &c, 1));
	assert_int_equal(0, socle_set_reader_func(&p->sock, NULL, NULL));
	assert_int_equal(0, socle_watching(&p->sock));
	send_all(ends[1], "k", 1);
	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	assert_int_equal('k', c);
	assert_int_equal(1, script.calls);
	close(ends[1]);
}

static void
pushed_back_data_is_read_before_the_reader_function_runs(void **state)
{
	const ssize_t answers[] = {1, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char c;

	(void)state;
	socle_push_back_read(&p->sock, "p", 1);
	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	assert_int_equal('p', c);
	assert_int_equal(0, script.calls);
	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	assert_int_equal('r', c);
	close(ends[1]);
}

static void
close_inside(struct probe *p)
{
	socle_close(&p->sock, "reader");
	assert_true(socle_closed(&p->sock));
}

static void
a_reader_function_may_close_the_object(void **state)
{
	const ssize_t answers[] = {-EPROTO, -EPROTO, 0};
	struct script script = {.answers = answers, .inside = close_inside};
	struct probe *p = made(&script);

	(void)state;
	socle_watch_read(&p->sock, true);
	send_all(ends[1], "x", 1);
	turn(2);
	assert_int_equal(1, script.calls);
	assert_non_null(strstr(notes(), "r close(reader)"));
	assert_non_null(strstr(notes(), "destroy"));
	close(ends[1]);
}

static void
a_reader_function_that_closed_is_not_called_again(void **state)
{
	const ssize_t answers[] = {-EINTR, -EINTR, 0};
	struct script script = {.answers = answers, .inside = close_inside};
	struct probe *p = made(&script);
	char c;

	(void)state;
	assert_true(socle_read(&p->sock, &c, 1) < 0);
	assert_int_equal(1, script.calls);
	close(ends[1]);
}

static void
write_inside(struct probe *p)
{
	assert_int_equal(1, socle_write(&p->sock, "pong", 4));
}

static void
a_reader_function_may_write(void **state)
{
	const ssize_t answers[] = {1, 0};
	struct script script = {.answers = answers, .inside = write_inside};
	struct probe *p = made(&script);
	char buf[8];

	(void)state;
	assert_int_equal(1, socle_read(&p->sock, buf, sizeof(buf)));
	assert_int_equal(4, drain_fd(ends[1], buf, sizeof(buf)));
	assert_memory_equal("pong", buf, 4);
	close(ends[1]);
}

static void
a_reader_function_needs_an_open_object_and_memory(void **state)
{
	struct probe *p;

	(void)state;
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_set_reader_func(&p->sock, rot13, NULL));
	assert_int_equal(0, socle_set_reader_func(&p->sock, NULL, NULL));
	socle_close(&p->sock, NULL);
	assert_int_equal(-EBADF, socle_set_reader_func(&p->sock, rot13, NULL));
	close(ends[1]);
}

/* ---- data that a reader function has received and not returned ---- */

/* Takes all that the kernel has, as TLS does with a record. */
struct record {
	char data[64];
	size_t held;
};

static ssize_t
by_record(struct socle_socket *s, void *data, size_t len, void *arg)
{
	struct record *r = arg;

	if (r->held == 0) {
		ssize_t n = read(socle_fd(s), r->data, sizeof(r->data));

		if (n <= 0)
			return n < 0 ? -errno : 0;
		r->held = (size_t)n;
	}
	if (len > r->held)
		len = r->held;
	memcpy(data, r->data, len);
	r->held -= len;
	memmove(r->data, r->data + len, r->held);
	return (ssize_t)len;
}

static void
stay_open(struct probe *p)
{
	(void)p;
}

/* Reads 4 bytes in each event_read. */
static struct probe *
made_by_record(struct record *r)
{
	struct probe *p;

	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	p->read_size = 4;
	p->on_hup = stay_open;
	r->held = 0;
	assert_int_equal(0, socle_set_reader_func(&p->sock, by_record, r));
	socle_watch_read(&p->sock, true);
	return p;
}

static void
what_a_reader_holds_is_read_without_another_event(void **state)
{
	struct record r;
	struct probe *p = made_by_record(&r);

	(void)state;
	send_all(ends[1], "abcdefghijkl", 12);
	/* each tick waits: it must not sleep while bytes are held */
	while (p->got_len < 12)
		assert_int_equal(1, socle_event_loop_once(10000));
	assert_memory_equal("abcdefghijkl", p->got, 12);
	turn(1);
	assert_int_equal(0, socle_pending(&p->sock));
	assert_int_equal(0, socle_loop_timeout_ms() == 0);
	close(ends[1]);
}

static void
an_end_waits_for_what_a_reader_holds(void **state)
{
	struct record r;
	struct probe *p = made_by_record(&r);

	(void)state;
	send_all(ends[1], "abcdefghijkl", 12);
	close(ends[1]);
	turn(8);
	assert_int_equal(12, p->got_len);
	assert_true(strncmp(notes(), "r r r r eof", 11) == 0);
}

static void
reading_off_and_on_resumes_what_a_reader_holds(void **state)
{
	struct record r;
	struct probe *p = made_by_record(&r);
	char buf[4];

	(void)state;
	socle_watch_read(&p->sock, false);
	send_all(ends[1], "abcdefghijkl", 12);
	close(ends[1]);
	assert_int_equal(4, socle_read(&p->sock, buf, 4));
	turn(2);
	assert_notes("");
	assert_int_equal(-1, socle_loop_timeout_ms());
	socle_watch_read(&p->sock, true);
	turn(8);
	assert_int_equal(8, p->got_len);
	assert_true(strncmp(notes(), "r r r eof", 9) == 0);
}

static void
pending_counts_what_is_pushed_back(void **state)
{
	struct record r;
	struct probe *p = made_by_record(&r);
	char buf[4];

	(void)state;
	assert_int_equal(0, socle_pending(&p->sock));
	send_all(ends[1], "abcdefgh", 8);
	assert_int_equal(4, socle_read(&p->sock, buf, 4));
	assert_int_equal(0, socle_unread(&p->sock, buf, 4));
	assert_int_equal(0, socle_push_back_read(&p->sock, "xyz", 3));
	assert_int_equal(7, socle_pending(&p->sock));
	assert_int_equal(4, socle_read(&p->sock, buf, 4));
	assert_int_equal(3, socle_read(&p->sock, buf, 4));
	assert_int_equal(1, socle_pending(&p->sock));
	socle_close(&p->sock, NULL);
	assert_int_equal(-EBADF, socle_pending(&p->sock));
	close(ends[1]);
}

static void
remove_the_reader(struct probe *p)
{
	assert_int_equal(0, socle_set_reader_func(&p->sock, NULL, NULL));
}

static void
a_reader_that_removed_itself_holds_nothing(void **state)
{
	static const ssize_t answers[] = {3, 0};
	struct script script = {
		.answers = answers, .inside = remove_the_reader};
	struct probe *p = made(&script);
	char buf[4];

	(void)state;
	assert_int_equal(3, socle_read(&p->sock, buf, sizeof(buf)));
	assert_int_equal(0, socle_pending(&p->sock));
	assert_int_equal(-EAGAIN, socle_read(&p->sock, buf, sizeof(buf)));
	assert_int_equal(1, script.calls);
	close(ends[1]);
}

static void
replace_the_reader(struct probe *p)
{
	static const ssize_t nothing[] = {-EAGAIN};
	static struct script other = {.answers = nothing};

	assert_int_equal(0, socle_set_reader_func(&p->sock, scripted, &other));
}

/* Without reading, so that a wait for writability would not end. */
static void
what_a_reader_that_is_no_more_returned_is_forgotten(void **state)
{
	static void (*const gone[])(struct probe * p) = {
		remove_the_reader, replace_the_reader};
	static const ssize_t answers[][2] = {{3}, {SOCLE_WANT_WRITE}};

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct script script = {
			.answers = answers[i / 2], .inside = gone[i % 2]};
		struct probe *p = made(&script);
		char buf[4];

		assert_int_equal(i < 2 ? 3 : -EAGAIN,
			socle_read(&p->sock, buf, sizeof(buf)));
		assert_int_equal(0, socle_pending(&p->sock));
		assert_false(socle_watching(&p->sock) & SOCLE_WRITE);
		turn(2);
		assert_int_equal(0, socle_pending(&p->sock));
		socle_close(&p->sock, NULL);
		turn(1);
		notes_clear();
		close(ends[1]);
	}
}

static void
a_reader_that_closed_waits_for_nothing(void **state)
{
	static const ssize_t answers[] = {SOCLE_WANT_WRITE, SOCLE_WANT_WRITE};
	struct script script = {.answers = answers, .inside = close_inside};
	struct probe *p = made(&script);
	char buf[4], text[64];

	(void)state;
	socle_watch_read(&p->sock, true);
	assert_true(socle_read(&p->sock, buf, sizeof(buf)) < 0);
	(void)socle_as_string(&p->sock, text, sizeof(text));
	assert_string_equal("Probe(R): closed", text);
	close(ends[1]);
}

static void
another_reader_holds_nothing_at_first(void **state)
{
	struct record r;
	struct probe *p = made_by_record(&r);
	char buf[4];

	(void)state;
	send_all(ends[1], "abcdefgh", 8);
	assert_int_equal(4, socle_read(&p->sock, buf, 4));
	assert_int_equal(0, socle_set_reader_func(&p->sock, NULL, NULL));
	assert_int_equal(0, socle_pending(&p->sock));
	turn(2);
	assert_notes("");
	close(ends[1]);
}

static ssize_t
unread_and_end(struct socle_socket *s, void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	assert_int_equal(0, socle_unread(s, "more", 4));
	return 0;
}

static void
what_is_unread_at_the_end_waits_until_reading_is_on_again(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->read_size = 10;
	assert_int_equal(
		0, socle_set_reader_func(&p->sock, unread_and_end, NULL));
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	turn(3);
	assert_notes("r eof");
	socle_watch_read(&p->sock, true);
	turn(1);
	assert_notes("r");
	assert_memory_equal("more", p->got, 4);
	socle_close(&p->sock, NULL);
	turn(1);
	notes_clear();
	close(fds[1]);
}

/* ---- a reader that waits for writability, and what else waits ---- */

static void
close_probe(struct probe *p)
{
	socle_close(&p->sock, NULL);
}

static void
a_close_when_writable_leaves_no_event_write(void **state)
{
	const ssize_t answers[] = {SOCLE_WANT_WRITE, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char c;

	(void)state;
	socle_watch_read(&p->sock, true);
	assert_int_equal(-EAGAIN, socle_read(&p->sock, &c, 1));
	socle_watch_write(&p->sock, true);
	p->on_read = close_probe;
	turn(2);
	assert_notes("r close() destroy");
	assert_int_equal(0, ends[1] < 0);
	close(ends[1]);
}

static ssize_t
want_input(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	char c;

	(void)arg;
	(void)data;
	if (read(socle_fd(s), &c, 1) < 1)
		return SOCLE_WANT_READ;
	return (ssize_t)len;
}

/* Renegotiating: the writer waits for input, the reader for space. */
static void
input_for_the_writer_is_none_for_a_reader_that_waits_for_space(void **state)
{
	const ssize_t answers[] = {SOCLE_WANT_WRITE, SOCLE_WANT_WRITE, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char c;

	(void)state;
	stuff_fd(ends[0]);
	assert_int_equal(0, socle_set_writer_func(&p->sock, want_input, NULL));
	socle_watch_read(&p->sock, true);
	assert_int_equal(-EAGAIN, socle_read(&p->sock, &c, 1));
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	send_all(ends[1], "y", 1);
	turn(2);
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	assert_int_equal(0, p->reads);
	notes_clear();
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_a_reader_holds_is_read_without_another_event),
		test(an_end_waits_for_what_a_reader_holds),
		test(reading_off_and_on_resumes_what_a_reader_holds),
		test(pending_counts_what_is_pushed_back),
		test(a_reader_that_removed_itself_holds_nothing),
		test(what_a_reader_that_is_no_more_returned_is_forgotten),
		test(a_reader_that_closed_waits_for_nothing),
		test(another_reader_holds_nothing_at_first),
		test(socle_read_returns_the_reader_functions_data),
		test(the_reader_function_gets_the_callers_size),
		test(a_reader_functions_0_is_the_end_of_the_stream),
		test(a_reader_functions_error_is_returned_and_closes_nothing),
		test(an_interrupted_reader_function_is_called_again),
		test(a_reader_function_that_returns_too_much_is_an_error),
		test(want_read_is_eagain),
		test(want_write_causes_event_read_once_writable),
		test(want_write_waits_for_writability),
		test(after_want_write_unread_input_does_not_spin),
		test(want_write_with_reading_off_causes_no_event),
		test(a_want_write_of_a_time_without_reading_is_retried_when_it_is_on),
		test(removing_the_reader_function_clears_its_want_write),
		test(pushed_back_data_is_read_before_the_reader_function_runs),
		test(a_reader_function_may_close_the_object),
		test(a_reader_function_that_closed_is_not_called_again),
		test(a_reader_function_may_write),
		test(what_is_unread_at_the_end_waits_until_reading_is_on_again),
		test(a_reader_function_needs_an_open_object_and_memory),
		test(a_close_when_writable_leaves_no_event_write),
		test(input_for_the_writer_is_none_for_a_reader_that_waits_for_space),
	};

	return run_tests(tests);
}

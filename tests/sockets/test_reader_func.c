/* Reading through a function of the application: TLS and the like. */
/* backends: all */
#include "tests/support/fixture.h"

#include <stdlib.h>

static int ends[2];

/* A reader that answers from a list, and notes what it was asked. */
struct script {
	const ssize_t *answers; /* the last one for ever */
	int calls;
	size_t asked;
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
	script->asked = len;
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
what_the_function_gives_is_what_is_read(void **state)
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
	assert_notes("r r eof");
	assert_int_equal(5, p->got_len);
	assert_memory_equal("hello", p->got, 5);
	close(ends[1]);
}

static void
it_is_asked_for_what_the_caller_wants(void **state)
{
	const ssize_t answers[] = {3, 3, 0};
	struct script script = {.answers = answers};
	struct probe *p = made(&script);
	char *buf = malloc(2 << 20);

	(void)state;
	seam_count_reset();
	assert_int_equal(3, socle_read(&p->sock, buf, 10));
	assert_int_equal(10, script.asked);
	assert_int_equal(3, socle_read(&p->sock, buf, 2 << 20));
	assert_int_equal(1 << 20, script.asked);
	assert_memory_equal("rrr", buf, 3);
	assert_int_equal(0, seam_count(CALL_read));
	free(buf);
	close(ends[1]);
}

static void
its_zero_is_the_end_of_the_stream(void **state)
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
its_errors_come_out_and_close_nothing(void **state)
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
interrupted_it_is_called_again(void **state)
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
more_than_it_was_asked_for_is_an_error(void **state)
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
want_read_means_nothing_now(void **state)
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
want_write_brings_the_read_event_when_it_is_writable(void **state)
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
	assert_notes("r");
	assert_int_equal(5, p->got_len);
	assert_int_equal(SOCLE_READ, socle_watching(&p->sock));
	close(ends[1]);
}

static void
want_write_waits_for_room(void **state)
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
	assert_notes("r");
	close(ends[1]);
}

/* It has said that input alone is of no use to it. */
static void
while_it_wants_to_write_unread_input_does_not_spin(void **state)
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
want_write_with_reading_off_brings_no_event(void **state)
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

static void
taken_back_it_wants_nothing_any_more(void **state)
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
what_was_pushed_back_comes_before_it(void **state)
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
it_may_close_the_object(void **state)
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
interrupted_and_closed_it_is_not_called_again(void **state)
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
it_may_write(void **state)
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
it_is_refused_on_a_closed_object_and_without_memory(void **state)
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_the_function_gives_is_what_is_read),
		test(it_is_asked_for_what_the_caller_wants),
		test(its_zero_is_the_end_of_the_stream),
		test(its_errors_come_out_and_close_nothing),
		test(interrupted_it_is_called_again),
		test(more_than_it_was_asked_for_is_an_error),
		test(want_read_means_nothing_now),
		test(want_write_brings_the_read_event_when_it_is_writable),
		test(want_write_waits_for_room),
		test(while_it_wants_to_write_unread_input_does_not_spin),
		test(want_write_with_reading_off_brings_no_event),
		test(taken_back_it_wants_nothing_any_more),
		test(what_was_pushed_back_comes_before_it),
		test(it_may_close_the_object),
		test(interrupted_and_closed_it_is_not_called_again),
		test(it_may_write),
		test(it_is_refused_on_a_closed_object_and_without_memory),
	};

	return run_tests(tests);
}

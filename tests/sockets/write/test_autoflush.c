/* Autoflush off: writes are held back, and are sent gathered. */
/* backends: all */
#include "tests/support/fixture.h"

static struct probe *p;
static int peer;
static bool was_destroyed; /* the object was destroyed */

static void
open_pair(void)
{
	int fds[2];

	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->destroyed = &was_destroyed;
	was_destroyed = false;
	peer = fds[1];
}

static void
open_holding_pair(void)
{
	open_pair();
	socle_set_autoflush(&p->sock, false);
}

static void
assert_peer_got(const char *text)
{
	static char buf[65536];
	ssize_t n = drain_fd(peer, buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = '\0';
	assert_string_equal(text, buf);
}

static char a[] = "a", b[] = "b";

static void
note_it(struct socle_socket *s, void *arg)
{
	(void)s;
	note("%s", (const char *)arg);
}

static void
drop_it(void *arg)
{
	note("-%s", (const char *)arg);
}

static void
release_it(bool sent, void *arg)
{
	note("%s%s", sent ? "+" : "-", (const char *)arg);
}

/* ---- when they are sent ---- */

static void
a_held_write_makes_no_system_call(void **state)
{
	(void)state;
	open_holding_pair();
	seam_count_reset();
	assert_int_equal(0, socle_write(&p->sock, "abc", 3));
	assert_int_equal(0, socle_write_ref(&p->sock, "d", 1, NULL, NULL));
	assert_int_equal(4, socle_write_buf_size(&p->sock));
	assert_int_equal(0, seam_system_calls());
	assert_int_equal(0, socle_watching(&p->sock));
	close(peer);
}

static void
an_empty_write_holds_nothing_back(void **state)
{
	(void)state;
	open_holding_pair();
	assert_int_equal(1, socle_write(&p->sock, "", 0));
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	assert_int_equal(1, socle_write(&p->sock, "", 0));
	assert_peer_got("x");
	close(peer);
}

static void
held_writes_are_sent_in_the_next_tick_in_one_system_call(void **state)
{
	(void)state;
	open_holding_pair();
	for (int i = 0; i < 10; i++)
		socle_write(&p->sock, "0123456789", 10);
	socle_write_ref(&p->sock, "end", 3, NULL, NULL);
	seam_count_reset();
	turn(1);
	assert_int_equal(1,
		seam_count(CALL_send) + seam_count(CALL_sendmsg) +
			seam_count(CALL_write) + seam_count(CALL_writev));
	assert_int_equal(0, seam_count(CALL_change));
	assert_int_equal(103, drain_fd(peer, p->got, sizeof(p->got)));
	close(peer);
}

static void
answer_in_parts(struct probe *self)
{
	ssize_t n = socle_read(&self->sock, self->got, sizeof(self->got));

	if (n <= 0)
		return;
	for (int i = 0; i < 100; i++)
		socle_write(&self->sock, "x", 1);
	assert_peer_got("");
}

static void
stop(struct probe *self)
{
	(void)self;
	socle_stop();
}

static void
writes_of_a_handler_are_sent_before_the_next_wait(void **state)
{
	(void)state;
	open_holding_pair();
	p->on_read = answer_in_parts;
	p->on_drain = stop;
	socle_watch_read(&p->sock, true);
	send_all(peer, "?", 1);
	seam_count_reset();
	assert_int_equal(0, socle_event_loop());
	assert_notes("r drain");
	assert_int_equal(1, seam_count(CALL_send) + seam_count(CALL_sendmsg));
	assert_int_equal(100, drain_fd(peer, p->got, sizeof(p->got)));
	close(peer);
}

static void
with_held_writes_the_loop_does_not_wait(void **state)
{
	(void)state;
	open_holding_pair();
	assert_int_not_equal(0, socle_loop_timeout_ms());
	socle_write(&p->sock, "x", 1);
	assert_int_equal(0, socle_loop_timeout_ms());
	turn(1);
	assert_int_not_equal(0, socle_loop_timeout_ms());
	close(peer);
}

static bool
write_and_stop(void *arg)
{
	socle_write(arg, "last", 4);
	return false;
}

static void
held_writes_are_sent_before_the_loop_returns(void **state)
{
	(void)state;
	open_holding_pair();
	socle_set_loop_timeout(0);
	socle_set_post_loop_callback(write_and_stop, &p->sock);
	assert_int_equal(0, socle_event_loop());
	assert_peer_got("last");
	close(peer);
}

static void
a_kick_sends_held_writes(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write(&p->sock, "x", 1);
	assert_int_equal(1, socle_write_kick(&p->sock));
	assert_peer_got("x");
	assert_notes("drain");
	close(peer);
}

static void
held_writes_that_do_not_fit_wait_for_writability(void **state)
{
	(void)state;
	open_holding_pair();
	seam_fail(CALL_send, 1, EAGAIN, 1);
	socle_write(&p->sock, "x", 1);
	assert_int_equal(0, socle_write_kick(&p->sock));
	assert_int_equal(SOCLE_WRITE, socle_watching(&p->sock));
	turn(1);
	assert_notes("inc w drain");
	assert_peer_got("x");
	close(peer);
}

static void
after_autoflush_is_on_again_writes_keep_their_order(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write(&p->sock, "a", 1);
	socle_set_autoflush(&p->sock, true);
	socle_write(&p->sock, "b", 1);
	turn(1);
	assert_peer_got("ab");
	assert_int_equal(1, socle_write(&p->sock, "c", 1));
	assert_peer_got("c");
	close(peer);
}

/* ---- closures in the queue ---- */

static void
a_closure_waits_for_held_bytes_before_it(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write(&p->sock, "x", 1);
	assert_int_equal(0, socle_write_func(&p->sock, note_it, drop_it, a));
	assert_notes("");
	turn(1);
	assert_notes("a drain");
	assert_peer_got("x");
	close(peer);
}

static void
a_closure_with_nothing_held_runs_at_once(void **state)
{
	(void)state;
	open_holding_pair();
	assert_int_equal(1, socle_write_func(&p->sock, note_it, drop_it, a));
	assert_notes("a");
	close(peer);
}

static void
write_text(struct socle_socket *s, void *arg)
{
	note("=%d", socle_write(s, arg, strlen(arg)));
}

static void
writes_of_a_closure_are_held_too(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write_func(&p->sock, write_text, NULL, a);
	assert_notes("=0");
	assert_peer_got("");
	turn(1);
	assert_peer_got("a");
	close(peer);
}

/* ---- closing ---- */

static void
a_close_first_flushes_held_writes_once(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write(&p->sock, "last", 4);
	socle_write_ref(&p->sock, " words", 6, release_it, a);
	seam_count_reset();
	socle_close(&p->sock, "bye");
	assert_int_equal(1, seam_count(CALL_sendmsg));
	assert_notes("+a drain close(bye)");
	assert_peer_got("last words");
	close(peer);
}

static void
bytes_left_by_the_flush_of_a_close_are_dropped(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write_ref(&p->sock, "xy", 2, release_it, a);
	socle_write_func(&p->sock, note_it, drop_it, b);
	seam_short(CALL_send, 1, 1);
	socle_close(&p->sock, "bye");
	assert_notes("inc close(bye) -a -b");
	assert_peer_got("x");
	close(peer);
}

static void
a_close_does_not_flush_after_a_full_kernel_buffer(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_send, 1, EAGAIN, 1);
	socle_write(&p->sock, "x", 1);
	seam_count_reset();
	socle_close(&p->sock, "bye");
	assert_int_equal(0, seam_count(CALL_send));
	close(peer);
}

static void
if_the_flush_of_a_close_fails_its_reason_is_used(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write(&p->sock, "x", 1);
	seam_fail(CALL_send, 1, EPIPE, 1);
	socle_close(&p->sock, "bye");
	assert_true(socle_closed(&p->sock));
	turn(1);
	assert_notes("close(EPIPE) destroy");
	close(peer);
}

static void
a_steal_first_flushes_held_writes_once(void **state)
{
	int fd;

	(void)state;
	open_holding_pair();
	socle_write(&p->sock, "last", 4);
	fd = socle_steal_socket(&p->sock);
	assert_true(fd >= 0);
	assert_peer_got("last");
	close(fd);
	close(peer);
}

static void
write_in_err(struct probe *self, int err)
{
	socle_write(&self->sock, "x", 1);
	seam_count_reset();
	socle_super_event_err(&probe_class, &self->sock, err);
}

static void
a_close_for_an_error_does_not_flush(void **state)
{
	int fds[2];

	(void)state;
	pair_tcp(fds);
	p = probe_new(fds[0], NULL);
	p->destroyed = &was_destroyed;
	was_destroyed = false;
	socle_set_autoflush(&p->sock, false);
	p->on_err = write_in_err;
	close_by_reset(fds[1]);
	turn_until(&was_destroyed);
	assert_int_equal(0, seam_count(CALL_send));
	assert_non_null(strstr(notes(), "close(event_err)"));
}

static void
write_in_hup(struct probe *self)
{
	socle_write(&self->sock, "x", 1);
	seam_count_reset();
	socle_super_event_hup(&probe_class, &self->sock);
}

static void
a_close_for_a_hangup_does_not_flush(void **state)
{
	(void)state;
	open_holding_pair();
	p->on_hup = write_in_hup;
	close(peer);
	turn_until(&was_destroyed);
	assert_int_equal(0, seam_count(CALL_send));
	assert_notes("h close(event_hup) destroy");
}

static void
a_reset_does_not_flush(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write_ref(&p->sock, "x", 1, release_it, a);
	socle_reset();
	assert_notes("-a destroy");
	assert_peer_got("");
	close(peer);
}

static void
close_after_flush_waits_for_held_writes(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write(&p->sock, "last", 4);
	socle_close_after_flush(&p->sock, "bye");
	assert_false(socle_closed(&p->sock));
	turn(1);
	assert_notes("close(bye) destroy");
	assert_peer_got("last");
	close(peer);
}

static void
say_and_close(struct socle_socket *s, void *arg)
{
	socle_write(s, arg, strlen(arg));
	socle_close(s, "bye");
}

static void
a_closure_that_writes_and_closes_loses_nothing(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write_func(&p->sock, say_and_close, NULL, a);
	assert_true(socle_closed(&p->sock));
	assert_peer_got("a");
	close(peer);
}

static void
a_queued_closure_that_writes_and_closes_loses_nothing(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write(&p->sock, "x", 1);
	socle_write_func(&p->sock, say_and_close, NULL, a);
	turn(1);
	assert_true(was_destroyed);
	assert_peer_got("xa");
	close(peer);
}

static int stolen;

static void
say_and_steal(struct socle_socket *s, void *arg)
{
	socle_write(s, arg, strlen(arg));
	stolen = socle_steal_socket(s);
}

static void
a_closure_that_writes_and_steals_loses_nothing(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write(&p->sock, "x", 1);
	socle_write_func(&p->sock, say_and_steal, NULL, a);
	turn(1);
	assert_true(stolen >= 0);
	assert_peer_got("xa");
	close(stolen);
	close(peer);
}

static void
close_in_flush(struct socle_socket *s, void *arg)
{
	(void)arg;
	note("fn");
	socle_close(s, "inside");
}

static void
a_close_whose_flush_closes_closes_once(void **state)
{
	(void)state;
	open_holding_pair();
	socle_write(&p->sock, "x", 1);
	socle_write_func(&p->sock, close_in_flush, NULL, NULL);
	socle_close(&p->sock, "outside");
	turn(1);
	assert_notes("fn close(inside) destroy");
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_held_write_makes_no_system_call),
		test(an_empty_write_holds_nothing_back),
		test(held_writes_are_sent_in_the_next_tick_in_one_system_call),
		test(writes_of_a_handler_are_sent_before_the_next_wait),
		test(with_held_writes_the_loop_does_not_wait),
		test(held_writes_are_sent_before_the_loop_returns),
		test(a_kick_sends_held_writes),
		test(held_writes_that_do_not_fit_wait_for_writability),
		test(after_autoflush_is_on_again_writes_keep_their_order),
		test(a_closure_waits_for_held_bytes_before_it),
		test(a_closure_with_nothing_held_runs_at_once),
		test(writes_of_a_closure_are_held_too),
		test(a_close_first_flushes_held_writes_once),
		test(bytes_left_by_the_flush_of_a_close_are_dropped),
		test(a_close_does_not_flush_after_a_full_kernel_buffer),
		test(if_the_flush_of_a_close_fails_its_reason_is_used),
		test(a_steal_first_flushes_held_writes_once),
		test(a_close_for_an_error_does_not_flush),
		test(a_close_for_a_hangup_does_not_flush),
		test(a_reset_does_not_flush),
		test(close_after_flush_waits_for_held_writes),
		test(a_closure_that_writes_and_closes_loses_nothing),
		test(a_queued_closure_that_writes_and_closes_loses_nothing),
		test(a_closure_that_writes_and_steals_loses_nothing),
		test(a_close_whose_flush_closes_closes_once),
	};

	return run_tests(tests);
}

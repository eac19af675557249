/* High and low water marks, event_drain, and the cap. */
/* backends: all */
#include "tests/support/fixture.h"

static struct probe *p;
static int peer;
static size_t junk;

static void
open_pair(void)
{
	int fds[2];

	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	peer = fds[1];
}

static void
open_stuck_pair(void)
{
	open_pair();
	junk = stuff_fd(socle_fd(&p->sock));
}

static void
unstick(void)
{
	static char buf[65536];

	while (junk > 0) {
		ssize_t n = drain_fd(
			peer, buf, junk < sizeof(buf) ? junk : sizeof(buf));

		assert_true(n > 0);
		junk -= (size_t)n;
	}
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
note_mark(struct socle_socket *s, bool above, void *arg)
{
	(void)arg;
	note("%s%d", above ? "above" : "below", (int)socle_write_buf_size(s));
}

static void
set_marks(size_t low, size_t high)
{
	assert_int_equal(
		0, socle_set_water_marks(&p->sock, low, high, note_mark, NULL));
}

static void
queue(size_t n)
{
	static const char x[64];

	assert_int_equal(0, socle_write(&p->sock, x, n));
}

static void
nothing(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
}

/* ---- marks ---- */

/* case 89 */
static void
above_is_reported_once_and_inside_the_write(void **state)
{
	(void)state;
	open_stuck_pair();
	set_marks(2, 4);
	queue(1);
	notes_clear();
	queue(3);
	assert_notes("");
	queue(1);
	assert_notes("above5");
	queue(10);
	assert_notes("");
	close(peer);
}

/* case 89 */
static void
a_first_write_that_is_queued_counts_too(void **state)
{
	(void)state;
	open_stuck_pair();
	set_marks(0, 4);
	queue(5);
	assert_notes("inc above5");
	close(peer);
}

/* case 89 */
static void
a_write_sent_at_once_reports_nothing(void **state)
{
	(void)state;
	open_pair();
	set_marks(0, 0);
	assert_int_equal(1, socle_write(&p->sock, "hello", 5));
	assert_notes("");
	close(peer);
}

/* case 89 */
static void
below_is_not_reported_before_above(void **state)
{
	(void)state;
	open_stuck_pair();
	set_marks(2, 4);
	queue(3);
	notes_clear();
	unstick();
	turn(2);
	assert_notes("w drain");
	close(peer);
}

/* case 89 */
static void
each_crossing_is_reported(void **state)
{
	(void)state;
	open_stuck_pair();
	set_marks(2, 4);
	for (int i = 0; i < 2; i++) {
		seam_fail(CALL_send, 1, EAGAIN, 1);
		queue(5);
		assert_notes("inc above5");
		unstick();
		turn(1);
		assert_notes("w drain below0");
	}
	close(peer);
}

/* case 89 */
static void
below_is_reported_at_the_low_mark_and_not_above_it(void **state)
{
	(void)state;
	open_pair();
	set_marks(2, 4);
	seam_fail(CALL_send, 1, EAGAIN, 1);
	queue(5);
	notes_clear();
	seam_short(CALL_send, 1, 3);
	socle_write_kick(&p->sock);
	socle_write_kick(&p->sock);
	assert_notes("inc inc");
	socle_write_kick(&p->sock);
	assert_notes("inc below2");
	socle_write_kick(&p->sock);
	assert_notes("drain");
	close(peer);
}

static void
a_queued_closure_counts_1_for_the_marks(void **state)
{
	(void)state;
	open_stuck_pair();
	set_marks(0, 2);
	queue(1);
	notes_clear();
	socle_write_func(&p->sock, nothing, NULL, NULL);
	assert_notes("");
	socle_write_func(&p->sock, nothing, NULL, NULL);
	assert_notes("above3");
	close(peer);
}

static void
borrowed_bytes_count_for_the_marks(void **state)
{
	(void)state;
	open_stuck_pair();
	set_marks(0, 2);
	socle_write_ref(&p->sock, "xxx", 3, NULL, NULL);
	assert_notes("inc above3");
	close(peer);
}

static void
held_bytes_count_for_the_marks(void **state)
{
	(void)state;
	open_pair();
	socle_set_autoflush(&p->sock, false);
	set_marks(0, 2);
	queue(3);
	assert_notes("above3");
	turn(1);
	assert_notes("drain below0");
	close(peer);
}

static void
a_low_mark_above_the_high_one_is_einval(void **state)
{
	(void)state;
	open_stuck_pair();
	assert_int_equal(-EINVAL,
		socle_set_water_marks(&p->sock, 2, 1, note_mark, NULL));
	queue(5);
	assert_notes("inc");
	close(peer);
}

static void
null_removes_the_marks(void **state)
{
	(void)state;
	open_stuck_pair();
	set_marks(0, 2);
	assert_int_equal(0, socle_set_water_marks(&p->sock, 0, 2, NULL, NULL));
	queue(5);
	assert_notes("inc");
	close(peer);
}

static void
a_close_reports_no_mark(void **state)
{
	(void)state;
	open_stuck_pair();
	set_marks(0, 2);
	queue(5);
	notes_clear();
	socle_close(&p->sock, NULL);
	turn(1);
	assert_notes("close() destroy");
	close(peer);
}

static void
write_in_mark(struct socle_socket *s, bool above, void *arg)
{
	(void)arg;
	note("%s=%d", above ? "above" : "below",
		socle_write(s, above ? "A" : "B", 1));
}

static void
writes_of_a_mark_callback_are_queued_and_not_reported_again(void **state)
{
	(void)state;
	open_pair();
	socle_set_water_marks(&p->sock, 0, 1, write_in_mark, NULL);
	seam_fail(CALL_send, 1, EAGAIN, 1);
	socle_write(&p->sock, "12", 2);
	assert_notes("inc above=0");
	turn(2);
	assert_notes("w drain below=0 drain");
	assert_peer_got("12AB");
	close(peer);
}

static void
close_in_mark(struct socle_socket *s, bool above, void *arg)
{
	(void)arg;
	note("%d", above);
	socle_close(s, "too much");
}

static void
a_mark_callback_may_close_the_socket(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_set_water_marks(&p->sock, 0, 1, close_in_mark, NULL);
	assert_int_equal(-EBADF, socle_write(&p->sock, "12", 2));
	turn(1);
	assert_notes("inc 1 close(too much) destroy");
	close(peer);
}

static void
close_when_below(struct socle_socket *s, bool above, void *arg)
{
	(void)arg;
	if (!above)
		socle_close(s, "below");
}

static void
a_mark_callback_in_a_flush_may_close_the_socket(void **state)
{
	(void)state;
	open_pair();
	socle_set_water_marks(&p->sock, 0, 1, close_when_below, NULL);
	seam_fail(CALL_send, 1, EAGAIN, 1);
	socle_write(&p->sock, "12", 2);
	notes_clear();
	turn(1);
	assert_notes("w drain close(below) destroy");
	close(peer);
}

/* ---- drain ---- */

static void
drain_is_reported_once_when_the_queue_is_empty(void **state)
{
	(void)state;
	open_stuck_pair();
	queue(5);
	queue(5);
	notes_clear();
	unstick();
	turn(3);
	assert_notes("w drain");
	close(peer);
}

static void
a_write_sent_at_once_causes_no_drain(void **state)
{
	(void)state;
	open_pair();
	assert_int_equal(1, socle_write(&p->sock, "x", 1));
	socle_write_kick(&p->sock);
	turn(1);
	assert_int_equal(0, p->drains);
	close(peer);
}

static void
refill_twice(struct probe *self)
{
	if (self->drains <= 2)
		assert_int_equal(0, socle_write(&self->sock, "+", 1));
}

static void
writes_of_event_drain_are_sent_without_a_kick(void **state)
{
	(void)state;
	open_pair();
	p->on_drain = refill_twice;
	seam_fail(CALL_send, 1, EAGAIN, 1);
	socle_write(&p->sock, "x", 1);
	turn(4);
	assert_peer_got("x++");
	assert_int_equal(3, p->drains);
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	close(peer);
}

static void
refill_for_ever(struct probe *self)
{
	socle_write(&self->sock, "+", 1);
}

static void
an_event_drain_that_always_writes_starves_nothing_else(void **state)
{
	struct probe *q;
	int fds[2];

	(void)state;
	open_pair();
	pair_unix(fds);
	q = probe_new(fds[0], "q");
	socle_watch_read(&q->sock, true);
	send_all(fds[1], "x", 1);
	p->on_drain = refill_for_ever;
	seam_fail(CALL_send, 1, EAGAIN, 1);
	socle_write(&p->sock, "x", 1);
	turn(3);
	assert_int_equal(1, q->reads);
	assert_in_range(p->drains, 2, 12);
	close(fds[1]);
	close(peer);
}

static void
close_in_drain(struct probe *self)
{
	socle_close(&self->sock, "drained");
}

static void
event_drain_may_close_the_socket(void **state)
{
	(void)state;
	open_pair();
	p->on_drain = close_in_drain;
	set_marks(0, 1);
	seam_fail(CALL_send, 1, EAGAIN, 1);
	queue(5);
	notes_clear();
	turn(1);
	assert_notes("w drain close(drained) destroy");
	close(peer);
}

static void
end_in_drain(struct probe *self)
{
	if (self->drains > 1)
		return;
	socle_write(&self->sock, "!", 1);
	socle_close_after_flush(&self->sock, "bye");
}

static void
event_drain_may_write_and_close_after_flush(void **state)
{
	(void)state;
	open_pair();
	p->on_drain = end_in_drain;
	seam_fail(CALL_send, 1, EAGAIN, 1);
	socle_write(&p->sock, "x", 1);
	notes_clear();
	turn(2);
	assert_notes("w drain close(bye) destroy");
	assert_peer_got("x!");
	close(peer);
}

static void
a_failed_write_causes_no_drain(void **state)
{
	(void)state;
	open_pair();
	p->veto = true;
	seam_fail(CALL_send, 1, EAGAIN, 1);
	queue(5);
	seam_fail(CALL_send, 1, EPIPE, 1);
	notes_clear();
	turn(1);
	assert_notes("w close(EPIPE)");
	close(peer);
}

/* ---- the cap ---- */

static void
note_drop(void *arg)
{
	(void)arg;
	note("drop");
}

static void
note_release(bool sent, void *arg)
{
	(void)arg;
	note("%s", sent ? "sent" : "dropped");
}

static char big[1 << 20];

/* case 90 */
static void
the_cap_is_checked_before_anything_is_sent(void **state)
{
	struct iovec iov[] = {{big, 3}, {big, 3}};

	(void)state;
	open_pair();
	assert_int_equal(0, socle_set_write_cap(&p->sock, 5));
	seam_count_reset();
	assert_int_equal(-ENOBUFS, socle_write(&p->sock, "123456", 6));
	assert_int_equal(-ENOBUFS, socle_writev(&p->sock, iov, 2));
	assert_int_equal(-ENOBUFS,
		socle_write_ref(&p->sock, "123456", 6, note_release, NULL));
	assert_int_equal(0, seam_system_calls());
	assert_notes("");
	assert_int_equal(1, socle_write(&p->sock, "12345", 5));
	assert_peer_got("12345");
	close(peer);
}

/* case 90 */
static void
the_cap_counts_queued_bytes(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_set_write_cap(&p->sock, 5);
	assert_int_equal(0, socle_write(&p->sock, "123", 3));
	assert_int_equal(-ENOBUFS, socle_write(&p->sock, "456", 3));
	assert_int_equal(0, socle_write(&p->sock, "45", 2));
	assert_int_equal(5, socle_write_buf_size(&p->sock));
	assert_false(socle_closed(&p->sock));
	unstick();
	turn(2);
	assert_peer_got("12345");
	close(peer);
}

/* case 90 */
static void
a_queued_closure_counts_1_for_the_cap(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_set_write_cap(&p->sock, 2);
	socle_write(&p->sock, "1", 1);
	notes_clear();
	assert_int_equal(
		0, socle_write_func(&p->sock, nothing, note_drop, NULL));
	assert_int_equal(
		-ENOBUFS, socle_write_func(&p->sock, nothing, note_drop, NULL));
	assert_notes("");
	socle_close(&p->sock, NULL);
	assert_notes("close() drop");
	close(peer);
}

static void
a_cap_of_0_means_no_cap(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_set_write_cap(&p->sock, 1);
	socle_set_write_cap(&p->sock, 0);
	assert_int_equal(0, socle_write(&p->sock, big, sizeof(big)));
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(above_is_reported_once_and_inside_the_write),
		test(a_first_write_that_is_queued_counts_too),
		test(a_write_sent_at_once_reports_nothing),
		test(below_is_not_reported_before_above),
		test(each_crossing_is_reported),
		test(below_is_reported_at_the_low_mark_and_not_above_it),
		test(a_queued_closure_counts_1_for_the_marks),
		test(borrowed_bytes_count_for_the_marks),
		test(held_bytes_count_for_the_marks),
		test(a_low_mark_above_the_high_one_is_einval),
		test(null_removes_the_marks),
		test(a_close_reports_no_mark),
		test(writes_of_a_mark_callback_are_queued_and_not_reported_again),
		test(a_mark_callback_may_close_the_socket),
		test(a_mark_callback_in_a_flush_may_close_the_socket),
		test(drain_is_reported_once_when_the_queue_is_empty),
		test(a_write_sent_at_once_causes_no_drain),
		test(writes_of_event_drain_are_sent_without_a_kick),
		test(an_event_drain_that_always_writes_starves_nothing_else),
		test(event_drain_may_close_the_socket),
		test(event_drain_may_write_and_close_after_flush),
		test(a_failed_write_causes_no_drain),
		test(the_cap_is_checked_before_anything_is_sent),
		test(the_cap_counts_queued_bytes),
		test(a_queued_closure_counts_1_for_the_cap),
		test(a_cap_of_0_means_no_cap),
	};

	return run_tests(tests);
}

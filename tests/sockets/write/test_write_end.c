/* How the queue ends: close, steal, reset, close_after_flush, a veto. */
/* backends: all */
#include "tests/support/queueing.h"

#include <sys/socket.h>

static char a[] = "a", b[] = "b", c[] = "c";
static bool was_destroyed; /* the object was destroyed */

/* Every call that writes is refused with `err' and runs no callback. */
static void
assert_all_refused(int err)
{
	struct iovec iov = {.iov_base = a, .iov_len = 1};
	size_t before = socle_write_buf_size(&object->sock);

	notes_clear();
	assert_int_equal(err, socle_write(&object->sock, "x", 1));
	assert_int_equal(err, socle_writev(&object->sock, &iov, 1));
	assert_int_equal(
		err, socle_write_ref(&object->sock, "x", 1, release_it, a));
	assert_int_equal(
		err, socle_write_func(&object->sock, note_it, drop_it, b));
	assert_int_equal(before, socle_write_buf_size(&object->sock));
	assert_notes("");
}

/* ---- close, reset, steal ---- */

/* case 49, defect 11 */
static void
a_close_drops_queued_items_with_their_callbacks_in_order(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write(&object->sock, "x", 1);
	socle_write_ref(&object->sock, "y", 1, release_it, a);
	socle_write_func(&object->sock, note_it, drop_it, b);
	socle_write_ref(&object->sock, "z", 1, release_it, a);
	notes_clear();
	socle_close(&object->sock, NULL);
	assert_notes("close() -a -b -a");
	assert_int_equal(0, socle_write_buf_size(&object->sock));
	unstick();
	note_peer();
	assert_notes("[]");
	close(peer);
}

static void
a_reset_drops_queued_items_with_their_callbacks(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write_ref(&object->sock, "y", 1, release_it, a);
	socle_write_func(&object->sock, note_it, drop_it, b);
	notes_clear();
	socle_reset();
	assert_notes("-a -b destroy");
	close(peer);
}

static void
a_steal_drops_queued_items_with_their_callbacks(void **state)
{
	int fd;

	(void)state;
	open_stuck_pair();
	socle_write_ref(&object->sock, "y", 1, release_it, a);
	socle_write_func(&object->sock, note_it, drop_it, b);
	notes_clear();
	fd = socle_steal_socket(&object->sock);
	assert_true(fd >= 0);
	assert_notes("-a -b");
	turn(1);
	assert_notes("destroy");
	close(fd);
	close(peer);
}

/* case 49 */
static void
a_close_calls_drop_instead_of_the_closure(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write(&object->sock, "x", 1);
	queue_call(a);
	queue_call(b);
	queue_call(c);
	notes_clear();
	socle_close(&object->sock, NULL);
	turn(1);
	assert_notes("close() -a -b -c destroy");
	close(peer);
}

static void
drop_may_be_null(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write(&object->sock, "x", 1);
	socle_write_func(&object->sock, note_it, NULL, a);
	notes_clear();
	socle_close(&object->sock, NULL);
	assert_notes("close()");
	close(peer);
}

static void
write_when_dropped(void *arg)
{
	note("%d", socle_write(arg, "x", 1) == -EBADF);
	note("%d", socle_write_func(arg, note_it, drop_it, a) == -EBADF);
	socle_close(arg, "again");
}

static void
in_drop_the_socket_is_closed(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write(&object->sock, "x", 1);
	socle_write_func(
		&object->sock, note_it, write_when_dropped, &object->sock);
	notes_clear();
	socle_close(&object->sock, NULL);
	assert_int_equal(1, object->closes);
	turn(1);
	assert_notes("close() 1 1 destroy");
	close(peer);
}

/* ---- close_after_flush ---- */

/* case 95, defect 11 */
static void
close_after_flush_waits_for_the_last_byte(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write(&object->sock, "last", 4);
	notes_clear();
	socle_close_after_flush(&object->sock, "bye");
	turn(2);
	assert_false(socle_closed(&object->sock));
	unstick();
	turn(1);
	assert_notes("w close(bye) destroy");
	note_peer();
	assert_notes("[last]");
	close(peer);
}

/* case 95 */
static void
close_after_flush_does_not_spin_if_the_peer_has_ended(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_watch_read(&object->sock, true);
	socle_write(&object->sock, "last", 4);
	shutdown(peer, SHUT_WR);
	socle_close_after_flush(&object->sock, "bye");
	assert_int_equal(SOCLE_WRITE, socle_watching(&object->sock));
	socle_watch_read(&object->sock, true);
	seam_count_reset();
	assert_int_equal(1, socle_event_loop_once(20));
	assert_int_equal(1, seam_waits());
	assert_int_equal(0, object->reads);
	object->destroyed = &was_destroyed;
	was_destroyed = false;
	unstick();
	turn(1);
	assert_true(was_destroyed);
	notes_clear();
	note_peer();
	assert_notes("[last]");
	close(peer);
}

static void
close_after_flush_with_nothing_queued_closes_at_once(void **state)
{
	(void)state;
	open_pair();
	socle_close_after_flush(&object->sock, "bye");
	assert_true(socle_closed(&object->sock));
	assert_notes("close(bye)");
	close(peer);
}

static void
the_second_close_after_flush_changes_nothing(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write(&object->sock, "x", 1);
	socle_close_after_flush(&object->sock, "first");
	socle_close_after_flush(&object->sock, "second");
	notes_clear();
	unstick();
	turn(1);
	assert_notes("w close(first) destroy");
	close(peer);
}

static void
what_was_queued_before_close_after_flush_still_runs(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write(&object->sock, "x", 1);
	socle_write_func(&object->sock, note_it, drop_it, b);
	socle_close_after_flush(&object->sock, "bye");
	notes_clear();
	turn(1);
	assert_notes("w b close(bye) destroy");
	close(peer);
}

static void
a_close_overtakes_close_after_flush(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write_ref(&object->sock, "x", 1, release_it, a);
	socle_close_after_flush(&object->sock, "bye");
	notes_clear();
	socle_close(&object->sock, "now");
	assert_notes("close(now) -a");
	close(peer);
}

static void
write_too_late(struct socle_socket *s, void *arg)
{
	(void)arg;
	note("%d", socle_write(s, "x", 1) == -ESHUTDOWN);
	note("%d", socle_write_func(s, note_it, drop_it, a) == -ESHUTDOWN);
}

static void
after_close_after_flush_writes_are_refused(void **state)
{
	(void)state;
	open_pair();
	block_next();
	socle_write(&object->sock, "x", 1);
	socle_write_func(&object->sock, write_too_late, NULL, NULL);
	socle_close_after_flush(&object->sock, "bye");
	notes_clear();
	turn(1);
	assert_notes("w 1 1 close(bye) destroy");
	close(peer);
}

/* ---- a close that its class vetoes ---- */

/* case 87 */
static void
after_a_vetoed_close_the_object_is_open_but_refuses_writes(void **state)
{
	(void)state;
	open_pair();
	object->veto = true;
	socle_watch_write(&object->sock, true);
	seam_fail(CALL_send, 1, EPIPE, 1);
	assert_int_equal(-EPIPE, socle_write(&object->sock, "x", 1));
	assert_false(socle_closed(&object->sock));
	assert_notes("close(EPIPE)");
	assert_all_refused(-EPIPE);
	assert_int_equal(-EPIPE, socle_write_kick(&object->sock));
	assert_int_equal(0, socle_watching(&object->sock));
	close(peer);
}

/* case 87 */
static void
a_vetoed_close_still_drops_the_queue(void **state)
{
	(void)state;
	open_pair();
	object->veto = true;
	seam_fail(CALL_send, 1, EAGAIN, 1);
	socle_write_ref(&object->sock, "x", 1, release_it, a);
	socle_write_func(&object->sock, note_it, drop_it, b);
	seam_fail(CALL_send, 1, ECONNRESET, 1);
	notes_clear();
	assert_int_equal(-ECONNRESET, socle_write_kick(&object->sock));
	assert_notes("close(ECONNRESET) -a -b");
	assert_int_equal(0, socle_write_buf_size(&object->sock));
	assert_int_equal(0, socle_watching(&object->sock));
	close(peer);
}

/* case 87 */
static void
after_a_vetoed_close_reading_continues(void **state)
{
	(void)state;
	open_pair();
	object->veto = true;
	socle_watch_read(&object->sock, true);
	seam_fail(CALL_send, 1, EPIPE, 1);
	socle_write(&object->sock, "x", 1);
	send_all(peer, "in", 2);
	turn_until_count(&object->reads, 1);
	assert_int_equal(2, object->got_len);
	object->veto = false;
	socle_close(&object->sock, "now");
	assert_true(socle_closed(&object->sock));
	close(peer);
}

/* case 87 */
static void
after_a_vetoed_close_for_enomem_writes_return_enomem(void **state)
{
	(void)state;
	open_pair();
	object->veto = true;
	seam_short(CALL_send, 1, 1);
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_write(&object->sock, "hello", 5));
	assert_false(socle_closed(&object->sock));
	assert_all_refused(-ENOMEM);
	close(peer);
}

/* close_after_flush() of before ends with the veto of the failed write. */
static void
after_a_vetoed_failure_a_close_after_flush_can_be_asked_again(void **state)
{
	(void)state;
	open_stuck_pair();
	object->veto = true;
	assert_int_equal(0, socle_write(&object->sock, "x", 1));
	socle_close_after_flush(&object->sock, "first");
	shutdown(peer, SHUT_RD);
	assert_int_equal(-EPIPE, socle_write_kick(&object->sock));
	socle_watch_read(&object->sock, true);
	assert_int_equal(SOCLE_READ, socle_watching(&object->sock));
	object->veto = false;
	notes_clear();
	socle_close_after_flush(&object->sock, "second");
	assert_notes("close(second)");
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(after_a_vetoed_failure_a_close_after_flush_can_be_asked_again),
		test(a_close_drops_queued_items_with_their_callbacks_in_order),
		test(a_reset_drops_queued_items_with_their_callbacks),
		test(a_steal_drops_queued_items_with_their_callbacks),
		test(a_close_calls_drop_instead_of_the_closure),
		test(drop_may_be_null),
		test(in_drop_the_socket_is_closed),
		test(close_after_flush_waits_for_the_last_byte),
		test(close_after_flush_does_not_spin_if_the_peer_has_ended),
		test(close_after_flush_with_nothing_queued_closes_at_once),
		test(the_second_close_after_flush_changes_nothing),
		test(what_was_queued_before_close_after_flush_still_runs),
		test(a_close_overtakes_close_after_flush),
		test(after_close_after_flush_writes_are_refused),
		test(after_a_vetoed_close_the_object_is_open_but_refuses_writes),
		test(a_vetoed_close_still_drops_the_queue),
		test(after_a_vetoed_close_reading_continues),
		test(after_a_vetoed_close_for_enomem_writes_return_enomem),
	};

	return run_tests(tests);
}

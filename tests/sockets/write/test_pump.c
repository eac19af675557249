/* backends: all */
/*
 * The pump: callbacks that change the state under it, nested loops above all.
 */
#include "tests/support/forking.h"
#include "tests/support/queueing.h"

#include <sys/wait.h>

static char a[] = "a", b[] = "b", c[] = "c";
static int calls;

static bool
queue_is_empty(void *arg)
{
	(void)arg;
	return socle_write_buf_size(&object->sock) == 0;
}

/* ---- a nested loop ---- */

static void
wait_for_second(struct socle_socket *s, void *arg)
{
	note("%s", (const char *)arg);
	assert_int_equal(0, socle_write_func(s, note_it, drop_it, b));
	assert_int_equal(1, socle_run_until(queue_is_empty, NULL));
	note("waited");
}

static void
a_loop_nested_in_a_closure_runs_the_closure_that_it_queued(void **state)
{
	(void)state;
	open_pair();
	assert_int_equal(
		1, socle_write_func(&object->sock, wait_for_second, NULL, a));
	assert_notes("a b drain waited");
	close(peer);
}

static void
wait_in_release(bool sent, void *arg)
{
	note("%s", sent ? "sent" : "dropped");
	wait_for_second(&object->sock, arg);
}

static void
a_loop_nested_in_a_release_runs_the_closure_that_it_queued(void **state)
{
	(void)state;
	open_pair();
	(void)socle_write_ref(&object->sock, "x", 1, wait_in_release, a);
	assert_notes("sent a b drain waited");
	close(peer);
}

static void
turn_once(struct socle_socket *s, void *arg)
{
	(void)s;
	note("%s", (const char *)arg);
	turn(1);
}

static void
a_queue_that_a_nested_loop_empties_drains_once(void **state)
{
	(void)state;
	open_pair();
	socle_set_autoflush(&object->sock, false);
	socle_write(&object->sock, "x", 1);
	(void)socle_write_func(&object->sock, turn_once, NULL, a);
	socle_write(&object->sock, "y", 1);
	assert_int_equal(1, socle_write_kick(&object->sock));
	assert_notes("a drain");
	assert_int_equal(1, object->drains);
	close(peer);
}

static void
release_and_turn(bool sent, void *arg)
{
	(void)sent;
	note("+%s", (const char *)arg);
	turn(1);
}

static void
releases_keep_their_order_when_one_of_them_runs_a_loop(void **state)
{
	(void)state;
	open_stuck_pair();
	(void)socle_write_ref(&object->sock, "1", 1, release_and_turn, a);
	(void)socle_write_ref(&object->sock, "2", 1, release_it, b);
	notes_clear();
	unstick();
	(void)socle_write_ref(&object->sock, "3", 1, release_it, c);
	(void)socle_write_kick(&object->sock);
	assert_notes("+a +b +c drain");
	close(peer);
}

static int deepest, depth;

static void
wait_until_sent(struct socle_socket *self)
{
	(void)self;
	if (++depth > deepest)
		deepest = depth;
	unstick();
	assert_int_equal(1, socle_run_until(queue_is_empty, NULL));
	depth--;
}

static const struct socle_class patient_class = {
	.name = "Patient",
	.super = &probe_class,
	.incomplete_write = wait_until_sent,
};

static void
incomplete_write_is_not_called_inside_itself(void **state)
{
	(void)state;
	open_stuck_pair();
	depth = deepest = 0;
	assert_int_equal(0, socle_set_class(&object->sock, &patient_class));
	socle_set_autoflush(&object->sock, false);
	socle_write(&object->sock, "x", 1);
	turn(2);
	assert_int_equal(1, deepest);
	assert_true(queue_is_empty(NULL));
	close(peer);
}

/* ---- ownership of an item ---- */

static void
a_refused_call_runs_no_callback_and_any_other_runs_one(void **state)
{
	(void)state;
	open_pair();
	object->veto = true;
	seam_fail(CALL_send, 1, EPIPE, 1);
	assert_int_equal(
		0, socle_write_ref(&object->sock, "x", 1, release_it, a));
	assert_notes("close(EPIPE) -a");
	assert_int_equal(
		-EPIPE, socle_write_ref(&object->sock, "x", 1, release_it, b));
	assert_int_equal(
		-EPIPE, socle_write_func(&object->sock, note_it, drop_it, c));
	object->veto = false;
	socle_close(&object->sock, NULL);
	assert_int_equal(
		-EBADF, socle_write_ref(&object->sock, "x", 1, release_it, b));
	assert_notes("close()");
	turn(1);
	assert_notes("destroy");
	close(peer);
}

static void
close_in_release(bool sent, void *arg)
{
	(void)sent;
	(void)arg;
	socle_close(&object->sock, "done");
}

static void
a_kick_that_closes_the_object_reports_it_closed(void **state)
{
	(void)state;
	open_pair();
	block_next();
	(void)socle_write_ref(&object->sock, "x", 1, close_in_release, NULL);
	notes_clear();
	assert_int_equal(-EBADF, socle_write_kick(&object->sock));
	assert_notes("close(done)");
	turn(1);
	notes_clear();
	close(peer);
}

/* ---- marks ---- */

static void
note_mark(struct socle_socket *s, bool above, void *arg)
{
	(void)s;
	(void)arg;
	note("%s", above ? "above" : "below");
}

static void
marks_set_above_the_mark_report_above_and_then_below(void **state)
{
	(void)state;
	open_stuck_pair();
	socle_write(&object->sock, "0123456789", 10);
	notes_clear();
	socle_set_water_marks(&object->sock, 2, 4, note_mark, NULL);
	assert_notes("above");
	unstick();
	turn(2);
	assert_notes("w drain below");
	close(peer);
}

/* ---- close_after_flush ---- */

static void
write_in_close(struct probe *p, const char *reason)
{
	(void)reason;
	note("%d", socle_write(&p->sock, "late", 4) == -ESHUTDOWN);
}

static void
the_close_of_a_flushed_object_may_write_no_more(void **state)
{
	(void)state;
	open_pair();
	object->on_close = write_in_close;
	block_next();
	socle_write(&object->sock, "x", 1);
	socle_close_after_flush(&object->sock, "bye");
	notes_clear();
	turn(1);
	assert_notes("w close(bye) 1 destroy");
	close(peer);
}

static void
a_vetoed_close_after_flush_can_be_asked_for_again(void **state)
{
	(void)state;
	open_pair();
	object->veto = true;
	block_next();
	socle_write(&object->sock, "x", 1);
	socle_close_after_flush(&object->sock, "bye");
	notes_clear();
	turn(1);
	assert_notes("w close(bye)");
	assert_int_equal(1, socle_write(&object->sock, "y", 1));
	object->veto = false;
	socle_close_after_flush(&object->sock, "again");
	turn(1);
	assert_notes("close(again) destroy");
	close(peer);
}

/* ---- the writer function ---- */

static ssize_t
continue_child(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	(void)s;
	(void)data;
	(void)arg;
	if (calls++ == 0 && fork() == 0) {
		int err = socle_after_fork();

		_exit(err == 0 && socle_write_buf_size(s) == 0 ? 0 : 1);
	}
	return (ssize_t)len;
}

static void
a_child_that_continues_inside_the_writer_has_an_empty_queue(void **state)
{
	int status;

	(void)state;
	open_pair();
	calls = 0;
	socle_set_writer_func(&object->sock, continue_child, NULL);
	assert_int_equal(1, socle_write(&object->sock, "x", 1));
	assert_true(wait(&status) > 0);
	assert_int_equal(0, status);
	close(peer);
}

static ssize_t
remove_itself(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	(void)arg;
	socle_set_writer_func(s, NULL, NULL);
	return -EINTR;
}

static void
a_writer_that_removes_itself_leaves_the_bytes_to_the_kernel(void **state)
{
	(void)state;
	open_pair();
	socle_set_writer_func(&object->sock, remove_itself, NULL);
	assert_int_equal(1, socle_write(&object->sock, "x", 1));
	note_peer();
	assert_notes("drain [x]");
	close(peer);
}

/* ---- fork ---- */

static int
close_here(struct probe *p)
{
	notes_clear();
	socle_close(&p->sock, NULL);
	CHECK(strcmp(notes(), "close() -a -b") == 0);
	socle_reset();
	CHECK(strcmp(notes(), "close() -a -b destroy") == 0);
	return 0;
}

static void
a_child_that_closes_its_copy_releases_what_was_borrowed(void **state)
{
	(void)state;
	open_stuck_pair();
	(void)socle_write_ref(&object->sock, "1", 1, release_it, a);
	(void)socle_write_ref(&object->sock, "2", 1, release_it, b);
	child_run(close_here, object);
	notes_clear();
	socle_close(&object->sock, NULL);
	assert_notes("close() -a -b");
	turn(1);
	notes_clear();
	close(peer);
}

static void
fork_in_release(bool sent, void *arg)
{
	pid_t pid = fork();

	note("%s%s", sent ? "+" : "-", (const char *)arg);
	if (pid != 0) {
		child_wait(pid);
		return;
	}
	calls = 1; /* the child unwinds to the test */
}

static void
a_child_forked_in_a_release_runs_the_others_later(void **state)
{
	(void)state;
	open_stuck_pair();
	calls = 0;
	(void)socle_write_ref(&object->sock, "1", 1, fork_in_release, a);
	(void)socle_write_ref(&object->sock, "2", 1, release_it, b);
	notes_clear();
	socle_close(&object->sock, NULL);
	if (calls) {
		bool waits = strcmp(notes(), "close() -a") == 0;

		socle_reset();
		_exit(waits && strcmp(notes(), "close() -a -b destroy") == 0
				? 0
				: 1);
	}
	assert_notes("close() -a -b");
	turn(1);
	notes_clear();
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_loop_nested_in_a_closure_runs_the_closure_that_it_queued),
		test(a_loop_nested_in_a_release_runs_the_closure_that_it_queued),
		test(a_queue_that_a_nested_loop_empties_drains_once),
		test(releases_keep_their_order_when_one_of_them_runs_a_loop),
		test(incomplete_write_is_not_called_inside_itself),
		test(a_refused_call_runs_no_callback_and_any_other_runs_one),
		test(a_kick_that_closes_the_object_reports_it_closed),
		test(marks_set_above_the_mark_report_above_and_then_below),
		test(the_close_of_a_flushed_object_may_write_no_more),
		test(a_vetoed_close_after_flush_can_be_asked_for_again),
		test(a_child_that_continues_inside_the_writer_has_an_empty_queue),
		test(a_writer_that_removes_itself_leaves_the_bytes_to_the_kernel),
		test(a_child_that_closes_its_copy_releases_what_was_borrowed),
		test(a_child_forked_in_a_release_runs_the_others_later),
	};
	return run_tests(tests);
}

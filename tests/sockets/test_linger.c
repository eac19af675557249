/*
 * socle_close_after_flush() on TCP: the last bytes arrive although the peer is
 * still sending.
 */
/* backends: all */
#include "tests/support/looping.h"
#include "tests/support/making.h"
#include "tests/support/queueing.h"

#include <math.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { UPLOAD = 300000, ANSWER = 200000 };
static char bytes[UPLOAD];

static void
open_tcp(void)
{
	int fds[2];

	pair_tcp(fds);
	object = probe_new(fds[0], NULL);
	peer = fds[1];
}

/* All that the peer can read until the end; -1: a reset came instead. */
static ssize_t
received(void)
{
	static char buf[65536];
	ssize_t n, sum = 0;

	while ((n = recv(peer, buf, sizeof(buf), MSG_DONTWAIT)) != 0) {
		if (n > 0)
			sum += n;
		else if (errno != EAGAIN)
			return -1;
		turn(1);
	}
	return sum;
}

static void
an_answer_to_a_peer_that_is_still_sending_arrives(void **state)
{
	(void)state;
	open_tcp();
	(void)send(peer, bytes, UPLOAD, MSG_DONTWAIT);
	assert_true(socle_write(&object->sock, bytes, ANSWER) >= 0);
	socle_close_after_flush(&object->sock, "answered");
	assert_int_equal(ANSWER, received());
	close(peer);
	turn(2);
	assert_non_null(strstr(notes(), "close(answered) destroy"));
}

static void
it_closes_when_the_peer_ends_its_side(void **state)
{
	(void)state;
	open_tcp();
	assert_int_equal(1, socle_write(&object->sock, "x", 1));
	socle_close_after_flush(&object->sock, "answered");
	turn(2);
	assert_notes("");
	assert_false(socle_closed(&object->sock));
	assert_int_equal(1, socle_watched_sockets());
	shutdown(peer, SHUT_WR);
	turn(2);
	assert_notes("close(answered) destroy");
	close(peer);
}

static void
a_reset_by_the_peer_closes_it(void **state)
{
	(void)state;
	open_tcp();
	socle_close_after_flush(&object->sock, "answered");
	close_by_reset(peer);
	turn(2);
	assert_notes("close(answered) destroy");
}

static void
without_memory_it_still_lingers(void **state)
{
	(void)state;
	start_virtual_time();
	open_tcp();
	seam_fail(CALL_calloc, 1, ENOMEM, 1000);
	socle_close_after_flush(&object->sock, "lost");
	seam_heal();
	pass_time(1.9);
	assert_notes("");
	pass_time(0.2);
	assert_notes("close() destroy");
	close(peer);
}

static void
without_memory_the_times_cannot_be_set(void **state)
{
	(void)state;
	start_virtual_time();
	open_tcp();
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_set_linger(&object->sock, 5, 7));
	assert_int_equal(1, seam_struck());
	socle_close_after_flush(&object->sock, "answered");
	pass_time(1.9); /* of the usual two seconds */
	assert_notes("");
	pass_time(0.2);
	assert_notes("close(answered) destroy");
	close(peer);
}

static void
an_interrupted_read_does_not_end_it(void **state)
{
	(void)state;
	open_tcp();
	socle_close_after_flush(&object->sock, "answered");
	send_all(peer, "x", 1);
	seam_fail(CALL_read, 1, EINTR, 1);
	turn(2);
	assert_int_equal(1, seam_struck());
	assert_notes("");
	shutdown(peer, SHUT_WR);
	turn(2);
	assert_notes("close(answered) destroy");
	close(peer);
}

static void
silence_of_two_seconds_closes_it(void **state)
{
	(void)state;
	start_virtual_time();
	open_tcp();
	socle_close_after_flush(&object->sock, "answered");
	pass_time(1.5);
	send_all(peer, "x", 1);
	pass_time(1.9);
	assert_notes("");
	pass_time(0.2);
	assert_notes("close(answered) destroy");
	close(peer);
}

static void
a_peer_that_never_stops_sending_has_thirty_seconds(void **state)
{
	(void)state;
	start_virtual_time();
	open_tcp();
	socle_close_after_flush(&object->sock, "answered");
	for (int i = 0; i < 29; i++) {
		pass_time(1);
		send_all(peer, "x", 1);
	}
	assert_notes("");
	pass_time(1.1);
	assert_notes("close(answered) destroy");
	close(peer);
}

static void
the_times_can_be_set(void **state)
{
	(void)state;
	start_virtual_time();
	open_tcp();
	assert_int_equal(0, socle_set_linger(&object->sock, 5, 7));
	socle_close_after_flush(&object->sock, "answered");
	pass_time(4);
	send_all(peer, "x", 1);
	pass_time(2.9);
	assert_notes("");
	pass_time(0.2);
	assert_notes("close(answered) destroy");
	close(peer);
}

static void
a_time_of_zero_closes_at_once(void **state)
{
	static const double times[][2] = {{0, 0}, {0, 5}, {5, 0}};

	(void)state;
	for (int i = 0; i < 3; i++) {
		open_tcp();
		assert_int_equal(0,
			socle_set_linger(
				&object->sock, times[i][0], times[i][1]));
		socle_close_after_flush(&object->sock, "now");
		assert_notes("close(now)");
		turn(1);
		notes_clear();
		close(peer);
	}
}

static void
invalid_times_are_refused(void **state)
{
	(void)state;
	open_tcp();
	assert_int_equal(-EINVAL, socle_set_linger(&object->sock, -1, 1));
	assert_int_equal(-EINVAL, socle_set_linger(&object->sock, 1, -1));
	assert_int_equal(
		-EINVAL, socle_set_linger(&object->sock, (double)NAN, 1));
	socle_close(&object->sock, NULL);
	assert_int_equal(-EBADF, socle_set_linger(&object->sock, 1, 1));
	close(peer);
}

/* Neither needs it: the end was read, or the kernel keeps the sent bytes. */
static void
an_object_that_has_read_the_end_closes_at_once(void **state)
{
	char c;

	(void)state;
	open_tcp();
	shutdown(peer, SHUT_WR);
	while (socle_read(&object->sock, &c, 1) < 0)
		turn(1);
	socle_close_after_flush(&object->sock, "now");
	assert_notes("close(now)");
	close(peer);
}

static void
a_unix_socket_closes_at_once(void **state)
{
	(void)state;
	open_pair();
	socle_close_after_flush(&object->sock, "now");
	assert_notes("close(now)");
	close(peer);
}

/* ---- other events meanwhile ---- */

static void
no_event_and_no_timeout_comes_while_it_lingers(void **state)
{
	(void)state;
	start_virtual_time();
	open_tcp();
	assert_int_equal(0, socle_set_idle_timeout(&object->sock, 0.5));
	socle_watch_read(&object->sock, true);
	socle_watch_write(&object->sock, true);
	socle_close_after_flush(&object->sock, "answered");
	socle_watch_write(&object->sock, true);
	socle_watch_read(&object->sock, true);
	send_all(peer, "xyz", 3);
	turn(2);
	seam_time_add(1);
	turn(2);
	assert_notes("");
	assert_int_equal(-ESHUTDOWN, socle_write(&object->sock, "x", 1));
	close(peer);
	turn(2);
	assert_notes("close(answered) destroy");
}

static void
it_sleeps_while_nothing_comes(void **state)
{
	(void)state;
	start_virtual_time();
	open_tcp();
	socle_watch_write(&object->sock, true);
	socle_close_after_flush(&object->sock, "answered");
	seam_count_reset();
	while (notes()[0] == '\0')
		assert_int_equal(1, socle_event_loop_once(-1));
	assert_in_range(seam_waits(), 1, 3);
	assert_waited(2);
	close(peer);
}

static void
socle_close_ends_it(void **state)
{
	(void)state;
	open_tcp();
	socle_close_after_flush(&object->sock, "answered");
	socle_close(&object->sock, "now");
	assert_notes("close(now)");
	close(peer);
}

static void
steal_gives_the_fd_out(void **state)
{
	int fd;

	(void)state;
	open_tcp();
	socle_close_after_flush(&object->sock, "answered");
	fd = socle_steal_socket(&object->sock);
	assert_true(fd >= 0);
	close(fd);
	turn(1);
	assert_notes("destroy");
	close(peer);
}

static void
a_vetoed_close_gives_events_back(void **state)
{
	(void)state;
	open_tcp();
	object->veto = true;
	socle_close_after_flush(&object->sock, "first");
	send_all(peer, "gone", 4);
	turn(1);
	shutdown(peer, SHUT_WR);
	turn(2);
	assert_notes("close(first) h close(event_hup)");
	assert_int_equal(-EPIPE, socle_write(&object->sock, "x", 1));
	close(peer);
}

static void
a_reset_drops_a_lingering_object(void **state)
{
	(void)state;
	start_virtual_time();
	open_tcp();
	socle_close_after_flush(&object->sock, "answered");
	seam_time_add(0.5);
	send_all(peer, "x", 1);
	turn(1);
	socle_reset();
	assert_notes("destroy");
	close(peer);
}

static void
end_in_child(void)
{
	bool closed;

	if (socle_after_fork() < 0)
		_exit(1);
	closed = socle_closed(&object->sock);
	_exit(closed ? 0 : 2);
}

/* The child's copy is closed; the parent's connection goes on. */
static void
a_forked_child_does_not_linger(void **state)
{
	int status;
	pid_t pid;
	char c;

	(void)state;
	open_tcp();
	assert_int_equal(1, socle_write(&object->sock, "x", 1));
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		socle_close_after_flush(&object->sock, "child");
		end_in_child();
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
	assert_int_equal(1, recv(peer, &c, 1, 0));
	assert_int_equal(-1, recv(peer, &c, 1, MSG_DONTWAIT));
	assert_int_equal(EAGAIN, errno);
	socle_close(&object->sock, NULL);
	close(peer);
}

static void
ask_again(struct probe *p, const char *reason)
{
	(void)reason;
	p->veto = p->closes == 1;
	if (p->veto) {
		(void)socle_write(&p->sock, "bye", 3);
		socle_close_after_flush(&p->sock, "bye");
	}
}

/* The class vetoes the first close, to say goodbye before the second. */
static void
a_close_may_ask_for_another_after_a_flush(void **state)
{
	(void)state;
	for (int tcp = 0; tcp < 2; tcp++)
		for (int held = 0; held < 2; held++) {
			char buf[8];

			if (tcp)
				open_tcp();
			else
				open_pair();
			object->on_close = ask_again;
			socle_set_autoflush(&object->sock, !held);
			socle_close(&object->sock, "first");
			turn(2);
			assert_int_equal(3, recv(peer, buf, sizeof(buf), 0));
			shutdown(peer, SHUT_WR);
			turn(3);
			assert_non_null(strstr(notes(), "close(bye) destroy"));
			notes_clear();
			close(peer);
		}
}

/* The second close comes in the next tick, as the first one is on the stack. */
static void
without_memory_a_close_may_still_ask_for_another(void **state)
{
	(void)state;
	start_virtual_time();
	open_pair();
	object->on_close = ask_again;
	seam_fail(CALL_calloc, 1, ENOMEM, -1);
	socle_close(&object->sock, "first");
	assert_notes("close(first)");
	turn(1);
	assert_notes("close() destroy");
	assert_waited(0);
	close(peer);
}

static void
ask_for_the_end(struct socle_socket *s, void *arg)
{
	(void)arg;
	socle_close_after_flush(s, "asked");
}

/* The closure was the last in the queue, so lingering starts inside it. */
static void
a_closure_may_ask_for_it(void **state)
{
	(void)state;
	open_tcp();
	assert_int_equal(1,
		socle_write_func(&object->sock, ask_for_the_end, NULL, NULL));
	assert_int_equal(1, seam_count(CALL_shutdown));
	turn(1);
	assert_notes("");
	shutdown(peer, SHUT_WR);
	turn(2);
	assert_notes("close(asked) destroy");
	close(peer);
}

static void
a_refused_shutdown_closes_at_once(void **state)
{
	(void)state;
	open_tcp();
	seam_fail(CALL_shutdown, 1, ENOTCONN, 1);
	socle_close_after_flush(&object->sock, "now");
	assert_notes("close(now)");
	close(peer);
}

static void
without_memory_what_still_comes_is_discarded(void **state)
{
	(void)state;
	start_virtual_time();
	open_tcp();
	seam_fail(CALL_calloc, 1, ENOMEM, 1000);
	socle_close_after_flush(&object->sock, "lost");
	seam_heal();
	(void)send(peer, bytes, 1000, MSG_DONTWAIT);
	turn(2);
	assert_notes("");
	pass_time(2.1);
	assert_notes("close() destroy");
	close(peer);
}

/* No input can come then: the peer's end would not be noticed. */
static void
a_poller_that_refuses_to_watch_closes_it(void **state)
{
	(void)state;
	if (!changes_are_calls())
		skip_because("a change of interest is no system call here");
	start_virtual_time();
	open_tcp();
	turn(1);
	seam_refuse_changes(ENOMEM);
	socle_close_after_flush(&object->sock, "answered");
	turn(2);
	seam_refuse_changes(0);
	assert_notes("close(answered) destroy");
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_answer_to_a_peer_that_is_still_sending_arrives),
		test(it_closes_when_the_peer_ends_its_side),
		test(a_reset_by_the_peer_closes_it),
		test(without_memory_it_still_lingers),
		test(without_memory_the_times_cannot_be_set),
		test(an_interrupted_read_does_not_end_it),
		test(silence_of_two_seconds_closes_it),
		test(a_peer_that_never_stops_sending_has_thirty_seconds),
		test(the_times_can_be_set),
		test(a_time_of_zero_closes_at_once),
		test(invalid_times_are_refused),
		test(an_object_that_has_read_the_end_closes_at_once),
		test(a_unix_socket_closes_at_once),
		test(no_event_and_no_timeout_comes_while_it_lingers),
		test(it_sleeps_while_nothing_comes),
		test(socle_close_ends_it),
		test(steal_gives_the_fd_out),
		test(a_vetoed_close_gives_events_back),
		test(a_reset_drops_a_lingering_object),
		test(a_forked_child_does_not_linger),
		test(a_close_may_ask_for_another_after_a_flush),
		test(without_memory_a_close_may_still_ask_for_another),
		test(a_closure_may_ask_for_it),
		test(a_refused_shutdown_closes_at_once),
		test(without_memory_what_still_comes_is_discarded),
		test(a_poller_that_refuses_to_watch_closes_it),
	};
	return run_tests(tests);
}

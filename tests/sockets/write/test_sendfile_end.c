/* Files that fail or end early, and the rest of the queue after them. */
/* backends: all */
#include "tests/support/sending.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

static struct socle_socket *s;
static int peer;
static struct sending a = {.name = "a"}, b = {.name = "b"}, c = {.name = "c"};

static void
forget(void)
{
	a.completions = b.completions = c.completions = 0;
	a.then = b.then = c.then = NULL;
}

static void
open_pair(void)
{
	s = sender_open(&peer);
	forget();
}

static void
open_stuck_pair(void)
{
	open_pair();
	stuff_fd(socle_fd(s));
}

static void
send_carrying_on(struct sending *f, int fd)
{
	assert_true(send_file(s, f,
			    (struct socle_sendfile){.fd = fd,
				    .close_fd = true,
				    .length = SOCLE_TO_END,
				    .carry_on = true}) >= 0);
}

static void
assert_fd_closed(int fd)
{
	assert_int_equal(-1, fcntl(fd, F_GETFD));
}

static void
note_it(struct socle_socket *it, void *arg)
{
	(void)it;
	note("%s", (const char *)arg);
}

static void
note_drop(void *arg)
{
	note("-%s", (const char *)arg);
}

static char call[] = "call";

/* ---- the file ---- */

/* TS06, TS15 */
static void
a_file_truncated_while_it_is_sent_fails(void **state)
{
	int fd = file_of(4 * MIB, 0);
	struct reader r = {.at = 0};

	(void)state;
	open_pair();
	r.fd = peer;
	send_file(s, &a,
		(struct socle_sendfile){.fd = fd, .length = SOCLE_TO_END});
	reader_until(&r, 100 * KIB);
	assert_int_equal(0, ftruncate(fd, 3 * MIB));
	reader_until(&r, 4 * MIB);
	assert_notes("a:ENODATA(3145728+1048576) close(sendfile)");
	assert_int_equal(3 * MIB, r.at);
	assert_true(r.ended);
	close(fd);
	close(peer);
}

/* TS06, TS15 */
static void
a_file_emptied_while_it_is_sent_fails(void **state)
{
	int fd = file_of(4 * MIB, 0);
	char buf[65536];

	(void)state;
	open_pair();
	send_file(s, &a,
		(struct socle_sendfile){.fd = fd, .length = SOCLE_TO_END});
	assert_int_equal(0, ftruncate(fd, 0));
	while (!a.completions) {
		turn(1);
		drain_fd(peer, buf, sizeof(buf));
	}
	assert_int_equal(-ENODATA, a.how.err);
	assert_true(a.how.sent > 0 && a.how.remaining > 0);
	assert_int_equal(4 * MIB, a.how.sent + a.how.remaining);
	turn(1);
	assert_int_equal(1, a.completions);
	close(fd);
	close(peer);
}

/* TS19 */
static void
a_failure_cancels_later_items_and_closes(void **state)
{
	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	socle_write(s, "A", 1);
	send_whole(s, &a, file_of(10, 0));
	socle_write_func(s, note_it, note_drop, call);
	send_whole(s, &b, file_of(20, 0));
	socle_write(s, "Z", 1);
	seam_fail(CALL_sendfile, 1, EIO, 1);
	turn(1);
	assert_notes("a:EIO(0+10) close(sendfile) -call b:ECANCELED(0+20)");
	assert_string_equal("sendfile", a.how.operation);
	assert_arrived(peer, "A$");
	close(peer);
}

/* TS19 */
static void
with_carry_on_a_failure_drops_only_that_file(void **state)
{
	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	socle_write(s, "A", 1);
	send_carrying_on(&a, file_of(10, 0));
	socle_write_func(s, note_it, note_drop, call);
	send_carrying_on(&b, file_of(0, 0));
	socle_write(s, "Z", 1);
	seam_fail(CALL_sendfile, 1, EIO, 1);
	turn(1);
	assert_notes("a:EIO(0+10) call b:ok(0)");
	assert_arrived(peer, "AZ");
	assert_false(socle_closed(s));
	close(peer);
}

/* TS19, TS15 */
static void
a_failed_read_is_reported_as_read(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_pread, 1, EIO, 1);
	send_whole(s, &a, file_of(10, 0));
	assert_notes("a:EIO(0+10) close(sendfile)");
	assert_string_equal("read", a.how.operation);
	turn(1);
	close(peer);
}

static void
with_carry_on_a_failed_read_drops_only_that_file(void **state)
{
	(void)state;
	open_pair();
	seam_fail(CALL_pread, 1, EIO, 1);
	send_carrying_on(&a, file_of(10, 0));
	assert_notes("a:EIO(0+10)");
	assert_int_equal(1, socle_write(s, "on", 2));
	assert_arrived(peer, "on");
	close(peer);
}

static void
with_carry_on_a_failed_pipe_drops_only_that_file(void **state)
{
	int to, from = pipe_source(&to);

	(void)state;
	open_pair();
	send_all(to, "x", 1);
	seam_fail(CALL_read, 1, EIO, 1);
	send_carrying_on(&a, from);
	assert_notes("a:EIO(0+0)");
	assert_string_equal("read", a.how.operation);
	assert_fd_closed(from);
	assert_int_equal(1, socle_write(s, "on", 2));
	assert_arrived(peer, "on");
	close(to);
	close(peer);
}

/* TS05 */
static void
with_carry_on_a_short_file_drops_only_that_file(void **state)
{
	struct reader r = {.at = 0};

	(void)state;
	open_pair();
	r.fd = peer;
	send_file(s, &a,
		(struct socle_sendfile){.fd = file_of(1000, 0),
			.close_fd = true,
			.length = 1001,
			.carry_on = true});
	socle_write(s, "on", 2);
	turn(2);
	assert_notes("a:ENODATA(1000+1)");
	assert_int_equal(1000, reader_take(&r, 1000));
	assert_arrived(peer, "on");
	close(peer);
}

/* ---- the socket ---- */

/* TS08, TS15 */
static void
a_peer_that_closes_midway_ends_the_file_once(void **state)
{
	struct reader r = {.at = 0};

	(void)state;
	open_pair();
	r.fd = peer;
	send_whole(s, &a, file_of(2 * MIB, 0));
	send_whole(s, &b, file_of(10, 0));
	reader_until(&r, 50 * KIB);
	close(peer);
	turn_until_completed(&b);
	turn(2);
	assert_true(a.how.err == -EPIPE || a.how.err == -ECONNRESET);
	assert_true(a.how.sent > 0 && a.how.remaining > 0);
	assert_int_equal(2 * MIB, a.how.sent + a.how.remaining);
	assert_int_equal(-ECANCELED, b.how.err);
	assert_int_equal(1, a.completions);
	assert_int_equal(1, b.completions);
}

/* TS08, TF30 */
static void
a_connection_reset_ends_the_file_once(void **state)
{
	struct reader r = {.at = 0};
	int fds[2];

	(void)state;
	pair_tcp(fds);
	s = sender_new(fds[0]);
	forget();
	r.fd = fds[1];
	send_whole(s, &a, file_of(16 * MIB, 0));
	reader_until(&r, 50 * KIB);
	close_by_reset(fds[1]);
	turn_until_completed(&a);
	turn(2);
	assert_true(a.how.err == -EPIPE || a.how.err == -ECONNRESET);
	assert_true(a.how.remaining > 0);
	assert_int_equal(1, a.completions);
}

/* sendfile(2) does not say which of its two fds has failed. */
static void
carry_on_does_not_apply_to_an_error_of_the_connection(void **state)
{
	static const int errors[] = {EPIPE, ECONNRESET, ECONNABORTED, ENOTCONN,
		ESHUTDOWN, ETIMEDOUT, EHOSTDOWN, EHOSTUNREACH, ENETDOWN,
		ENETRESET, ENETUNREACH};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		open_pair();
		seam_fail(CALL_sendfile, 1, errors[i], 1);
		send_carrying_on(&a, file_of(10, 0));
		assert_int_equal(-errors[i], a.how.err);
		assert_true(socle_closed(s));
		turn(1);
		notes_clear();
		close(peer);
	}
}

/* A fast peer does not let one file occupy the loop. */
static void
a_pump_sends_a_part_of_a_big_file(void **state)
{
	int fd = file_of(8 * MIB, 0), room = 64 * MIB, taken = 0;

	(void)state;
	open_pair();
#ifdef SO_SNDBUFFORCE
	if (setsockopt(socle_fd(s), SOL_SOCKET, SO_SNDBUFFORCE, &room,
		    sizeof(room)) < 0)
		room = 0;
#else
	room = 0;
#endif
	if (room == 0) {
		close(fd);
		close(peer);
		skip_because("a big buffer needs a privilege");
	}
	send_whole(s, &a, fd);
	assert_int_equal(0, a.completions);
	assert_int_equal(0, ioctl(peer, FIONREAD, &taken));
	assert_true(taken > 0 && taken <= 2 * MIB);
	turn_until_completed(&a);
	notes_clear();
	close(peer);
}

/* An error of the socket is not an error of the file: nothing can continue. */
static void
carry_on_does_not_apply_to_a_broken_socket(void **state)
{
	(void)state;
	open_pair();
	close(peer);
	socle_set_autoflush(s, false);
	send_carrying_on(&a, file_of(10, 0));
	send_carrying_on(&b, file_of(20, 0));
	turn(1);
	assert_notes("a:EPIPE(0+10) close(sendfile) b:ECANCELED(0+20)");
}

static void
a_failed_write_before_a_file_cancels_it(void **state)
{
	int fd = file_of(10, 0);

	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	socle_write(s, "x", 1);
	send_carrying_on(&a, fd);
	seam_fail(CALL_send, 1, EPIPE, 1);
	turn(1);
	assert_notes("close(EPIPE) a:ECANCELED(0+10)");
	assert_fd_closed(fd);
	close(peer);
}

/* TS09 */
static void
a_close_cancels_queued_files_in_order(void **state)
{
	char path[PATH_SIZE];
	int fd = file_of(20, 0), kept = file_of(30, 0);

	(void)state;
	open_stuck_pair();
	file_named(path, 10, 0);
	send_file(s, &a, (struct socle_sendfile){.file = path, .length = 10});
	unlink(path);
	send_whole(s, &b, fd);
	send_file(s, &c, (struct socle_sendfile){.fd = kept, .length = 30});
	assert_notes("");
	socle_close(s, "bye");
	assert_notes("close(bye) a:ECANCELED(0+10) b:ECANCELED(0+20) "
		     "c:ECANCELED(0+30)");
	assert_fd_closed(fd);
	assert_int_equal(0, close(kept));
	turn(1);
	close(peer);
}

/* TS09 */
static void
a_close_midway_reports_the_bytes_sent(void **state)
{
	(void)state;
	open_pair();
	send_whole(s, &a, file_of(2 * MIB, 0));
	socle_close(s, NULL);
	assert_int_equal(-ECANCELED, a.how.err);
	assert_true(a.how.sent > 0);
	assert_int_equal(2 * MIB, a.how.sent + a.how.remaining);
	turn(1);
	close(peer);
}

static void
a_steal_cancels_files(void **state)
{
	int fd;

	(void)state;
	open_stuck_pair();
	send_whole(s, &a, file_of(10, 0));
	send_whole(s, &b, file_of(20, 0));
	fd = socle_steal_socket(s);
	assert_notes("a:ECANCELED(0+10) b:ECANCELED(0+20)");
	turn(1);
	close(fd);
	close(peer);
}

static void
a_reset_of_the_loop_cancels_files(void **state)
{
	(void)state;
	open_stuck_pair();
	send_whole(s, &a, file_of(10, 0));
	send_whole(s, &b, file_of(20, 0));
	socle_reset();
	assert_notes("a:ECANCELED(0+10) b:ECANCELED(0+20)");
	close(peer);
}

static void
a_file_without_progress_stalls(void **state)
{
	(void)state;
	seam_time_virtual();
	open_pair();
	assert_int_equal(0, socle_set_write_timeout(s, 5));
	send_whole(s, &a, file_of(4 * MIB, 0));
	while (!a.completions)
		assert_true(socle_event_loop_once(1000) >= 0);
	assert_int_equal(-ECANCELED, a.how.err);
	assert_true(a.how.sent > 0 && a.how.remaining > 0);
	assert_true(strstr(notes(), "close(stall)") == notes());
	close(peer);
}

static void
a_file_with_progress_does_not_stall(void **state)
{
	struct reader r = {.at = 0};

	(void)state;
	seam_time_virtual();
	open_pair();
	r.fd = peer;
	assert_int_equal(0, socle_set_write_timeout(s, 5));
	send_whole(s, &a, file_of(4 * MIB, 0));
	while (!a.completions) {
		turn(2);
		seam_time_add(4);
		turn(1);
		assert_true(reader_take(&r, 4 * MIB) > 0);
	}
	assert_notes("a:ok(4194304)");
	close(peer);
}

/* ---- actions during a failure ---- */

static void
close_it(struct socle_socket *it, struct sending *f)
{
	(void)f;
	socle_close(it, "mine");
}

/*
 * The rest of the queue will be dropped: a partial stream must not look
 * complete.
 */
static void
after_a_failure_a_close_in_the_completion_sends_nothing(void **state)
{
	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	a.then = close_it;
	send_whole(s, &a, file_of(10, 0));
	socle_write(s, "Z", 1);
	seam_fail(CALL_sendfile, 1, EIO, 1);
	turn(1);
	assert_notes("a:EIO(0+10) close(mine)");
	assert_arrived(peer, "$");
	close(peer);
}

static void
nest(struct socle_socket *it, struct sending *f)
{
	(void)f;
	socle_watch_write(it, true);
	turn(2);
	note("nested");
}

static void
after_a_failure_a_nested_loop_sends_nothing(void **state)
{
	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	a.then = nest;
	send_whole(s, &a, file_of(10, 0));
	socle_write(s, "Z", 1);
	seam_fail(CALL_sendfile, 1, EIO, 1);
	turn(1);
	assert_notes("a:EIO(0+10) nested close(sendfile)");
	assert_arrived(peer, "$");
	close(peer);
}

/* A class that vetoes keeps its object, but not the queue. */
static void
after_a_failure_a_vetoed_close_still_drops_the_rest(void **state)
{
	int fd = file_of(20, 0);

	(void)state;
	open_pair();
	sender_vetoes = true;
	socle_set_autoflush(s, false);
	send_whole(s, &a, file_of(10, 0));
	send_whole(s, &b, fd);
	seam_fail(CALL_sendfile, 1, EIO, 1);
	turn(2);
	assert_notes("a:EIO(0+10) close(sendfile) b:ECANCELED(0+20)");
	assert_fd_closed(fd);
	assert_int_equal(-EIO, socle_write(s, "x", 1));
	assert_int_equal(
		-EIO, send_file(s, &c, (struct socle_sendfile){.fd = 0}));
	assert_int_equal(0, c.completions);
	sender_vetoes = false;
	socle_close(s, NULL);
	turn(1);
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		both(a_file_truncated_while_it_is_sent_fails),
		both(a_file_emptied_while_it_is_sent_fails),
		test(a_failure_cancels_later_items_and_closes),
		test(with_carry_on_a_failure_drops_only_that_file),
		{"a_failed_read_is_reported_as_read",
			a_failed_read_is_reported_as_read, by_hand_setup,
			fixture_teardown, NULL},
		{"with_carry_on_a_failed_read_drops_only_that_file",
			with_carry_on_a_failed_read_drops_only_that_file,
			by_hand_setup, fixture_teardown, NULL},
		test(with_carry_on_a_failed_pipe_drops_only_that_file),
		both(with_carry_on_a_short_file_drops_only_that_file),
		both(a_peer_that_closes_midway_ends_the_file_once),
		both(a_connection_reset_ends_the_file_once),
		both(carry_on_does_not_apply_to_a_broken_socket),
		test(carry_on_does_not_apply_to_an_error_of_the_connection),
		both(a_pump_sends_a_part_of_a_big_file),
		both(a_failed_write_before_a_file_cancels_it),
		both(a_close_cancels_queued_files_in_order),
		both(a_close_midway_reports_the_bytes_sent),
		both(a_steal_cancels_files),
		both(a_reset_of_the_loop_cancels_files),
		both(a_file_without_progress_stalls),
		both(a_file_with_progress_does_not_stall),
		test(after_a_failure_a_close_in_the_completion_sends_nothing),
		test(after_a_failure_a_nested_loop_sends_nothing),
		test(after_a_failure_a_vetoed_close_still_drops_the_rest),
	};

	return run_tests(tests);
}

/*
 * ERR and HUP are held back until the input has been read, are reported once,
 * and then the descriptor is parked.
 *
 * The clock is virtual: it moves only in a tick that found no event, so one
 * tick that takes a second proves that nothing woke the loop.
 */
/* backends: all */
#include "tests/support/fixture.h"

/* Whether a tick of one second finds no event. */
static bool
asleep(void)
{
	double before = seam_time();

	assert_true(socle_event_loop_once(1000) >= 0);
	return seam_time() - before > 0.999;
}

static void
ignore(struct probe *p)
{
	(void)p;
}

static void
ignore_err(struct probe *p, int err)
{
	(void)p;
	(void)err;
}

/* An object that never closes by itself, and its peer's fd. */
static struct probe *
patient(int *peer)
{
	struct probe *p;
	int fds[2];

	seam_time_virtual();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_hup = ignore;
	p->on_err = ignore_err;
	*peer = fds[1];
	return p;
}

/* case 30 */
static void
everything_a_peer_sent_is_read_before_the_hup(void **state)
{
	static char sent[50000];
	struct probe *p;
	int peer;

	(void)state;
	p = patient(&peer);
	p->read_size = 1000;
	pattern_fill(sent, sizeof(sent), 0, 30);
	send_all(peer, sent, sizeof(sent));
	close(peer);
	socle_watch_read(&p->sock, true);

	for (int i = 0; i < 60 && p->hups == 0; i++)
		turn(1);

	assert_int_equal(sizeof(sent), p->got_len);
	assert_pattern(p->got, p->got_len, 0, 30);
	assert_int_equal(1, p->hups);
}

static void
without_a_count_of_the_input_the_hup_waits_for_its_end(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = patient(&peer);
	p->read_size = 1;
	send_all(peer, "abc", 3);
	close(peer);
	socle_watch_read(&p->sock, true);
	seam_fail(CALL_unread, 1, ENOTTY, 1000);

	for (int i = 0; i < 8 && p->hups == 0; i++)
		turn(1);

	assert_int_equal(3, p->got_len);
	assert_int_equal(1, p->hups);
	turn(1);
	assert_true(asleep());
}

static void
assert_all_of_it(struct probe *p, const char *reason)
{
	assert_string_equal("event_hup", reason);
	assert_int_equal(50000, p->got_len);
	assert_pattern(p->got, p->got_len, 0, 31);
}

/* case 30 */
static void
everything_a_tcp_peer_sent_is_read_before_the_hup_closes(void **state)
{
	static char sent[50000];
	bool destroyed = false;
	struct probe *p;
	int fds[2];

	(void)state;
	pair_tcp(fds);
	p = probe_new(fds[0], NULL);
	p->read_size = 1000;
	p->destroyed = &destroyed;
	p->on_close = assert_all_of_it;
	pattern_fill(sent, sizeof(sent), 0, 31);
	send_all(fds[1], sent, sizeof(sent));
	shutdown(fds[0], SHUT_WR); /* so that the peer's close becomes a HUP */
	close(fds[1]);
	socle_watch_read(&p->sock, true);

	turn_until(&destroyed);

	assert_non_null(strstr(notes(), "h close(event_hup) destroy"));
}

/* case 31, defect 1 */
static void
an_ignored_hup_is_reported_once_and_does_not_wake_the_loop(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = patient(&peer);
	close(peer);

	turn(1);
	assert_notes("h");
	turn(1); /* the HUP is reported again, and the object is parked */

	assert_true(asleep());
	assert_true(asleep());
	assert_notes("");
	assert_false(socle_closed(&p->sock));
}

/* defect 1 */
static void
a_peer_that_closes_while_reading_is_off_does_not_spin(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = patient(&peer);
	socle_watch_read(&p->sock, true);
	turn(1);
	socle_watch_read(&p->sock, false);
	close(peer);
	turn(2);
	seam_count_reset();

	for (int i = 0; i < 20; i++)
		assert_true(asleep());

	assert_int_equal(1, p->hups);
	assert_int_equal(20, seam_waits());
	assert_int_equal(20, seam_system_calls());
}

static void
with_reading_off_unread_input_holds_the_hup_back(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = patient(&peer);
	send_all(peer, "tail", 4);
	close(peer);
	turn(2);
	assert_true(asleep());
	assert_notes("");

	socle_watch_read(&p->sock, true);
	turn(1);

	assert_notes("r h");
	assert_int_equal(4, p->got_len);
}

static void
with_reading_off_a_hup_comes_once_the_input_is_read(void **state)
{
	struct probe *p;
	char buf[8];
	int peer;

	(void)state;
	p = patient(&peer);
	send_all(peer, "tail", 4);
	close(peer);
	turn(2);
	assert_true(asleep());

	assert_int_equal(4, socle_read(&p->sock, buf, sizeof(buf)));
	turn(1);

	assert_notes("h");
}

static void
with_reading_off_and_nothing_unread_a_hup_comes_at_once(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = patient(&peer);
	assert_int_equal(0, socle_watching(&p->sock));
	close(peer);

	turn(1);

	assert_notes("h");
}

static void
pushed_back_data_holds_the_hup_back(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = patient(&peer);
	assert_int_equal(0, socle_push_back_read(&p->sock, "kept", 4));
	close(peer);
	turn(2);
	assert_true(asleep());
	assert_notes("");

	socle_watch_read(&p->sock, true);
	turn(2);

	assert_non_null(strstr(notes(), "r"));
	assert_int_equal(4, p->got_len);
	assert_int_equal(1, p->hups);
	assert_true(strstr(notes(), "r") < strstr(notes(), "h"));
}

static void
with_reading_off_a_hup_comes_once_push_back_is_read(void **state)
{
	struct probe *p;
	char buf[8];
	int peer;

	(void)state;
	p = patient(&peer);
	assert_int_equal(0, socle_push_back_read(&p->sock, "kept", 4));
	close(peer);
	turn(2);
	assert_true(asleep());

	assert_int_equal(4, socle_read(&p->sock, buf, sizeof(buf)));
	turn(1);

	assert_notes("h");
}

static void
keep_last(struct probe *p)
{
	char buf[8];

	if (p->reads > 1)
		return; /* leaves the data unread */
	assert_int_equal(4, socle_read(&p->sock, buf, sizeof(buf)));
	assert_int_equal(0, socle_unread(&p->sock, buf, 4));
	socle_watch_read(&p->sock, false);
}

static void
data_pushed_back_in_the_event_of_the_hup_holds_it_back(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = patient(&peer);
	p->on_read = keep_last;
	send_all(peer, "tail", 4);
	close(peer);
	socle_watch_read(&p->sock, true);

	turn(2);

	assert_notes("r");
	assert_true(asleep());
}

static ssize_t
says_end(struct socle_socket *s, void *data, size_t len, void *arg)
{
	(void)s;
	(void)data;
	(void)len;
	(void)arg;
	return 0;
}

static void
an_end_seen_by_a_reader_function_releases_the_hup(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = patient(&peer);
	assert_int_equal(0, socle_set_reader_func(&p->sock, says_end, NULL));
	socle_watch_read(&p->sock, true);
	send_all(peer, "never read", 10);
	close(peer);

	turn(2);

	assert_notes("r eof h");
	assert_true(asleep());
}

/* case 32 */
static void
a_reset_is_a_read_error_and_then_one_event_err(void **state)
{
	bool destroyed = false;
	struct probe *p;
	int fds[2];

	(void)state;
	pair_tcp(fds);
	p = probe_new(fds[0], NULL);
	p->destroyed = &destroyed;
	socle_watch_read(&p->sock, true);
	close_by_reset(fds[1]);

	turn_until(&destroyed);
	turn(2);

	assert_notes("r r-ECONNRESET e-ECONNRESET close(event_err) destroy");
}

/* case 35 */
static void
an_object_that_watches_nothing_gets_a_resets_event_err(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_tcp(fds);
	p = probe_new(fds[0], NULL);
	p->on_err = ignore_err;
	p->on_hup = ignore;
	close_by_reset(fds[1]);

	turn_until_count(&p->hups, 1);
	seam_time_virtual();
	turn(1);

	assert_notes("e-ECONNRESET h");
	assert_true(asleep());
}

static void
so_error_is_left_alone_until_the_err_is_delivered(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_tcp(fds);
	p = probe_new(fds[0], NULL);
	p->on_err = ignore_err;
	p->on_hup = ignore;
	assert_int_equal(0, socle_push_back_read(&p->sock, "x", 1));
	close_by_reset(fds[1]);
	seam_count_reset();
	turn(3);
	assert_int_equal(0, seam_count(CALL_getsockopt));
	assert_notes("");

	socle_watch_read(&p->sock, true);
	turn_until_count(&p->errs, 1);

	assert_non_null(strstr(notes(), errnos("e-ECONNRESET")));
	assert_true(seam_count(CALL_getsockopt) >= 1);
}

/* ---- parked, and touched ---- */

static struct probe *
parked(int *peer)
{
	struct probe *p = patient(peer);

	close(*peer);
	turn(2);
	assert_true(asleep());
	assert_notes("h");
	return p;
}

static void
after_a_watch_call_a_parked_object_gets_its_hup(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = parked(&peer);

	socle_watch_read(&p->sock, false);
	turn(2);

	assert_notes("h");
	assert_true(asleep());
}

static void
a_parked_object_that_watches_reading_gets_the_end(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = parked(&peer);

	socle_watch_read(&p->sock, true);
	turn(3);

	assert_notes("r eof h");
	assert_true(asleep());
}

static void
a_parked_object_can_be_closed(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = parked(&peer);

	socle_close(&p->sock, "over");
	turn(1);

	assert_notes("close(over) destroy");
	assert_int_equal(0, socle_watched_sockets());
}

static void
a_write_to_a_parked_object_fails_and_closes_it(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = parked(&peer);

	assert_int_equal(-EPIPE, socle_write(&p->sock, "x", 1));
	turn(1);

	assert_notes("close(EPIPE) destroy");
}

static void
a_parked_fd_that_is_stolen_and_rewrapped_gets_its_hup(void **state)
{
	struct probe *p;
	int peer, fd;

	(void)state;
	p = parked(&peer);

	fd = socle_steal_socket(&p->sock);
	turn(1);
	assert_notes("destroy");
	probe_new(fd, "next");
	turn(1);

	assert_notes("next:h next:close(event_hup) next:destroy");
}

static void
parked_objects_do_not_affect_events_of_others(void **state)
{
	struct probe *p;
	int peer, fds[2];

	(void)state;
	parked(&peer);
	pair_unix(fds);
	p = probe_new(fds[0], "live");
	socle_watch_read(&p->sock, true);

	for (int i = 1; i <= 5; i++) {
		send_all(fds[1], "x", 1);
		turn(1);
		assert_int_equal(i, p->reads);
	}

	assert_notes("live:r live:r live:r live:r live:r");
	assert_true(asleep());
	close(fds[1]);
}

static void
a_persistent_err_is_reported_once(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_pipe(fds);
	p = probe_new(fds[1], NULL);
	p->on_err = ignore_err;
	close(fds[0]);

	turn(2);

	assert_notes("e0");
	assert_true(asleep());
	assert_false(socle_closed(&p->sock));
}

static void
a_queued_write_on_a_parked_object_is_sent_when_possible(void **state)
{
	static char buf[1 << 16];
	struct probe *p;
	int peer;

	(void)state;
	p = patient(&peer);
	if (!changes_are_calls()) {
		close(peer);
		return; /* on this backend a change of interest cannot fail */
	}
	stuff_fd(socle_fd(&p->sock));
	socle_watch_read(&p->sock, true);
	turn(1);
	seam_fail(CALL_change, 1, ENOSPC, 2);
	socle_watch_read(&p->sock, false);
	turn(2);
	assert_notes("e-ENOSPC");

	assert_int_equal(0, socle_write(&p->sock, "late", 4));
	while (drain_fd(peer, buf, sizeof(buf)) > 0)
		;
	turn(2);

	assert_int_equal(0, socle_write_buf_size(&p->sock));
	close(peer);
}

/* ---- other fds ---- */

static void
note_ready(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)arg;
	note("%s%s%s%s", ready & SOCLE_READ ? "R" : "",
		ready & SOCLE_WRITE ? "W" : "", ready & SOCLE_ERR ? "E" : "",
		ready & SOCLE_HUP ? "H" : "");
}

static void
a_hup_of_an_other_fd_is_reported_once(void **state)
{
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_pipe(fds);
	assert_int_equal(
		0, socle_add_other_fd(fds[0], SOCLE_READ, note_ready, NULL));
	close(fds[1]);

	turn(3);

	assert_notes("H");
	assert_true(asleep());
	assert_int_equal(0, socle_remove_other_fd(fds[0]));
	close(fds[0]);
}

static void
adding_a_parked_other_fd_again_reports_its_hup_again(void **state)
{
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_pipe(fds);
	assert_int_equal(0, socle_add_other_fd(fds[1], 0, note_ready, NULL));
	close(fds[0]);
	turn(2);
	assert_notes("E");
	assert_true(asleep());

	assert_int_equal(0, socle_add_other_fd(fds[1], 0, note_ready, NULL));
	turn(2);

	assert_notes("E");
	assert_true(asleep());
	assert_int_equal(0, socle_remove_other_fd(fds[1]));
	close(fds[1]);
}

static void
a_parked_other_fd_can_be_removed_and_its_number_reused(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_unix(fds);
	assert_int_equal(0, socle_add_other_fd(fds[0], 0, note_ready, NULL));
	close(fds[1]);
	turn(2);
	assert_notes("H");

	assert_int_equal(0, socle_remove_other_fd(fds[0]));
	p = probe_new(fds[0], NULL);
	p->on_hup = ignore;
	turn(2);

	assert_notes("h");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(everything_a_peer_sent_is_read_before_the_hup),
		test(without_a_count_of_the_input_the_hup_waits_for_its_end),
		test(everything_a_tcp_peer_sent_is_read_before_the_hup_closes),
		test(an_ignored_hup_is_reported_once_and_does_not_wake_the_loop),
		test(a_peer_that_closes_while_reading_is_off_does_not_spin),
		test(with_reading_off_unread_input_holds_the_hup_back),
		test(with_reading_off_a_hup_comes_once_the_input_is_read),
		test(with_reading_off_and_nothing_unread_a_hup_comes_at_once),
		test(pushed_back_data_holds_the_hup_back),
		test(with_reading_off_a_hup_comes_once_push_back_is_read),
		test(data_pushed_back_in_the_event_of_the_hup_holds_it_back),
		test(an_end_seen_by_a_reader_function_releases_the_hup),
		test(a_reset_is_a_read_error_and_then_one_event_err),
		test(an_object_that_watches_nothing_gets_a_resets_event_err),
		test(so_error_is_left_alone_until_the_err_is_delivered),
		test(after_a_watch_call_a_parked_object_gets_its_hup),
		test(a_parked_object_that_watches_reading_gets_the_end),
		test(a_parked_object_can_be_closed),
		test(a_write_to_a_parked_object_fails_and_closes_it),
		test(a_parked_fd_that_is_stolen_and_rewrapped_gets_its_hup),
		test(parked_objects_do_not_affect_events_of_others),
		test(a_persistent_err_is_reported_once),
		test(a_queued_write_on_a_parked_object_is_sent_when_possible),
		test(a_hup_of_an_other_fd_is_reported_once),
		test(adding_a_parked_other_fd_again_reports_its_hup_again),
		test(a_parked_other_fd_can_be_removed_and_its_number_reused),
	};

	return run_tests(tests);
}

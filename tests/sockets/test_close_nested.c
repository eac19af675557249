/*
 * A loop inside an override of `close', after socle_close_after_flush(): the
 * object reads nothing and accepts no write, as before and afterwards.
 */
/* backends: all */
#include "tests/support/queueing.h"

#include <sys/socket.h>

static int refusal;   /* of a write inside the close */
static double passed; /* while a loop inside it waited */

/* The last tick waits: nothing is reported again and again. */
static void
run_loop(struct probe *p, const char *reason)
{
	double before;

	(void)reason;
	turn(4);
	before = seam_time();
	socle_event_loop_once(1);
	passed = seam_time() - before;
	refusal = socle_write(&p->sock, "x", 1);
}

static void
open_object(void (*pair)(int *fds))
{
	int fds[2];

	pair(fds);
	object = probe_new(fds[0], NULL);
	object->read_size = 100;
	object->on_close = run_loop;
	peer = fds[1];
	refusal = 0;
	seam_time_virtual();
	socle_watch_read(&object->sock, true);
}

static void
with_an_empty_queue_it_reads_and_writes_nothing(void **state)
{
	(void)state;
	open_object(pair_unix);
	send_all(peer, "input", 5);
	socle_close_after_flush(&object->sock, "flushed");
	assert_int_equal(-ESHUTDOWN, refusal);
	turn(1);
	assert_notes("close(flushed) destroy");
	close(peer);
}

static void
with_a_queue_it_reads_and_writes_nothing(void **state)
{
	(void)state;
	open_object(pair_unix);
	socle_set_autoflush(&object->sock, false);
	assert_int_equal(0, socle_write(&object->sock, "last", 4));
	send_all(peer, "input", 5);
	socle_close_after_flush(&object->sock, "flushed");
	turn(2);
	assert_int_equal(-ESHUTDOWN, refusal);
	assert_notes("close(flushed) destroy");
	close(peer);
}

static void
after_a_veto_it_is_not_read_until_that_is_asked_for(void **state)
{
	(void)state;
	open_object(pair_unix);
	object->veto = true;
	send_all(peer, "input", 5);
	socle_close_after_flush(&object->sock, "flushed");
	turn(2);
	assert_notes("close(flushed)");
	socle_watch_read(&object->sock, true);
	turn(1);
	assert_notes("r");
	object->veto = false;
	object->on_close = NULL;
	socle_close(&object->sock, NULL);
	turn(1);
	notes_clear();
	close(peer);
}

static void
linger_until_it_closes(void)
{
	open_object(pair_tcp);
	assert_int_equal(0, socle_set_linger(&object->sock, 0.1, 0.3));
	socle_close_after_flush(&object->sock, "lingered");
	turn(1);
	assert_notes("");
}

static void
a_time_that_is_over_changes_nothing_in_the_loop(void **state)
{
	(void)state;
	linger_until_it_closes();
	seam_time_add(1);
	turn(2);
	assert_int_equal(-ESHUTDOWN, refusal);
	assert_true(passed > 0);
	assert_notes("close(lingered) destroy");
	close(peer);
}

static void
end_and_run_loop(struct probe *p, const char *reason)
{
	shutdown(peer, SHUT_WR);
	run_loop(p, reason);
}

static void
an_end_of_stream_changes_nothing_in_the_loop(void **state)
{
	(void)state;
	linger_until_it_closes();
	object->on_close = end_and_run_loop;
	seam_time_add(1);
	turn(2);
	assert_int_equal(-ESHUTDOWN, refusal);
	assert_true(passed > 0);
	assert_notes("close(lingered) destroy");
	close(peer);
}

/* socle_close(), not the end of the time, is what is vetoed. */
static void
after_a_veto_of_socle_close_it_lingers_on(void **state)
{
	(void)state;
	linger_until_it_closes();
	object->veto = true;
	object->on_close = end_and_run_loop;
	socle_close(&object->sock, "now");
	assert_notes("close(now)");
	object->veto = false;
	object->on_close = NULL;
	seam_time_add(1);
	turn(2);
	assert_notes("close(lingered) destroy");
	close(peer);
}

/* Without an override, as most classes are. */
static void
a_plain_object_with_an_empty_queue_is_closed_at_once(void **state)
{
	static const struct socle_class plain = {
		.name = "Plain", .super = &socle_socket_class};
	struct socle_socket *s;
	char c;

	(void)state;
	for (int tcp = 0; tcp < 3; tcp++) {
		int fds[2];

		if (tcp)
			pair_tcp(fds);
		else
			pair_unix(fds);
		assert_int_equal(0, socle_socket_new(&plain, fds[0], &s));
		if (tcp == 2) {
			shutdown(fds[1], SHUT_WR);
			while (socle_read(s, &c, 1) == -EAGAIN)
				turn(1);
		}
		socle_close_after_flush(s, "flushed");
		/* TCP lingers, unless its end was read. */
		assert_int_equal(tcp != 1, socle_closed(s));
		close(fds[1]);
		socle_close(s, NULL);
		turn(1);
	}
}

static void
be_slow_and_run_loop(struct probe *p, const char *reason)
{
	seam_time_add(1);
	run_loop(p, reason);
}

/* The time is over in the loop, and the close is asked for when that is over. */
static void
a_time_that_ends_in_a_vetoed_close_closes_after_it(void **state)
{
	(void)state;
	linger_until_it_closes();
	object->veto = true;
	object->on_close = be_slow_and_run_loop;
	socle_close(&object->sock, "now");
	assert_notes("close(now)");
	assert_true(passed > 0);
	object->veto = false;
	object->on_close = NULL;
	seam_time_add(0.1);
	turn(2);
	assert_notes("close(lingered) destroy");
	close(peer);
}

static void
lose_the_peer(struct probe *p, const char *reason)
{
	(void)reason;
	close(peer);
	turn(2);
	socle_watch_read(&p->sock, true);
	refusal = (int)(socle_watching(&p->sock) & SOCLE_READ);
}

/* The queue fails in the loop, and the close that runs is not called again. */
static void
a_write_error_changes_nothing_in_the_loop(void **state)
{
	(void)state;
	open_object(pair_unix);
	stuff_fd(socle_fd(&object->sock));
	assert_int_equal(0, socle_write(&object->sock, "last", 4));
	socle_close_after_flush(&object->sock, "flushed");
	object->on_close = lose_the_peer;
	refusal = SOCLE_READ;
	socle_close(&object->sock, "now");
	assert_int_equal(0, refusal);
	assert_int_equal(1, object->closes);
	turn(1);
	notes_clear();
}

static unsigned long waits;

static void
wait_for_a_timeout(struct probe *p, const char *reason)
{
	unsigned long before = seam_waits();

	(void)reason;
	while (p->timeouts == 0)
		socle_event_loop_once(-1);
	waits = seam_waits() - before;
}

/* The timer fires when it would have without the traffic, and once more. */
static void
traffic_before_it_postpones_a_timeout_in_the_loop(void **state)
{
	double start;

	(void)state;
	open_object(pair_unix);
	start = seam_time();
	assert_int_equal(0, socle_set_idle_timeout(&object->sock, 1));
	seam_time_add(0.6);
	send_all(peer, "input", 5);
	turn(1);
	object->on_close = wait_for_a_timeout;
	socle_close(&object->sock, "now");
	assert_true(seam_time() - start > 1.599);
	assert_true(waits <= 3);
	turn(1);
	assert_notes("r close(now) idle destroy");
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(with_an_empty_queue_it_reads_and_writes_nothing),
		test(with_a_queue_it_reads_and_writes_nothing),
		test(after_a_veto_it_is_not_read_until_that_is_asked_for),
		test(a_time_that_is_over_changes_nothing_in_the_loop),
		test(an_end_of_stream_changes_nothing_in_the_loop),
		test(after_a_veto_of_socle_close_it_lingers_on),
		test(a_time_that_ends_in_a_vetoed_close_closes_after_it),
		test(a_plain_object_with_an_empty_queue_is_closed_at_once),
		test(a_write_error_changes_nothing_in_the_loop),
		test(traffic_before_it_postpones_a_timeout_in_the_loop),
	};

	return run_tests(tests);
}

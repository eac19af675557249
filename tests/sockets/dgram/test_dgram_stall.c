/*
 * When a dgram stalls: its queue has made no progress for the write timeout,
 * through the fd that it reads from or through another.
 */
/* backends: all */
#include "tests/support/dgrams.h"

static const struct socle_dgram_params now = {.autoflush = true};

static struct {
	struct recorder *t;
	int in[2], out[2]; /* out: as `in' unless the object has a write fd */
	bool second;
	double start;
} run;

static void
stalling_start(bool second)
{
	seam_time_virtual();
	pair_dgram(run.in);
	memcpy(run.out, run.in, sizeof(run.out));
	run.second = second;
	run.t = recorder_new(run.in[0], &now);
	if (second) {
		pair_dgram(run.out);
		assert_int_equal(
			0, socle_dgram_set_write_fd(&run.t->dgram, run.out[0]));
	}
	assert_int_equal(0, socle_set_write_timeout(&run.t->dgram.sock, 1));
	run.start = seam_time();
}

/* The same with a datagram that the kernel refuses, although it is writable. */
static void
refused_start(bool second)
{
	stalling_start(second);
	seam_fail(CALL_sendto, 1, ENOBUFS, -1);
	assert_int_equal(0, recorder_send(run.t, "x"));
}

/* The seconds from the start until the object is closed. */
static double
seconds_until_closed(void)
{
	while (socle_watched_sockets() > 0)
		assert_true(socle_event_loop_once(-1) >= 0);
	return seam_time() - run.start;
}

static void
stalling_end(void)
{
	seam_heal();
	notes_clear();
	close(run.in[1]);
	if (run.second)
		close(run.out[1]);
}

static void
a_queue_that_makes_no_progress_stalls(void **state)
{
	(void)state;
	for (int second = 0; second < 2; second++) {
		double passed;

		stalling_start(second);
		while (recorder_send(run.t, "x") == 1)
			;
		passed = seconds_until_closed();
		assert_true(passed > 0.99 && passed < 1.1);
		assert_notes("stall close(stall) serr-ECANCELED:x destroy");
		stalling_end();
	}
}

static void
a_datagram_sent_from_the_queue_postpones_the_stall(void **state)
{
	(void)state;
	for (int second = 0; second < 2; second++) {
		double passed;

		refused_start(second);
		recorder_send(run.t, "y");
		seam_time_add(0.7);
		seam_heal();
		seam_fail(CALL_sendto, 2, ENOBUFS, -1);
		turn(1);
		assert_receives(run.out[1], "x");
		assert_int_equal(1, socle_write_buf_size(&run.t->dgram.sock));
		passed = seconds_until_closed();
		assert_true(passed > 1.69 && passed < 1.8);
		assert_notes("stall close(stall) serr-ECANCELED:y destroy");
		stalling_end();
	}
}

static void
the_time_with_an_empty_queue_does_not_count(void **state)
{
	double passed;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_dgram(fds);
	run.t = recorder_new(fds[0], NULL);
	assert_int_equal(0, socle_set_write_timeout(&run.t->dgram.sock, 1));
	seam_time_add(5);
	seam_fail(CALL_sendto, 1, ENOBUFS, -1);
	run.start = seam_time();
	recorder_send(run.t, "y");
	passed = seconds_until_closed();
	assert_true(passed > 0.99 && passed < 1.1);
	assert_notes("stall close(stall) serr-ECANCELED:y destroy");
	close(fds[1]);
}

/* The peer reads meanwhile. */
static void
take_long(struct recorder *t, const struct socle_packet *p)
{
	(void)t;
	(void)p;
	while (recv(run.out[1], &(char){0}, 1, MSG_DONTWAIT) == 1)
		;
	seam_time_add(3);
}

static void
a_peer_that_read_during_a_slow_handler_is_no_stall(void **state)
{
	(void)state;
	for (int second = 0; second < 2; second++) {
		struct recorder *slow;
		int fds[2];

		stalling_start(second);
		while (recorder_send(run.t, "x") == 1)
			;
		pair_dgram(fds);
		slow = recorder_new(fds[0], NULL);
		slow->on_recv = take_long;
		datagram(fds[1], "slow");
		turn(2);
		assert_notes("<slow> empty");
		assert_receives(run.out[1], "x");
		assert_false(socle_closed(&run.t->dgram.sock));
		socle_close(&slow->dgram.sock, NULL);
		socle_close(&run.t->dgram.sock, NULL);
		turn(1);
		stalling_end();
		close(fds[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_queue_that_makes_no_progress_stalls),
		test(a_datagram_sent_from_the_queue_postpones_the_stall),
		test(the_time_with_an_empty_queue_does_not_count),
		test(a_peer_that_read_during_a_slow_handler_is_no_stall),
	};

	return run_tests(tests);
}

/*
 * Reading turned off and on, and nested loops, during the delivery of a batch.
 */
/* backends: all */
#include "tests/support/dgrams.h"

static const struct socle_dgram_params batch = {.recv_batch = 8};

static void
another_on_recv(struct socle_dgram *self, const struct socle_packet *p)
{
	(void)self;
	note("another:%.*s", (int)p->len, (const char *)p->data);
}

static void
close_it(struct recorder *t, const struct socle_packet *p)
{
	(void)p;
	socle_close(&t->dgram.sock, "enough");
}

/* ---- reading off and on ---- */

static void
pause_it(struct recorder *t, const struct socle_packet *p)
{
	(void)p;
	socle_watch_read(&t->dgram.sock, false);
}

static void
a_pause_keeps_the_rest_of_a_batch_in_order(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &batch);
	t->on_recv = pause_it;
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	datagram(fds[1], "3");
	turn(3);
	assert_notes("<1>");
	datagram(fds[1], "4");
	socle_watch_read(&t->dgram.sock, true);
	turn(3);
	assert_notes("<2>");
	t->on_recv = NULL;
	socle_watch_read(&t->dgram.sock, true);
	turn(3);
	assert_notes("<3> <4>");
	close(fds[1]);
}

static void
a_close_drops_the_datagrams_kept_by_a_pause(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &batch);
	t->on_recv = pause_it;
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	turn(1);
	socle_close(&t->dgram.sock, NULL);
	turn(1);
	assert_notes("<1> close() destroy");
	close(fds[1]);
}

static void
without_a_handler_reading_is_off_and_datagrams_are_kept(void **state)
{
	const struct socle_dgram_params p = {.on_recv = another_on_recv};
	struct socle_dgram *d;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(
		0, socle_dgram_new(&socle_dgram_class, fds[0], NULL, &d));
	assert_int_equal(0, socle_watching(&d->sock));
	datagram(fds[1], "1");
	socle_watch_read(&d->sock, true);
	turn(1);
	assert_int_equal(0, socle_watching(&d->sock));
	assert_int_equal(0, socle_dgram_configure(d, &p, SOCLE_DGRAM_ON_RECV));
	assert_int_equal(SOCLE_READ, socle_watching(&d->sock));
	turn(1);
	assert_notes("another:1");
	assert_int_equal(0,
		socle_dgram_configure(d, &(struct socle_dgram_params){0},
			SOCLE_DGRAM_ON_RECV));
	assert_int_equal(0, socle_watching(&d->sock));
	close(fds[1]);
}

static void
lose_it(struct recorder *t, const struct socle_packet *p)
{
	static const struct socle_dgram_class deaf = {
		.cls = {.name = "Deaf",
			.super = &socle_dgram_class.cls,
			.size = sizeof(struct recorder)}};

	(void)p;
	assert_int_equal(0, socle_set_class(&t->dgram.sock, &deaf.cls));
}

static void
removing_the_handler_in_a_batch_keeps_the_rest(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &batch);
	t->on_recv = lose_it;
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	turn(2);
	assert_notes("<1>");
	t->on_recv = NULL;
	assert_int_equal(
		0, socle_set_class(&t->dgram.sock, &recorder_class.cls));
	socle_watch_read(&t->dgram.sock, true);
	turn(1);
	assert_notes("<2>");
	close(fds[1]);
}

static void
shrink_it(struct recorder *t, const struct socle_packet *p)
{
	const struct socle_dgram_params less = {.recv_len = 2, .recv_batch = 2};

	(void)p;
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram, &less,
			SOCLE_DGRAM_RECV_LEN | SOCLE_DGRAM_RECV_BATCH));
}

static void
a_new_recv_len_takes_effect_with_the_next_receive(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &batch);
	t->on_recv = shrink_it;
	datagram(fds[1], "1111");
	datagram(fds[1], "2222");
	turn(1);
	assert_notes("<1111> <2222>");
	datagram(fds[1], "3333");
	turn(1);
	assert_notes("<33>");
	close(fds[1]);
}

/* ---- loops in handlers ---- */

static bool
has_three(void *arg)
{
	return ((struct recorder *)arg)->received >= 3;
}

static void
wait_for_three(struct recorder *t, const struct socle_packet *p)
{
	char before[8] = "";

	t->on_recv = NULL;
	memcpy(before, p->data, p->len);
	assert_int_equal(1, socle_run_until(has_three, t));
	assert_memory_equal(before, p->data, p->len);
	note("over");
}

/*
 * Received datagrams are delivered without delay, and the current one stays
 * valid.
 */
static void
a_loop_in_on_recv_delivers_the_rest_of_the_batch_first(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &(struct socle_dgram_params){.recv_batch = 2});
	t->on_recv = wait_for_three;
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	datagram(fds[1], "3");
	datagram(fds[1], "4");
	turn(3);
	assert_notes("<1> <2> <3> <4> over");
	close(fds[1]);
}

static void
close_in_a_loop(struct recorder *t, const struct socle_packet *p)
{
	t->on_recv = close_it;
	assert_int_equal(0, socle_event_loop_once(0) < 0);
	assert_true(socle_closed(&t->dgram.sock));
	assert_memory_equal("1", p->data, 1);
	note("over");
}

static void
a_close_in_a_loop_in_on_recv_keeps_the_current_datagram(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &batch);
	t->on_recv = close_in_a_loop;
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	datagram(fds[1], "3");
	turn(2);
	assert_notes("<1> <2> close(enough) over destroy");
	close(fds[1]);
}

static void
reset_it(struct recorder *t, const struct socle_packet *p)
{
	(void)t;
	socle_reset();
	assert_memory_equal("1", p->data, 1);
}

static void
a_reset_in_on_recv_keeps_the_current_datagram(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &batch);
	t->on_recv = reset_it;
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	assert_true(socle_event_loop_once(0) >= 0);
	assert_notes("<1> destroy");
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_pause_keeps_the_rest_of_a_batch_in_order),
		test(a_close_drops_the_datagrams_kept_by_a_pause),
		test(without_a_handler_reading_is_off_and_datagrams_are_kept),
		test(removing_the_handler_in_a_batch_keeps_the_rest),
		test(a_new_recv_len_takes_effect_with_the_next_receive),
		test(a_loop_in_on_recv_delivers_the_rest_of_the_batch_first),
		test(a_close_in_a_loop_in_on_recv_keeps_the_current_datagram),
		test(a_reset_in_on_recv_keeps_the_current_datagram),
	};

	return run_tests(tests);
}

/* The queue of a dgram: its contents, its limits, and its close. */
/* backends: all */
#include "tests/support/dgrams.h"

#include <sys/time.h>

static const struct socle_dgram_params now = {.autoflush = true};

/* ---- limits ---- */

static void
assert_refuses(const struct socle_dgram_params *p)
{
	struct recorder *t;
	int fds[2];

	pair_dgram(fds);
	t = recorder_new(fds[0], p);
	assert_int_equal(0, recorder_send(t, "12345"));
	assert_int_equal(0, recorder_send(t, "67890"));
	assert_int_equal(
		-ENOBUFS, socle_dgram_send(&t->dgram, "x", 1, 0, NULL));
	assert_int_equal(10, socle_write_buf_size(&t->dgram.sock));
	turn(1);
	assert_notes("empty");
	assert_receives(fds[1], "12345");
	assert_receives(fds[1], "67890");
	assert_receives_nothing(fds[1]);
	assert_int_equal(0, recorder_send(t, "more"));
	turn(1);
	notes_clear();
	close(fds[1]);
}

static void
note_mark(struct socle_socket *s, bool above, void *arg)
{
	(void)s;
	(void)arg;
	note(above ? "above" : "below");
}

/* TD24 */
static void
a_full_queue_refuses_and_reports_when_it_is_empty(void **state)
{
	const struct socle_dgram_params bytes = {
		.max_queue_bytes = 10, .send_all = true};
	const struct socle_dgram_params items = {
		.max_queue_items = 2, .send_all = true};

	(void)state;
	assert_refuses(&bytes);
	assert_refuses(&items);
}

static void
a_limit_is_checked_before_anything_is_sent(void **state)
{
	const struct socle_dgram_params p = {
		.max_queue_bytes = 4, .autoflush = true};
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &p);
	assert_int_equal(
		-ENOBUFS, socle_dgram_send(&t->dgram, "12345", 5, 0, NULL));
	assert_int_equal(1, recorder_send(t, "1234"));
	assert_int_equal(0, socle_set_write_cap(&t->dgram.sock, 3));
	assert_int_equal(
		-ENOBUFS, socle_dgram_send(&t->dgram, "1234", 4, 0, NULL));
	close(fds[1]);
}

static void
water_marks_work_on_datagrams(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	assert_int_equal(0,
		socle_set_water_marks(&t->dgram.sock, 2, 3, note_mark, NULL));
	recorder_send(t, "12");
	recorder_send(t, "34");
	recorder_send(t, "5");
	assert_notes("above");
	turn(2);
	assert_notes("below empty");
	close(fds[1]);
}

/* ---- closing ---- */

/* TD25 */
static void
a_close_reports_queued_datagrams_once_and_in_order(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	recorder_send(t, "1");
	recorder_send(t, "");
	recorder_send(t, "3");
	socle_close(&t->dgram.sock, "done");
	assert_true(socle_closed(&t->dgram.sock));
	assert_notes("close(done) serr-ECANCELED:1 serr-ECANCELED: "
		     "serr-ECANCELED:3");
	assert_int_equal(-EBADF, socle_dgram_send(&t->dgram, "4", 1, 0, NULL));
	turn(2);
	assert_notes("destroy");
	assert_receives_nothing(fds[1]);
	close(fds[1]);
}

/* TD25 */
static void
close_when_empty_sends_the_queue_first(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	recorder_send(t, "1");
	recorder_send(t, "2");
	socle_dgram_close_when_empty(&t->dgram);
	assert_int_equal(
		-ESHUTDOWN, socle_dgram_send(&t->dgram, "3", 1, 0, NULL));
	datagram(fds[1], "unheard");
	turn(3);
	assert_notes("empty close() destroy");
	assert_receives(fds[1], "1");
	assert_receives(fds[1], "2");
	t = NULL;
	close(fds[1]);
}

static void
close_when_empty_closes_an_empty_dgram_at_once(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	socle_dgram_close_when_empty(&t->dgram);
	assert_true(socle_closed(&t->dgram.sock));
	turn(1);
	assert_notes("close() destroy");
	close(fds[1]);
}

/* ---- a kernel that reports writability but refuses to send ---- */

static int
unix_bound(struct socle_addr *a)
{
	struct sockaddr_un any = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	assert_int_equal(
		0, bind(fd, (struct sockaddr *)&any, sizeof(any.sun_family)));
	name_of(fd, a);
	return fd;
}

static void
stop_it(void *arg)
{
	*(bool *)arg = true;
}

/* TD27 */
static void
a_full_peer_of_an_unconnected_socket_does_not_spin(void **state)
{
	struct socle_addr a;
	struct recorder *t;
	bool timed_out = false;
	int peer = unix_bound(&a), sent = 0;
	unsigned long calls;

	(void)state;
	t = recorder_new(socket(AF_UNIX, SOCK_DGRAM, 0), &now);
	while (socle_dgram_send(&t->dgram, "x", 1, 0, &a) == 1)
		sent++;
	seam_time_virtual();
	seam_count_reset();
	socle_add_timer(0.2, stop_it, &timed_out);
	turn_until(&timed_out);
	calls = seam_system_calls();
	assert_true(calls < 100);
	for (; sent > 0; sent--)
		assert_receives(peer, "x");
	turn_until_count(&t->emptied, 1);
	assert_receives(peer, "x");
	assert_receives_nothing(peer);
	notes_clear();
	close(peer);
}

static void
after_enobufs_sending_is_retried_with_growing_delays(void **state)
{
	struct recorder *t;
	double start;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_dgram(fds);
	t = recorder_new(fds[0], &now);
	seam_fail(CALL_sendto, 1, ENOBUFS, 8);
	assert_int_equal(0, recorder_send(t, "x"));
	start = seam_time();
	while (t->emptied == 0)
		assert_true(socle_event_loop_once(-1) >= 0);
	/* 1, 2, 4, 8, 16, 32, 50, 50 ms */
	assert_true(seam_time() - start > 0.162);
	assert_true(seam_time() - start < 0.175);
	assert_int_equal(9, seam_count(CALL_sendto));
	assert_receives(fds[1], "x");
	notes_clear();
	close(fds[1]);
}

/* ---- datagrams sent from the buffer that they were received in ---- */

static const struct socle_dgram_params batch = {.recv_batch = 4};

static void
echo(struct recorder *t, const struct socle_packet *p)
{
	assert_int_equal(0, socle_dgram_reply(&t->dgram, p, p->data, p->len));
}

static struct recorder *
echo_new(int fds[2])
{
	struct recorder *t;

	pair_dgram(fds);
	t = recorder_new(fds[0], &batch);
	t->quiet = true;
	t->on_recv = echo;
	return t;
}

static void
block_sends(void)
{
	seam_fail(CALL_sendto, 1, ENOBUFS, 1000);
	seam_fail(CALL_sendmmsg, 1, ENOBUFS, 1000);
}

static void
queued_echoes_are_sent_unchanged(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	t = echo_new(fds);
	block_sends();
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	turn_until_received(t, 2);
	datagram(fds[1], "3");
	datagram(fds[1], "4");
	turn_until_received(t, 4);
	turn(1);
	assert_int_equal(4, socle_write_buf_size(&t->dgram.sock));
	seam_heal();
	turn_until_count(&t->emptied, 1);
	assert_receives(fds[1], "1");
	assert_receives(fds[1], "2");
	assert_receives(fds[1], "3");
	assert_receives(fds[1], "4");
	close(fds[1]);
}

static void
many_queued_echoes_share_one_buffer(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	t = echo_new(fds);
	block_sends();
	seam_count_reset();
	for (int i = 1; i <= 20; i++) {
		datagram(fds[1], "x");
		turn_until_received(t, i);
	}
	/*
	 * the buffer of the echoes, one to receive into, and a block of the
	 * queue
	 */
	assert_int_equal(3, seam_count(CALL_malloc));
	socle_close(&t->dgram.sock, NULL);
	turn(1);
	notes_clear();
	close(fds[1]);
}

static void
a_close_reports_queued_echoes_unchanged(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	t = echo_new(fds);
	block_sends();
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	turn_until_received(t, 2);
	t->quiet = false;
	socle_close(&t->dgram.sock, "done");
	assert_notes("close(done) serr-ECANCELED:1 serr-ECANCELED:2");
	turn(1);
	assert_notes("destroy");
	close(fds[1]);
}

static void
echo_around_a_loop(struct recorder *t, const struct socle_packet *p)
{
	echo(t, p);
	assert_true(socle_event_loop_once(0) >= 0);
	echo(t, p);
}

static void
a_loop_in_on_recv_does_not_change_the_datagram_echoed(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	t = echo_new(fds);
	t->on_recv = echo_around_a_loop;
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	turn_until_received(t, 2);
	turn(2);
	assert_int_equal(0, socle_write_buf_size(&t->dgram.sock));
	assert_receives(fds[1], "1");
	assert_receives(fds[1], "2");
	assert_receives(fds[1], "2");
	assert_receives(fds[1], "1");
	assert_receives_nothing(fds[1]);
	close(fds[1]);
}

static void
echo_and_pause(struct recorder *t, const struct socle_packet *p)
{
	echo(t, p);
	socle_watch_read(&t->dgram.sock, false);
}

static void
datagrams_left_unread_by_an_echo_are_received_later(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	t = echo_new(fds);
	t->on_recv = echo_and_pause;
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	turn(2);
	assert_receives(fds[1], "1");
	assert_receives_nothing(fds[1]);
	socle_watch_read(&t->dgram.sock, true);
	turn(2);
	assert_receives(fds[1], "2");
	close(fds[1]);
}

static void
changing_the_class_loses_no_queued_echo(void **state)
{
	static const struct socle_dgram_class other = {
		.cls = {.name = "Other", .super = &recorder_class.cls}};
	struct recorder *t;
	int fds[2];

	(void)state;
	t = echo_new(fds);
	block_sends();
	datagram(fds[1], "1");
	turn_until_received(t, 1);
	assert_int_equal(0, socle_set_class(&t->dgram.sock, &other.cls));
	datagram(fds[1], "2");
	turn_until_received(t, 2);
	seam_heal();
	turn_until_count(&t->emptied, 1);
	assert_receives(fds[1], "1");
	assert_receives(fds[1], "2");
	close(fds[1]);
}

static void
echo_and_receive_all(struct recorder *t, const struct socle_packet *p)
{
	const struct socle_dgram_params all = {.recv_all = true};

	echo(t, p);
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram, &all,
			SOCLE_DGRAM_RECV_ALL | SOCLE_DGRAM_RECV_BATCH));
}

static void
receiving_more_does_not_change_a_queued_echo(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	t = echo_new(fds);
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram,
			&(struct socle_dgram_params){.recv_batch = 0},
			SOCLE_DGRAM_RECV_BATCH));
	t->on_recv = echo_and_receive_all;
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	turn_until_count(&t->emptied, 1);
	assert_receives(fds[1], "1");
	assert_receives(fds[1], "2");
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_full_queue_refuses_and_reports_when_it_is_empty),
		test(a_limit_is_checked_before_anything_is_sent),
		test(water_marks_work_on_datagrams),
		test(a_close_reports_queued_datagrams_once_and_in_order),
		test(close_when_empty_sends_the_queue_first),
		test(close_when_empty_closes_an_empty_dgram_at_once),
		test(a_full_peer_of_an_unconnected_socket_does_not_spin),
		test(after_enobufs_sending_is_retried_with_growing_delays),
		test(queued_echoes_are_sent_unchanged),
		test(many_queued_echoes_share_one_buffer),
		test(a_close_reports_queued_echoes_unchanged),
		test(a_loop_in_on_recv_does_not_change_the_datagram_echoed),
		test(datagrams_left_unread_by_an_echo_are_received_later),
		test(changing_the_class_loses_no_queued_echo),
		test(receiving_more_does_not_change_a_queued_echo),
	};

	return run_tests(tests);
}

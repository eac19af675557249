/*
 * The limits of a dgram, and its behaviour there: the budgets of a flush, delays,
 * idle timeouts.
 */
/* backends: all */
#include "tests/support/dgrams.h"

#include <fcntl.h>
#include <netinet/in.h>

static const struct socle_dgram_params now = {.autoflush = true};

/* ---- budgets ---- */

static void
a_flush_sends_at_most_1024_datagrams(void **state)
{
	const struct socle_dgram_params ways[] = {
		{.send_all = true}, {.recv_batch = 48}, {.gso = true}};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct socle_addr a;
		struct recorder *t;
		int fd = udp_bound(&a);

		t = recorder_new(udp_to(&a), &ways[i]);
		for (int k = 0; k < 1500; k++)
			recorder_send(t, "x");
		assert_int_equal(0, socle_write_kick(&t->dgram.sock));
		assert_int_equal(
			1500 - 1024, socle_write_buf_size(&t->dgram.sock));
		turn(1);
		assert_int_equal(0, socle_write_buf_size(&t->dgram.sock));
		socle_close(&t->dgram.sock, NULL);
		turn(1);
		notes_clear();
		close(fd);
	}
}

static void
a_flush_sends_about_2_mib(void **state)
{
	enum { SIZE = 60000, MANY = 50, FIRST = (2 << 20) / SIZE + 1 };
	static char data[SIZE];
	struct socle_addr a;
	struct recorder *t;
	int fd = udp_bound(&a);

	(void)state;
	t = recorder_new(
		udp_to(&a), &(struct socle_dgram_params){.send_all = true});
	for (int i = 0; i < MANY; i++)
		assert_int_equal(
			0, socle_dgram_send(&t->dgram, data, SIZE, 0, NULL));
	assert_int_equal(0, socle_write_kick(&t->dgram.sock));
	assert_int_equal(
		(MANY - FIRST) * SIZE, socle_write_buf_size(&t->dgram.sock));
	turn(1);
	assert_notes("empty");
	close(fd);
}

static void
an_empty_datagram_counts_1_in_every_limit(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(
		fds[0], &(struct socle_dgram_params){.max_queue_bytes = 3});
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			0, socle_dgram_send(&t->dgram, "", 0, 0, NULL));
	assert_int_equal(3, socle_write_buf_size(&t->dgram.sock));
	assert_int_equal(-ENOBUFS, socle_dgram_send(&t->dgram, "", 0, 0, NULL));
	socle_dgram_configure(&t->dgram, &now, SOCLE_DGRAM_MAX_QUEUE_BYTES);
	assert_int_equal(0, socle_set_write_cap(&t->dgram.sock, 4));
	assert_int_equal(0, socle_dgram_send(&t->dgram, "", 0, 0, NULL));
	assert_int_equal(-ENOBUFS, socle_dgram_send(&t->dgram, "", 0, 0, NULL));
	socle_close(&t->dgram.sock, NULL);
	turn(1);
	notes_clear();
	close(fds[1]);
}

/* ---- time ---- */

/* The seconds until a datagram is sent that is refused `times' first. */
static double
delay_of(struct recorder *t, int fd, long times)
{
	double start = seam_time();
	int emptied = t->emptied;

	seam_fail(CALL_sendto, 1, ENOBUFS, times);
	assert_int_equal(0, recorder_send(t, "x"));
	while (t->emptied == emptied)
		assert_true(socle_event_loop_once(-1) >= 0);
	assert_receives(fd, "x");
	return seam_time() - start;
}

static void
after_a_success_the_delays_start_at_1_ms_again(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_dgram(fds);
	t = recorder_new(fds[0], &now);
	assert_true(delay_of(t, fds[1], 6) > 0.062);
	assert_true(delay_of(t, fds[1], 1) < 0.004);
	notes_clear();
	close(fds[1]);
}

static void
with_a_new_write_fd_the_delays_start_at_1_ms_again(void **state)
{
	struct recorder *t;
	double start;
	int fds[2], out[2];

	(void)state;
	seam_time_virtual();
	pair_dgram(fds);
	pair_dgram(out);
	t = recorder_new(fds[0], &now);
	seam_fail(CALL_sendto, 1, ENOBUFS, 8);
	recorder_send(t, "x");
	start = seam_time();
	while (seam_time() - start < 0.1)
		assert_true(socle_event_loop_once(-1) >= 0);
	seam_heal();
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	seam_fail(CALL_sendto, 1, ENOBUFS, 1);
	turn(1);
	assert_int_equal(1, socle_write_buf_size(&t->dgram.sock));
	start = seam_time();
	while (t->emptied == 0)
		assert_true(socle_event_loop_once(-1) >= 0);
	assert_true(seam_time() - start < 0.003);
	assert_receives(out[1], "x");
	notes_clear();
	close(fds[1]);
	close(out[1]);
}

static void
what_is_received_postpones_the_idle_timeout(void **state)
{
	struct recorder *t;
	double start;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	assert_int_equal(0, socle_set_idle_timeout(&t->dgram.sock, 1));
	start = seam_time();
	for (int i = 0; i < 4; i++) {
		seam_time_add(0.6);
		datagram(fds[1], "x");
		turn(1);
	}
	assert_int_equal(4, t->received);
	while (socle_watched_sockets() > 0)
		assert_true(socle_event_loop_once(-1) >= 0);
	assert_true(seam_time() - start > 3.39);
	notes_clear();
	close(fds[1]);
}

/* ---- callbacks of the flush inside a send ---- */

static void
close_it(struct recorder *t)
{
	socle_close(&t->dgram.sock, "empty");
}

static void
fill_it(struct recorder *t)
{
	t->on_empty = NULL;
	recorder_send(t, "1");
	recorder_send(t, "2");
}

static void
a_send_is_refused_if_its_flush_closes_the_object(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	t->on_empty = close_it;
	recorder_send(t, "first");
	socle_dgram_configure(&t->dgram, &now, SOCLE_DGRAM_AUTOFLUSH);
	assert_int_equal(-EBADF, socle_dgram_send(&t->dgram, "x", 1, 0, NULL));
	assert_receives(fds[1], "first");
	assert_receives_nothing(fds[1]);
	turn(1);
	notes_clear();
	close(fds[1]);
}

static void
a_send_is_refused_if_its_flush_fills_the_queue(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(
		fds[0], &(struct socle_dgram_params){.max_queue_items = 2});
	recorder_send(t, "first");
	socle_dgram_configure(&t->dgram,
		&(struct socle_dgram_params){
			.autoflush = true, .max_queue_items = 2},
		SOCLE_DGRAM_AUTOFLUSH);
	t->on_empty = fill_it;
	assert_int_equal(
		-ENOBUFS, socle_dgram_send(&t->dgram, "x", 1, 0, NULL));
	turn(3);
	assert_receives(fds[1], "first");
	assert_receives(fds[1], "1");
	assert_receives(fds[1], "2");
	assert_receives_nothing(fds[1]);
	notes_clear();
	close(fds[1]);
}

/* ---- the report of a failed datagram ---- */

static void
note_to(struct recorder *t, int err, const struct socle_packet *p)
{
	char to[64], from[64];

	(void)t;
	(void)err;
	assert_true(socle_addr_format(&p->to, to, sizeof(to)) > 0);
	if (p->from.len == 0)
		from[0] = '\0';
	else
		assert_true(socle_addr_host(&p->from, from, sizeof(from)) > 0);
	note("%s>%s", from, to);
}

static void
a_failed_datagram_has_its_destination_and_source(void **state)
{
	struct socle_packet p = {.len = 0};
	struct socle_addr mine;
	struct recorder *t;

	(void)state;
	t = recorder_new(udp_bound(&mine), NULL);
	t->on_send_error = note_to;
	assert_int_equal(0, socle_addr_parse(&p.from, "127.0.0.1:9", 0));
	assert_int_equal(0, socle_dgram_send(&t->dgram, "a", 1, 0, &p.from));
	seam_fail(CALL_sendto, 1, EPERM, 1);
	turn(1);
	assert_notes("serr-1:a >127.0.0.1:9 empty");
	assert_int_equal(0, socle_addr_parse(&p.to, "127.0.0.7:1", 0));
	assert_int_equal(0, socle_dgram_reply(&t->dgram, &p, "b", 1));
	seam_fail(CALL_sendmsg, 1, EPERM, 1);
	turn(1);
	assert_notes("serr-1:b 127.0.0.7>127.0.0.1:9 empty");
}

static void
a_failed_reply_over_ipv6_has_its_source(void **state)
{
	struct socle_packet p = {.len = 0};
	struct recorder *t;

	(void)state;
	if (!has_ipv6())
		skip_because("there is no ::1");
	t = recorder_new(socket(AF_INET6, SOCK_DGRAM, 0), NULL);
	t->on_send_error = note_to;
	assert_int_equal(0, socle_addr_parse(&p.from, "[::1]:9", 0));
	assert_int_equal(0, socle_addr_parse(&p.to, "[fd00::7]:1", 0));
	assert_int_equal(0, socle_dgram_reply(&t->dgram, &p, "b", 1));
	seam_fail(CALL_sendmsg, 1, EPERM, 1);
	turn(1);
	assert_notes("serr-1:b fd00::7>[::1]:9 empty");
}

static void
a_source_that_is_refused_is_left_to_the_kernel(void **state)
{
	static const int errors[] = {EADDRNOTAVAIL, EINVAL, ENETUNREACH};
	struct socle_packet p = {.len = 0};
	struct socle_addr mine;
	struct recorder *t;
	int fd = udp_bound(&p.from);

	(void)state;
	t = recorder_new(udp_bound(&mine), NULL);
	assert_int_equal(0, socle_addr_parse(&p.to, "127.0.0.1:1", 0));
	for (int autoflush = 0; autoflush < 2; autoflush++) {
		socle_dgram_configure(&t->dgram,
			&(struct socle_dgram_params){.autoflush = autoflush},
			SOCLE_DGRAM_AUTOFLUSH);
		for (int i = 0; i < 3; i++) {
			seam_fail(CALL_sendmsg, 1, errors[i], 1);
			assert_int_equal(autoflush,
				socle_dgram_reply(&t->dgram, &p, "b", 1));
			turn(1);
			assert_receives(fd, "b");
		}
	}
	assert_int_equal(0, t->send_errors);
	notes_clear();
	close(fd);
}

static void
a_refused_source_in_a_batch_is_left_to_the_kernel(void **state)
{
	const struct socle_dgram_params batch = {.recv_batch = 4};
	struct socle_packet p = {.len = 0};
	struct socle_addr mine;
	struct recorder *t;
	int fd = udp_bound(&p.from);

	(void)state;
	t = recorder_new(udp_bound(&mine), &batch);
	assert_int_equal(0, socle_addr_parse(&p.to, "127.0.0.1:1", 0));
	assert_int_equal(0, socle_dgram_reply(&t->dgram, &p, "a", 1));
	assert_int_equal(0, socle_dgram_reply(&t->dgram, &p, "b", 1));
	seam_fail(CALL_sendmmsg, 1, EADDRNOTAVAIL, 1);
	seam_fail(CALL_sendmsg, 1, EADDRNOTAVAIL, 1);
	turn(2);
	assert_int_equal(many_are_one_call() ? 2 : 1, seam_struck());
	assert_receives(fd, "a");
	assert_receives(fd, "b");
	assert_receives_nothing(fd);
	assert_notes("empty");
	close(fd);
}

/* ---- a second fd, and streams ---- */

static void
the_write_fd_is_close_on_exec_and_may_be_set_again(void **state)
{
	struct recorder *t;
	int fds[2], out[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, out));
	t = recorder_new(fds[0], &now);
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	assert_true(fcntl(out[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	turn(1);
	assert_int_equal(1, recorder_send(t, "x"));
	assert_receives(out[1], "x");
	close(fds[1]);
	close(out[1]);
}

static void
a_stream_may_be_the_write_fd(void **state)
{
	static char data[1 << 20], received[1 << 20];
	struct recorder *t;
	int fds[2], out[2];
	size_t len = 0;

	(void)state;
	pair_dgram(fds);
	pair_unix(out);
	pattern_fill(data, sizeof(data), 0, 1);
	t = recorder_new(fds[0], &now);
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	assert_int_equal(
		0, socle_dgram_send(&t->dgram, data, sizeof(data), 0, NULL));
	for (int i = 0; i < 1000 && len < sizeof(data); i++) {
		ssize_t n =
			drain_fd(out[1], received + len, sizeof(data) - len);

		len += n > 0 ? (size_t)n : 0;
		turn(1);
	}
	assert_int_equal(sizeof(data), len);
	assert_memory_equal(data, received, len);
	close(fds[1]);
	close(out[1]);
}

/* TCP would discard bytes received with MSG_TRUNC. */
static void
a_tcp_stream_is_received_whatever_it_sends_through(void **state)
{
	(void)state;
	for (int second = 0; second < 2; second++) {
		struct recorder *t;
		int fds[2], out[2];

		pair_tcp(fds);
		pair_dgram(out);
		t = recorder_new(fds[0], NULL);
		if (second)
			assert_int_equal(
				0, socle_dgram_set_write_fd(&t->dgram, out[0]));
		send_all(fds[1], "bytes", 5);
		turn_until_received(t, 1);
		assert_notes("<bytes>");
		socle_close(&t->dgram.sock, NULL);
		turn(1);
		notes_clear();
		close(fds[1]);
		close(out[1]);
		if (!second)
			close(out[0]);
	}
}

/* What a stream write fd means ends with it. */
static void
after_a_stream_was_the_write_fd_errors_close_nothing(void **state)
{
	static struct socle_dgram_class plain;
	struct socle_dgram *d;
	int fds[2], out[2];

	(void)state;
	plain = recorder_class;
	plain.on_send_error = NULL;
	pair_dgram(fds);
	pair_unix(out);
	assert_int_equal(0, socle_dgram_new(&plain, fds[0], NULL, &d));
	assert_int_equal(0, socle_dgram_set_write_fd(d, out[0]));
	assert_int_equal(0, socle_dgram_set_write_fd(d, -1));
	seam_fail(CALL_sendto, 1, ECONNREFUSED, 1);
	assert_int_equal(0, socle_dgram_send(d, "x", 1, 0, NULL));
	turn(1);
	assert_int_equal(1, seam_struck());
	assert_false(socle_closed(&d->sock));
	notes_clear();
	close(fds[1]);
	close(out[1]);
}

static bool
the_loop_waits(void)
{
	double before = seam_time();

	assert_true(socle_event_loop_once(20) >= 0);
	return seam_time() - before > 0.019;
}

static void
a_new_write_fd_ends_the_wait_for_the_old_one(void **state)
{
	struct recorder *t;
	int fds[2], out[2];

	(void)state;
	pair_dgram(fds);
	pair_dgram(out);
	t = recorder_new(fds[0], &now);
	while (recorder_send(t, "x") == 1)
		;
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	turn_until_count(&t->emptied, 1);
	assert_receives(out[1], "x");
	while (recv(fds[1], &(char){0}, 1, MSG_DONTWAIT) == 1)
		;
	seam_time_virtual();
	turn(2);
	assert_true(the_loop_waits());
	notes_clear();
	close(fds[1]);
	close(out[1]);
}

/* ---- two limits, and lengths that none allows ---- */

static void
the_smaller_of_two_limits_holds(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(
		fds[0], &(struct socle_dgram_params){.max_queue_bytes = 4});
	assert_int_equal(0, socle_set_write_cap(&t->dgram.sock, 100));
	assert_int_equal(
		-ENOBUFS, socle_dgram_send(&t->dgram, "12345", 5, 0, NULL));
	assert_int_equal(0, socle_set_write_cap(&t->dgram.sock, 2));
	assert_int_equal(
		-ENOBUFS, socle_dgram_send(&t->dgram, "123", 3, 0, NULL));
	assert_int_equal(0, recorder_send(t, "12"));
	close(fds[1]);
}

static void
answer_with_much(struct recorder *t, const struct socle_packet *p)
{
	assert_int_equal(0, socle_dgram_reply(&t->dgram, p, p->data, p->len));
	assert_int_equal(-ENOBUFS, socle_dgram_reply(&t->dgram, p, "12345", 5));
}

static void
an_answer_does_not_exceed_the_limit_in_bytes(void **state)
{
	struct socle_addr a;
	struct recorder *t;
	int peer;

	(void)state;
	t = recorder_new(udp_bound(&a),
		&(struct socle_dgram_params){.max_queue_bytes = 4});
	t->on_recv = answer_with_much;
	peer = udp_to(&a);
	datagram(peer, "x");
	turn_until_received(t, 1);
	turn(1);
	assert_notes("<x> empty");
	assert_receives(peer, "x");
	close(peer);
}

static void
a_length_that_no_memory_has_is_refused(void **state)
{
	volatile size_t huge = SIZE_MAX - 8;
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	assert_int_equal(
		-ENOMEM, socle_dgram_send(&t->dgram, "x", huge, 0, NULL));
	assert_int_equal(0, socle_write_buf_size(&t->dgram.sock));
	close(fds[1]);
}

/* The block that is kept for the next datagrams is too small for it. */
static void
a_datagram_longer_than_a_block_is_queued(void **state)
{
	static char longest[40001];
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	recorder_send(t, "short");
	turn(1);
	memset(longest, 'l', sizeof(longest) - 1);
	recorder_send(t, longest);
	turn(1);
	assert_receives(fds[1], "short");
	assert_receives(fds[1], longest);
	notes_clear();
	close(fds[1]);
}

static void
close_at_mark(struct socle_socket *s, bool above, void *arg)
{
	(void)above;
	(void)arg;
	socle_close(s, "mark");
}

static void
a_mark_reached_by_a_send_that_the_kernel_refused_may_close(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &now);
	assert_int_equal(0,
		socle_set_water_marks(
			&t->dgram.sock, 0, 2, close_at_mark, NULL));
	seam_fail(CALL_sendto, 1, ENOBUFS, 1);
	assert_int_equal(0, recorder_send(t, "xyz"));
	turn(1);
	assert_notes("close(mark) serr-ECANCELED:xyz destroy");
	close(fds[1]);
}

static void
a_batch_is_64_datagrams_at_most(void **state)
{
	struct socle_addr a;
	struct recorder *t;
	int peer;

	(void)state;
	t = recorder_new(udp_bound(&a),
		&(struct socle_dgram_params){.recv_batch = 1000});
	t->quiet = true;
	peer = udp_to(&a);
	for (int i = 0; i < 100; i++)
		datagram(peer, "x");
	turn_until_received(t, 64);
	assert_int_equal(64, t->received);
	turn_until_received(t, 100);
	close(peer);
}

/* Each received datagram is followed by the next: no receive finds none. */
static void
feed(struct recorder *t, const struct socle_packet *p)
{
	assert_int_equal(p->len, send(*(int *)t->arg, p->data, p->len, 0));
}

static void
a_flood_of_long_datagrams_gets_1_mib_of_a_tick(void **state)
{
	static char longest[65536];
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(
		fds[0], &(struct socle_dgram_params){.recv_all = true});
	t->quiet = true;
	t->on_recv = feed;
	t->arg = &fds[1];
	assert_int_equal(
		sizeof(longest), send(fds[1], longest, sizeof(longest), 0));
	turn(1);
	assert_int_equal((1 << 20) / sizeof(longest), t->received);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_flush_sends_at_most_1024_datagrams),
		test(a_flush_sends_about_2_mib),
		test(an_empty_datagram_counts_1_in_every_limit),
		test(after_a_success_the_delays_start_at_1_ms_again),
		test(with_a_new_write_fd_the_delays_start_at_1_ms_again),
		test(what_is_received_postpones_the_idle_timeout),
		test(a_send_is_refused_if_its_flush_closes_the_object),
		test(a_send_is_refused_if_its_flush_fills_the_queue),
		test(a_failed_datagram_has_its_destination_and_source),
		test(a_failed_reply_over_ipv6_has_its_source),
		test(a_source_that_is_refused_is_left_to_the_kernel),
		test(a_refused_source_in_a_batch_is_left_to_the_kernel),
		test(the_write_fd_is_close_on_exec_and_may_be_set_again),
		test(a_stream_may_be_the_write_fd),
		test(a_tcp_stream_is_received_whatever_it_sends_through),
		test(after_a_stream_was_the_write_fd_errors_close_nothing),
		test(a_new_write_fd_ends_the_wait_for_the_old_one),
		test(the_smaller_of_two_limits_holds),
		test(an_answer_does_not_exceed_the_limit_in_bytes),
		test(a_length_that_no_memory_has_is_refused),
		test(a_datagram_longer_than_a_block_is_queued),
		test(a_mark_reached_by_a_send_that_the_kernel_refused_may_close),
		test(a_batch_is_64_datagrams_at_most),
		test(a_flood_of_long_datagrams_gets_1_mib_of_a_tick),
	};

	return run_tests(tests);
}

/*
 * Answers with the data that was received: they are sent from where they were
 * received, and are datagrams like all others.
 */
/* backends: all */
#include "tests/support/answering.h"
#include "tests/support/forking.h"

static void
a_batch_of_answers_is_one_call_and_in_order(void **state)
{
	struct recorder *t = server_with(8, echo);

	(void)state;
	answer_all(t, 8);
	assert_int_equal(
		many_are_one_call() ? 1 : 8, seam_count(the_send_of_many()));
	assert_answers("12345678");
	server_end();
}

/* More than a call takes, because another datagram precedes the answers. */
static void
prefix(struct recorder *t, const struct socle_packet *p)
{
	if (t->received == 1)
		assert_int_equal(
			0, socle_dgram_send(&t->dgram, "a", 1, 0, &p->from));
	echo(t, p);
	if (t->received == 8)
		assert_int_equal(
			0, socle_dgram_send(&t->dgram, "b", 1, 0, &p->from));
}

static void
answers_share_a_call_with_what_precedes_and_follows(void **state)
{
	struct recorder *t = server_with(8, prefix);

	(void)state;
	answer_all(t, 8);
	if (many_are_one_call())
		assert_int_equal(2, seam_count(CALL_sendmmsg));
	assert_answers("a12345678b");
	server_end();
}

/* Some answers are not the received data, or are for another datagram. */
static void
answer_variously(struct recorder *t, const struct socle_packet *p)
{
	const char *text = p->data;
	struct socle_packet copy = *p;

	switch (*text) {
	case '1':
	case '5':
		echo(t, p);
		break;
	case '2':
		break;
	case '3':
		echo(t, &copy);
		break;
	case '4':
		echo(t, p);
		echo(t, p);
		break;
	default:
		assert_int_equal(0, socle_dgram_reply(&t->dgram, p, "x", 1));
		echo(t, p);
		break;
	}
}

static void
answers_of_every_kind_are_sent_in_the_order_of_the_calls(void **state)
{
	struct recorder *t = server_with(7, answer_variously);

	(void)state;
	turn_until_received(t, 7);
	turn(2);
	assert_answers("13445x6x7");
	server_end();
}

static void
answer_shortly(struct recorder *t, const struct socle_packet *p)
{
	assert_int_equal(0, socle_dgram_reply(&t->dgram, p, p->data, 1));
}

static void
after_a_shorter_answer_whole_datagrams_are_received(void **state)
{
	struct recorder *t = server_with(0, answer_shortly);

	(void)state;
	for (int i = 0; i < 3; i++) {
		datagram(asker, "1 and so on");
		datagram(asker, "2 and so on");
		all_arrived();
		turn_until_received(t, 2 * i + 2);
		assert_int_equal(11, t->last.len);
		assert_false(t->last.truncated);
		turn(1);
		assert_answers("12");
	}
	server_end();
}

static void
answer_with_nothing(struct recorder *t, const struct socle_packet *p)
{
	assert_int_equal(0, socle_dgram_reply(&t->dgram, p, p->data, 0));
	assert_int_equal(t->received, socle_write_buf_size(&t->dgram.sock));
}

static void
empty_answers_count_1_each(void **state)
{
	struct recorder *t = server_with(3, answer_with_nothing);

	(void)state;
	turn_until_received(t, 3);
	turn(1);
	assert_int_equal(0, socle_write_buf_size(&t->dgram.sock));
	for (int i = 0; i < 3; i++)
		assert_receives(asker, "");
	server_end();
}

static void
answers_that_wait_keep_their_bytes_and_addresses(void **state)
{
	struct recorder *t = server_with(3, echo);
	int first = asker;

	(void)state;
	block_sends();
	turn_until_received(t, 3);
	asker = udp_to(&server_addr);
	datagram(asker, "4");
	datagram(asker, "5");
	all_arrived();
	turn_until_received(t, 5);
	datagram(first, "6");
	turn_until_received(t, 6);
	assert_int_equal(6, socle_write_buf_size(&t->dgram.sock));
	seam_heal();
	turn_until_count(&t->emptied, 1);
	assert_answers("45");
	close(asker);
	asker = first;
	assert_answers("1236");
	server_end();
}

/* ---- a handler in the middle of a batch ---- */

static void
echo_and_close(struct recorder *t, const struct socle_packet *p)
{
	echo(t, p);
	if (t->received < 3)
		return;
	t->quiet = false;
	socle_close(&t->dgram.sock, "enough");
	*(bool *)t->arg = true;
	assert_memory_equal("3", p->data, 1);
	assert_int_equal(
		-EBADF, socle_dgram_reply(&t->dgram, p, p->data, p->len));
}

static void
a_close_among_answers_reports_each_of_them(void **state)
{
	struct recorder *t = server_with(5, echo_and_close);
	bool is_closed = false;

	(void)state;
	t->arg = &is_closed;
	turn_until(&is_closed);
	assert_notes("close(enough) serr-ECANCELED:1 serr-ECANCELED:2 "
		     "serr-ECANCELED:3 destroy");
	assert_answers("");
	server_end();
}

static void
echo_around_a_kick(struct recorder *t, const struct socle_packet *p)
{
	echo(t, p);
	if (t->received % 3 == 0)
		assert_true(socle_write_kick(&t->dgram.sock) >= 0);
}

static void
a_flush_among_answers_sends_each_once(void **state)
{
	struct recorder *t = server_with(8, echo_around_a_kick);

	(void)state;
	turn_until_received(t, 8);
	turn(1);
	assert_answers("12345678");
	server_end();
}

static void
echo_around_a_loop(struct recorder *t, const struct socle_packet *p)
{
	char mine = *(const char *)p->data;

	echo(t, p);
	if (mine == '2') {
		datagram(asker, "7");
		turn_until_received(t, 7);
	}
	assert_memory_equal(&mine, p->data, 1);
	if (mine == '2')
		echo(t, p);
}

static void
a_loop_among_answers_changes_none(void **state)
{
	struct recorder *t = server_with(6, echo_around_a_loop);

	(void)state;
	turn_until_received(t, 7);
	turn(2);
	assert_answers("12345672");
	server_end();
}

static void
echo_and_configure(struct recorder *t, const struct socle_packet *p)
{
	const struct socle_dgram_params other[] = {
		{.recv_batch = 2, .recv_len = 100},
		{.recv_batch = 8, .gso = true, .gro = true},
		{.recv_all = true, .pktinfo = true},
		{.recv_batch = 64, .autoflush = true},
		{.recv_batch = 8, .max_queue_items = 100},
	};

	assert_true(socle_dgram_reply(&t->dgram, p, p->data, p->len) >= 0);
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram, &other[t->received % 5],
			~0u & ~(unsigned)SOCLE_DGRAM_ON_RECV));
}

static void
other_parameters_among_answers_change_none(void **state)
{
	struct recorder *t = server_with(8, echo_and_configure);
	char text[2] = "9";

	(void)state;
	turn_until_received(t, 8);
	for (int i = 0; i < 8; i++, text[0]++) {
		datagram(asker, text);
		turn_until_received(t, 9 + i);
		assert_int_equal(1, t->last.len);
	}
	turn(2);
	assert_answers("123456789:;<=>?@");
	server_end();
}

static void
echo_and_divert(struct recorder *t, const struct socle_packet *p)
{
	int *out = t->arg;

	assert_int_equal(0, socle_dgram_reply(&t->dgram, p, p->data, p->len));
	if (t->received == 2)
		assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, *out));
}

/* One byte at a time, then the same slots receive again. */
static void
answers_through_a_stream_leave_in_pieces(void **state)
{
	struct recorder *t = server_with(0, echo_and_divert);
	int out[2];

	(void)state;
	pair_tcp(out);
	t->arg = &out[0];
	datagram(asker, "one");
	datagram(asker, "two");
	datagram(asker, "six");
	all_arrived();
	turn_until_received(t, 3);
	seam_short(CALL_sendto, 1, 1);
	seam_short(CALL_sendto, 4, 2);
	turn_until_count(&t->emptied, 1);
	turn(4);
	for (int i = 0; i < 3; i++) {
		datagram(asker, "whole");
		turn_until_received(t, 4 + i);
		assert_int_equal(5, t->last.len);
	}
	turn(2);
	assert_receives(out[1], "onetwosixwholewholewhole");
	close(out[1]);
	server_end();
}

/* ---- answers that fail ---- */

static void
check_first(struct recorder *t, int err, const struct socle_packet *p)
{
	struct socle_addr mine;

	(void)t;
	assert_int_equal(-EPERM, err);
	name_of(asker, &mine);
	assert_int_equal(mine.len, p->to.len);
	assert_int_equal(socle_addr_port(&mine), socle_addr_port(&p->to));
	assert_int_equal(0, p->from.len);
	assert_int_equal(1, p->len);
	assert_memory_equal("1", p->data, 1);
}

static void
a_failed_answer_is_reported_and_the_others_are_sent(void **state)
{
	struct recorder *t = server_with(5, echo);

	(void)state;
	t->on_send_error = check_first;
	seam_fail(the_send_of_many(), 1, EPERM, 1);
	turn_until_received(t, 5);
	turn(1);
	assert_int_equal(1, t->send_errors);
	assert_answers("2345");
	server_end();
}

static const struct socle_packet *current;

static void
answer_current(struct recorder *t, int err, const struct socle_packet *p)
{
	check_first(t, err, p);
	echo(t, current);
	assert_true(socle_write_kick(&t->dgram.sock) >= 0);
	assert_memory_equal("1", p->data, 1);
}

/* Its predecessor's answer fails while the second datagram is delivered. */
static void
echo_and_fail(struct recorder *t, const struct socle_packet *p)
{
	current = p;
	if (t->received != 2) {
		echo(t, p);
		return;
	}
	seam_fail(CALL_sendto, 1, EPERM, 1);
	assert_true(socle_write_kick(&t->dgram.sock) >= 0);
	assert_int_equal(1, t->send_errors);
}

static void
an_answer_in_on_send_error_changes_no_other(void **state)
{
	struct recorder *t = server_with(4, echo_and_fail);

	(void)state;
	t->on_send_error = answer_current;
	turn_until_received(t, 4);
	turn(2);
	assert_answers("234");
	server_end();
}

static void
check_any(struct recorder *t, int err, const struct socle_packet *p)
{
	char expected = (char)('0' + t->send_errors);

	assert_int_equal(-EPERM, err);
	assert_int_equal(1, p->len);
	assert_memory_equal(&expected, p->data, 1);
}

/* Another buffer is the spare one when the last of these is reported. */
static void
answers_that_fail_late_are_reported_unchanged(void **state)
{
	struct recorder *t = server_with(3, echo);

	(void)state;
	t->on_send_error = check_any;
	block_sends();
	turn_until_received(t, 3);
	t->on_recv = NULL;
	datagram(asker, "x");
	turn_until_received(t, 4);
	seam_heal();
	seam_fail(CALL_sendto, 1, EPERM, 10);
	seam_fail(CALL_sendmmsg, 1, EPERM, 10);
	turn_until_count(&t->send_errors, 3);
	assert_answers("");
	server_end();
}

static int (*real_sendmmsg)(int, struct socle__message *, unsigned, int);

static int
send_half(int fd, struct socle__message *m, unsigned n, int flags)
{
	return real_sendmmsg(fd, m, (n + 1) / 2, flags);
}

static void
answers_that_the_kernel_takes_in_parts_are_sent_once(void **state)
{
	struct recorder *t = server_with(8, echo);

	(void)state;
	real_sendmmsg = socle__seam.sendmmsg;
	socle__seam.sendmmsg = send_half;
	turn_until_received(t, 8);
	turn(1);
	socle__seam.sendmmsg = real_sendmmsg;
	assert_answers("12345678");
	server_end();
}

static int
answer_in_child(struct recorder *t, const struct socle_packet *p)
{
	t->quiet = false;
	t->on_recv = NULL;
	CHECK(socle_after_fork() == 0);
	CHECK(strcmp(notes(), errnos("serr-ECANCELED:1 serr-ECANCELED:2")) ==
		0);
	CHECK(socle_dgram_reply(&t->dgram, p, "c", 1) == 0);
	CHECK(socle_dgram_reply(&t->dgram, p, p->data, p->len) == 0);
	CHECK(socle_event_loop_once(0) >= 0);
	CHECK(t->dgram.items == 0);
	return 0;
}

static void
echo_and_fork(struct recorder *t, const struct socle_packet *p)
{
	pid_t pid;

	echo(t, p);
	if (t->received != 2)
		return;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(answer_in_child(t, p));
	child_wait(pid);
}

static void
a_child_sends_no_answer_that_was_queued_before_the_fork(void **state)
{
	struct recorder *t = server_with(4, echo_and_fork);

	(void)state;
	turn_until_received(t, 4);
	turn(1);
	assert_answers("c21234");
	server_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_batch_of_answers_is_one_call_and_in_order),
		test(answers_share_a_call_with_what_precedes_and_follows),
		test(answers_of_every_kind_are_sent_in_the_order_of_the_calls),
		test(after_a_shorter_answer_whole_datagrams_are_received),
		test(empty_answers_count_1_each),
		test(answers_that_wait_keep_their_bytes_and_addresses),
		test(a_close_among_answers_reports_each_of_them),
		test(a_flush_among_answers_sends_each_once),
		test(a_loop_among_answers_changes_none),
		test(other_parameters_among_answers_change_none),
		test(answers_through_a_stream_leave_in_pieces),
		test(a_failed_answer_is_reported_and_the_others_are_sent),
		test(an_answer_in_on_send_error_changes_no_other),
		test(answers_that_fail_late_are_reported_unchanged),
		test(answers_that_the_kernel_takes_in_parts_are_sent_once),
		test(a_child_sends_no_answer_that_was_queued_before_the_fork),
	};

	return run_tests(tests);
}

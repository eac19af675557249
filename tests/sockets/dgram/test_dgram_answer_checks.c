/*
 * What makes one answer of a batch different from the others: another address,
 * other data, flags, a limit, a mark, a parameter, a close.
 */
/* backends: all */
#include "tests/support/answering.h"

#include <netinet/in.h>

#ifdef __linux__
static void
answer_with_flags(struct recorder *t, const struct socle_packet *p)
{
	int flags = t->received % 2 ? 0 : MSG_MORE;

	assert_int_equal(0,
		socle_dgram_send(&t->dgram, p->data, p->len, flags, &p->from));
}

/* With MSG_MORE the kernel sends a datagram as a part of the next. */
static void
received_data_is_sent_with_the_flags_of_its_call(void **state)
{
	struct recorder *t = server_with(5, answer_with_flags);

	(void)state;
	turn_until_received(t, 5);
	turn(5);
	assert_receives(asker, "1");
	assert_receives(asker, "23");
	assert_receives(asker, "45");
	assert_receives_nothing(asker);
	server_end();
}
#endif

/* A limit refuses what exceeds it, and what it lets through is in order. */
static void
echo_up_to_the_limit(struct recorder *t, const struct socle_packet *p)
{
	int r = socle_dgram_reply(&t->dgram, p, p->data, p->len);

	assert_int_equal(t->received <= 4 ? 0 : -ENOBUFS, r);
	if (t->received == 2)
		assert_int_equal(0,
			socle_dgram_configure(&t->dgram,
				&(struct socle_dgram_params){
					.max_queue_items = 4},
				SOCLE_DGRAM_MAX_QUEUE_ITEMS));
}

static void
a_limit_set_among_answers_holds(void **state)
{
	struct recorder *t = server_with(6, echo_up_to_the_limit);

	(void)state;
	turn_until_received(t, 6);
	turn(1);
	assert_answers("1234");
	server_end();
}

/* ---- other data, another address ---- */

static void
answer_two_alike(struct recorder *t, const struct socle_packet *p)
{
	struct socle_packet other = *p;

	if (t->received == 2) {
		assert_int_equal(0, socle_dgram_reply(&t->dgram, p, "x", 1));
	} else if (t->received == 4) {
		other.from = *(const struct socle_addr *)t->arg;
		echo(t, &other);
	} else {
		echo(t, p);
	}
}

static void
an_answer_with_other_data_or_for_another_is_sent_so(void **state)
{
	struct recorder *t = server_with(3, answer_two_alike);
	struct socle_addr a;
	int other = udp_bound(&a);

	(void)state;
	t->arg = &a;
	turn_until_received(t, 3);
	turn(1);
	t->received = 2;
	datagram(asker, "3");
	datagram(asker, "4");
	datagram(asker, "5");
	all_arrived();
	turn_until_received(t, 5);
	turn(1);
	assert_answers("1x335");
	assert_receives(other, "4");
	close(other);
	server_end();
}

static void
echo_with_source(struct recorder *t, const struct socle_packet *p)
{
	assert_true(p->to.len > 0);
	echo(t, p);
}

static void
with_pktinfo_each_answer_has_its_source(void **state)
{
	const struct socle_dgram_params p = {.recv_batch = 8, .pktinfo = true};
	struct recorder *t;

	(void)state;
	skip_without_address("127.0.0.2");
	if (!SOCLE__HAVE_PKTINFO)
		skip_because("this system does not report the destination");
	t = server_at("0.0.0.0:0", "127.0.0.2", &p, 3, echo_with_source);
	turn_until_received(t, 3);
	turn(1);
	datagram(asker, "4");
	turn_until_received(t, 4);
	turn(1);
	assert_answers("1234"); /* a connected client receives no other */
	server_end();
}

/* As of a sender that has forged it. */
static void
forge_port(const struct socle_packet *p)
{
	((struct socle_packet *)(uintptr_t)p)->from.u.in.sin_port = 0;
}

static void
echo_if_possible(struct recorder *t, const struct socle_packet *p)
{
	if (t->received != 2) {
		echo(t, p);
		return;
	}
	forge_port(p);
	assert_int_equal(
		-EINVAL, socle_dgram_reply(&t->dgram, p, p->data, p->len));
}

static void
a_port_of_0_among_answers_is_refused_at_once(void **state)
{
	struct recorder *t = server_with(3, echo_if_possible);

	(void)state;
	turn_until_received(t, 3);
	turn(1);
	assert_int_equal(0, t->send_errors);
	assert_answers("13");
	server_end();
}

/* ---- marks, limits, parameters ---- */

static void
note_mark(struct socle_socket *s, bool above, void *arg)
{
	(void)s;
	(void)arg;
	note(above ? "above" : "below");
}

static void
echo_with_a_mark(struct recorder *t, const struct socle_packet *p)
{
	if (t->received == 2)
		assert_int_equal(0,
			socle_set_water_marks(
				&t->dgram.sock, 1, 2, note_mark, NULL));
	note("%d", t->received);
	echo(t, p);
}

static void
a_mark_set_among_answers_is_reported(void **state)
{
	struct recorder *t = server_with(4, echo_with_a_mark);

	(void)state;
	turn_until_received(t, 4);
	turn(1);
	assert_notes("1 2 3 above 4 below");
	assert_answers("1234");
	server_end();
}

static void
echo_up_to_the_cap(struct recorder *t, const struct socle_packet *p)
{
	int r = socle_dgram_reply(&t->dgram, p, p->data, p->len);

	assert_int_equal(t->received <= 2 ? 0 : -ENOBUFS, r);
	if (t->received == 1)
		assert_int_equal(0, socle_set_write_cap(&t->dgram.sock, 2));
}

static void
a_write_cap_set_among_answers_holds(void **state)
{
	struct recorder *t = server_with(4, echo_up_to_the_cap);

	(void)state;
	turn_until_received(t, 4);
	turn(1);
	assert_answers("12");
	server_end();
}

static void
echo_and_autoflush(struct recorder *t, const struct socle_packet *p)
{
	const struct socle_dgram_params now = {.autoflush = true};
	int r = socle_dgram_reply(&t->dgram, p, p->data, p->len);

	assert_int_equal(t->received > 2, r);
	if (t->received == 2)
		assert_int_equal(0,
			socle_dgram_configure(
				&t->dgram, &now, SOCLE_DGRAM_AUTOFLUSH));
}

static void
with_autoflush_the_next_answer_is_sent_after_the_queued_ones(void **state)
{
	struct recorder *t = server_with(4, echo_and_autoflush);

	(void)state;
	turn_until_received(t, 4);
	assert_answers("1234");
	server_end();
}

static void
echo_and_send_by_two(struct recorder *t, const struct socle_packet *p)
{
	const struct socle_dgram_params two = {.recv_batch = 2};

	echo(t, p);
	if (t->received == 1)
		assert_int_equal(0,
			socle_dgram_configure(
				&t->dgram, &two, SOCLE_DGRAM_RECV_BATCH));
}

static void
a_smaller_batch_is_sent_in_more_calls(void **state)
{
	struct recorder *t = server_with(8, echo_and_send_by_two);

	(void)state;
	answer_all(t, 8);
	if (many_are_one_call())
		assert_int_equal(4, seam_count(CALL_sendmmsg));
	assert_answers("12345678");
	server_end();
}

/*
 * A flush sends 1024 datagrams: these, and four answers.  Those with other flags
 * are not in the same call.
 */
static void
send_1020(struct recorder *t, const struct socle_packet *p)
{
	struct socle_addr nowhere;

	udp_nowhere(&nowhere);
	for (int i = 0; i < 1020 && t->received == 1; i++)
		assert_int_equal(0,
			socle_dgram_send(
				&t->dgram, "x", 1, MSG_DONTROUTE, &nowhere));
	echo(t, p);
	if (t->received < 8)
		return;
	assert_int_equal(0, socle_write_kick(&t->dgram.sock));
	assert_int_equal(4, socle_write_buf_size(&t->dgram.sock));
}

static void
a_flush_sends_a_part_of_a_batch_of_answers(void **state)
{
	struct recorder *t = server_with(8, send_1020);

	(void)state;
	turn_until_received(t, 8);
	turn(1);
	assert_answers("12345678");
	server_end();
}

/* ---- the end ---- */

static void
echo_and_end(struct recorder *t, const struct socle_packet *p)
{
	if (t->received == 2) {
		socle_dgram_close_when_empty(&t->dgram);
		assert_int_equal(-ESHUTDOWN,
			socle_dgram_reply(&t->dgram, p, p->data, p->len));
		*(bool *)t->arg = true;
		return;
	}
	echo(t, p);
}

static void
after_close_when_empty_no_answer_is_taken(void **state)
{
	struct recorder *t = server_with(3, echo_and_end);
	bool ended = false;

	(void)state;
	t->arg = &ended;
	turn_until(&ended);
	turn(1);
	assert_answers("1");
	server_end();
}

/* A part of the first has left through the stream. */
static void
echo_and_return(struct recorder *t, const struct socle_packet *p)
{
	echo(t, p);
	if (t->received != 3)
		return;
	assert_int_equal(
		0, socle_dgram_set_write_fd(&t->dgram, *(const int *)t->arg));
	seam_short(CALL_sendto, 1, 1);
	assert_int_equal(0, socle_write_kick(&t->dgram.sock));
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, -1));
}

static void
answers_that_return_from_a_stream_are_sent_from_their_rest(void **state)
{
	struct recorder *t = server_with(0, echo_and_return);
	int out[2];

	(void)state;
	pair_tcp(out);
	t->arg = &out[0];
	datagram(asker, "one");
	datagram(asker, "two");
	datagram(asker, "six");
	all_arrived();
	turn_until_received(t, 3);
	turn(1);
	assert_receives(out[1], "o");
	assert_receives(asker, "ne");
	assert_receives(asker, "two");
	assert_receives(asker, "six");
	close(out[1]);
	server_end();
}

static void
a_buffer_whose_last_answer_failed_is_used_again(void **state)
{
	struct recorder *t = server_with(1, echo);

	(void)state;
	seam_fail(CALL_sendto, 1, EPERM, 1);
	turn_until_count(&t->send_errors, 1);
	datagram(asker, "2");
	datagram(asker, "3");
	all_arrived();
	seam_heal();
	seam_fail(the_send_of_many(), 1, EPERM, 1);
	turn_until_received(t, 3);
	turn(1);
	assert_int_equal(2, t->send_errors);
	assert_answers("3");
	block_sends();
	for (int i = 4; i < 8; i++) {
		char text[2] = {(char)('0' + i), '\0'};

		datagram(asker, text);
		turn_until_received(t, i);
	}
	seam_heal();
	turn_until_count(&t->emptied, 3);
	assert_answers("4567");
	server_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __linux__
		test(received_data_is_sent_with_the_flags_of_its_call),
#endif
		test(an_answer_with_other_data_or_for_another_is_sent_so),
		test(with_pktinfo_each_answer_has_its_source),
		test(a_port_of_0_among_answers_is_refused_at_once),
		test(a_limit_set_among_answers_holds),
		test(a_write_cap_set_among_answers_holds),
		test(a_mark_set_among_answers_is_reported),
		test(with_autoflush_the_next_answer_is_sent_after_the_queued_ones),
		test(a_smaller_batch_is_sent_in_more_calls),
		test(a_flush_sends_a_part_of_a_batch_of_answers),
		test(after_close_when_empty_no_answer_is_taken),
		test(answers_that_return_from_a_stream_are_sent_from_their_rest),
		test(a_buffer_whose_last_answer_failed_is_used_again),
	};

	return run_tests(tests);
}

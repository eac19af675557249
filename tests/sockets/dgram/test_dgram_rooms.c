/*
 * The receive buffer of a datagram stays as it is while a handler that was
 * called with it runs, or a queued echo borrows it, whatever a loop nested in
 * the handler receives and sends.
 */
/* backends: all */
#include "tests/support/dgrams.h"
#include "tests/support/looping.h"

static struct recorder *
quiet_new(int fd)
{
	struct recorder *t = recorder_new(fd, NULL);

	t->quiet = true;
	return t;
}

static struct recorder *
echo_new(int fds[2])
{
	pair_dgram(fds);
	return quiet_new(fds[0]);
}

/* Counts and keeps nothing. */
static void
ignore(struct recorder *t, const struct socle_packet *p)
{
	(void)t;
	(void)p;
}

static void
receive_more(struct recorder *t, const char *text)
{
	int before = t->received;

	datagram(*(int *)t->arg, text);
	turn_until_received(t, before + 1);
}

/* The echo is sent only after a nested loop has received another datagram. */
static void
echo_and_loop(struct recorder *t, const struct socle_packet *p)
{
	t->on_recv = ignore;
	seam_fail(CALL_sendto, 1, EAGAIN, 1);
	assert_int_equal(0, socle_dgram_reply(&t->dgram, p, p->data, p->len));
	receive_more(t, "second");
	turn_until_count(&t->emptied, 1);
	receive_more(t, "third!");
	receive_more(t, "fourth");
	assert_memory_equal("first.", p->data, 6);
}

static void
a_buffer_that_is_given_back_stays_with_the_handler_that_uses_it(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	t = echo_new(fds);
	t->on_recv = echo_and_loop;
	t->arg = &fds[1];
	datagram(fds[1], "first.");
	turn(1);
	assert_int_equal(4, t->received);
	assert_receives(fds[1], "first.");
	close(fds[1]);
}

static void
echo_it(struct recorder *t, const struct socle_packet *p)
{
	t->on_recv = ignore;
	assert_int_equal(0, socle_dgram_reply(&t->dgram, p, p->data, p->len));
}

static void
receive_and_compare(struct recorder *t, int err, const struct socle_packet *p)
{
	assert_int_equal(-EPERM, err);
	receive_more(t, "second");
	receive_more(t, "third!");
	assert_memory_equal("first.", p->data, 6);
}

static void
a_failed_echo_keeps_its_bytes_in_on_send_error(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	t = echo_new(fds);
	t->on_recv = echo_it;
	t->on_send_error = receive_and_compare;
	t->arg = &fds[1];
	datagram(fds[1], "first.");
	seam_fail(CALL_sendto, 1, EPERM, 1);
	turn_until_count(&t->send_errors, 1);
	assert_int_equal(3, t->received);
	close(fds[1]);
}

static void
other_receives(struct recorder *t, int err, const struct socle_packet *p)
{
	struct recorder *other = t->arg;

	assert_int_equal(-ECANCELED, err);
	receive_more(other, "second");
	assert_memory_equal("first.", p->data, 6);
}

/* Objects of a class share what none of them uses. */
static void
a_cancelled_echo_keeps_its_bytes_in_on_send_error(void **state)
{
	struct recorder *t, *other;
	int fds[2], its[2];

	(void)state;
	t = echo_new(fds);
	other = echo_new(its);
	other->arg = &its[1];
	t->on_recv = echo_it;
	t->on_send_error = other_receives;
	t->arg = other;
	datagram(fds[1], "first.");
	seam_fail(CALL_sendto, 1, ENOBUFS, -1);
	turn_until_received(t, 1);
	socle_close(&t->dgram.sock, NULL);
	assert_int_equal(1, t->send_errors);
	notes_clear();
	close(fds[1]);
	close(its[1]);
}

/* ---- what a class shares ---- */

/* Two echoes of one datagram, the second as an object of another class. */
static void
echo_as_two_classes(struct recorder *t, const struct socle_packet *p)
{
	static const struct socle_dgram_class other = {
		.cls = {.name = "Other", .super = &recorder_class.cls}};

	assert_int_equal(0, socle_dgram_reply(&t->dgram, p, p->data, p->len));
	assert_int_equal(0, socle_set_class(&t->dgram.sock, &other.cls));
	assert_int_equal(0, socle_dgram_reply(&t->dgram, p, p->data, p->len));
}

static void
echo_without_a_copy(struct recorder *t, const struct socle_packet *p)
{
	unsigned long before = seam_count(CALL_malloc);

	echo_it(t, p);
	assert_int_equal(before, seam_count(CALL_malloc));
}

/* A class lends one buffer at a time. */
static void
a_class_lends_again_after_a_borrower_has_left_it_and_was_sent(void **state)
{
	struct recorder *t, *other;
	int fds[2], its[2];

	(void)state;
	pair_udp(fds);
	pair_udp(its);
	t = quiet_new(fds[0]);
	other = quiet_new(its[0]);
	t->on_recv = echo_as_two_classes;
	other->on_recv = echo_without_a_copy;
	datagram(fds[1], "first.");
	turn_until_count(&t->emptied, 1);
	datagram(its[1], "second");
	turn_until_count(&other->emptied, 1);
	assert_receives(fds[1], "first.");
	assert_receives(fds[1], "first.");
	assert_receives(its[1], "second");
	close(fds[1]);
	close(its[1]);
}

/* ---- a loop in on_recv ---- */

static void
wait_in_a_loop(struct recorder *t, const struct socle_packet *p)
{
	unsigned long waits = seam_waits();

	(void)p;
	assert_int_equal(1, socle_event_loop_once(5));
	*(unsigned long *)t->arg = seam_waits() - waits;
	assert_true(seam_time() - began > 0.0049);
}

static void
a_loop_in_the_handler_of_the_only_datagram_waits(void **state)
{
	struct recorder *t;
	unsigned long waits = 0;
	int fds[2];

	(void)state;
	start_virtual_time();
	t = echo_new(fds);
	t->on_recv = wait_in_a_loop;
	t->arg = &waits;
	datagram(fds[1], "first.");
	turn_until_received(t, 1);
	assert_int_equal(1, waits);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_buffer_that_is_given_back_stays_with_the_handler_that_uses_it),
		test(a_failed_echo_keeps_its_bytes_in_on_send_error),
		test(a_cancelled_echo_keeps_its_bytes_in_on_send_error),
		test(a_class_lends_again_after_a_borrower_has_left_it_and_was_sent),
		test(a_loop_in_the_handler_of_the_only_datagram_waits),
	};

	return run_tests(tests);
}

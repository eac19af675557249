/*
 * Datagrams without memory, and a change that fails.  test_sweep.c has each call
 * and each allocation fail.
 */
/* backends: all */
#include "tests/support/dgrams.h"

static bool
allocations(enum call which)
{
	return which == CALL_malloc || which == CALL_calloc ||
		which == CALL_realloc;
}

static void
a_failed_configure_changes_nothing(void **state)
{
	struct socle_addr a;
	struct recorder *t;

	(void)state;
	t = recorder_new(udp_bound(&a), NULL);
	seam_fail(CALL_setsockopt, 1, ENOBUFS, 1);
	assert_int_equal(-ENOBUFS,
		socle_dgram_configure(&t->dgram,
			&(struct socle_dgram_params){
				.pktinfo = true, .autoflush = true},
			~0u));
	assert_int_equal(0, socle_dgram_send(&t->dgram, "x", 1, 0, &a));
	turn_until_received(t, 1);
	assert_int_equal(0, t->last.to.len);
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram,
			&(struct socle_dgram_params){.pktinfo = true},
			SOCLE_DGRAM_PKTINFO));
	assert_int_equal(0, socle_dgram_send(&t->dgram, "x", 1, 0, &a));
	turn_until_received(t, 2);
	assert_int_equal(a.len, t->last.to.len);
	notes_clear();
}

static void
an_object_that_cannot_ask_for_packet_info_is_not_made(void **state)
{
	static const struct socle_dgram_params p = {.pktinfo = true};
	struct socle_dgram *d = NULL;
	struct socle_addr a;
	int fd = udp_bound(&a);

	(void)state;
	seam_fail(CALL_getsockname, 1, ENOBUFS, 1);
	assert_int_equal(
		-ENOBUFS, socle_dgram_new(&recorder_class, fd, &p, &d));
	assert_null(d);
	close(fd);
}

static bool memory_is_out;

static bool
out_of_memory(enum call which)
{
	if (!allocations(which))
		return false;
	if (memory_is_out)
		seam_fail_any(1, ENOMEM);
	return true;
}

static void
without_memory_datagrams_stay_in_the_kernel(void **state)
{
	struct recorder *t;
	double start;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_dgram(fds);
	t = recorder_new(fds[0], &(struct socle_dgram_params){.recv_batch = 4});
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	seam_watch_any(out_of_memory);
	memory_is_out = true;
	seam_count_reset();
	start = seam_time();
	while (seam_time() - start < 1)
		assert_true(socle_event_loop_once(-1) >= 0);
	assert_true(seam_count(CALL_malloc) <= 21);
	assert_false(socle_closed(&t->dgram.sock));
	memory_is_out = false;
	seam_heal();
	while (t->received < 2)
		assert_true(socle_event_loop_once(-1) >= 0);
	assert_notes("<1> <2>");
	close(fds[1]);
}

static void
a_send_without_memory_queues_nothing(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_dgram_send(&t->dgram, "x", 1, 0, NULL));
	assert_int_equal(0, socle_write_buf_size(&t->dgram.sock));
	assert_int_equal(SOCLE_READ, socle_watching(&t->dgram.sock));
	socle_dgram_configure(&t->dgram,
		&(struct socle_dgram_params){.autoflush = true},
		SOCLE_DGRAM_AUTOFLUSH);
	seam_fail(CALL_sendto, 1, EAGAIN, 1);
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_dgram_send(&t->dgram, "x", 1, 0, NULL));
	assert_int_equal(1, recorder_send(t, "y"));
	assert_receives(fds[1], "y");
	turn(2);
	assert_notes("");
	close(fds[1]);
}

/* A length of 0 is no failure, whatever an earlier call left in errno. */
static void
an_empty_datagram_is_moved_once_after_an_interruption(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(
		fds[0], &(struct socle_dgram_params){.autoflush = true});
	errno = EINTR;
	assert_int_equal(1, recorder_send(t, ""));
	assert_receives(fds[1], "");
	assert_receives_nothing(fds[1]);
	datagram(fds[1], "");
	errno = EINTR;
	turn(1);
	assert_notes("<>");
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_empty_datagram_is_moved_once_after_an_interruption),
		test(a_failed_configure_changes_nothing),
		test(an_object_that_cannot_ask_for_packet_info_is_not_made),
		test(without_memory_datagrams_stay_in_the_kernel),
		test(a_send_without_memory_queues_nothing),
	};

	return run_tests(tests);
}

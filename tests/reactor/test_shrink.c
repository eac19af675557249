/* The memory that many descriptors needed is given back when they leave. */
/* backends: all */
#include "tests/support/cells.h"

#include <stdlib.h>

enum { MANY = 4000, FEW = 10, HEADROOM = 100 };

static struct socle_socket *all[MANY];
static int shared[2], reads;

static void
count_read(struct socle_socket *self)
{
	(void)self;
	reads++;
}

static const struct socle_class counted_class = {
	.name = "Counted",
	.super = &socle_socket_class,
	.event_read = count_read,
};

static struct socle_socket *
reader(int fd)
{
	struct socle_socket *s;

	assert_true(fd >= 0);
	assert_int_equal(0, socle_socket_new(&counted_class, fd, &s));
	socle_watch_read(s, true);
	return s;
}

/* Copies of one socket are all readable at once, which fills the batch. */
static void
readers_make(int from, int end)
{
	for (int i = from; i < end; i++)
		all[i] = reader(dup(shared[0]));
}

static void
readers_close(int from, int end)
{
	for (int i = from; i < end; i++)
		socle_close(all[i], NULL);
	turn(1);
}

static void
assert_reads(int n)
{
	reads = 0;
	turn(1);
	assert_int_equal(n, reads);
}

/* Returns the bytes in use with a few of them. */
static long
many_are_made(void)
{
	long bytes;

	reads = 0;
	pair_unix(shared);
	send_all(shared[1], "x", 1);
	readers_make(0, FEW);
	assert_reads(FEW);
	bytes = seam_live_bytes();
	readers_make(FEW, MANY);
	turn(8); /* until the batch has grown */
	assert_reads(MANY);
	return bytes;
}

static void
shared_close(void)
{
	close(shared[0]);
	close(shared[1]);
}

static bool
many_are_allowed(void)
{
	return fds_may_be(MANY + HEADROOM);
}

static const char *const too_many = "the limit of open fds is too low";

static void
memory_of_closed_descriptors_is_given_back(void **state)
{
	(void)state;
	if (!many_are_allowed())
		skip_because(too_many);
	for (int round = 0; round < 2; round++) {
		long few = many_are_made();

		readers_close(FEW, MANY);
		assert_true(seam_live_bytes() - few < 24 * 1024);
		assert_reads(FEW);
		socle_reset();
		shared_close();
	}
}

static void
a_high_fd_that_stays_keeps_working_until_it_leaves_as_well(void **state)
{
	long few;

	(void)state;
	if (!many_are_allowed())
		skip_because(too_many);
	few = many_are_made();
	readers_close(FEW, MANY - 1);
	assert_reads(FEW + 1);
	readers_close(MANY - 1, MANY);
	readers_close(FEW / 2, FEW);
	assert_reads(FEW / 2);
	readers_make(FEW / 2, MANY);
	turn(8);
	assert_reads(MANY);
	readers_close(FEW, MANY);
	assert_true(seam_live_bytes() - few < 24 * 1024);
	shared_close();
}

/* The map shrinks first, then the lists of the backend. */
static void
without_memory_to_shrink_in_all_goes_on(void **state)
{
	const unsigned long lists = backend_is("epoll") ? 2 : 5;

	(void)state;
	if (!many_are_allowed())
		skip_because(too_many);
	for (unsigned long nth = 1; nth <= lists; nth++) {
		unsigned long before = seam_struck();

		(void)many_are_made();
		seam_fail(CALL_realloc, nth, ENOMEM, -1);
		readers_close(FEW, MANY);
		assert_true(seam_struck() > before);
		seam_heal();
		assert_reads(FEW);
		readers_make(FEW, MANY);
		turn(8);
		assert_reads(MANY);
		socle_reset();
		shared_close();
	}
}

/* With the loop's own descriptor they are more than half of a list's places. */
static void
lists_that_are_in_use_stay_when_the_map_shrinks(void **state)
{
	enum { HALF = 512, HIGH = 1500 };
	struct socle_loop *l = socle_loop_self();
	long bytes;

	(void)state;
	if (!fds_may_be(HIGH + HEADROOM))
		skip_because(too_many);
	pair_unix(shared);
	readers_make(0, HALF + 1);
	readers_close(HALF, HALF + 1);
	bytes = seam_live_bytes();
	all[HALF] = reader(fcntl(shared[0], F_DUPFD, HIGH));
	assert_true(seam_live_bytes() > bytes);
	readers_close(HALF, HALF + 1);
	assert_int_equal(bytes, seam_live_bytes());
	send_all(shared[1], "x", 1);
	turn(8);
	assert_reads(HALF);
	socle_loop_release(l);
	shared_close();
}

enum { QUIET = 200 };

static void
wake_the_quiet_and_close_the_others(void *arg)
{
	(void)arg;
	for (int i = FEW; i < FEW + QUIET; i++)
		socle_watch_read(all[i], true);
	for (int i = FEW + QUIET; i < MANY; i++)
		socle_close(all[i], NULL);
}

static void
interest_that_the_kernel_did_not_take_survives_a_shrinking(void **state)
{
	(void)state;
	if (!many_are_allowed())
		skip_because(too_many);
	(void)many_are_made();
	for (int i = FEW; i < FEW + QUIET; i++)
		socle_watch_read(all[i], false);
	assert_int_equal(
		0, socle_defer(wake_the_quiet_and_close_the_others, NULL));
	seam_fail(the_wait(), 1, ENOMEM, -1);
	assert_int_equal(-ENOMEM, socle_event_loop_once(0));
	seam_heal();
	turn(8);
	assert_reads(FEW + QUIET);
	shared_close();
}

static void
make_and_close_many(void *arg)
{
	(void)arg;
	readers_make(0, MANY);
	seam_fail(CALL_realloc, 2, ENOMEM, -1);
	for (int i = 0; i < MANY; i++)
		socle_close(all[i], NULL);
}

static void
objects_that_the_kernel_never_saw_leave_no_list_to_shrink(void **state)
{
	(void)state;
	if (!many_are_allowed())
		skip_because(too_many);
	pair_unix(shared);
	send_all(shared[1], "x", 1);
	assert_int_equal(0, socle_defer(make_and_close_many, NULL));
	turn(1);
	seam_heal();
	readers_make(0, FEW);
	assert_reads(FEW);
	shared_close();
}

static void
reset_it(struct socle_socket *self, int fd)
{
	(void)self;
	(void)fd;
	socle_reset();
}

static const struct socle_class resetting_class = {
	.name = "Resetting",
	.super = &socle_socket_class,
	.closing_fd = reset_it,
};

static void
a_reset_by_the_last_that_closes_leaves_nothing_to_shrink(void **state)
{
	struct socle_socket *s;

	(void)state;
	if (!many_are_allowed())
		skip_because(too_many);
	(void)many_are_made();
	assert_int_equal(
		0, socle_socket_new(&resetting_class, dup(shared[0]), &s));
	socle_close(s, NULL);
	assert_int_equal(0, socle_event_loop_once(0));
	assert_int_equal(0, socle_watched_sockets());
	readers_make(0, FEW);
	assert_reads(FEW);
	shared_close();
}

/* The kernel still watches the copy, under a number that the map has lost. */
static void
a_stale_event_for_an_fd_beyond_the_map_is_dropped(void **state)
{
	int lost[2], copy;

	(void)state;
	if (!many_are_allowed())
		skip_because(too_many);
	(void)many_are_made();
	pair_unix(lost);
	all[0] = reader(lost[0]);
	copy = dup(lost[0]);
	close(lost[0]);
	readers_close(0, 1);
	readers_close(FEW, MANY);
	send_all(lost[1], "x", 1);
	turn(2);
	assert_reads(FEW);
	close(copy);
	close(lost[1]);
	shared_close();
}

/* The kernel refused to forget it. */
static void
a_stolen_fd_beyond_the_map_does_not_make_the_loop_spin(void **state)
{
	struct socle_socket *s;
	char buf[8];
	int ends[2];

	(void)state;
	if (!many_are_allowed())
		skip_because(too_many);
	(void)many_are_made();
	pair_unix(ends);
	s = reader(ends[0]);
	if (changes_are_calls())
		seam_fail(CALL_change, 1, ENOMEM, 1);
	assert_int_equal(ends[0], socle_steal_socket(s));
	assert_int_equal(changes_are_calls(), seam_struck());
	readers_close(FEW, MANY);
	assert_int_equal(1, drain_fd(shared[0], buf, sizeof(buf)));
	send_all(ends[1], "x", 1);
	turn(2);
	seam_time_virtual();
	ten_seconds_pass(2);
	close(ends[0]);
	close(ends[1]);
	shared_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(memory_of_closed_descriptors_is_given_back),
		test(a_high_fd_that_stays_keeps_working_until_it_leaves_as_well),
		test(without_memory_to_shrink_in_all_goes_on),
		test(lists_that_are_in_use_stay_when_the_map_shrinks),
		test(interest_that_the_kernel_did_not_take_survives_a_shrinking),
		test(objects_that_the_kernel_never_saw_leave_no_list_to_shrink),
		test(a_reset_by_the_last_that_closes_leaves_nothing_to_shrink),
		test(a_stale_event_for_an_fd_beyond_the_map_is_dropped),
		test(a_stolen_fd_beyond_the_map_does_not_make_the_loop_spin),
	};

	return run_tests(tests);
}

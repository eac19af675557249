/* The memory that many descriptors needed is given back when they leave. */
/* backends: all */
#include "tests/support/fixture.h"

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

static void
without_memory_to_shrink_in_all_goes_on(void **state)
{
	(void)state;
	if (!many_are_allowed())
		skip_because(too_many);
	(void)many_are_made();
	seam_fail(CALL_realloc, 1, ENOMEM, -1);
	readers_close(FEW, MANY);
	assert_true(seam_struck() > 0);
	seam_heal();
	assert_reads(FEW);
	readers_make(FEW, MANY);
	turn(8);
	assert_reads(MANY);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(memory_of_closed_descriptors_is_given_back),
		test(a_high_fd_that_stays_keeps_working_until_it_leaves_as_well),
		test(without_memory_to_shrink_in_all_goes_on),
		test(a_stale_event_for_an_fd_beyond_the_map_is_dropped),
	};

	return run_tests(tests);
}

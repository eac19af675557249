/*
 * The memory of objects: in slabs with SOCLE_SLABS=1, which is the default but
 * in check builds, as the tests are.
 */
#include "tests/support/fixture.h"

#include "sockets/memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { MANY = 400 };

struct sized {
	struct socle_socket sock;
	char more[384]; /* 512 bytes, 329 to a slab */
};

struct large {
	struct socle_socket sock;
	char more[SOCLE__SLAB_OBJECT];
};

static const struct socle_class small_class = {
	.name = "Small", .super = &socle_socket_class};

static const struct socle_class sized_class = {.name = "Sized",
	.super = &socle_socket_class,
	.size = sizeof(struct sized)};

static const struct socle_class large_class = {.name = "Large",
	.super = &socle_socket_class,
	.size = sizeof(struct large)};

/* The other ends + 1, by fd: they stay open, so that no object hears of a HUP. */
static int peers[2048];

static int
slabs_setup(void **state)
{
	assert_int_equal(0, setenv("SOCLE_SLABS", "1", 1));
	return fixture_setup(state);
}

static int
slabs_teardown(void **state)
{
	int failed;

	for (size_t fd = 0; fd < sizeof(peers) / sizeof(*peers); fd++) {
		if (peers[fd] > 0)
			close(peers[fd] - 1);
		peers[fd] = 0;
	}
	failed = fixture_teardown(state);
	assert_int_equal(0, unsetenv("SOCLE_SLABS"));
	return failed;
}

#define in_slabs(name)                                                         \
	cmocka_unit_test_setup_teardown(name, slabs_setup, slabs_teardown)

static void
need_fds(void)
{
	if (!fds_may_be(2 * MANY + 50))
		skip_because("too few fds are allowed");
}

static struct socle_socket *
make(const struct socle_class *cls)
{
	struct socle_socket *s = NULL;
	int fds[2];

	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	assert_in_range(fds[0], 0, sizeof(peers) / sizeof(*peers) - 1);
	peers[fds[0]] = fds[1] + 1;
	assert_int_equal(0, socle_socket_new(cls, fds[0], &s));
	return s;
}

static void
end(struct socle_socket *s)
{
	close(peers[socle_fd(s)] - 1);
	peers[socle_fd(s)] = 0;
	socle_close(s, "test");
	assert_true(socle_event_loop_once(0) >= 0);
}

static void
each_object_begins_a_cache_line(void **state)
{
	(void)state;
	for (int i = 0; i < MANY / 4; i++) {
		assert_int_equal(0, (uintptr_t)make(&sized_class) % 64);
		assert_int_equal(0, (uintptr_t)make(&small_class) % 64);
	}
}

static void
objects_do_not_overlap(void **state)
{
	struct socle_socket *s[MANY];
	char mark[sizeof(((struct sized *)0)->more)];

	(void)state;
	need_fds();
	for (int i = 0; i < MANY; i++) {
		s[i] = make(&sized_class);
		memset(socle_container_of(s[i], struct sized, sock)->more, i,
			sizeof(mark));
	}
	for (int i = 0; i < MANY; i++) {
		memset(mark, i, sizeof(mark));
		assert_memory_equal(mark,
			socle_container_of(s[i], struct sized, sock)->more,
			sizeof(mark));
		assert_string_equal("Sized", socle_class_of(s[i])->name);
	}
}

static void
memory_that_is_used_again_is_zero(void **state)
{
	static const char zero[sizeof(((struct sized *)0)->more)];
	struct socle_socket *s = make(&sized_class);
	void *before = s;

	(void)state;
	memset(socle_container_of(s, struct sized, sock)->more, 7,
		sizeof(zero));
	end(s);
	s = make(&sized_class);
	assert_ptr_equal(before, s);
	assert_memory_equal(zero,
		socle_container_of(s, struct sized, sock)->more, sizeof(zero));
}

static void
an_object_after_another_needs_no_allocation(void **state)
{
	(void)state;
	end(make(&small_class));
	seam_count_reset();
	for (int i = 0; i < MANY; i++)
		end(make(&small_class));
	assert_int_equal(0, seam_count(CALL_malloc));
	assert_int_equal(0, seam_count(CALL_calloc));
}

static void
slabs_without_objects_are_freed_but_one(void **state)
{
	struct socle_socket *s[MANY];
	long before;

	(void)state;
	need_fds();
	end(make(&sized_class));
	before = seam_live_blocks();
	for (int i = 0; i < MANY; i++)
		s[i] = make(&sized_class);
	assert_int_equal(before + 1, seam_live_blocks());
	for (int i = 0; i < MANY; i++) /* neither in order nor in reverse */
		socle_close(s[i * 37 % MANY], "test");
	assert_true(socle_event_loop_once(0) >= 0);
	assert_int_equal(before, seam_live_blocks());
}

static void
the_gaps_of_full_slabs_are_filled_first(void **state)
{
	struct socle_socket *s[MANY];
	long slabs;

	(void)state;
	need_fds();
	for (int i = 0; i < MANY; i++)
		s[i] = make(&sized_class);
	slabs = seam_live_blocks();
	for (int i = 0; i < MANY; i += 3)
		end(s[i]);
	for (int i = 0; i < MANY; i += 3)
		s[i] = make(&sized_class);
	assert_int_equal(slabs, seam_live_blocks());
}

static void
a_large_object_has_a_block_of_its_own(void **state)
{
	struct socle_socket *s = make(&large_class);
	long before = seam_live_blocks();

	(void)state;
	end(s);
	assert_int_equal(before - 1, seam_live_blocks());
}

/* Its memory goes back by the size that it was made with. */
static void
an_object_of_a_smaller_class_returns_its_first_size(void **state)
{
	static const struct {
		const struct socle_class *from, *to;
	} rows[] = {{&sized_class, &small_class}, {&large_class, &small_class},
		{&large_class, &sized_class}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct socle_socket *s = make(rows[i].from), *t;

		assert_int_equal(0, socle_set_class(s, rows[i].to));
		end(s);
		s = make(rows[i].from);
		t = make(rows[i].to);
		memset(s + 1, 1, socle_class_of(s)->size - sizeof(*s));
		assert_string_equal(rows[i].to->name, socle_class_of(t)->name);
	}
}

static void
without_a_slab_new_fails_and_the_fd_stays_open(void **state)
{
	struct socle_socket *s = NULL;
	int fds[2];

	(void)state;
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	end(make(&small_class));
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_socket_new(&sized_class, fds[0], &s));
	assert_null(s);
	assert_int_equal(1, write(fds[1], "x", 1));
	assert_int_equal(0, socle_socket_new(&sized_class, fds[0], &s));
	close(fds[1]);
}

static void
with_slabs_off_each_object_has_its_own_block(void **state)
{
	struct socle_socket *s;
	long before;

	(void)state;
	assert_int_equal(0, setenv("SOCLE_SLABS", "0", 1));
	end(make(&small_class));
	before = seam_live_blocks();
	s = make(&small_class);
	assert_int_equal(before + 1, seam_live_blocks());
	end(s);
	assert_int_equal(before, seam_live_blocks());
}

static struct socle_socket *made_in_destroy;

static void
destroy_makes(struct socle_socket *self)
{
	(void)self;
	made_in_destroy = make(&sized_class);
}

static void
an_object_made_in_destroy_has_memory_of_its_own(void **state)
{
	static const struct socle_class maker_class = {.name = "Maker",
		.super = &sized_class,
		.destroy = destroy_makes};
	struct socle_socket *s = make(&maker_class);
	void *before = s;

	(void)state;
	end(s);
	assert_ptr_not_equal(before, made_in_destroy);
	assert_false(socle_closed(made_in_destroy));
	assert_ptr_equal(before, make(&sized_class));
}

static void
a_datagram_object_that_is_not_made_gives_its_memory_back(void **state)
{
	static const struct socle_dgram_class cls = {
		.cls = {.name = "Dgram", .super = &socle_dgram_class.cls}};
	const struct socle_dgram_params params = {.recv_batch = 1};
	struct socle_dgram *d = NULL;
	long before;

	(void)state;
	assert_int_equal(-EBADF, socle_dgram_new(&cls, -1, &params, &d));
	before = seam_live_blocks();
	for (int i = 0; i < MANY; i++)
		assert_int_equal(
			-EBADF, socle_dgram_new(&cls, -1, &params, &d));
	assert_null(d);
	assert_int_equal(before, seam_live_blocks());
}

static void *
makes_and_leaves(void *unused)
{
	for (int i = 0; i < MANY; i++)
		(void)make(&sized_class);
	return unused;
}

/* The first slabs are full, and in no list. */
static void
the_end_of_a_thread_frees_the_slabs_of_its_open_objects(void **state)
{
	pthread_t thread;
	long before = seam_live_blocks();

	(void)state;
	need_fds();
	assert_int_equal(
		0, pthread_create(&thread, NULL, makes_and_leaves, NULL));
	assert_int_equal(0, pthread_join(thread, NULL));
	assert_int_equal(before, seam_live_blocks());
}

/* The list starts with the slab that got a gap last. */
static void
a_slab_that_empties_behind_another_is_freed(void **state)
{
	struct socle_socket *s[3 * MANY];
	int n = 0;
	long blocks;

	(void)state;
	if (!fds_may_be(6 * MANY + 50))
		skip_because("too few fds are allowed");
	if (2 * 2 * 329 + 200 > (int)(sizeof(peers) / sizeof(*peers)))
		skip_because("too few places for fds");
	while (n < 2 * 329)
		s[n++] = make(&sized_class);
	end(s[0]);
	end(s[n - 1]);
	blocks = seam_live_blocks();
	for (int i = 1; i < 329; i++)
		end(s[i]);
	assert_true(seam_live_blocks() < blocks);
}

static void
an_empty_setting_is_none(void **state)
{
	(void)state;
	assert_int_equal(0, setenv("SOCLE_SLABS", "", 1));
	end(make(&small_class));
	assert_int_equal(0, unsetenv("SOCLE_SLABS"));
	socle_reset();
	end(make(&small_class));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in_slabs(each_object_begins_a_cache_line),
		in_slabs(objects_do_not_overlap),
		in_slabs(memory_that_is_used_again_is_zero),
		in_slabs(an_object_after_another_needs_no_allocation),
		in_slabs(slabs_without_objects_are_freed_but_one),
		in_slabs(the_gaps_of_full_slabs_are_filled_first),
		in_slabs(a_large_object_has_a_block_of_its_own),
		in_slabs(an_object_of_a_smaller_class_returns_its_first_size),
		in_slabs(without_a_slab_new_fails_and_the_fd_stays_open),
		in_slabs(with_slabs_off_each_object_has_its_own_block),
		in_slabs(an_object_made_in_destroy_has_memory_of_its_own),
		in_slabs(
			a_datagram_object_that_is_not_made_gives_its_memory_back),
		in_slabs(
			the_end_of_a_thread_frees_the_slabs_of_its_open_objects),
		in_slabs(a_slab_that_empties_behind_another_is_freed),
		in_slabs(an_empty_setting_is_none),
	};

	return run_tests(tests);
}

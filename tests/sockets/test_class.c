/*
 * Classes: inheritance, super calls, the members a class must have, and
 * socle_set_class().
 */
/* backends: all */
#include "tests/support/fixture.h"

#include <fcntl.h>
#include <stdio.h>

/* ---- five levels ---- */

struct five {
	struct socle_socket sock;
	int value;
};

static const struct socle_class one_class, two_class, four_class, five_class;

static void
one_event_read(struct socle_socket *self)
{
	char c;

	note("one.r");
	assert_int_equal(1, socle_read(self, &c, 1));
}

static void
one_close(struct socle_socket *self, const char *reason)
{
	note("one.c");
	socle_super_close(&one_class, self, reason);
}

static void
one_destroy(struct socle_socket *self)
{
	note("one.d");
	socle_super_destroy(&one_class, self);
}

static void
two_event_read(struct socle_socket *self)
{
	note("two.r");
	socle_super_event_read(&two_class, self);
}

static void
four_event_read(struct socle_socket *self)
{
	note("four.r");
	socle_super_event_read(&four_class, self);
}

static void
four_close(struct socle_socket *self, const char *reason)
{
	note("four.c");
	socle_super_close(&four_class, self, reason);
}

static void
five_destroy(struct socle_socket *self)
{
	note("five.d");
	socle_super_destroy(&five_class, self);
}

static const struct socle_class one_class = {
	.name = "One",
	.super = &socle_socket_class,
	.size = sizeof(struct five),
	.event_read = one_event_read,
	.close = one_close,
	.destroy = one_destroy,
};

static const struct socle_class two_class = {
	.name = "Two",
	.super = &one_class,
	.event_read = two_event_read,
};

/* Overrides nothing. */
static const struct socle_class three_class = {
	.name = "Three",
	.super = &two_class,
};

static const struct socle_class four_class = {
	.name = "Four",
	.super = &three_class,
	.size = sizeof(struct five),
	.event_read = four_event_read,
	.close = four_close,
};

static const struct socle_class five_class = {
	.name = "Five",
	.super = &four_class,
	.destroy = five_destroy,
};

static struct socle_socket *
made(const struct socle_class *cls, int *peer)
{
	struct socle_socket *s;
	int fds[2];

	pair_unix(fds);
	assert_int_equal(0, socle_socket_new(cls, fds[0], &s));
	*peer = fds[1];
	return s;
}

static void
methods_are_inherited_over_five_levels(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&five_class, &peer);
	socle_watch_read(s, true);
	send_all(peer, "x", 1);
	turn(1);
	assert_notes("four.r two.r one.r");

	socle_close(s, NULL);
	turn(1);

	assert_notes("four.c one.c five.d one.d");
	close(peer);
}

static void
a_class_that_overrides_nothing_does_what_its_super_does(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&three_class, &peer);
	socle_watch_read(s, true);
	send_all(peer, "x", 1);

	turn(1);

	assert_notes("two.r one.r");
	assert_ptr_equal(&three_class, socle_class_of(s));
	close(peer);
}

static void
a_super_call_uses_the_named_class_not_the_objects_class(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&five_class, &peer);
	socle_watch_read(s, true);
	send_all(peer, "ab", 2);
	turn(2);

	/* otherwise this would recurse without end */
	assert_notes("four.r two.r one.r four.r two.r one.r");
	close(peer);
}

/* A class that overrides nothing, and all the super calls. */
static const struct socle_class bare_class = {
	.name = "Bare",
	.super = &socle_socket_class,
};

static void
every_slot_has_its_super_call(void **state)
{
	struct socle_socket *s;
	char text[64];
	int peer;

	(void)state;
	s = made(&bare_class, &peer);
	socle_super_event_write(&bare_class, s);
	socle_super_event_drain(&bare_class, s);
	socle_super_incomplete_write(&bare_class, s);
	socle_super_event_accepted(&bare_class, s, NULL);
	socle_super_closing_fd(&bare_class, s, peer);
	assert_true(
		socle_super_as_string(&bare_class, s, text, sizeof(text)) > 0);
	assert_memory_equal("Bare(): open", text, 12);
	socle_super_destroy(&bare_class, s);
	assert_false(socle_closed(s));

	socle_super_close(&bare_class, s, "super");

	assert_true(socle_closed(s));
	close(peer);
}

static void
super_calls_of_events_reach_the_root(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&bare_class, &peer);
	socle_super_event_err(&bare_class, s, -EIO);
	assert_true(socle_closed(s));
	close(peer);
	s = made(&bare_class, &peer);
	socle_super_event_hup(&bare_class, s);
	assert_true(socle_closed(s));
	close(peer);
	s = made(&bare_class, &peer);
	socle_super_event_timeout(&bare_class, s, SOCLE_STALL);
	assert_true(socle_closed(s));
	close(peer);
}

/* ---- requirements on a class ---- */

static void
a_size_of_0_means_the_size_of_the_super(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&five_class, &peer);

	/*
	 * new memory is zeroed; the sanitizer detects a block that is too small
	 */
	assert_int_equal(0, socle_container_of(s, struct five, sock)->value);
	socle_container_of(s, struct five, sock)->value = 5;
	assert_int_equal(0, socle_set_class(s, &one_class));
	close(peer);
}

/* The result of socle_socket_new(); the fd must be unchanged. */
static int
new_result(const struct socle_class *cls)
{
	struct socle_socket *s = NULL;
	int fds[2], r;

	assert_int_equal(0, pipe(fds));
	r = socle_socket_new(cls, fds[0], &s);
	if (r == 0) {
		socle_close(s, NULL);
		turn(1);
	} else {
		assert_null(s);
		assert_int_equal(0, fcntl(fds[0], F_GETFL) & O_NONBLOCK);
		assert_int_equal(0, fcntl(fds[0], F_GETFD));
		close(fds[0]);
	}
	close(fds[1]);
	return r;
}

static void
a_class_without_the_root_above_it_is_refused(void **state)
{
	static const struct socle_class rootless = {
		.name = "Rootless", .size = sizeof(struct socle_socket)};
	static const struct socle_class below = {
		.name = "Below", .super = &rootless};

	(void)state;
	assert_int_equal(-EINVAL, new_result(&rootless));
	assert_int_equal(-EINVAL, new_result(&below));
	assert_int_equal(-EINVAL, new_result(NULL));
}

static void
a_class_without_a_name_is_refused(void **state)
{
	static const struct socle_class nameless = {
		.super = &socle_socket_class};

	(void)state;
	assert_int_equal(-EINVAL, new_result(&nameless));
}

static void
a_class_smaller_than_its_super_is_refused(void **state)
{
	static const struct socle_class small = {
		.name = "Small", .super = &socle_socket_class, .size = 8};

	(void)state;
	assert_int_equal(-EINVAL, new_result(&small));
}

static void
a_class_smaller_than_a_grandparent_is_refused(void **state)
{
	static const struct socle_class small = {.name = "Small",
		.super = &two_class, /* as large as One */
		.size = sizeof(struct socle_socket)};
	static const struct socle_class tiny = {
		.name = "Tiny", .super = &bare_class, .size = 8};

	(void)state;
	assert_int_equal(-EINVAL, new_result(&small));
	assert_int_equal(-EINVAL, new_result(&tiny));
}

static void
the_root_itself_can_be_instantiated(void **state)
{
	(void)state;
	assert_int_equal(0, new_result(&socle_socket_class));
}

/* ---- changing the class ---- */

static void
note_b(struct socle_socket *self)
{
	char c;

	note("b");
	assert_int_equal(1, socle_read(self, &c, 1));
}

static const struct socle_class b_class = {
	.name = "Beta",
	.super = &socle_socket_class,
	.event_read = note_b,
};

static void
become_b(struct socle_socket *self)
{
	char c;

	note("a");
	assert_int_equal(1, socle_read(self, &c, 1));
	assert_int_equal(0, socle_set_class(self, &b_class));
	assert_ptr_equal(&b_class, socle_class_of(self));
}

static const struct socle_class a_class = {
	.name = "Alpha",
	.super = &socle_socket_class,
	.event_read = become_b,
};

/* case 133 */
static void
a_class_set_in_a_callback_takes_effect_with_the_next_event(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&a_class, &peer);
	socle_watch_read(s, true);
	send_all(peer, "xyz", 3);

	turn(3);

	assert_notes("a b b");
	close(peer);
}

static void
note_write(struct socle_socket *self)
{
	note("w");
	socle_watch_write(self, false);
}

static const struct socle_class writes_class = {
	.name = "Writes",
	.super = &socle_socket_class,
	.event_write = note_write,
};

static void
become_writes(struct socle_socket *self)
{
	assert_int_equal(0, socle_set_class(self, &writes_class));
	socle_watch_read(self, false);
}

static const struct socle_class reads_class = {
	.name = "Reads",
	.super = &socle_socket_class,
	.event_read = become_writes,
};

/* case 133 */
static void
a_class_set_in_event_read_gets_the_write_of_the_same_event(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&reads_class, &peer);
	socle_watch_read(s, true);
	socle_watch_write(s, true);
	send_all(peer, "x", 1);

	turn(1);

	assert_notes("w");
	close(peer);
}

static void
note_item(const struct socle_profile_item *item, void *arg)
{
	(void)arg;
	note("%s=%d", item->item, (int)item->calls);
}

/* case 128 */
static void
a_class_set_has_its_own_name_in_the_profile(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&a_class, &peer);
	socle_watch_read(s, true);
	send_all(peer, "xyz", 3);
	assert_int_equal(1, socle_enable_profiling(SOCLE_PROFILE_WALL));

	turn(3);

	notes_clear();
	socle_profiling_data(note_item, NULL);
	assert_notes("Alpha-read=1 Beta-read=2");
	close(peer);
}

struct large {
	struct five five;
	char more[100];
};

static const struct socle_class large_class = {
	.name = "Large",
	.super = &one_class,
	.size = sizeof(struct large),
};

static void
a_class_larger_than_the_object_is_refused(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&one_class, &peer);

	assert_int_equal(-EINVAL, socle_set_class(s, &large_class));

	assert_ptr_equal(&one_class, socle_class_of(s));
	close(peer);
}

static void
an_object_can_change_to_its_base_class_and_back(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&large_class, &peer);

	assert_int_equal(0, socle_set_class(s, &bare_class));
	assert_int_equal(0, socle_set_class(s, &large_class));
	assert_int_equal(0, socle_set_class(s, &socle_socket_class));
	assert_int_equal(0, socle_set_class(s, &five_class));
	assert_ptr_equal(&five_class, socle_class_of(s));
	close(peer);
}

static void
an_object_keeps_its_allocated_size_in_a_smaller_class(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&one_class, &peer);

	assert_int_equal(0, socle_set_class(s, &bare_class));
	assert_int_equal(-EINVAL, socle_set_class(s, &large_class));
	assert_ptr_equal(&bare_class, socle_class_of(s));
	close(peer);
}

static void
an_invalid_class_or_a_closed_object_is_refused(void **state)
{
	static const struct socle_class rootless = {
		.name = "Rootless", .size = sizeof(struct socle_socket)};
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&one_class, &peer);
	assert_int_equal(-EINVAL, socle_set_class(s, &rootless));
	assert_int_equal(-EINVAL, socle_set_class(s, NULL));
	socle_close(s, NULL);
	assert_int_equal(-EBADF, socle_set_class(s, &five_class));
	close(peer);
}

static void
the_last_class_set_gets_close_and_destroy(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&one_class, &peer);
	assert_int_equal(0, socle_set_class(s, &five_class));

	socle_close(s, NULL);
	turn(1);

	assert_notes("four.c one.c five.d one.d");
	close(peer);
}

static void
without_memory_for_a_new_class_the_old_one_stays(void **state)
{
	struct socle_socket *s;
	int peer;

	(void)state;
	s = made(&one_class, &peer);
	seam_fail(CALL_calloc, 1, ENOMEM, 1);

	assert_int_equal(-ENOMEM, socle_set_class(s, &five_class));

	assert_ptr_equal(&one_class, socle_class_of(s));
	assert_int_equal(0, socle_set_class(s, &five_class));
	close(peer);
}

static void
without_memory_to_note_its_size_an_object_keeps_its_class(void **state)
{
	struct socle_socket *s;
	int peer, other;

	(void)state;
	(void)made(&bare_class, &other); /* the class is known from now on */
	s = made(&one_class, &peer);
	seam_fail(CALL_calloc, 1, ENOMEM, 1);

	assert_int_equal(-ENOMEM, socle_set_class(s, &bare_class));

	assert_int_equal(1, seam_struck());
	assert_ptr_equal(&one_class, socle_class_of(s));
	assert_int_equal(0, socle_set_class(s, &bare_class));
	assert_int_equal(0, socle_set_class(s, &one_class));
	close(peer);
	close(other);
}

/* ---- classes above that lack a slot, and the root, which has none above ---- */

static int ends_of_others[4];
static const struct socle_class full_class, gap_class, below_class;

static void
full_event_drain(struct socle_socket *self)
{
	(void)self;
	note("drain");
}

static void
full_incomplete_write(struct socle_socket *self)
{
	(void)self;
	note("inc");
}

static void
full_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	(void)self;
	(void)by;
	note("accepted");
}

static const struct socle_class full_class = {
	.name = "Full",
	.super = &socle_socket_class,
	.size = sizeof(struct five),
	.event_drain = full_event_drain,
	.incomplete_write = full_incomplete_write,
	.event_accepted = full_event_accepted,
};

static const struct socle_class gap_class = {
	.name = "Gap", .super = &full_class};

static const struct socle_class below_class = {
	.name = "Below", .super = &gap_class};

static void
a_super_call_passes_a_class_without_the_slot(void **state)
{
	struct socle_socket *s;
	char text[32];
	int peer;

	(void)state;
	s = made(&below_class, &peer);
	socle_super_event_drain(&below_class, s);
	socle_super_incomplete_write(&below_class, s);
	socle_super_event_accepted(&below_class, s, NULL);
	assert_notes("drain inc accepted");
	assert_true(
		socle_super_as_string(&below_class, s, text, sizeof(text)) > 0);
	assert_memory_equal("Below(): open", text, 13);
	socle_super_event_write(&below_class, s);
	socle_super_event_timeout(&below_class, s, SOCLE_IDLE);
	assert_true(socle_closed(s));
	s = made(&below_class, &ends_of_others[0]);
	socle_super_event_read(&below_class, s);
	assert_true(socle_closed(s));
	s = made(&below_class, &ends_of_others[1]);
	socle_super_event_err(&below_class, s, -EIO);
	assert_true(socle_closed(s));
	s = made(&below_class, &ends_of_others[2]);
	socle_super_event_hup(&below_class, s);
	assert_true(socle_closed(s));
	s = made(&below_class, &ends_of_others[3]);
	socle_super_close(&below_class, s, NULL);
	assert_true(socle_closed(s));
	close(peer);
	for (int i = 0; i < 4; i++)
		close(ends_of_others[i]);
}

static void
above_the_root_there_is_no_method(void **state)
{
	struct socle_socket *s;
	char text[32];
	int peer;

	(void)state;
	s = made(&five_class, &peer);
	socle_super_event_read(&socle_socket_class, s);
	socle_super_event_write(&socle_socket_class, s);
	socle_super_event_err(&socle_socket_class, s, -EIO);
	socle_super_event_hup(&socle_socket_class, s);
	socle_super_event_timeout(&socle_socket_class, s, SOCLE_IDLE);
	socle_super_close(&socle_socket_class, s, NULL);
	assert_int_equal(-EINVAL,
		socle_super_as_string(
			&socle_socket_class, s, text, sizeof(text)));
	assert_false(socle_closed(s));
	assert_notes("");
	socle_close(s, NULL);
	notes_clear();
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(methods_are_inherited_over_five_levels),
		test(a_class_that_overrides_nothing_does_what_its_super_does),
		test(a_super_call_uses_the_named_class_not_the_objects_class),
		test(every_slot_has_its_super_call),
		test(super_calls_of_events_reach_the_root),
		test(a_size_of_0_means_the_size_of_the_super),
		test(a_class_without_the_root_above_it_is_refused),
		test(a_class_without_a_name_is_refused),
		test(a_class_smaller_than_its_super_is_refused),
		test(a_class_smaller_than_a_grandparent_is_refused),
		test(the_root_itself_can_be_instantiated),
		test(a_class_set_in_a_callback_takes_effect_with_the_next_event),
		test(a_class_set_in_event_read_gets_the_write_of_the_same_event),
		test(a_class_set_has_its_own_name_in_the_profile),
		test(a_class_larger_than_the_object_is_refused),
		test(an_object_can_change_to_its_base_class_and_back),
		test(an_object_keeps_its_allocated_size_in_a_smaller_class),
		test(an_invalid_class_or_a_closed_object_is_refused),
		test(the_last_class_set_gets_close_and_destroy),
		test(without_memory_for_a_new_class_the_old_one_stays),
		test(without_memory_to_note_its_size_an_object_keeps_its_class),
		test(a_super_call_passes_a_class_without_the_slot),
		test(above_the_root_there_is_no_method),
	};

	return run_tests(tests);
}

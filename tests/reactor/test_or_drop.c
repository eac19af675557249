/* backends: all */
/*
 * Callbacks that own their argument: `drop' is called once, when the callback
 * will never run again, and never while it runs.
 */
#include "tests/support/fixture.h"

static char a[] = "a", b[] = "b", c[] = "c", d[] = "d";
static int ends[2];
static void (*inside)(void);

static void
drop(void *arg)
{
	note("drop-%s", (char *)arg);
}

static void
run_inside(const char *what)
{
	void (*fn)(void) = inside;

	note("%s", what);
	inside = NULL;
	if (fn)
		fn();
	note("end");
}

static void
timer(void *arg)
{
	run_inside(arg);
}

static bool
post_loop(void *arg)
{
	run_inside(arg);
	return true;
}

static void
other(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)ready;
	run_inside(arg);
}

static void
set_post_loop(char *arg)
{
	socle_set_post_loop_callback_or_drop(post_loop, drop, arg);
}

static void
add_other(char *arg)
{
	assert_int_equal(0,
		socle_add_other_fd_or_drop(
			ends[0], SOCLE_READ, other, drop, arg));
}

static void
readable_other(char *arg)
{
	pair_pipe(ends);
	send_all(ends[1], "x", 1);
	add_other(arg);
}

static void
close_ends(void)
{
	close(ends[0]);
	close(ends[1]);
}

/* ---- timers ---- */

static void
a_timer_that_fired_is_dropped_after_its_call(void **state)
{
	(void)state;
	assert_true(socle_add_timer_or_drop(0, timer, drop, a) != 0);
	turn(2);
	assert_notes("a end drop-a");
}

static void
a_cancelled_timer_is_dropped(void **state)
{
	socle_timer_id id = socle_add_timer_or_drop(60, timer, drop, a);

	(void)state;
	assert_true(socle_cancel_timer(id));
	assert_notes("drop-a");
	assert_false(socle_cancel_timer(id));
	assert_notes("");
}

static void
a_reset_drops_timers_and_one_that_runs_when_it_returns(void **state)
{
	(void)state;
	(void)socle_add_timer_or_drop(60, timer, drop, a);
	(void)socle_add_timer_or_drop(0, timer, drop, b);
	inside = socle_reset;
	assert_int_equal(0, socle_event_loop_once(0));
	assert_notes("b drop-a end drop-b");
}

static void
a_timer_without_memory_is_not_dropped(void **state)
{
	(void)state;
	turn(1);
	for (unsigned long nth = 1; nth <= 2; nth++) {
		seam_fail(nth == 1 ? CALL_calloc : CALL_malloc, 1, ENOMEM, 1);
		assert_true(socle_add_timer_or_drop(0, timer, drop, a) == 0);
	}
	turn(1);
	assert_notes("");
}

/* ---- post-loop callbacks ---- */

static void
replace_post_loop(void)
{
	set_post_loop(b);
}

static void
turn_and_replace(void)
{
	inside = replace_post_loop;
	turn(1);
}

static void
a_post_loop_callback_is_dropped_when_replaced_or_removed(void **state)
{
	(void)state;
	set_post_loop(a);
	set_post_loop(b);
	assert_notes("drop-a");
	socle_set_post_loop_callback(NULL, NULL);
	assert_notes("drop-b");
	turn(1);
	assert_notes("");
}

static void
a_post_loop_callback_that_goes_on_is_dropped_once_in_the_end(void **state)
{
	(void)state;
	set_post_loop(a);
	turn(2);
	assert_notes("a end a end");
	socle_set_post_loop_callback(NULL, NULL);
	assert_notes("drop-a");
}

static void
the_drop_of_no_post_loop_callback_is_not_called(void **state)
{
	(void)state;
	set_post_loop(a);
	socle_set_post_loop_callback_or_drop(NULL, drop, b);
	assert_notes("drop-a");
	set_post_loop(c);
	assert_notes("");
	socle_reset();
	assert_notes("drop-c");
}

static void
a_post_loop_callback_that_replaces_itself_is_dropped_when_it_returns(
	void **state)
{
	(void)state;
	set_post_loop(a);
	inside = replace_post_loop;
	turn(1);
	assert_notes("a end drop-a");
	set_post_loop(a);
	notes_clear();
	inside = turn_and_replace;
	turn(1);
	assert_notes("a a end end drop-a");
	socle_reset();
	assert_notes("drop-b");
}

/* ---- other fds ---- */

static void
remove_other(void)
{
	assert_int_equal(0, socle_remove_other_fd(ends[0]));
}

static void
replace_other(void)
{
	add_other(b);
}

static void
an_other_fd_is_dropped_when_removed_replaced_or_cleared(void **state)
{
	(void)state;
	readable_other(a);
	add_other(b);
	assert_notes("drop-a");
	remove_other();
	assert_notes("drop-b");
	add_other(c);
	socle_clear_other_fds();
	assert_notes("drop-c");
	add_other(d);
	socle_reset();
	assert_notes("drop-d");
	close_ends();
}

static void
an_other_fd_that_goes_on_is_dropped_once_in_the_end(void **state)
{
	(void)state;
	readable_other(a);
	turn(2);
	assert_notes("a end a end");
	remove_other();
	assert_notes("drop-a");
	close_ends();
}

static void
an_other_fd_that_ends_itself_is_dropped_when_it_returns(void **state)
{
	void (*const ways[])(void) = {remove_other, socle_reset};

	(void)state;
	for (int i = 0; i < 2; i++) {
		readable_other(a);
		inside = ways[i];
		(void)socle_event_loop_once(0);
		assert_notes("a end drop-a");
		close_ends();
	}
	readable_other(a);
	inside = replace_other;
	turn(1);
	assert_notes("a end drop-a");
	socle_reset();
	assert_notes("drop-b");
	close_ends();
}

static void
an_other_fd_that_is_refused_is_not_dropped(void **state)
{
	(void)state;
	assert_int_equal(-EBADF,
		socle_add_other_fd_or_drop(-1, SOCLE_READ, other, drop, a));
	pair_pipe(ends);
	seam_fail(CALL_malloc, 1, ENOMEM, -1);
	assert_int_equal(-ENOMEM,
		socle_add_other_fd_or_drop(
			ends[0], SOCLE_READ, other, drop, a));
	seam_heal();
	turn(1);
	assert_notes("");
	close_ends();
}

static void
an_other_fd_can_be_looked_up(void **state)
{
	void (*fn)(int fd, unsigned ready, void *arg) = NULL;
	unsigned events = 0;
	void *arg = NULL;
	char mine[] = "a";

	(void)state;
	assert_int_equal(-ENOENT, socle_other_fd(-1, &events, &fn, &arg));
	readable_other(mine);
	assert_int_equal(-ENOENT, socle_other_fd(ends[1], &events, &fn, &arg));
	assert_int_equal(0, socle_other_fd(ends[0], &events, &fn, &arg));
	assert_int_equal(SOCLE_READ, events);
	assert_true(fn == other && arg == mine);
	assert_int_equal(0, socle_other_fd(ends[0], NULL, NULL, NULL));
	socle_reset();
	assert_int_equal(-ENOENT, socle_other_fd(ends[0], NULL, NULL, NULL));
	close_ends();
}

/* ---- what a drop makes during a reset ---- */

static int peer;
static struct probe *made;

static void
drop_makes(void *arg)
{
	int fds[2];

	note("drop");
	if (made)
		return;
	pair_unix(fds);
	peer = fds[1];
	made = probe_new(fds[0], arg);
	socle_watch_read(&made->sock, true);
	assert_true(socle_add_timer(0, timer, b) != 0);
	assert_int_equal(0, socle_defer_or_drop(timer, drop, c));
}

static void
with_timer(void)
{
	assert_true(socle_add_timer_or_drop(60, timer, drop_makes, a) != 0);
}

static void
with_deferred(void)
{
	assert_int_equal(0, socle_defer_or_drop(timer, drop_makes, a));
}

static void
with_post(void)
{
	struct socle_loop *self = socle_loop_self();

	assert_int_equal(0, socle_post_or_drop(self, timer, drop_makes, a));
	socle_loop_release(self);
}

static void (*const with_drop[])(void) = {with_timer, with_deferred, with_post};

static void
assert_made_serves(void)
{
	send_all(peer, "x", 1);
	turn(1);
	assert_notes("b end c end a:r");
}

static void
put_and_reset(void *arg)
{
	void (*const *with)(void) = arg;

	(*with)();
	socle_reset();
	note("reset");
}

static void
what_a_drop_makes_during_a_reset_belongs_to_the_time_after_it(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		void (*const with)(void) = with_drop[i];

		made = NULL;
		turn(1);
		with();
		socle_reset();
		assert_notes("drop");
		assert_made_serves();
		socle_reset();
		assert_notes("a:destroy");
		close(peer);
	}
}

static void
what_a_drop_makes_during_a_reset_in_a_handler_stays_too(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		void (*with)(void) = with_drop[i];

		made = NULL;
		assert_int_equal(0, socle_defer(put_and_reset, &with));
		assert_int_equal(0, socle_event_loop_once(0));
		assert_notes("drop reset");
		assert_made_serves();
		socle_reset();
		assert_notes("a:destroy");
		close(peer);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_timer_that_fired_is_dropped_after_its_call),
		test(a_cancelled_timer_is_dropped),
		test(a_reset_drops_timers_and_one_that_runs_when_it_returns),
		test(a_timer_without_memory_is_not_dropped),
		test(a_post_loop_callback_is_dropped_when_replaced_or_removed),
		test(a_post_loop_callback_that_goes_on_is_dropped_once_in_the_end),
		test(the_drop_of_no_post_loop_callback_is_not_called),
		test(a_post_loop_callback_that_replaces_itself_is_dropped_when_it_returns),
		test(an_other_fd_is_dropped_when_removed_replaced_or_cleared),
		test(an_other_fd_that_goes_on_is_dropped_once_in_the_end),
		test(an_other_fd_that_ends_itself_is_dropped_when_it_returns),
		test(an_other_fd_that_is_refused_is_not_dropped),
		test(an_other_fd_can_be_looked_up),
		test(what_a_drop_makes_during_a_reset_belongs_to_the_time_after_it),
		test(what_a_drop_makes_during_a_reset_in_a_handler_stays_too),
	};

	return run_tests(tests);
}

/*
 * socle_reset() restores the initial state, wherever it is called.
 */
/* backends: all */
#include "tests/support/fixture.h"

static struct probe *
made(const char *tag, int *peer)
{
	int fds[2];

	pair_unix(fds);
	*peer = fds[1];
	return probe_new(fds[0], tag);
}

static void
never(void *arg)
{
	(void)arg;
	note("never");
}

static void
note_drop(void *arg)
{
	(void)arg;
	note("drop");
}

static bool
never_post(void *arg)
{
	(void)arg;
	note("never");
	return false;
}

static bool
never_object_post(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	note("never");
	return false;
}

static void
never_other(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)ready;
	(void)arg;
	note("never");
}

static void
count_object(struct socle_socket *s, void *arg)
{
	(void)s;
	++*(int *)arg;
}

static void
count_other(int fd, unsigned events, void *arg)
{
	(void)fd;
	(void)events;
	++*(int *)arg;
}

static void
count_item(const struct socle_profile_item *item, void *arg)
{
	(void)item;
	++*(int *)arg;
}

/* ---- the state that it clears ---- */

/* case 59 */
static void
objects_are_destroyed_without_calling_their_close(void **state)
{
	struct probe *p;
	int peers[2], fd, n = 0;
	char c;

	(void)state;
	p = made("a", &peers[0]);
	fd = socle_fd(&p->sock);
	made("b", &peers[1]);

	socle_reset();

	assert_true(strcmp(notes(), "a:destroy b:destroy") == 0 ||
		strcmp(notes(), "b:destroy a:destroy") == 0);
	assert_int_equal(0, socle_watched_sockets());
	assert_null(socle_descriptor(fd));
	socle_each_descriptor(count_object, &n);
	assert_int_equal(0, n);
	assert_int_equal(-1, drain_fd(peers[0], &c, 1));
	assert_int_equal(-1, drain_fd(peers[1], &c, 1));
	close(peers[0]);
	close(peers[1]);
}

/* case 59 */
static void
other_fds_are_removed_and_stay_open(void **state)
{
	int fds[2], n = 0;

	(void)state;
	pair_unix(fds);
	assert_int_equal(
		0, socle_add_other_fd(fds[0], SOCLE_READ, never_other, NULL));
	send_all(fds[1], "x", 1);

	socle_reset();
	turn(2);

	assert_notes("");
	socle_each_other_fd(count_other, &n);
	assert_int_equal(0, n);
	assert_int_equal(-ENOENT, socle_remove_other_fd(fds[0]));
	assert_true(fcntl(fds[0], F_GETFD) >= 0);
	close(fds[0]);
	close(fds[1]);
}

/* case 59 */
static void
timers_and_post_loop_callbacks_are_removed(void **state)
{
	struct socle_timer t;
	socle_timer_id id;

	(void)state;
	socle_timer_init(&t, NULL);
	assert_int_equal(0, socle_timer_start(&t, 0));
	id = socle_add_timer(0, never, NULL);
	assert_true(id != 0);
	socle_set_post_loop_callback(never_post, NULL);

	socle_reset();
	assert_false(socle_timer_pending(&t));
	assert_false(socle_cancel_timer(id));
	turn(3);

	assert_notes("");
	assert_int_equal(1, socle_event_loop_once(0));
}

/* case 59 */
static void
deferred_and_posted_calls_are_dropped(void **state)
{
	struct socle_loop *self;

	(void)state;
	self = socle_loop_self();
	assert_non_null(self);
	assert_int_equal(0, socle_defer_or_drop(never, note_drop, NULL));
	assert_int_equal(0, socle_post_or_drop(self, never, note_drop, NULL));
	assert_int_equal(0, socle_defer(never, NULL));

	socle_reset();
	assert_notes("drop drop");
	assert_int_equal(-ESHUTDOWN, socle_post(self, never, NULL));
	turn(2);

	assert_notes("");
	socle_loop_release(self);
}

/* case 59 */
static void
the_loop_timeout_and_the_profile_are_reset(void **state)
{
	struct probe *p;
	int peer, n = 0;

	(void)state;
	p = made(NULL, &peer);
	socle_watch_read(&p->sock, true);
	send_all(peer, "xy", 2);
	socle_set_loop_timeout(0);
	assert_int_equal(1, socle_enable_profiling(0));
	turn(1);
	socle_profiling_data(count_item, &n);
	assert_true(n > 0);

	socle_reset();
	assert_int_equal(-1, socle_loop_timeout_ms());
	assert_true(socle_add_timer(0, note_drop, NULL) != 0);
	turn(1);

	n = 0;
	socle_profiling_data(count_item, &n);
	assert_int_equal(0, n);
	close(peer);
}

static void
the_backend_can_be_chosen_again(void **state)
{
	(void)state;
	assert_non_null(socle_backend());
	assert_int_equal(-EBUSY, socle_set_backend("poll"));

	socle_reset();

	assert_int_equal(0, socle_set_backend("poll"));
	assert_string_equal("poll", socle_backend());
}

static void
note_release(bool sent, void *arg)
{
	(void)arg;
	note("release(%d)", sent);
}

static void
never_closure(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	note("never");
}

static void
held_back_writes_are_dropped_and_their_callbacks_called(void **state)
{
	struct probe *p;
	char buf[8];
	int peer;

	(void)state;
	p = made(NULL, &peer);
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(
		0, socle_write_ref(&p->sock, "held", 4, note_release, NULL));
	assert_int_equal(
		0, socle_write_func(&p->sock, never_closure, note_drop, NULL));

	socle_reset();

	assert_notes("release(0) drop destroy");
	assert_int_equal(-1, drain_fd(peer, buf, sizeof(buf)));
	close(peer);
}

static void
an_object_closed_before_the_reset_is_destroyed_once(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(NULL, &peer);
	socle_close(&p->sock, NULL);

	socle_reset();
	turn(1);

	assert_notes("close() destroy");
	assert_int_equal(0, socle_to_close());
	close(peer);
}

/* ---- after it ---- */

/* case 59 */
static void
after_a_reset_the_loop_works_again(void **state)
{
	struct probe *p;
	int peer, old_peer;

	(void)state;
	made("old", &old_peer);
	socle_reset();
	socle_reset();
	notes_clear();

	p = made("new", &peer);
	socle_watch_read(&p->sock, true);
	send_all(peer, "x", 1);
	turn(1);

	assert_notes("new:r");
	close(peer);
	close(old_peer);
}

static struct socle_socket held;

static const struct socle_class held_class = {
	.name = "Held",
	.super = &socle_socket_class,
};

/* case 60 */
static void
calls_on_an_object_after_a_reset_are_harmless(void **state)
{
	int fds[2];
	char c;

	(void)state;
	pair_unix(fds);
	assert_int_equal(0, socle_socket_init(&held, &held_class, fds[0]));
	socle_watch_read(&held, true);
	socle_reset();

	socle_watch_read(&held, true);
	socle_watch_write(&held, true);
	socle_close(&held, NULL);
	socle_close_after_flush(&held, NULL);
	assert_int_equal(-EBADF, socle_write(&held, "x", 1));
	assert_int_equal(-EBADF, socle_read(&held, &c, 1));
	assert_int_equal(-EBADF, socle_steal_socket(&held));
	assert_true(socle_closed(&held));
	turn(1);

	assert_int_equal(0, socle_watched_sockets());
	close(fds[1]);
}

/* ---- in callbacks ---- */

static struct probe *born;
static int born_peer;

static void
reset_and_start_over(struct probe *p)
{
	socle_reset();
	assert_true(socle_closed(&p->sock));
	assert_int_equal(0, socle_watched_sockets());
	born = made("born", &born_peer);
	socle_watch_read(&born->sock, true);
	send_all(born_peer, "x", 1);
	note("anew");
}

/* case 61 */
static void
a_reset_in_a_handler_ends_all_loops_and_spares_new_objects(void **state)
{
	struct probe *p, *other;
	int peers[2];

	(void)state;
	p = made("p", &peers[0]);
	other = made("p", &peers[1]);
	p->on_write = other->on_write = reset_and_start_over;
	socle_watch_write(&p->sock, true);
	socle_watch_write(&other->sock, true);

	assert_int_equal(0, socle_event_loop());
	assert_notes("p:w anew p:destroy p:destroy");
	turn(1);

	assert_notes("born:r");
	assert_int_equal(1, socle_watched_sockets());
	close(peers[0]);
	close(peers[1]);
	close(born_peer);
}

static void
reset_nested(struct probe *p)
{
	(void)p;
	socle_reset();
	note("reset");
}

static void
turn_nested(struct probe *p)
{
	socle_watch_write(&p->sock, false);
	note("in=%d", socle_event_loop());
	assert_true(socle_closed(&p->sock));
}

/* case 61 */
static void
a_reset_in_a_nested_loop_destroys_after_the_outermost_loop(void **state)
{
	struct probe *outer, *inner;
	int peers[2];

	(void)state;
	outer = made("o", &peers[0]);
	inner = made("i", &peers[1]);
	outer->on_write = turn_nested;
	inner->on_read = reset_nested;
	socle_watch_write(&outer->sock, true);
	socle_watch_read(&inner->sock, true);
	send_all(peers[1], "x", 1);

	/* either object may be the first of the batch */
	assert_int_equal(0, socle_event_loop());

	if (strncmp(notes(), "o", 1) == 0)
		assert_true(strncmp(notes(), "o:w i:r reset in=0 ", 19) == 0);
	else
		assert_true(strncmp(notes(), "i:r reset ", 10) == 0);
	assert_non_null(strstr(notes(), "o:destroy"));
	assert_non_null(strstr(notes(), "i:destroy"));
	close(peers[0]);
	close(peers[1]);
}

static void
reset_timer(void *arg)
{
	(void)arg;
	socle_reset();
	note("reset");
}

/* case 61 */
static void
a_reset_in_a_timer_cancels_the_timers_due_with_it(void **state)
{
	int peer;

	(void)state;
	made(NULL, &peer);
	assert_true(socle_add_timer(0, reset_timer, NULL) != 0);
	assert_true(socle_add_timer(0, never, NULL) != 0);
	assert_int_equal(0, socle_defer(never, NULL));
	socle_set_post_loop_callback(never_post, NULL);

	assert_int_equal(0, socle_event_loop());

	assert_notes("reset destroy");
	close(peer);
}

static bool
reset_post(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	socle_reset();
	note("reset");
	return true;
}

/* case 61 */
static void
after_a_reset_in_a_post_loop_callback_no_other_runs(void **state)
{
	struct probe *a, *b;
	int peers[2];

	(void)state;
	a = made("a", &peers[0]);
	b = made("b", &peers[1]);
	socle_set_socket_post_loop_callback(&a->sock, reset_post, NULL);
	socle_set_socket_post_loop_callback(&b->sock, never_object_post, NULL);
	socle_set_post_loop_callback(never_post, NULL);
	socle_set_loop_timeout(0);

	assert_int_equal(0, socle_event_loop());

	assert_memory_equal("reset ", notes(), 6);
	assert_null(strstr(notes(), "never"));
	assert_non_null(strstr(notes(), "a:destroy"));
	assert_non_null(strstr(notes(), "b:destroy"));
	close(peers[0]);
	close(peers[1]);
}

static void
reset_in_closure(struct socle_socket *s, void *arg)
{
	(void)arg;
	socle_reset();
	note("valid=%d", socle_closed(s));
}

/* case 61 */
static void
a_reset_in_a_closure_outside_the_loop_defers_destroy(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(NULL, &peer);

	assert_int_equal(
		1, socle_write_func(&p->sock, reset_in_closure, NULL, NULL));
	assert_notes("valid=1");
	turn(1);

	assert_notes("destroy");
	close(peer);
}

/* ---- in destroy ---- */

static void
destroy_resets(struct socle_socket *self)
{
	(void)self;
	note("destroy");
	socle_reset();
}

static const struct socle_class resets_class = {
	.name = "Resets",
	.super = &socle_socket_class,
	.destroy = destroy_resets,
};

static void
a_reset_in_a_destroy_is_allowed(void **state)
{
	struct socle_socket *a, *b;
	int one[2], two[2];

	(void)state;
	pair_unix(one);
	pair_unix(two);
	assert_int_equal(0, socle_socket_new(&resets_class, one[0], &a));
	assert_int_equal(0, socle_socket_new(&resets_class, two[0], &b));
	socle_close(a, NULL);

	turn(1);
	assert_notes("destroy destroy");
	socle_reset();

	assert_notes("");
	close(one[1]);
	close(two[1]);
}

static void
destroy_turns(struct socle_socket *self)
{
	(void)self;
	note("(");
	turn(2);
	note(")");
}

static const struct socle_class turns_class = {
	.name = "Turns",
	.super = &socle_socket_class,
	.destroy = destroy_turns,
};

static void
a_loop_nested_in_a_destroy_destroys_nothing(void **state)
{
	struct socle_socket *s;
	int one[2], two[2];

	(void)state;
	pair_unix(one);
	pair_unix(two);
	assert_int_equal(0, socle_socket_new(&turns_class, one[0], &s));
	assert_int_equal(0, socle_socket_new(&turns_class, two[0], &s));

	socle_reset();

	assert_notes("( ) ( )");
	close(one[1]);
	close(two[1]);
}

static int again[2];

static void
destroy_makes(struct socle_socket *self)
{
	(void)self;
	note("destroy");
	born = probe_new(again[0], "born");
	socle_watch_read(&born->sock, true);
}

static const struct socle_class makes_class = {
	.name = "Makes",
	.super = &socle_socket_class,
	.destroy = destroy_makes,
};

static void
an_object_created_by_a_destroy_survives_the_reset(void **state)
{
	struct socle_socket *s;
	int fds[2];

	(void)state;
	pair_unix(fds);
	pair_unix(again);
	assert_int_equal(0, socle_socket_new(&makes_class, fds[0], &s));

	socle_reset();
	assert_notes("destroy");
	assert_int_equal(1, socle_watched_sockets());
	send_all(again[1], "x", 1);
	turn(1);

	assert_notes("born:r");
	close(again[1]);
	close(fds[1]);
}

static void
release_makes(bool sent, void *arg)
{
	(void)arg;
	note("release(%d)", sent);
	born = probe_new(again[0], "born");
	socle_watch_read(&born->sock, true);
}

static void
an_object_created_by_a_release_cannot_outlive_the_loop(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_unix(again);
	pair_unix(fds);
	p = probe_new(fds[0], "old");
	stuff_fd(fds[0]);
	assert_int_equal(
		0, socle_write_ref(&p->sock, "x", 1, release_makes, NULL));
	notes_clear();

	socle_reset();

	assert_memory_equal("release(0)", notes(), 10);
	/*
	 * the object survives, or the reset destroyed it; the leak check covers
	 * both
	 */
	turn(1);
	close(again[1]);
	close(fds[1]);
}

/* ---- objects that come again ---- */

static bool coming_again;
static int came;

static void again_destroy(struct socle_socket *self);

static const struct socle_class again_class = {
	.name = "Again",
	.super = &socle_socket_class,
	.destroy = again_destroy,
};

static void
again_new(void)
{
	struct socle_socket *s;
	int fds[2];

	pair_unix(fds);
	close(fds[1]);
	assert_int_equal(0, socle_socket_new(&again_class, fds[0], &s));
	came++;
}

static void
again_destroy(struct socle_socket *self)
{
	socle_super_destroy(&again_class, self);
	if (coming_again)
		again_new();
}

/* The last ones stay, and the next reset ends them. */
static void
a_reset_ends_though_each_destroy_makes_another(void **state)
{
	(void)state;
	came = 0;
	coming_again = true;
	again_new();
	socle_reset();
	assert_true(came > 1);
	coming_again = false;
	socle_reset();
	assert_int_equal(0, socle_watched_sockets());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(objects_are_destroyed_without_calling_their_close),
		test(other_fds_are_removed_and_stay_open),
		test(timers_and_post_loop_callbacks_are_removed),
		test(deferred_and_posted_calls_are_dropped),
		test(the_loop_timeout_and_the_profile_are_reset),
		test(the_backend_can_be_chosen_again),
		test(held_back_writes_are_dropped_and_their_callbacks_called),
		test(an_object_closed_before_the_reset_is_destroyed_once),
		test(after_a_reset_the_loop_works_again),
		test(calls_on_an_object_after_a_reset_are_harmless),
		test(a_reset_in_a_handler_ends_all_loops_and_spares_new_objects),
		test(a_reset_in_a_nested_loop_destroys_after_the_outermost_loop),
		test(a_reset_in_a_timer_cancels_the_timers_due_with_it),
		test(after_a_reset_in_a_post_loop_callback_no_other_runs),
		test(a_reset_in_a_closure_outside_the_loop_defers_destroy),
		test(a_reset_in_a_destroy_is_allowed),
		test(a_loop_nested_in_a_destroy_destroys_nothing),
		test(an_object_created_by_a_destroy_survives_the_reset),
		test(an_object_created_by_a_release_cannot_outlive_the_loop),
		test(a_reset_ends_though_each_destroy_makes_another),
	};

	return run_tests(tests);
}

/* backends: all */
/*
 * Loops inside handlers: a nested loop serves every object and closes fds, but
 * destroys nothing, and the outer tick does not repeat events that the nested
 * loop has dispatched.
 */
#include "tests/support/fixture.h"

static int peers[3];

/* A watched probe on one end; peers[i] is the other end and has sent a byte. */
static struct probe *
make_ready(int i, const char *tag, void (*on_read)(struct probe *p), void *arg)
{
	int fds[2];
	struct probe *p;

	pair_unix(fds);
	peers[i] = fds[1];
	send_all(fds[1], "x", 1);
	p = probe_new(fds[0], tag);
	p->on_read = on_read;
	p->arg = arg;
	socle_watch_read(&p->sock, true);
	return p;
}

static void
close_peers(int n)
{
	for (int i = 0; i < n; i++)
		close(peers[i]);
}

static void
read_all(struct probe *p)
{
	ssize_t n = socle_read(&p->sock, p->got, sizeof(p->got));

	p->got_len += n > 0 ? (size_t)n : 0;
}

static void
set_flag(void *arg)
{
	*(bool *)arg = true;
}

static bool
get_flag(void *arg)
{
	return *(bool *)arg;
}

static bool
never(void *arg)
{
	(void)arg;
	return false;
}

/* ---- events ---- */

static bool
friend_has_read(void *arg)
{
	return ((struct probe *)arg)->got_len > 0;
}

static struct probe *friends[2];

static void
read_and_wait_for_the_other(struct probe *p)
{
	struct probe *other = friends[p == friends[0]];

	read_all(p);
	assert_int_equal(1, socle_run_until(friend_has_read, other));
	note("on");
}

static void
a_handler_may_wait_for_another_object(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		friends[i] =
			make_ready(i, NULL, read_and_wait_for_the_other, NULL);
	turn(1);
	/* the first object waits; the second finds the work done */
	assert_notes("r r on on");
	turn(1);
	assert_notes("");
	close_peers(2);
}

static void
nest_a_tick(struct probe *p)
{
	static bool inside;

	if (inside)
		return;
	inside = true;
	assert_int_equal(1, socle_event_loop_once(0));
	inside = false;
	p->done = true;
}

static void
events_handled_by_a_nested_tick_are_not_handled_again(void **state)
{
	struct probe *p[3];
	int reads = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		p[i] = make_ready(i, NULL, nest_a_tick, NULL);
	turn(1);
	for (int i = 0; i < 3; i++)
		reads += p[i]->reads;
	/* the first object, then all three in the nested tick */
	assert_int_equal(4, reads);
	turn(1);
	for (int i = 0; i < 3; i++)
		reads += p[i]->reads;
	assert_int_equal(4 + 8, reads);
	close_peers(3);
}

static void
note_and_nest(void *arg)
{
	bool flag = false;

	note("first");
	assert_int_equal(0, socle_defer(set_flag, &flag));
	assert_int_equal(1, socle_run_until(get_flag, &flag));
	note("%s", (const char *)arg);
}

static void
note_it(void *arg)
{
	note("%s", (const char *)arg);
}

static void
timers_due_together_run_once_if_the_first_one_nests(void **state)
{
	char end[] = "first-ends", second[] = "second", third[] = "third";

	(void)state;
	seam_time_virtual();
	assert_true(socle_add_timer(1, note_and_nest, end));
	assert_true(socle_add_timer(1, note_it, second));
	assert_true(socle_add_timer(1, note_it, third));
	seam_time_add(1);
	turn(2);
	assert_notes("first second third first-ends");
}

static void
deferred_calls_run_once_if_the_first_one_nests(void **state)
{
	char end[] = "first-ends", second[] = "second", third[] = "third";

	(void)state;
	assert_int_equal(0, socle_defer(note_and_nest, end));
	assert_int_equal(0, socle_defer(note_it, second));
	assert_int_equal(0, socle_defer(note_it, third));
	turn(2);
	assert_notes("first second third first-ends");
}

static bool
nest_once(struct socle_socket *s, void *arg)
{
	static bool inside;

	note(inside ? "inner" : "outer");
	if (inside)
		return true;
	inside = true;
	assert_int_equal(1, socle_event_loop_once(0));
	inside = false;
	(void)s;
	(void)arg;
	return true;
}

static bool
note_post_loop(struct socle_socket *s, void *arg)
{
	(void)arg;
	note("%s", probe_of(s)->tag);
	return true;
}

static void
all_post_loop_callbacks_run_if_one_nests(void **state)
{
	struct probe *a = make_ready(0, "a", read_all, NULL);
	struct probe *b = make_ready(1, "b", read_all, NULL);

	(void)state;
	turn(1);
	notes_clear();
	socle_set_socket_post_loop_callback(&a->sock, nest_once, NULL);
	socle_set_socket_post_loop_callback(&b->sock, note_post_loop, NULL);
	turn(1);
	assert_notes("outer inner b b");
	close_peers(2);
}

/* ---- closing and destroying ---- */

static bool destroyed[3];
static int reused[2];

static void
close_the_others_and_nest(struct probe *p)
{
	struct probe *const *all = p->arg;
	int fds[3];

	read_all(p);
	for (int i = 0; i < 3; i++) {
		fds[i] = socle_fd(&all[i]->sock);
		if (all[i] != p)
			socle_close(&all[i]->sock, NULL);
	}
	assert_int_equal(1, socle_event_loop_once(0));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
			all[i] == p ? FD_CLOEXEC : -1, fcntl(fds[i], F_GETFD));
		assert_false(destroyed[i]);
	}
	/* these reuse the numbers of the remaining events in the batch */
	pair_pipe(reused);
	assert_int_equal(1, write(reused[1], "x", 1));
}

/* case 22 */
static void
the_outer_tick_does_not_close_fds_reused_in_a_nested_loop(void **state)
{
	struct probe *p[3];
	char c;

	(void)state;
	for (int i = 0; i < 3; i++) {
		destroyed[i] = false;
		p[i] = make_ready(i, NULL, close_the_others_and_nest, p);
		p[i]->destroyed = &destroyed[i];
	}
	turn(1);
	assert_int_equal(2, destroyed[0] + destroyed[1] + destroyed[2]);
	assert_int_equal(1, socle_watched_sockets());
	turn(2);
	assert_int_equal(1, read(reused[0], &c, 1));
	close(reused[0]);
	close(reused[1]);
	close_peers(3);
}

static void
close_nest_and_look(struct probe *p)
{
	char text[64];

	socle_close(&p->sock, "self");
	assert_int_equal(1, socle_event_loop_once(0));
	assert_false(*p->destroyed);
	assert_true(socle_closed(&p->sock));
	assert_true(socle_as_string(&p->sock, text, sizeof(text)) > 0);
	note("%s", strstr(text, ": closed") + 2);
}

static void
an_object_outlives_a_loop_nested_in_its_own_handler(void **state)
{
	struct probe *p = make_ready(0, NULL, close_nest_and_look, NULL);

	(void)state;
	destroyed[0] = false;
	p->destroyed = &destroyed[0];
	turn(1);
	assert_notes("r close(self) closed destroy");
	close_peers(1);
}

static void
close_other_and_tick(struct probe *p, const char *reason)
{
	struct probe *other = p->arg;

	(void)reason;
	socle_close(&other->sock, NULL);
	assert_int_equal(1, socle_event_loop_once(0));
	assert_false(*other->destroyed);
}

static void
a_loop_in_a_handler_outside_any_loop_destroys_nothing(void **state)
{
	struct probe *a = make_ready(0, NULL, read_all, NULL);
	struct probe *b = make_ready(1, NULL, read_all, NULL);

	(void)state;
	destroyed[0] = destroyed[1] = false;
	a->destroyed = &destroyed[0];
	b->destroyed = &destroyed[1];
	a->arg = b;
	a->on_close = close_other_and_tick;
	socle_close(&a->sock, NULL);
	turn(1);
	assert_true(destroyed[0] && destroyed[1]);
	close_peers(2);
}

/* ---- the end of loops ---- */

static int depth;

static void
nest_three_deep_and_stop(void *arg)
{
	(void)arg;
	if (++depth == 3) {
		socle_stop();
	} else {
		assert_int_equal(
			0, socle_defer(nest_three_deep_and_stop, NULL));
		note("%d", socle_event_loop());
	}
}

static bool
note_tick(void *arg)
{
	(void)arg;
	note("tick");
	return true;
}

static void
a_stop_ends_every_loop_on_the_stack_after_its_tick(void **state)
{
	(void)state;
	depth = 0;
	socle_set_post_loop_callback(note_tick, NULL);
	assert_int_equal(0, socle_defer(nest_three_deep_and_stop, NULL));
	note("%d", socle_event_loop());
	assert_notes("tick 0 tick 0 tick 0");
}

static void
stop_and_nest(void *arg)
{
	bool flag = false;

	socle_stop();
	assert_int_equal(0, socle_defer(set_flag, &flag));
	note("%d", socle_run_until(get_flag, &flag));
	(void)arg;
}

static void
a_loop_started_after_a_stop_is_not_ended_by_it(void **state)
{
	(void)state;
	assert_int_equal(0, socle_defer(stop_and_nest, NULL));
	note("%d", socle_event_loop());
	assert_notes("1 0");
}

static bool
no_more(void *arg)
{
	return (*(int *)arg)++ != 0;
}

static void
nest_until_ended(void *arg)
{
	(void)arg;
	note("%d", socle_run_until(never, NULL));
}

static void
a_post_loop_callback_ends_only_the_loop_that_called_it(void **state)
{
	int asked = 0;

	(void)state;
	socle_set_loop_timeout(0);
	socle_set_post_loop_callback(no_more, &asked);
	assert_int_equal(0, socle_defer(nest_until_ended, NULL));
	note("%d", socle_event_loop_once(0));
	assert_notes("0 1");
	assert_int_equal(2, asked);
}

static void
nest_on_a_broken_poller(void *arg)
{
	(void)arg;
	seam_fail(the_wait(), 1, EIO, 1);
	note("%d", socle_event_loop());
}

static void
an_error_ends_only_the_nested_loop(void **state)
{
	(void)state;
	assert_int_equal(0, socle_defer(nest_on_a_broken_poller, NULL));
	assert_int_equal(1, socle_event_loop_once(0));
	assert_int_equal(-EIO, atoi(notes()));
}

static void
write_held_and_nest(struct probe *p)
{
	char buf[8];

	read_all(p);
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "hello", 5));
	assert_int_equal(1, socle_event_loop_once(0));
	assert_int_equal(5, drain_fd(peers[0], buf, sizeof(buf)));
	p->done = true;
}

static void
a_nested_tick_flushes_held_back_writes(void **state)
{
	struct probe *p = make_ready(0, NULL, write_held_and_nest, NULL);

	(void)state;
	turn(1);
	assert_true(p->done);
	close_peers(1);
}

static void
read_and_nest(struct probe *p)
{
	read_all(p);
	socle_event_loop_once(0);
}

static void
stay(struct probe *p)
{
	(void)p;
}

static void
a_hang_up_that_a_nested_loop_reported_is_not_reported_again(void **state)
{
	struct probe *p = make_ready(0, NULL, read_and_nest, NULL);

	(void)state;
	p->on_hup = stay;
	close(peers[0]);
	turn(4);
	assert_in_range(p->hups, 0, 1);
	socle_close(&p->sock, "test");
	turn(1);
	notes_clear();
}

/* ---- events of the batch that a nested loop drops ---- */

static struct probe *both[2], *successor;
static bool with_successor, done_once;

/* The first of the two that is called steals the other. */
static void
steal_and_turn(struct probe *p)
{
	struct probe *other = p == both[0] ? both[1] : both[0];
	int fd;

	read_all(p);
	if (done_once)
		return;
	done_once = true;
	fd = socle_steal_socket(&other->sock);
	both[0] = p;
	if (with_successor) {
		successor = probe_new(fd, "successor");
		successor->on_read = read_all;
		socle_watch_read(&successor->sock, true);
	} else {
		close(fd);
	}
	turn(1);
}

static void
a_nested_loop_drops_events_of_a_stolen_object(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		done_once = false;
		with_successor = i == 1;
		successor = NULL;
		both[0] = make_ready(0, NULL, steal_and_turn, NULL);
		both[1] = make_ready(1, NULL, steal_and_turn, NULL);
		turn(1);
		assert_true(done_once);
		if (successor) {
			turn(1);
			assert_int_equal(1, successor->got_len);
			socle_close(&successor->sock, NULL);
		}
		socle_close(&both[0]->sock, NULL);
		turn(1);
		notes_clear();
		close_peers(2);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_hang_up_that_a_nested_loop_reported_is_not_reported_again),
		test(a_handler_may_wait_for_another_object),
		test(events_handled_by_a_nested_tick_are_not_handled_again),
		test(timers_due_together_run_once_if_the_first_one_nests),
		test(deferred_calls_run_once_if_the_first_one_nests),
		test(all_post_loop_callbacks_run_if_one_nests),
		test(the_outer_tick_does_not_close_fds_reused_in_a_nested_loop),
		test(an_object_outlives_a_loop_nested_in_its_own_handler),
		test(a_loop_in_a_handler_outside_any_loop_destroys_nothing),
		test(a_stop_ends_every_loop_on_the_stack_after_its_tick),
		test(a_loop_started_after_a_stop_is_not_ended_by_it),
		test(a_post_loop_callback_ends_only_the_loop_that_called_it),
		test(an_error_ends_only_the_nested_loop),
		test(a_nested_tick_flushes_held_back_writes),
		test(a_nested_loop_drops_events_of_a_stolen_object),
	};

	return run_tests(tests);
}

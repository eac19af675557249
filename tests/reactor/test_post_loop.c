/* backends: all */
/*
 * Post-loop callbacks, of the loop and of objects.
 */
#include "tests/support/fixture.h"

static int pairs[4][2];
static char says_stop[] = "stop";

static struct probe *
make(int i, const char *tag)
{
	pair_unix(pairs[i]);
	return probe_new(pairs[i][0], tag);
}

static void
close_peers(int n)
{
	for (int i = 0; i < n; i++)
		close(pairs[i][1]);
}

static bool
note_object(struct socle_socket *s, void *arg)
{
	note("%s", probe_of(s)->tag);
	return arg == NULL;
}

static bool
note_loop(void *arg)
{
	note("loop");
	return arg == NULL;
}

static void
set_post_loop(struct probe *p, bool (*fn)(struct socle_socket *s, void *arg),
	void *arg)
{
	assert_int_equal(
		0, socle_set_socket_post_loop_callback(&p->sock, fn, arg));
}

/* ---- when and in which order ---- */

struct fired {
	bool reader, writer;
};

static bool
reader_fired(struct socle_socket *s, void *arg)
{
	struct fired *f = arg;

	f->reader = f->reader || probe_of(s)->reads > 0;
	note("reader");
	return !(f->reader && f->writer);
}

static bool
writer_fired(struct socle_socket *s, void *arg)
{
	struct fired *f = arg;

	f->writer = f->writer || probe_of(s)->writes > 0;
	note("writer");
	return !(f->reader && f->writer);
}

/* case 3 */
static void
callbacks_of_a_reader_and_a_writer_end_the_loop_together(void **state)
{
	struct fired f = {false, false};
	struct probe *reader = make(0, "in"), *writer = make(1, "out");

	(void)state;
	socle_watch_read(&reader->sock, true);
	socle_watch_write(&writer->sock, true);
	set_post_loop(writer, writer_fired, &f);
	set_post_loop(reader, reader_fired, &f);
	send_all(pairs[0][1], "x", 1);
	assert_int_equal(0, socle_event_loop());
	assert_true(f.reader && f.writer);
	assert_non_null(strstr(notes(), "writer reader"));
	close_peers(2);
}

/* case 4, overruled: all of them run */
static void
a_callback_that_ends_the_loop_does_not_skip_the_others(void **state)
{
	(void)state;
	set_post_loop(make(0, "a"), note_object, says_stop);
	set_post_loop(make(1, "b"), note_object, NULL);
	socle_set_post_loop_callback(note_loop, NULL);
	assert_int_equal(0, socle_event_loop_once(0));
	assert_notes("a b loop");
	close_peers(2);
}

static void
any_callback_can_end_the_loop(void **state)
{
	struct probe *a = make(0, "a"), *b = make(1, "b");

	(void)state;
	for (int who = 0; who < 3; who++) {
		set_post_loop(a, note_object, who == 0 ? says_stop : NULL);
		set_post_loop(b, note_object, who == 1 ? says_stop : NULL);
		socle_set_post_loop_callback(
			note_loop, who == 2 ? says_stop : NULL);
		socle_set_loop_timeout(0);
		assert_int_equal(0, socle_event_loop());
		assert_notes("a b loop");
	}
	close_peers(2);
}

static void
socle_set_post_loop_callback_works_as_a_function_too(void **state)
{
	(void)state;
	(socle_set_post_loop_callback)(note_loop, says_stop);
	assert_int_equal(0, socle_event_loop_once(0));
	assert_notes("loop");
}

static void
callbacks_run_in_the_order_they_were_set_the_global_one_last(void **state)
{
	struct probe *a = make(0, "a"), *b = make(1, "b"), *c = make(2, "c");

	(void)state;
	socle_set_post_loop_callback(note_loop, NULL);
	set_post_loop(c, note_object, NULL);
	set_post_loop(a, note_object, NULL);
	set_post_loop(b, note_object, NULL);
	turn(2);
	assert_notes("c a b loop c a b loop");
	close_peers(3);
}

static void
activity_of_the_objects_does_not_change_the_order(void **state)
{
	struct probe *a = make(0, "a"), *b = make(1, "b");
	char buf[16];

	(void)state;
	set_post_loop(a, note_object, NULL);
	set_post_loop(b, note_object, NULL);
	socle_set_autoflush(&a->sock, false);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(0, socle_write(&a->sock, "x", 1));
		socle_watch_read(&a->sock, i % 2 == 0);
		turn(1);
		assert_notes("a:drain a b");
	}
	assert_int_equal(3, drain_fd(pairs[0][1], buf, sizeof(buf)));
	close_peers(2);
}

static bool
peer_has_seen_the_end(void *arg)
{
	char c;

	(void)arg;
	note(recv(pairs[0][1], &c, 1, MSG_DONTWAIT) == 0 ? "end" : "open");
	return true;
}

static void
callbacks_run_after_the_closes_of_the_tick(void **state)
{
	struct probe *p = make(0, NULL);

	(void)state;
	socle_set_post_loop_callback(peer_has_seen_the_end, NULL);
	turn(1);
	socle_close(&p->sock, "x");
	turn(1);
	assert_notes("open close(x) destroy end");
	close_peers(1);
}

static void
callbacks_run_in_a_tick_without_events(void **state)
{
	(void)state;
	socle_set_post_loop_callback(note_loop, NULL);
	turn(3);
	assert_notes("loop loop loop");
}

/* ---- their arguments ---- */

static bool
check_argument(void *arg)
{
	note("%d", *(int *)arg);
	note("%zu", socle_watched_sockets());
	return true;
}

static bool
check_object(struct socle_socket *s, void *arg)
{
	note("%s", (const char *)arg);
	note("%s", probe_of(s)->tag);
	return true;
}

/* case 5; the maps are available through functions, not passed */
static void
a_callback_receives_its_object_and_argument(void **state)
{
	int answer = 42;
	char arg[] = "arg";

	(void)state;
	set_post_loop(make(0, "a"), check_object, arg);
	make(1, "b");
	socle_set_post_loop_callback(check_argument, &answer);
	turn(1);
	assert_notes("arg a 42 2");
	close_peers(2);
}

static void
setting_a_callback_again_replaces_it(void **state)
{
	char new[] = "new";
	struct probe *p = make(0, "a");

	(void)state;
	set_post_loop(p, note_object, NULL);
	set_post_loop(p, check_object, new);
	socle_set_post_loop_callback(check_argument, NULL);
	socle_set_post_loop_callback(note_loop, NULL);
	turn(1);
	assert_notes("new a loop");
	close_peers(1);
}

static void
null_removes_a_callback(void **state)
{
	struct probe *p = make(0, "a");

	(void)state;
	set_post_loop(p, note_object, says_stop);
	set_post_loop(p, NULL, NULL);
	set_post_loop(p, NULL, NULL);
	socle_set_post_loop_callback(note_loop, says_stop);
	socle_set_post_loop_callback(NULL, NULL);
	turn(1);
	assert_int_equal(1, socle_event_loop_once(0));
	assert_notes("");
	close_peers(1);
}

/* ---- changes inside a callback ---- */

static bool
remove_myself(struct socle_socket *s, void *arg)
{
	(void)arg;
	note("once");
	set_post_loop(probe_of(s), NULL, NULL);
	return true;
}

static bool
remove_the_loops(void *arg)
{
	(void)arg;
	note("loop-once");
	socle_set_post_loop_callback(NULL, NULL);
	return true;
}

/* case 6 */
static void
a_callback_may_remove_itself(void **state)
{
	(void)state;
	set_post_loop(make(0, "a"), remove_myself, NULL);
	set_post_loop(make(1, "b"), note_object, NULL);
	socle_set_post_loop_callback(remove_the_loops, NULL);
	turn(2);
	assert_notes("once b loop-once b");
	close_peers(2);
}

static struct probe *siblings[4];

static bool
close_the_others(struct socle_socket *s, void *arg)
{
	(void)arg;
	note("%s", probe_of(s)->tag);
	for (int i = 0; i < 4; i++) {
		if (siblings[i] && &siblings[i]->sock != s)
			socle_close(&siblings[i]->sock, "sibling");
		siblings[i] = NULL;
	}
	return true;
}

/* case 7 */
static void
a_callback_may_close_all_others_which_then_do_not_run(void **state)
{
	static const char *const tags[] = {"a", "b", "c", "d"};

	(void)state;
	for (int i = 0; i < 4; i++) {
		siblings[i] = make(i, tags[i]);
		set_post_loop(siblings[i],
			i == 1 ? close_the_others : note_object, NULL);
	}
	assert_int_equal(1, socle_event_loop_once(0));
	assert_notes("a b a:close(sibling) c:close(sibling) d:close(sibling) "
		     "a:destroy c:destroy d:destroy");
	turn(1);
	assert_notes("b");
	close_peers(4);
}

static bool
close_myself(struct socle_socket *s, void *arg)
{
	(void)arg;
	socle_close(s, "me");
	return true;
}

static void
a_callback_may_close_its_own_object(void **state)
{
	(void)state;
	set_post_loop(make(0, "a"), close_myself, NULL);
	set_post_loop(make(1, "b"), note_object, NULL);
	turn(2);
	assert_notes("a:close(me) b a:destroy b");
	close_peers(2);
}

static bool
set_the_next(struct socle_socket *s, void *arg)
{
	note("%s", probe_of(s)->tag);
	set_post_loop(arg, note_object, NULL);
	return true;
}

static void
a_callback_set_by_another_runs_from_the_next_tick_on(void **state)
{
	struct probe *a = make(0, "a"), *b = make(1, "b");

	(void)state;
	set_post_loop(a, set_the_next, b);
	turn(2);
	assert_notes("a a b");
	close_peers(2);
}

static void
arm_the_closing(void *arg)
{
	*(bool *)arg = true;
}

struct closing {
	struct probe *who;
	bool armed;
};

static bool
close_if_armed(void *arg)
{
	struct closing *c = arg;

	if (c->armed)
		socle_close(&c->who->sock, "post-loop");
	c->armed = false;
	return true;
}

static bool peer_saw_the_end;

static void
stop_at_the_end(struct probe *p)
{
	char c;

	peer_saw_the_end = socle_read(&p->sock, &c, 1) == 0;
	socle_stop();
}

/* case 14 */
static void
a_close_in_a_callback_reaches_the_peer_at_once(void **state)
{
	struct closing closing = {.who = make(0, NULL)};
	struct probe *peer = probe_new(pairs[0][1], NULL);
	double began;

	(void)state;
	peer_saw_the_end = false;
	seam_time_virtual();
	began = seam_time();
	peer->on_read = stop_at_the_end;
	socle_watch_read(&peer->sock, true);
	assert_true(socle_add_timer(1, arm_the_closing, &closing.armed));
	socle_set_post_loop_callback(close_if_armed, &closing);
	assert_int_equal(0, socle_event_loop());
	assert_true(seam_time() - began < 1.001);
	assert_true(peer_saw_the_end);
}

/* ---- closed objects ---- */

/* case 8 */
static void
a_closed_object_refuses_a_callback(void **state)
{
	struct probe *p = make(0, "a");

	(void)state;
	socle_close(&p->sock, NULL);
	assert_int_equal(-EBADF,
		socle_set_socket_post_loop_callback(
			&p->sock, note_object, NULL));
	notes_clear();
	turn(2);
	assert_notes("a:destroy");
	close_peers(1);
}

/* case 9 */
static void
a_callback_ends_when_its_object_closes(void **state)
{
	struct probe *p = make(0, "a");

	(void)state;
	set_post_loop(p, note_object, NULL);
	turn(1);
	assert_notes("a");
	socle_close(&p->sock, NULL);
	turn(2);
	assert_notes("a:close() a:destroy");
	close_peers(1);
}

static void
a_callback_ends_when_its_fd_is_stolen(void **state)
{
	struct probe *p = make(0, "a");
	int fd;

	(void)state;
	set_post_loop(p, note_object, says_stop);
	fd = socle_steal_socket(&p->sock);
	assert_int_equal(pairs[0][0], fd);
	assert_int_equal(1, socle_event_loop_once(0));
	assert_notes("a:destroy");
	close(fd);
	close_peers(1);
}

static void
without_memory_setting_a_callback_changes_nothing(void **state)
{
	struct probe *p = make(0, "a");

	(void)state;
	turn(1);
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM,
		socle_set_socket_post_loop_callback(
			&p->sock, note_object, NULL));
	seam_heal();
	turn(1);
	assert_notes("");
	close_peers(1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(callbacks_of_a_reader_and_a_writer_end_the_loop_together),
		test(a_callback_that_ends_the_loop_does_not_skip_the_others),
		test(any_callback_can_end_the_loop),
		test(socle_set_post_loop_callback_works_as_a_function_too),
		test(callbacks_run_in_the_order_they_were_set_the_global_one_last),
		test(activity_of_the_objects_does_not_change_the_order),
		test(callbacks_run_after_the_closes_of_the_tick),
		test(callbacks_run_in_a_tick_without_events),
		test(a_callback_receives_its_object_and_argument),
		test(setting_a_callback_again_replaces_it),
		test(null_removes_a_callback),
		test(a_callback_may_remove_itself),
		test(a_callback_may_close_all_others_which_then_do_not_run),
		test(a_callback_may_close_its_own_object),
		test(a_callback_set_by_another_runs_from_the_next_tick_on),
		test(a_close_in_a_callback_reaches_the_peer_at_once),
		test(a_closed_object_refuses_a_callback),
		test(a_callback_ends_when_its_object_closes),
		test(a_callback_ends_when_its_fd_is_stolen),
		test(without_memory_setting_a_callback_changes_nothing),
	};

	return run_tests(tests);
}

/* Which items a profile has, their names, and how often each is counted. */
/* backends: all */
#include "tests/support/fixture.h"

#include <signal.h>
#include <stdio.h>

static int ends[2];

static struct probe *
made(void)
{
	struct probe *p;

	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	socle_watch_read(&p->sock, true);
	return p;
}

/* ---- reading the counters ---- */

static void
note_item(const struct socle_profile_item *item, void *arg)
{
	(void)arg;
	note("%s", item->item);
}

static void
note_calls(const struct socle_profile_item *item, void *arg)
{
	(void)arg;
	note("%s:%d", item->item, (int)item->calls);
}

#define assert_profile(callback, text)                                         \
	do {                                                                   \
		notes_clear();                                                 \
		socle_profiling_data(callback, NULL);                          \
		assert_notes(text);                                            \
	} while (0)

static void
profile(unsigned what)
{
	assert_int_equal(1, socle_enable_profiling(what));
}

/* ---- callbacks of all kinds ---- */

static void
nothing(void *arg)
{
	(void)arg;
}

static void
embedded(struct socle_timer *t)
{
	(void)t;
}

static void
on_other(int fd, unsigned ready, void *arg)
{
	char c;

	(void)ready;
	(void)arg;
	assert_int_equal(1, read(fd, &c, 1));
}

static void
on_signal(int signo, void *arg)
{
	(void)signo;
	(void)arg;
}

static bool
each_tick(void *arg)
{
	(void)arg;
	return true;
}

static bool
each_tick_of_object(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	return true;
}

static void
closure(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
}

/* case 127 */
static void
an_objects_items_are_named_after_its_class(void **state)
{
	static char buf[1 << 22];
	struct probe *p = made();

	(void)state;
	seam_time_virtual();
	profile(0);
	stuff_fd(ends[0]);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	assert_int_equal(0, socle_write_func(&p->sock, closure, NULL, NULL));
	socle_set_socket_post_loop_callback(
		&p->sock, each_tick_of_object, NULL);
	drain_fd(ends[1], buf, sizeof(buf));
	turn(1);
	drain_fd(ends[1], buf, sizeof(buf));
	close(ends[1]);
	turn(2);
	pair_tcp(ends);
	p = probe_new(ends[0], NULL);
	close_by_reset(ends[1]);
	turn(1);
	p = made();
	socle_set_idle_timeout(&p->sock, 1);
	assert_int_equal(1, socle_event_loop_once(2000));
	turn(1);
	close(ends[1]);
	socle_disable_profiling();
	assert_profile(note_item,
		"Probe-closure Probe-destroy Probe-drain Probe-err Probe-hup "
		"Probe-post-loop Probe-read Probe-timeout Probe-write");
}

static void
greet(struct socle_socket *self, struct socle_factory *by)
{
	(void)self;
	(void)by;
}

static const struct socle_class greeter_class = {
	.name = "Greeter",
	.super = &probe_class,
	.event_accepted = greet,
};

static void
a_listeners_object_has_an_accepted_item(void **state)
{
	struct socle_factory *f;
	struct socle_addr at;
	int fd;

	(void)state;
	assert_int_equal(0, socle_listen("127.0.0.1:0", &greeter_class, &f));
	assert_int_equal(0, socle_factory_getsockname(f, &at));
	fd = tcp_connect(socle_addr_port(&at));
	profile(0);
	for (int i = 0; i < 500 && socle_watched_sockets() == 0; i++)
		assert_int_equal(1, socle_event_loop_once(10));
	assert_profile(note_calls, "Greeter-accepted:1");
	socle_factory_free(f);
	close(fd);
}

static void
other_items_are_named_after_their_function(void **state)
{
	struct socle_loop *self = socle_loop_self();
	static struct socle_timer t;

	(void)state;
	profile(0);
	pair_pipe(ends);
	socle_add_other_fd(ends[0], SOCLE_READ, on_other, NULL);
	send_all(ends[1], "x", 1);
	socle_add_timer(0, nothing, NULL);
	socle_timer_init(&t, embedded);
	socle_timer_start(&t, 0);
	socle_defer(nothing, NULL);
	socle_post(self, nothing, NULL);
	socle_signal(SIGUSR1, on_signal, NULL);
	raise(SIGUSR1);
	socle_set_post_loop_callback(each_tick, NULL);
	turn(3);
	assert_profile(note_item,
		"deferred:nothing other-fd:on_other post-loop:each_tick "
		"posted:nothing signal:on_signal timer:embedded timer:nothing");
	socle_signal(SIGUSR1, NULL, NULL);
	socle_loop_release(self);
	socle_remove_other_fd(ends[0]);
	close(ends[0]);
	close(ends[1]);
}

static bool
enough(void *arg)
{
	int *left = arg;

	seam_time_add(1);
	return --*left < 0;
}

struct wanted {
	const char *item;
	double wall;
};

static void
find(const struct socle_profile_item *item, void *arg)
{
	struct wanted *w = arg;

	if (strcmp(item->item, w->item) == 0)
		w->wall = item->wall;
}

static double
wall_of(const char *item)
{
	struct wanted w = {item, -1};

	socle_profiling_data(find, &w);
	return w.wall;
}

/* The function that socle_run_until() asks is not charged to another item. */
static void
done_is_an_item_of_its_own(void **state)
{
	int left = 2;

	(void)state;
	seam_time_virtual();
	profile(0);
	socle_defer(nothing, NULL);
	socle_add_timer(0, nothing, NULL);
	socle_set_loop_timeout(0);
	assert_int_equal(1, socle_run_until(enough, &left));
	assert_profile(note_calls,
		"deferred:nothing:1 done:enough:3 "
		"timer:nothing:1");
	assert_true(wall_of("done:enough") > 2.99);
	assert_true(wall_of("deferred:nothing") < 0.01);
	assert_true(wall_of("timer:nothing") < 0.01);
}

static bool switched_on;

static void
read_and_profile(struct probe *p)
{
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	if (!switched_on)
		profile(0);
	switched_on = true;
}

/* The events of the same tick, which came while it was off. */
static void
profiling_enabled_in_a_handler_counts_the_next_event(void **state)
{
	int peers[3];

	(void)state;
	switched_on = false;
	for (int i = 0; i < 3; i++) {
		made()->on_read = read_and_profile;
		peers[i] = ends[1];
		send_all(peers[i], "x", 1);
	}
	turn(1);
	assert_profile(note_calls, "Probe-read:2");
	for (int i = 0; i < 3; i++)
		close(peers[i]);
}

/* case 127 */
static void
each_call_is_counted(void **state)
{
	struct probe *p = made();

	(void)state;
	p->read_size = 1;
	profile(0);
	send_all(ends[1], "12345", 5);
	socle_watch_write(&p->sock, true);
	turn(2);
	socle_watch_write(&p->sock, false);
	turn(10);
	assert_profile(note_calls, "Probe-read:5 Probe-write:2");
	close(ends[1]);
}

static void
an_event_that_is_not_called_is_not_counted(void **state)
{
	struct probe *p = made();

	(void)state;
	profile(0);
	socle_watch_read(&p->sock, false);
	send_all(ends[1], "x", 1);
	turn(3);
	assert_profile(note_calls, "");
	close(ends[1]);
}

static void
a_read_of_pushed_back_data_counts_as_a_read(void **state)
{
	struct probe *p = made();

	(void)state;
	profile(0);
	socle_push_back_read(&p->sock, "x", 1);
	turn(3);
	assert_profile(note_calls, "Probe-read:1");
	close(ends[1]);
}

static const struct socle_class other_class = {
	.name = "Other", .super = &probe_class};

/* case 128 */
static void
after_set_class_calls_are_charged_to_the_new_class(void **state)
{
	struct probe *p = made();

	(void)state;
	p->read_size = 1;
	profile(0);
	send_all(ends[1], "123", 3);
	turn(1);
	assert_int_equal(0, socle_set_class(&p->sock, &other_class));
	turn(5);
	assert_profile(note_calls, "Other-read:2 Probe-read:1");
	close(ends[1]);
}

static void
objects_of_a_class_share_its_items(void **state)
{
	int first_peer;

	(void)state;
	made();
	first_peer = ends[1];
	made();
	profile(0);
	send_all(first_peer, "x", 1);
	send_all(ends[1], "x", 1);
	turn(2);
	assert_profile(note_calls, "Probe-read:2");
	close(first_peer);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_objects_items_are_named_after_its_class),
		test(a_listeners_object_has_an_accepted_item),
		test(other_items_are_named_after_their_function),
		test(done_is_an_item_of_its_own),
		test(profiling_enabled_in_a_handler_counts_the_next_event),
		test(each_call_is_counted),
		test(an_event_that_is_not_called_is_not_counted),
		test(a_read_of_pushed_back_data_counts_as_a_read),
		test(after_set_class_calls_are_charged_to_the_new_class),
		test(objects_of_a_class_share_its_items),
	};

	return run_tests(tests);
}

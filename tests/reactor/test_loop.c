/* backends: all */
/*
 * How long a tick waits, and when a loop ends.
 */
#include "tests/support/looping.h"

#include <sys/resource.h>

/* A small object that counts calls of event_read and reads nothing. */
struct plain {
	struct socle_socket sock;
	int *served;
	bool was_served;
};

static void
plain_event_read(struct socle_socket *self)
{
	struct plain *p = socle_container_of(self, struct plain, sock);

	if (!p->was_served)
		++*p->served;
	p->was_served = true;
}

static const struct socle_class plain_class = {
	.name = "Plain",
	.super = &socle_socket_class,
	.size = sizeof(struct plain),
	.event_read = plain_event_read,
};

/* n objects that watch duplicates of one fd. */
static int
plains_make(int n, int fd, int *served)
{
	struct socle_socket *s;
	struct rlimit limit;

	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &limit));
	if ((rlim_t)n + 50 > limit.rlim_cur)
		n = (int)limit.rlim_cur - 50;
	for (int i = 0; i < n; i++) {
		int copy = dup(fd);

		assert_true(copy >= 0);
		assert_int_equal(0, socle_socket_new(&plain_class, copy, &s));
		socle_container_of(s, struct plain, sock)->served = served;
		socle_watch_read(s, true);
	}
	return n;
}

/* ---- how long it waits ---- */

/* case 1 */
static void
four_ticks_with_a_loop_timeout_of_250_ms_take_a_second(void **state)
{
	int left = 4;

	(void)state;
	start_virtual_time();
	socle_set_loop_timeout(250);
	socle_set_post_loop_callback(count_down, &left);
	assert_int_equal(0, socle_event_loop());
	assert_int_equal(0, left);
	assert_waited(1.0);
}

static void
note_time(void *arg)
{
	(void)arg;
	note("%.3f", seam_time() - began);
}

/* case 2 */
static void
timers_added_in_any_order_fire_at_their_time(void **state)
{
	static const int seconds[] = {3, 0, 5, 2, 4, 1};

	(void)state;
	start_virtual_time();
	for (int i = 0; i < 6; i++)
		assert_true(socle_add_timer(seconds[i], note_time, NULL));
	assert_true(socle_add_timer(6, stop, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_notes("0.000 1.000 2.000 3.000 4.000 5.000");
}

/* case 16, defect 6 */
static void
a_loop_timeout_of_0_does_not_wait(void **state)
{
	int left = 100;

	(void)state;
	start_virtual_time();
	socle_set_loop_timeout(0);
	assert_true(socle_add_timer(1, stop, NULL));
	socle_set_post_loop_callback(count_down, &left);
	assert_int_equal(0, socle_event_loop());
	assert_int_equal(0, left);
	assert_waited(0);
}

/* case 17, defect 6 */
static void
a_negative_loop_timeout_waits_for_the_next_event(void **state)
{
	(void)state;
	for (int timeout = -1; timeout >= -5; timeout -= 4) {
		start_virtual_time();
		socle_set_loop_timeout(timeout);
		assert_true(socle_add_timer(3600, stop, NULL));
		seam_count_reset();
		assert_int_equal(0, socle_event_loop());
		assert_waited(3600);
		assert_int_equal(2, seam_count(the_wait()));
	}
}

static void
by_default_the_loop_timeout_is_infinite(void **state)
{
	(void)state;
	assert_int_equal(-1, socle_loop_timeout_ms());
	socle_set_loop_timeout(-7);
	assert_int_equal(-1, socle_loop_timeout_ms());
}

static void
the_loop_timeout_does_not_apply_to_socle_event_loop_once(void **state)
{
	(void)state;
	start_virtual_time();
	socle_set_loop_timeout(10);
	assert_int_equal(1, socle_event_loop_once(2000));
	assert_waited(2);
	socle_set_loop_timeout(5000);
	assert_int_equal(1, socle_event_loop_once(0));
	assert_waited(2);
}

static bool
shorten_the_timeout(void *arg)
{
	socle_set_loop_timeout(10);
	return count_down(arg);
}

static void
the_loop_timeout_may_be_changed_while_the_loop_runs(void **state)
{
	int left = 3;

	(void)state;
	start_virtual_time();
	socle_set_loop_timeout(1000);
	socle_set_post_loop_callback(shorten_the_timeout, &left);
	assert_int_equal(0, socle_event_loop());
	assert_waited(1.02);
}

/* case 12 */
static void
a_stop_in_a_timer_ends_the_loop_at_once(void **state)
{
	(void)state;
	start_virtual_time();
	assert_true(socle_add_timer(0.05, stop, NULL));
	assert_true(socle_add_timer(10, stop, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_waited(0.05);
}

static void
a_tick_in_which_a_timer_ran_does_not_wait(void **state)
{
	bool ran = false;

	(void)state;
	start_virtual_time();
	assert_true(socle_add_timer(0, set_flag, &ran));
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_true(ran);
	assert_waited(0);
}

static void
a_tick_in_which_a_deferred_call_ran_does_not_wait(void **state)
{
	bool ran = false;

	(void)state;
	start_virtual_time();
	assert_int_equal(0, socle_defer(set_flag, &ran));
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_true(ran);
	assert_waited(0);
}

static void
a_tick_in_which_a_posted_call_ran_does_not_wait(void **state)
{
	struct socle_loop *l = socle_loop_self();
	bool ran = false;

	(void)state;
	start_virtual_time();
	assert_int_equal(0, socle_post(l, set_flag, &ran));
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_true(ran);
	assert_waited(0);
	socle_loop_release(l);
}

static void
stop_by_closure(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	socle_stop();
}

static void
after_a_stop_the_tick_does_not_wait(void **state)
{
	int fds[2];
	struct probe *p;

	(void)state;
	start_virtual_time();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_set_autoflush(&p->sock, false);
	socle_write(&p->sock, "x", 1);
	socle_write_func(&p->sock, stop_by_closure, NULL, NULL);
	assert_int_equal(0, socle_event_loop_once(60000));
	assert_waited(0);
	close(fds[1]);
}

/* case 15 */
static void
an_object_closed_before_the_loop_is_reaped_without_a_wait(void **state)
{
	int fds[2];
	bool destroyed = false;
	struct probe *p;

	(void)state;
	start_virtual_time();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->destroyed = &destroyed;
	socle_close(&p->sock, "before");
	assert_int_equal(1, socle_to_close());
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_waited(0);
	assert_true(destroyed && at_end(fds[1]));
	assert_int_equal(0, socle_to_close());
	close(fds[1]);
}

static void
close_probe(void *arg)
{
	socle_close(&((struct probe *)arg)->sock, "timer");
}

static bool
peer_continues(void *arg)
{
	return !at_end(*(int *)arg);
}

/* case 13 */
static void
a_close_in_a_timer_reaches_the_peer_at_once(void **state)
{
	int fds[2];

	(void)state;
	start_virtual_time();
	pair_unix(fds);
	assert_true(
		socle_add_timer(0.05, close_probe, probe_new(fds[0], NULL)));
	assert_true(socle_add_timer(10, stop, NULL));
	socle_set_post_loop_callback(peer_continues, &fds[1]);
	assert_int_equal(0, socle_event_loop());
	assert_waited(0.05);
	close(fds[1]);
}

/* case 23 */
static void
a_thousand_idle_fds_and_a_timer_wake_the_loop_once(void **state)
{
	int fds[2], served = 0;

	(void)state;
	start_virtual_time();
	pair_unix(fds);
	plains_make(1000, fds[0], &served);
	assert_true(socle_add_timer(10, stop, NULL));
	seam_count_reset();
	assert_int_equal(0, socle_event_loop());
	assert_waited(10);
	assert_int_equal(2, seam_count(the_wait()));
	assert_int_equal(0, served);
	close(fds[0]);
	close(fds[1]);
}

/* case 20 */
static void
thousands_of_ready_fds_are_all_served_within_a_few_ticks(void **state)
{
	int fds[2], served = 0, ticks = 0, n;

	(void)state;
	pair_unix(fds);
	send_all(fds[1], "x", 1);
	n = plains_make(scaled(3000, 300), fds[0], &served);
	while (served < n && ++ticks <= 8)
		turn(1);
	assert_int_equal(n, served);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(four_ticks_with_a_loop_timeout_of_250_ms_take_a_second),
		test(timers_added_in_any_order_fire_at_their_time),
		test(a_loop_timeout_of_0_does_not_wait),
		test(a_negative_loop_timeout_waits_for_the_next_event),
		test(by_default_the_loop_timeout_is_infinite),
		test(the_loop_timeout_does_not_apply_to_socle_event_loop_once),
		test(the_loop_timeout_may_be_changed_while_the_loop_runs),
		test(a_stop_in_a_timer_ends_the_loop_at_once),
		test(a_tick_in_which_a_timer_ran_does_not_wait),
		test(a_tick_in_which_a_deferred_call_ran_does_not_wait),
		test(a_tick_in_which_a_posted_call_ran_does_not_wait),
		test(after_a_stop_the_tick_does_not_wait),
		test(an_object_closed_before_the_loop_is_reaped_without_a_wait),
		test(a_close_in_a_timer_reaches_the_peer_at_once),
		test(a_thousand_idle_fds_and_a_timer_wake_the_loop_once),
		test(thousands_of_ready_fds_are_all_served_within_a_few_ticks),
	};

	return run_tests(tests);
}

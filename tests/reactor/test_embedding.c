/* backends: all */
/*
 * The library's loop inside another event loop: an fd to poll and a timeout.
 */
#include "tests/support/fixture.h"

#include <limits.h>

/* Whether an outer poll(2) reports the loop's fd within `ms'. */
static bool
readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) == 1;
}

/* The fd of a loop without work; skips the test if the backend has none. */
static int
quiet_loop_fd_for(const char *name)
{
	int fd = socle_loop_fd();

	if (fd == -ENOTSUP)
		skip_test(name, "poll has no fd");
	if (backend_is("libkqueue"))
		skip_test(name, "libkqueue's fd cannot be polled");
	assert_true(fd >= 0);
	assert_false(readable(fd, 0));
	return fd;
}
#define quiet_loop_fd() quiet_loop_fd_for(__func__)

static void
set_flag(void *arg)
{
	*(bool *)arg = true;
}

static void
nothing(void *arg)
{
	(void)arg;
}

static struct probe *
make(int fds[2])
{
	struct probe *p;

	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	return p;
}

/* ---- the fd ---- */

static void
the_poll_backend_has_no_loop_fd(void **state)
{
	(void)state;
	if (!backend_is("poll"))
		skip_because("the others have one");
	assert_int_equal(-ENOTSUP, socle_loop_fd());
	assert_int_equal(1, socle_event_loop_once(0));
}

static void
the_loop_fd_stays_the_same(void **state)
{
	int fd = quiet_loop_fd();

	(void)state;
	turn(2);
	assert_int_equal(fd, socle_loop_fd());
	assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
}

static void
ask_for_the_fd(void *arg)
{
	*(int *)arg = socle_loop_fd();
	assert_int_equal(0, socle_defer(nothing, NULL));
}

static void
a_handler_may_ask_for_the_loop_fd(void **state)
{
	int fd = -1;

	(void)state;
	assert_int_equal(0, socle_defer(ask_for_the_fd, &fd));
	turn(1);
	if (fd == -ENOTSUP)
		skip_because("poll has no fd");
	if (backend_is("libkqueue"))
		skip_because("libkqueue's fd cannot be polled");
	assert_true(readable(fd, 0));
	turn(2);
	assert_false(readable(fd, 0));
	assert_int_equal(fd, quiet_loop_fd());
}

static void
the_loop_fd_is_readable_for_a_ready_fd(void **state)
{
	int fd = quiet_loop_fd(), fds[2];
	struct probe *p = make(fds);

	(void)state;
	assert_false(readable(fd, 0));
	send_all(fds[1], "x", 1);
	assert_true(readable(fd, 5000));
	turn(1);
	assert_int_equal(1, p->got_len);
	assert_false(readable(fd, 0));
	close(fds[1]);
}

static void
take_a_byte(int fd, unsigned ready, void *arg)
{
	char c;

	assert_int_equal(SOCLE_READ, ready);
	assert_int_equal(1, read(fd, &c, 1));
	*(bool *)arg = true;
}

static void
the_loop_fd_is_readable_for_a_ready_other_fd(void **state)
{
	int fd = quiet_loop_fd(), fds[2];
	bool taken = false;

	(void)state;
	pair_pipe(fds);
	assert_int_equal(
		0, socle_add_other_fd(fds[0], SOCLE_READ, take_a_byte, &taken));
	assert_false(readable(fd, 0));
	send_all(fds[1], "x", 1);
	assert_true(readable(fd, 5000));
	turn(1);
	assert_true(taken);
	assert_int_equal(0, socle_remove_other_fd(fds[0]));
	send_all(fds[1], "x", 1);
	assert_false(readable(fd, 0));
	close(fds[0]);
	close(fds[1]);
}

static void
a_change_of_interest_outside_a_tick_takes_effect_at_once(void **state)
{
	int fd = quiet_loop_fd(), fds[2];
	struct probe *p = make(fds);

	(void)state;
	send_all(fds[1], "x", 1);
	assert_true(readable(fd, 5000));
	socle_watch_read(&p->sock, false);
	assert_false(readable(fd, 0));
	socle_watch_read(&p->sock, true);
	assert_true(readable(fd, 5000));
	socle_close(&p->sock, NULL);
	assert_false(readable(fd, 0));
	close(fds[1]);
}

static void
stop_watching(struct probe *p)
{
	socle_watch_read(&p->sock, false);
}

static void
a_change_of_interest_in_a_tick_takes_effect_when_it_ends(void **state)
{
	int fd = quiet_loop_fd(), fds[2];
	struct probe *p = make(fds);

	(void)state;
	p->on_read = stop_watching;
	send_all(fds[1], "x", 1);
	turn(1);
	assert_int_equal(1, p->reads);
	assert_false(readable(fd, 0));
	close(fds[1]);
}

static void
the_loop_fd_is_readable_for_a_post(void **state)
{
	int fd = quiet_loop_fd();
	struct socle_loop *l = socle_loop_self();
	bool ran = false;

	(void)state;
	assert_int_equal(0, socle_post(l, set_flag, &ran));
	assert_true(readable(fd, 0));
	turn(1);
	assert_true(ran);
	assert_false(readable(fd, 0));
	socle_loop_release(l);
}

static void
the_loop_fd_is_readable_for_a_wakeup(void **state)
{
	int fd = quiet_loop_fd();
	struct socle_loop *l = socle_loop_self();

	(void)state;
	for (int i = 0; i < 3; i++) {
		socle_wakeup(l);
		socle_wakeup(l);
		assert_true(readable(fd, 0));
		turn(1);
		assert_false(readable(fd, 0));
	}
	socle_loop_release(l);
}

static void
the_loop_fd_is_readable_for_a_deferred_call(void **state)
{
	int fd = quiet_loop_fd();
	bool ran = false;
	unsigned long writes;

	(void)state;
	assert_int_equal(0, socle_defer(set_flag, &ran));
	assert_true(readable(fd, 0));
	writes = seam_count(CALL_write);
	assert_int_equal(0, socle_defer(set_flag, &ran));
	assert_int_equal(writes, seam_count(CALL_write)); /* one suffices */
	turn(1);
	assert_true(ran);
	assert_false(readable(fd, 0));
}

static void
the_loop_fd_is_readable_for_a_call_deferred_earlier(void **state)
{
	bool ran = false;
	int fd;

	(void)state;
	if (!changes_are_calls())
		skip_because("poll has no fd");
	if (backend_is("libkqueue"))
		skip_because("libkqueue's fd cannot be polled");
	assert_int_equal(0, socle_defer(set_flag, &ran));
	fd = socle_loop_fd();
	assert_true(readable(fd, 0));
	turn(1);
	assert_true(ran);
	assert_false(readable(fd, 0));
}

static void
defer_in_handler(struct probe *p)
{
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	assert_int_equal(0, socle_defer(set_flag, &p->done));
}

static void
the_loop_fd_is_readable_for_a_call_deferred_by_a_handler(void **state)
{
	int fd = quiet_loop_fd(), fds[2];
	struct probe *p = make(fds);

	(void)state;
	p->on_read = defer_in_handler;
	send_all(fds[1], "x", 1);
	turn(1);
	assert_true(readable(fd, 0));
	turn(1);
	assert_true(p->done);
	assert_false(readable(fd, 0));
	close(fds[1]);
}

static bool posted_ran;

static void
post_to_self(void *arg)
{
	assert_int_equal(0, socle_post(arg, set_flag, &posted_ran));
}

static void
the_loop_fd_is_readable_for_a_post_by_a_deferred_call(void **state)
{
	int fd = quiet_loop_fd();
	struct socle_loop *l = socle_loop_self();

	(void)state;
	posted_ran = false;
	assert_int_equal(0, socle_defer(post_to_self, l));
	turn(1);
	assert_false(posted_ran);
	assert_true(readable(fd, 0));
	turn(1);
	assert_true(posted_ran);
	assert_false(readable(fd, 0));
	socle_loop_release(l);
}

static void
an_outer_loop_drives_fds_timers_and_calls(void **state)
{
	int fds[2], rounds = 0, fd = socle_loop_fd();
	struct probe *p = make(fds);
	bool fired = false, ran = false;

	(void)state;
	assert_true(socle_add_timer(0.02, set_flag, &fired));
	assert_int_equal(0, socle_defer(set_flag, &ran));
	send_all(fds[1], "x", 1);
	for (; !fired && rounds < 20; rounds++) {
		struct pollfd outer[2] = {{.fd = fd, .events = POLLIN},
			{.fd = fds[0], .events = POLLIN}};
		int ms = socle_loop_timeout_ms();

		assert_true(ms >= 0 && ms <= 20);
		/*
		 * without a loop fd the embedding program must know what the
		 * loop watches
		 */
		assert_true(poll(outer, fd < 0 ? 2 : 1, ms) >= 0);
		assert_int_equal(1, socle_event_loop_once(0));
	}
	assert_true(fired && ran);
	assert_int_equal(1, p->got_len);
	assert_true(rounds <= 5);
	close(fds[1]);
}

/* ---- the timeout ---- */

static void
an_idle_loop_waits_for_its_loop_timeout(void **state)
{
	(void)state;
	assert_int_equal(-1, socle_loop_timeout_ms());
	socle_set_loop_timeout(250);
	assert_int_equal(250, socle_loop_timeout_ms());
	socle_set_loop_timeout(0);
	assert_int_equal(0, socle_loop_timeout_ms());
	assert_int_equal(0, seam_count(CALL_clock_gettime));
}

static void
the_wait_for_a_timer_is_exact_and_rounded_up(void **state)
{
	static const struct {
		double seconds;
		int ms;
	} cases[] = {{1.5, 1500}, {0.001, 1}, {0.0015, 2}, {1e-9, 1}, {0, 0},
		{-1, 0}, {3600, 3600000}, {1e9, INT_MAX}};

	(void)state;
	seam_time_virtual();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		socle_timer_id id =
			socle_add_timer(cases[i].seconds, nothing, NULL);

		assert_int_equal(cases[i].ms, socle_loop_timeout_ms());
		assert_true(socle_cancel_timer(id));
	}
	assert_int_equal(-1, socle_loop_timeout_ms());
}

static void
the_wait_for_a_timer_shrinks_as_time_passes(void **state)
{
	(void)state;
	seam_time_virtual();
	assert_true(socle_add_timer(1, nothing, NULL));
	assert_int_equal(1000, socle_loop_timeout_ms());
	seam_time_add(0.75);
	assert_int_equal(250, socle_loop_timeout_ms());
	seam_time_add(10);
	assert_int_equal(0, socle_loop_timeout_ms());
}

static void
the_wait_is_the_smaller_of_loop_timeout_and_timer(void **state)
{
	(void)state;
	seam_time_virtual();
	assert_true(socle_add_timer(1, nothing, NULL));
	socle_set_loop_timeout(300);
	assert_int_equal(300, socle_loop_timeout_ms());
	socle_set_loop_timeout(3000);
	assert_int_equal(1000, socle_loop_timeout_ms());
}

static void
a_timer_due_in_the_outer_wait_fires_in_the_next_tick(void **state)
{
	bool fired = false;

	(void)state;
	seam_time_virtual();
	assert_true(socle_add_timer(1, set_flag, &fired));
	assert_int_equal(1000, socle_loop_timeout_ms());
	seam_time_add(1); /* the outer wait */
	turn(1);
	assert_true(fired);
}

static void
there_is_no_wait_while_work_is_pending(void **state)
{
	struct socle_loop *l = socle_loop_self();
	int fds[2];
	struct probe *p = make(fds);

	(void)state;
	turn(1);
	assert_int_equal(-1, socle_loop_timeout_ms());
	assert_int_equal(0, socle_defer(nothing, NULL));
	assert_int_equal(0, socle_loop_timeout_ms());
	turn(1);
	assert_int_equal(-1, socle_loop_timeout_ms());
	assert_int_equal(0, socle_post(l, nothing, NULL));
	assert_int_equal(0, socle_loop_timeout_ms());
	turn(1);
	assert_int_equal(0, socle_push_back_read(&p->sock, "x", 1));
	assert_int_equal(0, socle_loop_timeout_ms());
	turn(1);
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	assert_int_equal(0, socle_loop_timeout_ms());
	turn(1);
	assert_int_equal(-1, socle_loop_timeout_ms());
	socle_close(&p->sock, NULL);
	assert_int_equal(0, socle_loop_timeout_ms());
	turn(1);
	assert_int_equal(-1, socle_loop_timeout_ms());
	socle_loop_release(l);
	close(fds[1]);
}

static void
a_push_back_with_reading_off_needs_no_tick(void **state)
{
	int fds[2];
	struct probe *p = make(fds);

	(void)state;
	socle_watch_read(&p->sock, false);
	assert_int_equal(0, socle_push_back_read(&p->sock, "x", 1));
	assert_int_equal(-1, socle_loop_timeout_ms());
	socle_watch_read(&p->sock, true);
	assert_int_equal(0, socle_loop_timeout_ms());
	close(fds[1]);
}

static bool
continue_run(void *arg)
{
	(void)arg;
	return true;
}

static bool
object_continues(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	return true;
}

static void
post_loop_callbacks_need_no_tick(void **state)
{
	int fds[2];
	struct probe *p = make(fds);

	(void)state;
	socle_set_post_loop_callback(continue_run, NULL);
	socle_set_socket_post_loop_callback(&p->sock, object_continues, NULL);
	assert_int_equal(-1, socle_loop_timeout_ms());
	turn(1);
	assert_int_equal(-1, socle_loop_timeout_ms());
	close(fds[1]);
}

static void
a_poller_that_cannot_be_opened_is_an_error(void **state)
{
	(void)state;
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_loop_timeout_ms());
	seam_heal();
	assert_int_equal(-1, socle_loop_timeout_ms());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(the_poll_backend_has_no_loop_fd),
		test(the_loop_fd_stays_the_same),
		test(a_handler_may_ask_for_the_loop_fd),
		test(the_loop_fd_is_readable_for_a_ready_fd),
		test(the_loop_fd_is_readable_for_a_ready_other_fd),
		test(a_change_of_interest_outside_a_tick_takes_effect_at_once),
		test(a_change_of_interest_in_a_tick_takes_effect_when_it_ends),
		test(the_loop_fd_is_readable_for_a_post),
		test(the_loop_fd_is_readable_for_a_wakeup),
		test(the_loop_fd_is_readable_for_a_deferred_call),
		test(the_loop_fd_is_readable_for_a_call_deferred_earlier),
		test(the_loop_fd_is_readable_for_a_call_deferred_by_a_handler),
		test(the_loop_fd_is_readable_for_a_post_by_a_deferred_call),
		test(an_outer_loop_drives_fds_timers_and_calls),
		test(an_idle_loop_waits_for_its_loop_timeout),
		test(the_wait_for_a_timer_is_exact_and_rounded_up),
		test(the_wait_for_a_timer_shrinks_as_time_passes),
		test(the_wait_is_the_smaller_of_loop_timeout_and_timer),
		test(a_timer_due_in_the_outer_wait_fires_in_the_next_tick),
		test(there_is_no_wait_while_work_is_pending),
		test(a_push_back_with_reading_off_needs_no_tick),
		test(post_loop_callbacks_need_no_tick),
		test(a_poller_that_cannot_be_opened_is_an_error),
	};

	return run_tests(tests);
}

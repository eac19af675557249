/* The hook that names the handler that held up the loop. */
/* backends: all */
#include "tests/support/fixture.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>

static int ends[2];

/* Handlers spend time by moving the virtual clock. */
static void
take(double seconds)
{
	seam_time_add(seconds);
}

static void
note_slow(const struct socle_slow *what, void *arg)
{
	(void)arg;
	note("%s=%ldms", what->item, (long)(what->seconds * 1e3 + 0.5));
}

static void
hook(double seconds)
{
	seam_time_virtual();
	socle_set_slow_handler(seconds, note_slow, NULL);
}

static void
slow_read(struct probe *p)
{
	char buf[16];

	assert_true(socle_read(&p->sock, buf, sizeof(buf)) != -EAGAIN);
	take(0.3);
}

static void
slow_fn(void *arg)
{
	(void)arg;
	take(0.3);
}

static void
slower_fn(void *arg)
{
	(void)arg;
	take(0.4);
}

static void
fast_fn(void *arg)
{
	(void)arg;
	take(0.0999);
}

static void
only_a_slow_callback_is_reported(void **state)
{
	(void)state;
	hook(0.1);
	socle_defer(fast_fn, NULL);
	socle_defer(slow_fn, NULL);
	socle_defer(fast_fn, NULL);
	socle_defer(slower_fn, NULL);
	turn(1);
	assert_notes("deferred:slow_fn=300ms deferred:slower_fn=400ms");
}

static void
a_callback_that_takes_exactly_the_limit_is_reported(void **state)
{
	(void)state;
	hook(0.3);
	socle_defer(slow_fn, NULL);
	turn(1);
	assert_notes("deferred:slow_fn=300ms");
}

static struct socle_slow last;
static char last_item[64], last_peer[64];

static void
keep_slow(const struct socle_slow *what, void *arg)
{
	(*(int *)arg)++;
	last = *what;
	snprintf(last_item, sizeof(last_item), "%s", what->item);
	snprintf(last_peer, sizeof(last_peer), "%s",
		what->peer ? what->peer : "(none)");
}

static void
an_object_is_reported_with_its_fd_and_peer(void **state)
{
	struct probe *p;
	int times = 0;

	(void)state;
	seam_time_virtual();
	socle_set_slow_handler(0.1, keep_slow, &times);
	pair_tcp(ends);
	p = probe_new(ends[0], NULL);
	p->on_read = slow_read;
	socle_watch_read(&p->sock, true);
	send_all(ends[1], "x", 1);
	turn(1);
	assert_int_equal(1, times);
	assert_string_equal("Probe-read", last_item);
	assert_int_equal(ends[0], last.fd);
	assert_string_equal(socle_peer_addr_string(&p->sock), last_peer);
	assert_true(last.seconds > 0.2999 && last.seconds < 0.3001);
	close(ends[1]);
}

static void
a_callback_without_an_object_has_no_fd(void **state)
{
	int times = 0;

	(void)state;
	seam_time_virtual();
	socle_set_slow_handler(0.1, keep_slow, &times);
	socle_add_timer(0, slow_fn, NULL);
	turn(1);
	assert_int_equal(1, times);
	assert_string_equal("timer:slow_fn", last_item);
	assert_int_equal(-1, last.fd);
	assert_null(last.peer);
}

static void
slow_other(int fd, unsigned ready, void *arg)
{
	char c;

	(void)ready;
	(void)arg;
	assert_int_equal(1, read(fd, &c, 1));
	take(0.3);
}

static void
an_other_fd_is_reported_with_its_number(void **state)
{
	int times = 0;

	(void)state;
	seam_time_virtual();
	socle_set_slow_handler(0.1, keep_slow, &times);
	pair_pipe(ends);
	socle_add_other_fd(ends[0], SOCLE_READ, slow_other, NULL);
	send_all(ends[1], "x", 1);
	turn(1);
	assert_int_equal(1, times);
	assert_string_equal("other-fd:slow_other", last_item);
	assert_int_equal(ends[0], last.fd);
	assert_null(last.peer);
	socle_remove_other_fd(ends[0]);
	close(ends[0]);
	close(ends[1]);
}

static bool
slow_post_loop(void *arg)
{
	(void)arg;
	take(0.3);
	return true;
}

static bool
slow_object_post_loop(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	take(0.3);
	return true;
}

static void
slow_signal(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	take(0.3);
}

static void
callbacks_of_all_kinds_are_reported(void **state)
{
	struct socle_loop *self = socle_loop_self();
	struct probe *p;

	(void)state;
	hook(0.1);
	socle_post(self, slow_fn, NULL);
	turn(1);
	assert_notes("posted:slow_fn=300ms");
	socle_signal(SIGUSR1, slow_signal, NULL);
	raise(SIGUSR1);
	turn(2);
	assert_notes("signal:slow_signal=300ms");
	socle_set_post_loop_callback(slow_post_loop, NULL);
	turn(1);
	assert_notes("post-loop:slow_post_loop=300ms");
	socle_set_post_loop_callback(NULL, NULL);
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	socle_set_socket_post_loop_callback(
		&p->sock, slow_object_post_loop, NULL);
	turn(1);
	assert_notes("Probe-post-loop=300ms");
	socle_signal(SIGUSR1, NULL, NULL);
	socle_loop_release(self);
	close(ends[1]);
}

static void
slow_err(struct probe *p, int err)
{
	(void)err;
	take(0.3);
	socle_close(&p->sock, "slow");
}

static void
slow_hook(struct probe *p)
{
	(void)p;
	take(0.3);
}

static void
slow_hup(struct probe *p)
{
	take(0.3);
	socle_close(&p->sock, "slow");
}

/* Probes note events too: only the hook's notes end with "ms". */
static void
assert_reported_once(const char *item)
{
	const char *at = strstr(notes(), item);

	assert_non_null(at);
	assert_null(strstr(at + strlen(item), "ms"));
	assert_ptr_equal(strstr(notes(), "Probe-"), at);
	assert_null(strstr(notes(), "timer:"));
	notes_clear();
}

static void
events_of_all_kinds_are_reported(void **state)
{
	struct probe *p;

	(void)state;
	hook(0.1);
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	p->on_write = slow_hook;
	socle_watch_write(&p->sock, true);
	turn(1);
	assert_reported_once("Probe-write=300ms");
	p->on_write = NULL;
	socle_watch_write(&p->sock, false);
	p->on_hup = slow_hup;
	close(ends[1]);
	turn(1);
	assert_reported_once("Probe-hup=300ms");
	pair_tcp(ends);
	p = probe_new(ends[0], NULL);
	p->on_err = slow_err;
	close_by_reset(ends[1]);
	turn(1);
	assert_reported_once("Probe-err=300ms");
}

static void
a_slow_drain_is_reported(void **state)
{
	static char buf[1 << 22];
	struct probe *p;

	(void)state;
	hook(0.1);
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	p->on_drain = slow_hook;
	stuff_fd(ends[0]);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	drain_fd(ends[1], buf, sizeof(buf));
	turn(2);
	/* event_drain, and the event_write whose flush caused it */
	assert_non_null(strstr(notes(), "Probe-drain=300ms Probe-write=300ms"));
	close(ends[1]);
}

static void
slow_event_timeout(struct socle_socket *self, int which)
{
	(void)self;
	(void)which;
	take(0.3);
}

static const struct socle_class timed_class = {
	.name = "Timed",
	.super = &probe_class,
	.event_timeout = slow_event_timeout,
};

/* The library's own timer, which calls event_timeout, is not a handler. */
static void
a_slow_timeout_is_reported_once(void **state)
{
	struct socle_socket *s;

	(void)state;
	hook(0.1);
	pair_unix(ends);
	assert_int_equal(0, socle_socket_new(&timed_class, ends[0], &s));
	assert_int_equal(0, socle_set_idle_timeout(s, 1));
	assert_int_equal(1, socle_event_loop_once(-1));
	assert_int_equal(1, socle_event_loop_once(0));
	assert_notes("Timed-timeout=300ms");
	close(ends[1]);
}

static void
slow_closure(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	take(0.2);
}

static void
read_with_closure(struct probe *p)
{
	slow_read(p);
	socle_write_func(&p->sock, slow_closure, NULL, NULL);
}

static void
nested_calls_count_and_the_inner_one_is_reported_first(void **state)
{
	struct probe *p;

	(void)state;
	hook(0.1);
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	p->on_read = read_with_closure;
	socle_watch_read(&p->sock, true);
	send_all(ends[1], "x", 1);
	turn(1);
	assert_notes("r Probe-closure=200ms Probe-read=500ms");
	close(ends[1]);
}

static void
slow_destroy(struct socle_socket *self)
{
	(void)self;
	take(5);
}

static const struct socle_class sluggish_class = {
	.name = "Sluggish",
	.super = &socle_socket_class,
	.destroy = slow_destroy,
};

static bool
fast_post_loop(void *arg)
{
	(void)arg;
	note("post-loop");
	return true;
}

static void
a_callback_is_not_charged_for_the_one_before_it(void **state)
{
	struct socle_socket *s;

	(void)state;
	hook(0.1);
	pair_unix(ends);
	assert_int_equal(0, socle_socket_new(&sluggish_class, ends[0], &s));
	socle_set_post_loop_callback(fast_post_loop, NULL);
	turn(1);
	socle_close(s, NULL);
	notes_clear();
	turn(1);
	assert_notes("Sluggish-destroy=5000ms post-loop");
	close(ends[1]);
}

static void
time_outside_the_loop_is_charged_to_no_callback(void **state)
{
	(void)state;
	hook(0.1);
	turn(1);
	take(5);
	socle_defer(fast_fn, NULL);
	socle_add_timer(0, fast_fn, NULL);
	turn(1);
	take(5);
	turn(2);
	assert_notes("");
}

static void
note_item(const struct socle_profile_item *item, void *arg)
{
	(void)arg;
	note("%s", item->item);
}

static void
the_hook_neither_needs_nor_enables_profiling(void **state)
{
	(void)state;
	hook(0.1);
	socle_defer(slow_fn, NULL);
	turn(1);
	assert_notes("deferred:slow_fn=300ms");
	assert_int_equal(0, seam_count(CALL_getrusage));
	socle_profiling_data(note_item, NULL);
	assert_notes("");
}

static void
profiling_on_or_off_makes_no_difference(void **state)
{
	(void)state;
	hook(0.1);
	socle_enable_profiling(SOCLE_PROFILE_CPU);
	socle_defer(slow_fn, NULL);
	turn(1);
	assert_notes("deferred:slow_fn=300ms");
	socle_disable_profiling();
	socle_defer(slower_fn, NULL);
	turn(1);
	assert_notes("deferred:slower_fn=400ms");
}

static void
null_or_zero_disables_the_hook(void **state)
{
	static const double off[] = {0, -1, (double)NAN};

	(void)state;
	for (int i = 0; i < 3; i++) {
		hook(0.1);
		socle_set_slow_handler(off[i], note_slow, NULL);
		socle_defer(slow_fn, NULL);
		turn(1);
		assert_notes("");
	}
	hook(0.1);
	socle_set_slow_handler(0.1, NULL, NULL);
	socle_defer(slow_fn, NULL);
	seam_count_reset();
	turn(1);
	assert_notes("");
	assert_int_equal(0, seam_count(CALL_clock_gettime));
}

static void
close_slow(const struct socle_slow *what, void *arg)
{
	struct probe *p = arg;

	note("%s", what->item);
	socle_close(&p->sock, "too slow");
	socle_set_slow_handler(0, NULL, NULL);
}

static void
the_hook_may_close_the_object_and_remove_itself(void **state)
{
	struct probe *p;

	(void)state;
	seam_time_virtual();
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	p->on_read = slow_read;
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, true);
	socle_set_slow_handler(0.1, close_slow, p);
	send_all(ends[1], "x", 1);
	turn(1);
	assert_notes("r Probe-read close(too slow) destroy");
	close(ends[1]);
}

static void
reset_all(const struct socle_slow *what, void *arg)
{
	(void)arg;
	note("%s", what->item);
	socle_reset();
}

static void
the_hook_may_reset_the_loop(void **state)
{
	struct probe *p;

	(void)state;
	seam_time_virtual();
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	p->on_read = slow_read;
	socle_watch_read(&p->sock, true);
	socle_set_slow_handler(0.1, reset_all, NULL);
	send_all(ends[1], "x", 1);
	assert_int_equal(0, socle_event_loop());
	assert_notes("r Probe-read destroy");
	close(ends[1]);
}

static void
close_and_work(struct probe *p)
{
	take(0.3);
	if (p->arg)
		*(int *)p->arg = socle_steal_socket(&p->sock);
	else
		socle_close(&p->sock, "done");
}

static void
an_object_that_closed_itself_is_still_reported(void **state)
{
	int times = 0, stolen = -1;

	(void)state;
	seam_time_virtual();
	socle_set_slow_handler(0.1, keep_slow, &times);
	for (int i = 0; i < 2; i++) {
		struct probe *p;

		pair_tcp(ends);
		p = probe_new(ends[0], NULL);
		p->on_read = close_and_work;
		p->arg = i ? &stolen : NULL;
		socle_watch_read(&p->sock, true);
		send_all(ends[1], "x", 1);
		turn(1);
		assert_int_equal(i + 1, times);
		assert_string_equal("Probe-read", last_item);
		assert_string_equal("(none)", last_peer);
		close(ends[1]);
	}
	assert_int_equal(-1, last.fd);
	close(stolen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(only_a_slow_callback_is_reported),
		test(a_callback_that_takes_exactly_the_limit_is_reported),
		test(an_object_is_reported_with_its_fd_and_peer),
		test(a_callback_without_an_object_has_no_fd),
		test(an_other_fd_is_reported_with_its_number),
		test(callbacks_of_all_kinds_are_reported),
		test(events_of_all_kinds_are_reported),
		test(a_slow_drain_is_reported),
		test(a_slow_timeout_is_reported_once),
		test(nested_calls_count_and_the_inner_one_is_reported_first),
		test(a_callback_is_not_charged_for_the_one_before_it),
		test(time_outside_the_loop_is_charged_to_no_callback),
		test(the_hook_neither_needs_nor_enables_profiling),
		test(profiling_on_or_off_makes_no_difference),
		test(null_or_zero_disables_the_hook),
		test(the_hook_may_close_the_object_and_remove_itself),
		test(the_hook_may_reset_the_loop),
		test(an_object_that_closed_itself_is_still_reported),
	};

	return run_tests(tests);
}

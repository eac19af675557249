/* The timeouts of an object: idleness, and a write that makes no progress. */
/* backends: all */
#include "tests/support/fixture.h"

#include <math.h>
#include <sys/socket.h>

static int ends[2];
static double began;

/* Milliseconds of virtual time since the start of the test. */
static long
ms_now(void)
{
	return (long)((seam_time() - began) * 1e3 + 0.5);
}

/* A probe that notes the time of each timeout and does not close. */
static void
keeper_event_timeout(struct socle_socket *self, int which)
{
	(void)self;
	note("%s@%ld", which == SOCLE_IDLE ? "idle" : "stall", ms_now());
}

static const struct socle_class keeper_class = {
	.name = "Keeper",
	.super = &probe_class,
	.size = sizeof(struct probe),
	.event_timeout = keeper_event_timeout,
};

static struct probe *
made(const struct socle_class *cls)
{
	struct socle_socket *s;

	seam_time_virtual();
	began = seam_time();
	pair_unix(ends);
	assert_int_equal(0, socle_socket_new(cls, ends[0], &s));
	probe_of(s)->read_size = 64;
	socle_watch_read(s, true);
	return probe_of(s);
}

static void
idle_after(struct probe *p, double seconds)
{
	assert_int_equal(0, socle_set_idle_timeout(&p->sock, seconds));
}

static void
stall_after(struct probe *p, double seconds)
{
	assert_int_equal(0, socle_set_write_timeout(&p->sock, seconds));
}

static void
finish(void *arg)
{
	*(bool *)arg = true;
}

static bool
is_set(void *arg)
{
	return *(bool *)arg;
}

/* Runs the loop until `ms' after the start, and through that tick. */
static void
run_to(int64_t ms)
{
	bool done = false;
	/* Slightly less, so that rounding up stays within the millisecond. */
	double left = began + (double)ms / 1e3 - seam_time() - 1e-7;

	assert_true(socle_add_timer(left, finish, &done) != 0);
	assert_int_equal(1, socle_run_until(is_set, &done));
}

static void
an_idle_object_is_closed(void **state)
{
	struct probe *p = made(&probe_class);

	(void)state;
	idle_after(p, 3);
	run_to(2999);
	assert_notes("");
	run_to(3001);
	assert_notes("idle close(idle) destroy");
	close(ends[1]);
}

static void
a_stalled_write_closes(void **state)
{
	struct probe *p = made(&probe_class);

	(void)state;
	stuff_fd(ends[0]);
	stall_after(p, 3);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	notes_clear();
	run_to(2999);
	assert_notes("");
	run_to(3001);
	assert_notes("stall close(stall) destroy");
	close(ends[1]);
}

static void
reading_restarts_the_idle_time(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	idle_after(p, 3);
	run_to(2000);
	send_all(ends[1], "x", 1);
	run_to(6000);
	assert_notes("r idle@5000");
	close(ends[1]);
}

static void
writing_restarts_the_idle_time(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	idle_after(p, 3);
	run_to(2000);
	assert_int_equal(1, socle_write(&p->sock, "x", 1));
	run_to(6000);
	assert_notes("idle@5000");
	close(ends[1]);
}

static void
a_background_flush_restarts_the_idle_time(void **state)
{
	static char buf[1 << 22];
	struct probe *p = made(&keeper_class);

	(void)state;
	stuff_fd(ends[0]);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	idle_after(p, 3);
	run_to(2000);
	drain_fd(ends[1], buf, sizeof(buf));
	notes_clear();
	run_to(6000);
	assert_notes("w drain idle@5000");
	close(ends[1]);
}

static void
a_read_without_data_does_not_count_as_traffic(void **state)
{
	struct probe *p = made(&keeper_class);
	char c;

	(void)state;
	idle_after(p, 3);
	run_to(2000);
	assert_int_equal(-EAGAIN, socle_read(&p->sock, &c, 1));
	run_to(4000);
	assert_notes("idle@3000");
	close(ends[1]);
}

static void
if_the_handler_does_not_close_the_time_restarts(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	idle_after(p, 3);
	run_to(10000);
	assert_notes("idle@3000 idle@6000 idle@9000");
	close(ends[1]);
}

static void
after_a_vetoed_close_the_time_restarts(void **state)
{
	struct probe *p = made(&probe_class);

	(void)state;
	p->veto = true;
	idle_after(p, 3);
	run_to(7000);
	assert_notes("idle close(idle) idle close(idle)");
	close(ends[1]);
}

static void
a_stall_that_continues_is_reported_again(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	stuff_fd(ends[0]);
	stall_after(p, 2);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	notes_clear();
	run_to(5000);
	assert_notes("stall@2000 stall@4000");
	close(ends[1]);
}

static void
idle_and_stall_timeouts_run_independently(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	stuff_fd(ends[0]);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	notes_clear();
	idle_after(p, 5);
	stall_after(p, 2);
	run_to(10500);
	assert_notes("stall@2000 stall@4000 idle@5000 stall@6000 stall@8000 "
		     "idle@10000 stall@10000");
	close(ends[1]);
}

/* Reading keeps an object from being idle, but not a write from stalling. */
static void
reading_does_not_hide_a_stall(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	stuff_fd(ends[0]);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	notes_clear();
	idle_after(p, 3);
	stall_after(p, 3);
	run_to(2000);
	send_all(ends[1], "y", 1);
	run_to(4000);
	assert_notes("r stall@3000");
	close(ends[1]);
}

static void
an_object_closed_as_idle_does_not_stall_as_well(void **state)
{
	struct probe *p = made(&probe_class);

	(void)state;
	stuff_fd(ends[0]);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	notes_clear();
	idle_after(p, 3);
	stall_after(p, 3);
	run_to(9000);
	assert_notes("idle close(idle) destroy");
	close(ends[1]);
}

static void
an_empty_queue_does_not_stall(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	stall_after(p, 1);
	assert_int_equal(1, socle_write(&p->sock, "x", 1));
	seam_count_reset();
	run_to(50000);
	assert_notes("");
	/* a wait until then, and the tick that reports it */
	assert_int_equal(2, seam_waits());
	close(ends[1]);
}

static void
the_stall_time_counts_from_when_bytes_were_queued(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	stall_after(p, 2);
	run_to(5000);
	stuff_fd(ends[0]);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	notes_clear();
	run_to(7500);
	assert_notes("stall@7000");
	close(ends[1]);
}

static void
progress_restarts_the_stall_time(void **state)
{
	enum { BIG = 4 << 20 };
	static char buf[BIG];
	struct probe *p = made(&keeper_class);

	(void)state;
	stall_after(p, 2);
	assert_int_equal(0, socle_write(&p->sock, buf, BIG));
	run_to(1500);
	assert_true(drain_fd(ends[1], buf, BIG) > 0);
	notes_clear();
	run_to(3000);
	assert_true(socle_write_buf_size(&p->sock) > 0);
	assert_null(strstr(notes(), "stall"));
	run_to(3700);
	assert_non_null(strstr(notes(), "stall@3500"));
	close(ends[1]);
}

static void
an_emptied_queue_ends_the_stall(void **state)
{
	static char buf[1 << 22];
	struct probe *p = made(&keeper_class);

	(void)state;
	stall_after(p, 2);
	stuff_fd(ends[0]);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	run_to(1000);
	drain_fd(ends[1], buf, sizeof(buf));
	notes_clear();
	run_to(20000);
	assert_notes("w drain");
	close(ends[1]);
}

static void
an_object_in_close_after_flush_still_stalls(void **state)
{
	struct probe *p = made(&probe_class);

	(void)state;
	stall_after(p, 2);
	stuff_fd(ends[0]);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	socle_close_after_flush(&p->sock, "done");
	notes_clear();
	run_to(3000);
	assert_notes("stall close(stall) destroy");
	close(ends[1]);
}

static void
zero_turns_a_timeout_off(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	stuff_fd(ends[0]);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	notes_clear();
	idle_after(p, 2);
	stall_after(p, 2);
	idle_after(p, 0);
	stall_after(p, 0);
	seam_count_reset();
	run_to(50000);
	assert_notes("");
	assert_int_equal(2, seam_waits());
	close(ends[1]);
}

static void
setting_a_timeout_again_restarts_it(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	idle_after(p, 10);
	run_to(1000);
	idle_after(p, 2);
	run_to(4000);
	assert_notes("idle@3000");
	idle_after(p, 5);
	run_to(10000);
	assert_notes("idle@9000");
	close(ends[1]);
}

/*
 * The kernel waits in milliseconds, so a timeout may be one millisecond late.
 */
static void
fractions_are_rounded_up(void **state)
{
	struct probe *p = made(&keeper_class);
	double from = seam_time();

	(void)state;
	idle_after(p, 0.0015);
	while (notes()[0] == '\0')
		assert_int_equal(1, socle_event_loop_once(1000));
	assert_true(seam_time() - from >= 0.0015 - 1e-9);
	assert_true(seam_time() - from < 0.0031);
	close(ends[1]);
}

/* A refresh is a store: the timer is not moved and no clock is read. */
static void
traffic_moves_no_timer(void **state)
{
	struct probe *p = made(&keeper_class);
	int64_t deadline;
	char c;

	(void)state;
	idle_after(p, 3);
	run_to(2000);
	deadline = p->sock.timer.deadline;
	send_all(ends[1], "abcdefgh", 8);
	(void)socle_now();
	seam_count_reset();
	p->read_size = 1;
	turn(1);
	for (int i = 0; i < 5; i++)
		assert_int_equal(1, socle_read(&p->sock, &c, 1));
	assert_true(deadline == p->sock.timer.deadline);
	assert_int_equal(1, p->reads);
	close(ends[1]);
}

static void
read_much(struct probe *p)
{
	char c;

	for (int i = 0; i < 50; i++) {
		assert_int_equal(1, socle_read(&p->sock, &c, 1));
		assert_int_equal(1, socle_write(&p->sock, &c, 1));
	}
}

static void
traffic_reads_the_clock_once_a_tick(void **state)
{
	struct probe *p = made(&keeper_class);
	static char buf[50];

	(void)state;
	p->on_read = read_much;
	idle_after(p, 3);
	turn(1);
	send_all(ends[1], buf, 50);
	seam_count_reset();
	assert_int_equal(1, socle_event_loop_once(0));
	/* for the timers before the wait, and for the traffic after it */
	assert_in_range(seam_count(CALL_clock_gettime), 1, 2);
	close(ends[1]);
}

static void
read_after_long_work(struct probe *p)
{
	char c;

	(void)socle_now(); /* reads the tick's time */
	seam_time_add(5);
	assert_int_equal(1, socle_read(&p->sock, &c, 1));
}

/* The refresh stores the tick's time; a slow tick does not shorten the time. */
static void
traffic_in_a_slow_tick_counts_from_its_end(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	p->on_read = read_after_long_work;
	idle_after(p, 3);
	run_to(1000);
	send_all(ends[1], "x", 1);
	run_to(9500);
	assert_notes("r idle@9000");
	close(ends[1]);
}

static void
flush_after_long_work(struct probe *p)
{
	(void)socle_now(); /* reads the tick's time */
	seam_time_add(5);
	socle_super_event_write(&probe_class, &p->sock);
}

static void
progress_in_a_slow_tick_counts_from_its_end(void **state)
{
	enum { BIG = 4 << 20 };
	static char buf[BIG];
	struct probe *p = made(&keeper_class);

	(void)state;
	p->on_write = flush_after_long_work;
	stall_after(p, 3);
	assert_int_equal(0, socle_write(&p->sock, buf, BIG));
	run_to(1000);
	assert_true(drain_fd(ends[1], buf, BIG) > 0);
	notes_clear();
	run_to(9500);
	assert_true(socle_write_buf_size(&p->sock) > 0);
	assert_notes("w inc stall@9000");
	close(ends[1]);
}

/* ---- the process did not run for a while ---- */

static void
input_that_came_in_time_is_read_instead_of_an_idle_timeout(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	idle_after(p, 3);
	run_to(1000);
	send_all(ends[1], "x", 1);
	seam_time_add(5);
	run_to(8500);
	assert_notes("r");
	run_to(9500);
	assert_notes("idle@9000");
	close(ends[1]);
}

static void
read_from_now_on(struct probe *p)
{
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, false);
}

/* The kernel is asked about it as well. */
static void
input_that_a_handler_then_watches_is_read_instead_of_an_idle_timeout(
	void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	socle_watch_read(&p->sock, false);
	p->on_write = read_from_now_on;
	idle_after(p, 3);
	run_to(1000);
	send_all(ends[1], "x", 1);
	seam_time_add(5);
	socle_watch_write(&p->sock, true);
	turn(1);
	assert_notes("w r");
	close(ends[1]);
}

static void
an_end_that_came_in_time_is_read_instead_of_an_idle_timeout(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	idle_after(p, 3);
	run_to(1000);
	close(ends[1]);
	seam_time_add(5);
	turn(1);
	assert_true(strncmp(notes(), "r eof", 5) == 0);
	(void)p;
}

static void
unread_input_does_not_prevent_an_idle_timeout(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	socle_watch_read(&p->sock, false);
	idle_after(p, 3);
	send_all(ends[1], "x", 1);
	run_to(4000);
	assert_notes("idle@3000");
	close(ends[1]);
}

static void
room_is_made_before_the_stall(bool has_ended)
{
	static char buf[1 << 22];
	struct probe *p = made(&keeper_class);

	stall_after(p, 2);
	stuff_fd(ends[0]);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	turn(1);
	drain_fd(ends[1], buf, sizeof(buf));
	if (has_ended)
		shutdown(ends[1], SHUT_WR);
	notes_clear();
	seam_time_add(5);
	run_to(20000);
	assert_notes(has_ended ? "r eof w drain" : "w drain");
	close(ends[1]);
}

static void
a_queue_that_the_peer_made_room_for_is_flushed_instead_of_stalling(void **state)
{
	(void)state;
	room_is_made_before_the_stall(false);
}

/* The process was stopped before the tick that sends it. */
static void
what_is_held_back_is_sent_instead_of_stalling(void **state)
{
	char buf[8];
	struct probe *p = made(&keeper_class);

	(void)state;
	stall_after(p, 2);
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "held", 4));
	seam_time_add(5);
	turn(1);
	assert_notes("drain");
	assert_int_equal(4, drain_fd(ends[1], buf, sizeof(buf)));
	close(ends[1]);
}

/* Of which poll(2) of macOS says HUP, and nothing of the room. */
static void
so_is_a_queue_whose_peer_has_stopped_sending(void **state)
{
	(void)state;
	room_is_made_before_the_stall(true);
}

static ssize_t
want_read_first(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	char c;

	(void)arg;
	(void)data;
	if (socle_read(s, &c, 1) < 1)
		return SOCLE_WANT_READ;
	note("wrote");
	return (ssize_t)len;
}

static void
a_writer_whose_input_came_in_time_does_not_stall(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	socle_watch_read(&p->sock, false);
	assert_int_equal(
		0, socle_set_writer_func(&p->sock, want_read_first, NULL));
	stall_after(p, 2);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	turn(1);
	send_all(ends[1], "y", 1);
	notes_clear();
	seam_time_add(5);
	run_to(20000);
	assert_notes("wrote drain");
	close(ends[1]);
}

/* A handler's loop, of 5 s: the object times out in it as outside. */
static void
nesting_event_timeout(struct socle_socket *self, int which)
{
	static bool nested;
	bool over = nested;

	nested = true;
	keeper_event_timeout(self, which);
	if (!over)
		run_to(8000);
	nested = over;
}

static const struct socle_class nesting_class = {
	.name = "Nesting",
	.super = &keeper_class,
	.event_timeout = nesting_event_timeout,
};

static void
a_loop_nested_in_event_timeout_has_timeouts(void **state)
{
	struct probe *p = made(&nesting_class);

	(void)state;
	idle_after(p, 3);
	run_to(7500);
	assert_notes("idle@3000 idle@6000");
	run_to(10000);
	assert_notes("idle@9000");
	close(ends[1]);
}

static void
a_failed_question_does_not_prevent_a_timeout(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	idle_after(p, 3);
	run_to(2900);
	if (the_wait() != CALL_poll)
		seam_fail(CALL_poll, 1, ENOMEM, 1);
	run_to(3500);
	assert_notes("idle@3000");
	close(ends[1]);
}

static void
invalid_times_are_refused(void **state)
{
	static const double bad[] = {-1, -1e-9, (double)NAN, (double)-INFINITY};
	struct probe *p = made(&keeper_class);

	(void)state;
	idle_after(p, 3);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(
			-EINVAL, socle_set_idle_timeout(&p->sock, bad[i]));
		assert_int_equal(
			-EINVAL, socle_set_write_timeout(&p->sock, bad[i]));
	}
	run_to(4000);
	assert_notes("idle@3000");
	socle_close(&p->sock, NULL);
	assert_int_equal(-EBADF, socle_set_idle_timeout(&p->sock, 1));
	assert_int_equal(-EBADF, socle_set_write_timeout(&p->sock, 1));
	close(ends[1]);
}

static void
the_longest_idle_time_is_49_days(void **state)
{
	static const double huge[] = {5e6, 1e300, (double)INFINITY};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct probe *p = made(&probe_class);

		idle_after(p, huge[i]);
		run_to(49LL * 86400 * 1000);
		assert_notes("");
		run_to(50LL * 86400 * 1000);
		assert_notes("idle close(idle) destroy");
		close(ends[1]);
	}
}

static void
without_memory_there_is_no_write_timeout(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_set_write_timeout(&p->sock, 1));
	idle_after(p, 1); /* the idle timeout needs no memory */
	assert_int_equal(1, seam_struck());
	close(ends[1]);
}

static void
a_closed_object_has_no_timeout(void **state)
{
	struct probe *p = made(&keeper_class);

	(void)state;
	idle_after(p, 1);
	socle_close(&p->sock, "early");
	turn(1);
	assert_notes("close(early) destroy");
	seam_count_reset();
	run_to(50000);
	assert_notes("");
	assert_int_equal(2, seam_waits());
	close(ends[1]);
}

static void
a_stolen_socket_has_no_timeout(void **state)
{
	struct probe *p = made(&keeper_class);
	int fd;

	(void)state;
	idle_after(p, 1);
	fd = socle_steal_socket(&p->sock);
	turn(1);
	assert_notes("destroy");
	run_to(5000);
	assert_notes("");
	close(fd);
	close(ends[1]);
}

static void
close_neighbour(struct probe *p, const char *reason)
{
	struct probe *other = p->arg;

	(void)reason;
	socle_close(&other->sock, "neighbour");
}

static void
an_object_closed_by_another_timeout_does_not_time_out(void **state)
{
	struct probe *a = made(&probe_class);
	int first_peer = ends[1];
	struct probe *b = made(&probe_class);

	(void)state;
	a->tag = "a";
	b->tag = "b";
	a->on_close = b->on_close = close_neighbour;
	a->arg = b;
	b->arg = a;
	idle_after(a, 1);
	idle_after(b, 1);
	run_to(3000);
	assert_notes("a:idle a:close(idle) b:close(neighbour) b:destroy "
		     "a:destroy");
	close(first_peer);
	close(ends[1]);
}

/* A write that fails with ENOBUFS is retried by the same timer. */
static void
a_retried_write_does_not_disturb_the_timeouts(void **state)
{
	struct probe *p = made(&keeper_class);
	char c;

	(void)state;
	idle_after(p, 3);
	run_to(1000);
	seam_fail(CALL_send, 1, ENOBUFS, 2);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	run_to(1500);
	assert_int_equal(1, drain_fd(ends[1], &c, 1));
	notes_clear();
	run_to(6000);
	assert_int_equal(0, strncmp(notes(), "idle@40", 7));
	close(ends[1]);
}

/* ---- objects whose kernel is not asked ---- */

static void
stay(struct probe *p, int err)
{
	(void)p;
	(void)err;
}

/* The poller refused it: what it would answer is no news. */
static void
a_parked_object_is_idle_without_a_question(void **state)
{
	struct probe *p;

	(void)state;
	if (!changes_are_calls())
		skip_because("a change of interest is no system call here");
	p = made(&keeper_class);
	p->on_err = stay;
	idle_after(p, 3);
	turn(1);
	seam_refuse_changes(ENOMEM);
	socle_watch_write(&p->sock, true);
	turn(2);
	seam_refuse_changes(0);
	assert_int_equal(1, p->errs);
	notes_clear();
	seam_count_reset();
	run_to(3500);
	assert_notes("idle@3000");
	if (the_wait() != CALL_poll)
		assert_int_equal(0, seam_count(CALL_poll));
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_idle_object_is_closed),
		test(a_stalled_write_closes),
		test(reading_restarts_the_idle_time),
		test(writing_restarts_the_idle_time),
		test(a_background_flush_restarts_the_idle_time),
		test(a_read_without_data_does_not_count_as_traffic),
		test(if_the_handler_does_not_close_the_time_restarts),
		test(after_a_vetoed_close_the_time_restarts),
		test(a_stall_that_continues_is_reported_again),
		test(idle_and_stall_timeouts_run_independently),
		test(reading_does_not_hide_a_stall),
		test(an_object_closed_as_idle_does_not_stall_as_well),
		test(an_empty_queue_does_not_stall),
		test(the_stall_time_counts_from_when_bytes_were_queued),
		test(progress_restarts_the_stall_time),
		test(an_emptied_queue_ends_the_stall),
		test(an_object_in_close_after_flush_still_stalls),
		test(zero_turns_a_timeout_off),
		test(setting_a_timeout_again_restarts_it),
		test(fractions_are_rounded_up),
		test(traffic_moves_no_timer),
		test(traffic_reads_the_clock_once_a_tick),
		test(traffic_in_a_slow_tick_counts_from_its_end),
		test(progress_in_a_slow_tick_counts_from_its_end),
		test(input_that_came_in_time_is_read_instead_of_an_idle_timeout),
		test(input_that_a_handler_then_watches_is_read_instead_of_an_idle_timeout),
		test(an_end_that_came_in_time_is_read_instead_of_an_idle_timeout),
		test(unread_input_does_not_prevent_an_idle_timeout),
		test(a_queue_that_the_peer_made_room_for_is_flushed_instead_of_stalling),
		test(so_is_a_queue_whose_peer_has_stopped_sending),
		test(what_is_held_back_is_sent_instead_of_stalling),
		test(a_writer_whose_input_came_in_time_does_not_stall),
		test(a_loop_nested_in_event_timeout_has_timeouts),
		test(a_failed_question_does_not_prevent_a_timeout),
		test(invalid_times_are_refused),
		test(the_longest_idle_time_is_49_days),
		test(without_memory_there_is_no_write_timeout),
		test(a_closed_object_has_no_timeout),
		test(a_stolen_socket_has_no_timeout),
		test(an_object_closed_by_another_timeout_does_not_time_out),
		test(a_retried_write_does_not_disturb_the_timeouts),
		test(a_parked_object_is_idle_without_a_question),
	};

	return run_tests(tests);
}

/* Timers and the clock: slow handlers, steps of the wall clock, many timers. */
/* backends: all */
#include "tests/support/firing.h"

#include <stdlib.h>

/*
 * Ends the loop after `*arg' ticks. They share one loop, which could keep an
 * old time from tick to tick.
 */
static bool
count_tick(void *arg)
{
	note("|");
	return --*(int *)arg > 0;
}

static void
loop_for(int ticks)
{
	socle_set_post_loop_callback(count_tick, &ticks);
	assert_int_equal(0, socle_event_loop());
	socle_set_post_loop_callback(NULL, NULL);
}

static void
take_long(void *arg)
{
	note("slow");
	seam_time_add(*(double *)arg);
}

/* case 117 */
static void
a_timer_after_a_slow_timer_is_on_time(void **state)
{
	double from, seconds = 0.3;

	(void)state;
	seam_time_virtual();
	from = seam_time();
	socle_add_timer(0, take_long, &seconds);
	add(0.4, "next");
	loop_for(3);
	assert_notes("slow | | next |");
	assert_true(seam_time() - from < 0.402);
}

static void
read_slowly(struct probe *p)
{
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	seam_time_add(0.3);
}

/* case 117 */
static void
a_timer_due_during_a_slow_handler_fires_in_the_next_tick(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_read = read_slowly;
	socle_watch_read(&p->sock, true);
	add(0.2, "due");
	send_all(fds[1], "xy", 2);
	loop_for(2);
	assert_notes("r | due r |");
	close(fds[1]);
}

static void
ask_and_read_slowly(struct probe *p)
{
	/* reads the tick's time, which is old by the end of the handler */
	(void)socle_now();
	read_slowly(p);
}

/* case 117 */
static void
a_timer_due_in_the_second_slow_handler_fires_in_the_next_tick(void **state)
{
	int fds[2], theirs[2];

	(void)state;
	seam_time_virtual();
	for (int i = 0; i < 2; i++) {
		struct probe *p;

		pair_unix(fds);
		theirs[i] = fds[1];
		p = probe_new(fds[0], NULL);
		p->on_read = ask_and_read_slowly;
		socle_watch_read(&p->sock, true);
		send_all(fds[1], "x", 1);
	}
	add(0.5, "due");
	loop_for(2);
	assert_notes("r r | due |");
	close(theirs[0]);
	close(theirs[1]);
}

static bool
slow_post_loop(void *arg)
{
	note("|");
	(void)socle_now();
	seam_time_add(0.3);
	return --*(int *)arg > 0;
}

/* case 117 */
static void
a_timer_due_in_a_slow_post_loop_callback_fires_next_tick(void **state)
{
	int ticks = 2;

	(void)state;
	seam_time_virtual();
	add(0.2, "due");
	socle_defer(note_text, text("tick"));
	socle_set_post_loop_callback(slow_post_loop, &ticks);
	assert_int_equal(0, socle_event_loop());
	assert_notes("tick | due |");
}

static void
slow_closure(struct socle_socket *s, void *arg)
{
	(void)s;
	take_long(arg);
}

/* case 117: the flush before the wait is slow */
static void
a_timer_due_during_a_slow_flush_causes_no_wait(void **state)
{
	double from, seconds = 0.3;
	struct probe *p;
	int fds[2];

	(void)state;
	seam_time_virtual();
	from = seam_time();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	assert_int_equal(
		0, socle_write_func(&p->sock, slow_closure, NULL, &seconds));
	add(0.2, "due");
	loop_for(2);
	assert_notes("slow drain | due |");
	/* only the closure took time */
	assert_true(seam_time() - from < 0.301);
	close(fds[1]);
}

static void
start_after_work(void *arg)
{
	struct socle_timer *t = arg;

	seam_time_add(0.3);
	assert_int_equal(0, socle_timer_start(t, 0.2));
}

static void
note_embedded(struct socle_timer *t)
{
	(void)t;
	note("embedded");
}

static void
a_delay_counts_from_the_call(void **state)
{
	static struct socle_timer t;

	(void)state;
	seam_time_virtual();
	socle_timer_init(&t, note_embedded);
	socle_add_timer(0, start_after_work, &t);
	assert_int_equal(300000, tick_waits());
	assert_int_equal(200000, tick_waits());
	assert_notes("");
	assert_int_equal(0, tick_waits());
	assert_notes("embedded");
}

static void
start_behind_slow_read(struct probe *p)
{
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	seam_time_add(5);
	socle_timer_start(p->arg, 0.2);
}

static void
in_a_slow_handler_a_delay_still_counts_from_the_call(void **state)
{
	static struct socle_timer t;
	struct probe *p;
	int fds[2];

	(void)state;
	seam_time_virtual();
	socle_timer_init(&t, note_embedded);
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_read = start_behind_slow_read;
	p->arg = &t;
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	(void)tick_waits();
	assert_int_equal(200000, tick_waits());
	assert_notes("r");
	assert_int_equal(0, tick_waits());
	assert_notes("embedded");
	close(fds[1]);
}

/* ---- the wall clock steps with each reading ---- */

static int (*real_clock)(clockid_t c, struct timespec *ts);
static int other_clocks;

static int
stepping_clock(clockid_t c, struct timespec *ts)
{
	int r = real_clock(c, ts);

	if (c == CLOCK_MONOTONIC)
		return r;
	ts->tv_sec += other_clocks++ % 2 ? -100000000 : 100000000;
	return r;
}

/* case 119 */
/* defect 7 */
static void
a_step_of_the_wall_clock_changes_nothing(void **state)
{
	bool done = false;

	(void)state;
	other_clocks = 0;
	real_clock = socle__seam.clock_gettime;
	socle__seam.clock_gettime = stepping_clock;
	seam_time_virtual();
	add(1, "one");
	add(2, "two");
	for (int i = 0; i < 4 && !done; i++) {
		(void)tick_waits();
		done = strstr(notes(), "two") != NULL;
	}
	socle__seam.clock_gettime = real_clock;
	assert_notes("one two");
	assert_int_equal(0, other_clocks);
}

/* ---- many ---- */

static unsigned seed;

static unsigned
random_below(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 8) % n;
}

struct one_of_many {
	double delay;
	socle_timer_id id;
};

static int many_fired, out_of_order;
static double last_delay;

static void
fires_in_order(void *arg)
{
	struct one_of_many *it = arg;

	out_of_order += it->delay < last_delay;
	last_delay = it->delay;
	it->id = 0;
	many_fired++;
}

/* case 118 */
static void
each_of_many_timers_fires_once_in_order_unless_cancelled(void **state)
{
	int n = scaled(100000, 2000), cancelled = 0;
	struct one_of_many *all = calloc((size_t)n, sizeof(*all));

	(void)state;
	seam_time_virtual();
	many_fired = out_of_order = 0;
	last_delay = -1;
	seed = 1;
	for (int i = 0; i < n; i++) {
		all[i].delay = random_below(1000000) / 1e5;
		all[i].id =
			socle_add_timer(all[i].delay, fires_in_order, &all[i]);
		assert_true(all[i].id != 0);
	}
	for (int i = 0; i < n; i += 2)
		cancelled += socle_cancel_timer(all[i].id);
	assert_int_equal((n + 1) / 2, cancelled);
	for (int i = 0; i <= 20; i++) {
		turn(1);
		seam_time_add(0.5);
	}
	assert_int_equal(n - cancelled, many_fired);
	assert_int_equal(0, out_of_order);
	for (int i = 0; i < n; i++)
		assert_false(socle_cancel_timer(all[i].id));
	free(all);
}

/* ---- random work against a model ---- */

enum { FUZZED = 40 };

static struct fuzzed {
	struct socle_timer t;
	bool pending;
	int ms;         /* the deadline is half a ms later */
	unsigned order; /* the number of its start */
	unsigned pass;  /* the pass in which it was started */
} fuzzed[FUZZED];

static unsigned starts, pass;
static int now_ms, fuzz_fired;
static double fuzz_base;

static void
fuzz_start(struct fuzzed *f)
{
	f->pending = true;
	f->order = ++starts;
	f->pass = pass;
	f->ms = now_ms - 10 + (int)random_below(60);
	socle_timer_start_at(&f->t, fuzz_base + (f->ms + 0.5) / 1e3);
}

static void
fuzz_some(void)
{
	for (unsigned n = random_below(4); n > 0; n--) {
		struct fuzzed *f = &fuzzed[random_below(FUZZED)];

		assert_int_equal(f->pending, socle_timer_pending(&f->t));
		if (random_below(3) > 0) {
			fuzz_start(f);
		} else {
			f->pending = false;
			socle_timer_cancel(&f->t);
		}
	}
}

static bool
model_before(const struct fuzzed *f, const struct fuzzed *other)
{
	if (f->ms != other->ms)
		return f->ms < other->ms;
	return f->order < other->order;
}

static bool
model_due(const struct fuzzed *f)
{
	return f->pending && f->pass < pass && f->ms < now_ms;
}

static void
fuzz_fires(struct socle_timer *t)
{
	struct fuzzed *f = socle_container_of(t, struct fuzzed, t);

	assert_true(model_due(f));
	for (int i = 0; i < FUZZED; i++)
		if (model_due(&fuzzed[i]))
			assert_false(model_before(&fuzzed[i], f));
	f->pending = false;
	fuzz_fired++;
	fuzz_some();
}

/* case 121 */
static void
timers_changed_while_others_fire_behave_like_the_model(void **state)
{
	int ticks = scaled(5000, 500);
	int step;

	(void)state;
	seam_time_virtual();
	fuzz_base = socle_now();
	seed = 7;
	for (int i = 0; i < FUZZED; i++)
		socle_timer_init(&fuzzed[i].t, fuzz_fires);
	while (ticks-- > 0) {
		fuzz_some();
		now_ms += step = (int)random_below(20);
		seam_time_add(step / 1e3);
		pass++;
		turn(1);
		for (int i = 0; i < FUZZED; i++)
			assert_false(model_due(&fuzzed[i]));
	}
	assert_true(fuzz_fired > 100);
	for (int i = 0; i < FUZZED; i++)
		socle_timer_cancel(&fuzzed[i].t);
}

static struct socle_timer done_timer;
static bool has_fired;
static int asked;

static void
it_fires(struct socle_timer *t)
{
	(void)t;
	has_fired = true;
}

static bool
start_and_be_slow(void *arg)
{
	if (asked++ == 0) {
		(void)socle_timer_start(&done_timer, 1);
		(void)socle_set_idle_timeout(arg, 100); /* reads the clock */
		seam_time_add(2);
	}
	return asked == 2;
}

static void
a_timer_due_in_a_slow_done_fires_in_the_next_tick(void **state)
{
	struct probe *p;
	int fds[2];
	double began;

	(void)state;
	seam_time_virtual();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	turn(1);
	has_fired = false;
	asked = 0;
	socle_timer_init(&done_timer, it_fires);
	began = seam_time();
	assert_int_equal(1, socle_run_until(start_and_be_slow, &p->sock));
	assert_true(has_fired);
	assert_true(seam_time() - began < 2.01);
	socle_close(&p->sock, NULL);
	turn(1);
	notes_clear();
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_timer_after_a_slow_timer_is_on_time),
		test(a_timer_due_during_a_slow_handler_fires_in_the_next_tick),
		test(a_timer_due_in_the_second_slow_handler_fires_in_the_next_tick),
		test(a_timer_due_in_a_slow_post_loop_callback_fires_next_tick),
		test(a_timer_due_in_a_slow_done_fires_in_the_next_tick),
		test(a_timer_due_during_a_slow_flush_causes_no_wait),
		test(a_delay_counts_from_the_call),
		test(in_a_slow_handler_a_delay_still_counts_from_the_call),
		test(a_step_of_the_wall_clock_changes_nothing),
		test(each_of_many_timers_fires_once_in_order_unless_cancelled),
		test(timers_changed_while_others_fire_behave_like_the_model),
	};

	return run_tests(tests);
}

/*
 * The profile shows the time that handlers spend: exactly, on clocks that move
 * only when a handler burns time. The last part uses the real clocks; its
 * assertions hold on a busy machine as well.
 */
/* backends: all */
#include "tests/support/fixture.h"

#include <math.h>
#include <pthread.h>
#include <time.h>

static int ends[2];

/* ---- the clocks ---- */

static _Thread_local int64_t thread_us;
static _Atomic int64_t process_us;
static int (*real_usage)(int who, struct rusage *ret);

static int
fake_usage(int who, struct rusage *ret)
{
	int64_t us = who == RUSAGE_THREAD && RUSAGE_THREAD != RUSAGE_SELF
		? thread_us
		: process_us;

	memset(ret, 0, sizeof(*ret));
	ret->ru_utime.tv_sec = (time_t)(us / 1000000);
	ret->ru_utime.tv_usec = (suseconds_t)(us % 1000000);
	return 0;
}

static int
clocks_setup(void **state)
{
	int bad = fixture_setup(state);

	real_usage = socle__seam.getrusage;
	socle__seam.getrusage = fake_usage;
	seam_time_virtual();
	return bad;
}

static int
clocks_teardown(void **state)
{
	socle__seam.getrusage = real_usage;
	return fixture_teardown(state);
}

#define clocks_test(name)                                                      \
	cmocka_unit_test_setup_teardown(name, clocks_setup, clocks_teardown)

/* `arg' is a time in seconds. In any thread. */
static void
burn_in_thread(void *arg)
{
	int64_t us = (int64_t)(*(double *)arg * 1e6 + 0.5);

	thread_us += us;
	process_us += us;
}

static void
burn_cpu(void *arg)
{
	burn_in_thread(arg);
	seam_time_add(*(double *)arg);
}

static void
burn_more_cpu(void *arg)
{
	burn_cpu(arg);
}

static void
burn_wall(void *arg)
{
	seam_time_add(*(double *)arg);
}

struct search {
	const char *name;
	struct socle_profile_item found;
};

static void
find_item(const struct socle_profile_item *item, void *arg)
{
	struct search *search = arg;

	if (strcmp(item->item, search->name) == 0)
		search->found = *item;
}

static struct socle_profile_item
item(const char *name)
{
	struct search search = {.name = name};

	socle_profiling_data(find_item, &search);
	return search.found;
}

static double
cpu_of(const char *name)
{
	struct socle_profile_item it = item(name);

	return it.utime + it.stime;
}

static void
assert_seconds(double expected, double is)
{
	if (fabs(expected - is) > 1e-6)
		fail_msg("%f seconds expected, not %f", expected, is);
}

static void
a_handler_busy_for_20_ms_shows_20_ms_of_cpu(void **state)
{
	double seconds = 0.02;

	(void)state;
	socle_enable_profiling(0);
	socle_defer(burn_cpu, &seconds);
	turn(1);
	assert_seconds(seconds, cpu_of("deferred:burn_cpu"));
	assert_seconds(seconds, item("deferred:burn_cpu").wall);
}

static void
a_handler_that_waits_for_20_ms_shows_20_ms_of_wall(void **state)
{
	double seconds = 0.02;

	(void)state;
	socle_enable_profiling(0);
	socle_defer(burn_wall, &seconds);
	turn(1);
	assert_seconds(0, cpu_of("deferred:burn_wall"));
	assert_seconds(seconds, item("deferred:burn_wall").wall);
	assert_seconds(seconds, item("deferred:burn_wall").longest);
}

static void
read_and_burn(struct probe *p)
{
	double seconds = 0.02;
	char c;

	if (socle_read(&p->sock, &c, 1) > 0)
		burn_cpu(&seconds);
}

/* An object that is readable, and calls `on_read'. */
static void
readable(void (*on_read)(struct probe *p))
{
	struct probe *p;

	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	p->on_read = on_read;
	socle_watch_read(&p->sock, true);
	send_all(ends[1], "x", 1);
}

/* case 127 */
static void
a_busy_event_is_charged_its_user_time(void **state)
{
	(void)state;
	readable(read_and_burn);
	socle_enable_profiling(0);
	turn(1);
	assert_seconds(0.02, item("Probe-read").utime);
	assert_seconds(0, item("Probe-read").stime);
	close(ends[1]);
}

static void
loads_in_the_ratio_1_to_3_are_measured_as_such(void **state)
{
	double one = 0.001, three = 0.003;

	(void)state;
	socle_enable_profiling(0);
	for (int i = 0; i < 10; i++) {
		socle_defer(burn_cpu, &one);
		socle_add_timer(0, burn_more_cpu, &three);
		turn(1);
	}
	assert_seconds(10 * one, cpu_of("deferred:burn_cpu"));
	assert_seconds(10 * three, cpu_of("timer:burn_more_cpu"));
}

static void
burning_closure(struct socle_socket *s, void *arg)
{
	(void)s;
	burn_cpu(arg);
}

static void
read_with_closure(struct probe *p)
{
	static double ten = 0.01;
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	burn_cpu(&ten);
	socle_write_func(&p->sock, burning_closure, NULL, &ten);
	burn_cpu(&ten);
}

static void
a_nested_callback_is_subtracted_from_the_outer_one(void **state)
{
	(void)state;
	readable(read_with_closure);
	socle_enable_profiling(0);
	turn(1);
	assert_seconds(0.02, cpu_of("Probe-read"));
	assert_seconds(0.01, cpu_of("Probe-closure"));
	close(ends[1]);
}

static void
nested_loop(void *arg)
{
	static double ten = 0.01;

	(void)arg;
	burn_cpu(&ten);
	socle_defer(burn_cpu, &ten);
	socle_event_loop_once(0);
	socle_event_loop_once(30); /* there is no event: the loop waits */
}

static void
a_nested_loops_handlers_and_wait_are_subtracted(void **state)
{
	(void)state;
	socle_enable_profiling(0);
	socle_defer(nested_loop, NULL);
	turn(1);
	assert_seconds(0.01, cpu_of("deferred:nested_loop"));
	assert_seconds(0.01, cpu_of("deferred:burn_cpu"));
	assert_seconds(0.01, item("deferred:nested_loop").wall);
}

/* ---- the sum ---- */

static void
echo(struct probe *p)
{
	double seconds = 0.0002;
	char buf[64];
	ssize_t n = socle_read(&p->sock, buf, sizeof(buf));

	burn_wall(&seconds);
	if (n > 0)
		socle_write(&p->sock, buf, (size_t)n);
}

static void
add_wall(const struct socle_profile_item *it, void *arg)
{
	*(double *)arg += it->wall;
}

enum { PAIRS = 8 };

static void
the_items_sum_explains_the_loops_time_outside_waiting(void **state)
{
	double from, sum = 0;
	int fds[2];

	(void)state;
	for (int i = 0; i < 2 * PAIRS; i++) {
		struct probe *p;

		if (i % 2 == 0)
			pair_unix(fds);
		p = probe_new(fds[i % 2], NULL);
		p->on_read = echo;
		socle_watch_read(&p->sock, true);
		if (i % 2 == 0)
			assert_int_equal(1, socle_write(&p->sock, "ball", 4));
	}
	socle_enable_profiling(SOCLE_PROFILE_WALL);
	from = seam_time();
	turn(30);
	socle_profiling_data(add_wall, &sum);
	assert_true(sum > 30 * PAIRS * 0.0002 - 1e-6);
	assert_seconds(seam_time() - from, sum);
}

/* ---- threads ---- */

/* Two threads wait for each other; macOS has no barriers. */
struct meeting {
	pthread_mutex_t lock;
	pthread_cond_t both;
	unsigned came;
};

static void
meet(struct meeting *m)
{
	pthread_mutex_lock(&m->lock);
	if (++m->came % 2 == 0) {
		pthread_cond_broadcast(&m->both);
	} else {
		unsigned until = m->came + 1;

		while (m->came < until)
			pthread_cond_wait(&m->both, &m->lock);
	}
	pthread_mutex_unlock(&m->lock);
}

struct worker {
	struct meeting *start;
	double seconds, cpu;
	bool enable_late; /* enables it once both loops exist */
};

/* Runs a loop that burns CPU time, while another thread does the same. */
static void *
work(void *arg)
{
	struct worker *w = arg;

	if (!w->enable_late)
		socle_enable_profiling(SOCLE_PROFILE_CPU);
	socle_defer(burn_in_thread, &w->seconds);
	meet(w->start);
	if (w->enable_late)
		socle_enable_profiling(SOCLE_PROFILE_CPU);
	socle_event_loop_once(0);
	w->cpu = cpu_of("deferred:burn_in_thread");
	socle_reset();
	meet(w->start);
	return NULL;
}

static void
loops_in_two_threads_are_measured_separately(void **state)
{
	struct meeting start = {.lock = PTHREAD_MUTEX_INITIALIZER,
		.both = PTHREAD_COND_INITIALIZER};
	struct worker here = {&start, 0.02, 0, true};
	struct worker there = {&start, 0.03, 0, true};
	pthread_t thread;

	(void)state;
	assert_int_equal(0, pthread_create(&thread, NULL, work, &there));
	(void)work(&here);
	assert_int_equal(0, pthread_join(thread, NULL));
	assert_seconds(0.02, here.cpu);
	assert_seconds(0.03, there.cpu);
}

/* Enabled while the process had one thread and one loop. */
static void
a_loop_started_later_is_not_charged_to_the_first(void **state)
{
	struct meeting start = {.lock = PTHREAD_MUTEX_INITIALIZER,
		.both = PTHREAD_COND_INITIALIZER};
	struct worker there = {&start, 0.05, 0, false};
	double seconds = 0.02;
	pthread_t thread;

	(void)state;
	socle_enable_profiling(SOCLE_PROFILE_CPU);
	socle_defer(burn_in_thread, &seconds);
	assert_int_equal(0, pthread_create(&thread, NULL, work, &there));
	meet(&start);
	turn(1);
	assert_seconds(seconds, cpu_of("deferred:burn_in_thread"));
	meet(&start);
	assert_int_equal(0, pthread_join(thread, NULL));
	assert_seconds(0.05, there.cpu);
}

/* Burns CPU time while a handler of the first thread runs. */
static void *
burn_meanwhile(void *arg)
{
	double seconds = 0.05;

	burn_in_thread(&seconds);
	return arg;
}

static void
burn_beside_another(void *arg)
{
	pthread_t thread;

	burn_in_thread(arg);
	assert_int_equal(
		0, pthread_create(&thread, NULL, burn_meanwhile, NULL));
	assert_int_equal(0, pthread_join(thread, NULL));
}

static void
a_busy_thread_without_a_loop_is_not_counted(void **state)
{
	double seconds = 0.02;

	(void)state;
	socle_enable_profiling(SOCLE_PROFILE_CPU);
	socle_defer(burn_beside_another, &seconds);
	turn(1);
	assert_seconds(seconds, cpu_of("deferred:burn_beside_another"));
}

/* ---- the real clocks ---- */

static double
clock_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Shorter than the scheduler's tick; reading the clock would be a refresh. */
static void
burn_really(void *arg)
{
	for (volatile int i = 0; i < 200000; i++)
		;
	(void)arg;
}

/* User and system time are whole microseconds, at both ends of a call. */
static const double rounding = 4e-6;

/* Little happens around the handlers, however busy the machine is. */
static void
measure_really(void)
{
	double wall = clock_now(CLOCK_MONOTONIC), cpu = 0, from;
	struct socle_profile_item it;

	socle_enable_profiling(0);
	for (int i = 0; i < 20; i++) {
		socle_defer(burn_really, NULL);
		from = clock_now((clockid_t)CLOCK_THREAD_CPUTIME_ID);
		turn(1);
		cpu += clock_now((clockid_t)CLOCK_THREAD_CPUTIME_ID) - from;
	}
	wall = clock_now(CLOCK_MONOTONIC) - wall;
	it = item("deferred:burn_really");
	assert_true(it.utime + it.stime >= cpu / 2);
	assert_true(it.utime + it.stime <= cpu + 20 * rounding);
	assert_true(it.wall <= wall);
	assert_true(it.longest <= it.wall);
}

static void
a_call_shorter_than_the_schedulers_tick_is_measured(void **state)
{
	(void)state;
	if (under_qemu() || !SOCLE__IS_LINUX)
		skip_because(
			"here a thread's clock does not show its CPU usage");
	measure_really();
}

static void *
measure_in_thread(void *arg)
{
	measure_really();
	socle_reset();
	return arg;
}

static void
so_is_one_in_another_thread(void **state)
{
	pthread_t thread;

	(void)state;
	if (under_qemu() || !SOCLE__IS_LINUX)
		skip_because(
			"here a thread's clock does not show its CPU usage");
	assert_int_equal(1, socle_enable_profiling(0));
	assert_int_equal(
		0, pthread_create(&thread, NULL, measure_in_thread, NULL));
	assert_int_equal(0, pthread_join(thread, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		clocks_test(a_handler_busy_for_20_ms_shows_20_ms_of_cpu),
		clocks_test(a_handler_that_waits_for_20_ms_shows_20_ms_of_wall),
		clocks_test(a_busy_event_is_charged_its_user_time),
		clocks_test(loads_in_the_ratio_1_to_3_are_measured_as_such),
		clocks_test(a_nested_callback_is_subtracted_from_the_outer_one),
		clocks_test(a_nested_loops_handlers_and_wait_are_subtracted),
		clocks_test(
			the_items_sum_explains_the_loops_time_outside_waiting),
		clocks_test(loops_in_two_threads_are_measured_separately),
		clocks_test(a_loop_started_later_is_not_charged_to_the_first),
		clocks_test(a_busy_thread_without_a_loop_is_not_counted),
		test(a_call_shorter_than_the_schedulers_tick_is_measured),
		test(so_is_one_in_another_thread),
	};

	return run_tests(tests);
}

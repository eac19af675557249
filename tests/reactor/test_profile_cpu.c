/*
 * The time that handlers spend on the real clocks is the time that the profile
 * shows.
 *
 * A busy machine takes the processor away in the middle of a measurement, and
 * charges the time of interrupts to the running process. So a measurement that
 * fails is repeated, at most five times; one of them must hold, which a wrong
 * count would prevent.
 */
/* backends: all */
#include "tests/support/fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { ATTEMPTS = 20 };

static int ends[2];

static double
clock_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
burn(double seconds, clockid_t clock)
{
	double end = clock_now(clock) + seconds;

	while (clock_now(clock) < end)
		;
}

/* `arg' is a time in seconds. */
static void
burn_cpu(void *arg)
{
	burn(*(double *)arg, CLOCK_THREAD_CPUTIME_ID);
}

static void
burn_more_cpu(void *arg)
{
	burn_cpu(arg);
}

static void
burn_wall(void *arg)
{
	burn(*(double *)arg, CLOCK_MONOTONIC);
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

/* Equal to within 10 %. */
static bool
about(double expected, double is)
{
	return is >= 0.9 * expected && is <= 1.1 * expected;
}

static void
assert_in_some_attempt(bool (*attempt)(void))
{
	if (under_qemu())
		skip_because("an emulator's time is not the program's");
	for (int i = 0; i < ATTEMPTS; i++)
		if (attempt())
			return;
	fail_msg("in none of %d attempts", (int)ATTEMPTS);
}

static bool
twenty_ms_of_cpu(void)
{
	double seconds = 0.02;

	socle_enable_profiling(0);
	socle_defer(burn_cpu, &seconds);
	turn(1);
	return about(seconds, cpu_of("deferred:burn_cpu")) &&
		item("deferred:burn_cpu").wall >= seconds;
}

static void
a_handler_busy_for_20_ms_shows_20_ms_of_cpu(void **state)
{
	(void)state;
	assert_in_some_attempt(twenty_ms_of_cpu);
}

static bool
twenty_ms_of_wall(void)
{
	double seconds = 0.02;
	struct socle_profile_item it;

	socle_enable_profiling(0);
	socle_defer(burn_wall, &seconds);
	turn(1);
	it = item("deferred:burn_wall");
	return about(seconds, it.wall) && about(seconds, it.longest);
}

static void
a_handler_busy_for_20_ms_shows_20_ms_of_wall(void **state)
{
	(void)state;
	assert_in_some_attempt(twenty_ms_of_wall);
}

static void
read_and_burn(struct probe *p)
{
	char c;

	if (socle_read(&p->sock, &c, 1) > 0)
		burn(0.02, CLOCK_THREAD_CPUTIME_ID);
}

static bool
busy_event(void)
{
	struct probe *p;
	double cpu;

	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	p->on_read = read_and_burn;
	socle_watch_read(&p->sock, true);
	socle_enable_profiling(0);
	send_all(ends[1], "x", 1);
	turn(1);
	cpu = cpu_of("Probe-read");
	socle_close(&p->sock, NULL);
	turn(1);
	close(ends[1]);
	return about(0.02, cpu) && item("Probe-read").utime > 0;
}

/* case 127 */
static void
a_busy_event_is_charged_its_user_time(void **state)
{
	(void)state;
	assert_in_some_attempt(busy_event);
}

static bool
one_to_three(void)
{
	double one = 0.001, three = 0.003, cpu, more;

	socle_enable_profiling(0);
	for (int i = 0; i < 10; i++) {
		socle_defer(burn_cpu, &one);
		socle_add_timer(0, burn_more_cpu, &three);
		turn(1);
	}
	cpu = cpu_of("deferred:burn_cpu");
	more = cpu_of("timer:burn_more_cpu");
	return about(3, more / cpu);
}

static void
loads_in_the_ratio_1_to_3_are_measured_as_such(void **state)
{
	(void)state;
	assert_in_some_attempt(one_to_three);
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

static bool
closure_in_read(void)
{
	struct probe *p;
	double read, closure;

	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	p->on_read = read_with_closure;
	socle_watch_read(&p->sock, true);
	socle_enable_profiling(0);
	send_all(ends[1], "x", 1);
	turn(1);
	read = cpu_of("Probe-read");
	closure = cpu_of("Probe-closure");
	socle_close(&p->sock, NULL);
	turn(1);
	close(ends[1]);
	return about(0.02, read) && about(0.01, closure);
}

static void
a_nested_callback_is_subtracted_from_the_outer_one(void **state)
{
	(void)state;
	assert_in_some_attempt(closure_in_read);
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

static bool
loop_in_handler(void)
{
	socle_enable_profiling(0);
	socle_defer(nested_loop, NULL);
	turn(1);
	return about(0.01, cpu_of("deferred:nested_loop")) &&
		about(0.01, cpu_of("deferred:burn_cpu")) &&
		item("deferred:nested_loop").wall < 0.03;
}

static void
a_nested_loops_handlers_and_wait_are_subtracted(void **state)
{
	(void)state;
	assert_in_some_attempt(loop_in_handler);
}

/* ---- the sum ---- */

static double wait_began, waited;

static void
before_wait(void)
{
	wait_began = clock_now(CLOCK_MONOTONIC);
}

static void
after_wait(void)
{
	waited += clock_now(CLOCK_MONOTONIC) - wait_began;
}

static void
echo(struct probe *p)
{
	char buf[64];
	ssize_t n = socle_read(&p->sock, buf, sizeof(buf));

	burn(0.0002, CLOCK_MONOTONIC);
	if (n > 0)
		socle_write(&p->sock, buf, (size_t)n);
}

static void
add_wall(const struct socle_profile_item *it, void *arg)
{
	*(double *)arg += it->wall;
}

enum { PAIRS = 8 };

static bool
sum_of_items(void)
{
	struct probe *a[PAIRS], *b[PAIRS];
	double began, took, sum = 0;
	int fds[2];

	for (int i = 0; i < PAIRS; i++) {
		pair_unix(fds);
		a[i] = probe_new(fds[0], NULL);
		b[i] = probe_new(fds[1], NULL);
		a[i]->on_read = b[i]->on_read = echo;
		socle_watch_read(&a[i]->sock, true);
		socle_watch_read(&b[i]->sock, true);
		assert_int_equal(1, socle_write(&a[i]->sock, "ball", 4));
	}
	socle_enable_profiling(SOCLE_PROFILE_WALL);
	waited = 0;
	began = clock_now(CLOCK_MONOTONIC);
	turn(30);
	took = clock_now(CLOCK_MONOTONIC) - began - waited;
	socle_disable_profiling();
	socle_profiling_data(add_wall, &sum);
	for (int i = 0; i < PAIRS; i++) {
		socle_close(&a[i]->sock, NULL);
		socle_close(&b[i]->sock, NULL);
	}
	turn(1);
	return sum >= 0.95 * took && sum <= 1.001 * took;
}

static void
the_items_sum_explains_the_loops_time_outside_waiting(void **state)
{
	bool held = false;

	(void)state;
	seam_around_waits(before_wait, after_wait);
	for (int i = 0; i < ATTEMPTS && !held; i++)
		held = sum_of_items();
	assert_true(held);
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
	socle_defer(burn_cpu, &w->seconds);
	meet(w->start);
	if (w->enable_late)
		socle_enable_profiling(SOCLE_PROFILE_CPU);
	socle_event_loop_once(0);
	w->cpu = cpu_of("deferred:burn_cpu");
	socle_reset();
	meet(w->start);
	return NULL;
}

static bool
two_threads(bool late)
{
	struct meeting start = {.lock = PTHREAD_MUTEX_INITIALIZER,
		.both = PTHREAD_COND_INITIALIZER};
	struct worker here = {&start, 0.02, 0, late};
	struct worker there = {&start, 0.03, 0, late};
	pthread_t thread;

	assert_int_equal(0, pthread_create(&thread, NULL, work, &there));
	(void)work(&here);
	assert_int_equal(0, pthread_join(thread, NULL));
	return about(0.02, here.cpu) && about(0.03, there.cpu);
}

static bool
two_threads_late(void)
{
	return two_threads(true);
}

static void
loops_in_two_threads_are_measured_separately(void **state)
{
	(void)state;
	assert_in_some_attempt(two_threads_late);
}

/* Enabled while the process had one thread and one loop. */
static bool
second_loop_comes_later(void)
{
	struct meeting start = {.lock = PTHREAD_MUTEX_INITIALIZER,
		.both = PTHREAD_COND_INITIALIZER};
	struct worker there = {&start, 0.05, 0, false};
	double seconds = 0.02, cpu;
	pthread_t thread;

	socle_enable_profiling(SOCLE_PROFILE_CPU);
	socle_defer(burn_cpu, &seconds);
	assert_int_equal(0, pthread_create(&thread, NULL, work, &there));
	meet(&start);
	turn(1);
	cpu = cpu_of("deferred:burn_cpu");
	meet(&start);
	assert_int_equal(0, pthread_join(thread, NULL));
	socle_reset();
	return about(0.02, cpu) && about(0.05, there.cpu);
}

static void
a_loop_started_later_is_not_charged_to_the_first(void **state)
{
	(void)state;
	assert_in_some_attempt(second_loop_comes_later);
}

static atomic_bool burnt_enough;

static void *
burn_until_enough(void *arg)
{
	volatile long n = 0;

	while (!burnt_enough)
		n++;
	return arg;
}

static bool
beside_a_busy_thread(void)
{
	double seconds = 0.02, cpu;
	pthread_t thread;

	burnt_enough = false;
	assert_int_equal(
		0, pthread_create(&thread, NULL, burn_until_enough, NULL));
	socle_enable_profiling(SOCLE_PROFILE_CPU);
	socle_defer(burn_cpu, &seconds);
	turn(1);
	cpu = cpu_of("deferred:burn_cpu");
	burnt_enough = true;
	assert_int_equal(0, pthread_join(thread, NULL));
	socle_reset();
	return about(0.02, cpu);
}

static void
a_busy_thread_without_a_loop_is_not_counted(void **state)
{
	(void)state;
	assert_in_some_attempt(beside_a_busy_thread);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_handler_busy_for_20_ms_shows_20_ms_of_cpu),
		test(a_handler_busy_for_20_ms_shows_20_ms_of_wall),
		test(a_busy_event_is_charged_its_user_time),
		test(loads_in_the_ratio_1_to_3_are_measured_as_such),
		test(a_nested_callback_is_subtracted_from_the_outer_one),
		test(a_nested_loops_handlers_and_wait_are_subtracted),
		test(the_items_sum_explains_the_loops_time_outside_waiting),
		test(loops_in_two_threads_are_measured_separately),
		test(a_loop_started_later_is_not_charged_to_the_first),
		test(a_busy_thread_without_a_loop_is_not_counted),
	};

	return run_tests(tests);
}

/*
 * The counters of the profile and its reports, with every clock under the test's
 * control.
 */
#include "tests/support/cm.h"

#include "profiling/calls.h"
#include "profiling/report.h"
#include "seam.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

enum { WALL = SOCLE_PROFILE_WALL, CPU = SOCLE_PROFILE_CPU };

static struct socle__profile p;
static struct socle__seam real;
static int64_t now, user, kernel; /* ns, and both CPU times in microseconds */
static int clock_reads, usage_reads, thread_clock_reads, usage_who, live;
static bool memory_is_short, text_memory_is_short;
static char output[16384]; /* written by a report or by the slow hook */

static int
fake_clock(clockid_t clock, struct timespec *ret)
{
	clock == (clockid_t)CLOCK_THREAD_CPUTIME_ID ? thread_clock_reads++
						    : clock_reads++;
	ret->tv_sec = (time_t)(now / 1000000000);
	ret->tv_nsec = (long)(now % 1000000000);
	return 0;
}

static int
fake_usage(int who, struct rusage *ret)
{
	usage_reads++;
	usage_who = who;
	ret->ru_utime.tv_sec = (time_t)(user / 1000000);
	ret->ru_utime.tv_usec = (suseconds_t)(user % 1000000);
	ret->ru_stime.tv_sec = (time_t)(kernel / 1000000);
	ret->ru_stime.tv_usec = (suseconds_t)(kernel % 1000000);
	return 0;
}

static void *
fake_calloc(size_t n, size_t size)
{
	void *ret = memory_is_short ? NULL : real.calloc(n, size);

	live += ret != NULL;
	return ret;
}

static void *
fake_malloc(size_t n)
{
	return text_memory_is_short ? NULL : fake_calloc(1, n);
}

static void
fake_free(void *memory)
{
	live -= memory != NULL;
	real.free(memory);
}

static int
setup(void **state)
{
	(void)state;
	real = socle__seam;
	socle__seam.clock_gettime = fake_clock;
	socle__seam.getrusage = fake_usage;
	socle__seam.calloc = fake_calloc;
	socle__seam.malloc = fake_malloc;
	socle__seam.free = fake_free;
	memset(&p, 0, sizeof(p));
	now = user = kernel = 5000000;
	clock_reads = usage_reads = thread_clock_reads = live = 0;
	memory_is_short = text_memory_is_short = false;
	output[0] = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	socle__profile_free(&p);
	socle__seam = real;
	return p.top || live;
}

static bool
begin(struct socle__call *c, const char *class_name)
{
	return socle__call_begin(
		&p, c, NULL, SOCLE__ITEM_READ, class_name, NULL);
}

static void
end(struct socle__call *c, bool counted)
{
	socle__call_end(&p, c, counted);
}

static void
run(const char *class_name, int64_t ns)
{
	struct socle__call c;
	bool counted = begin(&c, class_name);

	now += ns;
	end(&c, counted);
}

static const struct socle__profile_counter *
item(const char *name)
{
	static const struct socle__profile_counter none;
	const struct socle__profile_counter *c = p.all;

	while (c && strcmp(c->name, name) != 0)
		c = c->next;
	return c ? c : &none;
}

static void
expect(const char *name, uint64_t calls, int64_t wall, int64_t longest)
{
	assert_int_equal(item(name)->calls, calls);
	assert_int_equal(item(name)->wall, wall);
	assert_int_equal(item(name)->longest, longest);
}

static int
out(const char *text, size_t len, void *arg)
{
	int *calls = arg;

	if (calls && ++*calls == 2)
		return -EPIPE;
	assert_true(strlen(output) + len < sizeof(output));
	strncat(output, text, len);
	return 0;
}

static const char *
report(enum socle_report form)
{
	output[0] = 0;
	assert_int_equal(socle__profile_report(&p, form, out, NULL), 0);
	return output;
}

/* ---- counting ---- */

static void
while_off_it_counts_nothing_and_reads_no_clock(void **state)
{
	(void)state;
	run("Echo", 10);
	socle__profile_before_wait(&p);
	socle__profile_after_wait(&p);
	assert_null(p.all);
	assert_int_equal(clock_reads + usage_reads, 0);
}

static void
the_end_of_a_call_is_the_start_of_the_next(void **state)
{
	(void)state;
	socle__profile_enable(&p, WALL);
	socle__profile_after_wait(&p);
	run("A", 10);
	now += 5; /* time of the library itself */
	run("B", 100);
	expect("A-read", 1, 10, 10);
	expect("B-read", 1, 105, 105);
	assert_int_equal(clock_reads, 3);
	assert_int_equal(usage_reads, 0);
}

static void
sums_exclude_nested_calls(void **state)
{
	struct socle__call a, b;
	bool on_a, on_b;

	(void)state;
	socle__profile_enable(&p, WALL);
	on_a = begin(&a, "A");
	now += 1;
	on_b = begin(&b, "B");
	now += 20;
	run("C", 300);
	now += 4000;
	end(&b, on_b);
	now += 50000;
	end(&a, on_a);
	expect("A-read", 1, 50001, 54321);
	expect("B-read", 1, 4020, 4320);
	expect("C-read", 1, 300, 300);
}

static void
the_sums_add_up_to_the_time_outside_waiting(void **state)
{
	struct socle__call a;
	int64_t start = now, sum = 0;
	const struct socle__profile_counter *c;
	bool on_a;
	int i;

	(void)state;
	socle__profile_enable(&p, 0);
	socle__profile_after_wait(&p);
	for (i = 1; i < 100; i++) {
		now += i;
		on_a = begin(&a, i % 3 ? "A" : "B");
		user += 2 * i;
		run("C", 7 * i);
		kernel += 3 * i;
		end(&a, on_a);
	}
	for (c = p.all; c; c = c->next)
		sum += c->wall + c->utime + c->stime;
	assert_int_equal(sum, now - start + user - 5000000 + kernel - 5000000);
}

static void
a_nested_loops_wait_is_charged_to_no_item(void **state)
{
	struct socle__call a;
	bool on_a;

	(void)state;
	socle__profile_enable(&p, WALL);
	on_a = begin(&a, "A");
	now += 1;
	socle__profile_before_wait(&p);
	now += 1000;
	socle__profile_after_wait(&p);
	run("B", 20);
	now += 3;
	end(&a, on_a);
	expect("A-read", 1, 4, 1024);
	expect("B-read", 1, 20, 20);
	socle__profile_before_wait(&p);
	now += 1000;
	socle__profile_after_wait(&p);
	run("B", 21);
	expect("B-read", 2, 41, 21);
}

static void
outside_the_loop_each_call_reads_its_own_start_time(void **state)
{
	(void)state;
	socle__profile_enable(&p, WALL);
	socle__profile_after_wait(&p);
	run("A", 1);
	socle__profile_unchain(&p);
	now += 1000;
	run("A", 2);
	now += 1000;
	run("A", 4);
	socle__profile_after_wait(&p);
	now += 16;
	run("A", 32);
	expect("A-read", 4, 55, 48);
}

static void
enabled_inside_a_call_it_counts_from_the_next_call(void **state)
{
	struct socle__call a;
	bool on_a = begin(&a, "A");

	(void)state;
	now += 1;
	socle__profile_enable(&p, WALL);
	now += 10;
	run("B", 100);
	now += 1000;
	end(&a, on_a);
	now += 10000;
	run("C", 100000);
	expect("A-read", 0, 0, 0);
	expect("B-read", 1, 100, 100);
	expect("C-read", 1, 100000, 100000);
}

static void
disabled_inside_a_call_it_keeps_the_data(void **state)
{
	struct socle__call a;
	bool on_a;

	(void)state;
	socle__profile_enable(&p, WALL);
	run("A", 1);
	on_a = begin(&a, "A");
	now += 10;
	socle__profile_disable(&p);
	run("A", 100);
	clock_reads = 0;
	end(&a, on_a);
	expect("A-read", 1, 1, 1);
	assert_int_equal(clock_reads, 0);
	assert_null(p.top);
}

static void
cleared_inside_a_call_it_counts_only_later_calls(void **state)
{
	struct socle__call a, b;
	bool on_a, on_b;

	(void)state;
	socle__profile_enable(&p, WALL);
	on_a = begin(&a, "A");
	now += 1;
	on_b = begin(&b, "B");
	now += 10;
	socle__profile_clear(&p);
	run("C", 100);
	now += 1000;
	end(&b, on_b);
	now += 10000;
	end(&a, on_a);
	run("A", 100000);
	expect("A-read", 1, 100000, 100000);
	expect("B-read", 0, 0, 0);
	expect("C-read", 1, 100, 100);
}

static void
enabled_again_inside_a_call_it_drops_that_call(void **state)
{
	struct socle__call a;
	bool on_a;

	(void)state;
	socle__profile_enable(&p, CPU);
	on_a = begin(&a, "A");
	socle__profile_disable(&p);
	user += 5;
	socle__profile_enable(&p, 0);
	user += 50;
	run("B", 500);
	end(&a, on_a);
	assert_int_equal(item("A-read")->utime, 0);
	expect("A-read", 0, 0, 0);
	expect("B-read", 1, 500, 500);
}

static void
cpu_only_profiling_reads_no_clock_and_leaves_wall_zero(void **state)
{
	struct socle__call a;
	bool on_a;

	(void)state;
	socle__profile_enable(&p, CPU);
	on_a = begin(&a, "A");
	user += 7;
	kernel += 11;
	run("B", 1000);
	end(&a, on_a);
	expect("A-read", 1, 0, 0);
	assert_int_equal(item("A-read")->utime, 7);
	assert_int_equal(item("A-read")->stime, 11);
	assert_int_equal(item("A-read")->histogram[0], 0);
	assert_int_equal(clock_reads, 0);
	assert_int_equal(usage_who, RUSAGE_THREAD);
}

static void
times_of_many_seconds_are_exact(void **state)
{
	struct socle__call a;
	bool on_a;

	(void)state;
	socle__profile_enable(&p, 0);
	on_a = begin(&a, "A");
	now += INT64_C(3999999999);
	user += 2500000;
	kernel += 7999999;
	end(&a, on_a);
	expect("A-read", 1, INT64_C(3999999999), INT64_C(3999999999));
	assert_int_equal(item("A-read")->utime, 2500000);
	assert_int_equal(item("A-read")->stime, 7999999);
}

static void
a_threads_cpu_is_refreshed_before_it_is_read(void **state)
{
	(void)state;
	socle__profile_enable(&p, CPU);
	run("A", 1);
#ifdef RUSAGE_THREAD
	assert_int_equal(usage_who, RUSAGE_THREAD);
#endif
	assert_int_equal(usage_reads, 2);
	assert_int_equal(thread_clock_reads, 2);
}

static void
a_bucket_starts_at_a_power_of_two(void **state)
{
	static const struct {
		int64_t ns;
		int bucket;
	} cases[] = {{0, 0}, {1, 0}, {2, 1}, {3, 1}, {4, 2}, {7, 2}, {8, 3},
		{((int64_t)1 << 39) - 1, 38}, {(int64_t)1 << 39, 39},
		{(int64_t)1 << 40, 39}, {(int64_t)1 << 50, 39}};
	size_t i;

	(void)state;
	socle__profile_enable(&p, WALL);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		socle__profile_clear(&p);
		run("A", cases[i].ns);
		assert_int_equal(item("A-read")->histogram[cases[i].bucket], 1);
	}
}

static void
without_memory_a_calls_time_is_charged_to_no_item(void **state)
{
	struct socle__call a, b;
	bool on_a, on_b;

	(void)state;
	socle__profile_enable(&p, WALL);
	on_a = begin(&a, "A");
	now += 1;
	memory_is_short = true;
	on_b = begin(&b, "B");
	now += 10;
	run("A", 100);
	end(&b, on_b);
	memory_is_short = false;
	end(&a, on_a);
	run("B", 1000);
	expect("A-read", 2, 101, 111);
	expect("B-read", 1, 1000, 1000);
}

/* The text is composed again in each call. */
static void
without_memory_for_its_text_an_item_is_counted_all_the_same(void **state)
{
	(void)state;
	socle__profile_enable(&p, WALL);
	text_memory_is_short = true;
	run("A", 1);
	run("A", 10);
	expect("A-read", 2, 11, 10);
}

/* ---- the slow hook ---- */

static int64_t slow_ns;
static const void *slow_object;

static void
slow(const char *name, int64_t ns, const void *who)
{
	strcat(strcat(output, name), " ");
	slow_ns = ns;
	slow_object = who;
	now += 1000000;
}

static void
the_slow_hook_gets_the_time_of_the_whole_call(void **state)
{
	struct socle__call a;
	bool on_a;

	(void)state;
	socle__profile_set_slow(&p, 100, slow);
	on_a = socle__call_begin(&p, &a, NULL, SOCLE__ITEM_HUP, "A", &p);
	now += 60;
	run("B", 40);
	end(&a, on_a);
	assert_string_equal(output, "A-hup ");
	assert_int_equal(slow_ns, 100);
	assert_ptr_equal(slow_object, &p);
	assert_int_equal(item("A-hup")->calls + item("B-read")->calls, 0);
	run("B", 99);
	assert_string_equal(output, "A-hup ");
	socle__profile_enable(&p, WALL);
	socle__profile_disable(&p);
	run("C", 100);
	assert_string_equal(output, "A-hup C-read ");
}

static void
the_slow_hooks_own_time_is_charged_to_no_item(void **state)
{
	struct socle__call a;
	bool on_a;

	(void)state;
	socle__profile_set_slow(&p, 100, slow);
	socle__profile_enable(&p, WALL);
	socle__profile_after_wait(&p);
	on_a = begin(&a, "A");
	run("B", 100);
	now += 7;
	end(&a, on_a);
	run("C", 1);
	expect("A-read", 1, 7, 1000107);
	expect("B-read", 1, 100, 100);
	expect("C-read", 1, 1, 1);
	assert_string_equal(output, "B-read A-read ");
}

static void
the_slow_hook_works_with_cpu_only_profiling(void **state)
{
	struct socle__call a;
	bool on_a;

	(void)state;
	socle__profile_enable(&p, CPU);
	socle__profile_after_wait(&p);
	on_a = begin(&a, "A");
	socle__profile_set_slow(&p, 100, slow);
	end(&a, on_a);
	assert_string_equal(output, "");
	run("B", 100);
	assert_string_equal(output, "B-read ");
	expect("B-read", 1, 0, 0);
	socle__profile_set_slow(&p, 0, slow);
	clock_reads = 0;
	run("B", 100);
	assert_int_equal(clock_reads, 0);
}

static void
undo_everything(const char *name, int64_t ns, const void *who)
{
	socle__profile_set_slow(&p, 0, NULL);
	socle__profile_disable(&p);
	socle__profile_free(&p);
	slow(name, ns, who);
}

static void
the_slow_hook_may_disable_profiling(void **state)
{
	(void)state;
	socle__profile_enable(&p, WALL);
	socle__profile_set_slow(&p, 1, undo_everything);
	run("A", 1);
	assert_string_equal(output, "A-read ");
	assert_int_equal(p.on, 0);
}

static void
without_memory_a_slow_call_is_reported_without_its_name(void **state)
{
	(void)state;
	socle__profile_set_slow(&p, 1, slow);
	memory_is_short = true;
	run("A", 1);
	assert_string_equal(output, "(unnamed) ");
}

/* ---- names ---- */

#define TEXT_200 TEXT_50 TEXT_50 TEXT_50 TEXT_50
#define TEXT_50 TEXT_10 TEXT_10 TEXT_10 TEXT_10 TEXT_10
#define TEXT_10 "abcdefghij"
#define ACUTE_5 "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
struct named {
	enum socle__item_kind kind;
	const char *text, *name;
};

static void
check_names(const struct named *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_string_equal(
			socle__profile_counter(&p, all[i].kind, all[i].text)
				->name,
			all[i].name);
}

static void
the_name_of_a_method_is_its_class_and_the_event(void **state)
{
	static const struct named all[] = {
		{SOCLE__ITEM_READ, "Echo", "Echo-read"},
		{SOCLE__ITEM_WRITE, "Echo", "Echo-write"},
		{SOCLE__ITEM_ERR, "Echo", "Echo-err"},
		{SOCLE__ITEM_HUP, "Echo", "Echo-hup"},
		{SOCLE__ITEM_DRAIN, "Echo", "Echo-drain"},
		{SOCLE__ITEM_TIMEOUT, "Echo", "Echo-timeout"},
		{SOCLE__ITEM_CLOSURE, "Echo", "Echo-closure"},
		{SOCLE__ITEM_POST_LOOP, "My Echo", "My Echo-post-loop"},
		{SOCLE__ITEM_READ, NULL, "(unnamed)-read"},
		{SOCLE__ITEM_POST_LOOP, TEXT_200,
			TEXT_50 TEXT_50 TEXT_10 "-post-loop"},
	};

	(void)state;
	check_names(all, sizeof(all) / sizeof(all[0]));
}

static void
the_name_of_a_function_is_found_in_the_arguments(void **state)
{
	static const struct named all[] = {
		{SOCLE__ITEM_TIMER, "5.0, expire_sessions, NULL",
			"timer:expire_sessions"},
		{SOCLE__ITEM_TIMER, "&self->t, on_tick", "timer:on_tick"},
		{SOCLE__ITEM_TIMER, "d(1, \"),\", ','), & f , x", "timer:f"},
		{SOCLE__ITEM_TIMER, "(struct t[]){{1, 2}}, ns::f",
			"timer:ns::f"},
		{SOCLE__ITEM_TIMER, "10'000.0, f, NULL", "timer:f"},
		{SOCLE__ITEM_TIMER, "9'000.0, f, NULL", "timer:f"},
		{SOCLE__ITEM_TIMER, "1,f,NULL", "timer:f"},
		{SOCLE__ITEM_TIMER, "\"\\\",\", f, NULL", "timer:f"},
		{SOCLE__ITEM_TIMER, NULL, "timer:(unnamed)"},
		{SOCLE__ITEM_TIMER, "5.0, , NULL", "timer:(unnamed)"},
		{SOCLE__ITEM_TIMER, "expire", "timer:expire"},
		{SOCLE__ITEM_TIMER, "1, [](void *a) { f(a, \"\\n\"); }, NULL",
			"timer:[](void *a) { f(a, __n_); }"},
		{SOCLE__ITEM_DEFERRED, "&flush, &self->queue",
			"deferred:flush"},
		{SOCLE__ITEM_DEFERRED,
			"[](void *arg) { static_cast<T *>(arg)->run(1, 2); }, "
			"t",
			"deferred:[](void *arg) { static_cast<T *>(arg)..."},
		{SOCLE__ITEM_DEFERRED,
			"+[]{ f(\"" ACUTE_5 ACUTE_5 ACUTE_5 "\"); }",
			"deferred:+[]{ f(_" ACUTE_5 ACUTE_5 "\xC3\xA9"
			"\xC3\xA9\xC3\xA9\xC3\xA9..."},
		{SOCLE__ITEM_POSTED, "to, resolved, query(a, b)",
			"posted:resolved"},
		{SOCLE__ITEM_OTHER_FD,
			"p[0], SOCLE_READ | SOCLE_WRITE, child, c",
			"other-fd:child"},
		{SOCLE__ITEM_SIGNAL, "SIGHUP, reload, NULL", "signal:reload"},
		{SOCLE__ITEM_GLOBAL_POST_LOOP, "tick, NULL", "post-loop:tick"},
		{SOCLE__ITEM_TIMER, "1, " TEXT_200,
			"timer:" TEXT_50 TEXT_50 TEXT_10 "abcd"},
	};

	(void)state;
	check_names(all, sizeof(all) / sizeof(all[0]));
}

/* What follows a digit, as in 1'000, is no quote. */
static void
a_comma_in_quotes_does_not_end_an_argument(void **state)
{
	static const char *const texts[] = {
		"x + 1'000, f, NULL", "c == ',' ? 1 : 2, f, NULL"};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_string_equal("timer:f",
			socle__profile_counter(&p, SOCLE__ITEM_TIMER, texts[i])
				->name);
}

static void
equal_names_share_a_counter(void **state)
{
	char text[] = "1.0, f, NULL";
	struct socle__profile_counter *f, *g;

	(void)state;
	f = socle__profile_counter(&p, SOCLE__ITEM_TIMER, text);
	text[5] = 'g';
	g = socle__profile_counter(&p, SOCLE__ITEM_TIMER, text);
	assert_ptr_not_equal(f, g);
	assert_ptr_equal(f,
		socle__profile_counter(&p, SOCLE__ITEM_TIMER, "2.0, &f, &x"));
	assert_ptr_equal(
		g, socle__profile_counter(&p, SOCLE__ITEM_TIMER, text));
}

static void
a_cached_counter_needs_no_lookup(void **state)
{
	struct socle__profile_counter *cache = NULL;
	struct socle__call c;
	int i;

	(void)state;
	socle__profile_enable(&p, WALL);
	for (i = 0; i < 2; i++)
		end(&c,
			socle__call_begin(&p, &c, &cache, SOCLE__ITEM_READ,
				i ? NULL : "A", NULL));
	assert_ptr_equal(cache, item("A-read"));
	assert_int_equal(cache->calls, 2);
}

/* ---- items and reports ---- */

static void
collect(const struct socle_profile_item *i, void *arg)
{
	socle__profile_free(&p);
	assert_int_equal(i->histogram[1], i->calls);
	strcat(strcat(output, i->item), " ");
	*(double *)arg += i->wall + i->longest + i->utime + i->stime;
}

static void
items_are_listed_sorted_and_may_be_freed_meanwhile(void **state)
{
	double sum = 0;

	(void)state;
	socle__profile_enable(&p, 0);
	run("b", 3);
	run("B", 3);
	run("a", 3);
	run("a", 3);
	socle__profile_counter(&p, SOCLE__ITEM_READ, "unused");
	assert_int_equal(socle__profile_each(&p, collect, &sum), 0);
	assert_string_equal(output, "B-read a-read b-read ");
	assert_true(sum > 20.99e-9 && sum < 21.01e-9);
}

static void
without_memory_items_cannot_be_listed(void **state)
{
	(void)state;
	socle__profile_enable(&p, WALL);
	run("A", 1);
	memory_is_short = true;
	assert_int_equal(socle__profile_each(&p, collect, NULL), -ENOMEM);
	assert_int_equal(
		socle__profile_report(&p, SOCLE_REPORT_TEXT, out, NULL),
		-ENOMEM);
}

/*
 * Three calls: one of a timer, and two of an object whose class has a difficult
 * name.
 */
static void
script(unsigned what)
{
	struct socle__call c;

	socle__profile_enable(&p, what);
	socle__profile_after_wait(&p);
	socle__call_enter(&p, &c, NULL, SOCLE__ITEM_TIMER, "1, f, 0", NULL);
	user += 7;
	now += 1600;
	socle__call_leave(&p, &c);
	user += 1234567;
	kernel += 46;
	run("a;\"\\\n\x01\xFF\xC3\xA9 b", 2000000000);
	run("a;\"\\\n\x01\xFF\xC3\xA9 b", 3);
}

static void
the_text_report_has_perlbals_format(void **state)
{
	(void)state;
	script(0);
	assert_string_equal(report(SOCLE_REPORT_TEXT),
		"a_\"\\__\xFF\xC3\xA9_b-read 1.23457 0.00005 2 0.6172835 "
		"0.0000230\n"
		"timer:f 0.00001 0.00000 1 0.0000070 0.0000000\n.\n");
}

static void
folded_stacks_use_wall_time_or_else_cpu_time(void **state)
{
	(void)state;
	assert_string_equal(report(SOCLE_REPORT_FOLDED), "");
	script(WALL);
	assert_string_equal(report(SOCLE_REPORT_FOLDED),
		"socle;a_\"\\__\xFF\xC3\xA9_b;read 2000000\n"
		"socle;timer;f 2\n");
	script(CPU);
	assert_string_equal(report(SOCLE_REPORT_FOLDED),
		"socle;a_\"\\__\xFF\xC3\xA9_b;read 1234613\n"
		"socle;timer;f 7\n");
}

static void
json_strings_are_escaped_and_complete(void **state)
{
	(void)state;
	assert_string_equal(report(SOCLE_REPORT_JSON), "{\"items\":[]}\n");
	script(0);
	assert_string_equal(report(SOCLE_REPORT_JSON),
		"{\"items\":[{\"item\":\"a;"
		"\\\"\\\\\\n\\u0001\xEF\xBF\xBD\xC3\xA9"
		" b-read\",\"utime\":1.234567,\"stime\":0.000046,\"calls\":2,"
		"\"wall\":2.000000003,\"longest\":2.000000000,\"histogram\":["
		"0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,"
		"0,0,0,0,0,0,0,0,0]},{\"item\":\"timer:f\",\"utime\":0.000007,"
		"\"stime\":0.000000,\"calls\":1,\"wall\":0.000001600,"
		"\"longest\":0.000001600,\"histogram\":[0,0,0,0,0,0,0,0,0,0,1,"
		"0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}"
		"]}\n");
}

static void
control_characters_are_escaped_or_replaced(void **state)
{
	(void)state;
	assert_string_equal("timer:f(___)",
		socle__profile_counter(&p, SOCLE__ITEM_TIMER, "1, f(\"\t\")")
			->name);
	assert_string_equal("timer:__",
		socle__profile_counter(&p, SOCLE__ITEM_TIMER, "1, \"\\")->name);
	socle__profile_enable(&p, WALL);
	run("\x1F\x7F", 3);
	assert_non_null(strstr(report(SOCLE_REPORT_JSON), "\\u001f\x7F-read"));
	assert_non_null(strstr(report(SOCLE_REPORT_TEXT), "__-read"));
}

static void
json_is_utf8_whatever_the_class_name(void **state)
{
#define BAD "\xEF\xBF\xBD"
	static const char *const cases[][2] = {
		{"\xC3\xA9", "\xC3\xA9"},
		{"\xE2\x82\xAC", "\xE2\x82\xAC"},
		{"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
		{"\x7F", "\x7F"},
		{"\x80", BAD},
		{"\xC3(", BAD "("},
		{"\xE2\x82", BAD BAD},
		{"\xC0\x80", BAD BAD},
		{"\xE0\x9F\xBF", BAD BAD BAD},
		{"\xED\xA0\x80", BAD BAD BAD},
		{"\xF0\x8F\xBF\xBF", BAD BAD BAD BAD},
		{"\xF4\x90\x80\x80", BAD BAD BAD BAD},
		{"\xF5\x80\x80\x80", BAD BAD BAD BAD},
	};
	char want[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		socle__profile_enable(&p, WALL);
		run(cases[i][0], 1);
		strcpy(want, "{\"items\":[{\"item\":\"");
		strcat(strcat(want, cases[i][1]), "-read\"");
		assert_memory_equal(
			report(SOCLE_REPORT_JSON), want, strlen(want));
	}
}

/* A bound is inclusive: 1 ns less than a power of two. The bucket lines of an item with `calls' calls of 2^first ns each. */
static void
append_buckets(char *to, const char *name, int first, int calls)
{
	int i;

	for (i = 10; i <= 36; i++)
		sprintf(to + strlen(to),
			"socle_call_duration_seconds_bucket{item=\"%s\","
			"le=\"%d.%09d\"} %d\n",
			name, (int)((((int64_t)1 << i) - 1) / 1000000000),
			(int)((((int64_t)1 << i) - 1) % 1000000000),
			i > first ? calls : 0);
	sprintf(to + strlen(to),
		"socle_call_duration_seconds_bucket{item=\"%s\",le=\"+Inf\"} "
		"%d\n",
		name, calls);
}

static void
prometheus_output_has_families_and_cumulative_buckets(void **state)
{
	char text[16384] =
		"# HELP socle_calls_total Calls of each item.\n"
		"# TYPE socle_calls_total counter\n"
		"socle_calls_total{item=\"a\\\"\\\\\\n\t;-read\"} 3\n"
		"# HELP socle_cpu_seconds_total Exclusive CPU time.\n"
		"# TYPE socle_cpu_seconds_total counter\n"
		"socle_cpu_seconds_total{item=\"a\\\"\\\\\\n\t;-read\","
		"mode=\"user\"} 0.000000\n"
		"socle_cpu_seconds_total{item=\"a\\\"\\\\\\n\t;-read\","
		"mode=\"system\"} 0.000000\n"
		"# HELP socle_wall_seconds_total Exclusive wall time.\n"
		"# TYPE socle_wall_seconds_total counter\n"
		"socle_wall_seconds_total{item=\"a\\\"\\\\\\n\t;-read\"} "
		"0.006291456\n"
		"# HELP socle_longest_seconds Longest whole call.\n"
		"# TYPE socle_longest_seconds gauge\n"
		"socle_longest_seconds{item=\"a\\\"\\\\\\n\t;-read\"} "
		"0.002097152\n"
		"# HELP socle_call_duration_seconds Whole calls.\n"
		"# TYPE socle_call_duration_seconds histogram\n";
	int i;

	(void)state;
	socle__profile_enable(&p, 0);
	for (i = 0; i < 3; i++)
		run("a\"\\\n\t;", (int64_t)1 << 21);
	append_buckets(text, "a\\\"\\\\\\n\t;-read", 21, 3);
	strcat(text,
		"socle_call_duration_seconds_sum{item=\"a\\\"\\\\\\n\t;-read\"}"
		" "
		"0.006291456\n"
		"socle_call_duration_seconds_count{item=\"a\\\"\\\\\\n\t;-"
		"read\"}"
		" 3\n");
	assert_string_equal(report(SOCLE_REPORT_PROMETHEUS), text);
}

static void
a_histograms_sum_includes_nested_calls(void **state)
{
	struct socle__call a;
	bool on_a;

	(void)state;
	socle__profile_enable(&p, WALL);
	on_a = begin(&a, "A");
	run("B", 30);
	now += 7;
	end(&a, on_a);
	assert_non_null(strstr(report(SOCLE_REPORT_PROMETHEUS),
		"_sum{item=\"A-read\"} 0.000000037\n"));
	assert_null(strstr(output, "cpu"));
}

static void
a_report_stops_at_the_first_error(void **state)
{
	char name[8] = "A";
	int i, calls = 0;

	(void)state;
	socle__profile_enable(&p, WALL);
	for (i = 0; i < 26; i++, name[0]++)
		run(name, 1);
	assert_int_equal(
		socle__profile_report(&p, SOCLE_REPORT_JSON, out, &calls),
		-EPIPE);
	assert_int_equal(calls, 2);
}

struct pieces {
	int n;
	size_t total, last_len;
	char last;
};

static int
note_piece(const char *text, size_t len, void *arg)
{
	struct pieces *seen = arg;

	seen->n++;
	seen->total += len;
	seen->last_len = len;
	seen->last = text[len - 1];
	return 0;
}

/* Reports are written in pieces of a KiB. */
static void
a_report_of_any_length_is_whole(void **state)
{
	bool one_byte = false;

	(void)state;
	socle__profile_enable(&p, WALL);
	for (int more = 0; more < 20; more++) {
		for (int len = 1; len <= 100; len++) {
			struct pieces seen = {0};
			char name[101] = "";

			socle__profile_clear(&p);
			for (int i = 0; i < more; i++)
				run((char[]){(char)('a' + i), 0}, 1);
			memset(name, 'x', (size_t)len);
			run(name, 1);
			assert_int_equal(0,
				socle__profile_report(&p, SOCLE_REPORT_JSON,
					note_piece, &seen));
			assert_int_equal('\n', seen.last);
			assert_true(seen.n <= 1 + (int)(seen.total / 1024));
			one_byte = one_byte || seen.last_len == 1;
		}
	}
	assert_true(one_byte);
}

static void
an_unknown_form_is_refused(void **state)
{
	(void)state;
	assert_int_equal(
		socle__profile_report(&p, (enum socle_report)4, out, NULL),
		-EINVAL);
	assert_string_equal(output, "");
}

static void
a_locale_with_a_decimal_comma_changes_nothing(void **state)
{
	static const char *const names[] = {
		"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "fr_FR"};
	size_t i, n = sizeof(names) / sizeof(names[0]);

	(void)state;
	for (i = 0; i < n && !setlocale(LC_ALL, names[i]); i++)
		;
	if (i == n)
		skip_because("no locale has a decimal comma");
	script(0);
	report(SOCLE_REPORT_TEXT);
	setlocale(LC_ALL, "C");
	assert_non_null(strstr(output, "timer:f 0.00001 0.00000 1 0.0000070"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(while_off_it_counts_nothing_and_reads_no_clock),
		TEST(the_end_of_a_call_is_the_start_of_the_next),
		TEST(sums_exclude_nested_calls),
		TEST(the_sums_add_up_to_the_time_outside_waiting),
		TEST(a_nested_loops_wait_is_charged_to_no_item),
		TEST(outside_the_loop_each_call_reads_its_own_start_time),
		TEST(enabled_inside_a_call_it_counts_from_the_next_call),
		TEST(disabled_inside_a_call_it_keeps_the_data),
		TEST(cleared_inside_a_call_it_counts_only_later_calls),
		TEST(enabled_again_inside_a_call_it_drops_that_call),
		TEST(cpu_only_profiling_reads_no_clock_and_leaves_wall_zero),
		TEST(times_of_many_seconds_are_exact),
		TEST(a_threads_cpu_is_refreshed_before_it_is_read),
		TEST(a_bucket_starts_at_a_power_of_two),
		TEST(without_memory_a_calls_time_is_charged_to_no_item),
		TEST(without_memory_for_its_text_an_item_is_counted_all_the_same),
		TEST(the_slow_hook_gets_the_time_of_the_whole_call),
		TEST(the_slow_hooks_own_time_is_charged_to_no_item),
		TEST(the_slow_hook_works_with_cpu_only_profiling),
		TEST(the_slow_hook_may_disable_profiling),
		TEST(without_memory_a_slow_call_is_reported_without_its_name),
		TEST(the_name_of_a_method_is_its_class_and_the_event),
		TEST(the_name_of_a_function_is_found_in_the_arguments),
		TEST(a_comma_in_quotes_does_not_end_an_argument),
		TEST(equal_names_share_a_counter),
		TEST(a_cached_counter_needs_no_lookup),
		TEST(items_are_listed_sorted_and_may_be_freed_meanwhile),
		TEST(without_memory_items_cannot_be_listed),
		TEST(the_text_report_has_perlbals_format),
		TEST(folded_stacks_use_wall_time_or_else_cpu_time),
		TEST(json_strings_are_escaped_and_complete),
		TEST(control_characters_are_escaped_or_replaced),
		TEST(json_is_utf8_whatever_the_class_name),
		TEST(prometheus_output_has_families_and_cumulative_buckets),
		TEST(a_histograms_sum_includes_nested_calls),
		TEST(a_report_stops_at_the_first_error),
		TEST(a_report_of_any_length_is_whole),
		TEST(an_unknown_form_is_refused),
		TEST(a_locale_with_a_decimal_comma_changes_nothing),
	};

	return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}

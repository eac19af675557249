/*
 * Profiling on the loop: on and off, times, reports, all exact on the virtual
 * clock. test_profile_cpu.c has the measurements by real clocks.
 */
/* backends: all */
#include "tests/support/fixture.h"

#include <math.h>

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
note_calls(const struct socle_profile_item *item, void *arg)
{
	(void)arg;
	note("%s:%d", item->item, (int)item->calls);
}

#define assert_profile(note_item, text)                                        \
	do {                                                                   \
		notes_clear();                                                 \
		socle_profiling_data(note_item, NULL);                         \
		assert_notes(text);                                            \
	} while (0)

static struct socle_profile_item found;
static const char *wanted;

static void
find_item(const struct socle_profile_item *item, void *arg)
{
	(void)arg;
	if (strcmp(item->item, wanted) == 0)
		found = *item;
}

/* The item of that name; all zero if there is none. */
static const struct socle_profile_item *
item(const char *name)
{
	memset(&found, 0, sizeof(found));
	wanted = name;
	socle_profiling_data(find_item, NULL);
	return &found;
}

static void
add_wall(const struct socle_profile_item *it, void *arg)
{
	*(double *)arg += it->wall;
}

static double
sum_of_wall(void)
{
	double sum = 0;

	socle_profiling_data(add_wall, &sum);
	return sum;
}

static void
assert_seconds(double expected, double is)
{
	if (fabs(expected - is) > 1e-6)
		fail_msg("%f seconds expected, not %f", expected, is);
}

static const unsigned both = SOCLE_PROFILE_CPU | SOCLE_PROFILE_WALL;

static void
profile(unsigned what)
{
	assert_int_equal(1, socle_enable_profiling(what));
}

static void
nothing(void *arg)
{
	(void)arg;
}

/* ---- on and off ---- */

/* case 127 */
static void
enabling_clears_the_data_and_disabling_keeps_it(void **state)
{
	(void)state;
	profile(0);
	socle_defer(nothing, NULL);
	turn(1);
	socle_disable_profiling();
	socle_defer(nothing, NULL);
	turn(1);
	assert_profile(note_calls, "deferred:nothing:1");
	profile(0);
	assert_profile(note_calls, "");
	socle_defer(nothing, NULL);
	turn(1);
	socle_defer(nothing, NULL);
	turn(1);
	assert_profile(note_calls, "deferred:nothing:2");
}

static void
unknown_bits_are_refused_and_change_nothing(void **state)
{
	(void)state;
	profile(SOCLE_PROFILE_WALL);
	socle_defer(nothing, NULL);
	turn(1);
	assert_int_equal(-EINVAL, socle_enable_profiling(4));
	assert_int_equal(-EINVAL, socle_enable_profiling(~0u));
	socle_defer(nothing, NULL);
	turn(1);
	assert_profile(note_calls, "deferred:nothing:2");
}

static void
while_off_it_reads_no_clock(void **state)
{
	struct probe *p = made();

	(void)state;
	profile(0);
	turn(1);
	socle_disable_profiling();
	send_all(ends[1], "x", 1);
	seam_count_reset();
	turn(3);
	assert_int_equal(1, p->reads);
	assert_int_equal(0, seam_count(CALL_clock_gettime));
	assert_int_equal(0, seam_count(CALL_getrusage));
	close(ends[1]);
}

static void
wall_only_reads_no_usage_and_cpu_only_has_no_wall_time(void **state)
{
	(void)state;
	seam_time_virtual();
	profile(SOCLE_PROFILE_WALL);
	socle_defer(nothing, NULL);
	turn(1);
	assert_int_equal(0, seam_count(CALL_getrusage));
	profile(SOCLE_PROFILE_CPU);
	socle_defer(nothing, NULL);
	turn(1);
	assert_true(seam_count(CALL_getrusage) > 0);
	assert_int_equal(1, item("deferred:nothing")->calls);
	assert_seconds(0, item("deferred:nothing")->wall);
	assert_seconds(0, item("deferred:nothing")->longest);
}

static void
a_reset_clears_the_data_and_disables_profiling(void **state)
{
	(void)state;
	profile(both);
	socle_defer(nothing, NULL);
	turn(1);
	socle_reset();
	socle_defer(nothing, NULL);
	turn(1);
	assert_profile(note_calls, "");
}

static void
disable_inside(void *arg)
{
	(void)arg;
	socle_disable_profiling();
}

static void
enable_inside(void *arg)
{
	(void)arg;
	profile(both);
}

static void
a_profiled_callback_may_enable_and_disable_profiling(void **state)
{
	(void)state;
	socle_defer(enable_inside, NULL);
	socle_defer(nothing, NULL);
	socle_defer(disable_inside, NULL);
	socle_defer(nothing, NULL);
	turn(1);
	assert_profile(note_calls, "deferred:nothing:1");
	profile(both);
	socle_defer(nothing, NULL);
	socle_defer(enable_inside, NULL);
	socle_defer(nothing, NULL);
	turn(1);
	assert_profile(note_calls, "deferred:nothing:1");
}

/* ---- times, on the virtual clock ---- */

static void
take(void *arg)
{
	seam_time_add(*(double *)arg);
}

static void
an_item_has_the_times_of_its_calls(void **state)
{
	double one = 0.1, two = 0.3;
	const struct socle_profile_item *it;

	(void)state;
	seam_time_virtual();
	profile(0);
	socle_defer(take, &one);
	socle_defer(take, &two);
	socle_add_timer(2, take, &one);
	while (item("timer:take")->calls == 0)
		assert_int_equal(1, socle_event_loop_once(-1));
	it = item("deferred:take");
	assert_seconds(0.4, it->wall);
	assert_seconds(0.3, it->longest);
	assert_int_equal(1, it->histogram[26]); /* 2^26 ns <= .1 s < 2^27 */
	assert_int_equal(1, it->histogram[28]);
	assert_seconds(0.1, item("timer:take")->wall);
	assert_seconds(0.5, sum_of_wall());
}

static const struct socle_class other_class = {
	.name = "Other", .super = &probe_class};

static void
turn_into_other(struct probe *p)
{
	p->on_read = NULL;
	assert_int_equal(0, socle_set_class(&p->sock, &other_class));
	seam_time_add(0.5);
}

/* case 128 */
static void
a_call_that_changes_the_class_is_charged_to_the_old_class(void **state)
{
	struct probe *p = made();

	(void)state;
	seam_time_virtual();
	p->on_read = turn_into_other;
	profile(0);
	send_all(ends[1], "x", 1);
	turn(2);
	assert_profile(note_calls, "Other-read:1 Probe-read:1");
	assert_seconds(0.5, item("Probe-read")->wall);
	assert_seconds(0, item("Other-read")->wall);
	close(ends[1]);
}

static void
slow_closure(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	seam_time_add(0.2);
}

static void
read_with_closure(struct probe *p)
{
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	seam_time_add(0.05);
	socle_write_func(&p->sock, slow_closure, NULL, NULL);
	seam_time_add(0.05);
}

static void
a_callback_inside_a_callback_is_counted_once(void **state)
{
	struct probe *p = made();

	(void)state;
	seam_time_virtual();
	p->on_read = read_with_closure;
	profile(0);
	send_all(ends[1], "x", 1);
	turn(1);
	assert_seconds(0.1, item("Probe-read")->wall);
	assert_seconds(0.3, item("Probe-read")->longest);
	assert_seconds(0.2, item("Probe-closure")->wall);
	assert_seconds(0.3, sum_of_wall());
	close(ends[1]);
}

static void
read_with_nested_loop(struct probe *p)
{
	double tenth = 0.1;
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	seam_time_add(0.02);
	socle_add_timer(5, take, &tenth);
	for (int i = 0; i < 2; i++) /* the wait, then the timer */
		assert_int_equal(1, socle_event_loop_once(-1));
	seam_time_add(0.03);
}

static void
a_nested_loops_calls_count_once_and_its_wait_not_at_all(void **state)
{
	struct probe *p = made();

	(void)state;
	seam_time_virtual();
	p->on_read = read_with_nested_loop;
	profile(0);
	send_all(ends[1], "x", 1);
	turn(1);
	assert_int_equal(1, item("Probe-read")->calls);
	assert_seconds(0.05, item("Probe-read")->wall);
	assert_seconds(0.1, item("timer:take")->wall);
	assert_seconds(0.15, sum_of_wall());
	close(ends[1]);
}

static void
time_outside_the_loop_is_charged_to_no_item(void **state)
{
	double tenth = 0.1;

	(void)state;
	seam_time_virtual();
	profile(0);
	turn(1);
	seam_time_add(5);
	socle_defer(take, &tenth);
	turn(1);
	seam_time_add(5);
	turn(1);
	assert_seconds(0.1, sum_of_wall());
}

/* ---- reports ---- */

static char report[65536];
static size_t report_len;

static int
collect(const char *text, size_t len, void *arg)
{
	(void)arg;
	assert_true(report_len + len < sizeof(report));
	memcpy(report + report_len, text, len);
	report_len += len;
	report[report_len] = '\0';
	return 0;
}

static const char *
report_in(enum socle_report form)
{
	report_len = 0;
	assert_int_equal(0, socle_profile_report(form, collect, NULL));
	return report;
}

static void
a_report_in_each_form_has_the_items(void **state)
{
	struct probe *p = made();
	double tenth = 0.1;
	const char *text;

	(void)state;
	(void)p;
	seam_time_virtual();
	profile(SOCLE_PROFILE_WALL);
	send_all(ends[1], "x", 1);
	socle_defer(take, &tenth);
	turn(1);
	text = report_in(SOCLE_REPORT_TEXT);
	assert_non_null(strstr(text, "Probe-read 0.00000 0.00000 1 "));
	assert_non_null(strstr(text, "deferred:take 0.00000 0.00000 1 "));
	assert_string_equal(".\n", text + strlen(text) - 2);
	text = report_in(SOCLE_REPORT_JSON);
	assert_int_equal(0, strncmp("{\"items\":[", text, 10));
	assert_non_null(strstr(text, "\"item\":\"Probe-read\","));
	assert_non_null(strstr(text, "\"calls\":1,\"wall\":0.100000000,"));
	text = report_in(SOCLE_REPORT_PROMETHEUS);
	assert_non_null(
		strstr(text, "socle_calls_total{item=\"Probe-read\"} 1\n"));
	assert_non_null(strstr(
		text, "socle_wall_seconds_total{item=\"deferred:take\"} 0.1"));
	text = report_in(SOCLE_REPORT_FOLDED);
	assert_non_null(strstr(text, "socle;Probe;read 0\n"));
	assert_non_null(strstr(text, "socle;deferred;take 100000\n"));
	close(ends[1]);
}

static int
refuse(const char *text, size_t len, void *arg)
{
	(void)text;
	(void)len;
	(*(int *)arg)++;
	return -EPIPE;
}

static void
a_report_stops_when_its_output_function_fails(void **state)
{
	int times = 0;

	(void)state;
	profile(0);
	socle_defer(nothing, NULL);
	turn(1);
	assert_int_equal(-EPIPE,
		socle_profile_report(SOCLE_REPORT_JSON, refuse, &times));
	assert_int_equal(1, times);
	assert_int_equal(-EINVAL,
		socle_profile_report((enum socle_report)4, refuse, &times));
	assert_int_equal(1, times);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(enabling_clears_the_data_and_disabling_keeps_it),
		test(unknown_bits_are_refused_and_change_nothing),
		test(while_off_it_reads_no_clock),
		test(wall_only_reads_no_usage_and_cpu_only_has_no_wall_time),
		test(a_reset_clears_the_data_and_disables_profiling),
		test(a_profiled_callback_may_enable_and_disable_profiling),
		test(an_item_has_the_times_of_its_calls),
		test(a_call_that_changes_the_class_is_charged_to_the_old_class),
		test(a_callback_inside_a_callback_is_counted_once),
		test(a_nested_loops_calls_count_once_and_its_wait_not_at_all),
		test(time_outside_the_loop_is_charged_to_no_item),
		test(a_report_in_each_form_has_the_items),
		test(a_report_stops_when_its_output_function_fails),
	};

	return run_tests(tests);
}

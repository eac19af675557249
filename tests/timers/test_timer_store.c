/*
 * The timer store alone: no timer is early or late, the order is exact, and a
 * cancelled timer leaves nothing behind. socle__timers_next may be early, but
 * never late.
 *
 * Times are relative to `start', which is not a round number. The store checks
 * itself after nearly every operation.
 */
#include "timers/clock.h"
#include "timers/store.h"
#include "timers/wheel.h"

#include "tests/support/fixture.h"

#include <pthread.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const int64_t start = INT64_C(86400123456789);
static const int64_t ms = 1000000;
static const int64_t second = 1000000000;
static const int64_t day = 86400 * INT64_C(1000000000);
static const int64_t unit = UNIT; /* the unit of the wheel */

static struct socle__timer_store store;
static struct socle__timer_node timers[100000];
enum { TIMERS = COUNT(timers) };

static uint64_t seed;

static uint64_t
draw(uint64_t below)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % below;
}

static void
never_called(struct socle_timer *t)
{
	(void)t;
	fail();
}

static bool
is_pending(size_t i)
{
	return timers[i].order != 0;
}

/* None of the timers is a bare node, but in the test of those. */
static struct socle__timer_node *
take(void)
{
	bool bare = false;
	struct socle__timer_node *t = socle__timers_take(&store, &bare);

	assert_false(bare);
	return t;
}

/* n timers, scaled by SOCLE_TEST_SCALE. */
static size_t
timers_scaled(int n)
{
	size_t many = (size_t)scaled(n, 1000);

	return many < TIMERS ? many : TIMERS;
}

/* The timers must not be in use. */
static void
begin(int64_t now)
{
	socle__timers_init(&store, now);
	for (size_t i = 0; i < TIMERS; i++)
		timers[i].order = 0;
}

static void
add(size_t i, int64_t deadline)
{
	socle__timers_add(&store, &timers[i], deadline);
}

/* The number of timers that fire at `now', in ascending order from `first'. */
static size_t
fire_in_order(int64_t now, size_t first)
{
	struct socle__timer_node *t;
	size_t n = 0;

	if (!socle__timers_collect(&store, now))
		return 0;
	while ((t = take())) {
		assert_ptr_equal(t, &timers[first + n]);
		assert_true(t->deadline <= now);
		n++;
	}
	return n;
}

/* Only timer i fires at `now'. */
static void
assert_fires(size_t i, int64_t now)
{
	assert_int_equal(fire_in_order(now, i), 1);
	assert_false(is_pending(i));
}

static void
assert_nothing_fires(int64_t now)
{
	assert_false(socle__timers_collect(&store, now));
	assert_null(store.due);
}

static void
assert_empty(void)
{
	socle__timers_check(&store);
	assert_int_equal(store.pending, 0);
	assert_int_equal(socle__timers_next(&store), INT64_MAX);
	assert_int_equal(store.levels, 0); /* none is looked at any more */
	assert_nothing_fires(INT64_MAX);
}

/* Early ticks are allowed, but only a few until `deadline' is next. */
static void
assert_next_becomes(int64_t deadline)
{
	int64_t next;
	int early = 0;

	while ((next = socle__timers_next(&store)) != deadline) {
		assert_true(next < deadline);
		assert_true(++early < LEVELS);
		assert_nothing_fires(next);
		socle__timers_check(&store);
	}
}

/* ---- a timer ---- */

static void
a_timer_has_the_name_from_its_init_call(void **state)
{
	struct socle_timer t, *p = &t;

	(void)state;
	socle_timer_init(p, never_called);
	assert_string_equal(t.name, "p, never_called");
	assert_true(t.fn == never_called);
	assert_false(socle_timer_pending(p));
	(socle_timer_init)(p, never_called);
	assert_null(t.name);
	assert_true(t.fn == never_called);
	assert_false(socle_timer_pending(p));
}

static void
a_bare_timer_is_told_apart_when_it_is_taken(void **state)
{
	bool bare = false;

	(void)state;
	begin(start);
	socle__timers_add_bare(&store, &timers[0], start + second);
	socle__timers_add_bare(&store, &timers[0], start + 2 * second);
	add(1, start + 2 * second);
	socle__timers_collect(&store, start + 2 * second);
	assert_ptr_equal(socle__timers_take(&store, &bare), &timers[0]);
	assert_true(bare);
	assert_ptr_equal(take(), &timers[1]);
	assert_empty();
}

static void
a_timer_is_pending_until_it_is_taken(void **state)
{
	(void)state;
	begin(start);
	add(0, start + second);
	assert_true(is_pending(0));
	assert_true(socle__timers_collect(&store, start + second));
	assert_true(is_pending(0));
	assert_ptr_equal(take(), &timers[0]);
	assert_false(is_pending(0));
	assert_empty();
}

static void
a_timer_is_not_a_nanosecond_early(void **state)
{
	(void)state;
	begin(start);
	for (int64_t delay = 1; delay < 100 * day; delay = delay * 3 + 1) {
		int64_t now = store.now;

		add(0, now + delay);
		assert_nothing_fires(now);
		assert_nothing_fires(now + delay - 1);
		assert_fires(0, now + delay);
	}
	assert_empty();
}

static void
timers_of_months_and_centuries_fire_on_the_nanosecond(void **state)
{
	const int64_t deadlines[] = {start + 30 * day, start + 365 * day,
		start + 200 * 365 * day, INT64_MAX - 1, INT64_MAX};

	(void)state;
	begin(start);
	for (size_t i = 0; i < COUNT(deadlines); i++)
		add(i, deadlines[i]);
	for (size_t i = 0; i < COUNT(deadlines); i++) {
		assert_int_equal(socle__timers_next(&store), deadlines[i]);
		assert_nothing_fires(deadlines[i] - 1);
		assert_fires(i, deadlines[i]);
		socle__timers_check(&store);
	}
	assert_empty();
}

static void
a_clock_that_goes_back_makes_no_timer_early(void **state)
{
	(void)state;
	begin(start);
	assert_nothing_fires(start + day);
	add(0, start + second);
	add(1, start + 2 * day);
	assert_int_equal(socle__timers_next(&store), start + second);
	assert_nothing_fires(start);
	assert_nothing_fires(start + second - 1);
	socle__timers_check(&store);
	assert_fires(0, start + second);
	assert_fires(1, start + 2 * day);
	assert_empty();
}

/* ---- order ---- */

static void
timers_fire_in_the_order_of_their_deadlines(void **state)
{
	(void)state;
	begin(start);
	for (size_t i = 1000; i-- > 0;)
		add(i, start + (int64_t)i * 777777);
	socle__timers_check(&store);
	assert_int_equal(fire_in_order(start + second, 0), 1000);
	assert_empty();
}

static void
equal_deadlines_fire_in_start_order(void **state)
{
	static const int64_t delays[] = {-5, 0, 1, 1000000, 300000000, 70000000,
		20000000000, INT64_C(2000000000000)};

	(void)state;
	for (size_t k = 0; k < COUNT(delays); k++) {
		begin(start);
		for (size_t i = 0; i < 100; i++) {
			add(i, start + delays[k]);
			if (i % 7 == 0)
				socle__timers_next(&store);
		}
		socle__timers_check(&store);
		assert_int_equal(fire_in_order(start + 3000 * second, 0), 100);
		assert_empty();
	}
}

static void
a_restarted_timer_fires_after_others_of_equal_deadline(void **state)
{
	(void)state;
	begin(start);
	add(3, start + second);
	add(1, start + second);
	add(2, start + second);
	add(3, start + second);
	assert_int_equal(store.pending, 3);
	assert_int_equal(fire_in_order(start + second, 1), 3);
	assert_empty();
}

static void
past_deadlines_fire_at_once_and_in_order(void **state)
{
	static const int64_t past[] = {
		INT64_MIN, -1, 0, 1, 86400123456787, 86400123456788};

	(void)state;
	begin(start);
	for (size_t i = COUNT(past); i-- > 0;) {
		add(i, past[i]);
		assert_int_equal(socle__timers_next(&store), past[i]);
		socle__timers_check(&store);
	}
	assert_int_equal(fire_in_order(start, 0), COUNT(past));
	assert_empty();
}

static void
timers_of_one_millisecond_keep_their_order(void **state)
{
	size_t n = timers_scaled(TIMERS);

	(void)state;
	begin(start);
	for (size_t i = 0; i < n; i++) {
		/* numbered in the order of deadlines, started in another */
		size_t at = i * 7919 % n;

		add(at, start + 500 * ms + (int64_t)at * ms / (int64_t)n);
		if (i % 10 == 0)
			assert_nothing_fires(start + (int64_t)i);
		if (i % 10 == 5)
			socle__timers_next(&store);
	}
	socle__timers_check(&store);
	assert_nothing_fires(start + 500 * ms - 1);
	assert_int_equal(fire_in_order(start + 501 * ms, 0), n);
	assert_empty();
}

/* ---- the next deadline ---- */

static void
the_next_deadline_is_the_earliest(void **state)
{
	int64_t earliest = INT64_MAX;

	(void)state;
	begin(start);
	assert_int_equal(socle__timers_next(&store), INT64_MAX);
	for (size_t i = 0; i < 1000; i++) {
		int64_t deadline = start + (int64_t)draw((uint64_t)day);

		add(i, deadline);
		if (deadline < earliest)
			earliest = deadline;
		assert_int_equal(socle__timers_next(&store), earliest);
	}
	socle__timers_check(&store);
}

/* Otherwise all timers started before a far deadline would share one slot. */
static void
the_wheel_advances_with_the_clock(void **state)
{
	(void)state;
	begin(start);
	add(0, start + 30 * day);
	assert_int_equal(socle__timers_next(&store), start + 30 * day);
	assert_int_equal(store.now, start);
	assert_nothing_fires(start + second / 2);
	assert_int_equal(store.now, start + second / 2);
	for (size_t i = 1; i <= 1000; i++)
		add(i, start + (int64_t)i * second);
	socle__timers_check(&store);
	assert_int_equal(socle__timers_next(&store), start + second);
	assert_int_equal(fire_in_order(start + day, 1), 1000);
	assert_fires(0, start + 30 * day);
	assert_empty();
}

static void
a_store_that_waited_long_places_timers_from_the_present(void **state)
{
	const int64_t now = start + day;

	(void)state;
	begin(start);
	add(0, now + day);
	socle__timers_advance(&store, now);
	assert_int_equal(store.now, now);
	for (size_t i = 1; i <= 1000; i++)
		add(i, now + second + (int64_t)i);
	socle__timers_check(&store);
	assert_int_equal(fire_in_order(now + 2 * second, 1), 1000);
	/* from level 2 to level 1 to level 0 */
	assert_true(store.moves <= 2 * 1000);
	assert_fires(0, now + day);
	assert_empty();
}

static void
a_due_timer_holds_the_wheel_back(void **state)
{
	(void)state;
	begin(start);
	add(1, start + 2 * second);
	add(0, start + second);
	socle__timers_advance(&store, start + second - 1);
	assert_int_equal(store.now, start + second - 1);
	socle__timers_advance(&store, start + day);
	assert_int_equal(store.now, start + second - 1);
	socle__timers_advance(&store, start);
	assert_int_equal(store.now, start + second - 1);
	add(2, start + 3 * second);
	socle__timers_check(&store);
	assert_int_equal(fire_in_order(start + day, 0), 3);
	assert_empty();
}

/* ---- cancelling ---- */

static void
a_cancelled_timer_leaves_no_trace(void **state)
{
	static const int64_t delays[] = {-1, 0, 1, 3000000, 400000000,
		90000000000, INT64_C(30000000000000)};

	(void)state;
	for (size_t k = 0; k < COUNT(delays); k++) {
		begin(start);
		add(0, start + delays[k]);
		add(1, start + 200 * day);
		assert_int_equal(socle__timers_next(&store), start + delays[k]);
		socle__timers_remove(&store, &timers[0]);
		memset(&timers[0], 0xaa, sizeof(timers[0]));
		socle__timers_check(&store);
		assert_int_equal(store.pending, 1);
		assert_int_equal(socle__timers_next(&store), start + 200 * day);
		assert_nothing_fires(start + 100 * day);
		assert_fires(1, start + 200 * day);
	}
}

static void
cancelling_what_is_not_pending_is_harmless(void **state)
{
	(void)state;
	begin(start);
	add(0, start);
	socle__timers_remove(&store, &timers[1]);
	add(1, start);
	socle__timers_remove(&store, &timers[1]);
	socle__timers_remove(&store, &timers[1]);
	assert_int_equal(store.pending, 1);
	assert_fires(0, start);
	socle__timers_remove(&store, &timers[0]);
	assert_empty();
}

static void
timers_are_cancelled_in_any_order(void **state)
{
	enum { N = 500 };
	size_t left[N];

	(void)state;
	for (int looks = 0; looks < 2; looks++) {
		begin(start);
		for (size_t i = 0; i < N; i++) {
			left[i] = i;
			add(i, start + (int64_t)draw((uint64_t)second));
		}
		for (size_t n = N; n > 0; n--) {
			size_t at = (size_t)draw(n);

			socle__timers_remove(&store, &timers[left[at]]);
			left[at] = left[n - 1];
			socle__timers_check(&store);
			if (looks)
				socle__timers_next(&store);
		}
		assert_empty();
	}
}

/* ---- postponing ---- */

/* Delays that lie in several levels of the wheel. */
static const int64_t waits[] = {
	0, 1, 5000, 3000000, 400000000, 90000000000, INT64_C(30000000000000)};

static void
a_postponed_timer_fires_at_its_last_deadline(void **state)
{
	(void)state;
	for (size_t k = 0; k < COUNT(waits); k++) {
		int64_t deadline = start + waits[k];

		begin(start);
		add(0, deadline);
		for (int i = 0; i < 40; i++) {
			deadline += waits[k] / 3 + (INT64_C(1) << i);
			add(0, deadline);
			socle__timers_check(&store);
		}
		assert_int_equal(store.pending, 1);
		assert_nothing_fires(deadline - 1);
		socle__timers_check(&store);
		assert_fires(0, deadline);
		assert_empty();
	}
}

static void
a_postponed_timer_causes_few_early_ticks(void **state)
{
	(void)state;
	for (size_t k = 0; k < COUNT(waits); k++) {
		begin(start);
		for (size_t i = 0; i < 10; i++)
			add(i, start + waits[k] + (int64_t)i);
		for (size_t i = 0; i < 10; i++)
			add(i, start + 2 * waits[k] + second + (int64_t)i);
		assert_true(socle__timers_next(&store) <=
			start + 2 * waits[k] + second);
		socle__timers_check(&store);
		assert_int_equal(store.now, start);
		assert_next_becomes(start + 2 * waits[k] + second);
		add(0, start + day * 365);
		assert_next_becomes(start + 2 * waits[k] + second + 1);
		assert_int_equal(fire_in_order(start + 364 * day, 1), 9);
		assert_fires(0, start + 365 * day);
		assert_empty();
	}
}

static void
a_postponed_timer_fires_after_others_of_equal_deadline(void **state)
{
	(void)state;
	for (size_t k = 0; k < COUNT(waits); k++) {
		begin(start);
		for (size_t i = 10; i-- > 0;)
			add(i, start + waits[k] / 2);
		add(0, start + waits[k]);
		add(9, start + waits[k]);
		for (size_t i = 1; i < 10; i++)
			add(i, start + waits[k]);
		socle__timers_check(&store);
		assert_int_equal(fire_in_order(start + waits[k], 0), 10);
		assert_empty();
	}
}

static void
a_postponed_timer_can_be_restarted_for_an_earlier_time(void **state)
{
	(void)state;
	for (size_t k = 0; k < COUNT(waits); k++) {
		begin(start);
		add(0, start + 10 + waits[k]);
		add(0, start + 10 + 2 * waits[k] + second);
		add(0, start + 10 + waits[k] / 2);
		socle__timers_check(&store);
		assert_int_equal(
			socle__timers_next(&store), start + 10 + waits[k] / 2);
		assert_nothing_fires(start + 9 + waits[k] / 2);
		assert_fires(0, start + 10 + waits[k] / 2);
		assert_empty();
	}
}

static void
a_postponed_timer_that_is_cancelled_leaves_no_trace(void **state)
{
	(void)state;
	for (size_t k = 0; k < COUNT(waits); k++) {
		/* each position in a list of three, and alone */
		for (size_t i = 0; i < 4; i++) {
			begin(start);
			for (size_t n = 0; n < 3 && i < 3; n++)
				add(n, start + waits[k]);
			add(i, start + waits[k]);
			add(i, start + 3 * waits[k] + second);
			socle__timers_remove(&store, &timers[i]);
			memset(&timers[i], 0xaa, sizeof(timers[i]));
			socle__timers_check(&store);
			assert_int_equal(store.pending, i < 3 ? 2 : 0);
			socle__timers_collect(&store, start + waits[k]);
			while (take())
				;
			assert_empty();
		}
	}
}

static void
timers_postponed_repeatedly_fire_in_order(void **state)
{
	size_t n = timers_scaled(1000);
	int64_t now = start;

	(void)state;
	begin(start);
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < n; i++)
			add(i, now + 3 * second + (int64_t)i);
		now += second / 7;
		assert_nothing_fires(now);
		if (round % 3 == 0)
			assert_true(socle__timers_next(&store) <=
				now - second / 7 + 3 * second);
		socle__timers_check(&store);
	}
	assert_int_equal(fire_in_order(now + 3 * second, 0), n);
	assert_empty();
}

/* ---- changes during a pass ---- */

static void
a_timer_added_during_a_pass_waits_for_the_next_one(void **state)
{
	(void)state;
	begin(start);
	add(0, start);
	add(1, start);
	assert_true(socle__timers_collect(&store, start));
	assert_ptr_equal(take(), &timers[0]);
	add(0, start - 1);
	add(2, INT64_MIN);
	socle__timers_check(&store);
	assert_ptr_equal(take(), &timers[1]);
	assert_null(take());
	assert_int_equal(store.pending, 2);
	assert_int_equal(socle__timers_next(&store), INT64_MIN);
	assert_fires(2, INT64_MIN);
	assert_fires(0, start);
	assert_empty();
}

/* The pass has not reached its old deadline yet. */
static void
a_timer_restarted_during_a_pass_waits_for_the_next_one(void **state)
{
	(void)state;
	for (int64_t delay = 1; delay < day; delay *= 3) {
		begin(start);
		add(0, start);
		add(1, start + delay);
		assert_true(socle__timers_collect(&store, start + 2 * delay));
		assert_ptr_equal(take(), &timers[0]);
		add(1, start + 2 * delay);
		socle__timers_check(&store);
		assert_null(take());
		assert_int_equal(socle__timers_next(&store), start + 2 * delay);
		assert_fires(1, start + 2 * delay);
		assert_empty();
	}
}

static void
a_due_timer_can_be_cancelled(void **state)
{
	(void)state;
	/* each subset of four */
	for (unsigned cancelled = 0; cancelled < 16; cancelled++) {
		begin(start);
		for (size_t i = 0; i < 4; i++)
			add(i, start);
		socle__timers_collect(&store, start);
		for (size_t i = 0; i < 4; i++) {
			if (cancelled >> i & 1)
				socle__timers_remove(&store, &timers[i]);
			socle__timers_check(&store);
		}
		for (size_t i = 0; i < 4; i++) {
			if (!(cancelled >> i & 1))
				assert_ptr_equal(take(), &timers[i]);
		}
		assert_empty();
	}
}

static void
a_due_timer_can_be_freed_while_others_are_taken(void **state)
{
	enum { N = 100 };
	struct socle__timer_node *t[N];
	size_t taken = 0;

	(void)state;
	begin(start);
	for (size_t i = 0; i < N; i++) {
		t[i] = malloc(sizeof(*t[i]));
		assert_non_null(t[i]);
		t[i]->order = 0;
		socle__timers_add(&store, t[i], start + (int64_t)i);
	}
	socle__timers_collect(&store, start + N);
	for (size_t i = 0; i < N; i++) {
		if (i % 3 != 0) {
			socle__timers_remove(&store, t[i]);
			free(t[i]);
		}
	}
	for (struct socle__timer_node *due; (due = take());) {
		assert_ptr_equal(due, t[3 * taken++]);
		free(due);
	}
	assert_int_equal(taken, (N + 2) / 3);
	assert_empty();
}

static void
a_due_timer_that_is_restarted_is_not_due(void **state)
{
	(void)state;
	begin(start);
	add(0, start);
	add(1, start);
	add(2, start);
	socle__timers_collect(&store, start);
	add(1, start);
	socle__timers_check(&store);
	assert_ptr_equal(take(), &timers[0]);
	assert_ptr_equal(take(), &timers[2]);
	assert_null(take());
	assert_fires(1, start);
	assert_empty();
}

static void
a_nested_pass_comes_after_timers_already_due(void **state)
{
	(void)state;
	begin(start);
	add(0, start);
	add(1, start + 1);
	add(2, start + second);
	assert_true(socle__timers_collect(&store, start + 1));
	assert_ptr_equal(take(), &timers[0]);
	add(3, start + second);
	assert_int_equal(fire_in_order(start + second, 1), 3);
	assert_empty();
}

static void
clearing_cancels_all_timers(void **state)
{
	(void)state;
	begin(start);
	for (size_t i = 0; i < 1000; i++) {
		add(i, start + (int64_t)(i * i * i) * ms);
		if (i % 10 == 0)
			socle__timers_next(&store);
	}
	socle__timers_collect(&store, start + second);
	assert_non_null(store.due);
	socle__timers_clear(&store);
	for (size_t i = 0; i < 1000; i++)
		assert_false(is_pending(i));
	assert_empty();
	socle__timers_clear(&store);
	socle__timers_init(&store, start);
	add(0, start + second);
	assert_fires(0, start + second);
	assert_empty();
}

/* ---- the wheel ---- */

/* All deadlines around the points where a slot of the wheel starts. */
static size_t
deadlines_around_boundaries(int64_t from, int64_t *ret)
{
	const int64_t near[] = {-unit - 1, -unit, -unit + 1, -1, 0, 1, unit - 1,
		unit, unit + 1};
	static const int64_t digits[] = {1, 2, 31, 32, 63};
	size_t n = 0;

	for (int level = 0; level < LEVELS; level++) {
		for (size_t d = 0; d < COUNT(digits); d++) {
			int64_t span = unit << LEVEL_BITS * level;

			if (digits[d] > INT64_MAX / 2 / span)
				continue;
			for (size_t k = 0; k < COUNT(near); k++) {
				int64_t to = digits[d] * span + near[k];

				if (to > 0 && from < INT64_MAX - to)
					ret[n++] = from + to;
				/* and the start of that slot itself */
				to = (from / span + digits[d]) * span + near[k];
				if (to > from)
					ret[n++] = to;
			}
		}
	}
	return n;
}

enum { MAX_AROUND = LEVELS * 5 * 9 * 2 };

static size_t
starts_around_boundaries(int64_t *ret)
{
	size_t n = 0;

	ret[n++] = 0;
	ret[n++] = 1;
	ret[n++] = start;
	for (int level = 0; level < LEVELS - 1; level++) {
		int64_t span = unit << LEVEL_BITS * level;

		ret[n++] = span - 1;
		ret[n++] = span;
		ret[n++] = 63 * span - 1;
		ret[n++] = 63 * span + span / 2;
		ret[n++] = 64 * span - unit;
	}
	return n;
}

enum { MAX_STARTS = 3 + (LEVELS - 1) * 5 };

static void
every_boundary_of_the_wheel_is_exact(void **state)
{
	int64_t starts[MAX_STARTS], around[MAX_AROUND];
	size_t n_starts = starts_around_boundaries(starts);

	(void)state;
	for (size_t s = 0; s < n_starts; s++) {
		size_t n = deadlines_around_boundaries(starts[s], around);

		begin(starts[s]);
		for (size_t i = 0; i < n; i++) {
			socle__timers_init(&store, starts[s]);
			add(0, around[i]);
			assert_int_equal(socle__timers_next(&store), around[i]);
			assert_nothing_fires(around[i] - 1);
			assert_int_equal(socle__timers_next(&store), around[i]);
			assert_fires(0, around[i]);
			assert_nothing_fires(INT64_MAX);
		}
	}
}

static int
compare_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void
the_wheel_crosses_all_boundaries_with_all_timers(void **state)
{
	int64_t starts[MAX_STARTS], around[MAX_AROUND];
	size_t n_starts = starts_around_boundaries(starts);

	(void)state;
	for (size_t s = 0; s < n_starts; s++) {
		size_t fired = 0;
		size_t n = deadlines_around_boundaries(starts[s], around);

		qsort(around, n, sizeof(around[0]), compare_times);
		begin(starts[s]);
		for (size_t i = 0; i < n; i++)
			add(i, around[i]);
		while (fired < n) {
			int64_t next = socle__timers_next(&store);

			assert_int_equal(next, around[fired]);
			assert_nothing_fires(next - 1);
			fired += fire_in_order(next, fired);
			socle__timers_check(&store);
		}
		assert_empty();
	}
}

static void
a_clock_that_leaps_ahead_fires_all_timers_in_order(void **state)
{
	size_t n = timers_scaled(20000);

	(void)state;
	begin(start);
	for (size_t i = n; i-- > 0;)
		add(i, start + (int64_t)(i * i) * ms);
	assert_int_equal(fire_in_order(INT64_MAX, 0), n);
	assert_empty();
}

/* ---- crowded slots ---- */

static int64_t planted[TIMERS + 1]; /* the deadline of timer i, ascending */

/* Adds n timers in an order other than that of their deadlines. */
static void
plant(size_t n, int64_t from, int64_t span)
{
	size_t first = (size_t)draw(n);

	begin(start);
	for (size_t i = 0; i < n; i++)
		planted[i] = start + from + (int64_t)draw((uint64_t)span);
	qsort(planted, n, sizeof(planted[0]), compare_times);
	for (size_t i = 1; i < n; i++) {
		if (planted[i] <= planted[i - 1])
			planted[i] = planted[i - 1] + 1;
	}
	planted[n] = INT64_MAX;
	for (size_t i = 0; i < n; i++) {
		size_t at = (first + i * 99991) % n;

		add(at, planted[at]);
	}
}

static const struct {
	int64_t from, span; /* seconds */
} distances[] = {
	{1, 1}, {30, 60}, {300, 30}, {3600, 600}, {86400, 60}, {86400, 1}};

/*
 * Of a tick's timers that are not due, at most SPREAD of each level are moved
 * ahead of time and at most SPREAD of each level as their slot starts.
 */
static void
a_tick_moves_a_bounded_number_of_timers(void **state)
{
	enum { BOUND = 2 * SPREAD * (LEVELS - 1) };
	size_t n = timers_scaled(TIMERS);

	(void)state;
	for (size_t k = 0; k < COUNT(distances); k++) {
		size_t fired = 0, early = 0;
		int64_t now = start, next;

		plant(n, distances[k].from * second,
			distances[k].span * second);
		while ((next = socle__timers_next(&store)) != INT64_MAX) {
			uint64_t moves = store.moves;
			size_t due;

			assert_true(next <= planted[fired]);
			now = next > now ? next : now;
			due = fire_in_order(now, fired);
			early += due == 0;
			fired += due;
			assert_true(store.moves - moves <=
				BOUND + due * (LEVELS - 1));
			assert_true(planted[fired] > now);
		}
		assert_int_equal(fired, n);
		assert_true(early <= 64 + n / 16);
		assert_empty();
	}
}

/* Whole slots pass before anything in them is due. */
static void
a_leap_of_the_clock_moves_a_bounded_number_of_timers(void **state)
{
	enum { BOUND = SPREAD * (LEVELS - 1), LEAPS = 7 };
	size_t n = timers_scaled(TIMERS);

	(void)state;
	for (size_t k = 0; k < COUNT(distances); k++) {
		int64_t first;

		plant(n, distances[k].from * second,
			distances[k].span * second);
		first = planted[0];
		for (int64_t i = 1; i <= LEAPS; i++) {
			int64_t now = start + (first - 1 - start) / LEAPS * i;
			uint64_t moves = store.moves;

			assert_nothing_fires(now);
			assert_true(store.moves - moves <= BOUND);
			assert_true(socle__timers_next(&store) <= first);
		}
		socle__timers_check(&store);
		assert_int_equal(fire_in_order(INT64_MAX, 0), n);
		assert_empty();
	}
}

/* The start of a slot of level 1 that level 0 does not reach yet. */
static int64_t
slot_of_level_1(unsigned ahead)
{
	return slot_start(slot_number(start, 1) + ahead, 1);
}

static void
a_tick_just_before_a_slot_moves_no_more_of_it_than_its_share(void **state)
{
	const int64_t deadline = slot_of_level_1(10);

	(void)state;
	begin(start);
	for (size_t i = 0; i < 3 * SPREAD; i++)
		add(i, deadline);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_nothing_fires(deadline - 1);
		assert_int_equal(store.moves, i * SPREAD);
	}
	assert_int_equal(fire_in_order(deadline, 0), 3 * SPREAD);
	assert_empty();
}

/* The memory of two timers is fetched at a time, one of each slot. */
static void
two_slots_that_follow_each_other_are_emptied_together(void **state)
{
	enum { FIRST = 100, ALL = 3 * FIRST };

	(void)state;
	begin(start);
	for (size_t i = 0; i < ALL; i++)
		add(i, slot_of_level_1(i < FIRST ? 10 : 11) + (int64_t)i);
	assert_true(socle__timers_collect(&store, start + second));
	assert_int_equal(store.moves, 2 * FIRST);
	assert_int_equal(fire_in_order(start + second, 0), ALL);
	assert_empty();
}

static void
only_a_slot_with_more_than_its_share_causes_an_early_tick(void **state)
{
	const int64_t deadline = slot_of_level_1(10);

	(void)state;
	begin(start);
	for (size_t i = 0; i < SPREAD; i++)
		add(i, deadline);
	assert_int_equal(socle__timers_next(&store), deadline);
	add(SPREAD, deadline);
	assert_true(socle__timers_next(&store) < deadline);
	for (size_t i = 0; i <= SPREAD; i++)
		socle__timers_remove(&store, &timers[i]);
	add(0, deadline);
	assert_int_equal(socle__timers_next(&store), deadline);
	assert_fires(0, deadline);
	assert_empty();
}

/* The clock neither waits for `next' nor stops while a slot is half spread. */
static void
order_is_exact_while_a_slot_is_half_spread(void **state)
{
	size_t n = timers_scaled(TIMERS);

	(void)state;
	for (size_t k = 0; k < COUNT(distances); k++) {
		int64_t step = distances[k].span * second / 300;
		int64_t now = start;
		size_t fired = 0;

		plant(n, distances[k].from * second,
			distances[k].span * second);
		while (fired < n) {
			if (planted[fired] - now > 500 * step)
				now = planted[fired] - 500 * step;
			now += (int64_t)draw((uint64_t)step);
			fired += fire_in_order(now, fired);
			assert_true(planted[fired] > now);
			assert_true(
				socle__timers_next(&store) <= planted[fired]);
			for (size_t i = 0; i < 20 && fired < n; i++) {
				size_t at = fired + (size_t)draw(n - fired);

				if (i % 2 == 0)
					socle__timers_remove(
						&store, &timers[at]);
				add(at, planted[at]);
			}
		}
		assert_empty();
	}
}

/* It is in the slot of level 0 that has the others that were spread. */
static void
a_timer_of_the_past_comes_before_a_half_spread_slot(void **state)
{
	const size_t n = 3 * SPREAD;

	(void)state;
	begin(start);
	for (size_t i = 1; i <= n; i++)
		add(i, start + second);
	assert_nothing_fires(start + second - 1);
	add(0, start);
	socle__timers_check(&store);
	assert_int_equal(fire_in_order(start + second, 0), n + 1);
	assert_empty();
}

/* From nanoseconds to most of the time in which all timers are due. */
static void
order_is_exact_when_the_clock_leaps(void **state)
{
	size_t n = timers_scaled(TIMERS);

	(void)state;
	for (size_t k = 0; k < COUNT(distances); k++) {
		uint64_t span = (uint64_t)(distances[k].span * second);
		size_t fired = 0;
		int64_t now;

		plant(n, distances[k].from * second,
			distances[k].span * second);
		now = planted[0] - (int64_t)draw(span);
		while (fired < n) {
			size_t at = fired + (size_t)draw(n - fired);

			now += (int64_t)(draw(span) >> draw(20));
			fired += fire_in_order(now, fired);
			assert_true(planted[fired] > now);
			if (at >= fired)
				add(at, planted[at]);
		}
		assert_empty();
	}
}

static void
the_number_of_early_ticks_is_bounded(void **state)
{
	size_t n = timers_scaled(2000);
	int runs = scaled(500, 5);

	(void)state;
	for (int run = 0; run < runs; run++) {
		size_t fired = 0, early = 0;
		int64_t now = start;

		seed = (uint64_t)run;
		plant(n, 1, INT64_C(1) << (8 + draw(50)));
		for (size_t i = 0; i < n; i++) {
			size_t at = (size_t)draw(n);

			/* postponed from an earlier time */
			add(at,
				planted[at] -
					(int64_t)draw((uint64_t)(planted[at] -
						start)));
			add(at, planted[at]);
		}
		while (fired < n) {
			int64_t next = socle__timers_next(&store);
			size_t due;

			assert_true(next <= planted[fired]);
			now = next > now ? next : now;
			due = fire_in_order(now, fired);
			fired += due;
			early += due == 0;
			assert_true(planted[fired] > now);
		}
		assert_true(early <= 3 * n * LEVELS);
		assert_empty();
	}
}

/* ---- sorting ---- */

static void
add_ascending(int64_t delay, size_t n)
{
	begin(start);
	for (size_t i = 0; i < n; i++) {
		add(i, start + delay + (int64_t)i);
		socle__timers_next(&store);
	}
}

static void
add_descending(int64_t delay, size_t n)
{
	begin(start);
	for (size_t i = n; i-- > 0;) {
		add(i, start + delay + (int64_t)i);
		socle__timers_next(&store);
	}
}

struct shape {
	void (*make)(int64_t delay, size_t n);
	int64_t delay;
	size_t n;
	size_t wrong; /* number of timers out of order */
};

/* Runs in its own thread, where a failed assertion cannot end the test. */
static void *
take_apart(void *arg)
{
	struct shape *s = arg;
	struct socle__timer_node *t;
	size_t at = 0;

	s->make(s->delay, s->n);
	socle__timers_check(&store);
	socle__timers_remove(&store, &timers[0]);
	socle__timers_check(&store);
	socle__timers_collect(&store, start + second);
	while ((t = take()))
		s->wrong += t != &timers[++at];
	s->wrong += at != s->n - 1;
	s->make(s->delay, s->n);
	socle__timers_clear(&store);
	return NULL;
}

static void
sorting_needs_no_stack(void **state)
{
	size_t n = timers_scaled(TIMERS);
	struct shape shapes[] = {
		{add_ascending, 0, n, 0},
		{add_descending, 0, n, 0},
		{add_ascending, 400 * ms, n, 0},
		{add_descending, 400 * ms, n, 0},
	};
	pthread_attr_t attr;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, 256 * 1024), 0);
	for (size_t i = 0; i < COUNT(shapes); i++) {
		assert_int_equal(
			pthread_create(&thread, &attr, take_apart, &shapes[i]),
			0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_int_equal(shapes[i].wrong, 0);
		assert_empty();
	}
	pthread_attr_destroy(&attr);
}

/* ---- against a model ---- */

enum { MODELLED = 150 };

/* The reference for the store: an array of all timers. */
static struct model {
	int64_t now;
	int64_t until;        /* of the last collect */
	unsigned long before; /* ... which has timers started before this one */
	unsigned long starts;
	struct modelled {
		enum { IDLE, WAITING, READY } where;
		int64_t deadline;
		unsigned long order; /* the order of starting */
	} timers[MODELLED];
	size_t due[MODELLED];
	size_t n_due;
} model;

static bool
model_before(size_t a, size_t b)
{
	const struct modelled *x = &model.timers[a], *y = &model.timers[b];

	return x->deadline != y->deadline ? x->deadline < y->deadline
					  : x->order < y->order;
}

/* Of the timers started before that, the pending one that is due first. */
static size_t
model_first(unsigned long before)
{
	size_t first = MODELLED;

	for (size_t i = 0; i < MODELLED; i++) {
		if (model.timers[i].where == WAITING &&
			model.timers[i].order < before &&
			(first == MODELLED || model_before(i, first)))
			first = i;
	}
	return first;
}

static void
model_remove(size_t i)
{
	size_t kept = 0;

	for (size_t k = 0; k < model.n_due; k++) {
		if (model.due[k] != i)
			model.due[kept++] = model.due[k];
	}
	model.n_due = kept;
	model.timers[i].where = IDLE;
}

/* The timer that take returns, or MODELLED. */
static size_t
model_due(void)
{
	size_t first = model_first(model.before);

	if (model.n_due > 0)
		return model.due[0];
	if (first < MODELLED && model.timers[first].deadline > model.until)
		return MODELLED;
	return first;
}

/* The store has found some of the due timers, the first ones. */
static void
model_found(void)
{
	const struct socle__timer_node *t = store.due;

	if (model.n_due > 0)
		return;
	for (; t; t = t->next) {
		size_t i = model_first(model.before);

		assert_true(i < MODELLED);
		assert_ptr_equal(t, &timers[i]);
		assert_true(t->deadline <= model.until);
		model.timers[i].where = READY;
		model.due[model.n_due++] = i;
	}
}

/* A delay of any magnitude, 0 and the largest included. */
static int64_t
draw_delay(void)
{
	uint64_t delay = draw(UINT64_MAX) >> (1 + draw(63));

	return draw(50) == 0 ? INT64_MAX : (int64_t)delay;
}

static int64_t
draw_deadline(void)
{
	int64_t delay = draw_delay();

	switch (draw(8)) {
	case 0: /* reuses another timer's deadline */
		return model.timers[draw(MODELLED)].deadline;
	case 1:
		return model.now - delay;
	case 2:
		return socle__add_ns(model.now, (int64_t)draw(3000000));
	case 3:
		return draw(20) == 0 ? INT64_MIN : model.now;
	default:
		return socle__add_ns(model.now, delay);
	}
}

static void
random_add(void)
{
	size_t i = (size_t)draw(MODELLED);
	int64_t deadline = draw_deadline();

	add(i, deadline);
	model_remove(i);
	model.timers[i] = (struct modelled){WAITING, deadline, model.starts++};
}

static void
random_put_off(void)
{
	size_t i = (size_t)draw(MODELLED);
	int64_t deadline;

	if (model.timers[i].where != WAITING || model.timers[i].deadline < 0)
		return;
	deadline = socle__add_ns(model.timers[i].deadline, draw_delay());
	add(i, deadline);
	model.timers[i].deadline = deadline;
	model.timers[i].order = model.starts++;
}

static void
random_remove(void)
{
	size_t i = (size_t)draw(MODELLED);

	socle__timers_remove(&store, &timers[i]);
	model_remove(i);
}

static void
random_collect(void)
{
	size_t first = model_first(model.starts);
	int64_t delay = draw_delay();

	/* mostly advances to the next deadline, or just before it */
	if (first < MODELLED && model.timers[first].deadline > model.now &&
		draw(4) != 0)
		model.now = model.timers[first].deadline - (int64_t)draw(2);
	else if (delay < INT64_MAX / 2 - model.now)
		model.now += delay >> draw(40);
	if (draw(3) == 0) {
		socle__timers_advance(&store, model.now);
		return;
	}
	model.until = model.now;
	model.before = model.starts;
	assert_int_equal(socle__timers_collect(&store, model.now),
		model_due() < MODELLED);
	model_found();
}

static void
random_take(void)
{
	size_t first = model_due();
	struct socle__timer_node *t = take();

	if (first == MODELLED) {
		assert_null(t);
		return;
	}
	assert_ptr_equal(t, &timers[first]);
	model_remove(first);
	model_found();
}

static void
random_next(void)
{
	size_t first = model_first(model.starts);

	if (model.n_due > 0)
		return;
	assert_true(socle__timers_next(&store) <=
		(first == MODELLED ? INT64_MAX : model.timers[first].deadline));
}

static void
assert_as_modelled(void)
{
	size_t pending = 0;

	socle__timers_check(&store);
	for (size_t i = 0; i < MODELLED; i++) {
		bool there = model.timers[i].where != IDLE;

		assert_int_equal(is_pending(i), there);
		pending += there;
	}
	assert_int_equal(store.pending, pending);
}

static void
random_operations_agree_with_a_model(void **state)
{
	static void (*const operations[])(void) = {random_add, random_add,
		random_add, random_put_off, random_put_off, random_remove,
		random_collect, random_take, random_take, random_next};
	int runs = scaled(1000, 3);

	(void)state;
	for (int run = 0; run < runs; run++) {
		seed = (uint64_t)run;
		model = (struct model){
			.now = (int64_t)(draw(UINT64_MAX) >> (2 + draw(62)))};
		model.until = model.now;
		begin(model.now);
		for (int i = 0; i < 1000; i++) {
			operations[draw(COUNT(operations))]();
			assert_as_modelled();
		}
		socle__timers_clear(&store);
		assert_empty();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_timer_has_the_name_from_its_init_call),
		test(a_bare_timer_is_told_apart_when_it_is_taken),
		test(a_timer_is_pending_until_it_is_taken),
		test(a_timer_is_not_a_nanosecond_early),
		test(timers_of_months_and_centuries_fire_on_the_nanosecond),
		test(a_clock_that_goes_back_makes_no_timer_early),
		test(timers_fire_in_the_order_of_their_deadlines),
		test(equal_deadlines_fire_in_start_order),
		test(a_restarted_timer_fires_after_others_of_equal_deadline),
		test(past_deadlines_fire_at_once_and_in_order),
		test(timers_of_one_millisecond_keep_their_order),
		test(the_next_deadline_is_the_earliest),
		test(the_wheel_advances_with_the_clock),
		test(a_store_that_waited_long_places_timers_from_the_present),
		test(a_due_timer_holds_the_wheel_back),
		test(a_cancelled_timer_leaves_no_trace),
		test(cancelling_what_is_not_pending_is_harmless),
		test(timers_are_cancelled_in_any_order),
		test(a_postponed_timer_fires_at_its_last_deadline),
		test(a_postponed_timer_causes_few_early_ticks),
		test(a_postponed_timer_fires_after_others_of_equal_deadline),
		test(a_postponed_timer_can_be_restarted_for_an_earlier_time),
		test(a_postponed_timer_that_is_cancelled_leaves_no_trace),
		test(timers_postponed_repeatedly_fire_in_order),
		test(a_timer_added_during_a_pass_waits_for_the_next_one),
		test(a_timer_restarted_during_a_pass_waits_for_the_next_one),
		test(a_due_timer_can_be_cancelled),
		test(a_due_timer_can_be_freed_while_others_are_taken),
		test(a_due_timer_that_is_restarted_is_not_due),
		test(a_nested_pass_comes_after_timers_already_due),
		test(clearing_cancels_all_timers),
		test(every_boundary_of_the_wheel_is_exact),
		test(the_wheel_crosses_all_boundaries_with_all_timers),
		test(a_clock_that_leaps_ahead_fires_all_timers_in_order),
		test(a_tick_moves_a_bounded_number_of_timers),
		test(a_leap_of_the_clock_moves_a_bounded_number_of_timers),
		test(a_tick_just_before_a_slot_moves_no_more_of_it_than_its_share),
		test(two_slots_that_follow_each_other_are_emptied_together),
		test(only_a_slot_with_more_than_its_share_causes_an_early_tick),
		test(order_is_exact_while_a_slot_is_half_spread),
		test(a_timer_of_the_past_comes_before_a_half_spread_slot),
		test(order_is_exact_when_the_clock_leaps),
		test(the_number_of_early_ticks_is_bounded),
		test(sorting_needs_no_stack),
		test(random_operations_agree_with_a_model),
	};

	return run_tests(tests);
}

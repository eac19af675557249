/* Timers cancelled, restarted and freed, inside callbacks and outside. */
/* backends: all */
#include "tests/support/firing.h"

#include <stdlib.h>

/* case 115 */
static void
cancelling_returns_whether_the_timer_was_pending(void **state)
{
	socle_timer_id before = add(1, "before");
	socle_timer_id after = add(0, "after");

	(void)state;
	assert_true(socle_cancel_timer(before));
	assert_false(socle_cancel_timer(before));
	turn(1);
	assert_notes("after");
	assert_false(socle_cancel_timer(after));
	assert_false(socle_cancel_timer(0));
	assert_false(socle_cancel_timer(~(socle_timer_id)0));
}

static socle_timer_id own;

static void
cancel_own(void *arg)
{
	note_text(arg);
	assert_false(socle_cancel_timer(own));
}

/* case 115 */
static void
an_identifier_is_invalid_inside_its_own_callback(void **state)
{
	(void)state;
	own = socle_add_timer(0, cancel_own, text("own"));
	turn(2);
	assert_notes("own");
}

static void
cancel_other(struct named *n)
{
	socle_timer_cancel(&n->other->t);
	assert_false(socle_timer_pending(&n->other->t));
}

/* case 115 */
static void
a_timer_cancels_one_that_is_due_with_it(void **state)
{
	static struct named a, b, c;

	(void)state;
	named_init(&a, "a");
	named_init(&b, "b");
	named_init(&c, "c");
	a.inside = cancel_other;
	a.other = &b;
	named_start(&a, 0);
	named_start(&b, 0);
	named_start(&c, 0);
	turn(2);
	assert_notes("a c");
}

static void
restart_other(struct named *n)
{
	named_start(n->other, 0);
}

static void
a_due_timer_restarted_by_another_fires_in_the_next_tick(void **state)
{
	static struct named a, b;

	(void)state;
	named_init(&a, "a");
	named_init(&b, "b");
	a.inside = restart_other;
	a.other = &b;
	named_start(&a, 0);
	named_start(&b, 0);
	turn(1);
	assert_notes("a");
	turn(2);
	assert_notes("b");
}

static void
identifiers_are_never_zero_and_never_reused(void **state)
{
	enum { N = 50 };
	socle_timer_id ids[N];

	(void)state;
	for (int i = 0; i < N; i++) {
		ids[i] = add(i % 2 ? 0 : 60, "t");
		for (int j = 0; j < i; j++)
			assert_true(ids[i] != ids[j]);
		if (i % 3 == 0)
			turn(1);
		if (i % 5 == 0)
			socle_cancel_timer(ids[i]);
	}
	for (int i = 0; i < N; i++)
		socle_cancel_timer(ids[i]);
}

static void
an_old_identifier_does_not_cancel_a_new_timer(void **state)
{
	socle_timer_id old = add(0, "old"), new;

	(void)state;
	turn(1);
	new = add(0, "new");
	assert_false(socle_cancel_timer(old));
	turn(1);
	assert_notes("old new");
	assert_false(socle_cancel_timer(new));
}

static void
an_identifier_of_before_a_reset_cancels_no_later_timer(void **state)
{
	socle_timer_id old = add(60, "old"), new;

	(void)state;
	socle_reset();
	new = add(60, "new");
	assert_false(socle_cancel_timer(old));
	assert_true(socle_cancel_timer(new));
}

/* Every `step'-th stays, whichever places the others leave free. */
static void
memory_of_cancelled_timers_is_given_back(void **state)
{
	enum { N = 20000 };
	static socle_timer_id ids[N];
	static const int steps[] = {16, 1024, N};

	(void)state;
	for (size_t s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
		long before, most;
		int kept = 0;

		(void)add(60, "first");
		before = seam_live_bytes();
		for (int i = 0; i < N; i++)
			assert_true((ids[i] = add(60, "t")) != 0);
		most = seam_live_bytes() - before;
		for (int i = 0; i < N; i++)
			if (i % steps[s] != steps[s] - 1)
				assert_true(socle_cancel_timer(ids[i]));
			else
				kept++;
		assert_true(seam_live_bytes() - before <= most / 4);
		for (int i = 0; i < N; i++)
			kept -= socle_cancel_timer(ids[i]);
		assert_int_equal(0, kept);
		assert_true(seam_live_bytes() - before < 1024);
		socle_reset();
	}
}

static void
without_memory_to_shrink_in_timers_are_cancelled_all_the_same(void **state)
{
	enum { N = 1000 };
	socle_timer_id ids[N];

	(void)state;
	for (int i = 0; i < N; i++)
		ids[i] = add(60, "t");
	seam_fail(CALL_calloc, 1, ENOMEM, -1);
	for (int i = 0; i < N; i++)
		assert_true(socle_cancel_timer(ids[i]));
	assert_true(seam_struck() > 0);
	seam_heal();
	for (int i = 0; i < N; i++)
		assert_false(socle_cancel_timer(ids[i]));
}

/* case 116 */
/* defect 7 */
static void
a_cancelled_timer_does_not_wake_the_loop(void **state)
{
	socle_timer_id id;
	static struct named n;

	(void)state;
	seam_time_virtual();
	named_init(&n, "n");
	id = add(1, "id");
	named_start(&n, 2);
	add(5, "due");
	socle_cancel_timer(id);
	socle_timer_cancel(&n.t);
	seam_count_reset();
	assert_int_equal(5000000, tick_waits());
	assert_int_equal(1, seam_waits());
	assert_int_equal(0, tick_waits());
	assert_notes("due");
}

static void
a_timer_restarted_while_pending_fires_once_at_the_new_time(void **state)
{
	static struct named a;

	(void)state;
	seam_time_virtual();
	named_init(&a, "a");
	named_start(&a, 1);
	add(2, "b");
	named_start(&a, 3);
	/* with an empty tick where `a' was due before */
	assert_true(tick_waits() + tick_waits() == 2000000);
	assert_int_equal(0, tick_waits());
	assert_notes("b");
	assert_int_equal(1000000, tick_waits());
	assert_int_equal(0, tick_waits());
	assert_notes("a");
}

static void
check_and_start(struct named *n)
{
	assert_false(socle_timer_pending(&n->t));
	if (n->fired == 1)
		named_start(n, 0);
	assert_int_equal(n->fired == 1, socle_timer_pending(&n->t));
}

static void
a_timer_is_not_pending_in_its_callback_and_may_restart(void **state)
{
	static struct named n;

	(void)state;
	named_init(&n, "n");
	n.inside = check_and_start;
	assert_false(socle_timer_pending(&n.t));
	named_start(&n, 0);
	assert_true(socle_timer_pending(&n.t));
	turn(3);
	assert_notes("n n");
}

static void
free_both(struct named *n)
{
	socle_timer_cancel(&n->other->t);
	free(n->other);
	free(n);
}

/* Address sanitizers detect it if the library accesses the timer again. */
static void
a_timer_may_be_freed_after_cancel_and_in_its_callback(void **state)
{
	struct named *pending = malloc(sizeof(*pending));
	struct named *first = malloc(sizeof(*first));
	struct named *due = malloc(sizeof(*due));

	(void)state;
	named_init(pending, "pending");
	named_init(first, "first");
	named_init(due, "due");
	first->inside = free_both;
	first->other = due;
	named_start(pending, 0);
	named_start(first, 0);
	named_start(due, 0);
	socle_timer_cancel(&pending->t);
	free(pending);
	turn(2);
	assert_notes("first");
}

static void
without_memory_no_timer_is_added(void **state)
{
	(void)state;
	turn(1); /* makes the loop */
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_true(socle_add_timer(0, note_text, NULL) == 0);
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_true(socle_add_timer(0, note_text, NULL) == 0);
	assert_int_equal(2, seam_struck());
	turn(2);
	assert_notes("");
	add(0, "now");
	turn(1);
	assert_notes("now");
}

static void
without_memory_for_the_loop_no_timer_is_started(void **state)
{
	static struct named n;

	(void)state;
	named_init(&n, "n");
	seam_fail(CALL_calloc, 1, ENOMEM, 2);
	assert_int_equal(-ENOMEM, socle_timer_start(&n.t, 0));
	assert_int_equal(-ENOMEM, socle_timer_start_at(&n.t, 0));
	assert_false(socle_timer_pending(&n.t));
	turn(1);
	assert_notes("");
	assert_int_equal(0, socle_timer_start_at(&n.t, 0));
	turn(1);
	assert_notes("n");
}

static void
without_a_timer_nothing_is_cancelled(void **state)
{
	(void)state;
	assert_false(socle_cancel_timer(1)); /* there is no loop yet */
	turn(1);
	assert_false(socle_cancel_timer(1));
	assert_false(socle_cancel_timer(0));
}

static void
a_reset_cancels_all_timers(void **state)
{
	static struct named n;
	socle_timer_id id = add(0, "id");

	(void)state;
	named_init(&n, "n");
	named_start(&n, 0);
	socle_reset();
	assert_false(socle_timer_pending(&n.t));
	assert_false(socle_cancel_timer(id));
	turn(2);
	assert_notes("");
	named_start(&n, 0);
	turn(1);
	assert_notes("n");
}

static void
a_timer_can_be_cancelled_before_the_loop_exists(void **state)
{
	static struct named n;

	(void)state;
	socle_reset();
	named_init(&n, "n");
	socle_timer_cancel(&n.t);
	assert_false(socle_cancel_timer(1));
	assert_false(socle_timer_pending(&n.t));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(cancelling_returns_whether_the_timer_was_pending),
		test(an_identifier_is_invalid_inside_its_own_callback),
		test(a_timer_cancels_one_that_is_due_with_it),
		test(a_due_timer_restarted_by_another_fires_in_the_next_tick),
		test(identifiers_are_never_zero_and_never_reused),
		test(an_old_identifier_does_not_cancel_a_new_timer),
		test(an_identifier_of_before_a_reset_cancels_no_later_timer),
		test(memory_of_cancelled_timers_is_given_back),
		test(without_memory_to_shrink_in_timers_are_cancelled_all_the_same),
		test(a_cancelled_timer_does_not_wake_the_loop),
		test(a_timer_restarted_while_pending_fires_once_at_the_new_time),
		test(a_timer_is_not_pending_in_its_callback_and_may_restart),
		test(a_timer_may_be_freed_after_cancel_and_in_its_callback),
		test(without_memory_no_timer_is_added),
		test(without_memory_for_the_loop_no_timer_is_started),
		test(without_a_timer_nothing_is_cancelled),
		test(a_reset_cancels_all_timers),
		test(a_timer_can_be_cancelled_before_the_loop_exists),
	};

	return run_tests(tests);
}

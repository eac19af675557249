/* backends: all */
/*
 * Calls from other threads, wake-ups, and several threads with a loop each.
 */
#include "tests/support/fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4 };

static void
note_it(void *arg)
{
	note("%s", (char *)arg);
}

static void
note_drop(void *arg)
{
	note("drop-%s", (char *)arg);
}

static char a[] = "a", b[] = "b", c[] = "c";

static pthread_t
start(void *(*fn)(void *arg), void *arg)
{
	pthread_t t;

	assert_int_equal(0, pthread_create(&t, NULL, fn, arg));
	return t;
}

/* ---- on one thread ---- */

static void
posts_run_in_the_next_tick_in_their_order(void **state)
{
	struct socle_loop *l = socle_loop_self();

	(void)state;
	assert_int_equal(0, socle_post(l, note_it, a));
	assert_int_equal(0, socle_post_or_drop(l, note_it, note_drop, b));
	assert_int_equal(0, (socle_post)(l, note_it, c));
	assert_notes("");
	turn(1);
	assert_notes("a b c");
	turn(1);
	assert_notes("");
	socle_loop_release(l);
}

static void
post_another(void *arg)
{
	note("first");
	assert_int_equal(0, socle_post(arg, note_it, b));
}

static void
a_call_posted_by_a_posted_call_runs_in_the_next_tick(void **state)
{
	struct socle_loop *l = socle_loop_self();

	(void)state;
	assert_int_equal(0, socle_post(l, post_another, l));
	assert_int_equal(0, socle_post(l, note_it, a));
	turn(1);
	assert_notes("first a");
	turn(1);
	assert_notes("b");
	socle_loop_release(l);
}

static void
a_reset_drops_posted_calls_and_shuts_the_loop_down(void **state)
{
	struct socle_loop *l = socle_loop_self();

	(void)state;
	assert_int_equal(0, socle_post_or_drop(l, note_it, note_drop, a));
	assert_int_equal(0, socle_post(l, note_it, b));
	assert_int_equal(0, socle_post_or_drop(l, note_it, note_drop, c));
	socle_reset();
	assert_notes("drop-a drop-c");
	assert_int_equal(
		-ESHUTDOWN, socle_post_or_drop(l, note_it, note_drop, a));
	assert_int_equal(-ESHUTDOWN, socle_post(l, note_it, a));
	socle_wakeup(l);
	turn(1);
	assert_notes("");
	socle_loop_release(l);
}

static void
after_a_reset_the_thread_has_another_loop(void **state)
{
	struct socle_loop *old = socle_loop_self(), *new;

	(void)state;
	socle_reset();
	new = socle_loop_self();
	assert_int_equal(-ESHUTDOWN, socle_post(old, note_it, a));
	assert_int_equal(0, socle_post(new, note_it, b));
	turn(1);
	assert_notes("b");
	socle_loop_release(old);
	socle_loop_release(new);
}

static void
references_are_counted(void **state)
{
	struct socle_loop *one = socle_loop_self(), *other = socle_loop_self();

	(void)state;
	assert_ptr_equal(one, other);
	socle_loop_release(one);
	assert_int_equal(0, socle_post(other, note_it, a));
	turn(1);
	assert_notes("a");
	socle_reset();
	assert_int_equal(-ESHUTDOWN, socle_post(other, note_it, b));
	socle_loop_release(other);
	socle_loop_release(NULL);
}

static void
a_post_without_memory_runs_and_drops_nothing(void **state)
{
	struct socle_loop *l = socle_loop_self();

	(void)state;
	seam_fail(CALL_malloc, 1, ENOMEM, 2);
	assert_int_equal(-ENOMEM, socle_post(l, note_it, a));
	assert_int_equal(-ENOMEM, socle_post_or_drop(l, note_it, note_drop, b));
	turn(1);
	socle_reset();
	assert_notes("");
	socle_loop_release(l);
}

static void
socle_loop_self_fails_without_memory_or_fds(void **state)
{
	struct socle_loop *l;

	(void)state;
	turn(1);
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_null(socle_loop_self());
	seam_fail(CALL_wake_fds, 1, EMFILE, 1);
	assert_null(socle_loop_self());
	l = socle_loop_self();
	assert_non_null(l);
	socle_loop_release(l);
}

static void
after_a_wakeup_the_next_tick_does_not_wait(void **state)
{
	struct socle_loop *l = socle_loop_self();
	double began;

	(void)state;
	turn(1);
	seam_time_virtual();
	began = seam_time();
	for (int i = 0; i < 100; i++)
		socle_wakeup(l);
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_true(seam_time() == began);
	assert_int_equal(1, socle_event_loop_once(1000)); /* but only one */
	assert_true(seam_time() > began);
	socle_loop_release(l);
}

static ssize_t (*real_read)(int fd, void *p, size_t n);
static struct socle_loop *to_wake;

static ssize_t
wake_and_read(int fd, void *p, size_t n)
{
	socle__seam.read = real_read;
	socle_wakeup(to_wake);
	return real_read(fd, p, n);
}

/* The nth write of wake-ups is interrupted; 0: none. */
static void
wake_while_waking(unsigned long nth)
{
	double began;

	to_wake = socle_loop_self();
	turn(1);
	seam_time_virtual();
	began = seam_time();
	real_read = socle__seam.read;
	socle__seam.read = wake_and_read;
	if (nth > 0)
		seam_fail(CALL_write, nth, EINTR, 1);
	socle_wakeup(to_wake);
	turn(1);
	socle__seam.read = real_read;
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_true(seam_time() == began);
	socle_wakeup(to_wake);
	assert_int_equal(1, socle_event_loop_once(60000));
	assert_true(seam_time() == began);
	socle_loop_release(to_wake);
}

static void
a_wakeup_during_the_handling_of_another_is_not_lost(void **state)
{
	(void)state;
	wake_while_waking(0);
}

static void
a_wakeup_whose_write_is_interrupted_is_not_lost(void **state)
{
	(void)state;
	for (unsigned long nth = 1; nth <= 3; nth++) {
		wake_while_waking(nth);
		assert_int_equal(nth, seam_struck());
		seam_heal();
		socle_reset();
	}
}

/* ---- from other threads ---- */

struct item {
	int thread, serial;
};

struct poster {
	struct socle_loop *to;
	struct item *items;
	int n, refused;
};

static int arrived, out_of_order, last[THREADS];

static void
item_arrives(void *arg)
{
	const struct item *i = arg;

	out_of_order += i->serial != last[i->thread] + 1;
	last[i->thread] = i->serial;
	arrived++;
}

static void *
post_them(void *arg)
{
	struct poster *p = arg;

	for (int i = 0; i < p->n; i++)
		p->refused +=
			socle_post(p->to, item_arrives, &p->items[i]) != 0;
	return NULL;
}

static void
posts_from_four_threads_run_once_in_each_threads_order(void **state)
{
	struct socle_loop *l = socle_loop_self();
	struct poster posters[THREADS];
	pthread_t threads[THREADS];
	int n = scaled(10000, 500);

	(void)state;
	arrived = out_of_order = 0;
	for (int t = 0; t < THREADS; t++) {
		posters[t] = (struct poster){.to = l, .n = n};
		posters[t].items = calloc((size_t)n, sizeof(struct item));
		for (int i = 0; i < n; i++)
			posters[t].items[i] = (struct item){t, i};
		last[t] = -1;
		threads[t] = start(post_them, &posters[t]);
	}
	turn_until_count(&arrived, THREADS * n);
	for (int t = 0; t < THREADS; t++) {
		pthread_join(threads[t], NULL);
		assert_int_equal(0, posters[t].refused);
		free(posters[t].items);
	}
	turn(2);
	assert_int_equal(THREADS * n, arrived);
	assert_int_equal(0, out_of_order);
	socle_loop_release(l);
}

static atomic_int ran, dropped, accepted, let_in;

static void
count_run(void *arg)
{
	(void)arg;
	ran++;
}

static void
count_drop(void *arg)
{
	(void)arg;
	dropped++;
}

static void *
post_until_shut(void *arg)
{
	let_in++;
	while (socle_post_or_drop(arg, count_run, count_drop, NULL) == 0) {
		accepted++;
		/* not faster than they run */
		while (accepted > ran + dropped + 1000)
			sched_yield();
	}
	return NULL;
}

static void
an_accepted_post_runs_or_is_dropped_despite_resets(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (int round = 0; round < scaled(8, 3); round++) {
		struct socle_loop *l = socle_loop_self();

		ran = dropped = accepted = let_in = 0;
		for (int t = 0; t < THREADS; t++)
			threads[t] = start(post_until_shut, l);
		while (let_in < THREADS || ran < 100)
			turn(1);
		socle_reset();
		for (int t = 0; t < THREADS; t++)
			pthread_join(threads[t], NULL);
		assert_int_equal(accepted, ran + dropped);
		socle_loop_release(l);
	}
}

static void *
post_one(void *arg)
{
	return socle_post(arg, count_run, NULL) == 0 ? arg : NULL;
}

static bool
has_run(void *arg)
{
	return ran >= *(int *)arg;
}

static void
a_post_ends_an_infinite_wait(void **state)
{
	struct socle_loop *l = socle_loop_self();
	pthread_t t;
	int one = 1;

	(void)state;
	ran = 0;
	t = start(post_one, l);
	assert_int_equal(1, socle_run_until(has_run, &one));
	pthread_join(t, NULL);
	socle_loop_release(l);
}

static atomic_int asked, answered;

static void *
wake_whenever_asked(void *arg)
{
	int seen = 0;

	while (seen >= 0) {
		int now = atomic_load(&asked);

		if (now == seen) {
			sched_yield();
			continue;
		}
		seen = now;
		atomic_store(&answered, now);
		socle_wakeup(arg);
	}
	return NULL;
}

static bool
was_answered(void *arg)
{
	return atomic_load(&answered) == *(int *)arg;
}

static void
no_wakeup_from_another_thread_is_lost(void **state)
{
	struct socle_loop *l = socle_loop_self();
	int n = scaled(10000, 500);
	pthread_t t;

	(void)state;
	asked = answered = 0;
	t = start(wake_whenever_asked, l);
	/* does not return if one is lost */
	for (int i = 1; race_again(i - 1, n); i++) {
		atomic_store(&asked, i);
		assert_int_equal(1, socle_run_until(was_answered, &i));
	}
	atomic_store(&asked, -1);
	pthread_join(t, NULL);
	socle_loop_release(l);
}

/* ---- a loop per thread ---- */

/* A thread that runs a loop until it is stopped. */
struct runner {
	pthread_t thread;
	_Atomic(struct socle_loop *) loop;
	const char *backend; /* the backend that it used */
	int result;
};

static void
stop(void *arg)
{
	(void)arg;
	socle_stop();
}

static void *
run_a_loop(void *arg)
{
	struct runner *r = arg;

	r->backend = socle_backend();
	atomic_store(&r->loop, socle_loop_self());
	r->result = socle_event_loop();
	return NULL;
}

static void
runner_start(struct runner *r)
{
	*r = (struct runner){.result = -1};
	r->thread = start(run_a_loop, r);
	while (!atomic_load(&r->loop))
		sched_yield();
}

static void
runner_join(struct runner *r)
{
	pthread_join(r->thread, NULL);
	socle_loop_release(atomic_load(&r->loop));
}

static void
a_stop_ends_only_the_loop_of_its_own_thread(void **state)
{
	struct runner one, other;

	(void)state;
	ran = 0;
	runner_start(&one);
	runner_start(&other);
	assert_int_equal(0, socle_post(one.loop, stop, NULL));
	runner_join(&one);
	assert_int_equal(0, one.result);
	assert_int_equal(0, socle_post(other.loop, count_run, NULL));
	while (ran == 0)
		sched_yield();
	assert_int_equal(1, socle_event_loop_once(0));
	assert_int_equal(0, socle_post(other.loop, stop, NULL));
	runner_join(&other);
	assert_string_equal(one.backend, socle_backend());
}

struct ping {
	struct socle_loop *mine, *theirs;
	int played, n;
	bool done;
};

static void pong(void *arg);

static void
ping(void *arg)
{
	struct ping *p = arg;

	if (!race_again(p->played, p->n))
		p->done = true;
	else if (socle_post(p->theirs, pong, p) == 0)
		p->played++;
}

static void
pong(void *arg)
{
	struct ping *p = arg;

	(void)socle_post(p->mine, ping, p);
}

static void
two_loops_play_ping_pong(void **state)
{
	struct ping p = {.mine = socle_loop_self(), .n = scaled(3000, 200)};
	struct runner r;

	(void)state;
	runner_start(&r);
	p.theirs = r.loop;
	ping(&p);
	turn_until(&p.done);
	assert_true(p.played >= p.n / 100);
	assert_int_equal(0, socle_post(r.loop, stop, NULL));
	runner_join(&r);
	socle_loop_release(p.mine);
}

static atomic_int destroyed;

static void
count_destroy(struct socle_socket *self)
{
	(void)self;
	destroyed++;
}

static const struct socle_class mortal_class = {
	.name = "Mortal",
	.super = &socle_socket_class,
	.destroy = count_destroy,
};

/* A thread that exits without a reset leaves nothing behind. */
struct left {
	int fds[2], other;
	struct socle_loop *loop;
	bool failed;
};

static void
not_called(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)ready;
	ran += arg == NULL;
}

static void *
make_and_end(void *arg)
{
	struct left *left = arg;
	struct socle_socket *s;

	left->loop = socle_loop_self();
	left->failed = socle_socket_new(&mortal_class, left->fds[0], &s) < 0 ||
		socle_add_other_fd(left->other, SOCLE_READ, not_called, NULL) <
			0 ||
		socle_event_loop_once(0) < 0 || !socle_add_timer(0, stop, s) ||
		socle_defer_or_drop(count_run, count_drop, NULL) < 0 ||
		socle_post_or_drop(left->loop, count_run, count_drop, NULL) < 0;
	return NULL;
}

static void
the_end_of_a_thread_cleans_up_its_loop(void **state)
{
	struct left left;
	int fds[2];
	char byte;

	(void)state;
	ran = dropped = destroyed = 0;
	pair_unix(left.fds);
	pair_pipe(fds);
	left.other = fds[0];
	pthread_join(start(make_and_end, &left), NULL);
	assert_false(left.failed);
	assert_int_equal(1, destroyed);
	assert_int_equal(2, dropped);
	assert_int_equal(0, ran);
	assert_int_equal(0, read(left.fds[1], &byte, 1));
	assert_int_equal(-ESHUTDOWN,
		socle_post_or_drop(left.loop, count_run, count_drop, NULL));
	assert_int_equal(2, dropped);
	socle_wakeup(left.loop);
	socle_loop_release(left.loop);
	close(left.fds[1]);
	close(fds[0]);
	close(fds[1]);
}

static void *
release_and_end(void *arg)
{
	socle_loop_release(arg);
	return NULL;
}

static void
a_reference_may_be_released_on_any_thread(void **state)
{
	struct socle_loop *l = socle_loop_self();

	(void)state;
	socle_reset();
	pthread_join(start(release_and_end, l), NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(posts_run_in_the_next_tick_in_their_order),
		test(a_call_posted_by_a_posted_call_runs_in_the_next_tick),
		test(a_reset_drops_posted_calls_and_shuts_the_loop_down),
		test(after_a_reset_the_thread_has_another_loop),
		test(references_are_counted),
		test(a_post_without_memory_runs_and_drops_nothing),
		test(socle_loop_self_fails_without_memory_or_fds),
		test(after_a_wakeup_the_next_tick_does_not_wait),
		test(a_wakeup_during_the_handling_of_another_is_not_lost),
		test(a_wakeup_whose_write_is_interrupted_is_not_lost),
		test(posts_from_four_threads_run_once_in_each_threads_order),
		test(an_accepted_post_runs_or_is_dropped_despite_resets),
		test(a_post_ends_an_infinite_wait),
		test(no_wakeup_from_another_thread_is_lost),
		test(a_stop_ends_only_the_loop_of_its_own_thread),
		test(two_loops_play_ping_pong),
		test(the_end_of_a_thread_cleans_up_its_loop),
		test(a_reference_may_be_released_on_any_thread),
	};

	return run_tests(tests);
}

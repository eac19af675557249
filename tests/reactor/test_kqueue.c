/*
 * Behaviour of the kqueue backend alone; the behaviour that all backends share
 * is tested elsewhere. tests/kqueue/kqueue.c describes what these tests can prove
 * on a system without kqueue.
 */
/* backends: all */
#include "tests/support/fixture.h"
#include "tests/support/forking.h"

#define skip_without_kqueue()                                                  \
	do {                                                                   \
		if (!backend_is("kqueue"))                                     \
			skip_because("the backend is not kqueue");             \
	} while (0)

static int pair[2];

/* ---- fork ---- */

/* Another file has the number of the parent's queue. */
static int number_taken;

static int
goes_on(struct probe *p)
{
	CHECK(dup2(pair[0], number_taken) == number_taken);
	CHECK(socle_after_fork() == 0);
	CHECK(fcntl(number_taken, F_GETFD) >= 0);
	CHECK(socle_loop_fd() != number_taken);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(p->reads == 1);
	return 0;
}

static void
a_child_that_continues_does_not_close_the_queues_number(void **state)
{
	struct probe *p;

	(void)state;
	skip_without_kqueue();
	p = reader_of(pair);
	number_taken = socle_loop_fd();
	send_all(pair[1], "x", 1);
	child_run(goes_on, p);
	close(pair[1]);
}

static int
resets(struct probe *p)
{
	(void)p;
	CHECK(dup2(STDIN_FILENO, number_taken) == number_taken);
	socle_reset();
	CHECK(fcntl(number_taken, F_GETFD) >= 0);
	return 0;
}

static void
a_child_that_resets_does_not_close_the_queues_number(void **state)
{
	struct probe *p;

	(void)state;
	skip_without_kqueue();
	p = reader_of(pair);
	number_taken = socle_loop_fd();
	child_run(resets, p);
	assert_serves(p, pair[1]);
	close(pair[1]);
}

/* ---- its system calls ---- */

#if SOCLE__HAVE_KQUEUE
static int (*real_kevent)(int kq, const struct kevent *c, int changes,
	struct kevent *e, int events, const struct timespec *t);
static int asked, receipts, too_many;

static int
watched_kevent(int kq, const struct kevent *c, int changes, struct kevent *e,
	int events, const struct timespec *t)
{
	for (int i = 0; i < changes; i++)
		receipts += (c[i].flags & EV_RECEIPT) != 0;
	asked += changes;
	too_many += events > 0 && changes > events;
	return real_kevent(kq, c, changes, e, events, t);
}

static void
toggle(void *arg)
{
	struct probe *p = arg;
	bool reading = (socle_watching(&p->sock) & SOCLE_READ) != 0;

	socle_watch_read(&p->sock, !reading);
	socle_watch_write(&p->sock, reading);
}

static void
leave_it(struct probe *p)
{
	(void)p;
}
#endif

/* An event arrives with a cookie that the library did not set. */
static void
an_event_with_an_unknown_cookie_is_not_reported_again(void **state)
{
#if SOCLE__HAVE_KQUEUE
	struct probe *p;
	struct kevent c;
	int fds[2], queue;

	(void)state;
	skip_without_kqueue();
	seam_time_virtual();
	p = reader_of(pair);
	pair_unix(fds);
	queue = socle_loop_fd();
	EV_SET(&c, (uintptr_t)fds[0], EVFILT_WRITE, EV_ADD, 0, 0, NULL);
	assert_int_equal(0, kevent(queue, &c, 1, NULL, 0, NULL));
	EV_SET(&c, (uintptr_t)socle_fd(&p->sock), EVFILT_READ, EV_ADD, 0, 0,
		NULL);
	assert_int_equal(0, kevent(queue, &c, 1, NULL, 0, NULL));
	send_all(pair[1], "x", 1);

	turn(3);

	assert_int_equal(1, p->reads);
	assert_int_equal(queue, socle_loop_fd());
	seam_count_reset();
	assert_int_equal(1, socle_event_loop_once(1000));
	assert_int_equal(1, seam_waits());
	close(fds[0]);
	close(fds[1]);
	close(pair[1]);
#else
	(void)state;
	skip_because("this system has no kqueue");
#endif
}

static void
no_change_uses_ev_receipt_and_each_has_space_to_fail(void **state)
{
#if SOCLE__HAVE_KQUEUE
	enum { MANY = 200 };
	struct probe *probes[MANY];
	int fds[MANY][2];

	(void)state;
	skip_without_kqueue();
	asked = receipts = too_many = 0;
	real_kevent = socle__seam.kevent;
	socle__seam.kevent = watched_kevent;
	for (int i = 0; i < MANY; i++) {
		pair_unix(fds[i]);
		probes[i] = probe_new(fds[i][0], NULL);
		probes[i]->on_write = leave_it;
	}
	for (int turns = 0; turns < 3; turns++) {
		for (int i = 0; i < MANY; i++)
			assert_int_equal(0, socle_defer(toggle, probes[i]));
		turn(1);
	}
	for (int i = 0; i < MANY; i++)
		socle_close(&probes[i]->sock, NULL);
	turn(1);
	socle__seam.kevent = real_kevent;
	for (int i = 0; i < MANY; i++)
		close(fds[i][1]);
	assert_true(asked >= 4 * MANY);
	assert_int_equal(0, receipts);
	assert_int_equal(0, too_many);
#else
	(void)state;
	skip_because("this system has no kqueue");
#endif
}

#if SOCLE__HAVE_KQUEUE
/* Of two changes of a filter the first is refused, and the second finds none. */
static int
refuse_twice(int kq, const struct kevent *c, int changes, struct kevent *e,
	int events, const struct timespec *t)
{
	if (changes == 0 || events < 2 || !(c->flags & EV_ADD))
		return real_kevent(kq, c, changes, e, events, t);
	for (int i = 0; i < 2; i++) {
		e[i] = *c;
		e[i].flags = EV_ERROR;
		e[i].data = i == 0 ? ENOMEM : ENOENT;
	}
	return 2;
}

static void
leave_error(struct probe *p, int err)
{
	(void)p;
	(void)err;
}

static void
want_write(void *arg)
{
	struct probe *p = arg;

	socle_watch_write(&p->sock, true);
}
#endif

/* It is not what an fd says that is no more ours: it is closed. */
static void
a_change_behind_a_refused_one_is_no_reason_to_keep_the_fd(void **state)
{
#if SOCLE__HAVE_KQUEUE
	struct probe *p;
	int fds[2];

	(void)state;
	skip_without_kqueue();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_err = leave_error;
	assert_int_equal(0, socle_defer(want_write, p));
	real_kevent = socle__seam.kevent;
	socle__seam.kevent = refuse_twice;
	turn(2);
	socle__seam.kevent = real_kevent;
	assert_notes("e-ENOMEM");
	socle_close(&p->sock, NULL);
	turn(1);
	notes_clear();
	close(fds[1]);
#else
	(void)state;
	skip_because("this system has no kqueue");
#endif
}

static void
watch_it(void *arg)
{
	struct probe *p = arg;

	socle_watch_read(&p->sock, true);
}

/* The change is refused by one call, and those that follow it fail. */
static void
a_refusal_is_reported_though_the_next_calls_fail(void **state)
{
	(void)state;
	skip_without_kqueue();
	for (unsigned long nth = 2; nth <= 4; nth++) {
		struct probe *p;

		pair_unix(pair);
		p = probe_new(pair[0], NULL);
		turn(1);
		assert_int_equal(0, socle_defer(watch_it, p));
		seam_fail(CALL_change, 1, ENOSPC, 1);
		seam_fail(CALL_kevent, nth, ENOMEM, 1);
		assert_int_equal(1, socle_event_loop_once(0));
		assert_notes("e-ENOSPC close(event_err) destroy");
		assert_int_equal(2 * (nth - 1), seam_struck());
		close(pair[1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_child_that_continues_does_not_close_the_queues_number),
		test(a_child_that_resets_does_not_close_the_queues_number),
		test(an_event_with_an_unknown_cookie_is_not_reported_again),
		test(no_change_uses_ev_receipt_and_each_has_space_to_fail),
		test(a_refusal_is_reported_though_the_next_calls_fail),
		test(a_change_behind_a_refused_one_is_no_reason_to_keep_the_fd),
	};

	return run_tests(tests);
}

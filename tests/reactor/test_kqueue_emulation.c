/*
 * The emulation of kqueue(2) under the tests of the kqueue backend, checked
 * against what the manual pages of the BSDs have in common: filters and changes.
 * test_kqueue_kernels.c has what each kernel says. Linux only.
 */
#include "tests/kqueue/events.h"

#include <sys/socket.h>

/* ---- filters ---- */

static void
unread_data_is_an_event_until_it_is_read(void **state)
{
	char buf[8];
	int fds[2];

	(void)state;
	pair_unix(fds);
	add(fds[0], EVFILT_READ);
	assert_events("");
	put(fds[1], "hello");
	assert_events("R5");
	assert_events("R5");
	assert_int_equal(5, read(fds[0], buf, sizeof(buf)));
	assert_events("");
	put(fds[1], "you");
	assert_events("R3");
	close_pair(fds);
}

static void
each_filter_has_its_own_event_and_write_comes_first(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	add(fds[0], EVFILT_READ);
	add(fds[0], EVFILT_WRITE);
	assert_events("W");
	put(fds[1], "x");
	assert_events("W R1");
	assert_int_equal(0, change(fds[0], EVFILT_WRITE, EV_DELETE));
	assert_events("R1");
	close_pair(fds);
}

static void
a_full_socket_is_not_writable(void **state)
{
	static char buf[1 << 20];
	int fds[2];

	(void)state;
	pair_unix(fds);
	stuff_fd(fds[0]);
	add(fds[0], EVFILT_WRITE);
	assert_events("");
	assert_false(readable(kq));
	while (read(fds[1], buf, sizeof(buf)) > 0)
		;
	assert_events("W");
	close_pair(fds);
}

static void
adding_a_filter_again_only_changes_its_values(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	put(fds[1], "four");
	assert_int_equal(0, change_all(fds[0], EVFILT_READ, EV_ADD, 0, 0, "a"));
	assert_events("a:R4");
	assert_int_equal(
		0, change_all(fds[0], EVFILT_READ, EV_ADD, NOTE_LOWAT, 5, "b"));
	assert_events("");
	assert_int_equal(
		0, change_all(fds[0], EVFILT_READ, EV_ADD, NOTE_LOWAT, 4, "b"));
	assert_events("b:R4");
	assert_int_equal(0, change_all(fds[0], EVFILT_READ, EV_ADD, 0, 0, "c"));
	assert_events("c:R4");
	close_pair(fds);
}

static void
adding_a_filter_again_does_not_change_clear(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	put(fds[1], "x");
	add(fds[0], EVFILT_READ);
	assert_int_equal(0, change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR));
	assert_events("R1");
	assert_events("R1");
	close_pair(fds);
}

static void
a_disabled_filter_reports_nothing_until_it_is_enabled(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	put(fds[1], "x");
	add(fds[0], EVFILT_READ);
	assert_int_equal(0, change(fds[0], EVFILT_READ, EV_DISABLE));
	assert_events("");
	assert_false(readable(kq));
	assert_int_equal(0, change(fds[0], EVFILT_READ, EV_ENABLE));
	assert_events("R1");
	assert_int_equal(0, change(fds[0], EVFILT_READ, EV_ADD | EV_DISABLE));
	assert_events("");
	assert_int_equal(0, change(fds[0], EVFILT_READ, EV_ADD));
	assert_events("R1");
	close_pair(fds);
}

static void
a_clear_filter_reports_once_for_each_arrival(void **state)
{
	char buf[8];
	int fds[2];

	(void)state;
	pair_unix(fds);
	assert_int_equal(0, change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR));
	put(fds[1], "a");
	assert_events("R1");
	assert_events("");
	assert_false(readable(kq));
	put(fds[1], "b");
	assert_events("R2");
	assert_int_equal(2, read(fds[0], buf, sizeof(buf)));
	put(fds[1], "cd");
	assert_events("R2");
	close_pair(fds);
}

static void
a_clear_filter_next_to_a_level_one_is_reported_once(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	assert_int_equal(0, change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR));
	add(fds[0], EVFILT_WRITE);
	put(fds[1], "a");
	assert_events("W R1");
	assert_events("W");
	put(fds[1], "b");
	assert_events("W R2");
	assert_int_equal(0, change(fds[0], EVFILT_WRITE, EV_DELETE));
	(void)events_in(ROOM, &at_once);
	assert_events("");
	close_pair(fds);
}

static void
a_oneshot_filter_reports_once_and_is_deleted(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	put(fds[1], "a");
	assert_int_equal(0, change(fds[0], EVFILT_READ, EV_ADD | EV_ONESHOT));
	assert_events("R1");
	assert_events("");
	assert_int_equal(ENOENT, change(fds[0], EVFILT_READ, EV_DELETE));
	close_pair(fds);
}

static void
a_dispatch_filter_reports_once_until_it_is_enabled(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	put(fds[1], "a");
	assert_int_equal(0, change(fds[0], EVFILT_READ, EV_ADD | EV_DISPATCH));
	assert_events("R1");
	assert_events("");
	assert_int_equal(0, change(fds[0], EVFILT_READ, EV_ENABLE));
	assert_events("R1");
	close_pair(fds);
}

static void
a_low_water_mark_delays_the_event(void **state)
{
	int fds[2];

	(void)state;
	pair_tcp(fds);
	assert_int_equal(0,
		change_all(fds[0], EVFILT_READ, EV_ADD, NOTE_LOWAT, 3, NULL));
	put(fds[1], "ab");
	await(fds[0], POLLIN);
	assert_events("");
	assert_false(readable(kq));
	put(fds[1], "c");
	assert_string_equal("R3", events_in(ROOM, NULL));
	close_pair(fds);
}

static void
the_highest_low_water_mark_reports_only_the_end(void **state)
{
	int fds[2];

	(void)state;
	pair_tcp(fds);
	add_idle(fds[0]);
	put(fds[1], "abc");
	await(fds[0], POLLIN);
	assert_false(readable(kq));
	assert_events("");
	shutdown(fds[1], SHUT_WR);
	assert_string_equal("R3e", events_in(ROOM, NULL));
	close_pair(fds);
}

static void
the_write_filter_has_a_low_water_mark_too(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	assert_int_equal(0,
		change_all(fds[0], EVFILT_WRITE, EV_ADD, NOTE_LOWAT, INT_MAX,
			NULL));
	assert_events("");
	assert_int_equal(0,
		change_all(fds[0], EVFILT_WRITE, EV_ADD, NOTE_LOWAT, 1, NULL));
	assert_events("W");
	close_pair(fds);
}

/* ---- errors of changes ---- */

static void
invalid_changes_return_the_right_errors(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	assert_int_equal(ENOENT, change(fds[0], EVFILT_READ, EV_DELETE));
	assert_int_equal(ENOENT, change(fds[0], EVFILT_READ, EV_ENABLE));
	assert_int_equal(ENOENT, change(fds[0], EVFILT_WRITE, EV_DISABLE));
	assert_int_equal(EINVAL, change(fds[0], EVFILT_TIMER, EV_ADD));
	assert_int_equal(EINVAL, change(fds[0], 7, EV_ADD));
	assert_int_equal(EINVAL, change(kq, EVFILT_READ, EV_ADD));
	assert_int_equal(ENOENT, change(kq, EVFILT_READ, EV_DELETE));
	close_pair(fds);
	assert_int_equal(EBADF, change(fds[0], EVFILT_READ, EV_ADD));
	assert_int_equal(EBADF, change(fds[0], EVFILT_READ, EV_DELETE));
	assert_int_equal(EBADF, change(-1, EVFILT_READ, EV_ADD));
}

static void
a_large_ident_is_not_truncated_to_an_int(void **state)
{
	const int beyond = sizeof(uintptr_t) > sizeof(int) ? 32 : 31;
	struct kevent c;
	int fds[2];

	(void)state;
	pair_unix(fds);
	EV_SET(&c, (uintptr_t)fds[0] | (uintptr_t)1 << beyond, EVFILT_READ,
		EV_ADD, 0, 0, NULL);
	assert_int_equal(-1, kevent(kq, &c, 1, NULL, 0, NULL));
	assert_int_equal(EBADF, errno);
	close_pair(fds);
}

static void
a_kqueue_can_be_read_by_another_but_not_written(void **state)
{
	int fds[2], inner = kqueue();

	(void)state;
	pair_unix(fds);
	assert_int_equal(EINVAL, change(inner, EVFILT_WRITE, EV_ADD));
	add(inner, EVFILT_READ);
	assert_events("");
	{
		int outer = kq;

		kq = inner;
		add(fds[0], EVFILT_READ);
		kq = outer;
	}
	put(fds[1], "x");
	assert_events("R1");
	close(inner);
	close_pair(fds);
}

static void
errors_return_at_once_and_the_other_changes_are_made(void **state)
{
	struct kevent c[3], e[ROOM];
	int fds[2];

	(void)state;
	pair_unix(fds);
	put(fds[1], "x");
	EV_SET(&c[0], fds[0], EVFILT_WRITE, EV_DELETE, 0, 0, &kq);
	EV_SET(&c[1], fds[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
	EV_SET(&c[2], 9999, EVFILT_READ, EV_ADD, 0, 0, NULL);
	assert_int_equal(2, kevent(kq, c, 3, e, ROOM, NULL));
	assert_int_equal(EV_ERROR, e[0].flags);
	assert_int_equal(ENOENT, e[0].data);
	assert_int_equal(fds[0], e[0].ident);
	assert_int_equal(EVFILT_WRITE, e[0].filter);
	assert_ptr_equal(&kq, e[0].udata);
	assert_int_equal(EBADF, e[1].data);
	assert_int_equal(9999, e[1].ident);
	assert_events("R1");
	close_pair(fds);
}

static void
an_error_that_does_not_fit_stops_the_changes(void **state)
{
	struct kevent c[3], e[1];
	int fds[2];

	(void)state;
	pair_unix(fds);
	put(fds[1], "x");
	EV_SET(&c[0], 9999, EVFILT_READ, EV_ADD, 0, 0, NULL);
	EV_SET(&c[1], fds[0], EVFILT_READ, EV_DELETE, 0, 0, NULL);
	EV_SET(&c[2], fds[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
	assert_int_equal(-1, kevent(kq, c, 3, NULL, 0, NULL));
	assert_int_equal(EBADF, errno);
	assert_int_equal(-1, kevent(kq, c, 3, e, 1, NULL));
	assert_int_equal(ENOENT, errno);
	assert_events("");
	close_pair(fds);
}

static void
a_receipt_answers_its_change_and_is_counted(void **state)
{
	unsigned before = kqueue_receipts();
	struct kevent c, e[ROOM];
	int fds[2];

	(void)state;
	pair_unix(fds);
	put(fds[1], "x");
	EV_SET(&c, fds[0], EVFILT_READ, EV_ADD | EV_RECEIPT, 0, 0, NULL);
	assert_int_equal(1, kevent(kq, &c, 1, e, ROOM, NULL));
	assert_int_equal(EV_ERROR, e[0].flags);
	assert_int_equal(0, e[0].data);
	assert_int_equal(before + 1, kqueue_receipts());
	assert_events("R1");
	close_pair(fds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kqueue_test(unread_data_is_an_event_until_it_is_read),
		kqueue_test(
			each_filter_has_its_own_event_and_write_comes_first),
		kqueue_test(a_full_socket_is_not_writable),
		kqueue_test(adding_a_filter_again_only_changes_its_values),
		kqueue_test(adding_a_filter_again_does_not_change_clear),
		kqueue_test(
			a_disabled_filter_reports_nothing_until_it_is_enabled),
		kqueue_test(a_clear_filter_reports_once_for_each_arrival),
		kqueue_test(
			a_clear_filter_next_to_a_level_one_is_reported_once),
		kqueue_test(a_oneshot_filter_reports_once_and_is_deleted),
		kqueue_test(a_dispatch_filter_reports_once_until_it_is_enabled),
		kqueue_test(a_low_water_mark_delays_the_event),
		kqueue_test(the_highest_low_water_mark_reports_only_the_end),
		kqueue_test(the_write_filter_has_a_low_water_mark_too),
		kqueue_test(invalid_changes_return_the_right_errors),
		kqueue_test(a_large_ident_is_not_truncated_to_an_int),
		kqueue_test(a_kqueue_can_be_read_by_another_but_not_written),
		kqueue_test(
			errors_return_at_once_and_the_other_changes_are_made),
		kqueue_test(an_error_that_does_not_fit_stops_the_changes),
		kqueue_test(a_receipt_answers_its_change_and_is_counted),
	};
	return run_tests(tests);
}

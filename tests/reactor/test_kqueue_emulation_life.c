/*
 * The emulation of kqueue(2), checked against the manual pages of the BSDs:
 * fds that are opened and closed, the wait, and the kqueue itself. Linux only.
 */
#include "tests/kqueue/events.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <sys/wait.h>

/* ---- numbers and files ---- */

static void
closing_an_fd_removes_its_filters(void **state)
{
	int fds[2], again[2];

	(void)state;
	pair_unix(fds);
	put(fds[1], "x");
	add(fds[0], EVFILT_READ);
	assert_events("R1");
	close(fds[0]);
	assert_events("");
	pair_unix(again);
	assert_int_equal(fds[0], again[0]);
	put(again[1], "y");
	assert_events("");
	assert_int_equal(ENOENT, change(again[0], EVFILT_READ, EV_DELETE));
	add(again[0], EVFILT_READ);
	assert_events("R1");
	close_pair(again);
	close(fds[1]);
}

static void
a_copy_of_a_closed_fd_neither_reports_nor_spins(void **state)
{
	int fds[2], other[2], copy;

	(void)state;
	pair_unix(fds);
	pair_unix(other);
	put(fds[1], "x");
	add(fds[0], EVFILT_READ);
	add(other[0], EVFILT_READ);
	copy = dup(fds[0]);
	close(fds[0]);
	assert_events("");
	assert_false(readable(kq));
	assert_string_equal("", events_in(ROOM, &soon));
	put(other[1], "the others stay");
	assert_events("R15");
	close(copy);
	close(fds[1]);
	close_pair(other);
}

static void
a_copy_does_not_report_events_of_a_reused_number(void **state)
{
	int fds[2], other[2], copy;

	(void)state;
	pair_unix(fds);
	add(fds[0], EVFILT_READ);
	copy = dup(fds[0]);
	pair_unix(other);
	assert_int_equal(fds[0], dup2(other[0], fds[0]));
	add(fds[0], EVFILT_READ);
	put(fds[1], "x");
	assert_events("");
	assert_false(readable(kq));
	put(other[1], "yy");
	assert_events("R2");
	close(copy);
	close_pair(fds);
	close_pair(other);
}

static void
a_copy_moved_back_to_its_number_has_no_filters(void **state)
{
	int fds[2], other[2], copy;

	(void)state;
	pair_unix(fds);
	pair_unix(other);
	add(fds[0], EVFILT_READ);
	copy = dup(fds[0]);
	dup2(other[0], fds[0]);
	assert_int_equal(ENOENT, change(fds[0], EVFILT_READ, EV_DELETE));
	dup2(copy, fds[0]);
	put(fds[1], "x");
	assert_int_equal(ENOENT, change(fds[0], EVFILT_READ, EV_DELETE));
	add(fds[0], EVFILT_READ);
	assert_events("R1");
	close(copy);
	close_pair(fds);
	close_pair(other);
}

/* All eventfds have one inode. */
static void
the_next_file_on_the_same_inode_has_no_filters(void **state)
{
	int fd = eventfd(1, 0), next;

	(void)state;
	add(fd, EVFILT_READ);
	close(fd);
	next = eventfd(1, 0);
	assert_int_equal(fd, next);
	assert_events("");
	assert_int_equal(ENOENT, change(fd, EVFILT_READ, EV_DELETE));
	close(next);
}

static void
a_file_is_ready_except_at_its_end(void **state)
{
	FILE *file = tmpfile();
	int fd = fileno(file);

	(void)state;
	put(fd, "12345");
	add(fd, EVFILT_READ);
	assert_events("");
	lseek(fd, 2, SEEK_SET);
	assert_events("R3");
	add(fd, EVFILT_WRITE);
	assert_events("W R3");
	fclose(file);
	assert_events("");
}

/* ---- waiting ---- */

static void
a_wait_ends_at_its_timeout(void **state)
{
	struct timespec from, to;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_string_equal("", events_in(ROOM, &soon));
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_true((to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec -
			from.tv_nsec >=
		soon.tv_nsec);
}

static void
an_invalid_timeout_is_refused(void **state)
{
	struct timespec t = {.tv_nsec = 1000000000};

	(void)state;
	assert_string_equal("-22", events_in(ROOM, &t));
	t = (struct timespec){.tv_sec = -1};
	assert_string_equal("-22", events_in(ROOM, &t));
}

static void
a_call_without_an_event_list_does_not_wait(void **state)
{
	(void)state;
	assert_int_equal(0, kevent(kq, NULL, 0, NULL, 0, NULL));
}

static void
nothing(int signal)
{
	(void)signal;
}

static void
a_signal_ends_the_wait_after_the_changes(void **state)
{
	struct sigaction old, sa = {.sa_handler = nothing};
	struct itimerval often = {
		.it_interval.tv_usec = 20000, .it_value.tv_usec = 20000};
	struct itimerval never = {.it_value.tv_sec = 0};
	struct kevent c, e[1];
	int fds[2];

	(void)state;
	pair_unix(fds);
	sigaction(SIGALRM, &sa, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	EV_SET(&c, fds[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
	assert_int_equal(-1, kevent(kq, &c, 1, e, 1, NULL));
	assert_int_equal(EINTR, errno);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	put(fds[1], "x");
	assert_events("R1");
	close_pair(fds);
}

static void *
write_to(void *arg)
{
	struct timespec t = soon;

	nanosleep(&t, NULL);
	put(*(int *)arg, "late");
	return NULL;
}

static void
a_wait_ends_with_an_event(void **state)
{
	pthread_t thread;
	int fds[2];

	(void)state;
	pair_unix(fds);
	add(fds[0], EVFILT_READ);
	assert_int_equal(0, pthread_create(&thread, NULL, write_to, &fds[1]));
	assert_string_equal("R4", events_in(ROOM, NULL));
	pthread_join(thread, NULL);
	close_pair(fds);
}

static void
a_short_event_list_starves_no_filter(void **state)
{
	int a[2], b[2];
	char seen[64] = "";

	(void)state;
	pair_unix(a);
	pair_unix(b);
	assert_int_equal(0, change_all(a[0], EVFILT_READ, EV_ADD, 0, 0, "a"));
	assert_int_equal(0, change_all(a[0], EVFILT_WRITE, EV_ADD, 0, 0, "a"));
	assert_int_equal(0, change_all(b[0], EVFILT_READ, EV_ADD, 0, 0, "b"));
	assert_int_equal(0, change_all(b[0], EVFILT_WRITE, EV_ADD, 0, 0, "b"));
	put(a[1], "x");
	put(b[1], "x");
	for (int i = 0; i < 4; i++)
		strcat(seen, events_in(1, &at_once));
	assert_string_equal("a:Wb:Wa:R1b:R1", seen);
	close_pair(a);
	close_pair(b);
}

static void
a_short_event_list_loses_no_clear_event(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	assert_int_equal(0, change(fds[0], EVFILT_READ, EV_ADD | EV_CLEAR));
	assert_int_equal(0, change(fds[0], EVFILT_WRITE, EV_ADD | EV_CLEAR));
	put(fds[1], "x");
	assert_string_equal("W", events_in(1, &at_once));
	assert_string_equal("R1", events_in(1, &at_once));
	assert_string_equal("", events_in(1, &at_once));
	close_pair(fds);
}

static void
a_call_returns_as_many_events_as_fit(void **state)
{
	enum { MANY = 150 };
	struct kevent e[MANY + 1];
	int fds[MANY][2], seen[MANY] = {0};

	(void)state;
	for (int i = 0; i < MANY; i++) {
		pair_unix(fds[i]);
		put(fds[i][1], "x");
		add(fds[i][0], EVFILT_READ);
	}
	assert_int_equal(MANY, kevent(kq, NULL, 0, e, MANY + 1, &at_once));
	assert_int_equal(100, kevent(kq, NULL, 0, e, 100, &at_once));
	for (int i = 0; i < 100; i++)
		for (int j = 0; j < MANY; j++)
			seen[j] += fds[j][0] == (int)e[i].ident;
	for (int j = 0; j < MANY; j++) {
		assert_true(seen[j] <= 1);
		close_pair(fds[j]);
	}
}

/* ---- the kqueue itself ---- */

static void
the_kqueue_is_readable_while_there_is_an_event(void **state)
{
	struct epoll_event e = {.events = EPOLLIN};
	char buf[8];
	int outer = epoll_create1(0), fds[2];

	(void)state;
	pair_unix(fds);
	assert_int_equal(0, epoll_ctl(outer, EPOLL_CTL_ADD, kq, &e));
	add(fds[0], EVFILT_READ);
	assert_false(readable(kq));
	put(fds[1], "x");
	assert_true(readable(kq));
	assert_int_equal(1, epoll_wait(outer, &e, 1, 0));
	assert_events("R1");
	assert_true(readable(kq));
	assert_int_equal(1, read(fds[0], buf, sizeof(buf)));
	assert_false(readable(kq));
	assert_int_equal(0, epoll_wait(outer, &e, 1, 0));
	close_pair(fds);
	close(outer);
}

static void
a_child_has_no_kqueue_and_the_parent_keeps_its_own(void **state)
{
	int fds[2], status;
	pid_t pid;

	(void)state;
	pair_unix(fds);
	add(fds[0], EVFILT_READ);
	pid = fork();
	if (pid == 0) {
		bool gone = fcntl(kq, F_GETFD) < 0 && kqueue_states() == 0;

		gone = gone && kevent(kq, NULL, 0, NULL, 0, NULL) < 0 &&
			errno == EBADF;
		gone = gone && kqueue() == kq;
		_exit(gone ? 0 : 1);
	}
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_int_equal(0, status);
	put(fds[1], "x");
	assert_events("R1");
	close_pair(fds);
}

static void
an_fd_kept_open_by_a_child_reports_nothing_after_close(void **state)
{
	int fds[2], hold[2], status;
	pid_t pid;
	char c;

	(void)state;
	pair_unix(fds);
	assert_int_equal(0, pipe(hold));
	add(fds[0], EVFILT_READ);
	pid = fork();
	if (pid == 0) {
		close(hold[1]);
		_exit((int)read(hold[0], &c, 1));
	}
	put(fds[1], "x");
	close(fds[0]);
	assert_events("");
	assert_false(readable(kq));
	close(hold[1]);
	assert_int_equal(pid, waitpid(pid, &status, 0));
	close(hold[0]);
	close(fds[1]);
}

static void
a_new_kqueue_at_the_number_of_a_closed_one_starts_empty(void **state)
{
	int fds[2], old = kq;

	(void)state;
	pair_unix(fds);
	put(fds[1], "x");
	add(fds[0], EVFILT_READ);
	close(kq);
	assert_int_equal(-1, kevent(kq, NULL, 0, NULL, 0, NULL));
	assert_int_equal(EBADF, errno);
	kq = kqueue();
	assert_int_equal(old, kq);
	assert_int_equal(1, kqueue_states());
	assert_events("");
	assert_int_equal(ENOENT, change(fds[0], EVFILT_READ, EV_DELETE));
	close_pair(fds);
}

static void
another_file_at_the_number_is_not_a_kqueue(void **state)
{
	int other = epoll_create1(0);

	(void)state;
	assert_int_equal(kq, dup2(other, kq));
	assert_int_equal(-1, kevent(kq, NULL, 0, NULL, 0, NULL));
	assert_int_equal(EBADF, errno);
	assert_int_equal(-1, kevent(other, NULL, 0, NULL, 0, NULL));
	assert_int_equal(EBADF, errno);
	close(other);
}

static void *
talk_to_oneself(void *failed)
{
	struct kevent c, e[2];
	int q = kqueue(), fds[2];
	char buf[8];

	pair_unix(fds);
	EV_SET(&c, fds[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
	for (int i = 0; i < 200; i++) {
		put(fds[1], "x");
		if (kevent(q, &c, 1, e, 2, NULL) != 1 ||
			(int)e[0].ident != fds[0] ||
			read(fds[0], buf, sizeof(buf)) != 1)
			*(bool *)failed = true;
	}
	close_pair(fds);
	close(q);
	return NULL;
}

static void
each_thread_may_have_its_own_kqueue(void **state)
{
	enum { THREADS = 4 };
	pthread_t threads[THREADS];
	bool failed[THREADS] = {false};

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(0,
			pthread_create(&threads[i], NULL, talk_to_oneself,
				&failed[i]));
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_false(failed[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kqueue_test(closing_an_fd_removes_its_filters),
		kqueue_test(a_copy_of_a_closed_fd_neither_reports_nor_spins),
		kqueue_test(a_copy_does_not_report_events_of_a_reused_number),
		kqueue_test(a_copy_moved_back_to_its_number_has_no_filters),
		kqueue_test(the_next_file_on_the_same_inode_has_no_filters),
		kqueue_test(a_file_is_ready_except_at_its_end),
		kqueue_test(a_wait_ends_at_its_timeout),
		kqueue_test(an_invalid_timeout_is_refused),
		kqueue_test(a_call_without_an_event_list_does_not_wait),
		kqueue_test(a_signal_ends_the_wait_after_the_changes),
		kqueue_test(a_wait_ends_with_an_event),
		kqueue_test(a_short_event_list_starves_no_filter),
		kqueue_test(a_short_event_list_loses_no_clear_event),
		kqueue_test(a_call_returns_as_many_events_as_fit),
		kqueue_test(the_kqueue_is_readable_while_there_is_an_event),
		kqueue_test(a_child_has_no_kqueue_and_the_parent_keeps_its_own),
		kqueue_test(
			an_fd_kept_open_by_a_child_reports_nothing_after_close),
		kqueue_test(
			a_new_kqueue_at_the_number_of_a_closed_one_starts_empty),
		kqueue_test(another_file_at_the_number_is_not_a_kqueue),
		kqueue_test(each_thread_may_have_its_own_kqueue),
	};
	return run_tests(tests);
}

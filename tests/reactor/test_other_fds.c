/* backends: all */
/*
 * Fds without an object: Danga's OtherFds.
 */
#include "tests/support/fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <fcntl.h>

static int p1[2], p2[2];

static void
close_both(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

static void
add(int fd, unsigned events, void (*fn)(int fd, unsigned ready, void *arg),
	void *arg)
{
	assert_int_equal(0, socle_add_other_fd(fd, events, fn, arg));
}

static void
note_ready(int fd, unsigned ready, void *arg)
{
	(void)fd;
	note("%s%s%s%s%s", arg ? (char *)arg : "",
		ready & SOCLE_READ ? "r" : "", ready & SOCLE_WRITE ? "w" : "",
		ready & SOCLE_ERR ? "e" : "", ready & SOCLE_HUP ? "h" : "");
}

static void
read_byte(int fd, unsigned ready, void *arg)
{
	char c;

	(void)ready;
	++*(int *)arg;
	assert_int_equal(1, read(fd, &c, 1));
}

static void
stop(void *arg)
{
	(void)arg;
	socle_stop();
}

/* Lets ten seconds pass; returns how often the loop woke up. */
static unsigned long
wakeups_in_ten_seconds(void)
{
	seam_time_virtual();
	assert_true(socle_add_timer(10, stop, NULL));
	seam_count_reset();
	assert_int_equal(0, socle_event_loop());
	return seam_waits();
}

/* ---- events ---- */

static void
expect_call(int fd, unsigned ready, void *arg)
{
	assert_int_equal(p1[0], fd);
	assert_int_equal(SOCLE_READ, ready);
	assert_ptr_equal(p1, arg);
	note("called");
}

/* case 122 */
static void
a_readable_fd_is_reported(void **state)
{
	(void)state;
	pair_pipe(p1);
	add(p1[0], SOCLE_READ, expect_call, p1);
	turn(1);
	assert_notes("");
	send_all(p1[1], "x", 1);
	turn(1);
	assert_notes("called");
	assert_int_equal(0, socle_remove_other_fd(p1[0]));
	close_both(p1);
}

static void
socle_add_other_fd_works_as_a_function_too(void **state)
{
	char arg[] = "!";

	(void)state;
	pair_pipe(p1);
	assert_int_equal(
		0, (socle_add_other_fd)(p1[1], SOCLE_WRITE, note_ready, arg));
	turn(1);
	assert_notes("!w");
	assert_int_equal(0, socle_remove_other_fd(p1[1]));
	close_both(p1);
}

static void
only_requested_events_are_reported(void **state)
{
	(void)state;
	pair_unix(p1);
	send_all(p1[1], "x", 1);
	add(p1[0], SOCLE_READ | SOCLE_WRITE, note_ready, NULL);
	turn(1);
	assert_notes("rw");
	add(p1[0], SOCLE_WRITE, note_ready, NULL);
	turn(1);
	assert_notes("w");
	add(p1[0], 0, note_ready, NULL);
	turn(1);
	assert_notes("");
	socle_clear_other_fds();
	close_both(p1);
}

static void
adding_an_fd_again_replaces_function_and_argument(void **state)
{
	char one[] = "one-", two[] = "two-";
	int count = 0;

	(void)state;
	pair_unix(p1);
	send_all(p1[1], "x", 1);
	add(p1[0], SOCLE_READ, note_ready, one);
	add(p1[0], SOCLE_READ, note_ready, two);
	turn(1);
	assert_notes("two-r");
	add(p1[0], SOCLE_READ, read_byte, &count);
	turn(2);
	assert_int_equal(1, count);
	socle_clear_other_fds();
	close_both(p1);
}

static void
note_and_stop(int fd, unsigned ready, void *arg)
{
	note_ready(fd, ready, arg);
	socle_stop();
}

static void
add_the_other(void *arg)
{
	add(p2[0], SOCLE_READ, note_and_stop, arg);
}

/* case 123, defect 5 */
static void
an_fd_may_be_added_while_the_loop_runs(void **state)
{
	(void)state;
	pair_pipe(p2);
	send_all(p2[1], "x", 1);
	assert_true(socle_add_timer(0.01, add_the_other, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_notes("r");
	socle_clear_other_fds();
	close_both(p2);
}

static void
remove_both(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)ready;
	(void)arg;
	note("first");
	assert_int_equal(0, socle_remove_other_fd(p1[0]));
	assert_int_equal(0, socle_remove_other_fd(p2[0]));
}

/* case 124 */
static void
an_fd_removed_in_the_batch_is_not_called(void **state)
{
	(void)state;
	pair_pipe(p1);
	pair_pipe(p2);
	send_all(p1[1], "x", 1);
	send_all(p2[1], "x", 1);
	add(p1[0], SOCLE_READ, remove_both, NULL);
	add(p2[0], SOCLE_READ, remove_both, NULL);
	seam_count_reset();
	turn(2);
	assert_notes("first");
	if (changes_are_calls()) /* and the poller is still the same */
		assert_int_equal(0, seam_count(the_opening()));
	close_both(p1);
	close_both(p2);
}

static void
remove_and_reuse(int fd, unsigned ready, void *arg)
{
	int other = fd == p1[0] ? p2[0] : p1[0];

	(void)ready;
	(void)arg;
	note("first");
	assert_int_equal(0, socle_remove_other_fd(other));
	assert_int_equal(other, dup2(fd, other));
	add(other, SOCLE_READ, note_ready, NULL);
	add(fd, 0, note_ready, NULL);
}

static void
an_fd_added_with_a_number_of_the_batch_gets_no_old_event(void **state)
{
	(void)state;
	pair_pipe(p1);
	pair_pipe(p2);
	send_all(p1[1], "x", 1);
	send_all(p2[1], "x", 1);
	add(p1[0], SOCLE_READ, remove_and_reuse, NULL);
	add(p2[0], SOCLE_READ, remove_and_reuse, NULL);
	turn(1);
	assert_notes("first");
	turn(1);
	assert_notes("r");
	socle_clear_other_fds();
	close_both(p1);
	close_both(p2);
}

/* case 126 */
static void
a_second_loop_run_keeps_the_registrations(void **state)
{
	int count = 0;

	(void)state;
	pair_pipe(p1);
	add(p1[0], SOCLE_READ, read_byte, &count);
	turn(1);
	seam_count_reset();
	for (int i = 1; i <= 3; i++) {
		send_all(p1[1], "x", 1);
		assert_int_equal(0, socle_defer(stop, NULL));
		assert_int_equal(0, socle_event_loop());
		assert_int_equal(i, count);
	}
	assert_int_equal(0, seam_count(CALL_change));
	socle_clear_other_fds();
	close_both(p1);
}

static void
remove_and_close(int fd, unsigned ready, void *arg)
{
	note_ready(fd, ready, arg);
	assert_int_equal(0, socle_remove_other_fd(fd));
	close(fd);
}

static void
a_callback_may_remove_and_close_its_own_fd(void **state)
{
	(void)state;
	pair_pipe(p1);
	add(p1[0], SOCLE_READ, remove_and_close, NULL);
	send_all(p1[1], "x", 1);
	turn(3);
	assert_notes("r");
	close(p1[1]);
}

static void
fd_0_is_a_valid_fd(void **state)
{
	int count = 0, saved = fd_0_save();

	(void)state;
	pair_pipe(p1);
	assert_int_equal(0, dup2(p1[0], 0));
	add(0, SOCLE_READ, read_byte, &count);
	send_all(p1[1], "x", 1);
	turn(2);
	assert_int_equal(1, count);
	assert_int_equal(0, socle_remove_other_fd(0));
	send_all(p1[1], "x", 1);
	turn(1);
	assert_int_equal(1, count);
	fd_0_restore(saved);
	close_both(p1);
}

/* ---- ends and errors ---- */

static void
a_hangup_is_always_reported_but_only_once(void **state)
{
	(void)state;
	pair_pipe(p1);
	add(p1[0], 0, note_ready, NULL);
	close(p1[1]);
	assert_in_range(wakeups_in_ten_seconds(), 1, 5);
	assert_notes("h");
	socle_clear_other_fds();
	close(p1[0]);
}

static void
an_error_is_always_reported_but_only_once(void **state)
{
	(void)state;
	pair_pipe(p1);
	add(p1[1], 0, note_ready, NULL);
	close(p1[0]);
	assert_in_range(wakeups_in_ten_seconds(), 1, 5);
	assert_notes("e");
	socle_clear_other_fds();
	close(p1[1]);
}

static void
adding_an_fd_again_reports_its_hangup_again(void **state)
{
	(void)state;
	pair_pipe(p1);
	add(p1[0], 0, note_ready, NULL);
	close(p1[1]);
	turn(4);
	assert_notes("h");
	add(p1[0], SOCLE_READ, note_ready, NULL);
	turn(4);
	assert_notes("h");
	socle_clear_other_fds();
	close(p1[0]);
}

static void
a_hangup_is_reported_together_with_unread_data(void **state)
{
	char c;

	(void)state;
	pair_pipe(p1);
	send_all(p1[1], "x", 1);
	close(p1[1]);
	add(p1[0], SOCLE_READ, note_ready, NULL);
	turn(2);
	assert_notes("rh rh");
	assert_int_equal(1, read(p1[0], &c, 1));
	turn(4);
	assert_notes("h");
	socle_clear_other_fds();
	close(p1[0]);
}

static void
count_and_check_fd(int fd, unsigned ready, void *arg)
{
	assert_int_equal(p1[0], fd);
	assert_int_equal(SOCLE_ERR, ready);
	++*(int *)arg;
}

/* defect 10 */
static void
an_fd_closed_behind_the_library_is_reported_as_an_error(void **state)
{
	int count = 0, kept;

	(void)state;
	pair_pipe(p1);
	add(p1[0], SOCLE_READ, count_and_check_fd, &count);
	close(p1[0]);
	assert_in_range(wakeups_in_ten_seconds(), 1, 4);
	if (backend_is("poll"))
		assert_int_equal(1, count);
	/*
	 * the number now belongs to another file; the library must leave it
	 * alone
	 */
	kept = dup(p1[1]);
	assert_int_equal(p1[0], kept);
	assert_int_equal(0, socle_remove_other_fd(p1[0]));
	turn(1);
	assert_true(fcntl(kept, F_GETFD) >= 0);
	close(kept);
	close(p1[1]);
}

static void
note_err(struct probe *p, int err)
{
	(void)p;
	note("%s", err == -EBADF ? "EBADF" : "other");
}

/* defect 10 */
static void
an_object_with_a_closed_fd_gets_ebadf_and_does_not_spin(void **state)
{
	struct probe *p;

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps filters of a closed fd");
	pair_unix(p1);
	p = probe_new(p1[0], NULL);
	socle_watch_read(&p->sock, true);
	p->on_err = note_err;
	close(p1[0]);
	assert_in_range(wakeups_in_ten_seconds(), 1, 4);
	/* epoll reports this only with a change */
	socle_watch_write(&p->sock, true);
	turn(2);
	assert_non_null(strstr(notes(), "EBADF"));
	socle_close(&p->sock, NULL);
	turn(1);
	close(p1[1]);
}

/* defect 8 */
static void
an_event_of_a_removed_fd_does_not_close_a_reused_number(void **state)
{
	int copy, foreign, count = 0;

	(void)state;
	pair_pipe(p1);
	pair_pipe(p2);
	add(p2[0], SOCLE_READ, read_byte, &count);
	add(p1[0], SOCLE_READ, note_ready, NULL);
	/* the duplicate keeps the kernel's registration alive */
	copy = dup(p1[0]);
	close(p1[0]);
	assert_int_equal(0, socle_remove_other_fd(p1[0]));
	foreign = open("/dev/null", O_RDONLY);
	assert_int_equal(p1[0], foreign);
	send_all(p1[1], "x", 1);
	assert_in_range(wakeups_in_ten_seconds(), 1, 4);
	assert_true(fcntl(foreign, F_GETFD) >= 0);
	assert_notes("");
	send_all(p2[1], "x", 1);
	turn(2);
	assert_int_equal(1, count);
	assert_int_equal(0, socle_remove_other_fd(p2[0]));
	close(copy);
	close(foreign);
	close(p1[1]);
	close_both(p2);
}

/* ---- the list ---- */

/* case 125 */
static void
an_fd_cannot_be_both_an_object_and_an_other_fd(void **state)
{
	struct socle_socket *s;

	(void)state;
	pair_unix(p1);
	add(p1[0], SOCLE_READ, note_ready, NULL);
	assert_int_equal(-EEXIST, socle_socket_new(&probe_class, p1[0], &s));
	assert_int_equal(0, socle_socket_new(&probe_class, p1[1], &s));
	assert_int_equal(-EEXIST,
		socle_add_other_fd(p1[1], SOCLE_READ, note_ready, NULL));
	assert_int_equal(-ENOENT, socle_remove_other_fd(p1[1]));
	assert_ptr_equal(s, socle_descriptor(p1[1]));
	assert_int_equal(0, socle_remove_other_fd(p1[0]));
	close(p1[0]);
}

static void
refuse_object(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	note("object");
}

static void
other_fds_do_not_count_as_objects(void **state)
{
	(void)state;
	pair_unix(p1);
	add(p1[0], SOCLE_READ, note_ready, NULL);
	assert_int_equal(0, socle_watched_sockets());
	assert_null(socle_descriptor(p1[0]));
	socle_each_descriptor(refuse_object, NULL);
	assert_notes("");
	socle_clear_other_fds();
	close_both(p1);
}

static void
note_entry(int fd, unsigned events, void *arg)
{
	(void)arg;
	note("%d/%u", fd == p1[0] ? 1 : fd == p1[1] ? 2 : 3, events);
}

static void
other_fds_can_be_listed_and_cleared(void **state)
{
	(void)state;
	socle_each_other_fd(note_entry, NULL);
	pair_unix(p1);
	assert_true(p1[0] < p1[1]);
	add(p1[1], SOCLE_WRITE | SOCLE_READ, note_ready, NULL);
	add(p1[0], SOCLE_READ, note_ready, NULL);
	socle_each_other_fd(note_entry, NULL);
	assert_notes("1/1 2/5");
	socle_clear_other_fds();
	socle_clear_other_fds();
	socle_each_other_fd(note_entry, NULL);
	assert_notes("");
	assert_true(fcntl(p1[0], F_GETFD) >= 0);
	close_both(p1);
}

static void
remove_while_listing(int fd, unsigned events, void *arg)
{
	note_entry(fd, events, arg);
	socle_remove_other_fd(p1[0]);
	socle_remove_other_fd(p1[1]);
	if (socle_add_other_fd(p2[1], SOCLE_READ, note_ready, NULL) < 0)
		note("failed");
}

static void
the_list_may_change_while_it_is_walked(void **state)
{
	(void)state;
	pair_unix(p1);
	pair_unix(p2);
	add(p1[0], SOCLE_READ, note_ready, NULL);
	add(p1[1], SOCLE_READ, note_ready, NULL);
	socle_each_other_fd(remove_while_listing, NULL);
	assert_notes("1/1 3/1");
	socle_clear_other_fds();
	close_both(p1);
	close_both(p2);
}

static void
reset_while_listing(int fd, unsigned events, void *arg)
{
	note_entry(fd, events, arg);
	socle_reset();
}

static void
a_walk_that_resets_the_loop_ends_there(void **state)
{
	(void)state;
	pair_unix(p1);
	add(p1[0], SOCLE_READ, note_ready, NULL);
	add(p1[1], SOCLE_READ, note_ready, NULL);
	socle_each_other_fd(reset_while_listing, NULL);
	assert_notes("1/1");
	close_both(p1);
}

/* ---- refusals ---- */

static void
removing_an_unknown_fd_returns_enoent(void **state)
{
	(void)state;
	assert_int_equal(-ENOENT, socle_remove_other_fd(0));
	pair_unix(p1);
	add(p1[0], SOCLE_READ, note_ready, NULL);
	assert_int_equal(0, socle_remove_other_fd(p1[0]));
	assert_int_equal(-ENOENT, socle_remove_other_fd(p1[0]));
	assert_int_equal(-ENOENT, socle_remove_other_fd(-1));
	assert_int_equal(-ENOENT, socle_remove_other_fd(1 << 20));
	close_both(p1);
}

static void
an_fd_that_cannot_be_watched_is_refused(void **state)
{
	int file = open("/proc/self/exe", O_RDONLY);
	int dir = open("/", O_RDONLY);

	(void)state;
	pair_unix(p1);
	assert_int_equal(
		-EBADF, socle_add_other_fd(-1, SOCLE_READ, note_ready, NULL));
	assert_int_equal(
		-EBADF, socle_add_other_fd(9999, SOCLE_READ, note_ready, NULL));
	assert_int_equal(
		-EPERM, socle_add_other_fd(dir, SOCLE_READ, note_ready, NULL));
	if (file >= 0)
		assert_int_equal(-EPERM,
			socle_add_other_fd(file, SOCLE_READ, note_ready, NULL));
	assert_int_equal(-EINVAL,
		socle_add_other_fd(p1[0], SOCLE_HUP, note_ready, NULL));
	assert_int_equal(
		-EINVAL, socle_add_other_fd(p1[0], SOCLE_READ, NULL, NULL));
	socle_each_other_fd(note_entry, NULL);
	assert_notes("");
	close(file);
	close(dir);
	close_both(p1);
}

static void
running_out_of_memory_leaves_nothing_behind(void **state)
{
	(void)state;
	pair_unix(p1);
	turn(1);
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM,
		socle_add_other_fd(p1[0], SOCLE_READ, note_ready, NULL));
	socle_each_other_fd(note_entry, NULL);
	assert_notes("");
	add(p1[0], SOCLE_READ, note_ready, NULL);
	socle_clear_other_fds();
	close_both(p1);
}

static void
a_reset_removes_other_fds_and_leaves_them_open(void **state)
{
	(void)state;
	pair_unix(p1);
	send_all(p1[1], "x", 1);
	add(p1[0], SOCLE_READ, note_ready, NULL);
	socle_reset();
	turn(2);
	assert_notes("");
	assert_true(fcntl(p1[0], F_GETFD) >= 0);
	close_both(p1);
}

static char fifo[] = "/tmp/socle-fifo-XXXXXX";

static void
read_all(int fd, unsigned ready, void *arg)
{
	char buf[16];
	ssize_t n = ready & SOCLE_READ ? read(fd, buf, sizeof(buf)) : 0;

	(void)arg;
	note("%u:%d", ready & (SOCLE_READ | SOCLE_HUP), (int)n);
}

static void
write_and_leave(void)
{
	int w = open(fifo, O_WRONLY | O_NONBLOCK);

	assert_true(w >= 0);
	send_all(w, "x", 1);
	turn(1);
	close(w);
	turn(4);
}

/* poll(2): the manual says to open the FIFO for writing as well. */
static void
the_next_writer_of_a_fifo_is_heard(void **state)
{
	int r;

	(void)state;
	if (backend_is("poll") || backend_is("libkqueue"))
		skip_because("this backend does not report a new writer of a "
			     "parked FIFO");
	if (kernel()->fifos_are_endless)
		skip_because("the kernel does not report that writers left");
	strcpy(fifo + sizeof(fifo) - 7, "XXXXXX");
	r = mkstemp(fifo);
	close(r);
	unlink(fifo);
	assert_int_equal(0, mkfifo(fifo, 0600));
	r = open(fifo, O_RDONLY | O_NONBLOCK);
	assert_int_equal(0, socle_add_other_fd(r, SOCLE_READ, read_all, NULL));
	for (int i = 0; i < 3; i++) {
		write_and_leave();
		assert_notes("1:1 16:0");
		seam_count_reset();
		turn(3);
		assert_int_equal(0, seam_count(CALL_change));
		assert_notes("");
	}
	socle_remove_other_fd(r);
	close(r);
	unlink(fifo);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_readable_fd_is_reported),
		test(socle_add_other_fd_works_as_a_function_too),
		test(only_requested_events_are_reported),
		test(adding_an_fd_again_replaces_function_and_argument),
		test(an_fd_may_be_added_while_the_loop_runs),
		test(an_fd_removed_in_the_batch_is_not_called),
		test(an_fd_added_with_a_number_of_the_batch_gets_no_old_event),
		test(a_second_loop_run_keeps_the_registrations),
		test(a_callback_may_remove_and_close_its_own_fd),
		test(fd_0_is_a_valid_fd),
		test(a_hangup_is_always_reported_but_only_once),
		test(an_error_is_always_reported_but_only_once),
		test(adding_an_fd_again_reports_its_hangup_again),
		test(a_hangup_is_reported_together_with_unread_data),
		test(an_fd_closed_behind_the_library_is_reported_as_an_error),
		test(an_object_with_a_closed_fd_gets_ebadf_and_does_not_spin),
		test(an_event_of_a_removed_fd_does_not_close_a_reused_number),
		test(an_fd_cannot_be_both_an_object_and_an_other_fd),
		test(other_fds_do_not_count_as_objects),
		test(other_fds_can_be_listed_and_cleared),
		test(the_list_may_change_while_it_is_walked),
		test(a_walk_that_resets_the_loop_ends_there),
		test(removing_an_unknown_fd_returns_enoent),
		test(an_fd_that_cannot_be_watched_is_refused),
		test(running_out_of_memory_leaves_nothing_behind),
		test(a_reset_removes_other_fds_and_leaves_them_open),
		test(the_next_writer_of_a_fifo_is_heard),
	};

	return run_tests(tests);
}

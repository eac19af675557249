/* Kinds of files, accepted and refused; neither leaks an fd. */
/* backends: all */
#include "tests/support/sending.h"

#include <stdio.h>
#include <sys/stat.h>

static struct socle_socket *s;
static int peer;
static struct sending a = {.name = "a"}, b = {.name = "b"};

static void
open_pair(void)
{
	s = sender_open(&peer);
	a.completions = b.completions = 0;
}

static int
refusal(struct socle_sendfile what)
{
	int r = send_file(s, &a, what);

	assert_int_equal(0, a.completions);
	assert_int_equal(0, socle_write_buf_size(s));
	return r;
}

/* ---- refusals ---- */

/* TS12 */
static void
a_missing_file_is_refused(void **state)
{
	(void)state;
	open_pair();
	assert_int_equal(-ENOENT,
		refusal((struct socle_sendfile){.file = "/nonexistent"}));
	assert_int_equal(-ENOTDIR,
		refusal((struct socle_sendfile){.file = "/dev/null/x"}));
	assert_int_equal(1, socle_write(s, "ok", 2));
	assert_arrived(peer, "ok");
	close(peer);
}

/* TS13 */
static void
a_directory_is_refused(void **state)
{
	int fd = open("/tmp", O_RDONLY);

	(void)state;
	open_pair();
	assert_int_equal(
		-EISDIR, refusal((struct socle_sendfile){.file = "/tmp"}));
	assert_int_equal(-EISDIR,
		refusal((struct socle_sendfile){.fd = fd, .close_fd = true}));
	close(fd); /* still open: the caller owns it */
	close(peer);
}

static void
invalid_arguments_are_refused(void **state)
{
	char path[PATH_SIZE];

	(void)state;
	open_pair();
	file_named(path, 10, 0);
	assert_int_equal(-EINVAL,
		refusal((struct socle_sendfile){.file = path, .offset = -1}));
	assert_int_equal(-EINVAL,
		refusal((struct socle_sendfile){.file = path, .length = -2}));
	assert_int_equal(-EBADF, refusal((struct socle_sendfile){.fd = -1}));
	assert_int_equal(-EBADF, refusal((struct socle_sendfile){.fd = 9999}));
	unlink(path);
	close(peer);
}

static void
a_closed_socket_refuses_files(void **state)
{
	int fd = file_of(10, 0);

	(void)state;
	open_pair();
	socle_close(s, NULL);
	assert_int_equal(-EBADF,
		refusal((struct socle_sendfile){.fd = fd, .close_fd = true}));
	assert_int_equal(
		-EBADF, refusal((struct socle_sendfile){.file = "/dev/null"}));
	close(fd);
	close(peer);
}

static void
after_close_after_flush_files_are_refused(void **state)
{
	(void)state;
	open_pair();
	stuff_fd(socle_fd(s));
	socle_write(s, "x", 1);
	socle_close_after_flush(s, NULL);
	assert_int_equal(-ESHUTDOWN,
		send_file(s, &a, (struct socle_sendfile){.file = "/dev/null"}));
	assert_int_equal(0, a.completions);
	close(peer);
}

/* TS13 */
static void
an_offset_in_a_pipe_is_refused(void **state)
{
	int to, from = pipe_source(&to);

	(void)state;
	open_pair();
	assert_int_equal(-ESPIPE,
		refusal((struct socle_sendfile){.fd = from, .offset = 1}));
	close(from);
	close(to);
	close(peer);
}

/* Whether a file can be read is known only at the first read. */
static void
a_file_that_is_not_open_for_reading_fails(void **state)
{
	char path[PATH_SIZE];
	int fd;

	(void)state;
	open_pair();
	file_named(path, 10, 0);
	fd = open(path, O_WRONLY);
	unlink(path);
	assert_int_equal(1,
		send_file(s, &a,
			(struct socle_sendfile){.fd = fd,
				.close_fd = true,
				.length = 10,
				.carry_on = true}));
	assert_notes("a:EBADF(0+10)");
	assert_false(socle_closed(s));
	close(peer);
}

static void
a_path_is_opened_close_on_exec(void **state)
{
	char path[PATH_SIZE];
	int fd;

	(void)state;
	open_pair();
	stuff_fd(socle_fd(s));
	file_named(path, 10, 0);
	fd = dup(peer); /* the number that the next open file gets */
	close(fd);
	send_file(s, &a, (struct socle_sendfile){.file = path, .length = 10});
	unlink(path);
	assert_int_equal(FD_CLOEXEC, fcntl(fd, F_GETFD));
	socle_close(s, NULL);
	assert_int_equal(-1, fcntl(fd, F_GETFD));
	turn(1);
	close(peer);
}

/* ---- files without a size ---- */

/* TS13 */
static void
a_file_of_proc_is_sent_to_its_end(void **state)
{
	char want[8192], got[8192];
	int fd = open("/proc/self/mountinfo", O_RDONLY);
	ssize_t n, m;

	(void)state;
	if (fd < 0)
		skip_because("there is no /proc/self/mountinfo");
	n = pread(fd, want, sizeof(want), 0);
	close(fd);
	if (n <= 0 || n == sizeof(want))
		skip_because("mountinfo is longer than the buffer");
	open_pair();
	send_file(s, &a,
		(struct socle_sendfile){.file = "/proc/self/mountinfo",
			.length = SOCLE_TO_END});
	assert_int_equal(1, a.completions);
	assert_int_equal(0, a.how.err);
	m = drain_fd(peer, got, sizeof(got));
	assert_int_equal(n, m);
	assert_memory_equal(want, got, (size_t)n);
	close(peer);
}

/* TS13 */
static void
proc_self_status_arrives(void **state)
{
	char got[8192];
	ssize_t n;

	(void)state;
	if (access("/proc/self/status", R_OK) < 0)
		skip_because("there is no /proc/self/status");
	open_pair();
	send_file(s, &a,
		(struct socle_sendfile){
			.file = "/proc/self/status", .length = SOCLE_TO_END});
	assert_int_equal(1, a.completions);
	assert_int_equal(0, a.how.err);
	n = drain_fd(peer, got, sizeof(got) - 1);
	assert_int_equal(a.how.sent, n);
	got[n] = '\0';
	assert_memory_equal("Name:", got, 5);
	assert_non_null(strstr(got, "\nPid:"));
	close(peer);
}

/* TS13 */
static void
proc_ends_before_a_length_that_is_too_long(void **state)
{
	(void)state;
	if (access("/proc/self/status", R_OK) < 0)
		skip_because("there is no /proc/self/status");
	open_pair();
	send_file(s, &a,
		(struct socle_sendfile){.file = "/proc/self/status",
			.length = 100000,
			.carry_on = true});
	turn_until_completed(&a);
	assert_int_equal(-ENODATA, a.how.err);
	assert_true(a.how.sent > 100);
	assert_int_equal(100000, a.how.sent + a.how.remaining);
	close(peer);
}

/* Its size is that of a page. */
static void
a_file_of_sysfs_is_sent_to_its_end(void **state)
{
	const char *path = "/sys/kernel/mm/transparent_hugepage/enabled";
	char want[8192], got[8192];
	int fd = open(path, O_RDONLY);
	ssize_t n;

	(void)state;
	if (fd < 0)
		skip_because("there is no sysfs");
	n = pread(fd, want, sizeof(want), 0);
	close(fd);
	open_pair();
	send_file(s, &a,
		(struct socle_sendfile){.file = path, .length = SOCLE_TO_END});
	turn_until_completed(&a);
	assert_int_equal(0, a.how.err);
	assert_int_equal(n, a.how.sent);
	assert_int_equal(0, a.how.remaining);
	assert_false(socle_closed(s));
	assert_int_equal(n, drain_fd(peer, got, sizeof(got)));
	assert_memory_equal(want, got, (size_t)n);
	close(peer);
}

/* A terminal has no positions: an offset cannot be honoured. */
static void
an_offset_in_a_terminal_fails(void **state)
{
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);

	(void)state;
	if (fd < 0)
		skip_because("there are no terminals");
	open_pair();
	send_file(s, &a,
		(struct socle_sendfile){
			.fd = fd, .offset = 1, .length = 1, .carry_on = true});
	turn_until_completed(&a);
	assert_int_equal(-ESPIPE, a.how.err);
	assert_int_equal(0, a.how.sent);
	close(fd);
	close(peer);
}

/* Without an offset it is read in order; read(2) says that nothing is there. */
static void
a_terminal_is_read_in_order(void **state)
{
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int other;

	(void)state;
	if (fd < 0)
		skip_because("there are no terminals");
	assert_int_equal(0, grantpt(fd));
	assert_int_equal(0, unlockpt(fd));
	other = open(ptsname(fd), O_WRONLY | O_NOCTTY);
	assert_int_equal(3, write(other, "abc", 3));
	open_pair();
	send_file(s, &a, (struct socle_sendfile){.fd = fd, .length = 3});
	turn_until_completed(&a);
	assert_notes("a:ok(3)");
	close(other);
	close(fd);
	close(peer);
}

static void
an_offset_in_a_device_is_used(void **state)
{
	char got[16], zero[10] = {0};

	(void)state;
	open_pair();
	send_file(s, &a,
		(struct socle_sendfile){
			.file = "/dev/zero", .offset = 7, .length = 10});
	turn_until_completed(&a);
	assert_notes("a:ok(10)");
	assert_int_equal(10, drain_fd(peer, got, sizeof(got)));
	assert_memory_equal(zero, got, 10);
	close(peer);
}

/* TS13 */
static void
a_memfd_arrives(void **state)
{
	char path[] = "/dev/shm/socle-file-XXXXXX", data[5000];
	struct reader r = {.at = 0};
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		skip_because("there is no /dev/shm");
	unlink(path);
	open_pair();
	r.fd = peer;
	pattern_fill(data, sizeof(data), 0, 0);
	send_all(fd, data, sizeof(data));
	send_whole(s, &a, fd);
	assert_notes("a:ok(5000)");
	assert_int_equal(5000, reader_take(&r, 6000));
	close(peer);
}

static void
devices_are_read(void **state)
{
	char got[100], zero[100] = {0};

	(void)state;
	open_pair();
	send_file(s, &a,
		(struct socle_sendfile){
			.file = "/dev/null", .length = SOCLE_TO_END});
	send_file(s, &b,
		(struct socle_sendfile){.file = "/dev/zero", .length = 100});
	turn_until_completed(&b);
	assert_notes("a:ok(0) b:ok(100)");
	assert_int_equal(100, drain_fd(peer, got, sizeof(got)));
	assert_memory_equal(zero, got, 100);
	close(peer);
}

/* SOCLE_TO_END means the end at the time of the call, for an empty file too. */
static void
a_file_that_grows_while_queued_is_sent_up_to_its_old_end(void **state)
{
	int grown = file_of(0, 0), fd = file_of(10, 0);
	struct socle_sendfile what = {.length = SOCLE_TO_END};

	(void)state;
	open_pair();
	socle_set_autoflush(s, false);
	what.fd = grown;
	send_file(s, &a, what);
	what.fd = fd;
	send_file(s, &b, what);
	send_all(grown, "more", 4);
	assert_int_equal(4, pwrite(fd, "more", 4, 10));
	turn(1);
	assert_notes("a:ok(0) b:ok(10)");
	close(grown);
	close(fd);
	close(peer);
}

/* ---- pipes ---- */

/* TS13 */
static void
a_pipe_is_sent_to_its_end(void **state)
{
	int to, from = pipe_source(&to);

	(void)state;
	open_pair();
	send_all(to, "through a pipe", 14);
	close(to);
	assert_int_equal(1,
		send_file(s, &a,
			(struct socle_sendfile){.fd = from,
				.close_fd = true,
				.length = SOCLE_TO_END}));
	assert_notes("a:ok(14)");
	assert_arrived(peer, "through a pipe");
	assert_int_equal(0, seam_count(CALL_sendfile));
	close(peer);
}

/* TS13 */
static void
sending_a_part_of_a_pipe_leaves_the_rest_in_it(void **state)
{
	int to, from = pipe_source(&to);
	char rest[8];

	(void)state;
	open_pair();
	send_all(to, "abcdef", 6);
	assert_int_equal(1,
		send_file(s, &a,
			(struct socle_sendfile){.fd = from, .length = 4}));
	assert_notes("a:ok(4)");
	assert_arrived(peer, "abcd");
	assert_int_equal(2, read(from, rest, sizeof(rest)));
	close(from);
	close(to);
	close(peer);
}

static void
a_pipe_that_ends_early_fails(void **state)
{
	int to, from = pipe_source(&to);

	(void)state;
	open_pair();
	send_all(to, "abc", 3);
	close(to);
	assert_int_equal(0,
		send_file(s, &a,
			(struct socle_sendfile){
				.fd = from, .close_fd = true, .length = 10}));
	assert_notes("a:ENODATA(3+7) close(sendfile)");
	close(peer);
}

static void
write_late(void *arg)
{
	int to = *(int *)arg;

	note("late");
	send_all(to, "second", 6);
	close(to);
}

/* The pipe is blocking: a read(2) would not return. */
static void
an_empty_pipe_does_not_block_the_loop(void **state)
{
	int to, from = pipe_source(&to);

	(void)state;
	open_pair();
	send_all(to, "first ", 6);
	assert_int_equal(0,
		send_file(s, &a,
			(struct socle_sendfile){.fd = from,
				.close_fd = true,
				.length = SOCLE_TO_END}));
	assert_arrived(peer, "first ");
	assert_true(socle_add_timer(0.02, write_late, &to) != 0);
	turn_until_completed(&a);
	assert_notes("late a:ok(12)");
	assert_arrived(peer, "second");
	close(peer);
}

/* A pipe cannot be read twice: bytes that the socket did not take are kept. */
static void
a_large_transfer_through_a_pipe_arrives_complete(void **state)
{
	const size_t size = 2 * MIB;
	static char chunk[60000];
	int to, from = pipe_source(&to);
	struct reader r = {.at = 0};
	size_t at = 0;

	(void)state;
	open_pair();
	r.fd = peer;
	assert_int_equal(0, fcntl(to, F_SETFL, O_NONBLOCK));
	send_file(s, &a,
		(struct socle_sendfile){
			.fd = from, .close_fd = true, .length = SOCLE_TO_END});
	while (r.at < size) {
		size_t part =
			size - at < sizeof(chunk) ? size - at : sizeof(chunk);
		ssize_t n = 0;

		pattern_fill(chunk, part, at, 0);
		if (part > 0 && (n = write(to, chunk, part)) > 0)
			at += (size_t)n;
		if (part > 0 && at == size)
			close(to);
		turn(1);
		reader_take(&r, 33333);
		socle_write_kick(s); /* sooner than by the retry */
	}
	turn_until_completed(&a);
	assert_notes("a:ok(2097152)");
	close(peer);
}

static int fifo;
static int (*real_poll)(struct pollfd *, nfds_t, int);

/* As macOS' poll(2): a FIFO without writers reports nothing. */
static int
poll_without_the_fifo(struct pollfd *p, nfds_t n, int ms)
{
	return n == 1 && p->fd == fifo ? 0 : real_poll(p, n, ms);
}

static void
the_end_of_a_pipe_is_found_without_its_poll(void **state)
{
	int to;

	(void)state;
	open_pair();
	fifo = pipe_source(&to);
	real_poll = socle__seam.poll;
	socle__seam.poll = poll_without_the_fifo;
	send_all(to, "data", 4);
	send_whole(s, &a, fifo);
	close(to);
	turn_until_completed(&a);
	socle__seam.poll = real_poll;
	assert_arrived(peer, "data");
	assert_notes("a:ok(4)");
	close(peer);
}

/* TS13 */
static void
a_fifo_is_sent_when_data_is_written_to_it(void **state)
{
	char path[PATH_SIZE];
	int to;

	(void)state;
	open_pair();
	snprintf(path, sizeof(path), "/tmp/socle-fifo-%d", (int)getpid());
	assert_int_equal(0, mkfifo(path, 0600));
	assert_int_equal(0,
		send_file(s, &a,
			(struct socle_sendfile){
				.file = path, .length = SOCLE_TO_END}));
	turn(2);
	assert_notes("");
	to = open(path, O_WRONLY);
	unlink(path);
	send_all(to, "fifo", 4);
	close(to);
	turn_until_completed(&a);
	assert_notes("a:ok(4)");
	assert_arrived(peer, "fifo");
	close(peer);
}

static void
a_socket_may_be_the_source(void **state)
{
	int from[2];

	(void)state;
	open_pair();
	pair_unix(from);
	send_all(from[1], "relayed", 7);
	close(from[1]);
	send_whole(s, &a, from[0]);
	assert_notes("a:ok(7)");
	assert_arrived(peer, "relayed");
	close(peer);
}

static void
a_pipe_may_be_the_destination(void **state)
{
	int fds[2];
	char got[16];

	(void)state;
	pair_pipe(fds);
	s = sender_new(fds[1]);
	a.completions = 0;
	send_file(s, &a,
		(struct socle_sendfile){.fd = file_of(10, 0),
			.close_fd = true,
			.length = SOCLE_TO_END});
	assert_notes("a:ok(10)");
	assert_int_equal(10, read(fds[0], got, sizeof(got)));
	assert_pattern(got, 10, 0, 0);
	close(fds[0]);
}

static void
a_source_pipe_without_data_stalls(void **state)
{
	int to, from = pipe_source(&to);

	(void)state;
	seam_time_virtual();
	open_pair();
	assert_int_equal(0, socle_set_write_timeout(s, 3));
	send_file(s, &a,
		(struct socle_sendfile){
			.fd = from, .close_fd = true, .length = 5});
	while (!a.completions)
		assert_true(socle_event_loop_once(1000) >= 0);
	assert_notes("close(stall) a:ECANCELED(0+5)");
	close(to);
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_missing_file_is_refused),
		test(a_directory_is_refused),
		test(invalid_arguments_are_refused),
		test(a_closed_socket_refuses_files),
		test(after_close_after_flush_files_are_refused),
		test(an_offset_in_a_pipe_is_refused),
		both(a_file_that_is_not_open_for_reading_fails),
		test(a_path_is_opened_close_on_exec),
		both(a_file_of_proc_is_sent_to_its_end),
		both(proc_self_status_arrives),
		both(proc_ends_before_a_length_that_is_too_long),
		both(a_file_of_sysfs_is_sent_to_its_end),
		both(an_offset_in_a_terminal_fails),
		both(a_terminal_is_read_in_order),
		both(an_offset_in_a_device_is_used),
		both(a_memfd_arrives),
		both(devices_are_read),
		both(a_file_that_grows_while_queued_is_sent_up_to_its_old_end),
		test(a_pipe_is_sent_to_its_end),
		test(sending_a_part_of_a_pipe_leaves_the_rest_in_it),
		test(a_pipe_that_ends_early_fails),
		test(an_empty_pipe_does_not_block_the_loop),
		test(a_large_transfer_through_a_pipe_arrives_complete),
		test(the_end_of_a_pipe_is_found_without_its_poll),
		test(a_fifo_is_sent_when_data_is_written_to_it),
		test(a_socket_may_be_the_source),
		both(a_pipe_may_be_the_destination),
		test(a_source_pipe_without_data_stalls),
	};

	return run_tests(tests);
}

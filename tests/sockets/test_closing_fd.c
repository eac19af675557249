/* The end of the fd itself: closing_fd, socle_keep_fd(), O_NONBLOCK. */
/* backends: all */
#include "tests/support/forking.h"
#include "tests/support/looping.h"

#include <sys/socket.h>

static int ends[2];

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static bool
is_blocking(int fd)
{
	return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static void (*in_closing)(struct socle_socket *self, int fd);

static void
teller_closing_fd(struct socle_socket *self, int fd)
{
	assert_true(fd >= 0);
	assert_true(socle_closed(self));
	assert_int_equal(-1, socle_fd(self));
	assert_null(socle_descriptor(fd));
	note("fd");
	if (in_closing)
		in_closing(self, fd);
}

static const struct socle_class teller_class = {
	.name = "Teller",
	.super = &probe_class,
	.closing_fd = teller_closing_fd,
};

static struct socle_socket *
teller_new(void)
{
	struct socle_socket *s;

	in_closing = NULL;
	pair_unix(ends);
	assert_int_equal(0, socle_socket_new(&teller_class, ends[0], &s));
	return s;
}

/* ---- closing_fd ---- */

static void
closing_fd_comes_between_close_and_destroy(void **state)
{
	struct socle_socket *s = teller_new();

	(void)state;
	socle_close(s, "why");
	assert_notes("close(why)");
	turn(1);
	assert_notes("fd destroy");
	assert_false(is_open(ends[0]));
	close(ends[1]);
}

static void
say_goodbye(struct socle_socket *self, int fd)
{
	(void)self;
	assert_int_equal(3, send(fd, "bye", 3, MSG_NOSIGNAL));
}

static void
closing_fd_can_use_the_fd_for_the_last_time(void **state)
{
	struct socle_socket *s = teller_new();
	char buf[8];

	(void)state;
	in_closing = say_goodbye;
	socle_close(s, NULL);
	turn(1);
	assert_int_equal(3, recv(ends[1], buf, sizeof(buf), 0));
	assert_int_equal(0, recv(ends[1], buf, sizeof(buf), 0));
	notes_clear();
	close(ends[1]);
}

static void
a_reset_calls_closing_fd(void **state)
{
	(void)state;
	(void)teller_new();
	socle_reset();
	assert_notes("fd destroy");
	close(ends[1]);
}

static void
steal_does_not_call_closing_fd(void **state)
{
	struct socle_socket *s = teller_new();
	int fd = socle_steal_socket(s);

	(void)state;
	turn(1);
	assert_notes("destroy");
	close(fd);
	close(ends[1]);
}

static const struct socle_class talker_class;

static void
talker_closing_fd(struct socle_socket *self, int fd)
{
	note("before");
	socle_super_closing_fd(&talker_class, self, fd);
	note("after");
}

static const struct socle_class talker_class = {
	.name = "Talker",
	.super = &teller_class,
	.closing_fd = talker_closing_fd,
};

static void
a_subclass_can_call_the_closing_fd_of_its_super(void **state)
{
	struct socle_socket *s = teller_new();

	(void)state;
	assert_int_equal(0, socle_set_class(s, &talker_class));
	socle_close(s, NULL);
	turn(1);
	assert_notes("close() before fd after destroy");
	close(ends[1]);
}

static void
reset_it(struct socle_socket *self, int fd)
{
	(void)self;
	(void)fd;
	socle_reset();
}

static void
nest(struct socle_socket *self, int fd)
{
	assert_true(socle_event_loop_once(0) >= 0);
	assert_true(is_open(fd));
	assert_int_equal(-EBADF, socle_write(self, "x", 1));
}

static void
make_another(struct socle_socket *self, int fd)
{
	int fds[2];
	struct probe *p;

	(void)self;
	pair_unix(fds);
	assert_true(fds[0] != fd && fds[1] != fd);
	p = probe_new(fds[0], "new");
	socle_close(&p->sock, NULL);
	close(fds[1]);
}

static void
closing_fd_may_do_anything(void **state)
{
	static void (*const acts[])(struct socle_socket * self, int fd) = {
		reset_it, nest, make_another};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct socle_socket *s = teller_new();
		struct probe *p = probe_of(s);
		bool destroyed = false;
		char c;

		p->destroyed = &destroyed;
		in_closing = acts[i];
		socle_close(s, NULL);
		(void)socle_event_loop_once(0);
		(void)socle_event_loop_once(0);
		assert_true(destroyed);
		assert_int_equal(0, recv(ends[1], &c, 1, 0));
		notes_clear();
		close(ends[1]);
	}
}

/* The number belongs to someone else by then. */
static void
closing_fd_is_not_called_for_an_fd_that_was_closed_elsewhere(void **state)
{
	struct socle_socket *s = teller_new();

	(void)state;
	socle_watch_read(s, true);
	turn(1);
	close(ends[0]);
	socle_close(s, NULL);
	turn(1);
	/* poll keeps no registration that could tell */
	assert_notes(
		backend_is("poll") ? "close() fd destroy" : "close() destroy");
	close(ends[1]);
}

static void
closing_fd_is_not_called_for_an_fd_that_the_kernel_refuses(void **state)
{
	struct socle_socket *s = teller_new();

	(void)state;
	socle_watch_read(s, true);
	turn(1);
	close(ends[0]);
	socle_watch_write(s, true);
	turn(2);
	assert_notes("e-EBADF close(event_err) destroy");
	close(ends[1]);
}

/* ---- an fd that other code owns ---- */

static void
a_kept_fd_stays_open(void **state)
{
	struct socle_socket *s = teller_new();
	char c;

	(void)state;
	socle_keep_fd(s, true);
	socle_watch_read(s, true);
	turn(1);
	socle_close(s, NULL);
	turn(1);
	assert_notes("close() fd destroy");
	assert_int_equal(1, send(ends[0], "x", 1, MSG_NOSIGNAL));
	assert_int_equal(1, recv(ends[1], &c, 1, 0));
	assert_null(socle_descriptor(ends[0]));
	close(ends[0]);
	close(ends[1]);
}

static void
a_kept_fd_can_have_another_object_in_the_next_tick(void **state)
{
	struct socle_socket *s = teller_new();

	(void)state;
	socle_keep_fd(s, true);
	socle_close(s, NULL);
	turn(1);
	notes_clear();
	assert_int_equal(0, socle_socket_new(&probe_class, ends[0], &s));
	probe_of(s)->read_size = 10;
	socle_watch_read(s, true);
	send_all(ends[1], "x", 1);
	turn(1);
	assert_notes("r");
	close(ends[1]);
}

static void
keep_can_be_taken_back(void **state)
{
	struct socle_socket *s = teller_new();

	(void)state;
	socle_keep_fd(s, true);
	socle_keep_fd(s, false);
	socle_close(s, NULL);
	turn(1);
	assert_notes("close() fd destroy");
	assert_false(is_open(ends[0]));
	close(ends[1]);
}

static void
after_the_close_it_is_too_late_to_keep_the_fd(void **state)
{
	struct socle_socket *s = teller_new();

	(void)state;
	socle_close(s, NULL);
	socle_keep_fd(s, true);
	turn(1);
	assert_notes("close() fd destroy");
	assert_false(is_open(ends[0]));
	close(ends[1]);
}

static void
a_reset_leaves_a_kept_fd_open(void **state)
{
	(void)state;
	socle_keep_fd(teller_new(), true);
	socle_reset();
	assert_true(is_open(ends[0]));
	close(ends[0]);
	close(ends[1]);
}

/* ---- O_NONBLOCK, which is a flag of the open file and not of the fd ---- */

/* A pipe; the object has ends[1], and *shared becomes a copy of it. */
static struct probe *
shared_pipe(int *shared)
{
	assert_int_equal(0, pipe(ends));
	*shared = dup(ends[1]);
	return probe_new(ends[1], NULL);
}

static void
check_blocking_again(int shared, bool expected)
{
	assert_int_equal(expected, is_blocking(shared));
	close(ends[0]);
	close(shared);
	notes_clear();
}

static void
a_close_makes_a_shared_pipe_blocking_again(void **state)
{
	struct probe *p;
	int shared;

	(void)state;
	p = shared_pipe(&shared);
	assert_false(is_blocking(shared));
	socle_close(&p->sock, NULL);
	turn(1);
	check_blocking_again(shared, true);
}

static void
a_reset_makes_a_shared_pipe_blocking_again(void **state)
{
	int shared;

	(void)state;
	(void)shared_pipe(&shared);
	socle_reset();
	check_blocking_again(shared, true);
}

static void
a_kept_pipe_is_blocking_again(void **state)
{
	struct probe *p;
	int shared;

	(void)state;
	p = shared_pipe(&shared);
	socle_keep_fd(&p->sock, true);
	socle_close(&p->sock, NULL);
	turn(1);
	assert_true(is_open(ends[1]));
	close(ends[1]);
	check_blocking_again(shared, true);
}

/* As standard input and output of a terminal: two fds of one open file. */
static void
an_open_file_of_two_objects_is_blocking_after_the_second(void **state)
{
	struct probe *p, *q;
	int shared;

	(void)state;
	p = shared_pipe(&shared);
	q = probe_new(dup(shared), NULL);
	socle_close(&p->sock, NULL);
	turn(1);
	assert_false(is_blocking(shared));
	socle_close(&q->sock, NULL);
	turn(1);
	check_blocking_again(shared, true);
}

/* Only an object on the same open file keeps it non-blocking. */
static void
other_objects_do_not_keep_a_pipe_non_blocking(void **state)
{
	int shared, other[2];
	struct probe *p;

	(void)state;
	p = shared_pipe(&shared);
	pair_pipe(other);
	(void)probe_new(dup(ends[0]), NULL); /* its other end */
	(void)probe_new(other[1], NULL);
	socle_close(&p->sock, NULL);
	turn(1);
	assert_true(is_blocking(shared));
	socle_reset();
	close(other[0]);
	check_blocking_again(shared, true);
}

static void
a_pipe_that_was_non_blocking_stays_so(void **state)
{
	struct probe *p;
	int shared;

	(void)state;
	assert_int_equal(0, pipe(ends));
	assert_int_equal(0, fcntl(ends[1], F_SETFL, O_NONBLOCK));
	shared = dup(ends[1]);
	p = probe_new(ends[1], NULL);
	socle_close(&p->sock, NULL);
	turn(1);
	check_blocking_again(shared, false);
}

static int
close_in_child(struct probe *p)
{
	socle_close(&p->sock, NULL);
	if (socle_after_fork() < 0 || socle_event_loop_once(0) < 0)
		return 1;
	return socle_watched_sockets() == 0 ? 0 : 2;
}

static int
reset_in_child(struct probe *p)
{
	(void)p;
	socle_reset();
	return 0;
}

static int
go_on_and_close_in_child(struct probe *p)
{
	if (socle_after_fork() < 0)
		return 1;
	socle_close(&p->sock, NULL);
	return socle_event_loop_once(0) < 0 ? 2 : 0;
}

/* The parent still uses it. */
static void
a_forked_child_leaves_the_parents_pipe_non_blocking(void **state)
{
	static int (*const acts[])(struct probe * p) = {
		close_in_child, reset_in_child, go_on_and_close_in_child};
	struct probe *p;
	int shared;

	(void)state;
	p = shared_pipe(&shared);
	for (int i = 0; i < 3; i++) {
		child_run(acts[i], p);
		assert_false(is_blocking(shared));
	}
	socle_close(&p->sock, NULL);
	turn(1);
	check_blocking_again(shared, true);
}

/* A standard stream that is a socket, as inetd(8) starts programs. */
static void
a_socket_that_is_standard_input_is_blocking_again(void **state)
{
	struct socle_socket *s;
	int keep = dup(STDIN_FILENO), fds[2];

	(void)state;
	/* Not itself one of the two. */
	if (keep < 0)
		assert_int_equal(STDIN_FILENO, open("/dev/null", O_RDONLY));
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
	assert_int_equal(STDIN_FILENO, dup2(fds[0], STDIN_FILENO));
	assert_int_equal(0, socle_socket_new(&probe_class, STDIN_FILENO, &s));
	assert_false(is_blocking(fds[0]));
	socle_close(s, NULL);
	turn(1);
	assert_true(is_blocking(fds[0]));
	notes_clear();
	if (keep >= 0) {
		dup2(keep, STDIN_FILENO);
		close(keep);
	}
	close(fds[0]);
	close(fds[1]);
}

static void
a_mode_that_cannot_be_read_is_left_as_it_is(void **state)
{
	struct socle_socket *s;
	int fds[2], shared;

	(void)state;
	assert_int_equal(0, pipe(fds));
	shared = dup(fds[1]);
	assert_int_equal(0, socle_socket_new(&probe_class, fds[1], &s));
	seam_fail(CALL_fcntl, 1, ENOMEM, -1);
	socle_close(s, NULL);
	turn(1);
	seam_heal();
	assert_false(is_blocking(shared));
	notes_clear();
	close(fds[0]);
	close(shared);
}

/* What another object's fd is cannot be learned: it is not on this file. */
static void
an_fd_that_cannot_be_looked_at_does_not_keep_a_pipe_non_blocking(void **state)
{
	struct socle_socket *s, *other;
	int fds[2], others[2], shared;

	(void)state;
	assert_int_equal(0, pipe(others));
	assert_int_equal(0, socle_socket_new(&probe_class, others[1], &other));
	for (unsigned long nth = 1; nth <= 2; nth++) {
		assert_int_equal(0, pipe(fds));
		shared = dup(fds[1]);
		assert_int_equal(0, socle_socket_new(&probe_class, fds[1], &s));
		seam_fail(CALL_fstat, nth, ENOMEM, 1);
		socle_close(s, NULL);
		turn(1);
		assert_int_equal(nth, seam_struck());
		assert_true(is_blocking(shared));
		close(fds[0]);
		close(shared);
	}
	socle_close(other, NULL);
	turn(1);
	notes_clear();
	close(others[0]);
}

/* ---- an fd that its owner closes in closing_fd ---- */

static int opened; /* at the number of the closed one */

static void
close_and_open(struct socle_socket *self, int fd)
{
	(void)self;
	close(fd);
	opened = open("/dev/null", O_RDWR | O_NONBLOCK);
	assert_int_equal(fd, opened);
}

static struct socle_socket *
kept_pipe(int *shared)
{
	struct socle_socket *s;

	assert_int_equal(0, pipe(ends));
	*shared = dup(ends[1]);
	assert_int_equal(0, socle_socket_new(&teller_class, ends[1], &s));
	socle_keep_fd(s, true);
	in_closing = close_and_open;
	return s;
}

static void
a_kept_pipe_that_its_owner_closes_is_blocking_again(void **state)
{
	int shared;
	struct socle_socket *s = kept_pipe(&shared);

	(void)state;
	socle_close(s, NULL);
	turn(1);
	close(opened);
	check_blocking_again(shared, true);
}

static void
what_its_owner_opens_at_the_number_is_left_alone(void **state)
{
	int shared;
	struct socle_socket *s = kept_pipe(&shared);

	(void)state;
	socle_close(s, NULL);
	turn(1);
	assert_false(is_blocking(opened));
	close(opened);
	check_blocking_again(shared, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(closing_fd_comes_between_close_and_destroy),
		test(closing_fd_can_use_the_fd_for_the_last_time),
		test(a_reset_calls_closing_fd),
		test(steal_does_not_call_closing_fd),
		test(a_subclass_can_call_the_closing_fd_of_its_super),
		test(closing_fd_may_do_anything),
		test(closing_fd_is_not_called_for_an_fd_that_was_closed_elsewhere),
		test(closing_fd_is_not_called_for_an_fd_that_the_kernel_refuses),
		test(a_kept_fd_stays_open),
		test(a_kept_fd_can_have_another_object_in_the_next_tick),
		test(keep_can_be_taken_back),
		test(after_the_close_it_is_too_late_to_keep_the_fd),
		test(a_reset_leaves_a_kept_fd_open),
		test(a_close_makes_a_shared_pipe_blocking_again),
		test(a_reset_makes_a_shared_pipe_blocking_again),
		test(a_kept_pipe_is_blocking_again),
		test(a_kept_pipe_that_its_owner_closes_is_blocking_again),
		test(what_its_owner_opens_at_the_number_is_left_alone),
		test(an_open_file_of_two_objects_is_blocking_after_the_second),
		test(other_objects_do_not_keep_a_pipe_non_blocking),
		test(a_pipe_that_was_non_blocking_stays_so),
		test(a_forked_child_leaves_the_parents_pipe_non_blocking),
		test(a_socket_that_is_standard_input_is_blocking_again),
		test(a_mode_that_cannot_be_read_is_left_as_it_is),
		test(an_fd_that_cannot_be_looked_at_does_not_keep_a_pipe_non_blocking),
	};
	return run_tests(tests);
}

/*
 * The emulation of kqueue(2) that the tests of the kqueue backend stand on,
 * against what the manual pages of the BSDs say.  Linux alone.
 *
 * Events are compared as text: R or W, data behind R, "e" for EV_EOF, "!errno"
 * for fflags; "R?errno" is an EV_ERROR.  udata, when it is a text, stands first.
 */
#include "tests/support/fixture.h"

#include "tests/kqueue/emulation.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { ROOM = 16 };

static int kq;

static int
setup(void **state)
{
	if (fixture_setup(state))
		return -1;
	kq = kqueue();
	return kq < 0;
}

static int
teardown(void **state)
{
	if (kq >= 0)
		close(kq);
	return fixture_teardown(state);
}

#define kqueue_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct timespec at_once = {.tv_sec = 0};
static const struct timespec soon = {.tv_nsec = 20000000};

/* One change without room for an answer: 0 or the error. */
static int
change_all(int fd, short filter, unsigned flags, unsigned fflags, int64_t data,
	const char *tag)
{
	struct kevent c = {.ident = (uintptr_t)fd,
		.filter = filter,
		.flags = (unsigned short)flags,
		.fflags = fflags,
		.data = data,
		.udata = (void *)(uintptr_t)tag};

	return kevent(kq, &c, 1, NULL, 0, NULL) < 0 ? errno : 0;
}

static int
change(int fd, short filter, unsigned flags)
{
	return change_all(fd, filter, flags, 0, 0, NULL);
}

static void
add(int fd, short filter)
{
	assert_int_equal(0, change(fd, filter, EV_ADD));
}

static void
add_idle(int fd)
{
	assert_int_equal(0,
		change_all(fd, EVFILT_READ, EV_ADD, NOTE_LOWAT, INT_MAX, NULL));
}

static void
note_event(const struct kevent *e)
{
	char text[64];
	int n = 0;

	if (e->udata)
		n = snprintf(text, sizeof(text), "%s:", (char *)e->udata);
	text[n++] = e->filter == EVFILT_READ ? 'R' : 'W';
	text[n] = '\0';
	if (e->flags & EV_ERROR)
		note("%s?%d", text, (int)e->data);
	else if (e->filter == EVFILT_READ)
		note("%s%d%s", text, (int)e->data,
			e->flags & EV_EOF ? "e" : "");
	else
		note("%s%s", text, e->flags & EV_EOF ? "e" : "");
	if (e->fflags && !(e->flags & EV_ERROR))
		note("!%d", (int)e->fflags);
}

/* What a call without changes gives, with so much room and time. */
static const char *
events_in(int room, const struct timespec *timeout)
{
	struct kevent e[ROOM];
	int n = kevent(kq, NULL, 0, e, room, timeout);

	notes_clear();
	if (n < 0)
		note("-%d", errno);
	for (int i = 0; i < n; i++)
		note_event(&e[i]);
	return notes();
}

#define assert_events(text) assert_string_equal(text, events_in(ROOM, &at_once))

static bool
readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void
put(int fd, const char *text)
{
	assert_int_equal(strlen(text), write(fd, text, strlen(text)));
}

/* The network may need a moment: waits until poll(2) says it. */
static void
await(int fd, short what)
{
	struct pollfd p = {.fd = fd, .events = what};

	assert_int_equal(1, poll(&p, 1, 5000));
}

static void
close_pair(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

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
adding_again_changes_values_and_adds_nothing(void **state)
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
adding_again_does_not_change_clear(void **state)
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
a_disabled_filter_is_silent_until_it_is_enabled(void **state)
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
clear_reports_once_for_each_arrival(void **state)
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
clear_beside_a_lasting_filter_is_still_reported_once(void **state)
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
oneshot_reports_once_and_is_gone(void **state)
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
dispatch_reports_once_and_waits_for_enable(void **state)
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
a_low_water_mark_waits_for_that_much(void **state)
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
the_highest_mark_reports_only_the_end(void **state)
{
	int fds[2];

	(void)state;
	pair_tcp(fds);
	add_idle(fds[0]);
	put(fds[1], "abc");
	await(fds[0], POLLIN);
	assert_events("");
	assert_false(readable(kq));
	shutdown(fds[1], SHUT_WR);
	assert_string_equal("R3e", events_in(ROOM, NULL));
	close_pair(fds);
}

/* ---- ends ---- */

static void
a_half_close_ends_reading_alone(void **state)
{
	int fds[2];

	(void)state;
	pair_tcp(fds);
	add(fds[0], EVFILT_READ);
	add(fds[0], EVFILT_WRITE);
	put(fds[1], "tail");
	shutdown(fds[1], SHUT_WR);
	await(fds[0], POLLRDHUP);
	assert_events("W R4e");
	assert_int_equal(0, change(fds[0], EVFILT_READ, EV_DELETE));
	assert_events("W");
	close_pair(fds);
}

static void
a_writer_is_not_told_of_a_half_close(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	stuff_fd(fds[0]);
	add(fds[0], EVFILT_WRITE);
	shutdown(fds[1], SHUT_WR);
	assert_events("");
	assert_false(readable(kq));
	close_pair(fds);
}

static void
a_closed_peer_ends_both(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	add(fds[0], EVFILT_READ);
	add(fds[0], EVFILT_WRITE);
	put(fds[1], "bye");
	close(fds[1]);
	assert_events("We R3e");
	close(fds[0]);
}

static void
a_reset_ends_both_and_says_why(void **state)
{
	int fds[2];

	(void)state;
	pair_tcp(fds);
	add(fds[0], EVFILT_READ);
	add(fds[0], EVFILT_WRITE);
	close_by_reset(fds[1]);
	await(fds[0], POLLRDHUP);
	assert_events("We !104 R0e !104");
	close(fds[0]);
}

static int
socket_error(int fd)
{
	int err = -1;
	socklen_t len = sizeof(err);

	assert_int_equal(0, getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len));
	return err;
}

static void
looking_leaves_the_error_where_it_is(void **state)
{
	int fds[2];

	(void)state;
	pair_tcp(fds);
	add(fds[0], EVFILT_READ);
	close_by_reset(fds[1]);
	await(fds[0], POLLRDHUP);
	assert_events("R0e !104");
	assert_events("R0e !104");
	assert_int_equal(ECONNRESET, socket_error(fds[0]));
	assert_events("R0e");
	close(fds[0]);
}

static void
own_shutdown_ends_writing_alone(void **state)
{
	int fds[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			pair_tcp(fds);
		else
			pair_unix(fds);
		add(fds[0], EVFILT_READ);
		add(fds[0], EVFILT_WRITE);
		assert_events("W");
		shutdown(fds[0], SHUT_WR);
		assert_events("We");
		close_pair(fds);
	}
}

static void
asking_a_unix_socket_for_its_end_sends_nothing(void **state)
{
	char buf[8];
	int fds[2];

	(void)state;
	pair_unix(fds);
	add(fds[0], EVFILT_WRITE);
	add(fds[1], EVFILT_READ);
	assert_events("W");
	assert_int_equal(-1, read(fds[1], buf, sizeof(buf)));
	assert_int_equal(EAGAIN, errno);
	close_pair(fds);
}

static void
a_pipe_without_writer_ends_with_its_data(void **state)
{
	char buf[8];
	int fds[2];

	(void)state;
	pair_pipe(fds);
	add(fds[0], EVFILT_READ);
	put(fds[1], "data");
	assert_events("R4");
	close(fds[1]);
	assert_events("R4e");
	assert_int_equal(4, read(fds[0], buf, sizeof(buf)));
	assert_events("R0e");
	close(fds[0]);
}

static void
a_pipe_without_reader_ends_its_writer(void **state)
{
	int fds[2];

	(void)state;
	pair_pipe(fds);
	stuff_fd(fds[1]);
	add(fds[1], EVFILT_WRITE);
	assert_events("");
	close(fds[0]);
	assert_events("We");
	close(fds[1]);
}

static void
a_pipe_without_reader_takes_no_new_writer(void **state)
{
	int fds[2];

	(void)state;
	pair_pipe(fds);
	close(fds[0]);
	assert_int_equal(EPIPE, change(fds[1], EVFILT_WRITE, EV_ADD));
	assert_int_equal(ENOENT, change(fds[1], EVFILT_WRITE, EV_DELETE));
	close(fds[1]);
}

static void
the_wrong_end_of_a_pipe_tells_of_the_end_alone(void **state)
{
	int fds[2];

	(void)state;
	pair_pipe(fds);
	put(fds[1], "x");
	add(fds[1], EVFILT_READ);
	add(fds[0], EVFILT_WRITE);
	assert_events("");
	close(fds[0]);
	assert_events("R0e");
	assert_true(readable(kq));
	close(fds[1]);
}

static void
pipes_know_no_low_water_mark(void **state)
{
	int fds[2];

	(void)state;
	pair_pipe(fds);
	add_idle(fds[0]);
	put(fds[1], "x");
	assert_events("R1");
	close_pair(fds);
}

/* ---- connecting ---- */

static void
a_listener_has_an_event_while_somebody_waits(void **state)
{
	int port, fd, listener = tcp_listener(&port);

	(void)state;
	add(listener, EVFILT_READ);
	add(listener, EVFILT_WRITE);
	assert_events("");
	fd = tcp_connect(port);
	assert_events("R1");
	add_idle(listener); /* has no meaning here */
	assert_events("R1");
	close(accept(listener, NULL, NULL));
	assert_events("");
	close(fd);
	close(listener);
}

static void
a_socket_that_never_connected_has_no_events(void **state)
{
	int port, listener = tcp_listener(&port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	(void)state;
	add(fd, EVFILT_READ);
	add(fd, EVFILT_WRITE);
	assert_events("");
	assert_false(readable(kq));
	assert_string_equal("", events_in(ROOM, &soon));
	assert_int_equal(0, connect(fd, (struct sockaddr *)&a, sizeof(a)));
	assert_true(readable(kq));
	assert_events("W");
	close(fd);
	close(listener);
}

static void
a_refused_connection_ends_both_and_says_why(void **state)
{
	int port, listener = tcp_listener(&port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	(void)state;
	close(listener);
	add(fd, EVFILT_READ);
	add(fd, EVFILT_WRITE);
	assert_int_equal(-1, connect(fd, (struct sockaddr *)&a, sizeof(a)));
	await(fd, POLLRDHUP);
	assert_events("We !111 R0e !111");
	assert_int_equal(ECONNREFUSED, socket_error(fd));
	close(fd);
}

static void
an_error_of_datagrams_is_no_end(void **state)
{
	int fds[2] = {
		socket(AF_INET, SOCK_DGRAM, 0), socket(AF_INET, SOCK_DGRAM, 0)};
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	(void)state;
	assert_int_equal(0, bind(fds[1], (struct sockaddr *)&a, len));
	getsockname(fds[1], (struct sockaddr *)&a, &len);
	close(fds[1]);
	assert_int_equal(0, connect(fds[0], (struct sockaddr *)&a, len));
	add(fds[0], EVFILT_READ);
	assert_events("");
	put(fds[0], "anybody?");
	await(fds[0], POLLERR);
	assert_events("R0");
	assert_int_equal(ECONNREFUSED, socket_error(fds[0]));
	assert_events("");
	close(fds[0]);
}

/* ---- errors of changes ---- */

static void
wrong_changes_have_their_errors(void **state)
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
	assert_int_equal(EINVAL, change(kq, EVFILT_WRITE, EV_ADD));
	close_pair(fds);
	assert_int_equal(EBADF, change(fds[0], EVFILT_READ, EV_ADD));
	assert_int_equal(EBADF, change(fds[0], EVFILT_READ, EV_DELETE));
	assert_int_equal(EBADF, change(-1, EVFILT_READ, EV_ADD));
}

static void
errors_come_alone_and_at_once_and_the_rest_is_done(void **state)
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
an_error_without_room_stops_the_changes(void **state)
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
receipts_answer_each_change_and_are_counted(void **state)
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

/* ---- numbers and files ---- */

static void
closing_an_fd_takes_its_filters_away(void **state)
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
	int fds[2], copy;

	(void)state;
	pair_unix(fds);
	put(fds[1], "x");
	add(fds[0], EVFILT_READ);
	copy = dup(fds[0]);
	close(fds[0]);
	assert_events("");
	assert_false(readable(kq));
	assert_string_equal("", events_in(ROOM, &soon));
	close(copy);
	close(fds[1]);
}

static void
a_copy_does_not_report_for_the_numbers_next_owner(void **state)
{
	int fds[2], other[2], copy;

	(void)state;
	pair_unix(fds);
	put(fds[1], "x");
	add(fds[0], EVFILT_READ);
	copy = dup(fds[0]);
	pair_unix(other);
	assert_int_equal(fds[0], dup2(other[0], fds[0]));
	assert_events("");
	add(fds[0], EVFILT_READ);
	assert_events("");
	put(other[1], "yy");
	assert_events("R2");
	assert_false(socket_error(copy));
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
a_wait_ends_with_its_time(void **state)
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
a_time_that_is_none_is_refused(void **state)
{
	struct timespec t = {.tv_nsec = 1000000000};

	(void)state;
	assert_string_equal("-22", events_in(ROOM, &t));
	t = (struct timespec){.tv_sec = -1};
	assert_string_equal("-22", events_in(ROOM, &t));
}

static void
without_room_for_events_nothing_is_waited_for(void **state)
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
	sigaction(SIGVTALRM, &sa, &old);
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
little_room_starves_nobody(void **state)
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
little_room_loses_no_cleared_event(void **state)
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
as_many_events_come_as_there_is_room(void **state)
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
a_childs_copies_do_not_report(void **state)
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
a_closed_kqueue_is_none_and_its_number_starts_empty(void **state)
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
another_fd_of_the_number_is_no_kqueue(void **state)
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
each_thread_may_have_its_kqueue(void **state)
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
		kqueue_test(unread_data_is_an_event_until_it_is_read),
		kqueue_test(
			each_filter_has_its_own_event_and_write_comes_first),
		kqueue_test(a_full_socket_is_not_writable),
		kqueue_test(adding_again_changes_values_and_adds_nothing),
		kqueue_test(adding_again_does_not_change_clear),
		kqueue_test(a_disabled_filter_is_silent_until_it_is_enabled),
		kqueue_test(clear_reports_once_for_each_arrival),
		kqueue_test(
			clear_beside_a_lasting_filter_is_still_reported_once),
		kqueue_test(oneshot_reports_once_and_is_gone),
		kqueue_test(dispatch_reports_once_and_waits_for_enable),
		kqueue_test(a_low_water_mark_waits_for_that_much),
		kqueue_test(the_highest_mark_reports_only_the_end),
		kqueue_test(a_half_close_ends_reading_alone),
		kqueue_test(a_writer_is_not_told_of_a_half_close),
		kqueue_test(a_closed_peer_ends_both),
		kqueue_test(a_reset_ends_both_and_says_why),
		kqueue_test(looking_leaves_the_error_where_it_is),
		kqueue_test(own_shutdown_ends_writing_alone),
		kqueue_test(asking_a_unix_socket_for_its_end_sends_nothing),
		kqueue_test(a_pipe_without_writer_ends_with_its_data),
		kqueue_test(a_pipe_without_reader_ends_its_writer),
		kqueue_test(a_pipe_without_reader_takes_no_new_writer),
		kqueue_test(the_wrong_end_of_a_pipe_tells_of_the_end_alone),
		kqueue_test(pipes_know_no_low_water_mark),
		kqueue_test(a_listener_has_an_event_while_somebody_waits),
		kqueue_test(a_socket_that_never_connected_has_no_events),
		kqueue_test(a_refused_connection_ends_both_and_says_why),
		kqueue_test(an_error_of_datagrams_is_no_end),
		kqueue_test(wrong_changes_have_their_errors),
		kqueue_test(errors_come_alone_and_at_once_and_the_rest_is_done),
		kqueue_test(an_error_without_room_stops_the_changes),
		kqueue_test(receipts_answer_each_change_and_are_counted),
		kqueue_test(closing_an_fd_takes_its_filters_away),
		kqueue_test(a_copy_of_a_closed_fd_neither_reports_nor_spins),
		kqueue_test(a_copy_does_not_report_for_the_numbers_next_owner),
		kqueue_test(the_next_file_on_the_same_inode_has_no_filters),
		kqueue_test(a_file_is_ready_except_at_its_end),
		kqueue_test(a_wait_ends_with_its_time),
		kqueue_test(a_time_that_is_none_is_refused),
		kqueue_test(without_room_for_events_nothing_is_waited_for),
		kqueue_test(a_signal_ends_the_wait_after_the_changes),
		kqueue_test(a_wait_ends_with_an_event),
		kqueue_test(little_room_starves_nobody),
		kqueue_test(little_room_loses_no_cleared_event),
		kqueue_test(as_many_events_come_as_there_is_room),
		kqueue_test(the_kqueue_is_readable_while_there_is_an_event),
		kqueue_test(a_child_has_no_kqueue_and_the_parent_keeps_its_own),
		kqueue_test(a_childs_copies_do_not_report),
		kqueue_test(
			a_closed_kqueue_is_none_and_its_number_starts_empty),
		kqueue_test(another_fd_of_the_number_is_no_kqueue),
		kqueue_test(each_thread_may_have_its_kqueue),
	};
	return run_tests(tests);
}

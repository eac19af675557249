/*
 * The emulation of kqueue(2), checked against what the manual pages of the
 * BSDs have in common: ends of streams, errors and connections.
 * test_kqueue_kernels.c has what each kernel says. Linux only.
 */
#include "tests/kqueue/events.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* ---- ends ---- */

static void
a_half_close_ends_only_reading(void **state)
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
a_half_close_is_not_reported_to_a_writer(void **state)
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
a_closed_peer_ends_both_directions(void **state)
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
a_reset_ends_both_directions_and_reports_the_error(void **state)
{
	int fds[2];

	(void)state;
	if (under_qemu())
		skip_because("qemu returns only 4 bytes of TCP_INFO");
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
reporting_an_error_does_not_clear_it(void **state)
{
	int fds[2];

	(void)state;
	if (under_qemu())
		skip_because("qemu returns only 4 bytes of TCP_INFO");
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
a_local_shutdown_ends_only_writing(void **state)
{
	int fds[2];

	(void)state;
	if (under_qemu())
		skip_because("qemu returns only 4 bytes of TCP_INFO");
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
		put(fds[1], "x");
		await(fds[0], POLLIN);
		assert_events("We R1");
		close_pair(fds);
	}
}

static void
checking_readiness_sends_nothing(void **state)
{
	const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
	char buf[8];
	int fds[2];

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(0, socketpair(AF_UNIX, types[i], 0, fds));
		add(fds[0], EVFILT_WRITE);
		assert_events("W");
		assert_int_equal(
			-1, recv(fds[1], buf, sizeof(buf), MSG_DONTWAIT));
		assert_int_equal(EAGAIN, errno);
		close_pair(fds);
	}
}

static void
a_pipe_without_a_writer_ends_after_its_data(void **state)
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
a_pipe_without_a_reader_ends_its_writer(void **state)
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
a_pipe_without_a_reader_refuses_a_new_write_filter(void **state)
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
the_wrong_end_of_a_pipe_reports_only_the_end(void **state)
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
pipes_have_no_low_water_mark(void **state)
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
a_listener_has_an_event_while_a_client_is_queued(void **state)
{
	int port, fd, listener = tcp_listener(&port);

	(void)state;
	add(listener, EVFILT_READ);
	add(listener, EVFILT_WRITE);
	assert_events("");
	fd = tcp_connect(port);
	assert_events("R1");
	add_idle(listener); /* a low-water mark has no meaning here */
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
a_refused_connection_ends_both_and_reports_the_error(void **state)
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
a_datagram_error_is_not_an_end(void **state)
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kqueue_test(a_half_close_ends_only_reading),
		kqueue_test(a_half_close_is_not_reported_to_a_writer),
		kqueue_test(a_closed_peer_ends_both_directions),
		kqueue_test(a_reset_ends_both_directions_and_reports_the_error),
		kqueue_test(reporting_an_error_does_not_clear_it),
		kqueue_test(a_local_shutdown_ends_only_writing),
		kqueue_test(checking_readiness_sends_nothing),
		kqueue_test(a_pipe_without_a_writer_ends_after_its_data),
		kqueue_test(a_pipe_without_a_reader_ends_its_writer),
		kqueue_test(a_pipe_without_a_reader_refuses_a_new_write_filter),
		kqueue_test(the_wrong_end_of_a_pipe_reports_only_the_end),
		kqueue_test(pipes_have_no_low_water_mark),
		kqueue_test(a_listener_has_an_event_while_a_client_is_queued),
		kqueue_test(a_socket_that_never_connected_has_no_events),
		kqueue_test(
			a_refused_connection_ends_both_and_reports_the_error),
		kqueue_test(a_datagram_error_is_not_an_end),
	};
	return run_tests(tests);
}

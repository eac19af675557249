/*
 * The calls that the tests' seam answers as another kernel: what
 * tests/support/kernel_calls.c puts there. Linux only.
 */
#include "tests/kqueue/states.h"
#include "tests/support/dgrams.h"

#include <sys/un.h>

/* The errno of a call, or 0. */
#define error_of(call) ((call) < 0 ? errno : 0)

static void
control_data_without_room_are_invalid(void **state)
{
	char control[64], data[] = "data";
	struct iovec iov = {data, 4};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
	struct socle__message many = {.msg_hdr = m};
	int fds[2];

	(void)state;
	pair_dgram(fds);
	for (enum kernel_id id = FREEBSD; id <= MACOS; id++) {
		kernel_becomes(id);
		assert_int_equal(EINVAL, error_of(sys_sendmsg(fds[0], &m, 0)));
		assert_int_equal(
			ENOSYS, error_of(sys_sendmmsg(fds[0], &many, 1, 0)));
		assert_int_equal(
			ENOSYS, error_of(sys_recvmmsg(fds[0], &many, 1, 0)));
	}
	kernel_becomes(MANUAL);
	assert_int_equal(4, sys_sendmsg(fds[0], &m, 0));
	assert_int_equal(1, sys_sendmmsg(fds[0], &many, 1, 0));
	close_pair(fds);
}

static void
a_full_unix_backlog_refuses(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(a);
	int listening_fd = socket(AF_UNIX, SOCK_STREAM, 0), fds[8], n = 0, err;

	(void)state;
	/* The kernel chooses an abstract name. */
	assert_int_equal(0,
		bind(listening_fd, (struct sockaddr *)&a, sizeof(sa_family_t)));
	assert_int_equal(
		0, getsockname(listening_fd, (struct sockaddr *)&a, &len));
	assert_int_equal(0, listen(listening_fd, 1));
	kernel_becomes(NETBSD);
	do {
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		err = error_of(sys_connect(fds[n], (struct sockaddr *)&a, len));
		n++;
	} while (err == 0 && n < 8);
	assert_int_equal(ECONNREFUSED, err);
	while (n > 0)
		close(fds[--n]);
	close(listening_fd);
}

static void
a_full_unix_datagram_peer_has_no_buffer_space(void **state)
{
	int fds[2];

	(void)state;
	pair_dgram(fds);
	is_full(fds);
	kernel_becomes(FREEBSD);
	assert_int_equal(
		ENOBUFS, error_of(sys_send(fds[0], "x", 1, MSG_DONTWAIT)));
	kernel_becomes(MANUAL);
	assert_int_equal(
		EAGAIN, error_of(sys_send(fds[0], "x", 1, MSG_DONTWAIT)));
	close_pair(fds);
}

static void
macos_loses_the_client_for_which_there_is_no_fd(void **state)
{
	int port, listening_fd = tcp_listener(&port), fd = tcp_connect(port);

	(void)state;
	await(listening_fd, POLLIN);
	kernel_becomes(MACOS);
	seam_fail(CALL_accept4, 1, EMFILE, 1);
	assert_int_equal(
		EMFILE, error_of(sys_accept4(listening_fd, NULL, NULL, 0)));
	assert_false(readable(listening_fd));
	await(fd, POLLIN);
	close(fd);
	close(listening_fd);
}

static void
macos_refuses_options_of_a_dead_socket(void **state)
{
	int fds[2], on = 1;

	(void)state;
	pair_unix(fds);
	kernel_becomes(MACOS);
	assert_int_equal(0,
		sys_setsockopt(
			fds[0], SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
	close(fds[1]);
	assert_int_equal(EINVAL,
		error_of(sys_setsockopt(
			fds[0], SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on))));
	close(fds[0]);
}

static void
a_send_after_a_reset_does_not_take_the_error(void **state)
{
	int err = 0, fds[2];
	socklen_t len = sizeof(err);

	(void)state;
	pair_tcp(fds);
	close_by_reset(fds[1]);
	await(fds[0], POLLRDHUP);
	kernel_becomes(MACOS);
	assert_int_equal(
		EPIPE, error_of(sys_send(fds[0], "x", 1, MSG_NOSIGNAL)));
	assert_int_equal(EPIPE, error_of(sys_write(fds[0], "x", 1)));
	assert_int_equal(
		0, sys_getsockopt(fds[0], SOL_SOCKET, SO_ERROR, &err, &len));
	assert_int_equal(ECONNRESET, err);
	close(fds[0]);
}

static void
accept_tells_what_became_of_a_listener(void **state)
{
	const int first[] = {ECONNABORTED, EAGAIN, ECONNABORTED, EAGAIN};
	const int then[] = {EAGAIN, EAGAIN, ECONNABORTED, EAGAIN};
	int port;

	(void)state;
	for (enum kernel_id id = FREEBSD; id <= MACOS; id++) {
		int fd = tcp_listener(&port), on = 0;
		socklen_t len = sizeof(on);

		kernel_becomes(id);
		assert_false(kernel_is(MANUAL));
		add(fd, EVFILT_READ);
		(void)shutdown(fd, SHUT_RDWR);
		assert_int_equal(first[id - 1],
			error_of(sys_accept4(fd, NULL, NULL, 0)));
		assert_int_equal(
			then[id - 1], error_of(sys_accept4(fd, NULL, NULL, 0)));
		assert_int_equal(0,
			sys_getsockopt(
				fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len));
		assert_true(on);
		close(fd);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		kqueue_test(control_data_without_room_are_invalid),
		kqueue_test(a_full_unix_backlog_refuses),
		kqueue_test(a_full_unix_datagram_peer_has_no_buffer_space),
		kqueue_test(macos_loses_the_client_for_which_there_is_no_fd),
		kqueue_test(macos_refuses_options_of_a_dead_socket),
		kqueue_test(a_send_after_a_reset_does_not_take_the_error),
		kqueue_test(accept_tells_what_became_of_a_listener),
	};
	return run_tests(tests);
}

/*
 * Sockets as objects: every system call of every function fails once, and the
 * only effect is that the function returns the error.  test_sweep.c has the
 * calls of constructors fail.
 */
#include "tests/support/io.h"

/*
 * A listener, a client in its backlog, a UDP socket; with timeouts or without.
 */
static struct socle_io listener, client, udp, none;
static struct socle_io spare, untouched;
static struct socle_addr addr;

static int
bind_it(void)
{
	return socle_io_bind(&udp, &addr);
}

static int
listen_it(void)
{
	return socle_io_listen(&listener, 1);
}

static int
accept_it(void)
{
	return socle_io_accept(&listener, &spare, NULL);
}

static int
connect_it(void)
{
	struct socle_addr to;
	socklen_t len = sizeof(to.u);

	to.len = len;
	if (getsockname(socle_io_fd(&listener), &to.u.sa, &to.len) < 0)
		return 1;
	return socle_io_connect(&udp, &to);
}

static int
ask_connected(void)
{
	return socle_io_connected(&client);
}

static int
send_it(void)
{
	return (int)socle_io_send(&client, "x", 1, 0, NULL);
}

static int
recv_it(void)
{
	return (int)socle_io_recv(&client, &spare, 1, 0, &addr);
}

static int
shut_it(void)
{
	return socle_io_shutdown(&client, SHUT_WR);
}

static int
mark_it(void)
{
	return socle_io_atmark(&client);
}

static int
sockname_it(void)
{
	return socle_io_sockname(&client, &addr);
}

static int
peername_it(void)
{
	return socle_io_peername(&client, &addr);
}

static int
get_it(void)
{
	return socle_io_sockopt(&client, SO_TYPE);
}

static int
set_it(void)
{
	return socle_io_set_sockopt(&client, SO_KEEPALIVE, 1);
}

static int
domain_it(void)
{
	return socle_io_sockdomain(&client);
}

static int
type_it(void)
{
	return socle_io_socktype(&client);
}

static int
protocol_it(void)
{
	return socle_io_protocol(&client);
}

static int
nodelay_it(void)
{
	return socle_io_autoflush(&client, true);
}

static int
unblock_it(void)
{
	return socle_io_blocking(&client, false);
}

static int
socket_it(void)
{
	return socle_io_socket(&none, AF_INET, SOCK_STREAM, 0);
}

static int
adopt_it(void)
{
	return socle_io_adopt(&none, socle_io_fd(&udp));
}

static const struct site {
	enum call which;
	unsigned long nth;
	int (*run)(void);
	struct socle_io *io;
	double timeout;
	const char *errstr;
} sites[] = {
	{CALL_bind, 1, bind_it, &udp, 0, "bind:"},
	{CALL_listen, 1, listen_it, &listener, 0, "listen:"},
	{CALL_accept4, 1, accept_it, &listener, 0, "accept:"},
	{CALL_accept4, 1, accept_it, &listener, 1, "accept:"},
	{CALL_fcntl, 1, accept_it, &listener, 1, "accept:"},
	{CALL_fcntl, 2, accept_it, &listener, 1, "accept:"},
	{CALL_connect, 1, connect_it, &udp, 0, "connect:"},
	{CALL_connect, 1, connect_it, &udp, 1, "connect:"},
	{CALL_fcntl, 1, connect_it, &udp, 1, "connect:"},
	{CALL_fcntl, 2, connect_it, &udp, 1, "connect:"},
	{CALL_getpeername, 1, ask_connected, &client, 0, "connected:"},
	{CALL_sendto, 1, send_it, &client, 0, "send:"},
	{CALL_recvfrom, 1, recv_it, &client, 0, "recv:"},
	{CALL_shutdown, 1, shut_it, &client, 0, "shutdown:"},
	{CALL_sockatmark, 1, mark_it, &client, 0, "atmark:"},
	{CALL_getsockname, 1, sockname_it, &client, 0, "sockname:"},
	{CALL_getpeername, 1, peername_it, &client, 0, "peername:"},
	{CALL_getsockopt, 1, get_it, &client, 0, "getsockopt:"},
	{CALL_setsockopt, 1, set_it, &client, 0, "setsockopt:"},
	{CALL_getsockopt, 1, domain_it, &client, 0, "sockdomain:"},
	{CALL_getsockopt, 1, type_it, &client, 0, "socktype:"},
	{CALL_getsockopt, 1, protocol_it, &client, 0, "protocol:"},
	{CALL_setsockopt, 1, nodelay_it, &client, 0, "autoflush:"},
	{CALL_fcntl, 1, unblock_it, &client, 0, "blocking:"},
	{CALL_fcntl, 2, unblock_it, &client, 0, "blocking:"},
	{CALL_socket, 1, socket_it, &none, 0, "socket:"},
	{CALL_getsockopt, 1, adopt_it, &none, 0, "adopt:"},
	{CALL_fcntl, 1, adopt_it, &none, 0, "adopt:"},
};

static void
prepare(double timeout)
{
	io_listening(&listener, "127.0.0.1:0");
	io_open(&client,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener)});
	io_open(&udp,
		&(struct socle_io_params){
			.proto = "udp", .local_addr = "127.0.0.1:0"});
	assert_int_equal(0, socle_io_open(&none, NULL));
	assert_true(socle_io_set_timeout(&listener, timeout) == 0);
	assert_true(socle_io_set_timeout(&udp, timeout) == 0);
	memset(&spare, 0x5a, sizeof(spare));
	memset(&addr, 0x5a, sizeof(addr));
	addr.u.sa.sa_family = AF_INET;
	addr.len = sizeof(addr.u.in);
	untouched = spare;
}

/* The object is unchanged, except for errstr. */
static void
assert_unchanged(const struct socle_io *before, const struct socle_io *io)
{
	struct socle_io now = *io;

	memcpy(now.errstr, before->errstr, sizeof(now.errstr));
	assert_memory_equal(before, &now, sizeof(now));
}

static void
a_failed_call_reports_its_error_and_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
		const struct site *s = &sites[i];
		struct socle_addr addr_before;
		struct socle_io before;
		int r, mode;

		prepare(s->timeout);
		before = *s->io;
		addr_before = addr;
		mode = fcntl(socle_io_fd(s->io), F_GETFL);
		seam_reset();
		seam_fail(s->which, s->nth, EIO, 1);
		r = s->run();
		if (r != -EIO)
			fail_msg("%s %lu: %d, %s", call_names[s->which], s->nth,
				r, s->errstr);
		assert_int_equal(1, seam_struck());
		assert_string_equal(
			completed(s->errstr, EIO), socle_io_errstr(s->io));
		assert_unchanged(&before, s->io);
		assert_memory_equal(&untouched, &spare, sizeof(spare));
		assert_memory_equal(&addr_before, &addr, sizeof(addr));
		assert_int_equal(mode, fcntl(socle_io_fd(s->io), F_GETFL));
		seam_heal();
		socle_io_close(&listener);
		socle_io_close(&client);
		socle_io_close(&udp);
	}
}

static void
failing_to_restore_the_mode_is_reported(void **state)
{
	struct socle_addr to;

	(void)state;
	prepare(1);
	assert_int_equal(0, socle_io_sockname(&listener, &to));
	seam_fail(CALL_fcntl, 3, EIO, 1);
	assert_int_equal(-EIO, socle_io_accept(&listener, &spare, NULL));
	assert_string_equal(words("accept", EIO), socle_io_errstr(&listener));
	assert_memory_equal(&untouched, &spare, sizeof(spare));
	seam_fail(CALL_fcntl, 3, EIO, 1);
	assert_int_equal(-EIO, socle_io_connect(&udp, &to));
	socle_io_close(&listener);
	socle_io_close(&client);
	socle_io_close(&udp);
}

static void
a_client_at_fd_0_is_closed_if_its_accept_fails(void **state)
{
	int saved = fd_0_save();

	(void)state;
	prepare(1);
	close(0);
	seam_fail(CALL_fcntl, 3, EIO, 1);
	assert_int_equal(-EIO, socle_io_accept(&listener, &spare, NULL));
	assert_int_equal(-1, fcntl(0, F_GETFD));
	socle_io_close(&listener);
	socle_io_close(&client);
	socle_io_close(&udp);
	fd_0_restore(saved);
}

static void
a_failed_wait_is_reported(void **state)
{
	int fds[STUFFING];

	(void)state;
	io_stuffed(&listener, "127.0.0.1:0", fds);
	seam_fail(CALL_poll, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM,
		socle_io_open(&client,
			&(struct socle_io_params){
				.peer_addr = io_sockname_text(&listener),
				.timeout = 5}));
	assert_no_fd(&client, words("connect", ENOMEM));
	io_open(&client,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener),
			.nonblocking = true});
	seam_fail(CALL_poll, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_io_connected(&client));
	assert_string_equal(
		words("connected", ENOMEM), socle_io_errstr(&client));
	/* still in progress */
	assert_int_equal(0, socle_io_connected(&client));
	socle_io_close(&client);
	io_close_all(fds);
	socle_io_close(&listener);
}

static void
failing_to_read_the_result_of_a_connect_is_reported(void **state)
{
	const struct socle_io_params timed = {
		.peer_addr = "127.0.0.1:1", .timeout = 5};
	const struct socle_io_params nonblocking = {
		.peer_addr = "127.0.0.1:1", .nonblocking = true};

	(void)state;
	seam_fail(CALL_connect, 1, EINPROGRESS, 1);
	seam_fail(CALL_getsockopt, 1, EIO, 1);
	assert_int_equal(-EIO, socle_io_open(&client, &timed));
	assert_no_fd(&client, words("connect", EIO));
	seam_fail(CALL_connect, 1, EINTR, 1);
	seam_fail(CALL_fcntl, 1, EIO, 1);
	assert_int_equal(-EIO,
		socle_io_open(&client,
			&(struct socle_io_params){.peer_addr = "127.0.0.1:1"}));
	assert_no_fd(&client, words("connect", EIO));
	seam_fail(CALL_connect, 1, EINPROGRESS, 1);
	io_open(&client, &nonblocking);
	seam_fail(CALL_getsockopt, 1, EIO, 1);
	assert_int_equal(-EIO, socle_io_connected(&client));
	assert_string_equal(words("connected", EIO), socle_io_errstr(&client));
	assert_int_equal(-ENOTCONN, socle_io_connected(&client));
	socle_io_close(&client);
}

static void
closing_ignores_the_result_of_close(void **state)
{
	int fd;

	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	fd = socle_io_fd(&listener);
	seam_fail(CALL_close, 1, EINTR, 1);
	socle_io_close(&listener);
	assert_int_equal(-1, socle_io_fd(&listener));
	close(fd); /* the failed close was not made */
}

static void
a_failed_wait_for_a_client_or_a_connect_is_reported(void **state)
{
	struct socle_addr to;

	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	assert_int_equal(0, socle_io_sockname(&listener, &to));
	(void)socle_io_set_timeout(&listener, 5);
	seam_fail(CALL_poll, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_io_accept(&listener, &spare, NULL));
	assert_int_equal(1, seam_struck());
	assert_int_equal(0, socle_io_socket(&client, AF_INET, SOCK_STREAM, 0));
	seam_reset();
	seam_fail(CALL_connect, 1, EINTR, 1);
	seam_fail(CALL_poll, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_io_connect(&client, &to));
	assert_int_equal(2, seam_struck());
	socle_io_close(&client);
	socle_io_close(&listener);
}

/* The error of the operation is the first, and is reported. */
static void
of_two_failures_the_first_is_reported(void **state)
{
	struct socle_addr to;

	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	assert_int_equal(0, socle_io_sockname(&listener, &to));
	assert_int_equal(0, socle_io_socket(&client, AF_INET, SOCK_STREAM, 0));
	(void)socle_io_set_timeout(&client, 5);
	seam_fail(CALL_connect, 1, ENETUNREACH, 1);
	seam_fail(CALL_fcntl, 3, EPERM, 1);
	assert_int_equal(-ENETUNREACH, socle_io_connect(&client, &to));
	assert_int_equal(2, seam_struck());
	socle_io_close(&client);
	socle_io_close(&listener);
}

/* It has no fd of its own then, and the caller keeps the other. */
static void
an_fd_that_cannot_be_close_on_exec_is_not_adopted(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)state;
	seam_fail(CALL_fcntl, 2, EPERM, 1);
	assert_int_equal(-EPERM, socle_io_adopt(&client, fd));
	assert_int_equal(-1, socle_io_fd(&client));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		io_test(a_failed_call_reports_its_error_and_changes_nothing),
		io_test(failing_to_restore_the_mode_is_reported),
		io_test(a_client_at_fd_0_is_closed_if_its_accept_fails),
		io_test(a_failed_wait_is_reported),
		io_test(failing_to_read_the_result_of_a_connect_is_reported),
		io_test(closing_ignores_the_result_of_close),
		io_test(a_failed_wait_for_a_client_or_a_connect_is_reported),
		io_test(an_fd_that_cannot_be_close_on_exec_is_not_adopted),
		io_test(of_two_failures_the_first_is_reported),
	};

	return run_tests(tests);
}

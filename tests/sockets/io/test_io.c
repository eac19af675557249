/* Sockets as objects: opening them, their parameters, closing them. */
#include "tests/support/io.h"

#include <math.h>
#include <netinet/in.h>
#include <stdio.h>

static struct socle_io io, peer, listener;

/* ---- without an fd ---- */

static void
without_parameters_there_is_no_fd(void **state)
{
	const struct socle_io_params nothing = {0}, timeout = {.timeout = 2.5};

	(void)state;
	memset(&io, 0xa5, sizeof(io));
	assert_int_equal(0, socle_io_open(&io, NULL));
	assert_no_fd(&io, "");
	memset(&io, 0xa5, sizeof(io));
	assert_int_equal(0, socle_io_open(&io, &nothing));
	assert_no_fd(&io, "");
	memset(&io, 0xa5, sizeof(io));
	assert_int_equal(0, socle_io_open(&io, &timeout));
	assert_no_fd(&io, "");
	assert_true(socle_io_timeout(&io) == 2.5);
}

static void
every_call_on_an_object_without_an_fd_is_ebadf(void **state)
{
	struct socle_addr a;
	struct socle_io other;
	socklen_t len = sizeof(a);

	(void)state;
	memset(&io, 0, sizeof(io));
	memset(&a, 0, sizeof(a));
	assert_int_equal(-EBADF, socle_io_bind(&io, &a));
	assert_int_equal(-EBADF, socle_io_listen(&io, 1));
	assert_int_equal(-EBADF, socle_io_accept(&io, &other, NULL));
	assert_int_equal(-EBADF, socle_io_connect(&io, &a));
	assert_int_equal(-EBADF, socle_io_connected(&io));
	assert_int_equal(-EBADF, socle_io_send(&io, "", 0, 0, NULL));
	assert_int_equal(-EBADF, socle_io_recv(&io, &a, 1, 0, NULL));
	assert_int_equal(-EBADF, socle_io_shutdown(&io, SHUT_RDWR));
	assert_string_equal(words("shutdown", EBADF), socle_io_errstr(&io));
	assert_int_equal(-EBADF, socle_io_sockname(&io, &a));
	assert_int_equal(-EBADF, socle_io_peername(&io, &a));
	assert_int_equal(
		-EBADF, socle_io_getsockopt(&io, SOL_SOCKET, 1, &a, &len));
	assert_int_equal(
		-EBADF, socle_io_setsockopt(&io, SOL_SOCKET, 1, &a, len));
	assert_int_equal(-EBADF, socle_io_sockopt(&io, SO_TYPE));
	assert_int_equal(-EBADF, socle_io_set_sockopt(&io, SO_KEEPALIVE, 1));
	assert_int_equal(-EBADF, socle_io_sockdomain(&io));
	assert_int_equal(-EBADF, socle_io_socktype(&io));
	assert_int_equal(-EBADF, socle_io_protocol(&io));
	assert_int_equal(-EBADF, socle_io_blocking(&io, true));
	assert_int_equal(-EBADF, socle_io_atmark(&io));
	assert_int_equal(-EBADF, socle_io_autoflush(&io, true));
	assert_int_equal(-EBADF, socle_io_steal(&io));
	assert_int_equal(-1, socle_io_fd(&io));
	socle_io_close(&io);
}

static void
socle_io_socket_works_once_per_object(void **state)
{
	(void)state;
	assert_int_equal(
		0, socle_io_open(&io, &(struct socle_io_params){.timeout = 1}));
	assert_int_equal(0, socle_io_socket(&io, AF_INET, SOCK_DGRAM, 0));
	assert_int_equal(SOCK_DGRAM, socle_io_socktype(&io));
	assert_true(socle_io_timeout(&io) == 1);
	assert_int_equal(-EBUSY, socle_io_socket(&io, AF_INET, SOCK_STREAM, 0));
	assert_int_equal(SOCK_DGRAM, socle_io_socktype(&io));
	socle_io_close(&io);
	assert_int_equal(0, socle_io_socket(&io, AF_UNIX, SOCK_STREAM, 0));
	assert_int_equal(AF_UNIX, socle_io_sockdomain(&io));
	socle_io_close(&io);
}

static void
closing_twice_closes_once(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(
		0, socle_io_socketpair(&io, &peer, AF_UNIX, SOCK_STREAM, 0));
	socle_io_close(&io);
	pair_unix(fds); /* one end gets the number */
	socle_io_close(&io);
	assert_true(fcntl(fds[0], F_GETFD) >= 0);
	assert_true(fcntl(fds[1], F_GETFD) >= 0);
	close(fds[0]);
	close(fds[1]);
	socle_io_close(&peer);
}

static void
fd_0_is_a_valid_fd(void **state)
{
	int saved = fd_0_save();

	(void)state;
	close(0);
	memset(&io, 0, sizeof(io));
	assert_int_equal(0, socle_io_socket(&io, AF_INET, SOCK_STREAM, 0));
	assert_int_equal(0, socle_io_fd(&io));
	assert_int_equal(AF_INET, socle_io_sockdomain(&io));
	socle_io_close(&io);
	assert_int_equal(-1, fcntl(0, F_GETFD));
	fd_0_restore(saved);
}

static void
every_fd_is_close_on_exec(void **state)
{
	struct socle_io *all[] = {&io, &peer, &listener};

	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener)});
	assert_int_equal(0, socle_io_accept(&listener, &peer, NULL));
	for (int i = 0; i < 3; i++) {
		assert_true(fcntl(socle_io_fd(all[i]), F_GETFD) & FD_CLOEXEC);
		assert_false(fcntl(socle_io_fd(all[i]), F_GETFL) & O_NONBLOCK);
		socle_io_close(all[i]);
	}
}

/* ---- parameters ---- */

/* TI01 */
static void
a_client_and_a_server_exchange_bytes_over_tcp(void **state)
{
	char port[8], buf[4];

	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	snprintf(port, sizeof(port), "%d", io_port(&listener));
	io_open(&io,
		&(struct socle_io_params){.peer_addr = "127.0.0.1",
			.peer_port = port,
			.proto = "tcp"});
	assert_int_equal(0, socle_io_accept(&listener, &peer, NULL));
	assert_talks(&io, &peer);
	assert_talks(&peer, &io);
	socle_io_close(&io);
	assert_int_equal(0, socle_io_recv(&peer, buf, sizeof(buf), 0, NULL));
	socle_io_close(&peer);
	socle_io_close(&listener);
}

/* TI02 */
static void
a_negative_backlog_is_the_systems_maximum(void **state)
{
	(void)state;
	io_open(&listener,
		&(struct socle_io_params){
			.local_addr = "127.0.0.1:0", .listen = -1});
	assert_int_equal(1, socle_io_sockopt(&listener, SO_ACCEPTCONN));
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener)});
	assert_int_equal(0, socle_io_accept(&listener, &peer, NULL));
	assert_talks(&io, &peer);
	socle_io_close(&io);
	socle_io_close(&peer);
	socle_io_close(&listener);
}

/* TI02 */
static void
listen_alone_binds_every_ipv4_address_and_any_port(void **state)
{
	(void)state;
	io_open(&listener, &(struct socle_io_params){.listen = 1});
	assert_true(io_port(&listener) > 0);
	assert_int_equal(
		0, strncmp(io_sockname_text(&listener), "0.0.0.0:", 8));
	socle_io_close(&listener);
}

/* TI02 */
static void
the_domain_decides_how_an_address_is_read(void **state)
{
	char name[64], with_at[65];

	(void)state;
	snprintf(name, sizeof(name), "/tmp/socle-io-%d:80", (int)getpid());
	io_open(&listener,
		&(struct socle_io_params){
			.domain = AF_UNIX, .local_addr = name, .listen = 1});
	assert_string_equal(name, io_sockname_text(&listener) + 5);
	assert_int_equal(0, unlink(name));
	socle_io_close(&listener);
	snprintf(with_at, sizeof(with_at), "@%s", name);
	assert_int_equal(-EINVAL,
		socle_io_open(&io,
			&(struct socle_io_params){
				.domain = AF_INET, .local_addr = with_at}));
	assert_true(strstr(socle_io_errstr(&io), "Bad hostname '@"));
}

/* TI03 */
static void
a_nonblocking_object_does_not_block(void **state)
{
	char buf[4];

	(void)state;
	io_open(&io,
		&(struct socle_io_params){.proto = "udp",
			.local_addr = "127.0.0.1:0",
			.nonblocking = true});
	assert_int_equal(
		-EAGAIN, socle_io_recv(&io, buf, sizeof(buf), 0, NULL));
	assert_string_equal("", socle_io_errstr(&io));
	assert_int_equal(0, socle_io_blocking(&io, true));
	assert_int_equal(1, socle_io_blocking(&io, false));
	assert_int_equal(0, socle_io_blocking(&io, false));
	assert_true(fcntl(socle_io_fd(&io), F_GETFL) & O_NONBLOCK);
	socle_io_close(&io);
}

/* TI06 */
static void
a_unix_listener_leaves_its_file_behind(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "/tmp/socle-io-%d", (int)getpid());
	for (int backlog = -1; backlog <= 1; backlog += 2) {
		io_open(&listener,
			&(struct socle_io_params){
				.local_addr = path, .listen = backlog});
		io_open(&io, &(struct socle_io_params){.peer_addr = path});
		assert_int_equal(0, socle_io_accept(&listener, &peer, NULL));
		assert_talks(&io, &peer);
		assert_talks(&peer, &io);
		socle_io_close(&io);
		socle_io_close(&peer);
		socle_io_close(&listener);
		assert_int_equal(0, unlink(path));
	}
}

/* TI06 */
static void
socle_io_listen_with_0_uses_the_systems_maximum(void **state)
{
	(void)state;
	io_open(&listener,
		&(struct socle_io_params){.local_addr = "127.0.0.1:0"});
	assert_int_equal(0, socle_io_listen(&listener, 0));
	assert_int_equal(1, socle_io_sockopt(&listener, SO_ACCEPTCONN));
	for (int i = 0; i < 8; i++) {
		io_open(&io,
			&(struct socle_io_params){
				.peer_addr = io_sockname_text(&listener),
				.timeout = 5});
		socle_io_close(&io);
	}
	socle_io_close(&listener);
}

/* TI06 */
static void
a_unix_datagram_socket_does_not_listen(void **state)
{
	(void)state;
	skip_without_abstract();
	io_open(&io,
		&(struct socle_io_params){.domain = AF_UNIX,
			.type = SOCK_DGRAM,
			.local_addr = "@socle-io-dgram",
			.listen = 5});
	assert_int_equal(0, socle_io_sockopt(&io, SO_ACCEPTCONN));
	socle_io_close(&io);
}

/* TI07 */
static void
a_failure_names_the_operation_that_failed(void **state)
{
	char where[64];

	(void)state;
	seam_fail(CALL_connect, 1, EINVAL, 1);
	assert_int_equal(-EINVAL,
		socle_io_open(&io,
			&(struct socle_io_params){.peer_addr = "127.0.0.1:9"}));
	assert_no_fd(&io, words("connect", EINVAL));
	io_listening(&listener, "127.0.0.1:0");
	strcpy(where, io_sockname_text(&listener));
	assert_int_equal(-EADDRINUSE,
		socle_io_open(&io,
			&(struct socle_io_params){
				.local_addr = where, .listen = 1}));
	assert_no_fd(&io, words("bind", EADDRINUSE));
	socle_io_close(&listener);
	assert_int_equal(-ECONNREFUSED,
		socle_io_open(
			&io, &(struct socle_io_params){.peer_addr = where}));
	assert_no_fd(&io, words("connect", ECONNREFUSED));
	assert_int_equal(-EAFNOSUPPORT,
		socle_io_open(&io, &(struct socle_io_params){.domain = 77}));
	assert_no_fd(&io, words("socket", EAFNOSUPPORT));
}

static void
contradictory_parameters_are_refused(void **state)
{
	static const struct {
		struct socle_io_params p;
		int err;
		const char *errstr;
	} bad[] = {
		{{.local_addr = "127.0.0.1:0",
			 .peer_addr = "127.0.0.1:1",
			 .listen = 1},
			-EINVAL, "listen: Cannot Listen with a peer address"},
		{{.peer_addr = "127.0.0.1"}, -EINVAL,
			"connect: Cannot determine remote port"},
		{{.peer_addr = "127.0.0.1:"}, -EINVAL,
			"connect: Cannot determine remote port"},
		{{.peer_addr = "127.0.0.1:1", .timeout = -1}, -EINVAL,
			"timeout:"},
		{{.local_addr = "@here", .peer_addr = "127.0.0.1:1"},
			-EAFNOSUPPORT, "socket:"},
		{{.local_addr = "127.0.0.1:0", .peer_addr = "[::1]:1"},
			-EAFNOSUPPORT, "socket:"},
#ifdef __GLIBC__ /* elsewhere it is an unknown name */
		{{.domain = AF_INET6, .peer_addr = "127.0.0.1:1"},
			-EAFNOSUPPORT, "getaddrinfo:"},
#endif
		{{.domain = AF_UNIX, .peer_addr = "@"}, -EINVAL, "connect:"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&io, 0xa5, sizeof(io));
		assert_int_equal(bad[i].err, socle_io_open(&io, &bad[i].p));
		assert_no_fd(&io, completed(bad[i].errstr, -bad[i].err));
	}
}

/* TI11 */
static void
options_are_set_before_bind_and_readable(void **state)
{
	const int buffer = 4000, keep = 1;
	struct linger linger = {.l_onoff = 1, .l_linger = 7}, got = {0};
	const struct socle_io_sockopt more[] = {
		{.level = SOL_SOCKET, .opt = SO_OOBINLINE, .value = 1},
		{.level = SOL_SOCKET,
			.opt = SO_RCVBUF,
			.data = &buffer,
			.len = sizeof(buffer)},
		{.level = SOL_SOCKET,
			.opt = SO_KEEPALIVE,
			.data = &keep,
			.len = sizeof(keep)},
		{.level = SOL_SOCKET,
			.opt = SO_LINGER,
			.data = &linger,
			.len = sizeof(linger)}};
	socklen_t len = sizeof(got);

	(void)state;
	io_open(&io,
		&(struct socle_io_params){.local_addr = "127.0.0.1:0",
			.reuse_addr = true,
			.reuse_port = true,
			.broadcast = true,
			.sockopts = more,
			.n_sockopts = 4});
	assert_int_equal(1, socle_io_sockopt(&io, SO_REUSEADDR));
	assert_int_equal(1, socle_io_sockopt(&io, SO_REUSEPORT));
	assert_int_equal(1, socle_io_sockopt(&io, SO_BROADCAST));
	assert_int_equal(1, socle_io_sockopt(&io, SO_KEEPALIVE));
	assert_int_equal(1, socle_io_sockopt(&io, SO_OOBINLINE));
	assert_in_range(socle_io_sockopt(&io, SO_RCVBUF), 4000, 8000);
	assert_int_equal(
		0, socle_io_getsockopt(&io, SOL_SOCKET, SO_LINGER, &got, &len));
	assert_memory_equal(&linger, &got, sizeof(linger));
	io_open(&peer,
		&(struct socle_io_params){.local_addr = io_sockname_text(&io),
			.reuse_port = true});
	socle_io_close(&peer);
	socle_io_close(&io);
}

/* TI11 */
static void
no_option_is_set_unless_requested(void **state)
{
	(void)state;
	io_open(&io, &(struct socle_io_params){.local_addr = "127.0.0.1:0"});
	assert_int_equal(0, socle_io_sockopt(&io, SO_REUSEADDR));
	assert_int_equal(0, socle_io_sockopt(&io, SO_REUSEPORT));
	assert_int_equal(0, socle_io_sockopt(&io, SO_BROADCAST));
	assert_int_equal(0, seam_count(CALL_setsockopt));
	socle_io_close(&io);
}

static int
v6only_of(struct socle_io *s)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(0,
		socle_io_getsockopt(
			s, IPPROTO_IPV6, IPV6_V6ONLY, &value, &len));
	return value;
}

/* TI15 */
static void
an_ipv6_listener_serves_ipv4_unless_v6only_is_set(void **state)
{
	char v4[32];

	(void)state;
	if (!has_ipv6())
		skip_because("there is no ::1");
	for (int only = -1; only <= 1; only++) {
		int err, expected = only > 0 ? -ECONNREFUSED : 0;

		seam_count_reset();
		io_open(&listener,
			&(struct socle_io_params){.local_addr = "[::]:0",
				.listen = 1,
				.v6only = only});
		assert_int_equal(only >= 0, seam_count(CALL_setsockopt));
		if (only < 0) /* the system's default */
			expected = v6only_of(&listener) ? -ECONNREFUSED : 0;
		else
			assert_int_equal(only, v6only_of(&listener));
		snprintf(v4, sizeof(v4), "127.0.0.1:%d", io_port(&listener));
		err = socle_io_open(
			&io, &(struct socle_io_params){.peer_addr = v4});
		assert_int_equal(expected, err);
		socle_io_close(&io);
		socle_io_close(&listener);
	}
}

/* TI16 */
static void
a_domain_alone_creates_an_unbound_socket(void **state)
{
	static const int domains[] = {AF_INET, AF_INET6, AF_UNIX};
	struct socle_addr a;

	(void)state;
	for (int i = 0; i < 3; i++) {
		io_open(&io, &(struct socle_io_params){.domain = domains[i]});
		assert_int_equal(domains[i], socle_io_sockdomain(&io));
		assert_int_equal(SOCK_STREAM, socle_io_socktype(&io));
		assert_int_equal(0, socle_io_sockname(&io, &a));
		assert_true(socle_addr_port(&a) <= 0);
		assert_int_equal(-ENOTCONN, socle_io_peername(&io, &a));
		socle_io_close(&io);
	}
}

/* TI16 */
static void
a_protocol_alone_creates_an_ipv4_socket(void **state)
{
	(void)state;
	io_open(&io, &(struct socle_io_params){.proto = "udp"});
	assert_int_equal(AF_INET, socle_io_sockdomain(&io));
	assert_int_equal(SOCK_DGRAM, socle_io_socktype(&io));
	assert_int_equal(IPPROTO_UDP, socle_io_protocol(&io));
	socle_io_close(&io);
}

static void
a_local_port_alone_creates_an_ipv4_socket(void **state)
{
	(void)state;
	io_open(&io, &(struct socle_io_params){.local_port = "0"});
	assert_int_equal(AF_INET, socle_io_sockdomain(&io));
	assert_true(io_port(&io) > 0);
	socle_io_close(&io);
}

static void
a_client_can_be_bound_too(void **state)
{
	struct socle_addr from;

	(void)state;
	skip_without_address("127.0.0.2");
	io_listening(&listener, "127.0.0.1:0");
	io_open(&io,
		&(struct socle_io_params){.local_addr = "127.0.0.2",
			.peer_addr = io_sockname_text(&listener)});
	assert_int_equal(0, socle_io_accept(&listener, &peer, &from));
	assert_string_equal(io_sockname_text(&io), io_text(&from));
	assert_int_equal(0, strncmp(io_text(&from), "127.0.0.2:", 10));
	socle_io_close(&io);
	socle_io_close(&peer);
	socle_io_close(&listener);
}

/* ---- reading and setting the timeout ---- */

/* TI20 */
static void
setting_the_timeout_returns_the_old_one(void **state)
{
	(void)state;
	assert_int_equal(
		0, socle_io_open(&io, &(struct socle_io_params){.timeout = 5}));
	assert_true(socle_io_set_timeout(&io, 0.25) == 5);
	assert_true(socle_io_timeout(&io) == 0.25);
	assert_true(socle_io_set_timeout(&io, -1) == -EINVAL);
	assert_true(socle_io_set_timeout(&io, (double)NAN) == -EINVAL);
	assert_true(socle_io_timeout(&io) == 0.25);
	assert_true(socle_io_set_timeout(&io, 0) == 0.25);
	assert_true(socle_io_timeout(&io) == 0);
}

/* TI20 */
static void
an_accepted_socket_inherits_the_timeout(void **state)
{
	(void)state;
	io_open(&listener,
		&(struct socle_io_params){.local_addr = "127.0.0.1:0",
			.listen = 1,
			.timeout = 3});
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener)});
	assert_int_equal(0, socle_io_accept(&listener, &peer, NULL));
	assert_true(socle_io_timeout(&peer) == 3);
	assert_true(socle_io_timeout(&io) == 0);
	socle_io_close(&io);
	socle_io_close(&peer);
	socle_io_close(&listener);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(without_parameters_there_is_no_fd),
		test(every_call_on_an_object_without_an_fd_is_ebadf),
		test(socle_io_socket_works_once_per_object),
		test(closing_twice_closes_once),
		test(fd_0_is_a_valid_fd),
		test(every_fd_is_close_on_exec),
		test(a_client_and_a_server_exchange_bytes_over_tcp),
		test(a_negative_backlog_is_the_systems_maximum),
		test(listen_alone_binds_every_ipv4_address_and_any_port),
		test(the_domain_decides_how_an_address_is_read),
		test(a_nonblocking_object_does_not_block),
		test(a_unix_listener_leaves_its_file_behind),
		test(socle_io_listen_with_0_uses_the_systems_maximum),
		test(a_unix_datagram_socket_does_not_listen),
		test(a_failure_names_the_operation_that_failed),
		test(contradictory_parameters_are_refused),
		test(options_are_set_before_bind_and_readable),
		test(no_option_is_set_unless_requested),
		test(an_ipv6_listener_serves_ipv4_unless_v6only_is_set),
		test(a_domain_alone_creates_an_unbound_socket),
		test(a_protocol_alone_creates_an_ipv4_socket),
		test(a_local_port_alone_creates_an_ipv4_socket),
		test(a_client_can_be_bound_too),
		test(setting_the_timeout_returns_the_old_one),
		test(an_accepted_socket_inherits_the_timeout),
	};

	return run_tests(tests);
}

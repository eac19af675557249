/* Sockets as objects: pairs, adopted and stolen fds, and their kind. */
#include "tests/support/io.h"

#include <netinet/in.h>

static struct socle_io io, peer, listener;

/* TI29 */
static void
a_pair_knows_its_domain_type_and_protocol(void **state)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

	(void)state;
	for (int i = 0; i < 3; i++) {
		memset(&io, 0xa5, sizeof(io));
		memset(&peer, 0xa5, sizeof(peer));
		assert_int_equal(0,
			socle_io_socketpair(&io, &peer, AF_UNIX, types[i], 0));
		assert_int_equal(AF_UNIX, socle_io_sockdomain(&io));
		assert_int_equal(AF_UNIX, socle_io_sockdomain(&peer));
		assert_int_equal(types[i], socle_io_socktype(&io));
		assert_int_equal(types[i], socle_io_socktype(&peer));
		assert_int_equal(1, socle_io_connected(&io));
		assert_talks(&io, &peer);
		assert_talks(&peer, &io);
		socle_io_close(&io);
		socle_io_close(&peer);
	}
}

static void
a_failed_socketpair_leaves_both_objects_without_an_fd(void **state)
{
	(void)state;
	assert_int_equal(-EOPNOTSUPP,
		socle_io_socketpair(&io, &peer, AF_INET, SOCK_STREAM, 0));
	assert_no_fd(&io, words("socketpair", EOPNOTSUPP));
	assert_no_fd(&peer, words("socketpair", EOPNOTSUPP));
}

static void
assert_kind(struct socle_io *s, int domain, int type, int protocol)
{
	assert_int_equal(domain, socle_io_sockdomain(s));
	assert_int_equal(type, socle_io_socktype(s));
	assert_int_equal(protocol, socle_io_protocol(s));
}

/* TI09 */
static void
accepted_and_adopted_sockets_have_the_listeners_kind(void **state)
{
	static const struct {
		const char *addr;
		int domain, type, protocol;
	} kinds[] = {{"127.0.0.1:0", AF_INET, SOCK_STREAM, IPPROTO_TCP},
		{"@socle-io-kind", AF_UNIX, SOCK_STREAM, 0},
		{"@socle-io-kind", AF_UNIX, SOCK_SEQPACKET, 0}};

	(void)state;
	for (int i = 0; i < (SOCLE__HAVE_ABSTRACT ? 3 : 1); i++) {
		struct socle_io adopted = {0};

		io_open(&listener,
			&(struct socle_io_params){.local_addr = kinds[i].addr,
				.type = kinds[i].type,
				.listen = 1});
		io_open(&io,
			&(struct socle_io_params){.type = kinds[i].type,
				.peer_addr = io_sockname_text(&listener)});
		assert_int_equal(0, socle_io_accept(&listener, &peer, NULL));
		assert_kind(&peer, kinds[i].domain, kinds[i].type,
			kinds[i].protocol);
		assert_int_equal(
			0, socle_io_adopt(&adopted, socle_io_steal(&peer)));
		assert_kind(&adopted, kinds[i].domain, kinds[i].type,
			kinds[i].protocol);
		socle_io_close(&adopted);
		socle_io_close(&io);
		socle_io_close(&listener);
	}
}

/* TI09 */
static void
an_adopted_udp_socket_knows_its_kind(void **state)
{
	(void)state;
	memset(&io, 0, sizeof(io));
	assert_int_equal(
		0, socle_io_adopt(&io, socket(AF_INET, SOCK_DGRAM, 0)));
	assert_kind(&io, AF_INET, SOCK_DGRAM, IPPROTO_UDP);
	socle_io_close(&io);
}

static void
the_kind_is_inferred_where_the_kernel_does_not_report_it(void **state)
{
	static const struct {
		int domain, type, protocol;
	} kinds[] = {
		{AF_INET, SOCK_STREAM, IPPROTO_TCP},
		{AF_INET6, SOCK_DGRAM, IPPROTO_UDP},
		{AF_UNIX, SOCK_DGRAM, 0},
#ifdef AF_NETLINK
		{AF_NETLINK, SOCK_DGRAM, 0},
#endif
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		memset(&io, 0, sizeof(io));
		assert_int_equal(0,
			socle_io_socket(
				&io, kinds[i].domain, kinds[i].type, 0));
		seam_fail(CALL_getsockopt, 1, ENOPROTOOPT, 1);
		assert_int_equal(kinds[i].domain, socle_io_sockdomain(&io));
		seam_fail(CALL_getsockopt, 1, ENOPROTOOPT, 2);
		assert_int_equal(kinds[i].protocol, socle_io_protocol(&io));
		socle_io_close(&io);
	}
}

static void
a_kind_that_cannot_be_inferred_is_an_error(void **state)
{
	(void)state;
	memset(&io, 0, sizeof(io));
	assert_int_equal(0, socle_io_socket(&io, AF_INET, SOCK_STREAM, 0));
	seam_fail(CALL_getsockopt, 1, ENOPROTOOPT, 3);
	seam_fail(CALL_getsockname, 1, EIO, 2);
	assert_int_equal(-EIO, socle_io_sockdomain(&io));
	assert_string_equal(words("sockdomain", EIO), socle_io_errstr(&io));
	assert_int_equal(-EIO, socle_io_protocol(&io));
	assert_string_equal(words("protocol", EIO), socle_io_errstr(&io));
	assert_int_equal(5, seam_struck());
	seam_fail(CALL_getsockopt, 1, ENOPROTOOPT, 2);
	seam_fail(CALL_getsockopt, 3, EPERM, 1);
	assert_int_equal(-EPERM, socle_io_protocol(&io));
	assert_int_equal(IPPROTO_TCP, socle_io_protocol(&io));
	socle_io_close(&io);
}

/* TI19 */
static void
an_adopted_fd_is_owned_by_the_object(void **state)
{
	int port, fd = tcp_listener(&port);

	(void)state;
	memset(&io, 0, sizeof(io));
	assert_int_equal(0, socle_io_adopt(&io, fd));
	assert_int_equal(fd, socle_io_fd(&io));
	assert_int_equal(SOCK_STREAM, socle_io_socktype(&io));
	assert_int_equal(port, io_port(&io));
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(-EBUSY, socle_io_adopt(&io, fd));
	socle_io_close(&io);
	assert_int_equal(-1, fcntl(fd, F_GETFD));
}

/* TI19 */
static void
an_fd_that_is_not_a_socket_is_not_adopted(void **state)
{
	int fds[2];

	(void)state;
	pair_pipe(fds);
	memset(&io, 0, sizeof(io));
	assert_int_equal(-ENOTSOCK, socle_io_adopt(&io, fds[0]));
	assert_no_fd(&io, words("adopt", ENOTSOCK));
	assert_true(fcntl(fds[0], F_GETFD) >= 0);
	assert_int_equal(-EBADF, socle_io_adopt(&io, -1));
	close(fds[0]);
	close(fds[1]);
}

static void
a_stolen_fd_is_owned_by_the_caller(void **state)
{
	int fd;

	(void)state;
	io_tcp_pair(&io, &peer);
	fd = socle_io_steal(&io);
	assert_int_equal(-1, socle_io_fd(&io));
	socle_io_close(&io);
	assert_int_equal(2, send(fd, "hi", 2, 0));
	close(fd);
	socle_io_close(&peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_pair_knows_its_domain_type_and_protocol),
		test(a_failed_socketpair_leaves_both_objects_without_an_fd),
		test(accepted_and_adopted_sockets_have_the_listeners_kind),
		test(an_adopted_udp_socket_knows_its_kind),
		test(the_kind_is_inferred_where_the_kernel_does_not_report_it),
		test(a_kind_that_cannot_be_inferred_is_an_error),
		test(an_adopted_fd_is_owned_by_the_object),
		test(an_fd_that_is_not_a_socket_is_not_adopted),
		test(a_stolen_fd_is_owned_by_the_caller),
	};

	return run_tests(tests);
}

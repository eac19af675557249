/* socle_io: refusals, and the type that a protocol or service implies. */
#include "tests/support/io.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

static struct socle_io io, listener;

static void
addresses_of_a_wrong_length_are_refused(void **state)
{
	static const struct {
		socklen_t len;
		sa_family_t family;
	} bad[] = {{0, AF_INET}, {1, AF_INET}, {15, AF_INET}, {27, AF_INET6},
		{113, AF_INET}, {4096, AF_UNIX}};
	struct socle_addr a;

	(void)state;
	io_open(&io, &(struct socle_io_params){.proto = "udp"});
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&a, 0, sizeof(a));
		a.len = bad[i].len;
		a.u.sa.sa_family = bad[i].family;
		seam_count_reset();
		assert_int_equal(-EINVAL, socle_io_bind(&io, &a));
		assert_int_equal(-EINVAL, socle_io_connect(&io, &a));
		assert_int_equal(-EINVAL, socle_io_send(&io, "x", 1, 0, &a));
		assert_int_equal(0, seam_system_calls());
	}
	socle_io_close(&io);
}

static void
a_peer_with_port_0_is_refused(void **state)
{
	static const char *const protocols[] = {"tcp", "udp"};
	struct socle_addr a;

	(void)state;
	assert_int_equal(0, socle_addr_parse(&a, "127.0.0.1:0", 0));
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(-EINVAL,
			socle_io_open(&io,
				&(struct socle_io_params){.proto = protocols[i],
					.peer_addr = "127.0.0.1",
					.peer_port = "0"}));
		assert_no_fd(&io, "connect: Cannot determine remote port");
		io_open(&io, &(struct socle_io_params){.proto = protocols[i]});
		assert_int_equal(-EINVAL, socle_io_connect(&io, &a));
		socle_io_close(&io);
	}
}

/* Some kernels do not say which protocol a socket has. */
static void
a_peer_with_port_0_is_refused_without_so_protocol_too(void **state)
{
	struct socle_addr a;

	(void)state;
	assert_int_equal(0, socle_addr_parse(&a, "127.0.0.1:0", 0));
	io_open(&io, &(struct socle_io_params){.proto = "udp"});
	seam_fail(CALL_getsockopt, 2, ENOPROTOOPT, 1);
	assert_int_equal(-EINVAL, socle_io_connect(&io, &a));
	assert_int_equal(1, seam_struck());
	socle_io_close(&io);
}

static void
numbers_that_parse_refuses_are_no_hosts(void **state)
{
	static const char *const bad[] = {"127.1", "0x7f.1", "2130706433",
		"0177.0.0.1", "127.0.0.01", "1.2.3.4 x", "1.2.3.4 "};
	static const char *const nothing[] = {NULL};
	char text[64];

	(void)state;
	io_names_are(nothing);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(-EINVAL,
			socle_io_open(&io,
				&(struct socle_io_params){.peer_addr = bad[i],
					.peer_port = "80"}));
		snprintf(text, sizeof(text), "getaddrinfo: Bad hostname '%s'",
			bad[i]);
		assert_no_fd(&io, text);
	}
	assert_notes("");
}

static void
a_socket_that_met_itself_through_the_wildcard_is_refused(void **state)
{
	struct socle_addr a;

	(void)state;
	memset(&io, 0, sizeof(io));
	assert_int_equal(0, socle_io_socket(&io, AF_INET, SOCK_STREAM, 0));
	assert_int_equal(0, socle_addr_parse(&a, "127.0.0.1:0", 0));
	assert_int_equal(0, socle_io_bind(&io, &a));
	assert_int_equal(0, socle_io_sockname(&io, &a));
	a.u.in.sin_addr.s_addr = 0;
	assert_int_equal(-ECONNREFUSED, socle_io_connect(&io, &a));
	assert_int_equal(-ECONNREFUSED, socle_io_connected(&io));
	socle_io_close(&io);
}

static void
a_constructor_that_succeeds_leaves_no_error_text(void **state)
{
	static const char *const two[] = {"127.0.0.2", "127.0.0.1", NULL};
	char where[32];

	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	snprintf(where, sizeof(where), "a.name:%d", io_port(&listener));
	io_names_are(two);
	for (int nonblocking = 0; nonblocking <= 1; nonblocking++) {
		io_open(&io,
			&(struct socle_io_params){.peer_addr = where,
				.nonblocking = nonblocking});
		assert_string_equal("", socle_io_errstr(&io));
		assert_int_equal(1, io_connected(&io));
		assert_string_equal("", socle_io_errstr(&io));
		socle_io_close(&io);
	}
	socle_io_close(&listener);
}

static void
a_socket_takes_the_name_of_its_protocol(void **state)
{
	const char *tcp = "tcp";

	(void)state;
	memset(&io, 0, sizeof(io));
	assert_int_equal(0, socle_io_socket(&io, AF_INET, 0, "udp"));
	assert_int_equal(SOCK_DGRAM, socle_io_socktype(&io));
	socle_io_close(&io);
	assert_int_equal(0, socle_io_socket(&io, AF_INET, SOCK_STREAM, tcp));
	assert_int_equal(IPPROTO_TCP, socle_io_protocol(&io));
	socle_io_close(&io);
	assert_int_equal(
		-EINVAL, socle_io_socket(&io, AF_INET, 0, "no-such-thing"));
	assert_int_equal(
		0, socle_io_socket(&io, AF_INET, SOCK_DGRAM, IPPROTO_UDP));
	socle_io_close(&io);
}

static void
outside_of_the_internet_the_protocol_is_0(void **state)
{
	static const char *const protocols[] = {"tcp", "6"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		io_open(&io,
			&(struct socle_io_params){
				.domain = AF_UNIX, .proto = protocols[i]});
		assert_int_equal(0, socle_io_protocol(&io));
		socle_io_close(&io);
		assert_int_equal(0,
			socle_io_socket(
				&io, AF_UNIX, SOCK_STREAM, protocols[i]));
		socle_io_close(&io);
	}
}

/* A service that exists for datagrams only. */
static int
only_datagrams(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	if (hints->ai_socktype != SOCK_DGRAM)
		return EAI_SERVICE;
	(void)service;
	return getaddrinfo(host, "0", hints, ret);
}

static void
a_service_for_datagrams_alone_makes_a_datagram_socket(void **state)
{
	(void)state;
	io_seam_save();
	socle__seam.getaddrinfo = only_datagrams;
	io_open(&io,
		&(struct socle_io_params){
			.local_addr = "127.0.0.1", .local_port = "tftp"});
	assert_int_equal(SOCK_DGRAM, socle_io_socktype(&io));
	socle_io_close(&io);
	assert_int_equal(-EINVAL,
		socle_io_open(&io,
			&(struct socle_io_params){.local_addr = "127.0.0.1",
				.proto = "tcp",
				.local_port = "tftp"}));
}

static void
a_fallback_number_needs_no_name(void **state)
{
	(void)state;
	io_open(&io,
		&(struct socle_io_params){
			.proto = "udp", .peer_addr = "127.0.0.1:(80)"});
	assert_string_equal("127.0.0.1:80", io_peername_text(&io));
	socle_io_close(&io);
}

static void
v6only_alone_makes_a_socket(void **state)
{
	(void)state;
	io_open(&io, &(struct socle_io_params){.v6only = 1});
	assert_true(socle_io_fd(&io) >= 0);
	socle_io_close(&io);
}

static int early;

static int
poll_early(struct pollfd *p, nfds_t n, int ms)
{
	(void)p;
	(void)n;
	early++;
	seam_time_add(ms > 0 ? 0.1 : 0);
	return 0;
}

static void
a_poll_that_returns_early_is_repeated(void **state)
{
	struct socle_io client;

	(void)state;
	early = 0;
	io_open(&listener,
		&(struct socle_io_params){.local_addr = "127.0.0.1:0",
			.listen = 1,
			.timeout = 0.45});
	io_seam_save();
	seam_time_virtual();
	socle__seam.poll = poll_early;
	assert_int_equal(-ETIMEDOUT, socle_io_accept(&listener, &client, NULL));
	assert_in_range(early, 5, 6);
	socle_io_close(&listener);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		io_test(addresses_of_a_wrong_length_are_refused),
		io_test(a_peer_with_port_0_is_refused),
		io_test(a_peer_with_port_0_is_refused_without_so_protocol_too),
		io_test(numbers_that_parse_refuses_are_no_hosts),
		io_test(a_socket_that_met_itself_through_the_wildcard_is_refused),
		io_test(a_constructor_that_succeeds_leaves_no_error_text),
		io_test(a_socket_takes_the_name_of_its_protocol),
		io_test(outside_of_the_internet_the_protocol_is_0),
		io_test(a_service_for_datagrams_alone_makes_a_datagram_socket),
		io_test(a_fallback_number_needs_no_name),
		io_test(v6only_alone_makes_a_socket),
		io_test(a_poll_that_returns_early_is_repeated),
	};

	return run_tests(tests);
}

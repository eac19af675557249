/*
 * What is asked of a socket and its addresses: whether its peers have ports, and
 * whether it is connected to itself.
 */
#include "tests/support/fixture.h"

#include "sockets/names/own_peer.h"
#include "sockets/names/socket_type.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

static int (*real_getsockopt)(int, int, int, void *, socklen_t *);
static int protocol;

/* Ping sockets are for the groups that the administrator allows. */
static int
another_protocol(int fd, int level, int option, void *value, socklen_t *len)
{
	if (level == SOL_SOCKET && option == SO_PROTOCOL) {
		memcpy(value, &protocol, sizeof(protocol));
		return 0;
	}
	return real_getsockopt(fd, level, option, value, len);
}

static void
only_sockets_that_are_not_raw_or_icmp_have_ports(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), fds[2];

	(void)state;
	pair_pipe(fds);
	assert_false(socle__socket_has_ports(fds[0]));
	assert_true(socle__socket_has_ports(fd));
	real_getsockopt = socle__seam.getsockopt;
	socle__seam.getsockopt = another_protocol;
	protocol = IPPROTO_ICMP;
	assert_false(socle__socket_has_ports(fd));
	protocol = IPPROTO_ICMPV6;
	assert_false(socle__socket_has_ports(fd));
	protocol = IPPROTO_UDP;
	assert_true(socle__socket_has_ports(fd));
	socle__seam.getsockopt = real_getsockopt;
	close(fd);
	close(fds[0]);
	close(fds[1]);
}

static void
a_socket_is_its_own_peer_only_with_port_and_address(void **state)
{
	static const char *const texts[] = {"[::1]:0", "127.0.0.1:0"};
	static const char *const others[] = {"[::2]", "127.0.0.2"};

	(void)state;
	for (int i = has_ipv6() ? 0 : 1; i < 2; i++) {
		struct socle_addr a, other;
		int fd;

		assert_int_equal(0, socle_addr_parse(&a, texts[i], 0));
		fd = socket(a.u.sa.sa_family, SOCK_STREAM, 0);
		assert_int_equal(0, bind(fd, &a.u.sa, a.len));
		assert_false(socle__is_own_peer(fd, &a)); /* port 0 */
		assert_int_equal(0, getsockname(fd, &a.u.sa, &a.len));
		assert_true(socle__is_own_peer(fd, &a));
		assert_int_equal(0,
			socle_addr_parse(&other, others[i],
				(uint16_t)socle_addr_port(&a)));
		assert_false(socle__is_own_peer(fd, &other));
		close(fd);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(only_sockets_that_are_not_raw_or_icmp_have_ports),
		test(a_socket_is_its_own_peer_only_with_port_and_address),
	};

	return run_tests(tests);
}

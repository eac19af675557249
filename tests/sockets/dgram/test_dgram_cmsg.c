/*
 * The control messages of received datagrams: where a datagram was sent to, and
 * how joined ones are divided, among others that the application asked for.
 */
/* backends: all */
#include "tests/support/dgrams.h"

#include "system.h"

#include <arpa/inet.h>

#include <netinet/in.h>
#include <stdio.h>

/* A socket at ::1. */
static int
udp6_bound(struct socle_addr *ret)
{
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	assert_int_equal(0, socle_addr_parse(ret, "[::1]:0", 0));
	assert_int_equal(0, bind(fd, &ret->u.sa, ret->len));
	name_of(fd, ret);
	return fd;
}

static void
assert_to(struct recorder *t, const char *host)
{
	char text[64];

	assert_true(socle_addr_host(&t->last.to, text, sizeof(text)) > 0);
	assert_string_equal(host, text);
	assert_int_equal(
		socle_local_port(&t->dgram.sock), socle_addr_port(&t->last.to));
}

#ifdef __linux__
static const struct socle_dgram_params joining = {.pktinfo = true, .gro = true};

static void
turn_on(int fd, int level, int option)
{
	int on = 1;

	assert_int_equal(0, setsockopt(fd, level, option, &on, sizeof(on)));
}

static void
control_messages_of_others_do_not_disturb(void **state)
{
	struct socle_addr mine;
	struct recorder *t;
	int fd = udp_bound(&mine), peer = udp_to(&mine);

	(void)state;
	turn_on(fd, IPPROTO_IP, IP_RECVTTL);
	turn_on(fd, IPPROTO_IP, IP_RECVTOS);
	turn_on(fd, SOL_SOCKET, SO_TIMESTAMP);
	t = recorder_new(fd, &joining);
	datagram(peer, "x");
	turn_until_received(t, 1);
	assert_notes("<x>");
	assert_to(t, "127.0.0.1");
	close(peer);
}

static void
control_messages_of_others_leave_space_for_ours(void **state)
{
	const struct socle_dgram_params gso = {.gso = true};
	struct socle_addr mine;
	struct recorder *t, *sender;
	int fd = udp_bound(&mine);

	(void)state;
	turn_on(fd, IPPROTO_IP, IP_RECVTTL);
	turn_on(fd, SOL_SOCKET, SO_TIMESTAMP);
	t = recorder_new(fd, &joining);
	sender = recorder_new(udp_to(&mine), &gso);
	sender->quiet = true;
	recorder_send(sender, "111");
	recorder_send(sender, "222");
	turn_until_received(t, 2);
	assert_notes("<111> <222>");
	assert_to(t, "127.0.0.1");
}

static void
control_messages_of_others_do_not_disturb_ipv6(void **state)
{
	struct socle_addr mine;
	struct recorder *t;
	int fd, peer;

	(void)state;
	if (!has_ipv6())
		skip_because("there is no ::1");
	fd = udp6_bound(&mine);
	peer = udp_to(&mine);
	turn_on(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT);
	turn_on(fd, IPPROTO_IPV6, IPV6_RECVTCLASS);
	turn_on(fd, SOL_SOCKET, SO_TIMESTAMP);
	t = recorder_new(fd, &joining);
	datagram(peer, "x");
	turn_until_received(t, 1);
	assert_notes("<x>");
	assert_to(t, "::1");
	close(peer);
}
#endif

/* ---- zones ---- */

static ssize_t (*real_recvmsg)(int fd, struct msghdr *m, int flags);

/* Says that the datagram was sent to fe80::1. */
static ssize_t
to_link_local(int fd, struct msghdr *m, int flags)
{
	ssize_t n = real_recvmsg(fd, m, flags);

	if (n < 0)
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c;
		c = socle__cmsg_next(m, c))
		if (c->cmsg_level == IPPROTO_IPV6 &&
			c->cmsg_type == IPV6_PKTINFO)
			assert_int_equal(1,
				inet_pton(AF_INET6, "fe80::1", CMSG_DATA(c)));
	return n;
}

static void
only_a_link_local_destination_has_a_zone(void **state)
{
	const struct socle_dgram_params p = {.pktinfo = true};
	struct socle_addr mine;
	struct recorder *t;
	char local[64];
	int peer;

	(void)state;
	if (!has_ipv6())
		skip_because("there is no ::1");
	t = recorder_new(udp6_bound(&mine), &p);
	peer = udp_to(&mine);
	datagram(peer, "x");
	turn_until_received(t, 1);
	assert_to(t, "::1");
	assert_true(t->last.ifindex > 0);
	real_recvmsg = socle__seam.recvmsg;
	socle__seam.recvmsg = to_link_local;
	datagram(peer, "y");
	turn_until_received(t, 2);
	socle__seam.recvmsg = real_recvmsg;
	snprintf(local, sizeof(local), "fe80::1%%%d", t->last.ifindex);
	assert_to(t, local);
	notes_clear();
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __linux__
		test(control_messages_of_others_do_not_disturb),
		test(control_messages_of_others_leave_space_for_ours),
		test(control_messages_of_others_do_not_disturb_ipv6),
#endif
		test(only_a_link_local_destination_has_a_zone),
	};

	return run_tests(tests);
}

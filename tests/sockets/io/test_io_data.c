/* Sockets as objects: bytes, peers, options. */
#include "tests/support/io.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

static struct socle_io a, b;

static void
assert_receives(struct socle_io *io, const char *text)
{
	char buf[32] = "";

	assert_int_equal(
		strlen(text), socle_io_recv(io, buf, sizeof(buf) - 1, 0, NULL));
	assert_string_equal(text, buf);
}

static struct socle_addr
name_of(struct socle_io *io)
{
	struct socle_addr addr;

	assert_int_equal(0, socle_io_sockname(io, &addr));
	return addr;
}

/* ---- datagrams and their peers ---- */

/* TI04 */
static void
a_datagram_is_answered_without_an_address(void **state)
{
	struct socle_addr to, from;
	char buf[8];

	(void)state;
	io_udp_pair(&a, &b);
	to = name_of(&b);
	assert_int_equal(2, socle_io_send(&a, "to", 2, 0, &to));
	assert_string_equal(io_sockname_text(&b), io_peername_text(&a));
	assert_int_equal(2, socle_io_recv(&b, buf, sizeof(buf), 0, &from));
	assert_string_equal(io_sockname_text(&a), io_text(&from));
	assert_string_equal(io_sockname_text(&a), io_peername_text(&b));
	assert_int_equal(6, socle_io_send(&b, "answer", 6, 0, NULL));
	assert_receives(&a, "answer");
	assert_int_equal(0, socle_io_connected(&a));
	socle_io_close(&a);
	socle_io_close(&b);
}

static void
a_second_answer_is_one_system_call(void **state)
{
	struct socle_addr to;

	(void)state;
	io_udp_pair(&a, &b);
	to = name_of(&b);
	assert_int_equal(1, socle_io_send(&a, "1", 1, 0, &to));
	assert_int_equal(1, socle_io_send(&a, "2", 1, 0, NULL));
	seam_count_reset();
	assert_int_equal(1, socle_io_send(&a, "3", 1, 0, NULL));
	assert_int_equal(1, seam_system_calls());
	assert_receives(&b, "1");
	assert_receives(&b, "2");
	assert_receives(&b, "3");
	socle_io_close(&a);
	socle_io_close(&b);
}

static void
without_a_peer_sending_fails(void **state)
{
	struct socle_addr unset;

	(void)state;
	io_udp_pair(&a, &b);
	assert_int_equal(-EDESTADDRREQ, socle_io_send(&a, "x", 1, 0, NULL));
	assert_string_equal(words("send", EDESTADDRREQ), socle_io_errstr(&a));
	memset(&unset, 0x5a, sizeof(unset));
	assert_int_equal(-ENOTCONN, socle_io_peername(&a, &unset));
	assert_int_equal(0x5a, unset.u.room[0]);
	socle_io_close(&a);
	socle_io_close(&b);
}

static void
a_failed_send_does_not_set_the_last_peer(void **state)
{
	struct socle_addr bad, to;

	(void)state;
	io_udp_pair(&a, &b);
	to = name_of(&b);
	assert_int_equal(0, socle_addr_parse(&bad, "127.0.0.1:0", 0));
	assert_int_equal(1, socle_io_send(&a, "x", 1, 0, &to));
	assert_int_equal(-EINVAL, socle_io_send(&a, "x", 1, 0, &bad));
	assert_string_equal(io_text(&to), io_peername_text(&a));
	socle_io_close(&a);
	socle_io_close(&b);
}

/* TI05 */
static void
a_connected_datagram_socket_sends_to_its_peer(void **state)
{
	struct socle_io c;

	(void)state;
	io_udp_pair(&b, &c);
	io_open(&a,
		&(struct socle_io_params){
			.proto = "udp", .peer_addr = io_sockname_text(&b)});
	assert_int_equal(1, socle_io_connected(&a));
	assert_talks(&a, &b);
#ifdef __linux__ /* elsewhere -EISCONN */
	struct socle_addr other = name_of(&c);

	assert_int_equal(5, socle_io_send(&a, "other", 5, 0, &other));
	assert_receives(&c, "other");
	assert_string_equal(io_sockname_text(&b), io_peername_text(&a));
#endif
	assert_talks(&a, &b);
	socle_io_close(&a);
	socle_io_close(&b);
	socle_io_close(&c);
}

static void
connecting_replaces_the_last_peer(void **state)
{
	struct socle_io c;
	struct socle_addr to_b, to_c;

	(void)state;
	io_udp_pair(&a, &b);
	io_open(&c,
		&(struct socle_io_params){
			.proto = "udp", .local_addr = "127.0.0.1:0"});
	to_b = name_of(&b);
	to_c = name_of(&c);
	assert_int_equal(1, socle_io_send(&a, "1", 1, 0, &to_b));
	assert_int_equal(1, socle_io_send(&a, "2", 1, 0, NULL));
	assert_int_equal(0, socle_io_connect(&a, &to_c));
	assert_int_equal(1, socle_io_send(&a, "3", 1, 0, NULL));
	assert_receives(&b, "1");
	assert_receives(&b, "2");
	assert_receives(&c, "3");
	socle_io_close(&a);
	socle_io_close(&b);
	socle_io_close(&c);
}

static void
a_peer_of_unix_datagrams_is_answered_too(void **state)
{
	const struct socle_io_params p = {
		.domain = AF_UNIX, .type = SOCK_DGRAM, .local_addr = ""};
	struct socle_addr to;

	(void)state;
#ifndef __linux__
	skip_because("names chosen by the kernel are Linux's");
#endif
	io_open(&a, &p);
	io_open(&b, &p);
	to = name_of(&b);
	assert_int_equal(-ENOTCONN, socle_io_send(&a, "x", 1, 0, NULL));
	assert_int_equal(1, socle_io_send(&a, "x", 1, 0, &to));
	assert_receives(&b, "x");
	assert_int_equal(1, socle_io_send(&b, "y", 1, 0, NULL));
	assert_receives(&a, "y");
	socle_io_close(&a);
	socle_io_close(&b);
}

static void
a_sender_without_an_address_clears_the_last_peer(void **state)
{
	struct socle_io c;
	struct socle_addr to, unset;
	const struct socle_io_params p = {
		.domain = AF_UNIX, .type = SOCK_DGRAM, .local_addr = ""};

	(void)state;
#ifndef __linux__
	skip_because("names chosen by the kernel are Linux's");
#endif
	io_open(&a, &p);
	io_open(&b, &p);
	memset(&c, 0, sizeof(c));
	assert_int_equal(0, socle_io_socket(&c, AF_UNIX, SOCK_DGRAM, 0));
	to = name_of(&b);
	assert_int_equal(1, socle_io_send(&a, "a", 1, 0, &to));
	assert_int_equal(1, socle_io_send(&c, "c", 1, 0, &to));
	assert_receives(&b, "a");
	assert_receives(&b, "c");
	assert_int_equal(-ENOTCONN, socle_io_peername(&b, &unset));
	assert_int_equal(-ENOTCONN, socle_io_send(&b, "x", 1, 0, NULL));
	socle_io_close(&a);
	socle_io_close(&b);
	socle_io_close(&c);
}

static void
a_new_fd_has_no_last_peer(void **state)
{
	struct socle_io c;
	struct socle_addr to, other;

	(void)state;
#ifndef __linux__
	skip_because("explicit addresses on connected ones are Linux's");
#endif
	io_udp_pair(&a, &b);
	to = name_of(&b);
	assert_int_equal(1, socle_io_send(&a, "1", 1, 0, &to));
	assert_int_equal(1, socle_io_send(&a, "2", 1, 0, NULL));
	socle_io_close(&a);
	io_open(&c,
		&(struct socle_io_params){
			.proto = "udp", .peer_addr = io_sockname_text(&b)});
	assert_int_equal(0, socle_io_adopt(&a, socle_io_steal(&c)));
	other = name_of(&a);
	assert_int_equal(1, socle_io_send(&a, "x", 1, 0, &other));
	assert_int_equal(1, socle_io_send(&a, "3", 1, 0, NULL));
	assert_receives(&b, "1");
	assert_receives(&b, "2");
	assert_receives(&b, "3");
	socle_io_close(&a);
	socle_io_close(&b);
}

/* TI27 */
static void
an_empty_datagram_is_received_as_a_datagram(void **state)
{
	struct socle_addr to, from = {.len = 0};
	char buf[4];

	(void)state;
	io_udp_pair(&a, &b);
	to = name_of(&b);
	assert_int_equal(0, socle_io_send(&a, "", 0, 0, &to));
	assert_string_equal("", socle_io_errstr(&a));
	assert_int_equal(1, socle_io_send(&a, "x", 1, 0, NULL));
	assert_int_equal(0, socle_io_recv(&b, buf, sizeof(buf), 0, &from));
	assert_string_equal(io_sockname_text(&a), io_text(&from));
	assert_receives(&b, "x");
	assert_int_equal(-EAGAIN,
		socle_io_recv(&b, buf, sizeof(buf), MSG_DONTWAIT, NULL));
	socle_io_close(&a);
	socle_io_close(&b);
}

static void
a_truncated_datagram_can_report_its_full_length(void **state)
{
	struct socle_addr to;
	char buf[4];

	(void)state;
	io_udp_pair(&a, &b);
	to = name_of(&b);
	assert_int_equal(10, socle_io_send(&a, "0123456789", 10, 0, &to));
	assert_int_equal(10, socle_io_send(&a, "0123456789", 10, 0, &to));
	assert_int_equal(4, socle_io_recv(&b, buf, sizeof(buf), 0, NULL));
	assert_memory_equal("0123", buf, 4);
#ifdef __linux__
	assert_int_equal(
		10, socle_io_recv(&b, buf, sizeof(buf), MSG_TRUNC, NULL));
#endif
	socle_io_close(&a);
	socle_io_close(&b);
}

/* ---- streams ---- */

static void
a_tcp_stream_reports_no_sender(void **state)
{
	struct socle_addr from;
	char buf[8];

	(void)state;
	io_tcp_pair(&a, &b);
	assert_int_equal(2, socle_io_send(&a, "hi", 2, 0, NULL));
	memset(&from, 0xa5, sizeof(from));
	assert_int_equal(2, socle_io_recv(&b, buf, sizeof(buf), 0, &from));
	assert_int_equal(0, from.len);
	assert_string_equal(io_sockname_text(&a), io_peername_text(&b));
	socle_io_close(&a);
	socle_io_close(&b);
}

static void
sending_to_a_closed_peer_is_epipe_and_raises_no_signal(void **state)
{
	ssize_t n = 0;

	(void)state;
	assert_int_equal(
		0, socle_io_socketpair(&a, &b, AF_UNIX, SOCK_STREAM, 0));
	socle_io_close(&b);
	assert_int_equal(-EPIPE, socle_io_send(&a, "x", 1, 0, NULL));
	assert_string_equal(words("send", EPIPE), socle_io_errstr(&a));
	socle_io_close(&a);
	io_tcp_pair(&a, &b);
	close_by_reset(socle_io_steal(&b));
	for (int i = 0; i < 1000 && n != -EPIPE; i++)
		n = socle_io_send(&a, "x", 1, 0, NULL);
	assert_int_equal(-EPIPE, n);
	socle_io_close(&a);
}

/* TI21 */
static void
connected_is_true_after_the_peers_end_but_not_after_a_reset(void **state)
{
	char buf[4];

	(void)state;
	io_tcp_pair(&a, &b);
	assert_int_equal(0, socle_io_shutdown(&b, SHUT_WR));
	assert_int_equal(0, socle_io_recv(&a, buf, sizeof(buf), 0, NULL));
	assert_int_equal(1, socle_io_connected(&a));
	socle_io_close(&b);
	assert_int_equal(1, socle_io_connected(&a));
	socle_io_close(&a);
	io_tcp_pair(&a, &b);
	close_by_reset(socle_io_steal(&b));
	assert_int_equal(
		-ECONNRESET, socle_io_recv(&a, buf, sizeof(buf), 0, NULL));
	assert_int_equal(0, socle_io_connected(&a));
	socle_io_close(&a);
}

/* TI21 */
static void
connected_ignores_the_last_peer(void **state)
{
	struct socle_addr to;

	(void)state;
	io_udp_pair(&a, &b);
	to = name_of(&b);
	assert_int_equal(1, socle_io_send(&a, "x", 1, 0, &to));
	assert_int_equal(0, socle_io_connected(&a));
	assert_int_equal(0, socle_io_connect(&a, &to));
	assert_int_equal(1, socle_io_connected(&a));
	socle_io_close(&a);
	socle_io_close(&b);
}

/* TI22 */
static void
shutdown_of_an_unconnected_socket_fails(void **state)
{
	char buf[4];

	(void)state;
	memset(&a, 0, sizeof(a));
	assert_int_equal(0, socle_io_socket(&a, AF_INET, SOCK_STREAM, 0));
	assert_int_equal(-ENOTCONN, socle_io_shutdown(&a, SHUT_RDWR));
	assert_string_equal(words("shutdown", ENOTCONN), socle_io_errstr(&a));
	socle_io_close(&a);
	assert_int_equal(-EBADF, socle_io_shutdown(&a, SHUT_RDWR));
	io_tcp_pair(&a, &b);
	assert_int_equal(-EINVAL, socle_io_shutdown(&a, 77));
	assert_int_equal(0, socle_io_shutdown(&a, SHUT_WR));
	assert_int_equal(0, socle_io_recv(&b, buf, sizeof(buf), 0, NULL));
	assert_talks(&b, &a);
	socle_io_close(&a);
	socle_io_close(&b);
}

static void
shutdown_and_close_forget_the_last_peer(void **state)
{
	struct socle_addr to, unset;

	(void)state;
	skip_without_abstract();
	memset(&a, 0, sizeof(a));
	assert_int_equal(0, socle_io_socket(&a, AF_UNIX, SOCK_DGRAM, 0));
	io_open(&b,
		&(struct socle_io_params){.domain = AF_UNIX,
			.type = SOCK_DGRAM,
			.local_addr = "@socle-io-forget"});
	to = name_of(&b);
	assert_int_equal(1, socle_io_send(&a, "x", 1, 0, &to));
	assert_string_equal("unix:@socle-io-forget", io_peername_text(&a));
	assert_int_equal(0, socle_io_shutdown(&a, SHUT_RD));
	assert_int_equal(-ENOTCONN, socle_io_peername(&a, &unset));
	assert_int_equal(1, socle_io_send(&a, "x", 1, 0, &to));
	socle_io_close(&a);
	assert_int_equal(0, socle_io_socket(&a, AF_UNIX, SOCK_DGRAM, 0));
	assert_int_equal(-ENOTCONN, socle_io_peername(&a, &unset));
	socle_io_close(&a);
	socle_io_close(&b);
}

/* TI23 */
static void
the_out_of_band_mark_is_detected(void **state)
{
	char buf[8];

	(void)state;
	if (getenv("UNDER")) {
		skip_because("valgrind takes libc's SIOCATMARK for a read");
	}
	io_tcp_pair(&a, &b);
	assert_int_equal(2, socle_io_send(&a, "ab", 2, 0, NULL));
	assert_int_equal(1, socle_io_send(&a, "!", 1, MSG_OOB, NULL));
	assert_int_equal(2, socle_io_send(&a, "cd", 2, 0, NULL));
	assert_int_equal(0, socle_io_shutdown(&a, SHUT_WR));
	assert_int_equal(0, socle_io_atmark(&b));
	assert_int_equal(1, socle_io_recv(&b, buf, 1, 0, NULL));
	assert_int_equal(0, socle_io_atmark(&b));
	assert_int_equal(1, socle_io_recv(&b, buf, sizeof(buf), 0, NULL));
	assert_int_equal(1, socle_io_atmark(&b));
	assert_int_equal(1, socle_io_recv(&b, buf, sizeof(buf), MSG_OOB, NULL));
	assert_int_equal('!', buf[0]);
	assert_receives(&b, "cd");
	assert_int_equal(0, socle_io_atmark(&b));
	socle_io_close(&a);
	socle_io_close(&b);
}

/* ---- options ---- */

static void
autoflush_works_on_tcp_and_is_harmless_elsewhere(void **state)
{
	int value = 0;
	socklen_t len = sizeof(value);

	(void)state;
	io_tcp_pair(&a, &b);
	for (int on = 1; on >= 0; on--) {
		assert_int_equal(0, socle_io_autoflush(&a, on));
		assert_int_equal(0,
			socle_io_getsockopt(
				&a, IPPROTO_TCP, TCP_NODELAY, &value, &len));
		assert_int_equal(on, value != 0);
	}
	socle_io_close(&a);
	socle_io_close(&b);
	io_udp_pair(&a, &b);
	assert_int_equal(0, socle_io_autoflush(&a, true));
	socle_io_close(&a);
	socle_io_close(&b);
	assert_int_equal(
		0, socle_io_socketpair(&a, &b, AF_UNIX, SOCK_STREAM, 0));
	assert_int_equal(0, socle_io_autoflush(&a, true));
	socle_io_close(&a);
	socle_io_close(&b);
}

static void
options_can_be_set_and_read(void **state)
{
	const struct linger linger = {.l_onoff = 1, .l_linger = 3};
	struct linger got = {0};
	socklen_t len = sizeof(got);

	(void)state;
	io_udp_pair(&a, &b);
	assert_int_equal(0, socle_io_sockopt(&a, SO_BROADCAST));
	assert_int_equal(0, socle_io_set_sockopt(&a, SO_BROADCAST, 1));
	assert_int_equal(1, socle_io_sockopt(&a, SO_BROADCAST));
	assert_int_equal(0,
		socle_io_setsockopt(
			&a, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	assert_int_equal(
		0, socle_io_getsockopt(&a, SOL_SOCKET, SO_LINGER, &got, &len));
	assert_int_equal(sizeof(got), len);
	assert_memory_equal(&linger, &got, sizeof(got));
	assert_int_equal(-ENOPROTOOPT, socle_io_sockopt(&a, 9999));
	assert_string_equal(
		words("getsockopt", ENOPROTOOPT), socle_io_errstr(&a));
	assert_int_equal(-ENOPROTOOPT, socle_io_set_sockopt(&a, 9999, 1));
	socle_io_close(&a);
	socle_io_close(&b);
}

static void
a_closed_object_sends_to_nobody(void **state)
{
	struct socle_addr to;

	(void)state;
	io_udp_pair(&a, &b);
	to = name_of(&b);
	socle_io_close(&a);
	assert_int_equal(-EBADF, socle_io_send(&a, "x", 1, 0, &to));
	socle_io_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_datagram_is_answered_without_an_address),
		test(a_second_answer_is_one_system_call),
		test(without_a_peer_sending_fails),
		test(a_failed_send_does_not_set_the_last_peer),
		test(a_connected_datagram_socket_sends_to_its_peer),
		test(connecting_replaces_the_last_peer),
		test(a_peer_of_unix_datagrams_is_answered_too),
		test(a_sender_without_an_address_clears_the_last_peer),
		test(a_new_fd_has_no_last_peer),
		test(an_empty_datagram_is_received_as_a_datagram),
		test(a_truncated_datagram_can_report_its_full_length),
		test(a_tcp_stream_reports_no_sender),
		test(sending_to_a_closed_peer_is_epipe_and_raises_no_signal),
		test(connected_is_true_after_the_peers_end_but_not_after_a_reset),
		test(connected_ignores_the_last_peer),
		test(shutdown_of_an_unconnected_socket_fails),
		test(shutdown_and_close_forget_the_last_peer),
		test(the_out_of_band_mark_is_detected),
		test(autoflush_works_on_tcp_and_is_harmless_elsewhere),
		test(options_can_be_set_and_read),
		io_test(a_closed_object_sends_to_nobody),
	};

	return run_tests(tests);
}

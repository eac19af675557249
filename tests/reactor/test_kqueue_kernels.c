/*
 * What the emulation of kqueue(2) and poll(2) says of sockets as each kernel:
 * a row for each state, from the kernels' own answers or their sources. Linux
 * only.
 */
#include "tests/kqueue/states.h"

static void
tcp_pair(int fds[2])
{
	if (under_qemu())
		skip_because("qemu tells 4 bytes of TCP_INFO");
	pair_tcp(fds);
}

static void
half_closes(int fds[2])
{
	assert_int_equal(0, shutdown(fds[1], SHUT_WR));
	await(fds[0], POLLRDHUP);
}

static void
writes_and_half_closes(int fds[2])
{
	writes(fds);
	half_closes(fds);
}

static void
we_half_close(int fds[2])
{
	assert_int_equal(0, shutdown(fds[0], SHUT_WR));
}

static void
we_shut_reading(int fds[2])
{
	assert_int_equal(0, shutdown(fds[0], SHUT_RD));
}

static void
both_half_close(int fds[2])
{
	half_closes(fds);
	we_half_close(fds);
	await(fds[0], POLLHUP);
}

static void
closes(int fds[2])
{
	close(fds[1]);
	fds[1] = -1;
	await(fds[0], POLLRDHUP);
}

static void
writes_and_closes(int fds[2])
{
	writes(fds);
	closes(fds);
}

static void
resets(int fds[2])
{
	close_by_reset(fds[1]);
	fds[1] = -1;
	await(fds[0], POLLRDHUP);
}

static void
writes_and_resets(int fds[2])
{
	writes(fds);
	resets(fds);
}

static void
resets_and_the_error_is_fetched(int fds[2])
{
	int err = 0;
	socklen_t len = sizeof(err);

	resets(fds);
	assert_int_equal(
		0, getsockopt(fds[0], SOL_SOCKET, SO_ERROR, &err, &len));
	assert_int_equal(ECONNRESET, err);
}

/* clang-format off */
static const struct state streams[] = {
	{"unix", pair_unix, NULL,
		all("W"), all("W"), all(""), all("OUT")},
	{"tcp", tcp_pair, NULL,
		all("W"), all("W"), all(""), all("OUT")},
	{"unix, input", pair_unix, writes,
		all("W R4"), all("W R4"), all(""), all("IN OUT")},
	{"tcp, input", tcp_pair, writes,
		all("W R4"), all("W R4"), all(""), all("IN OUT")},
	{"unix, peer half-closed", pair_unix, half_closes,
		all("W R0e"), all("W R0e"), all("R0e"),
		each("IN OUT", "IN OUT", "IN OUT", "IN HUP")},
	{"tcp, peer half-closed", tcp_pair, half_closes,
		all("W R0e"), all("W R0e"), all("R0e"),
		each("IN OUT", "IN OUT", "IN OUT", "IN HUP")},
	{"unix, input, peer half-closed", pair_unix, writes_and_half_closes,
		all("W R4e"), all("W R4e"), all("R4e"),
		each("IN OUT", "IN OUT", "IN OUT", "IN HUP")},
	{"tcp, input, peer half-closed", tcp_pair, writes_and_half_closes,
		all("W R4e"), all("W R4e"), all("R4e"),
		each("IN OUT", "IN OUT", "IN OUT", "IN HUP")},
	{"unix, we half-closed", pair_unix, we_half_close,
		all("We"), all("We"), all(""), each("OUT", "OUT", "OUT", "HUP")},
	{"tcp, we half-closed", tcp_pair, we_half_close,
		all("We"), all("We"), all(""), each("OUT", "OUT", "OUT", "HUP")},
	{"unix, we shut reading", pair_unix, we_shut_reading,
		all("W R0e"), all("W R0e"), all("R0e"),
		each("IN OUT", "IN OUT", "IN OUT", "IN HUP")},
	{"tcp, we shut reading", tcp_pair, we_shut_reading,
		all("W R0e"), all("W R0e"), all("R0e"),
		each("IN OUT", "IN OUT", "IN OUT", "IN HUP")},
	{"tcp, both half-closed", tcp_pair, both_half_close,
		all("We R0e"), all("We R0e"), all("R0e"),
		each("IN HUP", "IN OUT", "IN HUP", "IN HUP")},
	{"unix, peer closed", pair_unix, closes,
		all("We R0e"), all("We R0e"), all("R0e"),
		each("IN HUP", "IN OUT", "IN HUP", "IN HUP")},
	{"tcp, peer closed", tcp_pair, closes,
		all("W R0e"), all("W R0e"), all("R0e"),
		each("IN OUT", "IN OUT", "IN OUT", "IN HUP")},
	{"unix, input, peer closed", pair_unix, writes_and_closes,
		all("We R4e"), all("We R4e"), all("R4e"),
		each("IN HUP", "IN OUT", "IN HUP", "IN HUP")},
	{"tcp, input, peer closed", tcp_pair, writes_and_closes,
		all("W R4e"), all("W R4e"), all("R4e"),
		each("IN OUT", "IN OUT", "IN OUT", "IN HUP")},
	{"tcp, reset", tcp_pair, resets,
		all("We !104 R0e !104"), all("We !104 R0e !104"),
		all("R0e !104"), each("IN HUP", "IN OUT", "IN HUP", "IN HUP")},
	{"tcp, input, reset", tcp_pair, writes_and_resets,
		all("We !104 R4e !104"), all("We !104 R4e !104"),
		all("R4e !104"), each("IN HUP", "IN OUT", "IN HUP", "IN HUP")},
	{"tcp, reset, SO_ERROR fetched", tcp_pair, resets_and_the_error_is_fetched,
		all("We R0e"), all("We R0e"), all("R0e"),
		each("IN HUP", "IN OUT", "IN HUP", "IN HUP")},
	{"unix, full", pair_unix, is_full, all(""), all(""), all(""), all("")},
	{"tcp, full", tcp_pair, is_full, all(""), all(""), all(""), all("")},
};
/* clang-format on */

STATES_TESTS(streams)

/* ---- connecting and listening ---- */

static void
tcp_socket(int fds[2])
{
	fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
}

static void
connect_is_refused(int fds[2])
{
	int refusing_fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in a = bound(refusing_fd);

	if (under_qemu())
		skip_because("qemu tells 4 bytes of TCP_INFO");
	(void)connect(fds[0], (struct sockaddr *)&a, sizeof(a));
	await(fds[0], POLLRDHUP);
	close(refusing_fd);
}

static void
listener(int fds[2])
{
	int port;

	fds[0] = tcp_listener(&port);
}

static void
client_comes(int fds[2])
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	assert_int_equal(0, getsockname(fds[0], (struct sockaddr *)&a, &len));
	fds[1] = tcp_connect(ntohs(a.sin_port));
}

static void
listener_is_shut(int fds[2])
{
	(void)shutdown(fds[0], SHUT_RDWR);
}

static void
client_comes_after_a_shutdown(int fds[2])
{
	kqueue_keep_listeners_end(fds[0]);
	client_comes(fds);
}

static void
listeners_error_is_fetched(int fds[2])
{
	listener_is_shut(fds);
	assert_int_equal(kernel_is(FREEBSD), kqueue_listeners_error(fds[0]));
	assert_false(kqueue_listeners_error(fds[0]));
}

/* clang-format off */
static const struct state connections[] = {
	{"never connected", tcp_socket, NULL, all(""), all(""), all(""), all("")},
	{"refused", tcp_socket, connect_is_refused,
		all("We !111 R0e !111"), all("We !111 R0e !111"),
		all("R0e !111"), each("IN HUP", "IN OUT", "IN HUP", "IN HUP")},
	{"listener", listener, NULL, all(""), all(""), all(""), all("")},
	{"listener, a client waits", listener, client_comes,
		all("R1"), all("R1"), all("R1"), all("IN")},
	{"listener, shut down", listener, listener_is_shut,
		each("R0e !103", "We", "We", ""),
		each("R0e !103", "We", "We", ""),
		each("R0e !103", "", "", ""),
		each("IN HUP", "IN OUT", "IN HUP", "")},
	{"listener, shut down, error fetched", listener, listeners_error_is_fetched,
		each("", "We", "We", ""), each("", "We", "We", ""),
		all(""), each("", "IN OUT", "IN HUP", "")},
};

static const struct state left_over[] = {
	{"listener, a client after its end", listener, client_comes_after_a_shutdown,
		all("R1e !103"), all("R1e !103"), all("R1e !103"), all("IN")},
};
/* clang-format on */

STATES_TESTS(connections)

static void
a_listener_keeps_its_end_on_freebsd(void **state)
{
	(void)state;
	assert_states(FREEBSD, left_over);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STATES_RUN(streams),
		STATES_RUN(connections),
		kqueue_test(a_listener_keeps_its_end_on_freebsd),
	};
	return run_tests(tests);
}

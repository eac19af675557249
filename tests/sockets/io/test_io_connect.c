/* Sockets as objects: non-blocking connects, and several addresses in turn. */
#include "tests/support/io.h"

#include <stdio.h>

static struct socle_io io, peer, listener, refusing;
static int fds[STUFFING];

static void
close_all(void)
{
	socle_io_close(&io);
	socle_io_close(&peer);
	socle_io_close(&listener);
	socle_io_close(&refusing);
}

/* ---- several addresses ---- */

/* TI08 */
static void
the_addresses_of_a_name_are_tried_in_turn(void **state)
{
	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	const char *const names[] = {io_refusing(&refusing), "127.0.0.1:1",
		io_sockname_text(&listener), NULL};

	io_names_are(names);
	io_open(&io, &(struct socle_io_params){.peer_addr = "name:7"});
	assert_notes("name|7");
	assert_int_equal(3, seam_count(CALL_connect));
	assert_string_equal(names[2], io_peername_text(&io));
	assert_string_equal("", socle_io_errstr(&io));
	assert_true(io_blocks(&io));
	close_all();
}

static void
if_all_addresses_fail_the_last_connect_error_is_reported(void **state)
{
	const char *const names[] = {
		"127.0.0.1:1", "127.0.0.2:1", "127.0.0.3:1", NULL};

	(void)state;
	io_names_are(names);
	seam_fail(CALL_connect, 1, EHOSTUNREACH, 1);
	seam_fail(CALL_connect, 2, ENETUNREACH, 1);
	seam_fail(CALL_socket, 3, EMFILE, 1);
	assert_int_equal(-ENETUNREACH,
		socle_io_open(
			&io, &(struct socle_io_params){.peer_addr = "name:7"}));
	assert_no_fd(&io, words("connect", ENETUNREACH));
}

static void
a_bind_error_is_reported_before_a_socket_error(void **state)
{
	const char *const names[] = {"127.0.0.1:1", "127.0.0.2:1", NULL};

	(void)state;
	io_names_are(names);
	seam_fail(CALL_bind, 1, EADDRINUSE, 1);
	seam_fail(CALL_socket, 2, EMFILE, 1);
	assert_int_equal(-EADDRINUSE,
		socle_io_open(&io,
			&(struct socle_io_params){.local_addr = "127.0.0.1",
				.peer_addr = "name:7"}));
	assert_no_fd(&io, words("bind", EADDRINUSE));
}

static void
an_option_that_cannot_be_set_ends_the_attempt(void **state)
{
	const char *const names[] = {"127.0.0.1:1", "127.0.0.2:1", NULL};

	(void)state;
	io_names_are(names);
	seam_fail(CALL_setsockopt, 1, EPERM, 1);
	assert_int_equal(-EPERM,
		socle_io_open(&io,
			&(struct socle_io_params){
				.peer_addr = "name:7", .broadcast = true}));
	assert_no_fd(&io, words("setsockopt", EPERM));
	assert_int_equal(1, seam_count(CALL_socket));
}

static void
local_and_peer_addresses_have_the_same_family(void **state)
{
	const char *const names[] = {"::1", "127.0.0.1", NULL};
	char where[32];

	(void)state;
	skip_without_address("127.0.0.3");
	io_listening(&listener, "127.0.0.1:0");
	snprintf(where, sizeof(where), "name:%d", io_port(&listener));
	io_names_are(names);
	io_open(&io,
		&(struct socle_io_params){
			.local_addr = "127.0.0.3", .peer_addr = where});
	assert_int_equal(0, strncmp(io_sockname_text(&io), "127.0.0.3:", 10));
	assert_int_equal(1, seam_count(CALL_connect));
	close_all();
}

/* TI14 */
static void
the_fd_keeps_its_number_over_retries(void **state)
{
	int fd, r;

	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	const char *const names[] = {io_refusing(&refusing), "127.0.0.1:1",
		io_sockname_text(&listener), NULL};

	io_names_are(names);
	io_connects_are_slow(EINPROGRESS);
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = "name:7", .nonblocking = true});
	fd = socle_io_fd(&io);
	for (int retries = 0; retries < 2; retries++) {
		r = socle_io_connected(&io);
		assert_int_equal(0, r);
		assert_int_equal(fd, socle_io_fd(&io));
		assert_false(io_blocks(&io));
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	assert_int_equal(1, io_connected(&io));
	assert_int_equal(fd, socle_io_fd(&io));
	assert_string_equal(names[2], io_peername_text(&io));
	close_all();
}

/* TI14 */
static void
if_the_fd_number_cannot_be_kept_a_new_one_is_used(void **state)
{
	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	const char *const names[] = {
		io_refusing(&refusing), io_sockname_text(&listener), NULL};

	io_names_are(names);
	seam_fail(CALL_dup3, 1, EBUSY, 1);
	io_open(&io, &(struct socle_io_params){.peer_addr = "name:7"});
	assert_string_equal(names[1], io_peername_text(&io));
	close_all();
}

static void
a_retry_has_the_same_options_and_local_address(void **state)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 9}, got = {0};
	struct socle_io_sockopt opt = {.level = SOL_SOCKET,
		.opt = SO_LINGER,
		.data = &linger,
		.len = sizeof(linger)};
	socklen_t len = sizeof(got);

	(void)state;
	skip_without_address("127.0.0.2");
	io_listening(&listener, "127.0.0.1:0");
	const char *const names[] = {
		io_refusing(&refusing), io_sockname_text(&listener), NULL};

	io_names_are(names);
	io_connects_are_slow(EINPROGRESS);
	io_open(&io,
		&(struct socle_io_params){.peer_addr = "name:7",
			.local_addr = "127.0.0.2",
			.nonblocking = true,
			.sockopts = &opt,
			.n_sockopts = 1});
	memset(&linger, 0, sizeof(linger)); /* they were copied */
	memset(&opt, 0, sizeof(opt));
	assert_int_equal(1, io_connected(&io));
	assert_int_equal(
		0, socle_io_getsockopt(&io, SOL_SOCKET, SO_LINGER, &got, &len));
	assert_int_equal(9, got.l_linger);
	assert_int_equal(0, strncmp(io_sockname_text(&io), "127.0.0.2:", 10));
	close_all();
}

static void
closing_drops_the_addresses_not_yet_tried(void **state)
{
	const char *const names[] = {"127.0.0.1:1", "127.0.0.1:2", NULL};

	(void)state;
	io_names_are(names);
	io_connects_are_slow(EINPROGRESS);
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = "name:7", .nonblocking = true});
	socle_io_close(&io);
	assert_int_equal(-EBADF, socle_io_connected(&io));
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = "name:7", .nonblocking = true});
	assert_true(socle_io_fd(&io) >= 0);
	close(socle_io_steal(&io));
}

/* ---- non-blocking ---- */

/* TI28 */
static void
a_refused_connect_is_never_reported_as_connected(void **state)
{
	const struct socle_io_params p = {
		.peer_addr = io_refusing(&refusing), .nonblocking = true};
	int err;

	(void)state;
	err = socle_io_open(&io, &p);
	if (err == 0)
		err = io_connected(&io);
	assert_int_equal(-ECONNREFUSED, err);
	assert_string_equal(
		words("connect", ECONNREFUSED), socle_io_errstr(&io));
	socle_io_close(&io);
	io_connects_are_slow(EINPROGRESS);
	io_open(&io, &p);
	assert_int_equal(-ECONNREFUSED, io_connected(&io));
	/* still refused */
	assert_int_equal(-ECONNREFUSED, socle_io_connected(&io));
	assert_string_equal(
		words("connect", ECONNREFUSED), socle_io_errstr(&io));
	close_all();
}

static void
closing_the_fd_clears_its_failure(void **state)
{
	struct socle_addr to;

	(void)state;
	io_connects_are_slow(EINPROGRESS);
	io_open(&io,
		&(struct socle_io_params){.peer_addr = io_refusing(&refusing),
			.nonblocking = true});
	assert_int_equal(-ECONNREFUSED, io_connected(&io));
	socle_io_close(&io);
	assert_int_equal(0, socle_io_socket(&io, AF_INET, SOCK_STREAM, 0));
	assert_int_equal(0, socle_io_connected(&io));
	io_listening(&listener, "127.0.0.1:0");
	assert_int_equal(0, socle_io_sockname(&listener, &to));
	assert_int_equal(-EINPROGRESS, socle_io_connect(&io, &to));
	assert_int_equal(1, io_connected(&io));
	close_all();
}

static void
another_connect_does_not_end_the_one_in_progress(void **state)
{
	struct socle_addr to;

	(void)state;
	io_stuffed(&listener, "127.0.0.1:0", fds);
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener),
			.nonblocking = true});
	assert_int_equal(0, socle_io_connected(&io));
	assert_int_equal(0, socle_io_sockname(&listener, &to));
	assert_int_equal(-EALREADY, socle_io_connect(&io, &to));
	assert_int_equal(0, socle_io_connected(&io));
	io_close_all(fds);
	close_all();
}

static void
another_connect_does_not_hide_the_result_of_the_first(void **state)
{
	struct socle_addr to;

	(void)state;
	assert_int_equal(0, socle_addr_parse(&to, "127.0.0.1:1", 0));
	seam_fail(CALL_connect, 1, EINPROGRESS, 1);
	seam_fail(CALL_connect, 2, EALREADY, 1);
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = "127.0.0.1:1", .nonblocking = true});
	assert_int_equal(-EALREADY, socle_io_connect(&io, &to));
	assert_int_equal(-ENOTCONN, socle_io_connected(&io));
	close_all();
}

static void
a_socket_that_hangs_up_without_an_error_is_not_connected(void **state)
{
	(void)state;
	/* no connection is started */
	seam_fail(CALL_connect, 1, EINPROGRESS, 1);
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = "127.0.0.1:1", .nonblocking = true});
	assert_int_equal(-ENOTCONN, io_connected(&io));
	close_all();
}

/* Pretends that poll(2) returned before the connection is complete. */
static int
poll_early(struct pollfd *p, nfds_t n, int ms)
{
	(void)n;
	(void)ms;
	p->revents = POLLOUT;
	return 1;
}

static void
a_socket_not_yet_connected_is_not_a_failure(void **state)
{
	(void)state;
	io_stuffed(&listener, "127.0.0.1:0", fds);
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener),
			.nonblocking = true});
	io_seam_save();
	socle__seam.poll = poll_early;
	assert_int_equal(0, socle_io_connected(&io));
	assert_int_equal(0, socle_io_connected(&io));
	io_close_all(fds);
	close_all();
}

static void
connecting_without_an_address_is_einval(void **state)
{
	(void)state;
	io_open(&io, &(struct socle_io_params){.domain = AF_INET});
	assert_int_equal(-EINVAL, socle_io_connect(&io, NULL));
	assert_string_equal(words("connect", EINVAL), socle_io_errstr(&io));
	assert_int_equal(-EINVAL, socle_io_bind(&io, NULL));
	assert_string_equal(words("bind", EINVAL), socle_io_errstr(&io));
	close_all();
}

static void
a_full_unix_listener_is_eagain(void **state)
{
	struct socle_addr to;

	(void)state;
	skip_without_abstract();
	io_stuffed(&listener, "@socle-io-full", fds);
	assert_int_equal(-EAGAIN,
		socle_io_open(&io,
			&(struct socle_io_params){.peer_addr = "@socle-io-full",
				.nonblocking = true}));
	assert_no_fd(&io, words("connect", EAGAIN));
	io_open(&io,
		&(struct socle_io_params){
			.domain = AF_UNIX, .nonblocking = true});
	assert_int_equal(0, socle_io_sockname(&listener, &to));
	assert_int_equal(-EAGAIN, socle_io_connect(&io, &to));
	assert_int_equal(0, socle_io_connected(&io));
	assert_int_equal(0, socle_io_accept(&listener, &peer, NULL));
	assert_int_equal(0, socle_io_connect(&io, &to));
	io_close_all(fds);
	close_all();
}

/* ---- connected to itself ---- */

static void
a_tcp_socket_connected_to_itself_counts_as_refused(void **state)
{
	struct socle_addr own;

	(void)state;
	io_open(&io, &(struct socle_io_params){.local_addr = "127.0.0.1:0"});
	assert_int_equal(0, socle_io_sockname(&io, &own));
	assert_int_equal(-ECONNREFUSED, socle_io_connect(&io, &own));
	assert_true(socle_io_connected(&io) <= 0);
	socle_io_close(&io);
	io_open(&io,
		&(struct socle_io_params){
			.local_addr = "127.0.0.1:0", .nonblocking = true});
	assert_int_equal(0, socle_io_sockname(&io, &own));
	io_connects_are_slow(EINPROGRESS);
	assert_int_equal(-EINPROGRESS, socle_io_connect(&io, &own));
	assert_int_equal(-ECONNREFUSED, io_connected(&io));
	close_all();
}

static void
an_ipv6_socket_connected_to_itself_counts_as_refused(void **state)
{
	struct socle_addr own;

	(void)state;
	if (!has_ipv6())
		skip_because("there is no ::1");
	io_open(&io, &(struct socle_io_params){.local_addr = "[::1]:0"});
	assert_int_equal(0, socle_io_sockname(&io, &own));
	assert_int_equal(-ECONNREFUSED, socle_io_connect(&io, &own));
	close_all();
}

static void
a_datagram_socket_may_send_to_itself(void **state)
{
	struct socle_addr own;

	(void)state;
	io_open(&io,
		&(struct socle_io_params){
			.proto = "udp", .local_addr = "127.0.0.1:0"});
	assert_int_equal(0, socle_io_sockname(&io, &own));
	assert_int_equal(0, socle_io_connect(&io, &own));
	assert_talks(&io, &io);
	close_all();
}

static void
an_interrupted_dup_keeps_the_fd_number(void **state)
{
	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	const char *const names[] = {
		io_refusing(&refusing), io_sockname_text(&listener), NULL};

	io_names_are(names);
	seam_fail(CALL_dup3, 1, EINTR, 1);
	io_open(&io, &(struct socle_io_params){.peer_addr = "name:7"});
	assert_string_equal(names[1], io_peername_text(&io));
	assert_int_equal(2, seam_count(CALL_dup3));
	close_all();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		io_test(the_addresses_of_a_name_are_tried_in_turn),
		io_test(if_all_addresses_fail_the_last_connect_error_is_reported),
		io_test(a_bind_error_is_reported_before_a_socket_error),
		io_test(an_option_that_cannot_be_set_ends_the_attempt),
		io_test(local_and_peer_addresses_have_the_same_family),
		io_test(the_fd_keeps_its_number_over_retries),
		io_test(if_the_fd_number_cannot_be_kept_a_new_one_is_used),
		io_test(a_retry_has_the_same_options_and_local_address),
		io_test(closing_drops_the_addresses_not_yet_tried),
		io_test(a_refused_connect_is_never_reported_as_connected),
		io_test(closing_the_fd_clears_its_failure),
		io_test(another_connect_does_not_end_the_one_in_progress),
		io_test(another_connect_does_not_hide_the_result_of_the_first),
		io_test(a_socket_that_hangs_up_without_an_error_is_not_connected),
		io_test(a_full_unix_listener_is_eagain),
		io_test(a_tcp_socket_connected_to_itself_counts_as_refused),
		io_test(an_ipv6_socket_connected_to_itself_counts_as_refused),
		io_test(a_socket_not_yet_connected_is_not_a_failure),
		io_test(connecting_without_an_address_is_einval),
		io_test(a_datagram_socket_may_send_to_itself),
		io_test(an_interrupted_dup_keeps_the_fd_number),
	};

	return run_tests(tests);
}

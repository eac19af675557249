/* Sockets as objects: how long a connect and an accept may take. */
#include "tests/support/io.h"

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

/* TI17 */
static void
a_connect_in_time_restores_the_blocking_mode(void **state)
{
	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener),
			.timeout = 5});
	assert_true(io_blocks(&io));
	assert_int_equal(1, socle_io_connected(&io));
	socle_io_close(&io);
	io_connects_are_slow(EINPROGRESS);
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener),
			.timeout = 5});
	assert_true(io_blocks(&io));
	assert_int_equal(1, socle_io_connected(&io));
	close_all();
}

/* TI17 */
static void
a_connect_that_hangs_times_out(void **state)
{
	struct socle_addr to;
	double start;

	(void)state;
	io_stuffed(&listener, "127.0.0.1:0", fds);
	assert_int_equal(0, socle_io_sockname(&listener, &to));
	seam_time_virtual();
	start = seam_time();
	assert_int_equal(-ETIMEDOUT,
		socle_io_open(&io,
			&(struct socle_io_params){
				.peer_addr = io_text(&to), .timeout = 1.5}));
	assert_no_fd(&io, "connect: timeout");
	assert_in_range((seam_time() - start) * 1000, 1500, 1501);
	io_open(&io,
		&(struct socle_io_params){.domain = AF_INET, .timeout = 0.5});
	assert_int_equal(-ETIMEDOUT, socle_io_connect(&io, &to));
	assert_string_equal("connect: timeout", socle_io_errstr(&io));
	assert_true(io_blocks(&io));
	io_close_all(fds);
	close_all();
}

static void
each_address_has_the_whole_timeout(void **state)
{
	double start;

	(void)state;
	io_stuffed(&refusing, "127.0.0.1:0", fds);
	io_listening(&listener, "127.0.0.1:0");
	const char *const names[] = {io_sockname_text(&refusing),
		io_sockname_text(&refusing), io_sockname_text(&listener), NULL};

	io_names_are(names);
	seam_time_virtual();
	start = seam_time();
	io_open(&io,
		&(struct socle_io_params){.peer_addr = "name:7", .timeout = 2});
	assert_in_range((seam_time() - start) * 1000, 4000, 4002);
	assert_string_equal(names[2], io_peername_text(&io));
	io_close_all(fds);
	close_all();
}

static void
the_kernels_own_timeout_is_reported_differently(void **state)
{
	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	seam_fail(CALL_connect, 1, ETIMEDOUT, 1);
	assert_int_equal(-ETIMEDOUT,
		socle_io_open(&io,
			&(struct socle_io_params){
				.peer_addr = io_sockname_text(&listener),
				.timeout = 5}));
	assert_no_fd(&io, words("connect", ETIMEDOUT));
	close_all();
}

static void
a_send_timeout_of_the_kernel_ends_a_blocking_connect(void **state)
{
	const struct timeval soon = {.tv_usec = 20000};
	const struct socle_io_sockopt opt = {.level = SOL_SOCKET,
		.opt = SO_SNDTIMEO,
		.data = &soon,
		.len = sizeof(soon)};

	(void)state;
	io_stuffed(&listener, "127.0.0.1:0", fds);
	assert_int_equal(-ETIMEDOUT,
		socle_io_open(&io,
			&(struct socle_io_params){
				.peer_addr = io_sockname_text(&listener),
				.sockopts = &opt,
				.n_sockopts = 1}));
	assert_no_fd(&io, "connect: timeout");
	io_close_all(fds);
	close_all();
}

static void
a_full_unix_listener_is_waited_for(void **state)
{
	double start;

	(void)state;
	skip_without_abstract();
	io_stuffed(&listener, "@socle-io-full", fds);
	seam_time_virtual();
	start = seam_time();
	assert_int_equal(-ETIMEDOUT,
		socle_io_open(&io,
			&(struct socle_io_params){
				.peer_addr = "@socle-io-full", .timeout = 1}));
	assert_no_fd(&io, "connect: timeout");
	assert_in_range((seam_time() - start) * 1000, 1000, 1005);
	io_close_all(fds);
	close_all();
}

/* Another process accepts the client during the wait. */
static int
poll_and_accept(struct pollfd *p, nfds_t n, int ms)
{
	if (socle_io_fd(&peer) < 0)
		socle_io_accept(&listener, &peer, NULL);
	return poll(p, n, ms < 10 ? ms : 10);
}

static void
a_unix_connect_completes_when_the_backlog_has_space(void **state)
{
	(void)state;
	skip_without_abstract();
	io_stuffed(&listener, "@socle-io-full", fds);
	io_seam_save();
	socle__seam.poll = poll_and_accept;
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = "@socle-io-full", .timeout = 5});
	assert_int_equal(1, socle_io_connected(&io));
	assert_true(io_blocks(&io));
	io_close_all(fds);
	close_all();
}

/* TI17 */
static void
an_accept_without_a_client_times_out(void **state)
{
	double start;

	(void)state;
	io_open(&listener,
		&(struct socle_io_params){.local_addr = "127.0.0.1:0",
			.listen = 1,
			.timeout = 0.75});
	seam_time_virtual();
	start = seam_time();
	memset(&peer, 0, sizeof(peer));
	assert_int_equal(-ETIMEDOUT, socle_io_accept(&listener, &peer, NULL));
	assert_string_equal("accept: timeout", socle_io_errstr(&listener));
	assert_in_range((seam_time() - start) * 1000, 750, 751);
	assert_int_equal(-1, socle_io_fd(&peer));
	assert_true(io_blocks(&listener));
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener)});
	assert_int_equal(0, socle_io_accept(&listener, &peer, NULL));
	assert_true(io_blocks(&listener));
	assert_true(io_blocks(&peer));
	assert_talks(&io, &peer);
	close_all();
}

static void
a_nonblocking_listener_does_not_wait(void **state)
{
	(void)state;
	io_open(&listener,
		&(struct socle_io_params){.local_addr = "127.0.0.1:0",
			.listen = 1,
			.nonblocking = true,
			.timeout = 10});
	assert_int_equal(-EAGAIN, socle_io_accept(&listener, &peer, NULL));
	assert_string_equal("", socle_io_errstr(&listener));
	assert_false(io_blocks(&listener));
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener)});
	assert_int_equal(0, socle_io_accept(&listener, &peer, NULL));
	assert_true(io_blocks(&peer));
	close_all();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		io_test(a_connect_in_time_restores_the_blocking_mode),
		io_test(a_connect_that_hangs_times_out),
		io_test(each_address_has_the_whole_timeout),
		io_test(the_kernels_own_timeout_is_reported_differently),
		io_test(a_send_timeout_of_the_kernel_ends_a_blocking_connect),
		io_test(a_full_unix_listener_is_waited_for),
		io_test(a_unix_connect_completes_when_the_backlog_has_space),
		io_test(an_accept_without_a_client_times_out),
		io_test(a_nonblocking_listener_does_not_wait),
	};

	return run_tests(tests);
}

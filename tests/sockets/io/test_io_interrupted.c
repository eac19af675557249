/* Sockets as objects: EINTR is never returned. */
#include "tests/support/io.h"

static struct socle_io io, peer, listener, refusing;

static void
close_all(void)
{
	socle_io_close(&io);
	socle_io_close(&peer);
	socle_io_close(&listener);
	socle_io_close(&refusing);
}

static void
an_interrupted_wait_keeps_its_deadline(void **state)
{
	double start;

	(void)state;
	io_open(&listener,
		&(struct socle_io_params){.local_addr = "127.0.0.1:0",
			.listen = 1,
			.timeout = 1});
	seam_time_virtual();
	start = seam_time();
	seam_fail(CALL_poll, 1, EINTR, 3);
	assert_int_equal(-ETIMEDOUT, socle_io_accept(&listener, &peer, NULL));
	assert_int_equal(3, seam_struck());
	assert_in_range((seam_time() - start) * 1000, 1000, 1001);
	close_all();
}

static void
an_interrupted_accept_is_repeated(void **state)
{
	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener)});
	seam_fail(CALL_accept4, 1, EINTR, 2);
	seam_fail(CALL_accept4, 3, ECONNABORTED, 1);
	assert_int_equal(0, socle_io_accept(&listener, &peer, NULL));
	assert_talks(&io, &peer);
	close_all();
}

/* As on OpenBSD, where someone has shut it down. */
static void
a_listener_that_aborts_every_client_returns_the_error(void **state)
{
	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	seam_fail(CALL_accept4, 1, ECONNABORTED, 100000);
	assert_int_equal(
		-ECONNABORTED, socle_io_accept(&listener, &peer, NULL));
	assert_string_equal(
		words("accept", ECONNABORTED), socle_io_errstr(&listener));
	close_all();
}

static void
interrupted_sends_and_receives_are_repeated(void **state)
{
	(void)state;
	io_tcp_pair(&io, &peer);
	seam_fail(CALL_sendto, 1, EINTR, 2);
	seam_fail(CALL_recvfrom, 1, EINTR, 2);
	assert_talks(&io, &peer);
	assert_int_equal(4, seam_struck());
	close_all();
}

static void
connects_when_interrupted(bool nonblocking, double timeout)
{
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = io_sockname_text(&listener),
			.nonblocking = nonblocking,
			.timeout = timeout});
	assert_int_equal(1, io_connected(&io));
	assert_int_equal(0, socle_io_accept(&listener, &peer, NULL));
	assert_talks(&io, &peer);
	socle_io_close(&io);
	socle_io_close(&peer);
}

static void
a_connect_interrupted_before_it_started_is_repeated(void **state)
{
	static const char *const where[] = {"127.0.0.1:0", "@socle-io-intr"};
	const int n = SOCLE__HAVE_ABSTRACT ? 2 : 1;

	(void)state;
	for (int i = 0; i < n; i++) {
		io_listening(&listener, where[i]);
		seam_fail(CALL_connect, 1, EINTR, 2);
		connects_when_interrupted(false, 0);
		seam_fail(CALL_connect, 1, EINTR, 2);
		connects_when_interrupted(true, 0);
		seam_fail(CALL_connect, 1, EINTR, 2);
		connects_when_interrupted(false, 5);
		socle_io_close(&listener);
	}
	assert_int_equal(6 * n, seam_struck());
}

static int first_errno;

/* Connects as requested, but first returns EINTR. */
static int
interrupted_connect(int fd, const struct sockaddr *a, socklen_t n)
{
	int r = connect(fd, a, n);

	if (first_errno == 0)
		return r;
	errno = first_errno;
	first_errno = 0;
	return -1;
}

static void
a_connect_interrupted_in_progress_continues(void **state)
{
	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	io_seam_save();
	socle__seam.connect = interrupted_connect;
	first_errno = EINTR;
	connects_when_interrupted(false, 0);
	first_errno = EINTR;
	connects_when_interrupted(true, 0);
	first_errno = EINTR;
	connects_when_interrupted(false, 5);
	close_all();
}

static void
a_connect_interrupted_and_then_refused_is_refused(void **state)
{
	(void)state;
	io_connects_are_slow(EINTR);
	assert_int_equal(-ECONNREFUSED,
		socle_io_open(&io,
			&(struct socle_io_params){
				.peer_addr = io_refusing(&refusing)}));
	assert_no_fd(&io, words("connect", ECONNREFUSED));
	close_all();
}

static void
repeating_an_interrupted_connect_accepts_eisconn_and_ealready(void **state)
{
	(void)state;
	seam_fail(CALL_connect, 1, EINTR, 1);
	seam_fail(CALL_connect, 2, EISCONN, 1);
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = "127.0.0.1:1", .nonblocking = true});
	socle_io_close(&io);
	seam_fail(CALL_connect, 1, EINTR, 1);
	seam_fail(CALL_connect, 2, EALREADY, 1);
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = "127.0.0.1:1", .nonblocking = true});
	assert_int_equal(-ENOTCONN, socle_io_connected(&io));
	socle_io_close(&io);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		io_test(an_interrupted_wait_keeps_its_deadline),
		io_test(an_interrupted_accept_is_repeated),
		io_test(a_listener_that_aborts_every_client_returns_the_error),
		io_test(interrupted_sends_and_receives_are_repeated),
		io_test(a_connect_interrupted_before_it_started_is_repeated),
		io_test(a_connect_interrupted_in_progress_continues),
		io_test(repeating_an_interrupted_connect_accepts_eisconn_and_ealready),
		io_test(a_connect_interrupted_and_then_refused_is_refused),
	};

	return run_tests(tests);
}

/* Sending with a dgram: order, time, and failures. */
/* backends: all */
#include "tests/support/dgrams.h"

static const struct socle_dgram_params now = {.autoflush = true};
static const struct socle_dgram_params all = {.send_all = true};

static bool
wants_write(const struct recorder *t)
{
	return (socle_watching(&t->dgram.sock) & SOCLE_WRITE) != 0;
}

/* TD07 */
static void
an_object_without_on_recv_sends(void **state)
{
	struct socle_dgram *d;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(
		0, socle_dgram_new(&socle_dgram_class, fds[0], NULL, &d));
	assert_int_equal(0, socle_dgram_send(d, "hello", 5, 0, NULL));
	turn(1);
	assert_receives(fds[1], "hello");
	close(fds[1]);
}

/* TD08 */
static void
without_autoflush_a_datagram_is_sent_by_the_loop(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	assert_false(wants_write(t));
	assert_int_equal(0, recorder_send(t, "message\n"));
	assert_true(wants_write(t));
	assert_int_equal(8, socle_write_buf_size(&t->dgram.sock));
	assert_receives_nothing(fds[1]);
	turn(1);
	assert_false(wants_write(t));
	assert_notes("empty");
	assert_receives(fds[1], "message\n");
	turn(2);
	assert_notes("");
	close(fds[1]);
}

/* TD09 */
static void
with_autoflush_a_datagram_is_sent_at_once(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &now);
	assert_int_equal(1, recorder_send(t, "message\n"));
	assert_receives(fds[1], "message\n");
	assert_false(wants_write(t));
	turn(2);
	assert_notes("");
	close(fds[1]);
}

/* TD10 */
static void
autoflush_sends_queued_datagrams_first(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	assert_int_equal(0, recorder_send(t, "First"));
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram, &now, SOCLE_DGRAM_AUTOFLUSH));
	assert_int_equal(1, recorder_send(t, "Second"));
	assert_receives(fds[1], "First");
	assert_receives(fds[1], "Second");
	assert_false(wants_write(t));
	assert_notes("empty");
	close(fds[1]);
}

static bool
note_left(struct socle_socket *s, void *arg)
{
	(void)arg;
	note("%zu", socle_write_buf_size(s));
	return socle_write_buf_size(s) > 0;
}

static void
send_three(const struct socle_dgram_params *p)
{
	struct recorder *t;
	int fds[2];

	pair_dgram(fds);
	t = recorder_new(fds[0], p);
	socle_set_socket_post_loop_callback(&t->dgram.sock, note_left, NULL);
	recorder_send(t, "1");
	recorder_send(t, "2");
	recorder_send(t, "3");
	assert_int_equal(0, socle_event_loop());
	assert_receives(fds[1], "1");
	assert_receives(fds[1], "2");
	assert_receives(fds[1], "3");
	close(fds[1]);
}

static void
one_datagram_is_sent_per_tick(void **state)
{
	(void)state;
	send_three(NULL);
	assert_notes("2 1 empty 0");
}

static void
with_send_all_everything_is_sent_in_one_tick(void **state)
{
	(void)state;
	send_three(&all);
	assert_notes("empty 0");
}

/* TD12 */
static void
a_failed_send_is_reported_by_value_and_drops_only_itself(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	recorder_send(t, "1");
	recorder_send(t, "2");
	seam_fail(CALL_sendto, 1, ECONNRESET, 1);
	seam_fail(CALL_sendmsg, 1, ECONNRESET, 1);
	turn(2);
	assert_notes("serr-ECONNRESET:1 empty");
	assert_receives(fds[1], "2");
	assert_false(socle_closed(&t->dgram.sock));
	close(fds[1]);
}

static void
without_a_handler_only_a_broken_socket_closes_after_a_send(void **state)
{
	struct socle_dgram_class plain = recorder_class;
	struct socle_dgram *d;
	int fds[2];

	(void)state;
	plain.on_send_error = NULL;
	pair_dgram(fds);
	assert_int_equal(0, socle_dgram_new(&plain, fds[0], NULL, &d));
	socle_dgram_send(d, "1", 1, 0, NULL);
	seam_fail(CALL_sendto, 1, EHOSTUNREACH, 1);
	turn(1);
	assert_notes("empty");
	socle_dgram_send(d, "1", 1, 0, NULL);
	seam_fail(CALL_sendto, 1, EFAULT, 1);
	turn(1);
	assert_notes("close(send_error) destroy");
	socle_reset();
	close(fds[1]);
}

static void
send_empty(const struct socle_dgram_params *p)
{
	struct recorder *t;
	int fds[2];

	pair_dgram(fds);
	t = recorder_new(fds[0], p);
	assert_int_equal(
		p->autoflush, socle_dgram_send(&t->dgram, NULL, 0, 0, NULL));
	turn(3);
	assert_receives(fds[1], "");
	assert_receives_nothing(fds[1]);
	assert_false(socle_closed(&t->dgram.sock));
	assert_notes(p->autoflush ? "" : "empty");
	close(fds[1]);
}

/* TD15 */
static void
an_empty_datagram_is_sent_once(void **state)
{
	const struct socle_dgram_params later = {.autoflush = false};
	const struct socle_dgram_params batch = {.recv_batch = 8};

	(void)state;
	send_empty(&now);
	send_empty(&later);
	send_empty(&batch);
}

static void
receive_numbered(int fd, int *received)
{
	char buf[2000];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) >= 0) {
		int number;

		assert_int_equal(1000, n);
		memcpy(&number, buf, sizeof(number));
		assert_int_equal((*received)++, number);
	}
}

static void
all_arrive(const struct socle_dgram_params *p)
{
	enum { MANY = 200 };
	char data[1000] = "";
	struct recorder *t;
	int fds[2], received = 0, small = 4096;
	time_t end = time(NULL) + 30;

	pair_dgram(fds);
	assert_int_equal(0,
		setsockopt(
			fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
	t = recorder_new(fds[0], p);
	for (int i = 0; i < MANY; i++) {
		memcpy(data, &i, sizeof(i));
		assert_true(socle_dgram_send(&t->dgram, data, sizeof(data), 0,
				    NULL) >= 0);
	}
	/* by time where the kernel does not say when the reader has room */
	for (int i = 0; received < MANY && time(NULL) < end; i++) {
		turn(1);
		if (i % 3 == 0)
			receive_numbered(fds[1], &received);
	}
	turn(3);
	assert_int_equal(MANY, received);
	assert_receives_nothing(fds[1]);
	assert_notes("empty");
	socle_close(&t->dgram.sock, NULL);
	turn(1);
	notes_clear();
	close(fds[1]);
}

/* TD16 */
static void
datagrams_for_a_slow_reader_wait_in_order(void **state)
{
	const struct socle_dgram_params one = {.autoflush = false};
	const struct socle_dgram_params batch = {.recv_batch = 16};

	(void)state;
	all_arrive(&one);
	all_arrive(&now);
	all_arrive(&all);
	all_arrive(&batch);
}

/* TD17 */
static void
with_autoflush_an_error_is_reported_only_by_the_result(void **state)
{
	struct socle_addr a;
	struct recorder *t;
	int fd, r;

	(void)state;
	udp_nowhere(&a);
	t = recorder_new(udp_to(&a), &now);
	assert_int_equal(1, recorder_send(t, "1"));
	r = socle_dgram_send(&t->dgram, "2", 1, 0, NULL);
	assert_int_equal(-ECONNREFUSED, r);
	assert_int_equal(0, socle_write_buf_size(&t->dgram.sock));
	turn(3);
	assert_notes("");
	/* now a peer binds that address */
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(0, bind(fd, &a.u.sa, a.len));
	assert_int_equal(1, recorder_send(t, "3"));
	assert_receives(fd, "3");
	assert_receives_nothing(fd);
	close(fd);
}

/* TD18 */
static void
without_handlers_a_peer_that_returns_is_served(void **state)
{
	struct socle_addr a;
	struct socle_dgram *d;
	int peer = udp_bound(&a);

	(void)state;
	assert_int_equal(
		0, socle_dgram_new(&socle_dgram_class, udp_to(&a), NULL, &d));
	close(peer);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(0, socle_dgram_send(d, "lost", 4, 0, NULL));
		turn(2);
	}
	assert_false(socle_closed(&d->sock));
	peer = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(0, bind(peer, &a.u.sa, a.len));
	turn(1);
	assert_int_equal(0, socle_dgram_send(d, "found", 5, 0, NULL));
	turn(2);
	assert_receives(peer, "found");
	close(peer);
}

/* TD23 */
static void
a_send_without_a_destination_fails_and_the_loop_runs_on(void **state)
{
	struct socle_addr mine;
	struct recorder *t;

	(void)state;
	t = recorder_new(udp_bound(&mine), NULL);
	assert_int_equal(0, recorder_send(t, "x"));
	turn(1);
	assert_notes("serr-EDESTADDRREQ:x empty");
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram, &now, SOCLE_DGRAM_AUTOFLUSH));
	assert_int_equal(
		-EDESTADDRREQ, socle_dgram_send(&t->dgram, "x", 1, 0, NULL));
	turn(1);
	assert_notes("");
}

/* ---- errors and limits of the kernel ---- */

/* TD28 */
static void
a_datagram_that_is_too_long_is_reported_and_the_next_is_sent(void **state)
{
	static char big[65508];
	struct socle_addr a;
	struct recorder *t;
	int fd = udp_bound(&a);

	(void)state;
	t = recorder_new(udp_to(&a), NULL);
	assert_int_equal(
		0, socle_dgram_send(&t->dgram, big, sizeof(big), 0, NULL));
	recorder_send(t, "next");
	turn(2);
	assert_notes("serr-EMSGSIZE: empty");
	assert_receives(fd, "next");
	close(fd);
}

/* TD30 */
static void
an_address_overrides_the_connected_peer(void **state)
{
	struct socle_addr a, b;
	struct recorder *t;
	int one = udp_bound(&a), other = udp_bound(&b);
	int r;

	(void)state;
	t = recorder_new(udp_to(&a), &now);
	r = socle_dgram_send(&t->dgram, "x", 1, 0, &b);
#ifdef __linux__
	assert_int_equal(1, r);
	assert_receives(other, "x");
#else
	assert_int_equal(-EISCONN, r);
#endif
	assert_receives_nothing(one);
	close(one);
	close(other);
}

/* TD34 */
static void
a_broadcast_needs_the_socket_option(void **state)
{
	struct socle_addr to, mine;
	struct recorder *t;
	int fd = udp_bound(&mine), on = 1;

	(void)state;
	skip_without_address("127.0.0.2"); /* nor broadcasts */
	t = recorder_new(fd, &now);
	assert_int_equal(0, socle_addr_parse(&to, "127.255.255.255:9", 0));
	assert_int_equal(-EACCES, socle_dgram_send(&t->dgram, "x", 1, 0, &to));
	assert_int_equal(
		0, setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)));
	assert_int_equal(1, socle_dgram_send(&t->dgram, "x", 1, 0, &to));
}

static int
die_by_sigpipe(int type)
{
	int fds[2];
	struct recorder *t;

	assert_int_equal(0, socketpair(AF_UNIX, type, 0, fds));
	t = recorder_new(fds[0], &now);
	close(fds[1]);
	return socle_dgram_send(&t->dgram, "x", 1, 0, NULL);
}

/* TD35 */
static void
a_closed_peer_raises_no_signal(void **state)
{
	struct sigaction before;

	(void)state;
	sigaction(SIGPIPE, NULL, &before);
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(-EPIPE, die_by_sigpipe(SOCK_STREAM));
	assert_int_equal(-EPIPE, die_by_sigpipe(SOCK_SEQPACKET));
	assert_int_equal(-ECONNREFUSED, die_by_sigpipe(SOCK_DGRAM));
	sigaction(SIGPIPE, &before, NULL);
}

static void
an_invalid_address_is_refused(void **state)
{
	struct socle_addr a, none = {.len = 0};
	const socklen_t bad[] = {0, 1, 2, sizeof(a.u.in) - 1, sizeof(a.u) + 1};
	struct recorder *t;
	int fd = udp_bound(&a);

	(void)state;
	t = recorder_new(fd, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		a.len = bad[i];
		assert_int_equal(
			-EINVAL, socle_dgram_send(&t->dgram, "x", 1, 0, &a));
	}
	assert_int_equal(
		-EINVAL, socle_dgram_send(&t->dgram, "x", 1, 0, &none));
	socle_close(&t->dgram.sock, NULL);
	assert_int_equal(-EBADF, socle_dgram_send(&t->dgram, "x", 1, 0, &a));
	turn(1);
	notes_clear();
}

/* MSG_MORE joins this and the next send into one datagram. */
#ifdef MSG_MORE
enum { JOIN = MSG_MORE };
#else
enum { JOIN = 0 };
#endif

static void
each_datagram_keeps_its_flags_and_address(void **state)
{
	struct socle_addr a, b, mine;
	struct recorder *t;
	int one = udp_bound(&a), other = udp_bound(&b);

	(void)state;
	t = recorder_new(udp_bound(&mine), &all);
	socle_dgram_send(&t->dgram, "1", 1, 0, &a);
	socle_dgram_send(&t->dgram, "2", 1, 0, &b);
	socle_dgram_send(&t->dgram, "3", 1, JOIN, &a);
	socle_dgram_send(&t->dgram, "4", 1, 0, &a);
	turn(1);
	assert_receives(one, "1");
	assert_receives(other, "2");
	assert_receives(one, JOIN ? "34" : "3");
	if (!JOIN)
		assert_receives(one, "4");
	assert_receives_nothing(other);
	notes_clear();
	close(one);
	close(other);
}

static void
a_stream_sends_what_fits_and_the_rest_later(void **state)
{
	static char data[1 << 20], received[1 << 20];
	struct recorder *t;
	size_t len = 0;
	int fds[2];

	(void)state;
	pair_unix(fds);
	pattern_fill(data, sizeof(data), 0, 1);
	t = recorder_new(fds[0], &now);
	assert_int_equal(0,
		socle_dgram_send(&t->dgram, data, sizeof(data) - 9, 0, NULL));
	assert_int_equal(0,
		socle_dgram_send(
			&t->dgram, data + sizeof(data) - 9, 9, 0, NULL));
	for (int i = 0; i < 1000 && len < sizeof(data); i++) {
		ssize_t n =
			drain_fd(fds[1], received + len, sizeof(data) - len);

		len += n > 0 ? (size_t)n : 0;
		turn(1);
	}
	assert_int_equal(sizeof(data), len);
	assert_memory_equal(data, received, len);
	assert_notes("empty");
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_object_without_on_recv_sends),
		test(without_autoflush_a_datagram_is_sent_by_the_loop),
		test(with_autoflush_a_datagram_is_sent_at_once),
		test(autoflush_sends_queued_datagrams_first),
		test(one_datagram_is_sent_per_tick),
		test(with_send_all_everything_is_sent_in_one_tick),
		test(a_failed_send_is_reported_by_value_and_drops_only_itself),
		test(without_a_handler_only_a_broken_socket_closes_after_a_send),
		test(an_empty_datagram_is_sent_once),
		test(datagrams_for_a_slow_reader_wait_in_order),
		test(with_autoflush_an_error_is_reported_only_by_the_result),
		test(without_handlers_a_peer_that_returns_is_served),
		test(a_send_without_a_destination_fails_and_the_loop_runs_on),
		test(a_datagram_that_is_too_long_is_reported_and_the_next_is_sent),
		test(an_address_overrides_the_connected_peer),
		test(a_broadcast_needs_the_socket_option),
		test(a_closed_peer_raises_no_signal),
		test(an_invalid_address_is_refused),
		test(each_datagram_keeps_its_flags_and_address),
		test(a_stream_sends_what_fits_and_the_rest_later),
	};

	return run_tests(tests);
}

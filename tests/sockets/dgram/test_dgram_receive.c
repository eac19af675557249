/* Receiving with a dgram, and delivery to its handlers. */
/* backends: all */
#include "tests/support/dgrams.h"

static const struct socle_dgram_params all = {.recv_all = true};
static const struct socle_dgram_params batch = {.recv_batch = 8};

/* TD01 */
static void
a_datagram_is_received_once_with_its_address(void **state)
{
	struct socle_addr mine, peers;
	struct recorder *t;
	int fd;

	(void)state;
	t = recorder_new(udp_bound(&mine), NULL);
	fd = udp_to(&mine);
	name_of(fd, &peers);
	datagram(fd, "message\n");
	assert_notes("");
	turn_until_received(t, 1);
	turn(2);
	assert_notes("<message\n>");
	assert_int_equal(peers.len, t->last.from.len);
	assert_memory_equal(&peers.u, &t->last.from.u, peers.len);
	assert_false(t->last.truncated);
	assert_int_equal(0, t->last.to.len);
	close(fd);
}

static void
another_on_recv(struct socle_dgram *self, const struct socle_packet *p)
{
	(void)self;
	note("another:%.*s", (int)p->len, (const char *)p->data);
}

/* TD02 */
static void
a_replaced_handler_is_not_called(void **state)
{
	const struct socle_dgram_params p = {.on_recv = another_on_recv};
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	assert_int_equal(
		0, socle_dgram_configure(&t->dgram, &p, SOCLE_DGRAM_ON_RECV));
	datagram(fds[1], "another message\n");
	turn(2);
	assert_notes("another:another message\n");
	close(fds[1]);
}

/* TD03 */
static void
one_datagram_is_received_per_readiness(void **state)
{
	const struct socle_dgram_params p = {.recv_len = 4};
	int fds[2];

	(void)state;
	pair_dgram(fds);
	recorder_new(fds[0], &p);
	datagram(fds[1], "A nice message");
	datagram(fds[1], "another one");
	datagram(fds[1], "and a third");
	turn(1);
	assert_notes("<A ni>");
	turn(2);
	assert_notes("<anot> <and >");
	turn(2);
	assert_notes("");
	close(fds[1]);
}

/* TD04 */
static void
with_recv_all_everything_available_is_received(void **state)
{
	const struct socle_dgram_params p = {.recv_len = 4, .recv_all = true};
	int fds[2];

	(void)state;
	pair_dgram(fds);
	recorder_new(fds[0], &p);
	datagram(fds[1], "A nice message");
	datagram(fds[1], "another one");
	datagram(fds[1], "and a third");
	turn(1);
	assert_notes("<A ni> <anot> <and >");
	close(fds[1]);
}

/* TD06 */
static void
the_class_handler_runs_if_the_object_has_none(void **state)
{
	static const struct socle_dgram_class below = {
		.cls = {.name = "Below", .super = &recorder_class.cls}};
	struct socle_dgram *d;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(0, socle_dgram_new(&below, fds[0], NULL, &d));
	datagram(fds[1], "x");
	turn(1);
	assert_notes("<x>");
	close(fds[1]);
}

/* TD11 */
static void
a_failed_receive_is_reported_by_value_and_closes_nothing(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	datagram(fds[1], "x");
	seam_fail(CALL_recvmsg, 1, ECONNRESET, 1);
	turn(1);
	assert_int_equal(1, t->recv_errors);
	turn(1);
	assert_int_equal(1, t->received);
	assert_false(socle_closed(&t->dgram.sock));
	notes_clear();
	close(fds[1]);
}

static void
without_a_handler_only_a_broken_socket_closes_after_a_receive(void **state)
{
	struct socle_dgram_class plain = recorder_class;
	struct socle_dgram *d;
	int fds[2];

	(void)state;
	plain.on_recv_error = NULL;
	pair_dgram(fds);
	assert_int_equal(0, socle_dgram_new(&plain, fds[0], NULL, &d));
	datagram(fds[1], "x");
	seam_fail(CALL_recvmsg, 1, ECONNREFUSED, 1);
	turn(1);
	assert_notes("");
	seam_fail(CALL_recvmsg, 1, EFAULT, 1);
	turn(1);
	assert_notes("close(recv_error) destroy");
	socle_reset();
	close(fds[1]);
}

/* TD14 */
static void
an_empty_datagram_is_received_and_ends_nothing(void **state)
{
	struct socle_addr mine;
	struct recorder *t;
	int fd;

	(void)state;
	t = recorder_new(udp_bound(&mine), NULL);
	fd = udp_to(&mine);
	datagram(fd, "");
	datagram(fd, "next");
	turn_until_received(t, 2);
	assert_notes("<> <next>");
	assert_false(socle_closed(&t->dgram.sock));
	assert_int_equal(0, t->recv_errors);
	close(fd);
}

static void
empty_datagrams_are_received_in_a_batch_too(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &batch);
	datagram(fds[1], "");
	datagram(fds[1], "a");
	datagram(fds[1], "");
	turn(1);
	assert_notes("<> <a> <>");
	assert_false(socle_closed(&t->dgram.sock));
	close(fds[1]);
}

static void
assert_cut(const struct socle_dgram_params *p)
{
	struct socle_addr mine;
	struct recorder *t = recorder_new(udp_bound(&mine), p);
	int fd = udp_to(&mine);

	datagram(fd, "0123456789");
	turn_until_received(t, 1);
	assert_notes("<0123>");
	assert_true(t->last.truncated);
	assert_int_equal(4, t->last.len);
#ifdef __linux__
	assert_int_equal(10, t->last.full_len);
#endif
	datagram(fd, "four");
	turn_until_received(t, 2);
	assert_false(t->last.truncated);
	assert_int_equal(4, t->last.full_len);
	notes_clear();
	close(fd);
}

/* TD19 */
static void
truncation_is_reported(void **state)
{
	const struct socle_dgram_params one = {.recv_len = 4};
	const struct socle_dgram_params many = {.recv_len = 4, .recv_batch = 4};
	const struct socle_dgram_params joined = {.recv_len = 4, .gro = true};

	(void)state;
	assert_cut(&one);
	assert_cut(&many);
	assert_cut(&joined);
}

/* TD20 */
static void
a_recv_len_of_0_is_the_default(void **state)
{
	char big[60000 + 1];
	struct socle_addr mine;
	struct recorder *t;
	int fd;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	t = recorder_new(udp_bound(&mine), NULL);
	t->quiet = true;
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram,
			&(struct socle_dgram_params){.recv_len = 0},
			SOCLE_DGRAM_RECV_LEN));
	fd = udp_to(&mine);
	datagram(fd, big);
	turn_until_received(t, 1);
	assert_int_equal(60000, t->last.len);
	assert_false(t->last.truncated);
	close(fd);
}

static void
close_it(struct recorder *t, const struct socle_packet *p)
{
	(void)p;
	socle_close(&t->dgram.sock, "enough");
}

/* TD21 */
static void
closing_in_on_recv_ends_receiving(void **state)
{
	const struct socle_dgram_params *ways[] = {&all, &batch};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct recorder *t;
		int fds[2];

		pair_dgram(fds);
		t = recorder_new(fds[0], ways[i]);
		t->on_recv = close_it;
		datagram(fds[1], "1");
		datagram(fds[1], "2");
		turn(3);
		assert_notes("<1> close(enough) destroy");
		close(fds[1]);
	}
}

static void
own_destroy(struct socle_socket *self)
{
	free(socle_container_of(self, struct recorder, dgram.sock));
}

/* TD22 */
static void
an_object_that_frees_itself_in_on_recv_is_not_touched(void **state)
{
	struct socle_dgram_class own = recorder_class;
	struct recorder *t = calloc(1, sizeof(*t));
	int fds[2];

	(void)state;
	own.cls.destroy = own_destroy;
	pair_dgram(fds);
	assert_int_equal(0, socle_dgram_init(&t->dgram, &own, fds[0], &batch));
	t->on_recv = close_it;
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	turn(3);
	assert_notes("<1> close(enough)");
	socle_reset();
	close(fds[1]);
}

/* ---- kinds of sockets ---- */

static void
the_end_of_a_seqpacket_socket_closes(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
	recorder_new(fds[0], NULL);
	datagram(fds[1], "packet");
	turn(1);
	close(fds[1]);
	turn(2);
	assert_notes("<packet> close(end of stream) destroy");
}

static void
a_stream_is_received_in_pieces_and_its_end_closes(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	recorder_new(fds[0], &(struct socle_dgram_params){.recv_len = 4});
	datagram(fds[1], "pieces");
	turn(2);
	close(fds[1]);
	turn(2);
	assert_notes("<piec> <es> close(end of stream) destroy");
}

static void
a_missing_peer_is_reported_as_a_receive_error(void **state)
{
	struct socle_addr nowhere;
	struct recorder *t;

	(void)state;
	udp_nowhere(&nowhere);
	t = recorder_new(udp_to(&nowhere),
		&(struct socle_dgram_params){.autoflush = true});
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(1, recorder_send(t, "x"));
		turn_until_count(&t->recv_errors, i);
	}
	assert_notes("rerr-ECONNREFUSED rerr-ECONNREFUSED rerr-ECONNREFUSED");
	assert_false(socle_closed(&t->dgram.sock));
}

static void
an_error_is_reported_with_reading_off_too(void **state)
{
	struct socle_addr nowhere;
	struct recorder *t;

	(void)state;
	udp_nowhere(&nowhere);
	t = recorder_new(udp_to(&nowhere),
		&(struct socle_dgram_params){.autoflush = true});
	socle_watch_read(&t->dgram.sock, false);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(1, recorder_send(t, "x"));
		turn_until_count(&t->recv_errors, i);
	}
	notes_clear();
}

#ifdef __linux__
/* The kernel reports such an error until it is read. */
static void
errors_the_kernel_keeps_are_reported_once_and_do_not_block(void **state)
{
	struct socle_addr mine, nowhere;
	struct recorder *t;
	int fd = udp_bound(&mine), on = 1;

	(void)state;
	udp_nowhere(&nowhere);
	assert_int_equal(
		0, setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)));
	t = recorder_new(fd, &(struct socle_dgram_params){.autoflush = true});
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(
			1, socle_dgram_send(&t->dgram, "x", 1, 0, &nowhere));
		turn_until_count(&t->recv_errors, i);
		turn(3);
	}
	datagram_to(fd, &mine, "alive");
	turn_until_received(t, 1);
	assert_false(socle_closed(&t->dgram.sock));
	notes_clear();
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_datagram_is_received_once_with_its_address),
		test(a_replaced_handler_is_not_called),
		test(one_datagram_is_received_per_readiness),
		test(with_recv_all_everything_available_is_received),
		test(the_class_handler_runs_if_the_object_has_none),
		test(a_failed_receive_is_reported_by_value_and_closes_nothing),
		test(without_a_handler_only_a_broken_socket_closes_after_a_receive),
		test(an_empty_datagram_is_received_and_ends_nothing),
		test(empty_datagrams_are_received_in_a_batch_too),
		test(truncation_is_reported),
		test(a_recv_len_of_0_is_the_default),
		test(closing_in_on_recv_ends_receiving),
		test(an_object_that_frees_itself_in_on_recv_is_not_touched),
		test(the_end_of_a_seqpacket_socket_closes),
		test(a_stream_is_received_in_pieces_and_its_end_closes),
		test(a_missing_peer_is_reported_as_a_receive_error),
		test(an_error_is_reported_with_reading_off_too),
#ifdef __linux__
		test(errors_the_kernel_keeps_are_reported_once_and_do_not_block),
#endif
	};

	return run_tests(tests);
}

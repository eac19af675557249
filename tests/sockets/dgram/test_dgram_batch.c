/*
 * Batches of datagrams: several datagrams in one system call, or joined by the
 * kernel, must behave as if they had arrived one at a time.
 */
/* backends: all */
#include "tests/support/dgrams.h"

#include <netinet/in.h>
#include <stdio.h>
#include <time.h>

enum { SIZE_MOST = 1400 };

/* The nth datagram has a known length and known bytes. */
static size_t
length_of(int n, bool even)
{
	return even ? 200 : (size_t)(n * 37 % 90) + (n % 11 ? 4 : 0);
}

struct flow {
	struct recorder *from, *to;
	int sent, n;
	bool even;
	int received;
	bool finished;
};

static void
check_it(struct recorder *t, const struct socle_packet *p)
{
	struct flow *f = t->arg;
	size_t len = length_of(f->received, f->even);

	assert_int_equal(len, p->len);
	assert_false(p->truncated);
	assert_pattern(p->data, p->len, (size_t)f->received, 7);
	f->finished = ++f->received == f->n;
}

static void
send_some(struct flow *f, int max)
{
	char data[SIZE_MOST];

	/* the datagrams in flight must fit into a receive buffer */
	while (f->sent < f->n && f->sent - f->received < 100 && max-- > 0) {
		size_t len = length_of(f->sent, f->even);

		pattern_fill(data, len, (size_t)f->sent, 7);
		assert_true(socle_dgram_send(
				    &f->from->dgram, data, len, 0, NULL) >= 0);
		f->sent++;
	}
}

static bool
flow_is_finished(void *arg)
{
	struct flow *f = arg;

	send_some(f, 100);
	return f->finished;
}

static unsigned long
run_flow(const struct socle_dgram_params *p, int n, bool even)
{
	struct flow f = {.n = n, .even = even};
	unsigned long calls;
	int fds[2];

	pair_udp(fds);
	f.from = recorder_new(fds[0], p);
	f.to = recorder_new(fds[1], p);
	f.to->quiet = f.from->quiet = true;
	f.to->on_recv = check_it;
	f.to->arg = &f;
	seam_count_reset();
	assert_int_equal(1, socle_run_until(flow_is_finished, &f));
	calls = seam_system_calls();
	turn(2);
	assert_int_equal(n, f.received);
	assert_int_equal(0, f.from->send_errors + f.to->recv_errors);
	socle_close(&f.from->dgram.sock, NULL);
	socle_close(&f.to->dgram.sock, NULL);
	turn(1);
	notes_clear();
	return calls;
}

static bool
long_form(void)
{
	const char *text = getenv("SOCLE_TEST_LONG");

	return text && *text && strcmp(text, "0") != 0;
}

/* TD32 */
static void
batches_keep_order_and_boundaries(void **state)
{
	const struct socle_dgram_params one = {.recv_len = 2000};
	const struct socle_dgram_params many = {
		.recv_len = 2000, .recv_batch = 32};

	(void)state;
	run_flow(&one, 1000, false);
	run_flow(&many, 1000, false);
}

/* TD32 */
static void
a_million_datagrams_arrive_in_order_in_batches(void **state)
{
	const struct socle_dgram_params many = {
		.recv_len = 2000, .recv_batch = 64, .recv_all = true};
	int n = long_form() ? 1000000 : scaled(30000, 1000);

	(void)state;
	if (long_form())
		alarm(300);
	run_flow(&many, n, false);
}

#ifdef __linux__
/* TD32 */
static void
a_batch_costs_a_fraction_of_the_system_calls(void **state)
{
	const struct socle_dgram_params many = {
		.recv_len = 2000, .recv_batch = 32};

	(void)state;
	if (!many_are_one_call())
		skip_because("each datagram is a system call here");
	assert_true(run_flow(&many, 3200, false) < 3200 / 4);
}
#endif

/* TD33 */
static void
datagrams_are_the_same_with_gso_and_gro(void **state)
{
	const struct socle_dgram_params ways[] = {
		{.gso = true},
		{.gro = true},
		{.gso = true, .gro = true},
		{.gso = true, .gro = true, .recv_batch = 32},
		{.gso = true, .gro = true, .recv_all = true, .recv_len = 1500},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		run_flow(&ways[i], 1000, false);
		run_flow(&ways[i], 1000, true);
	}
}

#ifdef __linux__
/* TD33 */
static void
gso_and_gro_need_almost_no_system_calls(void **state)
{
	const struct socle_dgram_params joined = {
		.gso = true, .gro = true, .recv_batch = 16};

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	assert_true(run_flow(&joined, 3200, true) < 3200 / 10);
}

static struct recorder *
send_three(int *fd, const struct socle_dgram_params *p)
{
	struct socle_addr a;
	struct recorder *t;

	*fd = udp_bound(&a);
	t = recorder_new(udp_to(&a), p);
	recorder_send(t, "one");
	recorder_send(t, "two");
	recorder_send(t, "six");
	return t;
}

static void
refused_gso_is_sent_singly(int err)
{
	const struct socle_dgram_params p = {.gso = true};
	struct recorder *t;
	int fd;

	t = send_three(&fd, &p);
	seam_fail(CALL_sendmsg, 1, err, 1);
	turn(1);
	assert_int_equal(1, seam_struck());
	assert_receives(fd, "one");
	assert_receives(fd, "two");
	assert_receives(fd, "six");
	assert_receives_nothing(fd);
	assert_notes("empty");
	recorder_send(t, "one");
	recorder_send(t, "two");
	seam_count_reset();
	turn(1);
	assert_int_equal(1, seam_count(CALL_sendmsg)); /* joined again */
	assert_int_equal(0, seam_count(CALL_sendmmsg));
	notes_clear();
	socle_close(&t->dgram.sock, NULL);
	turn(1);
	notes_clear();
	close(fd);
	seam_reset();
}

/* TD33 */
static void
a_refused_run_alone_is_sent_singly(void **state)
{
	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	refused_gso_is_sent_singly(EIO);
	refused_gso_is_sent_singly(EINVAL);
	refused_gso_is_sent_singly(EMSGSIZE);
	refused_gso_is_sent_singly(EOPNOTSUPP);
}

/* Only a missing sendmmsg(2) is done without: sendmsg(2) is always there. */
static void
enosys_of_a_joined_message_is_an_error(void **state)
{
	const struct socle_dgram_params p = {.gso = true};
	struct recorder *t;
	int fd;

	(void)state;
	if (!joined_are_supported())
		skip_because("joined datagrams are not to be had");
	t = send_three(&fd, &p);
	seam_fail(CALL_sendmsg, 1, ENOSYS, 1);
	turn(1);
	assert_notes("serr-38:one empty");
	assert_int_equal(1, t->send_errors);
	close(fd);
}

static void
gso_sends_equal_lengths_in_one_system_call(void **state)
{
	const struct socle_dgram_params p = {.gso = true};
	struct recorder *t;
	int fd;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = send_three(&fd, &p);
	recorder_send(t, "x"); /* a shorter datagram ends the run */
	recorder_send(t, "seven");
	seam_count_reset();
	turn(1);
	assert_int_equal(0, socle_write_buf_size(&t->dgram.sock));
	if (many_are_one_call())
		assert_int_equal(1, seam_count(CALL_sendmmsg));
	assert_receives(fd, "one");
	assert_receives(fd, "two");
	assert_receives(fd, "six");
	assert_receives(fd, "x");
	assert_receives(fd, "seven");
	notes_clear();
	close(fd);
}

static void
without_sendmmsg_and_recvmmsg_datagrams_are_moved_singly(void **state)
{
	const struct socle_dgram_params p = {.recv_batch = 8};
	struct recorder *from, *to;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	from = recorder_new(fds[0], &p);
	to = recorder_new(fds[1], &p);
	seam_fail(CALL_recvmmsg, 1, ENOSYS, -1);
	seam_fail(CALL_sendmmsg, 1, ENOSYS, -1);
	for (int i = 0; i < 2; i++) {
		recorder_send(from, "1");
		recorder_send(from, "2");
		recorder_send(from, "3");
		turn(2);
		assert_notes("empty <1> <2> <3>");
	}
	if (many_are_one_call()) {
		assert_int_equal(1, seam_count(CALL_recvmmsg));
		assert_int_equal(1, seam_count(CALL_sendmmsg));
	}
	assert_int_equal(0, to->recv_errors);
}

static void
an_error_after_received_datagrams_is_reported_after_them(void **state)
{
	const struct socle_dgram_params p = {.recv_batch = 8};
	int fds[2];

	(void)state;
	pair_dgram(fds);
	recorder_new(fds[0], &p);
	datagram(fds[1], "1");
	datagram(fds[1], "2");
	seam_fail(CALL_recvmmsg, 1, ENOSYS, 1);
	seam_fail(CALL_recvmsg, 3, ECONNREFUSED, 1);
	turn(1);
	assert_notes("<1> <2> rerr-ECONNREFUSED");
	close(fds[1]);
}
#endif

/* TD32 */
static void
a_datagram_that_is_too_long_fails_alone_in_its_batch(void **state)
{
	static char big[65508];
	const struct socle_dgram_params p = {.recv_batch = 8};
	struct socle_addr a;
	struct recorder *t;
	int fd = udp_bound(&a);

	(void)state;
	t = recorder_new(udp_to(&a), &p);
	recorder_send(t, "first");
	socle_dgram_send(&t->dgram, big, sizeof(big), 0, NULL);
	recorder_send(t, "third");
	turn(1);
	assert_notes("serr-EMSGSIZE: empty");
	assert_receives(fd, "first");
	assert_receives(fd, "third");
	assert_receives_nothing(fd);
	close(fd);
}

/* ---- a flood ---- */

enum { SHARE = 256 }; /* datagrams per readiness */

struct flood {
	struct recorder *t;
	int fd;
	double due;
	int late; /* datagrams delivered after the timer was due */
	bool fired;
};

static void
feed(struct flood *f)
{
	while (send(f->fd, "flood", 5, MSG_DONTWAIT) > 0)
		;
}

/*
 * There is always more: each datagram delivered is sent again, and takes time.
 */
static void
feed_more(struct recorder *t, const struct socle_packet *p)
{
	struct flood *f = t->arg;

	(void)p;
	seam_time_add(0.00001);
	f->late += seam_time() > f->due;
	(void)!send(f->fd, "flood", 5, MSG_DONTWAIT);
}

static void
fire(void *arg)
{
	struct flood *f = arg;

	f->fired = true;
}

static void
flood_with(const struct socle_dgram_params *p)
{
	struct flood f = {.late = 0};
	int fds[2];

	seam_time_virtual();
	pair_dgram(fds);
	f.t = recorder_new(fds[0], p);
	f.fd = fds[1];
	f.t->quiet = true;
	f.t->on_recv = feed_more;
	f.t->arg = &f;
	feed(&f);
	socle_add_timer(0.010, fire, &f);
	f.due = seam_time() + 0.010;
	turn_until(&f.fired);
	assert_true(f.late <= 2 * SHARE);
	assert_true(f.t->received > 0);
	socle_close(&f.t->dgram.sock, NULL);
	turn(1);
	notes_clear();
	close(fds[1]);
}

/* TD26 */
static void
a_flood_does_not_delay_a_timer(void **state)
{
	const struct socle_dgram_params all = {.recv_all = true};
	const struct socle_dgram_params both = {
		.recv_all = true, .recv_batch = 64, .recv_len = 2000};

	(void)state;
	flood_with(&all);
	flood_with(&both);
}

/* TD26 */
static void
a_flood_gets_only_its_share_of_a_tick(void **state)
{
	struct flood f = {.due = 1e300};
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_dgram(fds);
	f.t = recorder_new(
		fds[0], &(struct socle_dgram_params){.recv_all = true});
	f.fd = fds[1];
	f.t->quiet = true;
	f.t->on_recv = feed_more;
	f.t->arg = &f;
	feed(&f);
	turn(1);
	assert_int_equal(SHARE, f.t->received);
	close(fds[1]);
}

enum { LARGE = 8000 };

static void
feed_large(struct recorder *t, const struct socle_packet *p)
{
	static const char large[LARGE];

	(void)p;
	assert_int_equal(LARGE, send(*(int *)t->arg, large, LARGE, 0));
}

/* A megabyte; a datagram is counted whatever its place in the batch. */
static void
a_flood_of_large_datagrams_gets_only_its_share_of_bytes(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_udp(fds);
	t = recorder_new(fds[0],
		&(struct socle_dgram_params){
			.recv_all = true, .recv_batch = 4, .recv_len = LARGE});
	t->quiet = true;
	t->on_recv = feed_large;
	t->arg = &fds[1];
	for (int i = 0; i < 8; i++)
		feed_large(t, NULL);
	turn(1);
	assert_in_range(t->received, (1 << 20) / LARGE, (1 << 20) / LARGE + 4);
	close(fds[1]);
}

/* ---- the destination of a request ---- */

static void
answer(struct recorder *t, const struct socle_packet *p)
{
	assert_true(socle_dgram_reply(&t->dgram, p, "answer", 6) >= 0);
}

static void
asked_at(const char *bound, const char *asked, bool autoflush)
{
	const struct socle_dgram_params p = {
		.pktinfo = true, .autoflush = autoflush, .recv_batch = 4};
	struct socle_addr a, from;
	struct socle_dgram *d;
	char text[SOCLE_ADDR_TEXT_MAX], buf[16];
	struct recorder *t;
	int fd, port;

	assert_int_equal(
		0, socle_dgram_open(bound, true, &recorder_class, &p, &d));
	t = recorder_of(d);
	t->on_recv = answer;
	port = socle_local_port(&d->sock);
	assert_int_equal(0, socle_addr_parse(&a, asked, (uint16_t)port));
	fd = socket(a.u.sa.sa_family, SOCK_DGRAM, 0);
	datagram_to(fd, &a, "question");
	turn_until_received(t, 1);
	turn(1);
	from.len = sizeof(from.u);
	assert_int_equal(
		6, recvfrom(fd, buf, sizeof(buf), 0, &from.u.sa, &from.len));
	assert_int_equal(a.len, from.len);
	assert_memory_equal(&a.u, &from.u, 8);
	assert_int_equal(SOCLE__HAVE_PKTINFO || a.u.sa.sa_family == AF_INET6,
		t->last.ifindex > 0);
	assert_true(socle_addr_format(&t->last.to, text, sizeof(text)) > 0);
	assert_int_equal(port, socle_addr_port(&t->last.to));
	socle_close(&d->sock, NULL);
	turn(1);
	notes_clear();
	close(fd);
}

/* TD31 */
static void
with_pktinfo_a_reply_has_the_requests_destination_as_source(void **state)
{
	(void)state;
	skip_without_address("127.0.0.2");
	asked_at("0.0.0.0:0", "127.0.0.2", false);
	asked_at("0.0.0.0:0", "127.0.0.3", true);
	asked_at("[::]:0", "127.0.0.2", false);
	if (has_ipv6()) {
		asked_at("[::]:0", "[::1]", false);
		asked_at("[::]:0", "[::1]", true);
	}
}

static void
to_is_the_destination_address_of_the_datagram(void **state)
{
	const struct socle_dgram_params p = {.pktinfo = true};
	char text[64], mine[64];
	struct socle_dgram *d;
	struct socle_addr a;
	int fd, port;

	(void)state;
	skip_without_address("127.0.0.7");
	assert_int_equal(0,
		socle_dgram_open("0.0.0.0:0", true, &recorder_class, &p, &d));
	port = socle_local_port(&d->sock);
	snprintf(mine, sizeof(mine), "127.0.0.7:%d", port);
	assert_int_equal(0, socle_addr_parse(&a, mine, 0));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	datagram_to(fd, &a, "x");
	turn_until_received(recorder_of(d), 1);
	socle_addr_format(&recorder_of(d)->last.to, text, sizeof(text));
	assert_string_equal(mine, text);
	notes_clear();
	close(fd);
}

/* A broadcast address cannot be the source address of a reply. */
static void
what_cannot_be_answered_from_is_left_to_the_kernel(bool autoflush)
{
	const struct socle_dgram_params p = {
		.pktinfo = true, .autoflush = autoflush};
	struct socle_addr a;
	struct socle_dgram *d;
	int fd, on = 1;

	assert_int_equal(0,
		socle_dgram_open("0.0.0.0:0", true, &recorder_class, &p, &d));
	recorder_of(d)->on_recv = answer;
	assert_int_equal(0,
		socle_addr_parse(&a, "127.255.255.255",
			(uint16_t)socle_local_port(&d->sock)));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	datagram_to(fd, &a, "x");
	turn_until_received(recorder_of(d), 1);
	turn(1);
	assert_receives(fd, "answer");
	socle_close(&d->sock, NULL);
	turn(1);
	notes_clear();
	close(fd);
}

static void
with_pktinfo_a_broadcast_can_be_answered(void **state)
{
	(void)state;
	skip_without_address("127.0.0.2"); /* nor broadcasts */
	what_cannot_be_answered_from_is_left_to_the_kernel(false);
	what_cannot_be_answered_from_is_left_to_the_kernel(true);
}

static void
a_reply_without_pktinfo_reaches_the_sender(void **state)
{
	struct socle_addr mine;
	struct recorder *t;
	int fd;

	(void)state;
	t = recorder_new(udp_bound(&mine), NULL);
	t->on_recv = answer;
	fd = udp_to(&mine);
	datagram(fd, "x");
	turn_until_received(t, 1);
	turn(1);
	assert_receives(fd, "answer");
	notes_clear();
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(batches_keep_order_and_boundaries),
		test(a_million_datagrams_arrive_in_order_in_batches),
#ifdef __linux__
		test(a_batch_costs_a_fraction_of_the_system_calls),
		test(gso_and_gro_need_almost_no_system_calls),
		test(a_refused_run_alone_is_sent_singly),
		test(enosys_of_a_joined_message_is_an_error),
		test(gso_sends_equal_lengths_in_one_system_call),
		test(without_sendmmsg_and_recvmmsg_datagrams_are_moved_singly),
		test(an_error_after_received_datagrams_is_reported_after_them),
#endif
		test(datagrams_are_the_same_with_gso_and_gro),
		test(a_datagram_that_is_too_long_fails_alone_in_its_batch),
		test(a_flood_does_not_delay_a_timer),
		test(a_flood_gets_only_its_share_of_a_tick),
		test(a_flood_of_large_datagrams_gets_only_its_share_of_bytes),
		test(with_pktinfo_a_reply_has_the_requests_destination_as_source),
		test(to_is_the_destination_address_of_the_datagram),
		test(with_pktinfo_a_broadcast_can_be_answered),
		test(a_reply_without_pktinfo_reaches_the_sender),
	};

	return run_tests(tests);
}

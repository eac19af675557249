/*
 * Datagrams that the kernel joins: which are joined, and those that still wait
 * when the object stops joining.
 */
/* backends: all */
#include "tests/support/dgrams.h"

#include "system.h"

static const struct socle_dgram_params joining = {.gso = true};

static void
end(struct recorder *t)
{
	socle_close(&t->dgram.sock, NULL);
	turn(1);
	notes_clear();
}

/* A dgram with gro, and one with gso that sends to it. */
static struct recorder *
receiver_new(struct recorder **sender, size_t recv_len)
{
	struct socle_addr a;
	struct recorder *t = recorder_new(udp_bound(&a),
		&(struct socle_dgram_params){
			.gro = true, .recv_len = recv_len});

	*sender = recorder_new(udp_to(&a), &joining);
	(*sender)->quiet = true;
	return t;
}

/* One joined message waits for the receiver. */
static void
send_joined(struct recorder *sender, const char *const *texts)
{
	for (; *texts; texts++)
		recorder_send(sender, *texts);
	assert_int_equal(1, socle_write_kick(&sender->dgram.sock));
}

static const char *const digits[] = {"111111", "222222", "333333", NULL};

static int
kernel_joins(int fd)
{
	int on = -1;
	socklen_t len = sizeof(on);

	assert_int_equal(0, getsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, &len));
	return on;
}

static void
gro_off(struct recorder *t)
{
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram,
			&(struct socle_dgram_params){.gro = false},
			SOCLE_DGRAM_GRO));
}

static void
turning_gro_off_turns_the_option_off(void **state)
{
	struct recorder *t, *sender;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = receiver_new(&sender, 0);
	assert_int_equal(1, kernel_joins(t->dgram.sock.d.fd));
	gro_off(t);
	assert_int_equal(0, kernel_joins(t->dgram.sock.d.fd));
	send_joined(sender, digits);
	turn_until_received(t, 3);
	assert_notes("<111111> <222222> <333333>");
}

static void
datagrams_that_wait_joined_are_split_after_gro_is_turned_off(void **state)
{
	struct recorder *t, *sender;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = receiver_new(&sender, 1500);
	send_joined(sender, digits);
	gro_off(t);
	turn_until_received(t, 3);
	assert_notes("<111111> <222222> <333333>");
	assert_int_equal(0, kernel_joins(t->dgram.sock.d.fd));
	send_joined(sender, digits);
	turn_until_received(t, 6);
	assert_notes("<111111> <222222> <333333>");
}

/* They come in one message, which one tick receives. */
static void
datagrams_of_one_byte_are_joined_too(void **state)
{
	static const char *const bytes[] = {"1", "2", "3", NULL};
	struct recorder *t, *sender;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = receiver_new(&sender, 1500);
	send_joined(sender, bytes);
	turn(1);
	assert_int_equal(3, t->received);
	assert_notes("<1> <2> <3>");
}

static void
a_stolen_fd_does_not_join(void **state)
{
	struct recorder *t, *sender;
	int fd;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = receiver_new(&sender, 0);
	send_joined(sender, digits);
	fd = socle_steal_socket(&t->dgram.sock);
	assert_int_equal(0, kernel_joins(fd));
	assert_receives_nothing(fd);
	send_joined(sender, digits);
	assert_receives(fd, "111111");
	assert_receives(fd, "222222");
	turn(1);
	notes_clear();
	close(fd);
}

static void
note_cut(struct recorder *t, const struct socle_packet *p)
{
	(void)t;
	note("%zu/%zu%s", p->len, p->full_len, p->truncated ? "T" : "");
}

static void
each_joined_datagram_is_truncated_alone(void **state)
{
	static const char *const texts[] = {"111111", "222222", "333", NULL};
	struct recorder *t, *sender;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = receiver_new(&sender, 4);
	t->on_recv = note_cut;
	send_joined(sender, texts);
	turn_until_received(t, 3);
	assert_notes("<1111> 4/6T <2222> 4/6T <333> 3/3");
}

static bool
has_three(void *arg)
{
	return ((struct recorder *)arg)->received >= 3;
}

static void
wait_for_three(struct recorder *t, const struct socle_packet *p)
{
	t->on_recv = NULL;
	assert_int_equal(1, socle_run_until(has_three, t));
	assert_memory_equal("111111", p->data, 6);
	note("over");
}

static void
a_loop_inside_a_joined_message_delivers_the_rest_of_it(void **state)
{
	struct recorder *t, *sender;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = receiver_new(&sender, 0);
	t->on_recv = wait_for_three;
	send_joined(sender, digits);
	turn(1);
	assert_notes("<111111> <222222> <333333> over");
}

/* ---- which datagrams are joined ---- */

static void
datagrams_with_different_flags_are_not_joined(void **state)
{
	struct recorder *t;
	struct socle_addr a;
	int fd = udp_bound(&a);

	(void)state;
	t = recorder_new(udp_to(&a), &joining);
#ifdef MSG_MORE
	socle_dgram_send(&t->dgram, "aaa", 3, MSG_MORE, NULL);
	socle_dgram_send(&t->dgram, "bbb", 3, 0, NULL);
	turn(1);
	assert_receives(fd, "aaabbb");
#endif
	socle_dgram_send(&t->dgram, "ccc", 3, 0, NULL);
	socle_dgram_send(&t->dgram, "ddd", 3, MSG_DONTROUTE, NULL);
	turn(1);
	assert_receives(fd, "ccc");
	assert_receives(fd, "ddd");
	notes_clear();
	close(fd);
}

static void
datagrams_for_different_destinations_are_not_joined(void **state)
{
	struct socle_addr a, b, mine;
	struct recorder *t;
	int fds[2] = {udp_bound(&a), udp_bound(&b)};

	(void)state;
	t = recorder_new(udp_bound(&mine), &joining);
	for (int i = 0; i < 2; i++) {
		socle_dgram_send(&t->dgram, "aaa", 3, 0, &a);
		socle_dgram_send(&t->dgram, "bbb", 3, 0, &b);
	}
	turn(1);
	for (int i = 0; i < 2; i++) {
		assert_receives(fds[0], "aaa");
		assert_receives(fds[1], "bbb");
	}
	assert_receives_nothing(fds[0]);
	assert_receives_nothing(fds[1]);
	notes_clear();
	close(fds[0]);
	close(fds[1]);
}

/* Queues four datagrams, which the kernel refuses joined. */
static struct recorder *
refused_run(int *fd)
{
	struct socle_addr a;
	struct recorder *t;

	*fd = udp_bound(&a);
	t = recorder_new(udp_to(&a), &joining);
	for (int i = 0; i < 4; i++)
		recorder_send(t, "old");
	seam_fail(CALL_sendmsg, 1, EMSGSIZE, 1);
	seam_time_virtual();
	return t;
}

static void
turn_until_empty(struct recorder *t)
{
	while (t->emptied == 0)
		assert_true(socle_event_loop_once(10) >= 0);
}

static void
a_refused_run_stays_divided_while_the_kernel_is_full(void **state)
{
	struct recorder *t;
	int fd;

	(void)state;
	if (!joined_are_supported())
		skip_because("joined datagrams are not to be had");
	if (!many_are_one_call())
		skip_because("sendmmsg(2) is not used here");
	t = refused_run(&fd);
	seam_fail(CALL_sendmmsg, 1, ENOBUFS, 2);
	turn_until_empty(t);
	assert_int_equal(3, seam_struck());
	assert_int_equal(1, seam_count(CALL_sendmsg));
	for (int i = 0; i < 4; i++)
		assert_receives(fd, "old");
	notes_clear();
	close(fd);
}

/* The datagram that fails counts, too. */
static void
after_a_refused_run_the_next_one_is_joined(void **state)
{
	struct recorder *t;
	int fd;

	(void)state;
	if (!joined_are_supported())
		skip_because("joined datagrams are not to be had");
	if (!many_are_one_call())
		skip_because("sendmmsg(2) is not used here");
	t = refused_run(&fd);
	seam_fail(CALL_sendmmsg, 1, EPERM, 1);
	turn_until_empty(t);
	assert_int_equal(2, seam_struck());
	assert_int_equal(1, t->send_errors);
	for (int i = 0; i < 3; i++) {
		assert_receives(fd, "old");
		recorder_send(t, "new");
	}
	seam_count_reset();
	turn(1);
	assert_int_equal(1, seam_count(CALL_sendmsg));
	assert_int_equal(
		0, seam_count(CALL_sendmmsg) + seam_count(CALL_sendto));
	notes_clear();
	close(fd);
}

/* It may be lost: only a socket that joins discards what waits for a steal. */
static void
a_steal_keeps_what_waits_after_gro_was_turned_off(void **state)
{
	struct recorder *t, *sender;
	int fd;

	(void)state;
	if (!joined_are_supported())
		skip_because("joined datagrams are not to be had");
	t = receiver_new(&sender, 0);
	gro_off(t);
	send_joined(sender, digits);
	fd = socle_steal_socket(&t->dgram.sock);
	assert_receives(fd, "111111");
	assert_receives(fd, "222222");
	assert_receives(fd, "333333");
	turn(1);
	notes_clear();
	close(fd);
}

static void
queue_answer(struct recorder *t, const struct socle_packet *p)
{
	assert_int_equal(0, socle_dgram_reply(&t->dgram, p, "answer", 6));
}

static void
ask(int fd, int port, const char *where)
{
	struct socle_addr a;

	assert_int_equal(0, socle_addr_parse(&a, where, (uint16_t)port));
	datagram_to(fd, &a, "?");
}

static void
assert_answered_from(int fd, const char *where)
{
	struct socle_addr a;
	char text[64], buf[16];

	a.len = sizeof(a.u);
	assert_int_equal(6, recvfrom(fd, buf, sizeof(buf), 0, &a.u.sa, &a.len));
	assert_true(socle_addr_host(&a, text, sizeof(text)) > 0);
	assert_string_equal(where, text);
}

static void
replies_from_different_addresses_are_not_joined(void **state)
{
	const struct socle_dgram_params p = {
		.pktinfo = true, .gso = true, .recv_batch = 4};
	struct socle_addr mine;
	struct socle_dgram *d;
	int port, fd;

	(void)state;
	skip_without_address("127.0.0.2");
	assert_int_equal(0,
		socle_dgram_open("0.0.0.0:0", true, &recorder_class, &p, &d));
	recorder_of(d)->on_recv = queue_answer;
	port = socle_local_port(&d->sock);
	fd = udp_bound(&mine);
	ask(fd, port, "127.0.0.2");
	ask(fd, port, "127.0.0.3");
	turn_until_received(recorder_of(d), 2);
	turn(1);
	assert_answered_from(fd, "127.0.0.2");
	assert_answered_from(fd, "127.0.0.3");
	assert_receives_nothing(fd);
	notes_clear();
	close(fd);
}

static void
a_reply_and_a_datagram_without_a_source_are_not_joined(void **state)
{
	const struct socle_dgram_params p = {.pktinfo = true, .gso = true};
	struct socle_packet asked = {.len = 0};
	struct socle_dgram *d;
	int fd = udp_bound(&asked.from);

	(void)state;
	assert_int_equal(0,
		socle_dgram_open("0.0.0.0:0", true, &recorder_class, &p, &d));
	assert_int_equal(0, socle_addr_parse(&asked.to, "127.0.0.2:1", 0));
	assert_int_equal(0, socle_dgram_reply(d, &asked, "answer", 6));
	assert_int_equal(0, socle_dgram_send(d, "answer", 6, 0, &asked.from));
	assert_int_equal(0, socle_dgram_reply(d, &asked, "answer", 6));
	turn(1);
	assert_answered_from(fd, "127.0.0.2");
	assert_answered_from(fd, "127.0.0.1");
	assert_answered_from(fd, "127.0.0.2");
	assert_receives_nothing(fd);
	notes_clear();
	close(fd);
}

static void
replies_from_one_address_are_joined(void **state)
{
	const struct socle_dgram_params p = {.pktinfo = true, .gso = true};
	struct socle_packet asked = {.len = 0};
	struct socle_dgram *d;
	int fd = udp_bound(&asked.from);

	(void)state;
	if (!joined_are_supported())
		skip_because("joined datagrams are not to be had");
	assert_int_equal(0,
		socle_dgram_open("0.0.0.0:0", true, &recorder_class, &p, &d));
	assert_int_equal(0, socle_addr_parse(&asked.to, "127.0.0.2:1", 0));
	for (int i = 0; i < 3; i++)
		assert_int_equal(0, socle_dgram_reply(d, &asked, "answer", 6));
	seam_count_reset();
	turn(1);
	assert_int_equal(1, seam_count(CALL_sendmsg));
	assert_int_equal(0, seam_count(CALL_sendmmsg));
	for (int i = 0; i < 3; i++)
		assert_answered_from(fd, "127.0.0.2");
	assert_receives_nothing(fd);
	notes_clear();
	close(fd);
}

/* `total' bytes in datagrams of 1040 and a shorter one. */
static void
run_of(const char *where, size_t total)
{
	static char data[1040], got[1100];
	size_t received = 0;
	struct socle_addr a;
	struct recorder *t;
	int fd, big = 1 << 20;
	ssize_t n;

	assert_int_equal(0, socle_addr_parse(&a, where, 0));
	fd = socket(a.u.sa.sa_family, SOCK_DGRAM, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
	assert_int_equal(0, bind(fd, &a.u.sa, a.len));
	name_of(fd, &a);
	t = recorder_new(udp_to(&a), &joining);
	for (size_t at = 0; at < total; at += sizeof(data))
		assert_int_equal(0,
			socle_dgram_send(&t->dgram, data,
				total - at < sizeof(data) ? total - at
							  : sizeof(data),
				0, NULL));
	seam_count_reset();
	turn(1);
	assert_notes("empty");
	while ((n = recv(fd, got, sizeof(got), MSG_DONTWAIT)) > 0)
		received += (size_t)n;
	assert_int_equal(total, received);
	/* none was refused and repeated */
	assert_int_equal(
		1, seam_count(CALL_sendmsg) + seam_count(CALL_sendmmsg));
	end(t);
	close(fd);
}

static void
a_run_longer_than_a_message_is_divided(void **state)
{
	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	run_of("127.0.0.1:0", 65507);
	run_of("127.0.0.1:0", 65508);
	if (has_ipv6()) {
		run_of("[::1]:0", 65487);
		run_of("[::1]:0", 65508);
	}
}

/* 65,507 bytes fit into one datagram of IPv4. */
static void
the_longest_datagram_is_sent_among_others(void **state)
{
	static char data[65508];
	struct socle_addr a;
	struct recorder *t;
	int fd = udp_bound(&a), big = 1 << 20;

	(void)state;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &big, sizeof(big));
	t = recorder_new(udp_to(&a), &joining);
	assert_int_equal(0, socle_dgram_send(&t->dgram, data, 65507, 0, NULL));
	assert_int_equal(0, socle_dgram_send(&t->dgram, data, 65508, 0, NULL));
	recorder_send(t, "x");
	recorder_send(t, "y");
	turn(2);
	assert_notes("serr-EMSGSIZE: empty");
	assert_int_equal(65507, recv(fd, data, sizeof(data), MSG_DONTWAIT));
	assert_receives(fd, "x");
	assert_receives(fd, "y");
	close(fd);
}

/* ---- joined both ways, and where the kernel refuses ---- */

static struct msghdr last_sent;
static ssize_t (*real_sendmsg)(int fd, const struct msghdr *m, int flags);

static ssize_t
remember_sent(int fd, const struct msghdr *m, int flags)
{
	last_sent = *m;
	return real_sendmsg(fd, m, flags);
}

static void
echo_it(struct recorder *t, const struct socle_packet *p)
{
	assert_int_equal(0, socle_dgram_reply(&t->dgram, p, p->data, p->len));
}

/* They lie one behind the other, so that one piece of memory is sent. */
static void
an_echo_of_joined_datagrams_is_sent_as_they_came(void **state)
{
	static const struct socle_dgram_params both = {
		.gro = true, .gso = true};
	struct recorder *t, *sender;
	struct socle_addr a;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = recorder_new(udp_bound(&a), &both);
	t->on_recv = echo_it;
	t->quiet = true;
	sender = recorder_new(udp_to(&a), &joining);
	send_joined(sender, digits);
	notes_clear();
	real_sendmsg = socle__seam.sendmsg;
	socle__seam.sendmsg = remember_sent;
	turn_until_received(t, 3);
	turn(1);
	socle__seam.sendmsg = real_sendmsg;
	assert_int_equal(1, last_sent.msg_iovlen);
	turn_until_received(sender, 3);
	assert_notes("<111111> <222222> <333333>");
}

static void
gro_that_cannot_be_turned_off_splits_all_the_same(void **state)
{
	struct recorder *t, *sender;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = receiver_new(&sender, 0);
	seam_fail(CALL_setsockopt, 1, ENOBUFS, 1);
	gro_off(t);
	assert_int_equal(1, seam_struck());
	send_joined(sender, digits);
	turn_until_received(t, 3);
	assert_notes("<111111> <222222> <333333>");
	assert_int_equal(0, kernel_joins(t->dgram.sock.d.fd));
}

static void
close_receiver(struct recorder *t, const struct socle_packet *p)
{
	(void)p;
	socle_close(&t->dgram.sock, NULL);
}

static void
a_close_among_datagrams_that_waited_joined_drops_the_rest(void **state)
{
	struct recorder *t, *sender;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = receiver_new(&sender, 0);
	send_joined(sender, digits);
	gro_off(t);
	t->on_recv = close_receiver;
	socle_close(&sender->dgram.sock, NULL);
	while (socle_watched_sockets() > 0)
		turn(1);
	assert_non_null(strstr(notes(), "<111111> close()"));
	assert_null(strstr(notes(), "<222222>"));
	notes_clear();
}

/* An error that waits is discarded like a datagram. */
static void
a_steal_discards_what_waits_behind_an_error_too(void **state)
{
	struct recorder *t, *sender;
	int fd;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = receiver_new(&sender, 0);
	send_joined(sender, digits);
	seam_fail(CALL_recvmsg, 1, ECONNREFUSED, 1);
	fd = socle_steal_socket(&t->dgram.sock);
	assert_int_equal(1, seam_struck());
	assert_receives_nothing(fd);
	turn(1);
	notes_clear();
	close(fd);
}

static ssize_t
never_empty(int fd, struct msghdr *m, int flags)
{
	(void)fd;
	(void)m;
	(void)flags;
	return 0;
}

/* It would last as long as the peers send. */
static void
a_steal_from_a_flood_ends(void **state)
{
	ssize_t (*real)(int, struct msghdr *, int) = socle__seam.recvmsg;
	struct recorder *t, *sender;
	int fd;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = receiver_new(&sender, 0);
	socle__seam.recvmsg = never_empty;
	fd = socle_steal_socket(&t->dgram.sock);
	socle__seam.recvmsg = real;
	turn(1);
	notes_clear();
	close(fd);
}

static void
configuring_what_is_so_already_is_no_system_call(void **state)
{
	static const struct socle_dgram_params p = {.gro = true};
	struct recorder *t, *sender;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = receiver_new(&sender, 0);
	seam_count_reset();
	assert_int_equal(
		0, socle_dgram_configure(&t->dgram, &p, SOCLE_DGRAM_GRO));
	assert_int_equal(0, seam_system_calls());
	assert_int_equal(1, kernel_joins(t->dgram.sock.d.fd));
}

static void
gso_configured_for_a_unix_socket_sends_singly(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	assert_int_equal(
		0, socle_dgram_configure(&t->dgram, &joining, SOCLE_DGRAM_GSO));
	recorder_send(t, "1");
	recorder_send(t, "2");
	turn(1);
	assert_notes("empty");
	assert_receives(fds[1], "1");
	assert_receives(fds[1], "2");
	close(fds[1]);
}

/* ---- where runs end ---- */

static void
a_datagram_with_an_address_is_not_joined_to_one_without(void **state)
{
	struct socle_addr a, b;
	struct recorder *t;
	int fd, other;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	fd = udp_bound(&a);
	other = udp_bound(&b);
	t = recorder_new(udp_to(&a), &joining);
	recorder_send(t, "1");
	assert_int_equal(0, socle_dgram_send(&t->dgram, "2", 1, 0, &b));
	recorder_send(t, "3");
	turn(1);
	assert_notes("empty");
	assert_receives(fd, "1");
	assert_receives(fd, "3");
	assert_receives(other, "2");
	close(fd);
	close(other);
}

/* A call takes 256: the single one makes that end inside a run. */
static void
a_run_that_a_call_has_no_space_for_is_divided(void **state)
{
	enum { MANY = 300 };
	const int room = 1 << 20;
	struct socle_addr a;
	struct recorder *t;
	int fd;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	fd = udp_bound(&a);
	assert_int_equal(
		0, setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)));
	t = recorder_new(udp_to(&a), &joining);
	recorder_send(t, "x");
	for (int i = 0; i < MANY; i++)
		recorder_send(t, "abc");
	turn_until_count(&t->emptied, 1);
	assert_receives(fd, "x");
	for (int i = 0; i < MANY; i++)
		assert_receives(fd, "abc");
	assert_receives_nothing(fd);
	notes_clear();
	close(fd);
}

/* Joining ends behind the last of those that waited. */
static void
all_that_waited_joined_is_split_after_gro_is_turned_off(void **state)
{
	struct recorder *t, *sender;

	(void)state;
	if (!joined_are_supported())
		skip_because("the kernel does not join datagrams here");
	t = receiver_new(&sender, 0);
	send_joined(sender, digits);
	send_joined(sender, digits);
	gro_off(t);
	turn_until_received(t, 3);
	assert_int_equal(1, kernel_joins(t->dgram.sock.d.fd));
	turn_until_received(t, 6);
	assert_int_equal(0, kernel_joins(t->dgram.sock.d.fd));
	notes_clear();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(turning_gro_off_turns_the_option_off),
		test(datagrams_that_wait_joined_are_split_after_gro_is_turned_off),
		test(datagrams_of_one_byte_are_joined_too),
		test(a_stolen_fd_does_not_join),
		test(each_joined_datagram_is_truncated_alone),
		test(a_loop_inside_a_joined_message_delivers_the_rest_of_it),
		test(datagrams_with_different_flags_are_not_joined),
		test(datagrams_for_different_destinations_are_not_joined),
		test(a_refused_run_stays_divided_while_the_kernel_is_full),
		test(after_a_refused_run_the_next_one_is_joined),
		test(a_steal_keeps_what_waits_after_gro_was_turned_off),
		test(replies_from_different_addresses_are_not_joined),
		test(a_reply_and_a_datagram_without_a_source_are_not_joined),
		test(replies_from_one_address_are_joined),
		test(a_run_longer_than_a_message_is_divided),
		test(the_longest_datagram_is_sent_among_others),
		test(an_echo_of_joined_datagrams_is_sent_as_they_came),
		test(gro_that_cannot_be_turned_off_splits_all_the_same),
		test(a_close_among_datagrams_that_waited_joined_drops_the_rest),
		test(a_steal_discards_what_waits_behind_an_error_too),
		test(a_steal_from_a_flood_ends),
		test(configuring_what_is_so_already_is_no_system_call),
		test(gso_configured_for_a_unix_socket_sends_singly),
		test(a_datagram_with_an_address_is_not_joined_to_one_without),
		test(a_run_that_a_call_has_no_space_for_is_divided),
		test(all_that_waited_joined_is_split_after_gro_is_turned_off),
	};

	return run_tests(tests);
}

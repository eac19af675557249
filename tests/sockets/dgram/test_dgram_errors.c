/*
 * Errors of a dgram without handlers: an error of one destination or one datagram
 * is dropped, an error of the socket itself closes it.
 */
/* backends: all */
#include "tests/support/dgrams.h"

#include <netinet/in.h>
#ifdef __linux__
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/udp.h>
#include <netpacket/packet.h>
#endif

/* Errors of one destination, route, firewall, size or source address. */
static const int passing[] = {EACCES, EADDRNOTAVAIL, EAFNOSUPPORT, ECONNREFUSED,
	ECONNRESET, EDESTADDRREQ, EHOSTDOWN, EHOSTUNREACH, EINVAL, EIO, EISCONN,
	EMSGSIZE, ENETDOWN, ENETUNREACH, ENOENT, ENONET, ENOPROTOOPT, ENOTCONN,
	EOPNOTSUPP, EPERM, EPIPE, EPROTO, EPROTOTYPE, ETIMEDOUT};
static const int breaking[] = {EBADF, EFAULT, ENOSYS, ENOTSOCK};
enum {
	PASSING = sizeof(passing) / sizeof(passing[0]),
	BREAKING = sizeof(breaking) / sizeof(breaking[0])
};

static struct socle_dgram *
plain_new(int fd)
{
	static struct socle_dgram_class plain;
	struct socle_dgram *d;

	plain = recorder_class;
	plain.on_recv_error = NULL;
	plain.on_send_error = NULL;
	plain.on_outgoing_empty = NULL;
	assert_int_equal(0, socle_dgram_new(&plain, fd, NULL, &d));
	return d;
}

/* Whether the object is closed after a transfer that fails with `err'. */
static bool
closes_after(int type, enum call which, int err)
{
	bool sends = which == CALL_sendto, closed;
	struct socle_dgram *d;
	int fds[2];

	seam_reset();
	seam_time_virtual();
	assert_int_equal(0, socketpair(AF_UNIX, type, 0, fds));
	d = plain_new(fds[0]);
	seam_fail(which, 1, err, 1);
	if (sends)
		assert_int_equal(0, socle_dgram_send(d, "x", 1, 0, NULL));
	else
		datagram(fds[1], "x");
	turn(1);
	assert_int_equal(1, seam_struck());
	closed = socle_watched_sockets() == 0;
	if (closed)
		assert_notes(sends ? "close(send_error) destroy"
				   : "close(recv_error) destroy");
	socle_reset();
	notes_clear();
	close(fds[1]);
	return closed;
}

static void
an_error_of_one_destination_closes_nothing(void **state)
{
	(void)state;
	for (int i = 0; i < PASSING; i++) {
		assert_false(closes_after(SOCK_DGRAM, CALL_sendto, passing[i]));
		assert_false(
			closes_after(SOCK_DGRAM, CALL_recvmsg, passing[i]));
	}
}

static void
an_error_of_the_socket_itself_closes(void **state)
{
	(void)state;
	for (int i = 0; i < BREAKING; i++) {
		assert_true(closes_after(SOCK_DGRAM, CALL_sendto, breaking[i]));
		assert_true(
			closes_after(SOCK_DGRAM, CALL_recvmsg, breaking[i]));
	}
}

static void
every_error_of_a_connection_closes(void **state)
{
	static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};

	(void)state;
	for (int i = 0; i < PASSING; i++) {
		for (int k = 0; k < 2; k++) {
			assert_true(closes_after(
				types[k], CALL_sendto, passing[i]));
			assert_true(closes_after(
				types[k], CALL_recvmsg, passing[i]));
		}
	}
}

static void
an_error_of_a_connection_that_is_sent_through_closes(void **state)
{
	struct socle_dgram *d;
	int fds[2], out[2];

	(void)state;
	pair_dgram(fds);
	pair_unix(out);
	d = plain_new(fds[0]);
	assert_int_equal(0, socle_dgram_set_write_fd(d, out[0]));
	seam_fail(CALL_sendto, 1, EPIPE, 1);
	assert_int_equal(0, socle_dgram_send(d, "x", 1, 0, NULL));
	turn(1);
	assert_notes("close(send_error) destroy");
	socle_reset();
	close(fds[1]);
	close(out[1]);
}

static void
a_receive_error_that_lasts_does_not_spin(void **state)
{
	struct recorder *t;
	double start;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	t->quiet = true;
	datagram(fds[1], "x");
	seam_fail(CALL_recvmsg, 1, EINVAL, -1);
	start = seam_time();
	while (seam_time() - start < 1)
		assert_true(socle_event_loop_once(-1) >= 0);
	assert_true(t->recv_errors >= 10 && t->recv_errors <= 22);
	seam_heal();
	turn_until_received(t, 1);
	close(fds[1]);
}

static void
a_receive_without_buffers_is_retried_and_not_reported(void **state)
{
	static const int errors[] = {ENOBUFS, ENOMEM};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct recorder *t;
		double start;
		int fds[2];

		seam_time_virtual();
		pair_dgram(fds);
		t = recorder_new(fds[0], NULL);
		datagram(fds[1], "x");
		seam_fail(CALL_recvmsg, 1, errors[i], 1);
		start = seam_time();
		while (t->received == 0)
			assert_true(socle_event_loop_once(-1) >= 0);
		assert_true(seam_time() - start > 0.049);
		assert_true(seam_time() - start < 0.06);
		assert_int_equal(0, t->recv_errors);
		socle_close(&t->dgram.sock, NULL);
		turn(1);
		notes_clear();
		close(fds[1]);
	}
}

static void
a_send_without_buffers_is_retried_after_exactly_a_millisecond(void **state)
{
	const struct socle_dgram_params at_once = {.autoflush = true};
	struct recorder *t;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_dgram(fds);
	t = recorder_new(fds[0], &at_once);
	seam_fail(CALL_sendto, 1, ENOBUFS, 1);
	recorder_send(t, "x");
	seam_time_add(0.000999999);
	turn(1);
	assert_notes("");
	seam_time_add(0.000000001);
	turn(1);
	assert_notes("empty");
	assert_receives(fds[1], "x");
	close(fds[1]);
}

/* ---- senders that cannot be answered ---- */

static struct socle_packet
from(const char *address)
{
	struct socle_packet p = {.data = "x", .len = 1, .full_len = 1};

	if (address)
		assert_int_equal(0, socle_addr_parse(&p.from, address, 0));
	return p;
}

static void
a_reply_to_port_0_is_refused_at_once(void **state)
{
	const struct socle_packet zero = from("127.0.0.1:0");
	struct socle_addr mine;
	struct recorder *t;

	(void)state;
	t = recorder_new(udp_bound(&mine), NULL);
	for (int now = 0; now < 2; now++) {
		socle_dgram_configure(&t->dgram,
			&(struct socle_dgram_params){.autoflush = now},
			SOCLE_DGRAM_AUTOFLUSH);
		assert_int_equal(-EINVAL,
			socle_dgram_reply(&t->dgram, &zero, "answer", 6));
	}
	assert_int_equal(0, socle_write_buf_size(&t->dgram.sock));
	turn(2);
	assert_notes("");
	assert_false(socle_closed(&t->dgram.sock));
}

static void
a_reply_to_a_sender_without_a_name_is_refused_at_once(void **state)
{
	const struct socle_packet nobody = from(NULL);
	struct recorder *t;

	(void)state;
	t = recorder_new(socket(AF_UNIX, SOCK_DGRAM, 0), NULL);
	assert_int_equal(-EDESTADDRREQ,
		socle_dgram_reply(&t->dgram, &nobody, "answer", 6));
	assert_int_equal(0, socle_write_buf_size(&t->dgram.sock));
	socle_close(&t->dgram.sock, NULL);
	assert_int_equal(
		-EBADF, socle_dgram_reply(&t->dgram, &nobody, "answer", 6));
	turn(1);
	notes_clear();
}

static void
a_reply_on_a_connected_socket_needs_no_name(void **state)
{
	const struct socle_packet nobody = from(NULL);
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	assert_int_equal(0, socle_dgram_reply(&t->dgram, &nobody, "answer", 6));
	turn(1);
	assert_receives(fds[1], "answer");
	notes_clear();
	close(fds[1]);
}

#ifdef __linux__
/* Its addresses have no port: 0 is all that there is. */
static void
a_reply_through_a_raw_socket_is_sent(void **state)
{
	const struct socle_packet p = from("127.0.0.1:0");
	struct recorder *t;
	int fd = socket(AF_INET, SOCK_RAW, 253);

	(void)state;
	if (fd < 0)
		skip_because("raw sockets require a privilege");
	t = recorder_new(fd, &(struct socle_dgram_params){.autoflush = true});
	assert_int_equal(1, socle_dgram_reply(&t->dgram, &p, "answer", 6));
	turn_until_received(t, 1);
	notes_clear();
}

static void
a_packet_socket_receives(void **state)
{
	static const int types[] = {SOCK_DGRAM, SOCK_RAW};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct socle_addr a;
		struct recorder *t;
		int peer, fd = socket(AF_PACKET, types[i], htons(ETH_P_IP));

		if (fd < 0)
			skip_because("packet sockets require a privilege");
		t = recorder_new(fd, NULL);
		t->quiet = true;
		peer = udp_bound(&a);
		datagram_to(peer, &a, "x");
		turn_until_received(t, 1);
		assert_int_equal(AF_PACKET, t->last.from.u.sa.sa_family);
		assert_int_equal(0, t->recv_errors);
		socle_close(&t->dgram.sock, NULL);
		turn(1);
		notes_clear();
		close(peer);
	}
}

/* ---- errors that the kernel queues ---- */

/* A dgram with IP_RECVERR. */
static struct recorder *
keeper_new(void)
{
	struct socle_addr mine;
	int fd = udp_bound(&mine), on = 1;

	assert_int_equal(
		0, setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)));
	return recorder_new(
		fd, &(struct socle_dgram_params){.autoflush = true});
}

static void
each_of_several_queued_errors_is_reported_once(void **state)
{
	struct socle_addr nowhere;
	struct recorder *t;

	(void)state;
	udp_nowhere(&nowhere);
	t = keeper_new();
	/* the object's own send would read the first error */
	for (int i = 0; i < 3; i++)
		(void)!sendto(t->dgram.sock.d.fd, "x", 1, 0, &nowhere.u.sa,
			nowhere.len);
	turn_until_count(&t->recv_errors, 1);
	/* all in one tick; the second send only read the first error */
	assert_notes("rerr-ECONNREFUSED rerr-ECONNREFUSED");
	turn(5);
	assert_notes("");
}

static void
a_queued_error_is_reported_once(void **state)
{
	struct socle_addr nowhere;
	struct recorder *t;

	(void)state;
	udp_nowhere(&nowhere);
	t = keeper_new();
	assert_int_equal(1, socle_dgram_send(&t->dgram, "x", 1, 0, &nowhere));
	turn_until_count(&t->recv_errors, 1);
	turn(5);
	assert_notes("rerr-ECONNREFUSED");
}

static void
queued_errors_of_the_write_fd_are_reported(void **state)
{
	struct socle_addr nowhere, mine;
	struct recorder *t;
	int fds[2], out = udp_bound(&mine), on = 1;

	(void)state;
	udp_nowhere(&nowhere);
	pair_dgram(fds);
	assert_int_equal(
		0, setsockopt(out, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)));
	t = recorder_new(
		fds[0], &(struct socle_dgram_params){.autoflush = true});
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out));
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(
			1, socle_dgram_send(&t->dgram, "x", 1, 0, &nowhere));
		turn_until_count(&t->recv_errors, i);
		turn(2);
	}
	assert_notes("rerr-ECONNREFUSED rerr-ECONNREFUSED rerr-ECONNREFUSED");
	close(fds[1]);
}

/* The time of sending is queued like an error. */
static void
a_queued_time_stamp_is_no_error(void **state)
{
	/* Of <linux/net_tstamp.h>, which not every compiler finds. */
	enum { TX_SOFTWARE = 1 << 1, SOFTWARE = 1 << 4 };
	int what = TX_SOFTWARE | SOFTWARE;
	struct socle_addr mine;
	struct recorder *t;
	int fd = udp_bound(&mine);

	(void)state;
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, &what, sizeof(what)) <
		0) {
		close(fd);
		skip_because("the kernel has no SO_TIMESTAMPING");
	}
	t = recorder_new(fd, &(struct socle_dgram_params){.autoflush = true});
	assert_int_equal(1, socle_dgram_send(&t->dgram, "x", 1, 0, &mine));
	turn_until_received(t, 1);
	turn(3);
	assert_notes("<x>");
}

/* There the kernel ignores MSG_ERRQUEUE and returns a datagram. */
static void
an_error_on_a_unix_socket_takes_no_datagram(void **state)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	datagram(fds[1], "");
	datagram(fds[1], "behind");
	socle_watch_read(&t->dgram.sock, false);
	/* disconnects with unread input, of which the other end hears */
	datagram(fds[0], "unread");
	assert_int_equal(0, connect(fds[1], &none, sizeof(none)));
	turn(3);
	assert_notes("rerr-ECONNRESET");
	socle_watch_read(&t->dgram.sock, true);
	turn_until_received(t, 2);
	assert_int_equal(2, t->received);
	assert_int_equal(6, t->last.len);
	notes_clear();
	close(fds[1]);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_error_of_one_destination_closes_nothing),
		test(an_error_of_the_socket_itself_closes),
		test(every_error_of_a_connection_closes),
		test(an_error_of_a_connection_that_is_sent_through_closes),
		test(a_receive_error_that_lasts_does_not_spin),
		test(a_receive_without_buffers_is_retried_and_not_reported),
		test(a_send_without_buffers_is_retried_after_exactly_a_millisecond),
		test(a_reply_to_port_0_is_refused_at_once),
		test(a_reply_to_a_sender_without_a_name_is_refused_at_once),
		test(a_reply_on_a_connected_socket_needs_no_name),
#ifdef __linux__
		test(a_reply_through_a_raw_socket_is_sent),
		test(a_packet_socket_receives),
		test(each_of_several_queued_errors_is_reported_once),
		test(a_queued_error_is_reported_once),
		test(queued_errors_of_the_write_fd_are_reported),
		test(a_queued_time_stamp_is_no_error),
		test(an_error_on_a_unix_socket_takes_no_datagram),
#endif
	};

	return run_tests(tests);
}

/*
 * Errors and hang-ups: each is reported once, and so is the next one.  The
 * errors here are raised behind the object's back, so that nothing that it does
 * makes the loop watch the fd again.
 */
/* backends: all */
#include "tests/support/dgrams.h"

#include <netinet/in.h>

static int hups, errs;

static void
count_hup(struct socle_socket *self)
{
	(void)self;
	hups++;
}

static void
count_err(struct socle_socket *self, int err)
{
	(void)self;
	(void)err;
	errs++;
}

static const struct socle_dgram_class deaf_class = {
	.cls =
		{
			.name = "Deaf",
			.super = &recorder_class.cls,
			.size = sizeof(struct recorder),
			.event_err = count_err,
			.event_hup = count_hup,
		},
};

/* Its class does nothing on errors and hang-ups. */
static struct recorder *
deaf_new(int fd)
{
	const struct socle_dgram_params p = {.autoflush = true};
	struct socle_dgram *d;

	hups = errs = 0;
	assert_int_equal(0, socle_dgram_new(&deaf_class, fd, &p, &d));
	return recorder_of(d);
}

/* A socket whose peer's datagrams are refused. */
static int
udp_to_nowhere(void)
{
	struct socle_addr nowhere;

	udp_nowhere(&nowhere);
	return udp_to(&nowhere);
}

/* ---- one error after the other ---- */

static void
each_error_is_reported_while_reading_is_off(void **state)
{
	struct recorder *t;
	int fd = udp_to_nowhere();

	(void)state;
	t = recorder_new(fd, NULL);
	socle_watch_read(&t->dgram.sock, false);
	for (int i = 1; i <= 3; i++) {
		datagram(fd, "x");
		turn_until_count(&t->recv_errors, i);
		turn(2);
	}
	assert_notes("rerr-ECONNREFUSED rerr-ECONNREFUSED rerr-ECONNREFUSED");
}

static void
each_error_of_the_write_fd_is_reported(void **state)
{
	struct recorder *t;
	int fds[2], out = udp_to_nowhere();

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out));
	for (int i = 1; i <= 3; i++) {
		datagram(out, "x");
		turn_until_count(&t->recv_errors, i);
		turn(2);
	}
	assert_notes("rerr-ECONNREFUSED rerr-ECONNREFUSED rerr-ECONNREFUSED");
	close(fds[1]);
}

static void
a_hang_up_of_the_write_fd_is_reported_once(void **state)
{
	struct recorder *t;
	int fds[2], out[2];

	(void)state;
	pair_dgram(fds);
	pair_unix(out);
	t = deaf_new(fds[0]);
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	turn(1);
	close(out[1]);
	turn_until_count(&hups, 1);
	turn(5);
	assert_int_equal(1, hups);
	notes_clear();
	close(fds[1]);
}

/* ---- an error that another process has taken from a shared socket ---- */

static int (*real_getsockopt)(int, int, int, void *, socklen_t *);

static int
take_error_first(int fd, int level, int option, void *value, socklen_t *len)
{
	socklen_t n = *len;

	if (level == SOL_SOCKET && option == SO_ERROR)
		real_getsockopt(fd, level, option, value, &n);
	return real_getsockopt(fd, level, option, value, len);
}

static void
an_error_that_another_process_took_is_not_reported(void **state)
{
	(void)state;
	for (int second = 0; second < 2; second++) {
		int fds[2], out = udp_to_nowhere();
		struct recorder *t;

		pair_dgram(fds);
		t = recorder_new(second ? fds[0] : out, NULL);
		socle_watch_read(&t->dgram.sock, false);
		if (second)
			assert_int_equal(
				0, socle_dgram_set_write_fd(&t->dgram, out));
		turn(1);
		real_getsockopt = socle__seam.getsockopt;
		socle__seam.getsockopt = take_error_first;
		datagram(out, "x");
		turn(3);
		socle__seam.getsockopt = real_getsockopt;
		assert_notes("");
		datagram(out, "y");
		turn(1);
		socle_close(&t->dgram.sock, NULL);
		turn(1);
		notes_clear();
		close(fds[1]);
		if (!second)
			close(fds[0]);
	}
}

/* ---- after an error that the class ignored ---- */

/* Nothing else tells the object that the fd can have another one. */
static void
after_a_datagram_was_sent_errors_are_events_again(void **state)
{
	(void)state;
	for (int second = 0; second < 2; second++) {
		int fds[2], out = udp_to_nowhere();
		struct recorder *t;

		pair_dgram(fds);
		t = deaf_new(second ? fds[0] : out);
		if (second)
			assert_int_equal(
				0, socle_dgram_set_write_fd(&t->dgram, out));
		datagram(out, "x");
		turn_until_count(&errs, 1);
		turn(2);
		assert_int_equal(1, errs);
		assert_int_equal(1, recorder_send(t, "y"));
		turn_until_count(&errs, 2);
		socle_close(&t->dgram.sock, NULL);
		turn(1);
		notes_clear();
		close(fds[1]);
		if (!second)
			close(fds[0]);
	}
}

/* ---- the kernel's queue of errors ---- */

#ifdef __linux__
static struct recorder *
keeper_new(struct socle_addr *mine)
{
	int fd = udp_bound(mine), on = 1;

	assert_int_equal(
		0, setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)));
	return recorder_new(fd, NULL);
}

static void
provoke(struct recorder *t, int times)
{
	struct socle_addr nowhere;

	udp_nowhere(&nowhere);
	for (int i = 0; i < times; i++)
		(void)!sendto(t->dgram.sock.d.fd, "x", 1, 0, &nowhere.u.sa,
			nowhere.len);
}

static int
bound_to(struct socle_addr *a)
{
	int fd = socket(a->u.sa.sa_family,
		SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_int_equal(0, bind(fd, &a->u.sa, a->len));
	assert_int_equal(0, getsockname(fd, &a->u.sa, &a->len));
	return fd;
}

/* Sends to a port of that address that nothing listens at. */
static void
provoke_at(struct recorder *t, const struct socle_addr *mine)
{
	struct socle_addr to = *mine;
	int fd;

	if (to.u.sa.sa_family == AF_INET6)
		to.u.in6.sin6_port = 0;
	else
		to.u.in.sin_port = 0;
	fd = bound_to(&to);
	close(fd);
	(void)!sendto(t->dgram.sock.d.fd, "x", 1, 0, &to.u.sa, to.len);
}

static void
datagrams_are_received_after_queued_errors(void **state)
{
	struct socle_addr mine;
	struct recorder *t;
	int peer;

	(void)state;
	t = keeper_new(&mine);
	socle_watch_read(&t->dgram.sock, false);
	for (int i = 1; i <= 2; i++) {
		provoke(t, 1);
		turn_until_count(&t->recv_errors, i);
		turn(2);
	}
	peer = udp_to(&mine);
	datagram(peer, "x");
	socle_watch_read(&t->dgram.sock, true);
	turn_until_received(t, 1);
	assert_notes("rerr-ECONNREFUSED rerr-ECONNREFUSED <x>");
	close(peer);
}

static void
a_flood_of_queued_errors_does_not_hold_the_loop(void **state)
{
	struct socle_addr mine;
	struct recorder *t;
	int seen;

	(void)state;
	t = keeper_new(&mine);
	t->quiet = true;
	socle_watch_read(&t->dgram.sock, false);
	provoke(t, 300);
	turn_until_count(&t->recv_errors, 1);
	seen = t->recv_errors;
	assert_int_equal(64, seen);
	turn_until_count(&t->recv_errors, 65);
	assert_int_equal(128, t->recv_errors);
}

static ssize_t (*real_recvmsg)(int fd, struct msghdr *m, int flags);
static uint8_t origin;

/* Says of a queued error that it came from elsewhere. */
static ssize_t
from_elsewhere(int fd, struct msghdr *m, int flags)
{
	ssize_t n = real_recvmsg(fd, m, flags);

	if (n < 0 || !(flags & MSG_ERRQUEUE))
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c;
		c = socle__cmsg_next(m, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR)
			CMSG_DATA(c)[4] = origin;
	return n;
}

static void
a_queued_error_is_one_of_the_host_or_of_icmp(void **state)
{
	struct socle_addr mine;
	struct recorder *t;

	(void)state;
	t = keeper_new(&mine);
	socle_watch_read(&t->dgram.sock, false);
	real_recvmsg = socle__seam.recvmsg;
	socle__seam.recvmsg = from_elsewhere;
	for (origin = 0; origin < 6; origin++) {
		provoke(t, 1);
		turn(3);
		note("%d", origin);
	}
	socle__seam.recvmsg = real_recvmsg;
	assert_notes("0 rerr-ECONNREFUSED 1 rerr-ECONNREFUSED 2 "
		     "rerr-ECONNREFUSED 3 4 5");
}

/* ---- what else comes with a queued error, and what may come between ---- */

static void
a_queued_error_is_found_behind_the_destination(void **state)
{
	static const struct socle_dgram_params p = {.pktinfo = true};
	const int on = 1;

	(void)state;
	for (int six = 0; six < 1 + has_ipv6(); six++) {
		struct socle_addr mine;
		struct recorder *t;

		assert_int_equal(0,
			socle_addr_parse(
				&mine, six ? "[::1]:0" : "127.0.0.1:0", 0));
		t = recorder_new(bound_to(&mine), &p);
		assert_int_equal(0,
			setsockopt(t->dgram.sock.d.fd,
				six ? IPPROTO_IPV6 : IPPROTO_IP,
				six ? IPV6_RECVERR : IP_RECVERR, &on,
				sizeof(on)));
		socle_watch_read(&t->dgram.sock, false);
		provoke_at(t, &mine);
		turn_until_count(&t->recv_errors, 1);
		assert_notes("rerr-ECONNREFUSED");
	}
}

static void
close_on_recv_error(struct recorder *t, int err)
{
	(void)err;
	socle_close(&t->dgram.sock, NULL);
}

static void
closing_at_a_queued_error_leaves_the_others(void **state)
{
	struct socle_addr mine;
	struct recorder *t;

	(void)state;
	t = keeper_new(&mine);
	t->on_recv_error = close_on_recv_error;
	socle_watch_read(&t->dgram.sock, false);
	provoke(t, 3);
	while (socle_watched_sockets() > 0)
		turn(1);
	assert_notes("rerr-ECONNREFUSED close() destroy");
}

static void
an_interrupted_read_of_a_queued_error_is_repeated(void **state)
{
	struct socle_addr mine;
	struct recorder *t;

	(void)state;
	t = keeper_new(&mine);
	socle_watch_read(&t->dgram.sock, false);
	seam_fail(CALL_recvmsg, 1, EINTR, 1);
	provoke(t, 1);
	turn_until_count(&t->recv_errors, 1);
	assert_int_equal(1, seam_struck());
	assert_notes("rerr-ECONNREFUSED");
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(each_error_is_reported_while_reading_is_off),
		test(each_error_of_the_write_fd_is_reported),
		test(a_hang_up_of_the_write_fd_is_reported_once),
		test(after_a_datagram_was_sent_errors_are_events_again),
		test(an_error_that_another_process_took_is_not_reported),
#ifdef __linux__
		test(datagrams_are_received_after_queued_errors),
		test(a_flood_of_queued_errors_does_not_hold_the_loop),
		test(a_queued_error_is_one_of_the_host_or_of_icmp),
		test(a_queued_error_is_found_behind_the_destination),
		test(closing_at_a_queued_error_leaves_the_others),
		test(an_interrupted_read_of_a_queued_error_is_repeated),
#endif
	};

	return run_tests(tests);
}

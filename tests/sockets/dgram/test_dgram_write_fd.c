/*
 * The second fd of a datagram object: what follows from its kind, its events,
 * and its change inside the object's own callbacks.
 */
/* backends: all */
#include "tests/support/dgrams.h"

#include "system.h"

#include <netinet/in.h>

static void
a_closed_dgram_takes_no_write_fd(void **state)
{
	struct recorder *t;
	int fds[2], out[2];

	(void)state;
	pair_dgram(fds);
	pair_dgram(out);
	t = recorder_new(fds[0], NULL);
	socle_close(&t->dgram.sock, NULL);
	assert_int_equal(-EBADF, socle_dgram_set_write_fd(&t->dgram, out[0]));
	turn(1);
	datagram(out[0], "still open");
	assert_receives(out[1], "still open");
	notes_clear();
	close(fds[1]);
	close(out[0]);
	close(out[1]);
}

static int
messages_of_three(struct recorder *t)
{
	seam_count_reset();
	recorder_send(t, "one");
	recorder_send(t, "two");
	recorder_send(t, "six");
	turn(1);
	return (int)seam_count(CALL_sendmsg);
}

static void
datagrams_for_a_new_write_fd_are_joined_where_it_can(void **state)
{
	static const struct socle_dgram_params joining = {.gso = true};
	struct socle_addr a;
	struct recorder *t;
	int fds[2], unix_fds[2], udp = udp_bound(&a);

	(void)state;
	if (!joined_are_supported())
		skip_because("joined datagrams are not to be had");
	pair_dgram(fds);
	pair_dgram(unix_fds);
	t = recorder_new(fds[0], &joining);
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, udp_to(&a)));
	assert_int_equal(1, messages_of_three(t));
	assert_receives(udp, "one");
	assert_receives(udp, "two");
	assert_receives(udp, "six");
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, unix_fds[0]));
	assert_int_equal(0, messages_of_three(t));
	assert_receives(unix_fds[1], "one");
	assert_receives(unix_fds[1], "two");
	assert_receives(unix_fds[1], "six");
	notes_clear();
	close(fds[1]);
	close(unix_fds[1]);
	close(udp);
}

/* ---- events ---- */

static void
close_it(struct recorder *t, int err)
{
	(void)err;
	socle_close(&t->dgram.sock, "enough");
}

/* A reset is an error and a hang-up in one event. */
static void
closing_on_an_error_of_the_write_fd_ends_all_callbacks(void **state)
{
	struct recorder *t;
	int fds[2], out[2];

	(void)state;
	pair_dgram(fds);
	pair_tcp(out);
	t = recorder_new(fds[0], NULL);
	t->on_recv_error = close_it;
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	turn(1);
	close_by_reset(out[1]);
	while (socle_watched_sockets() > 0)
		turn(1);
	assert_notes("rerr-ECONNRESET close(enough) destroy");
	close(fds[1]);
}

static void
leave_write_fd(struct recorder *t)
{
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, -1));
}

/* It is writable and has an error in one event; the first ends its use. */
static void
a_write_fd_given_up_in_its_event_has_no_further_event(void **state)
{
	struct recorder *t;
	int fds[2], out = -1;
	struct socle_addr nowhere;

	(void)state;
	pair_dgram(fds);
	udp_nowhere(&nowhere);
	out = udp_to(&nowhere);
	t = recorder_new(fds[0], NULL);
	t->on_empty = leave_write_fd;
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out));
	turn(1);
	seam_fail(CALL_sendto, 1, EAGAIN, 1);
	recorder_send(t, "x");
	assert_int_equal(0, socle_write_kick(&t->dgram.sock));
	datagram(out, "provokes");
	turn_until_count(&t->emptied, 1);
	turn(2);
	assert_false(socle_closed(&t->dgram.sock));
	assert_int_equal(0, socle_watching(&t->dgram.sock) & SOCLE_WRITE);
	notes_clear();
	close(fds[1]);
}

/* ---- inside the object's own callbacks ---- */

static int other;

static void
send_elsewhere(struct recorder *t, int err, const struct socle_packet *p)
{
	(void)err;
	(void)p;
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, other));
}

static void
a_write_fd_set_in_on_send_error_takes_the_rest_of_the_queue(void **state)
{
	struct recorder *t;
	int fds[2], out[2];

	(void)state;
	pair_dgram(fds);
	pair_dgram(out);
	other = out[0];
	t = recorder_new(
		fds[0], &(struct socle_dgram_params){.send_all = true});
	t->on_send_error = send_elsewhere;
	seam_fail(the_send_of_many(), 1, EPERM, 1);
	recorder_send(t, "1");
	recorder_send(t, "2");
	recorder_send(t, "3");
	turn_until_count(&t->emptied, 1);
	assert_notes("serr-EPERM:1 empty");
	assert_receives(out[1], "2");
	assert_receives(out[1], "3");
	assert_receives_nothing(fds[1]);
	close(fds[1]);
	close(out[1]);
}

/* The stream has taken it whole: nothing is queued. */
static void
a_stream_that_has_space_takes_a_datagram_at_once(void **state)
{
	struct recorder *t;
	int fds[2], out[2];

	(void)state;
	pair_dgram(fds);
	pair_unix(out);
	t = recorder_new(
		fds[0], &(struct socle_dgram_params){.autoflush = true});
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	assert_int_equal(1, recorder_send(t, "whole"));
	assert_int_equal(0, socle_write_buf_size(&t->dgram.sock));
	assert_receives(out[1], "whole");
	close(fds[1]);
	close(out[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_closed_dgram_takes_no_write_fd),
		test(datagrams_for_a_new_write_fd_are_joined_where_it_can),
		test(closing_on_an_error_of_the_write_fd_ends_all_callbacks),
		test(a_write_fd_given_up_in_its_event_has_no_further_event),
		test(a_write_fd_set_in_on_send_error_takes_the_rest_of_the_queue),
		test(a_stream_that_has_space_takes_a_datagram_at_once),
	};

	return run_tests(tests);
}

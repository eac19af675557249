/* Dgrams whose sockets the library opens, and dgrams with two fds. */
/* backends: all */
#include "tests/support/dgrams.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- sockets opened by the library ---- */

static struct socle_dgram *
open_at(const char *where, bool binds)
{
	struct socle_dgram *d = NULL;

	assert_int_equal(
		0, socle_dgram_open(where, binds, &recorder_class, NULL, &d));
	return d;
}

static void
ask_and_answer(const char *where)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	struct socle_dgram *server = open_at(where, true), *client;
	struct socle_packet from = {.len = 0};
	struct socle_addr a;

	name_of(socle_fd(&server->sock), &a);
	assert_true(socle_addr_format(&a, text, sizeof(text)) > 0);
	client = open_at(text, false);
	recorder_send(recorder_of(client), "ask");
	turn_until_received(recorder_of(server), 1);
	from.from = recorder_of(server)->last.from;
	assert_int_equal(0, socle_dgram_reply(server, &from, "answer", 6));
	turn_until_received(recorder_of(client), 1);
	assert_notes("empty <ask> empty <answer>");
	socle_close(&server->sock, NULL);
	socle_close(&client->sock, NULL);
	turn(1);
	notes_clear();
}

static void
a_dgram_opened_to_send_reaches_one_opened_to_receive(void **state)
{
	(void)state;
	ask_and_answer("127.0.0.1:0");
	ask_and_answer("[::1]:0");
#ifdef __linux__
	ask_and_answer("[::1%lo]:0"); /* a zone by name */
#endif
#ifdef __linux__
	ask_and_answer("unix:@socle-test-dgram");
#endif
}

/* TD36: for a numeric address; socle_resolve() handles names */
static void
the_peer_address_of_an_opened_dgram_is_right(void **state)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	struct socle_addr a;
	int fd = udp_bound(&a);

	(void)state;
	socle_addr_format(&a, text, sizeof(text));
	assert_string_equal(
		text, socle_peer_addr_string(&open_at(text, false)->sock));
	close(fd);
}

static void
a_socket_for_ipv6_serves_ipv4_too(void **state)
{
	struct socle_dgram *d = open_at("[::]:0", true);
	struct socle_addr a;
	int fd;

	(void)state;
	assert_int_equal(0,
		socle_addr_parse(
			&a, "127.0.0.1", (uint16_t)socle_local_port(&d->sock)));
	fd = udp_to(&a);
	datagram(fd, "four");
	turn_until_received(recorder_of(d), 1);
	assert_notes("<four>");
	close(fd);
}

static void
an_address_in_use_is_refused(void **state)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	struct socle_dgram *d;
	struct socle_addr a;
	int fd = udp_bound(&a);

	(void)state;
	socle_addr_format(&a, text, sizeof(text));
	assert_int_equal(-EADDRINUSE,
		socle_dgram_open(text, true, &recorder_class, NULL, &d));
	close(fd);
}

static void
invalid_addresses_are_refused(void **state)
{
	struct socle_dgram *d;

	(void)state;
	assert_int_equal(-EINVAL,
		socle_dgram_open(
			"localhost:53", true, &recorder_class, NULL, &d));
	assert_int_equal(-EINVAL,
		socle_dgram_open(
			"127.0.0.1", false, &recorder_class, NULL, &d));
	assert_int_equal(
		-EINVAL, socle_dgram_open("127.0.0.1:0", true, NULL, NULL, &d));
}

static void
a_stale_unix_socket_file_is_replaced(void **state)
{
	char dir[] = "/tmp/socle-dgram-XXXXXX", where[64];
	struct socle_dgram *d;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(where, sizeof(where), "unix:%s/s", dir);
	assert_int_equal(
		-EINVAL, socle_dgram_open(where, true, NULL, NULL, &d));
	assert_int_equal(-1, access(where + 5, F_OK));
	d = open_at(where, true);
	assert_int_equal(-EADDRINUSE,
		socle_dgram_open(where, true, &recorder_class, NULL, &d));
	socle_close(&d->sock, NULL);
	turn(1);
	notes_clear();
	ask_and_answer(where);
	unlink(where + 5);
	rmdir(dir);
}

/* ---- two fds ---- */

static void
datagrams_are_sent_through_the_write_fd(void **state)
{
	struct recorder *t;
	int in[2], out[2];

	(void)state;
	pair_dgram(in);
	pair_dgram(out);
	t = recorder_new(in[0], NULL);
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	assert_int_equal(1, socle_watched_sockets());
	recorder_send(t, "x");
	turn(1);
	assert_receives(out[1], "x");
	assert_receives_nothing(in[1]);
	datagram(in[1], "y");
	turn(1);
	assert_notes("empty <y>");
	close(in[1]);
	close(out[1]);
}

static void
datagrams_wait_for_a_full_write_fd(void **state)
{
	struct recorder *t;
	int in[2], out[2], sent = 0;

	(void)state;
	pair_dgram(in);
	pair_dgram(out);
	t = recorder_new(
		in[0], &(struct socle_dgram_params){.autoflush = true});
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	while (recorder_send(t, "x") == 1)
		sent++;
	turn(3);
	assert_int_equal(1, socle_write_buf_size(&t->dgram.sock));
	for (int i = 0; i < sent; i++)
		assert_receives(out[1], "x");
	turn_until_count(&t->emptied, 1);
	assert_receives(out[1], "x");
	notes_clear();
	close(in[1]);
	close(out[1]);
}

static int
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* TD37 */
static void
the_write_fd_can_be_closed_alone_or_with_the_object(void **state)
{
	struct recorder *t;
	int in[2], out[2], other[2];

	(void)state;
	pair_dgram(in);
	pair_dgram(out);
	pair_dgram(other);
	t = recorder_new(in[0], NULL);
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, -1));
	turn(1);
	assert_false(is_open(out[0]));
	assert_false(socle_closed(&t->dgram.sock));
	recorder_send(t, "x");
	turn(1);
	assert_receives(in[1], "x");
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, other[0]));
	notes_clear();
	socle_close(&t->dgram.sock, "both");
	turn(2);
	assert_notes("close(both) destroy");
	assert_false(is_open(in[0]));
	assert_false(is_open(other[0]));
	close(in[1]);
	close(out[1]);
	close(other[1]);
}

static void
queued_datagrams_are_sent_through_a_new_write_fd(void **state)
{
	struct recorder *t;
	int in[2], out[2], sent = 0;

	(void)state;
	pair_dgram(in);
	pair_dgram(out);
	t = recorder_new(
		in[0], &(struct socle_dgram_params){.autoflush = true});
	while (recorder_send(t, "x") == 1)
		sent++;
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	turn(1);
	assert_receives(out[1], "x");
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, in[0]));
	assert_int_equal(0, recorder_send(t, "y"));
	for (int i = 0; i < sent; i++)
		assert_receives(in[1], "x");
	turn_until_count(&t->emptied, 2);
	assert_receives(in[1], "y");
	notes_clear();
	close(in[1]);
	close(out[1]);
}

static void
an_invalid_write_fd_is_refused(void **state)
{
	struct recorder *t;
	int in[2], pipes[2];

	(void)state;
	pair_dgram(in);
	pair_pipe(pipes);
	t = recorder_new(in[0], NULL);
	assert_int_equal(
		-ENOTSOCK, socle_dgram_set_write_fd(&t->dgram, pipes[1]));
	recorder_new(in[1], NULL);
	assert_int_equal(-EEXIST, socle_dgram_set_write_fd(&t->dgram, in[1]));
	recorder_send(t, "still");
	turn(1);
	assert_notes("empty <still>");
	close(pipes[0]);
	close(pipes[1]);
}

static void
an_error_on_the_write_fd_is_reported_to_the_object(void **state)
{
	struct socle_addr nowhere;
	struct recorder *t;
	int in[2];

	(void)state;
	pair_dgram(in);
	udp_nowhere(&nowhere);
	t = recorder_new(
		in[0], &(struct socle_dgram_params){.autoflush = true});
	assert_int_equal(
		0, socle_dgram_set_write_fd(&t->dgram, udp_to(&nowhere)));
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(1, recorder_send(t, "x"));
		turn_until_count(&t->recv_errors, i);
	}
	assert_notes("rerr-ECONNREFUSED rerr-ECONNREFUSED");
	close(in[1]);
}

/* The error comes after the fd was writable, which reported no error. */
static void
an_error_after_the_write_fd_was_full_is_reported(void **state)
{
	struct socle_addr nowhere;
	struct recorder *t;
	int in[2];

	(void)state;
	pair_dgram(in);
	udp_nowhere(&nowhere);
	t = recorder_new(
		in[0], &(struct socle_dgram_params){.autoflush = true});
	assert_int_equal(
		0, socle_dgram_set_write_fd(&t->dgram, udp_to(&nowhere)));
	seam_fail(CALL_send, 1, EAGAIN, 1);
	seam_fail(CALL_sendto, 1, EAGAIN, 1);
	seam_fail(CALL_sendmsg, 1, EAGAIN, 1);
	assert_int_equal(0, recorder_send(t, "x"));
	turn_until_count(&t->emptied, 1);
	turn_until_count(&t->recv_errors, 1);
	assert_notes("empty rerr-ECONNREFUSED");
	close(in[1]);
}

/* Its name needs no removal. */
static void
an_abstract_name_is_free_again_if_opening_fails(void **state)
{
	static const char where[] = "unix:@socle-test-dgram-abstract";
	struct socle_dgram *d;
	unsigned long removed;

	(void)state;
	skip_without_abstract();
	assert_int_equal(
		0, socle_dgram_open(where, true, &recorder_class, NULL, &d));
	socle_close(&d->sock, NULL);
	turn(1);
	removed = seam_count(CALL_unlink);
	assert_true(socle_dgram_open(where, true, &recorder_class,
			    &(struct socle_dgram_params){.recv_len = SIZE_MAX},
			    &d) < 0);
	assert_int_equal(removed, seam_count(CALL_unlink));
	assert_int_equal(
		0, socle_dgram_open(where, true, &recorder_class, NULL, &d));
	notes_clear();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_dgram_opened_to_send_reaches_one_opened_to_receive),
		test(the_peer_address_of_an_opened_dgram_is_right),
		test(a_socket_for_ipv6_serves_ipv4_too),
		test(an_address_in_use_is_refused),
		test(invalid_addresses_are_refused),
		test(a_stale_unix_socket_file_is_replaced),
		test(datagrams_are_sent_through_the_write_fd),
		test(datagrams_wait_for_a_full_write_fd),
		test(the_write_fd_can_be_closed_alone_or_with_the_object),
		test(queued_datagrams_are_sent_through_a_new_write_fd),
		test(an_invalid_write_fd_is_refused),
		test(an_error_on_the_write_fd_is_reported_to_the_object),
		test(an_error_after_the_write_fd_was_full_is_reported),
		test(an_abstract_name_is_free_again_if_opening_fails),
	};

	return run_tests(tests);
}

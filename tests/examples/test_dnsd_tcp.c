/* dnsd's clients over TCP. */
/* backends: all */
#include "tests/support/dnsd.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { MANY = 1000, PIPELINED = 200, FRAME_MOST = 4096 };

/* many has MANY addresses. */
static int
start(void)
{
	static char hosts[MANY * 32];
	size_t len = 0;

	for (int i = 0; i < MANY; i++)
		len += (size_t)snprintf(hosts + len, sizeof(hosts) - len,
			"10.0.%d.%d many%s\n", i / 256, i % 256,
			i == 0 ? " www" : "");
	dnsd_start("127.0.0.1:0", hosts);
	return program_client();
}

static const char www[] = "NOERROR aa: www.example.test A 10.0.0.0";

static void
queries_one_after_the_other_are_answered(void **state)
{
	int fd = start();

	(void)state;
	for (int i = 0; i < 3; i++) {
		query_make("www.example.test", A);
		tcp_send(fd);
		assert_string_equal(www, tcp_receive(fd));
	}
	close(fd);
	program_stop();
}

static void
pipelined_queries_are_answered_in_order(void **state)
{
	int fd = start();

	(void)state;
	query_make("www.example.test", A);
	for (int i = 0; i < PIPELINED; i++) {
		query_set(0, i);
		tcp_send(fd);
	}
	for (int i = 0; i < PIPELINED; i++) {
		query_set(0, i);
		assert_string_equal(www, tcp_receive(fd));
	}
	close(fd);
	program_stop();
}

static void
a_query_may_come_in_pieces(void **state)
{
	int fd = start();
	uint8_t size;

	(void)state;
	query_make("www.example.test", A);
	size = (uint8_t)query.size;
	send_all(fd, "", 1);
	send_all(fd, &size, 1);
	for (size_t i = 0; i < query.size; i++)
		send_all(fd, query.bytes + i, 1);
	assert_string_equal(www, tcp_receive(fd));
	close(fd);
	program_stop();
}

static void
a_client_that_stops_sending_gets_its_answers(void **state)
{
	int fd = start();

	(void)state;
	query_make("www.example.test", A);
	tcp_send(fd);
	tcp_send(fd);
	shutdown(fd, SHUT_WR);
	assert_string_equal(www, tcp_receive(fd));
	assert_string_equal(www, tcp_receive(fd));
	assert_ends(fd);
	close(fd);
	program_stop();
}

static void
what_needs_no_answer_is_skipped(void **state)
{
	int fd = start();

	(void)state;
	query_make("www.example.test", A);
	query_set(AT_FLAGS, 0x8000);
	tcp_send(fd);
	query.size = 0;
	tcp_send(fd);
	query_make("www.example.test", A);
	tcp_send(fd);
	assert_string_equal(www, tcp_receive(fd));
	close(fd);
	program_stop();
}

static void
junk_is_a_format_error(void **state)
{
	int fd = start();

	(void)state;
	query_make("www.example.test", A);
	query.size--;
	tcp_send(fd);
	assert_string_equal("FORMERR:", tcp_receive(fd));
	close(fd);
	program_stop();
}

/* The answers before it arrive. */
static void
a_query_that_is_too_long_ends_the_connection(void **state)
{
	int fd = start();

	(void)state;
	query_make("www.example.test", A);
	tcp_send(fd);
	send_all(fd, "\x10\x00", 2); /* FRAME_MOST, and 2 more */
	assert_string_equal(www, tcp_receive(fd));
	assert_ends(fd);
	close(fd);
	program_stop();
}

/* A query for many, with `padding' bytes that mean nothing. */
static void
make_long_query(int padding)
{
	static uint8_t zeros[FRAME_MOST];

	query_make("many.example.test", A);
	query_edns(512, 0, false);
	query_set(query.size - 2, padding);
	query_put(zeros, (size_t)padding);
}

static void
the_longest_query_is_answered(void **state)
{
	int fd = start();

	(void)state;
	make_long_query(0);
	make_long_query(FRAME_MOST - 2 - (int)query.size);
	tcp_send(fd);
	assert_non_null(strstr(tcp_receive(fd), "NOERROR aa opt=1232: many"));
	close(fd);
	program_stop();
}

/* Whether something can be sent at once, or within 0.2 seconds. */
static bool
takes_more(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 200) == 1;
}

/*
 * It asks until its queries are no longer taken, which happens only if the server
 * stops reading.  Afterwards each query is answered.
 */
static void
a_client_that_does_not_read_is_not_read_from(void **state)
{
	int fd = start(), asked = 0;

	(void)state;
	make_long_query(2000);
	for (; takes_more(fd); asked++)
		tcp_send(fd);
	shutdown(fd, SHUT_WR);
	while (asked-- > 0)
		assert_null(strstr(tcp_receive(fd), " tc"));
	assert_ends(fd);
	close(fd);
	program_stop();
}

static void
stopping_ends_the_connections(void **state)
{
	int fd = start();

	(void)state;
	query_make("www.example.test", A);
	tcp_send(fd);
	assert_string_equal(www, tcp_receive(fd));
	program_ask_to_stop();
	assert_ends(fd);
	close(fd);
	program_stop();
}

/* Queries that were not taken until then get none. */
static void
stopping_cuts_no_answer(void **state)
{
	int fd = start();
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	(void)state;
	make_long_query(2000);
	while (takes_more(fd))
		tcp_send(fd);
	program_ask_to_stop();
	shutdown(fd, SHUT_WR);
	query_make("many.example.test", A);
	do {
		assert_null(strstr(tcp_receive(fd), " tc"));
		assert_int_equal(1, poll(&p, 1, 30 * 1000));
	} while (recv(fd, &c, 1, MSG_PEEK) == 1);
	close(fd);
	program_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		dnsd_test(queries_one_after_the_other_are_answered),
		dnsd_test(pipelined_queries_are_answered_in_order),
		dnsd_test(a_query_may_come_in_pieces),
		dnsd_test(a_client_that_stops_sending_gets_its_answers),
		dnsd_test(what_needs_no_answer_is_skipped),
		dnsd_test(junk_is_a_format_error),
		dnsd_test(a_query_that_is_too_long_ends_the_connection),
		dnsd_test(the_longest_query_is_answered),
		dnsd_test(a_client_that_does_not_read_is_not_read_from),
		dnsd_test(stopping_ends_the_connections),
		dnsd_test(stopping_cuts_no_answer),
	};
	return run_tests(tests);
}

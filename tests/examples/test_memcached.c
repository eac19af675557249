/* The cache's commands, as a client sees them. */
/* backends: all */
#include "tests/support/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { ROOM = 1 << 16 };
static char received[ROOM];

static int
first_client(void)
{
	program_start_with("memcached",
		(const char *const[]){
			"--listen=127.0.0.1:0", "--memory=8", NULL});
	return program_client();
}

/* Sends `text'; the answer must be this, and no more. */
static void
assert_answers(int fd, const char *text, const char *answer)
{
	send_all(fd, text, strlen(text));
	receive(fd, received, strlen(answer) + 1, NULL);
	assert_string_equal(answer, received);
	assert_int_equal(-1, recv(fd, received, 1, MSG_DONTWAIT));
}

struct exchange {
	const char *text, *answer;
};

/* A server of its own for these exchanges; the last has no text. */
static void
assert_exchanges(const struct exchange *e)
{
	int fd = first_client();

	for (; e->text; e++)
		assert_answers(fd, e->text, e->answer);
	close(fd);
	program_stop();
}

#define HIT(key, rest) "VALUE " key " " rest "\r\nEND\r\n"
#define BAD_LINE "CLIENT_ERROR bad command line format\r\n"

static void
a_value_is_got_as_it_was_set(void **state)
{
	(void)state;
	assert_exchanges((const struct exchange[]){
		{"get a\r\n", "END\r\n"},
		{"set a 7 0 3\r\nabc\r\n", "STORED\r\n"},
		{"get a\r\n", HIT("a", "7 3\r\nabc")},
		{"set a 4294967295 0 0\r\n\r\n", "STORED\r\n"},
		{"get a\r\n", HIT("a", "4294967295 0\r\n")},
		{"set b 0 0 8\r\nx\r\ny\nz\r\n\r\n", "STORED\r\n"},
		{"get b\n", HIT("b", "0 8\r\nx\r\ny\nz\r\n")},
		{0},
	});
}

static void
several_values_are_got_at_once(void **state)
{
	(void)state;
	assert_exchanges((const struct exchange[]){
		{"set a 1 0 1\r\n1\r\nset c 3 0 1\r\n3\r\n",
			"STORED\r\nSTORED\r\n"},
		{"get a b  c a\r\n",
			"VALUE a 1 1\r\n1\r\nVALUE c 3 1\r\n3\r\n"
			"VALUE a 1 1\r\n1\r\nEND\r\n"},
		{0},
	});
}

static void
storing_may_depend_on_what_is_there(void **state)
{
	(void)state;
	assert_exchanges((const struct exchange[]){
		{"replace a 0 0 1\r\n1\r\n", "NOT_STORED\r\n"},
		{"append a 0 0 1\r\n1\r\n", "NOT_STORED\r\n"},
		{"prepend a 0 0 1\r\n1\r\n", "NOT_STORED\r\n"},
		{"add a 5 0 1\r\n1\r\n", "STORED\r\n"},
		{"add a 0 0 1\r\n2\r\n", "NOT_STORED\r\n"},
		{"append a 9 9 2\r\n23\r\n", "STORED\r\n"},
		{"prepend a 9 9 1\r\n0\r\n", "STORED\r\n"},
		{"get a\r\n", HIT("a", "5 4\r\n0123")},
		{"replace a 0 0 1\r\nx\r\n", "STORED\r\n"},
		{"get a\r\n", HIT("a", "0 1\r\nx")},
		{0},
	});
}

static void
cas_stores_only_over_the_value_that_was_got(void **state)
{
	(void)state;
	assert_exchanges((const struct exchange[]){
		{"cas a 0 0 1 1\r\n1\r\n", "NOT_FOUND\r\n"},
		{"set a 0 0 1\r\n1\r\n", "STORED\r\n"},
		{"gets a\r\n", HIT("a", "0 1 1\r\n1")},
		{"cas a 0 0 1 2\r\n2\r\n", "EXISTS\r\n"},
		{"cas a 0 0 1 1\r\n2\r\n", "STORED\r\n"},
		{"cas a 0 0 1 1\r\n3\r\n", "EXISTS\r\n"},
		{"gets a\r\n", HIT("a", "0 1 2\r\n2")},
		{"cas a 0 0 1 x\r\n", BAD_LINE},
		{0},
	});
}

static void
numbers_are_counted_up_and_down(void **state)
{
	(void)state;
	assert_exchanges((const struct exchange[]){
		{"incr a 1\r\n", "NOT_FOUND\r\n"},
		{"set a 3 0 2\r\n99\r\n", "STORED\r\n"},
		{"incr a 1\r\n", "100\r\n"},
		{"get a\r\n", HIT("a", "3 3\r\n100")},
		{"decr a 91\r\n", "9\r\n"},
		{"get a\r\n", HIT("a", "3 3\r\n9  ")},
		{"decr a 10\r\n", "0\r\n"},
		{"incr a 18446744073709551615\r\n", "18446744073709551615\r\n"},
		{"incr a 2\r\n", "1\r\n"},
		{"incr a x\r\n",
			"CLIENT_ERROR invalid numeric delta argument\r\n"},
		{"set a 0 0 1\r\nx\r\n", "STORED\r\n"},
		{"incr a 1\r\n",
			"CLIENT_ERROR cannot increment or decrement "
			"non-numeric value\r\n"},
		{0},
	});
}

static void
a_deleted_value_is_gone(void **state)
{
	(void)state;
	assert_exchanges((const struct exchange[]){
		{"delete a\r\n", "NOT_FOUND\r\n"},
		{"set a 0 0 1\r\n1\r\n", "STORED\r\n"},
		{"delete a 0\r\n", "DELETED\r\n"},
		{"get a\r\n", "END\r\n"},
		{"delete a 5\r\n",
			"CLIENT_ERROR bad command line format.  "
			"Usage: delete <key> [noreply]\r\n"},
		{0},
	});
}

static void
a_time_in_the_past_expires_at_once(void **state)
{
	(void)state;
	assert_exchanges((const struct exchange[]){
		{"set a 0 -1 1\r\n1\r\n", "STORED\r\n"},
		{"get a\r\n", "END\r\n"},
		{"set a 0 2592001 1\r\n1\r\n", "STORED\r\n"}, /* of 1970 */
		{"get a\r\n", "END\r\n"},
		{"set a 0 2592000 1\r\n1\r\n", "STORED\r\n"}, /* 30 days */
		{"get a\r\n", HIT("a", "0 1\r\n1")},
		{"set a 0 4000000000 1\r\n1\r\n", "STORED\r\n"},
		{"get a\r\n", HIT("a", "0 1\r\n1")},
		{"touch a 0\r\n", "TOUCHED\r\n"},
		{"gat -1 a\r\n", HIT("a", "0 1\r\n1")},
		{"get a\r\n", "END\r\n"},
		{"touch a 5\r\n", "NOT_FOUND\r\n"},
		{"touch a x\r\n", "CLIENT_ERROR invalid exptime argument\r\n"},
		{"gats x a\r\n", "CLIENT_ERROR invalid exptime argument\r\n"},
		{0},
	});
}

static void
flush_all_forgets_what_was_set_before(void **state)
{
	(void)state;
	assert_exchanges((const struct exchange[]){
		{"set a 0 0 1\r\n1\r\n", "STORED\r\n"},
		{"flush_all 1000\r\n", "OK\r\n"},
		{"get a\r\n", HIT("a", "0 1\r\n1")},
		{"flush_all\r\n", "OK\r\n"},
		{"get a\r\n", "END\r\n"},
		{"add a 0 0 1\r\n2\r\n", "STORED\r\n"},
		{"get a\r\n", HIT("a", "0 1\r\n2")},
		{"flush_all x\r\n",
			"CLIENT_ERROR invalid exptime argument\r\n"},
		{0},
	});
}

static void
noreply_asks_for_no_answer(void **state)
{
	(void)state;
	assert_exchanges((const struct exchange[]){
		{"set a 0 0 1 noreply\r\n1\r\nincr a 1 noreply\r\nget a\r\n",
			HIT("a", "0 1\r\n2")},
		{"delete a noreply\r\ndelete a noreply\r\nget a\r\n",
			"END\r\n"},
		{"touch a 1 noreply\r\nverbosity 1 noreply\r\n"
		 "flush_all noreply\r\nget a\r\n",
			"END\r\n"},
		{"set a 0 0 2 noreply\r\n123\r\nget a\r\n", "ERROR\r\nEND\r\n"},
		{0},
	});
}

static void
data_of_another_length_is_refused(void **state)
{
	(void)state;
	assert_exchanges((const struct exchange[]){
		{"set a 0 0 2\r\n1234\r\n",
			"CLIENT_ERROR bad data chunk\r\nERROR\r\n"},
		{"get a\r\n", "END\r\n"},
		{0},
	});
}

static void
wrong_lines_are_refused_as_by_memcached(void **state)
{
	(void)state;
	assert_exchanges((const struct exchange[]){
		{"\r\n", "ERROR\r\n"},
		{"bogus\r\n", "ERROR\r\n"},
		{"GET a\r\n", "ERROR\r\n"},
		{"get\r\n", "ERROR\r\n"},
		{"set a 0 0\r\n", "ERROR\r\n"},
		{"set a x 0 1\r\n", BAD_LINE},
		{"set a 0 x 1\r\n", BAD_LINE},
		{"set a 0 0 -1\r\n", BAD_LINE},
		{"verbosity\r\n", "ERROR\r\n"},
		{"verbosity 1\r\n", "OK\r\n"},
		{"stats bogus\r\n", "ERROR\r\n"},
		{0},
	});
}

static void
a_key_has_at_most_250_bytes(void **state)
{
	char key[252], line[300];
	int fd = first_client();

	(void)state;
	memset(key, 'k', 251);
	key[251] = '\0';
	snprintf(line, sizeof(line), "get a %s\r\n", key);
	assert_answers(fd, line, BAD_LINE);
	snprintf(line, sizeof(line), "set %s 0 0 1\r\n", key);
	assert_answers(fd, line, BAD_LINE);
	snprintf(line, sizeof(line), "delete %s\r\n", key + 1);
	assert_answers(fd, line, "NOT_FOUND\r\n");
	close(fd);
	program_stop();
}

static void
stats_count_what_was_asked_for(void **state)
{
	int fd = first_client();

	(void)state;
	assert_answers(fd, "set a 0 0 1\r\n1\r\nget a b\r\n",
		"STORED\r\n" HIT("a", "0 1\r\n1"));
	send_all(fd, "stats\r\n", 7);
	receive(fd, received, sizeof(received), "END\r\n");
	assert_non_null(strstr(received, "STAT get_hits 1\r\n"));
	assert_non_null(strstr(received, "STAT get_misses 1\r\n"));
	assert_non_null(strstr(received, "STAT curr_items 1\r\n"));
	assert_non_null(strstr(received, "STAT limit_maxbytes 8388608\r\n"));
	assert_answers(
		fd, "stats cachedump 1 0\r\n", "ITEM a [1 b; 0 s]\r\nEND\r\n");
	close(fd);
	program_stop();
}

static void
quit_and_a_browser_end_the_connection(void **state)
{
	int fd = first_client();

	(void)state;
	send_all(fd, "get a\r\nquit\r\nget a\r\n", 20);
	receive(fd, received, sizeof(received), NULL);
	assert_string_equal("END\r\n", received);
	close(fd);
	fd = program_client();
	send_all(fd, "POST / HTTP/1.1\r\n", 17);
	assert_ends(fd);
	close(fd);
	program_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(a_value_is_got_as_it_was_set),
		program_test(several_values_are_got_at_once),
		program_test(storing_may_depend_on_what_is_there),
		program_test(cas_stores_only_over_the_value_that_was_got),
		program_test(numbers_are_counted_up_and_down),
		program_test(a_deleted_value_is_gone),
		program_test(a_time_in_the_past_expires_at_once),
		program_test(flush_all_forgets_what_was_set_before),
		program_test(noreply_asks_for_no_answer),
		program_test(data_of_another_length_is_refused),
		program_test(wrong_lines_are_refused_as_by_memcached),
		program_test(a_key_has_at_most_250_bytes),
		program_test(stats_count_what_was_asked_for),
		program_test(quit_and_a_browser_end_the_connection),
	};
	return run_tests(tests);
}

/* The cache's memory, and values that are large or many. */
/* backends: all */
#include "tests/support/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { MEGA = 1024 * 1024, KILO_100 = 100 * 1024, KEYS = 9000 };
static char big[MEGA + 64], received[MEGA + 64];

static int
first_client(const char *memory)
{
	program_start_with("memcached",
		(const char *const[]){"--listen=127.0.0.1:0", memory, NULL});
	return program_client();
}

static void
assert_receives(int fd, const char *line)
{
	receive(fd, received, 512, "\n");
	assert_string_equal(line, received);
}

/* Stores `n' bytes `c'; the server must answer this. */
static void
set(int fd, const char *key, char c, size_t n, const char *answer)
{
	char line[64];

	snprintf(line, sizeof(line), "set %s 0 0 %zu\r\n", key, n);
	send_all(fd, line, strlen(line));
	memset(big, c, n);
	memcpy(big + n, "\r\n", 2);
	send_all(fd, big, n + 2);
	assert_receives(fd, answer);
}

static void
receive_bytes(int fd, size_t n)
{
	assert_int_equal(n, receive(fd, received, n + 1, NULL));
}

/* Receives a value, which must be `n' times the same byte; returns that. */
static char
receive_value(int fd, const char *key, size_t n)
{
	char line[64];

	snprintf(line, sizeof(line), "VALUE %s 0 %zu\r\n", key, n);
	assert_receives(fd, line);
	receive_bytes(fd, n + 2);
	for (size_t i = 0; i < n; i++)
		if (received[i] != received[0])
			fail_msg("byte %zu is another", i);
	assert_memory_equal("\r\n", received + n, 2);
	return received[0];
}

static bool
is_there(int fd, const char *key, size_t n)
{
	char line[64];

	snprintf(line, sizeof(line), "get %s\r\n", key);
	send_all(fd, line, strlen(line));
	receive(fd, received, 512, "\n");
	if (strcmp(received, "END\r\n") == 0)
		return false;
	receive_bytes(fd, n + 2);
	assert_receives(fd, "END\r\n");
	return true;
}

static unsigned long
stat_of(int fd, const char *name)
{
	const char *at;

	send_all(fd, "stats\r\n", 7);
	receive(fd, received, sizeof(received), "END\r\n");
	at = strstr(received, name);
	assert_non_null(at);
	return strtoul(at + strlen(name), NULL, 10);
}

static void
the_value_not_used_for_longest_is_evicted(void **state)
{
	int fd = first_client("--memory=1");
	char key[8];

	(void)state;
	set(fd, "a", 'a', KILO_100, "STORED\r\n");
	set(fd, "b", 'b', KILO_100, "STORED\r\n");
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		set(fd, key, 'k', KILO_100, "STORED\r\n");
		assert_true(is_there(fd, "a", KILO_100)); /* used */
		assert_in_range(stat_of(fd, "STAT bytes "), 1, MEGA);
	}
	assert_false(is_there(fd, "b", KILO_100));
	assert_false(is_there(fd, "k0", KILO_100));
	assert_true(is_there(fd, "k19", KILO_100));
	assert_int_equal(13, stat_of(fd, "STAT evictions "));
	close(fd);
	program_stop();
}

static void
small_values_do_not_exceed_the_memory_either(void **state)
{
	int fd = first_client("--memory=1");
	char line[64];

	(void)state;
	for (int i = 0; i < 30000; i++) {
		snprintf(line, sizeof(line),
			"set key%05d 0 0 1 noreply\r\nx\r\n", i);
		send_all(fd, line, strlen(line));
	}
	assert_in_range(stat_of(fd, "STAT bytes "), MEGA - 4096, MEGA);
	assert_in_range(stat_of(fd, "STAT curr_items "), 5000, 29000);
	assert_true(is_there(fd, "key29999", 1));
	assert_false(is_there(fd, "key00000", 1));
	close(fd);
	program_stop();
}

static void
a_value_has_at_most_one_mebibyte(void **state)
{
	int fd = first_client("--memory=8");

	(void)state;
	set(fd, "a", 'a', MEGA, "STORED\r\n");
	assert_true(is_there(fd, "a", MEGA));
	set(fd, "a", 'b', MEGA + 1,
		"SERVER_ERROR object too large for cache\r\n");
	assert_false(is_there(fd, "a", MEGA)); /* it is outdated */
	close(fd);
	program_stop();
}

static void
a_value_that_cannot_fit_is_refused(void **state)
{
	int fd = first_client("--memory=1");

	(void)state;
	set(fd, "a", 'a', 1000, "STORED\r\n");
	set(fd, "b", 'b', MEGA,
		"SERVER_ERROR out of memory storing object\r\n");
	assert_false(is_there(fd, "b", MEGA));
	set(fd, "c", 'c', MEGA / 2, "STORED\r\n");
	close(fd);
	program_stop();
}

static void
a_value_that_is_replaced_while_it_is_sent_arrives_whole(void **state)
{
	int fd = first_client("--memory=8"), other = program_client();
	char last = 'a';

	(void)state;
	set(fd, "k", 'a', MEGA, "STORED\r\n");
	for (int i = 0; i < 16; i++)
		send_all(fd, "get k\r\n", 7);
	set(other, "k", 'b', MEGA, "STORED\r\n");
	for (int i = 0; i < 16; i++) {
		char c = receive_value(fd, "k", MEGA);

		assert_receives(fd, "END\r\n");
		assert_in_range(c, last, 'b');
		last = c;
	}
	close(fd);
	close(other);
	program_stop();
}

static void
a_value_that_is_deleted_while_it_is_sent_arrives_whole(void **state)
{
	int fd = first_client("--memory=8"), other = program_client();

	(void)state;
	set(fd, "k", 'a', MEGA, "STORED\r\n");
	send_all(fd, "get k k k k k k k k\r\n", 21);
	receive(fd, received, 512, "\n"); /* it is being sent */
	send_all(other, "delete k\r\n", 10);
	assert_receives(other, "DELETED\r\n");
	receive_bytes(fd, MEGA + 2);
	do {
		receive(fd, received, 512, "\n");
		if (received[0] == 'V')
			receive_bytes(fd, MEGA + 2);
	} while (received[0] != 'E');
	close(fd);
	close(other);
	program_stop();
}

static void
what_an_ended_client_was_sending_is_freed(void **state)
{
	int fd = first_client("--memory=8"), other = program_client();
	unsigned long before = stat_of(other, "STAT bytes ");

	(void)state;
	set(fd, "k", 'a', MEGA, "STORED\r\n");
	send_all(fd, "get k k k k k k k k\r\nset l 0 0 1000000\r\nx", 42);
	receive(fd, received, 512, "\n");
	close_by_reset(fd);
	send_all(other, "delete k\r\n", 10);
	assert_receives(other, "DELETED\r\n");
	while (stat_of(other, "STAT bytes ") != before)
		continue;
	close(other);
	program_stop();
}

static void
a_client_that_reads_nothing_gets_all_in_the_end(void **state)
{
	static char line[4 + KEYS * 2 + 2];
	int fd = first_client("--memory=8"), other = program_client();

	(void)state;
	set(fd, "a", 'a', 4000, "STORED\r\n");
	memcpy(line, "get", 3);
	for (int i = 0; i < KEYS; i++)
		memcpy(line + 3 + i * 2, " a", 2);
	memcpy(line + 3 + KEYS * 2, "\r\n", 2);
	send_all(fd, line, 3 + KEYS * 2 + 2);
	send_all(fd, "version\r\n", 9);
	set(other, "b", 'b', 10, "STORED\r\n"); /* others are served */
	for (int i = 0; i < KEYS; i++)
		assert_int_equal('a', receive_value(fd, "a", 4000));
	assert_receives(fd, "END\r\n");
	receive(fd, received, 512, "\n");
	assert_memory_equal("VERSION ", received, 8);
	close(fd);
	close(other);
	program_stop();
}

static void
pipelined_commands_are_answered_in_order(void **state)
{
	static char lines[64 * 1000];
	int fd = first_client("--memory=8"), at = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		at += snprintf(lines + at, sizeof(lines) - (size_t)at,
			i % 2 ? "incr k 1\r\n" : "set k 0 0 4\r\n%04d\r\n", i);
	send_all(fd, lines, (size_t)at);
	for (int i = 0; i < 1000; i++) {
		char number[16];

		snprintf(number, sizeof(number), "%d\r\n", i);
		assert_receives(fd, i % 2 ? number : "STORED\r\n");
	}
	close(fd);
	program_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(the_value_not_used_for_longest_is_evicted),
		program_test(small_values_do_not_exceed_the_memory_either),
		program_test(a_value_has_at_most_one_mebibyte),
		program_test(a_value_that_cannot_fit_is_refused),
		program_test(
			a_value_that_is_replaced_while_it_is_sent_arrives_whole),
		program_test(
			a_value_that_is_deleted_while_it_is_sent_arrives_whole),
		program_test(what_an_ended_client_was_sending_is_freed),
		program_test(a_client_that_reads_nothing_gets_all_in_the_end),
		program_test(pipelined_commands_are_answered_in_order),
	};
	return run_tests(tests);
}

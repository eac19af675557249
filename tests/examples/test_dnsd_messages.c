/* What dnsd does with unusual queries, and how long its answers may be. */
/* backends: all */
#include "tests/support/dnsd.h"

#include <stdio.h>
#include <stdlib.h>

enum { MANY = 60, MORE = 3000 };

/* www has two addresses, many MANY of them and more MORE. */
static void
start(void)
{
	static char hosts[(MANY + MORE) * 64];
	size_t len = 0;

	for (int i = 0; i < MORE; i++)
		len += (size_t)snprintf(hosts + len, sizeof(hosts) - len,
			"10.0.%d.%d more%s%s\n", i / 256, i % 256,
			i < MANY ? " many" : "", i < 2 ? " www" : "");
	dnsd_start("127.0.0.1:0", hosts);
}

static void
assert_query(const char *wanted)
{
	int fd = udp_client("127.0.0.1");

	assert_string_equal(wanted, udp_answer(fd));
	close(fd);
}

/* ---- junk ---- */

static void
other_opcodes_are_not_implemented(void **state)
{
	(void)state;
	start();
	for (int opcode = 1; opcode < 16; opcode++) {
		query_make("www.example.test", A);
		query_set(AT_FLAGS, opcode << 11);
		assert_query("NOTIMP:");
	}
	query_make("www.example.test", A);
	query_edns(4096, 0, false);
	query_set(AT_FLAGS, 5 << 11);
	assert_query("NOTIMP opt=1232:");
	program_stop();
}

/* What is behind a header of one question. */
static void
assert_formerr(const void *data, size_t size)
{
	query_make("", A);
	query.size = 12;
	query_put(data, size);
	assert_query("FORMERR:");
}

static void
junk_is_a_format_error(void **state)
{
	(void)state;
	start();
	assert_formerr("", 0);
	assert_formerr("\3www", 4);
	assert_formerr("\0\0\1\0", 4);         /* without a class */
	assert_formerr("\0\0\1\0\1x", 6);      /* with a byte more */
	assert_formerr("\xc0\x0c\0\1\0\1", 6); /* a name of pointers */
	assert_formerr("\x41x\0\0\1\0\1", 7);  /* a label of another type */
	assert_formerr("\x81x\0\0\1\0\1", 7);  /* and of another */
	program_stop();
}

static void
a_name_of_more_than_255_bytes_is_a_format_error(void **state)
{
	(void)state;
	char label[64];

	start();
	memset(label, 'x', sizeof(label));
	label[0] = 63;
	query_make("", A);
	query.size = 12;
	for (int i = 0; i < 4; i++)
		query_put(label, sizeof(label));
	query_put("\0\0\1\0\1", 5);
	assert_query("FORMERR:");
	program_stop();
}

static void
wrong_counts_are_a_format_error(void **state)
{
	(void)state;
	start();
	query_make("www.example.test", A);
	query_set(AT_QUESTIONS, 0);
	assert_query("FORMERR:");
	query_set(AT_QUESTIONS, 2);
	assert_query("FORMERR:");
	query_set(AT_QUESTIONS, 1);
	query_set(AT_ANSWERS, 1);
	assert_query("FORMERR:");
	query_set(AT_ANSWERS, 0);
	query_set(AT_ADDITIONAL, 1);
	assert_query("FORMERR:");
	program_stop();
}

static void
two_opt_records_are_a_format_error(void **state)
{
	(void)state;
	start();
	query_make("www.example.test", A);
	query_edns(4096, 0, false);
	query_edns(4096, 0, false);
	assert_query("FORMERR opt=1232:");
	program_stop();
}

/* Else two servers would answer each other for ever. */
static void
a_response_is_not_answered(void **state)
{
	int fd;

	(void)state;
	start();
	fd = udp_client("127.0.0.1");
	query_make("www.example.test", A);
	query_set(AT_FLAGS, 0x8000);
	assert_int_equal(query.size, write(fd, query.bytes, query.size));
	assert_int_equal(11, write(fd, query.bytes, 11));
	assert_int_equal(0, write(fd, query.bytes, 0));
	query_make("many.example.test", AAAA);
	assert_string_equal("NOERROR aa: - example.test SOA ns.example.test",
		udp_answer(fd));
	close(fd);
	program_stop();
}

static void
records_behind_the_question_are_skipped(void **state)
{
	(void)state;
	start();
	query_make("none.example.test", A);
	query_set(AT_ADDITIONAL, 1);
	query_put("\1x\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3\4", 18);
	assert_query("NXDOMAIN aa: - example.test SOA ns.example.test");
	query_edns(512, 0, false);
	assert_query("NXDOMAIN aa opt=1232:"
		     " - example.test SOA ns.example.test");
	program_stop();
}

/* ---- EDNS ---- */

static void
edns_is_answered_with_our_size_and_the_do_bit(void **state)
{
	(void)state;
	start();
	query_make("none.example.test", A);
	query_edns(4096, 0, true);
	assert_query("NXDOMAIN aa opt=1232 do:"
		     " - example.test SOA ns.example.test");
	program_stop();
}

static void
another_version_of_edns_is_badvers(void **state)
{
	(void)state;
	start();
	query_make("www.example.test", A);
	query_edns(4096, 1, false);
	assert_query("BADVERS opt=1232:");
	program_stop();
}

/* ---- lengths ---- */

/* Many addresses need 16 bytes each. */
static void
an_answer_over_the_clients_size_is_truncated(void **state)
{
	static const int sizes[] = {0, 511, 512, 900};

	(void)state;
	start();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		query_make("many.example.test", A);
		query_edns(sizes[i], 0, false);
		assert_query("NOERROR aa tc opt=1232:");
	}
	program_stop();
}

static void
an_answer_of_the_clients_size_is_whole(void **state)
{
	int fd;

	(void)state;
	start();
	fd = udp_client("127.0.0.1");
	query_make("many.example.test", A);
	query_edns(1232, 0, false);
	assert_null(strstr(udp_answer(fd), " tc"));
	query_set(query.size - 8, (int)answer.size);
	assert_null(strstr(udp_answer(fd), " tc"));
	query_set(query.size - 8, (int)answer.size - 1);
	assert_non_null(strstr(udp_answer(fd), " tc"));
	close(fd);
	program_stop();
}

static void
no_answer_is_longer_than_1232_bytes_over_udp(void **state)
{
	(void)state;
	start();
	query_make("more.example.test", A);
	query_edns(65535, 0, false);
	assert_query("NOERROR aa tc opt=1232:");
	program_stop();
}

/* Its sender may be forged, and gets the answer. */
static void
without_edns_an_answer_has_at_most_three_times_the_query(void **state)
{
	(void)state;
	start();
	query_make("www.example.test", A);
	assert_query("NOERROR aa: www.example.test A 10.0.0.0"
		     " www.example.test A 10.0.0.1");
	query_make("many.example.test", A);
	assert_query("NOERROR aa tc:");
	assert_true(answer.size <= 3 * query.size);
	program_stop();
}

static void
over_tcp_it_is_whole(void **state)
{
	int fd;

	(void)state;
	start();
	fd = program_client();
	query_make("more.example.test", A);
	tcp_send(fd);
	assert_null(strstr(tcp_receive(fd), " tc"));
	assert_true(answer.size > MORE * 16);
	close(fd);
	program_stop();
}

/* ---- addresses ---- */

static void
the_answer_comes_from_the_address_that_was_asked(void **state)
{
	int fd;

	(void)state;
	skip_without_address("127.0.0.2");
	dnsd_start("0.0.0.0:0", "10.0.0.1 www\n");
	fd = udp_client("127.0.0.2");
	query_make("www.example.test", A);
	assert_string_equal(
		"NOERROR aa: www.example.test A 10.0.0.1", udp_answer(fd));
	close(fd);
	program_stop();
}

static void
ipv6_is_served_and_with_it_ipv4(void **state)
{
	int fd;

	(void)state;
	if (!has_ipv6())
		skip_because("this system has no IPv6");
	dnsd_start("[::]:0", "10.0.0.1 www\n");
	fd = udp_client("::1");
	query_make("www.example.test", A);
	assert_string_equal(
		"NOERROR aa: www.example.test A 10.0.0.1", udp_answer(fd));
	close(fd);
	assert_string_equal("NOERROR aa: www.example.test A 10.0.0.1",
		ask("www.example.test", A));
	program_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		dnsd_test(other_opcodes_are_not_implemented),
		dnsd_test(junk_is_a_format_error),
		dnsd_test(a_name_of_more_than_255_bytes_is_a_format_error),
		dnsd_test(wrong_counts_are_a_format_error),
		dnsd_test(two_opt_records_are_a_format_error),
		dnsd_test(a_response_is_not_answered),
		dnsd_test(records_behind_the_question_are_skipped),
		dnsd_test(edns_is_answered_with_our_size_and_the_do_bit),
		dnsd_test(another_version_of_edns_is_badvers),
		dnsd_test(an_answer_over_the_clients_size_is_truncated),
		dnsd_test(an_answer_of_the_clients_size_is_whole),
		dnsd_test(no_answer_is_longer_than_1232_bytes_over_udp),
		dnsd_test(
			without_edns_an_answer_has_at_most_three_times_the_query),
		dnsd_test(over_tcp_it_is_whole),
		dnsd_test(the_answer_comes_from_the_address_that_was_asked),
		dnsd_test(ipv6_is_served_and_with_it_ipv4),
	};
	return run_tests(tests);
}

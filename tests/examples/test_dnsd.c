/* What dnsd answers. */
/* backends: all */
#include "tests/support/dnsd.h"

static const char hosts[] = "# comment\n"
			    "192.0.2.1\twww.example.test WEB\r\n"
			    "192.0.2.2 www.Example.TEST. # two addresses\n"
			    "2001:db8::1 www.example.test\n"
			    "192.0.2.3 a.b.example.test\n"
			    "192.0.2.4 example.test\n"
			    "127.0.0.1 localhost\n"
			    "192.0.2.9 other.example.org\n";

static void
assert_answer(const char *wanted, const char *name, int type)
{
	assert_string_equal(wanted, ask(name, type));
}

static void
start(void)
{
	dnsd_start("127.0.0.1:0", hosts);
}

/* ---- names and addresses ---- */

static void
a_name_has_all_its_addresses(void **state)
{
	(void)state;
	start();
	assert_answer("NOERROR aa: www.example.test A 192.0.2.1"
		      " www.example.test A 192.0.2.2",
		"www.example.test", A);
	assert_answer("NOERROR aa: www.example.test AAAA 2001:db8::1",
		"www.example.test", AAAA);
	program_stop();
}

static void
a_name_without_a_dot_is_one_of_the_zone(void **state)
{
	(void)state;
	start();
	assert_answer("NOERROR aa: web.example.test A 192.0.2.1",
		"web.example.test", A);
	program_stop();
}

static void
localhost_is_in_no_zone(void **state)
{
	(void)state;
	start();
	assert_answer("NXDOMAIN aa: - example.test SOA ns.example.test",
		"localhost.example.test", A);
	assert_answer("NOERROR aa: 1.0.0.127.in-addr.arpa PTR localhost",
		"1.0.0.127.in-addr.arpa", PTR);
	program_stop();
}

static void
case_does_not_matter_and_the_question_comes_back(void **state)
{
	(void)state;
	start();
	assert_answer("NOERROR aa: wEb.exAmple.tEST A 192.0.2.1",
		"wEb.exAmple.tEST", A);
	assert_answer("NXDOMAIN aa: - exAMPLE.test SOA ns.exAMPLE.test",
		"none.exAMPLE.test", A);
	program_stop();
}

static void
an_address_has_the_first_name_of_its_line(void **state)
{
	(void)state;
	start();
	assert_answer("NOERROR aa: 1.2.0.192.in-addr.arpa PTR www.example.test",
		"1.2.0.192.in-addr.arpa", PTR);
	assert_answer(
		"NOERROR aa: 9.2.0.192.in-addr.arpa PTR other.example.org",
		"9.2.0.192.in-addr.arpa", PTR);
	assert_answer(
		"NOERROR aa: 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		"8.b.d.0.1.0.0.2.ip6.arpa PTR www.example.test",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
		"8.b.d.0.1.0.0.2.ip6.arpa",
		PTR);
	program_stop();
}

static void
the_zone_has_soa_and_ns(void **state)
{
	(void)state;
	start();
	assert_answer("NOERROR aa: example.test SOA ns.example.test",
		"example.test", SOA);
	assert_answer("NOERROR aa: example.test NS ns.example.test",
		"example.test", NS);
	assert_answer(
		"NOERROR aa: example.test A 192.0.2.4", "example.test", A);
	program_stop();
}

/* ---- nothing ---- */

static void
a_name_that_is_not_there_is_nxdomain_with_the_soa(void **state)
{
	(void)state;
	start();
	assert_answer("NXDOMAIN aa: - example.test SOA ns.example.test",
		"no.example.test", A);
	assert_answer("NXDOMAIN aa: - example.test SOA ns.example.test",
		"www.www.example.test", ANY);
	program_stop();
}

static void
a_name_without_such_a_record_is_nodata_with_the_soa(void **state)
{
	(void)state;
	start();
	assert_answer("NOERROR aa: - example.test SOA ns.example.test",
		"web.example.test", AAAA);
	assert_answer("NOERROR aa: - example.test SOA ns.example.test",
		"www.example.test", SOA);
	assert_answer("NOERROR aa: - example.test SOA ns.example.test",
		"www.example.test", MX);
	assert_answer("NOERROR aa:"
		      " - 9.2.0.192.in-addr.arpa SOA ns.example.test",
		"9.2.0.192.in-addr.arpa", A);
	program_stop();
}

static void
a_name_above_a_host_is_there_and_has_nothing(void **state)
{
	(void)state;
	start();
	assert_answer("NOERROR aa: - example.test SOA ns.example.test",
		"b.example.test", A);
	assert_answer("NOERROR aa: - example.test SOA ns.example.test",
		"b.example.test", ANY);
	program_stop();
}

static void
names_outside_the_zone_are_refused(void **state)
{
	(void)state;
	start();
	assert_answer("REFUSED:", "other.example.org", A);
	assert_answer("REFUSED:", "test", NS);
	assert_answer("REFUSED:", "notexample.test", A);
	assert_answer("REFUSED:", "8.2.0.192.in-addr.arpa", PTR);
	assert_answer("REFUSED:", "2.0.192.in-addr.arpa", PTR);
	assert_answer("REFUSED:", "", NS);
	program_stop();
}

/* ---- what is asked seldom ---- */

static void
any_gets_one_short_record(void **state)
{
	(void)state;
	start();
	assert_answer("NOERROR aa: www.example.test HINFO \"RFC8482\" \"\"",
		"www.example.test", ANY);
	program_stop();
}

static const char *
answer_in_class(const char *name, int type, int class)
{
	int fd = udp_client("127.0.0.1");
	const char *said;

	query_make(name, type);
	query_set(query.size - 2, class);
	said = udp_answer(fd);
	close(fd);
	return said;
}

static void
an_answer_for_any_class_is_not_authoritative(void **state)
{
	(void)state;
	start();
	assert_string_equal("NOERROR: web.example.test A 192.0.2.1",
		answer_in_class("web.example.test", A, 255));
	program_stop();
}

static void
other_classes_are_refused(void **state)
{
	(void)state;
	start();
	assert_string_equal(
		"REFUSED:", answer_in_class("web.example.test", A, 4));
	assert_string_equal(
		"REFUSED:", answer_in_class("web.example.test", A, 3));
	program_stop();
}

static void
chaos_has_the_version(void **state)
{
	(void)state;
	start();
	assert_string_equal(
		"NOERROR: Version.bind TXT \"socle dnsd " SOCLE_VERSION "\"",
		answer_in_class("Version.bind", TXT, 3));
	assert_string_equal("NOERROR:", answer_in_class("version.bind", A, 3));
	program_stop();
}

static void
a_zone_transfer_is_refused(void **state)
{
	(void)state;
	start();
	assert_answer("REFUSED:", "example.test", AXFR);
	program_stop();
}

/* ---- many ---- */

/* The answers of one turn are sent in another order than the queries came. */
static void
each_client_of_many_gets_its_answers(void **state)
{
	enum { CLIENTS = 3, EACH = 50 };
	int fds[CLIENTS];

	(void)state;
	start();
	for (int i = 0; i < CLIENTS; i++)
		fds[i] = udp_client("127.0.0.1");
	for (int i = 0; i < CLIENTS * EACH; i++) {
		query_make("web.example.test", i % 2 ? A : AAAA);
		query_set(0, i);
		assert_int_equal(query.size,
			write(fds[i % CLIENTS], query.bytes, query.size));
	}
	for (int i = 0; i < CLIENTS * EACH; i++) {
		answer.size = (size_t)read(
			fds[i % CLIENTS], answer.bytes, sizeof(answer.bytes));
		query_make("web.example.test", answer.bytes[1] % 2 ? A : AAAA);
		query_set(0, answer.bytes[1]);
		assert_int_equal(i % CLIENTS, answer.bytes[1] % CLIENTS);
		(void)answer_text();
	}
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	program_stop();
}

/* ---- reloading ---- */

static void
a_hangup_reloads_the_hosts_file(void **state)
{
	(void)state;
	start();
	dnsd_reload("192.0.2.77 web\n");
	assert_answer("NOERROR aa: web.example.test A 192.0.2.77",
		"web.example.test", A);
	assert_answer("NXDOMAIN aa: - example.test SOA ns.example.test",
		"www.example.test", A);
	program_stop();
}

static void
a_file_with_an_error_changes_nothing(void **state)
{
	(void)state;
	start();
	dnsd_reload("192.0.2.77 web\n192.0.2.300 web\n");
	assert_answer("NOERROR aa: web.example.test A 192.0.2.1",
		"web.example.test", A);
	program_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		dnsd_test(a_name_has_all_its_addresses),
		dnsd_test(a_name_without_a_dot_is_one_of_the_zone),
		dnsd_test(localhost_is_in_no_zone),
		dnsd_test(case_does_not_matter_and_the_question_comes_back),
		dnsd_test(an_address_has_the_first_name_of_its_line),
		dnsd_test(the_zone_has_soa_and_ns),
		dnsd_test(a_name_that_is_not_there_is_nxdomain_with_the_soa),
		dnsd_test(a_name_without_such_a_record_is_nodata_with_the_soa),
		dnsd_test(a_name_above_a_host_is_there_and_has_nothing),
		dnsd_test(names_outside_the_zone_are_refused),
		dnsd_test(any_gets_one_short_record),
		dnsd_test(an_answer_for_any_class_is_not_authoritative),
		dnsd_test(other_classes_are_refused),
		dnsd_test(chaos_has_the_version),
		dnsd_test(a_zone_transfer_is_refused),
		dnsd_test(each_client_of_many_gets_its_answers),
		dnsd_test(a_hangup_reloads_the_hosts_file),
		dnsd_test(a_file_with_an_error_changes_nothing),
	};
	return run_tests(tests);
}

/* backends: all */
/*
 * Name resolution: the queries, the answers, and the failures.
 * test_resolve_life.c has waiting, cancelling, resets and forks.
 */
#include "tests/support/resolver.h"

#include <netdb.h>
#include <signal.h>

static char x[] = "x";

static int
resolve(const char *host, const char *service, int family, int type)
{
	return socle_resolve(host, service, family, type, answered, x, NULL);
}

/* Makes one request and waits for its answer. */
static void
resolved(const char *host, const char *service, int family, int type)
{
	int before = answers;

	assert_int_equal(0, resolve(host, service, family, type));
	turn_until_count(&answers, before + 1);
}

/* ---- numbers ---- */

static void
numeric_addresses_are_answered_later_without_a_thread(void **state)
{
	(void)state;
	resolver_request("127.0.0.1");
	assert_int_equal(0, answers);
	turn(1);
	assert_notes("127.0.0.1=127.0.0.1:0");
	turn(1);
	assert_int_equal(1, answers);
	assert_int_equal(0, seam_count(CALL_thread_create));
	assert_int_equal(0, resolver_started());
}

static void
numeric_addresses_are_not_looked_up(void **state)
{
	static const struct {
		const char *host, *service;
		int family;
		const char *expected;
	} rows[] = {
		{"1.2.3.4", "80", AF_UNSPEC, "x=1.2.3.4:80"},
		{"1.2.3.4", "65535", AF_INET, "x=1.2.3.4:65535"},
		{"1.2.3.4", NULL, AF_INET, "x=1.2.3.4:0"},
		{"1.2.3.4", "", AF_INET, "x=1.2.3.4:0"},
		{"::1", "080", AF_UNSPEC, "x=[::1]:80"},
		{"::ffff:1.2.3.4", "1", AF_INET6, "x=[::ffff:1.2.3.4]:1"},
		{"fe80::1%2", "1", AF_INET6, "x=[fe80::1%2]:1"},
		{NULL, "80", AF_UNSPEC, "x=[::]:80,0.0.0.0:80"},
		{NULL, NULL, AF_INET, "x=0.0.0.0:0"},
		{NULL, "80", AF_INET6, "x=[::]:80"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		resolved(rows[i].host, rows[i].service, rows[i].family, 0);
		assert_notes(rows[i].expected);
	}
	assert_int_equal(0, seam_count(CALL_thread_create));
}

static void
ask_another(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	answered(err, addrs, n, arg);
	resolver_request("::2");
}

static void
a_request_made_in_a_callback_is_answered_in_the_next_tick(void **state)
{
	(void)state;
	assert_int_equal(0,
		socle_resolve("::1", NULL, AF_UNSPEC, 0, ask_another, x, NULL));
	turn(1);
	assert_notes("x=[::1]:0");
	turn(1);
	assert_notes("::2=[::2]:0");
}

static void
a_numeric_address_of_another_family_is_an_error(void **state)
{
	(void)state;
	resolver_real();
	resolved("::1", "80", AF_INET, SOCK_STREAM);
	assert_int_equal(-EADDRNOTAVAIL, last_err);
	resolved("127.0.0.1", NULL, AF_INET6, SOCK_DGRAM);
	assert_int_equal(-EADDRNOTAVAIL, last_err);
}

static void
wrong_use_is_refused_and_does_nothing(void **state)
{
	static const char *const no_ports[] = {
		"65536", "-1", "+80", " 80", "99999999999999999999"};
	struct socle_resolve *r = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(no_ports) / sizeof(no_ports[0]); i++)
		assert_int_equal(
			-EINVAL, resolve("h1", no_ports[i], AF_INET, 0));
	assert_int_equal(-EINVAL, resolve("two words", "80", AF_INET, 0));
	assert_int_equal(-EINVAL, resolve("0X7f.1", "80", AF_INET, 0));
	assert_int_equal(-EINVAL, resolve("0x", "80", AF_INET, 0));
	assert_int_equal(
		-EINVAL, socle_resolve("h1", "80", AF_INET, 0, NULL, x, &r));
	assert_int_equal(-EAFNOSUPPORT,
		socle_resolve("h1", "80", AF_UNIX, 0, answered, x, &r));
	assert_null(r);
	turn(2);
	assert_int_equal(0, answers);
	assert_int_equal(0, resolver_started());
}

/* ---- names ---- */

static void
names_are_passed_to_the_resolver_unchanged(void **state)
{
	static const struct {
		const char *host, *service;
		int family, type;
		const char *question;
	} rows[] = {
		{"a.example", "80", AF_UNSPEC, 0, "a.example - 0 1"},
		{"a.example", "http", AF_INET, SOCK_STREAM,
			"a.example http 2 1"},
		{"a.example", NULL, AF_INET, SOCK_DGRAM, "a.example - 2 2"},
		{"", NULL, AF_UNSPEC, 0, " - 0 1"},
		{"1.2.3.4:80", NULL, AF_UNSPEC, 0, "1.2.3.4:80 - 0 1"},
		{"[::1]", NULL, AF_UNSPEC, 0, "[::1] - 0 1"},
		{"[::1]:80", NULL, AF_UNSPEC, 0, "[::1]:80 - 0 1"},
		{"fe80::1%lo", NULL, AF_UNSPEC, 0, "fe80::1%lo - 0 1"},
		{"/path", NULL, AF_UNSPEC, 0, "/path - 0 1"},
		{"unix:@x", NULL, AF_UNSPEC, 0, "unix:@x - 0 1"},
		{"1.2.3.4", "ftp", AF_UNSPEC, 0, "- ftp 0 1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		resolved(rows[i].host, rows[i].service, rows[i].family,
			rows[i].type);
		resolver_wait_idle();
		assert_string_equal(rows[i].question, resolver_question());
	}
}

static void
host_and_service_are_copied(void **state)
{
	char host[] = "h7", service[] = "ftp";

	(void)state;
	resolver_hold();
	assert_int_equal(0, resolve(host, service, AF_INET, 0));
	memset(host, 'z', 2);
	memset(service, 'z', 3);
	resolver_release_all();
	turn_until_count(&answers, 1);
	assert_notes("x=10.0.0.7:4242");
}

static void
addresses_keep_their_order_without_duplicates(void **state)
{
	(void)state;
	resolver_set_answer(
		"[2001:db8::2]:0 10.0.0.2:0 [2001:db8::2]:0 10.0.0.1:0 "
		"10.0.0.2:0 [2001:db8::1]:0");
	resolved("a.example", "443", AF_UNSPEC, 0);
	assert_notes("x=[2001:db8::2]:443,10.0.0.2:443,10.0.0.1:443,"
		     "[2001:db8::1]:443");
}

static int (*look_up)(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret);

/* The first address is longer than any that the library knows. */
static int
look_up_a_long_one(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	int r = look_up(host, service, hints, ret);

	(*ret)->ai_addrlen = sizeof(struct sockaddr_storage) + 1;
	return r;
}

static void
addresses_too_long_for_the_library_are_left_out(void **state)
{
	(void)state;
	look_up = socle__seam.getaddrinfo;
	socle__seam.getaddrinfo = look_up_a_long_one;
	resolver_set_answer("10.0.0.1:0 10.0.0.2:0");
	resolved("a.example", "80", AF_UNSPEC, 0);
	assert_notes("x=10.0.0.2:80");
	resolver_set_answer("10.0.0.1:0");
	resolved("a.example", "80", AF_UNSPEC, 0);
	assert_notes("x!");
	assert_int_equal(-EADDRNOTAVAIL, last_err);
}

static void
a_named_service_is_left_to_the_resolver(void **state)
{
	(void)state;
	resolver_set_answer("10.0.0.1:21 [::1]:21");
	resolved("a.example", "ftp", AF_UNSPEC, 0);
	assert_notes("x=10.0.0.1:21,[::1]:21");
}

static void
a_numeric_address_with_a_named_service_gets_its_port(void **state)
{
	(void)state;
	resolved("1.2.3.4", "ftp", AF_UNSPEC, 0);
	assert_notes("x=1.2.3.4:4242");
	resolved("fe80::1%3", "ftp", AF_INET6, 0);
	assert_notes("x=[fe80::1%3]:4242");
	resolved(NULL, "ftp", AF_UNSPEC, 0);
	assert_notes("x=[::]:4242,0.0.0.0:4242");
}

static bool found_loopback;

static void
look_for_loopback(int err, const struct socle_addr *addrs, size_t n, void *arg)
{
	char text[SOCLE_ADDR_TEXT_MAX];

	answered(err, addrs, n, arg);
	for (size_t i = 0; i < n; i++) {
		socle_addr_format(&addrs[i], text, sizeof(text));
		found_loopback |= strcmp(text, "127.0.0.1:80") == 0;
	}
}

static void
the_system_knows_localhost(void **state)
{
	(void)state;
	if (!localhost_is_known())
		skip_because("localhost is not in /etc/hosts");
	resolver_real();
	found_loopback = false;
	assert_int_equal(0,
		socle_resolve("localhost", "80", AF_INET, SOCK_STREAM,
			look_for_loopback, x, NULL));
	turn_until(&found_loopback);
	assert_int_equal(1, seam_count(CALL_thread_create));
}

static void
the_system_knows_services(void **state)
{
	(void)state;
	if (!getservbyname("http", "tcp"))
		skip_because("http is not in /etc/services");
	resolver_real();
	resolved("127.0.0.1", "http", AF_UNSPEC, SOCK_STREAM);
	assert_notes("x=127.0.0.1:80");
	resolved("127.0.0.1", "no-such-service", AF_UNSPEC, SOCK_STREAM);
	assert_int_equal(-EINVAL, last_err);
}

/* ---- failures ---- */

static void
resolver_errors_become_errno_values(void **state)
{
	static const struct {
		int code, err, expected;
	} rows[] = {
		{EAI_NONAME, 0, -EADDRNOTAVAIL},
#ifdef EAI_NODATA
		{EAI_NODATA, 0, -EADDRNOTAVAIL},
#endif
#ifdef EAI_ADDRFAMILY
		{EAI_ADDRFAMILY, 0, -EADDRNOTAVAIL},
#endif
		{EAI_SERVICE, 0, -EINVAL},
		{EAI_SOCKTYPE, 0, -EINVAL},
		{EAI_AGAIN, 0, -ETIMEDOUT},
		{EAI_FAIL, 0, -EIO},
		{EAI_MEMORY, 0, -ENOMEM},
		{EAI_SYSTEM, EMFILE, -EMFILE},
		{EAI_SYSTEM, EAGAIN, -ETIMEDOUT},
		{EAI_SYSTEM, 0, -EIO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		resolver_fails(rows[i].code, rows[i].err);
		resolved("a.example", "80", AF_UNSPEC, 0);
		assert_notes("x!");
		assert_int_equal(rows[i].expected, last_err);
		resolver_wait_idle();
	}
}

static int
look_up_interrupted(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	socle__seam.getaddrinfo = look_up;
	(void)host;
	(void)service;
	(void)hints;
	(void)ret;
	errno = EINTR;
	return EAI_SYSTEM;
}

static void
an_interrupted_lookup_is_repeated(void **state)
{
	(void)state;
	look_up = socle__seam.getaddrinfo;
	socle__seam.getaddrinfo = look_up_interrupted;
	resolved("h1", "80", AF_INET, 0);
	assert_notes("x=10.0.0.1:80");
}

static void
an_unknown_service_with_a_numeric_address_is_a_failure(void **state)
{
	(void)state;
	resolver_fails(EAI_SERVICE, 0);
	resolved("1.2.3.4", "ftp", AF_UNSPEC, 0);
	assert_int_equal(-EINVAL, last_err);
}

static void
without_a_thread_a_name_is_refused(void **state)
{
	struct socle_resolve *r = NULL;

	(void)state;
	seam_fail(CALL_thread_create, 1, EAGAIN, 1);
	assert_int_equal(-ENOMEM,
		socle_resolve("h1", "80", AF_INET, 0, answered, x, &r));
	assert_null(r);
	turn(2);
	assert_int_equal(0, answers);
	resolved("h1", "80", AF_INET, 0);
	assert_notes("x=10.0.0.1:80");
}

static void
without_another_thread_a_name_waits_for_an_existing_one(void **state)
{
	(void)state;
	seam_fail(CALL_thread_create, 2, EAGAIN, 1);
	resolver_hold();
	resolver_request("h1");
	resolver_wait_started(1);
	resolver_request("h2");
	assert_int_equal(1, resolver_threads());
	resolver_release_all();
	turn_until_count(&answers, 2);
	assert_notes("h1=10.0.0.1:0 h2=10.0.0.2:0");
}

static bool
makes_a_request(enum call which)
{
	return which == CALL_calloc || which == CALL_malloc ||
		which == CALL_wake_fds;
}

static void
a_request_without_memory_or_fds_is_refused(void **state)
{
	int err, n = 0;

	(void)state;
	do {
		socle_reset();
		turn(1);
		seam_watch_any(makes_a_request);
		seam_fail_any((unsigned long)++n, ENOMEM);
		err = resolve("127.0.0.1", "80", AF_INET, 0);
		assert_true(err == 0 || err == -ENOMEM);
		seam_heal();
		turn(2);
		assert_int_equal(err == 0, answers);
	} while (err < 0);
	assert_true(n > 4);
}

/* Ensures that the next request is one calloc and one malloc. */
static void
have_a_mailbox(void)
{
	turn(1);
	socle_loop_release(socle_loop_self());
}

static void
running_out_of_memory_for_the_addresses_is_an_answer(void **state)
{
	(void)state;
	have_a_mailbox();
	seam_fail(CALL_calloc, 2, ENOMEM, 1);
	assert_int_equal(0, resolve("h1", "80", AF_INET, 0));
	/* the fault injector is not thread-safe: waits for the helper */
	resolver_wait_idle();
	turn_until_count(&answers, 1);
	assert_notes("x!");
	assert_int_equal(-ENOMEM, last_err);
}

static void
an_answer_is_delivered_without_allocating_memory(void **state)
{
	(void)state;
	have_a_mailbox();
	seam_fail(CALL_malloc, 2, ENOMEM, -1);
	assert_int_equal(0, resolve("h1", "80", AF_INET, 0));
	resolver_wait_idle();
	turn_until_count(&answers, 1);
	assert_notes("x=10.0.0.1:80");
}

static void
the_callers_signal_mask_is_unchanged(void **state)
{
	sigset_t was, is;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &was);
	resolved("h1", "80", AF_INET, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &is);
	for (int signo = 1; signo < 32; signo++)
		assert_int_equal(
			sigismember(&was, signo), sigismember(&is, signo));
}

static int items;

static void
find_item(const struct socle_profile_item *item, void *arg)
{
	items += strcmp(item->item, arg) == 0;
}

static void
its_callback_has_an_item_in_the_profile(void **state)
{
	char name[] = "posted:socle_resolve";

	(void)state;
	items = 0;
	socle_enable_profiling(0);
	resolved("127.0.0.1", "80", AF_INET, 0);
	socle_profiling_data(find_item, name);
	assert_int_equal(1, items);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		resolver_test(
			numeric_addresses_are_answered_later_without_a_thread),
		resolver_test(numeric_addresses_are_not_looked_up),
		resolver_test(
			a_request_made_in_a_callback_is_answered_in_the_next_tick),
		resolver_test(a_numeric_address_of_another_family_is_an_error),
		resolver_test(wrong_use_is_refused_and_does_nothing),
		resolver_test(names_are_passed_to_the_resolver_unchanged),
		resolver_test(host_and_service_are_copied),
		resolver_test(addresses_keep_their_order_without_duplicates),
		resolver_test(addresses_too_long_for_the_library_are_left_out),
		resolver_test(a_named_service_is_left_to_the_resolver),
		resolver_test(
			a_numeric_address_with_a_named_service_gets_its_port),
		resolver_test(the_system_knows_localhost),
		resolver_test(the_system_knows_services),
		resolver_test(resolver_errors_become_errno_values),
		resolver_test(an_interrupted_lookup_is_repeated),
		resolver_test(
			an_unknown_service_with_a_numeric_address_is_a_failure),
		resolver_test(without_a_thread_a_name_is_refused),
		resolver_test(
			without_another_thread_a_name_waits_for_an_existing_one),
		resolver_test(a_request_without_memory_or_fds_is_refused),
		resolver_test(
			running_out_of_memory_for_the_addresses_is_an_answer),
		resolver_test(an_answer_is_delivered_without_allocating_memory),
		resolver_test(the_callers_signal_mask_is_unchanged),
		resolver_test(its_callback_has_an_item_in_the_profile),
	};
	return run_tests(tests);
}

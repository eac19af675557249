/*
 * Parsing addresses on a system whose inet_pton(3) ignores white space and what
 * follows it.  This program brings such a function.
 */
#include "tests/support/fixture.h"

#include <arpa/inet.h>
#include <netdb.h>

int
inet_pton(int family, const char *text, void *ret)
{
	struct addrinfo *found,
		hints = {.ai_family = family, .ai_flags = AI_NUMERICHOST};
	char host[64] = "";
	struct socle_addr a;

	memcpy(host, text, strcspn(text, " \t\n\v\f\r"));
	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return 0;
	memcpy(&a.u, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	if (family == AF_INET)
		memcpy(ret, &a.u.in.sin_addr, sizeof(a.u.in.sin_addr));
	else
		memcpy(ret, &a.u.in6.sin6_addr, sizeof(a.u.in6.sin6_addr));
	return 1;
}

static void
an_address_contains_no_white_space(void **state)
{
	static const char *const bad[] = {"1.2.3.4 x", "1.2.3.4 ",
		"1.2.3.4\t:80", "1.2.3.4\nx", "::1 x", "[::1 x]:80", "[::1 ]",
		"* x", "*\t"};
	struct socle_addr a;
	struct in_addr in;

	(void)state;
	assert_int_equal(1, inet_pton(AF_INET, "1.2.3.4 x", &in));
	assert_int_equal(0, socle_addr_parse(&a, "1.2.3.4", 80));
	assert_int_equal(0, socle_addr_parse(&a, "[::1]:80", 0));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (socle_addr_parse(&a, bad[i], 80) != -EINVAL)
			fail_msg("\"%s\" is an address", bad[i]);
}

static void
a_bracketed_host_contains_no_white_space(void **state)
{
	char host[32], service[32];

	(void)state;
	assert_int_equal(0,
		socle_split_hostport("[::1 x]:80", host, sizeof(host), service,
			sizeof(service)));
	assert_string_equal("[::1 x]:80", host);
	assert_string_equal("", service);
}

static void
nothing_connects_to_an_address_with_white_space(void **state)
{
	struct socle_socket *s;

	(void)state;
	assert_int_equal(
		-EINVAL, socle_connect("127.0.0.1 x:80", &probe_class, 0, &s));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_address_contains_no_white_space),
		test(a_bracketed_host_contains_no_white_space),
		test(nothing_connects_to_an_address_with_white_space),
	};

	return run_tests(tests);
}

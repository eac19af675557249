/* The proxy's PROXY headers, and how one is written. */
/* backends: all */
#include "tests/support/proxy.h"

#include "examples/common/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#define CLIENT "PROXY TCP4 192.0.2.1 198.51.100.2 1000 80\r\n"

static const char v2_client[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\2\1"
				"\xc6\x33\x64\2\x03\xe8\0\x50\4\0\0";
static const char v2_local[] = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

static struct session
session_with(const char *header, size_t len)
{
	struct session s = {.client = program_client()};

	for (size_t i = 0; i < len; i++) /* each byte on its own */
		send_all(s.client, header + i, 1);
	s.backend = backend_accept(0);
	return s;
}

/* "PROXY TCP4 127.0.0.1 127.0.0.1 PORT PORT\r\n" of this connection. */
static const char *
header_of(int client)
{
	static char text[108];
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	assert_int_equal(0, getsockname(client, (struct sockaddr *)&a, &len));
	snprintf(text, sizeof(text), "PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n",
		ntohs(a.sin_port), program_port());
	return text;
}

static void
a_backend_gets_the_addresses_of_its_client(void **state)
{
	struct session s;

	(void)state;
	proxy_start_with_one("--proxy-out=1", NULL);
	s = session();
	proxy_send(s.client, "hello");
	assert_comes(s.backend, header_of(s.client));
	assert_comes(s.backend, "hello");
	session_close(s);
	proxy_stop();
}

static void
a_backend_gets_them_without_waiting_for_the_client(void **state)
{
	struct session s;
	struct proxy_header h;
	char got[28 + 1];

	(void)state;
	proxy_start_with_one("--proxy-out=2", NULL);
	s = session();
	assert_int_equal(28, receive(s.backend, got, sizeof(got), NULL));
	assert_int_equal(28, proxy_header_parse(&h, got, 28));
	assert_int_equal(AF_INET, h.from.u.sa.sa_family);
	assert_int_equal(program_port(), socle_addr_port(&h.to));
	session_close(s);
	proxy_stop();
}

static void
a_check_says_that_it_is_no_client(void **state)
{
	char got[64];
	int fd;

	(void)state;
	proxy_start_with_one("--proxy-out=2", "--check-every=0.01");
	fd = backend_accept(0);
	assert_int_equal(16, receive(fd, got, sizeof(got), NULL));
	assert_memory_equal(v2_local, got, 16);
	close(fd);
	proxy_stop();
}

static void
the_header_of_a_client_is_passed_on(void **state)
{
	struct session s;

	(void)state;
	proxy_start_with_one("--proxy-in=yes", "--proxy-out=1");
	s = session_with(v2_client, sizeof(v2_client) - 1);
	proxy_send(s.client, "hello");
	assert_comes(s.backend, CLIENT "hello");
	session_close(s);
	s.client = program_client();
	proxy_send(s.client, CLIENT "hello"); /* in one piece */
	s.backend = backend_accept(0);
	assert_comes(s.backend, CLIENT "hello");
	session_close(s);
	proxy_stop();
}

static void
the_header_of_a_client_is_removed(void **state)
{
	struct session s;

	(void)state;
	proxy_start_with_one("--proxy-in=127.0.0.2,127.0.0.1", NULL);
	s = session_with(CLIENT, strlen(CLIENT));
	proxy_send(s.client, "hello");
	assert_comes(s.backend, "hello");
	session_close(s);
	proxy_stop();
}

static void
a_header_without_addresses_leaves_those_of_the_connection(void **state)
{
	struct session s;

	(void)state;
	proxy_start_with_one("--proxy-in=yes", "--proxy-out=1");
	s = session_with("PROXY UNKNOWN\r\n", 15);
	assert_comes(s.backend, header_of(s.client));
	session_close(s);
	proxy_stop();
}

static void
a_client_without_a_header_is_closed(void **state)
{
	static const char *const texts[] = {"GET / HTTP/1.1\r\n\r\n",
		"PROXY TCP4 1.2.3.4\r\n", "PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n",
		"\r\n\r\n\r\n"};

	(void)state;
	proxy_start_with_one("--proxy-in=yes", NULL);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int client = program_client();

		proxy_send(client, texts[i]);
		assert_ends(client);
		close(client);
	}
	proxy_stop();
}

static void
a_client_that_is_not_trusted_is_closed(void **state)
{
	int client;
	char c;

	(void)state;
	proxy_start_with_one("--proxy-in=127.0.0.11,27.0.0.1,127.0.0", NULL);
	client = program_client();
	(void)send(client, CLIENT, strlen(CLIENT), MSG_NOSIGNAL);
	assert_true(recv(client, &c, 1, 0) <= 0);
	close(client);
	proxy_stop();
}

/* ---- writing ---- */

static struct proxy_header
header(int version, const char *from, const char *to)
{
	struct proxy_header h = {.version = version};

	assert_int_equal(0, socle_addr_parse(&h.from, from, 0));
	assert_int_equal(0, socle_addr_parse(&h.to, to, 0));
	return h;
}

static void
headers_are_written_by_family(void **state)
{
	static const char *const cases[][3] = {
		{"1.2.3.4:5", "6.7.8.9:10",
			"PROXY TCP4 1.2.3.4 6.7.8.9 5 10\r\n"},
		{"[::1]:5", "[fe80::2%3]:65535",
			"PROXY TCP6 ::1 fe80::2 5 65535\r\n"},
		{"[::ffff:1.2.3.4]:5", "[::ffff:6.7.8.9]:10",
			"PROXY TCP4 1.2.3.4 6.7.8.9 5 10\r\n"},
		{"1.2.3.4:5", "[::1]:10", "PROXY UNKNOWN\r\n"},
		{"/a", "/b", "PROXY UNKNOWN\r\n"},
	};
	char buf[PROXY_HEADER_ROOM + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct proxy_header h = header(1, cases[i][0], cases[i][1]);

		buf[proxy_header_write(buf, &h)] = '\0';
		assert_string_equal(cases[i][2], buf);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		program_test(a_backend_gets_the_addresses_of_its_client),
		program_test(
			a_backend_gets_them_without_waiting_for_the_client),
		program_test(a_check_says_that_it_is_no_client),
		program_test(the_header_of_a_client_is_passed_on),
		program_test(the_header_of_a_client_is_removed),
		program_test(
			a_header_without_addresses_leaves_those_of_the_connection),
		program_test(a_client_without_a_header_is_closed),
		program_test(a_client_that_is_not_trusted_is_closed),
		test(headers_are_written_by_family),
	};
	return run_tests(tests);
}

/* Sockets as objects: how hosts, ports and protocols are interpreted. */
#include "tests/support/io.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

static struct socle_io io, listener;

static int
noted(const char *what, const struct sockaddr *a, socklen_t n)
{
	struct socle_addr addr = {.len = n};

	memcpy(&addr.u, a, n);
	note("%s %s", what, io_text(&addr));
	errno = EHOSTUNREACH;
	return -1;
}

static int
noted_bind(int fd, const struct sockaddr *a, socklen_t n)
{
	(void)fd;
	return noted("bind", a, n);
}

static int
noted_connect(int fd, const struct sockaddr *a, socklen_t n)
{
	(void)fd;
	return noted("connect", a, n);
}

/* Nothing is bound, connected or looked up: the calls are only noted. */
static void
notes_only(void)
{
	static const char *const names[] = {"192.0.2.7", NULL};

	io_names_are(names);
	socle__seam.bind = noted_bind;
	socle__seam.connect = noted_connect;
}

static void
assert_notes_for(const struct socle_io_params *p, const char *expected)
{
	assert_int_equal(-EHOSTUNREACH, socle_io_open(&io, p));
	assert_notes(expected);
}

/* TI10 */
static void
host_and_port_are_split_as_perl_does(void **state)
{
	static const struct {
		const char *addr, *port, *expected;
	} rows[] = {{"[::1]:80", NULL, "connect [::1]:80"},
		{"[::1]", "7", "connect [::1]:7"},
		{"[::1]:", "7", "connect [::1]:7"},
		{"::1", "7", "connect [::1]:7"},
		{"127.0.0.1:80", NULL, "connect 127.0.0.1:80"},
		{"127.0.0.1", "7", "connect 127.0.0.1:7"},
		{"127.0.0.1:", "7", "connect 127.0.0.1:7"},
		{"localhost:80", NULL, "localhost|80 connect 192.0.2.7:80"},
		{"localhost", "7", "localhost|7 connect 192.0.2.7:7"},
		{"localhost:", "7", "localhost|7 connect 192.0.2.7:7"},
		/* the port in the address takes precedence */
		{"[::1]:80", "7", "connect [::1]:80"},
		{"127.0.0.1:80", "7", "connect 127.0.0.1:80"},
		{"localhost:80", "7", "localhost|80 connect 192.0.2.7:80"},
		{"127.0.0.1:80", "nonsense", "connect 127.0.0.1:80"},
		/* a port alone means this machine */
		{NULL, "7", "NULL|7 connect 192.0.2.7:7"},
		{"", "7", "NULL|7 connect 192.0.2.7:7"},
		{":80", "7", "NULL|80 connect 192.0.2.7:80"}};

	(void)state;
	notes_only();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_notes_for(
			&(struct socle_io_params){.peer_addr = rows[i].addr,
				.peer_port = rows[i].port},
			rows[i].expected);
}

/* TI10 */
static void
local_addresses_are_split_too(void **state)
{
	static const struct {
		const char *addr, *port, *expected;
	} rows[] = {{"[::1]:80", NULL, "bind [::1]:80"},
		{"127.0.0.1:80", "7", "bind 127.0.0.1:80"},
		{"127.0.0.1", NULL, "bind 127.0.0.1:0"},
		{"127.0.0.1", "7", "bind 127.0.0.1:7"},
		{"localhost", "7", "localhost|7* bind 192.0.2.7:7"},
		{"localhost", NULL, "localhost|NULL* bind 192.0.2.7:0"},
		{"*:80", NULL, "NULL|80* bind 192.0.2.7:80"},
		{NULL, "7", "NULL|7* bind 192.0.2.7:7"}};

	(void)state;
	notes_only();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_notes_for(
			&(struct socle_io_params){.local_addr = rows[i].addr,
				.local_port = rows[i].port},
			rows[i].expected);
}

static void
numbers_are_never_looked_up(void **state)
{
	static const char *const numbers[] = {
		"127.0.0.1:1", "[::1]:1", "[fe80::1%1]:1"};

	(void)state;
	io_names_fail(EAI_FAIL);
	for (int i = 0; i < 3; i++) {
		seam_fail(CALL_connect, 1, EHOSTUNREACH, 1);
		assert_notes_for(
			&(struct socle_io_params){.peer_addr = numbers[i]}, "");
	}
}

/* TI12 */
static void
an_unknown_service_uses_its_fallback_number(void **state)
{
	char service[32], where[64];

	(void)state;
	io_listening(&listener, "127.0.0.1:0");
	snprintf(
		service, sizeof(service), "zyxxyblarg(%d)", io_port(&listener));
	io_open(&io,
		&(struct socle_io_params){
			.peer_addr = "127.0.0.1", .peer_port = service});
	assert_int_equal(io_port(&listener),
		atoi(strrchr(io_peername_text(&io), ':') + 1));
	socle_io_close(&io);
	snprintf(where, sizeof(where), "127.0.0.1:%s", service);
	io_open(&io, &(struct socle_io_params){.peer_addr = where});
	socle_io_close(&io);
	socle_io_close(&listener);
}

/* TI12 */
static void
a_known_service_ignores_its_fallback_number(void **state)
{
	(void)state;
	notes_only();
	assert_notes_for(&(struct socle_io_params){.peer_addr = "name:80(81)"},
		"name|80 connect 192.0.2.7:80");
	assert_notes_for(
		&(struct socle_io_params){.peer_addr = "name:http(81)"},
		"name|http name|http name|81 connect 192.0.2.7:81");
	assert_notes_for(&(struct socle_io_params){.proto = "tcp",
				 .peer_addr = "name:http(81)"},
		"name|http name|81 connect 192.0.2.7:81");
	assert_notes_for(&(struct socle_io_params){.peer_addr = "name:(81)"},
		"name|81 connect 192.0.2.7:81");
}

static void
assert_refused(const struct socle_io_params *p, const char *errstr)
{
	assert_int_equal(-EINVAL, socle_io_open(&io, p));
	assert_no_fd(&io, errstr);
}

/* TI26 */
static void
an_unknown_service_is_an_error_with_a_number(void **state)
{
	static const char *const bad[] = {"zyxxyblarg", "65536", "99999999999",
		"-1", "1x", "zyxxyblarg(65536)", "zyxxyblarg()", "(80)x"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char expected[96];

		snprintf(expected, sizeof(expected),
			"getaddrinfo: Bad service '%s'", bad[i]);
		assert_refused(
			&(struct socle_io_params){
				.peer_addr = "127.0.0.1", .peer_port = bad[i]},
			expected);
	}
}

/* TI26 */
static void
an_unknown_protocol_is_an_error_with_a_number(void **state)
{
	(void)state;
	assert_refused(&(struct socle_io_params){.proto = "zyxxyblarg"},
		"socket: Bad protocol 'zyxxyblarg'");
	assert_refused(&(struct socle_io_params){.proto = "256"},
		"socket: Bad protocol '256'");
}

/* TI26 */
static void
an_unknown_host_is_an_error_with_a_number(void **state)
{
	(void)state;
	io_names_fail(EAI_NONAME);
	assert_refused(&(struct socle_io_params){.peer_addr = "nowhere:80"},
		"getaddrinfo: Bad hostname 'nowhere'");
	assert_refused(&(struct socle_io_params){.local_addr = "1.2.3.4.5:80"},
		"getaddrinfo: Bad hostname '1.2.3.4.5'");
	assert_refused(&(struct socle_io_params){.peer_addr = "nowhere:x(80)"},
		"getaddrinfo: Bad hostname 'nowhere'");
}

static void
a_lookup_error_is_reported_in_the_resolvers_words(void **state)
{
	static const struct {
		int code, err;
		const char *errstr;
	} rows[] = {{EAI_MEMORY, -ENOMEM, "getaddrinfo:"},
		{EAI_FAIL, -EINVAL, "getaddrinfo: Bad hostname 'name'"},
		{EAI_FAMILY, -EAFNOSUPPORT, "getaddrinfo:"},
		{EAI_SERVICE, -EINVAL, "getaddrinfo: Bad service '80'"}};
	char text[256];

	(void)state;
	io_names_fail(EAI_AGAIN);
	assert_int_equal(-ETIMEDOUT,
		socle_io_open(&io,
			&(struct socle_io_params){.peer_addr = "name:80"}));
	snprintf(
		text, sizeof(text), "getaddrinfo: %s", gai_strerror(EAI_AGAIN));
	assert_no_fd(&io, text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		io_names_fail(rows[i].code);
		assert_int_equal(rows[i].err,
			socle_io_open(&io,
				&(struct socle_io_params){
					.peer_addr = "name:80"}));
		assert_no_fd(&io, completed(rows[i].errstr, -rows[i].err));
	}
}

static void
a_long_name_in_an_error_is_truncated(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name + 290, ":80", 4);
	io_names_fail(EAI_NONAME);
	assert_int_equal(-EINVAL,
		socle_io_open(
			&io, &(struct socle_io_params){.peer_addr = name}));
	assert_int_equal(sizeof(io.errstr) - 1, strlen(socle_io_errstr(&io)));
}

static void
a_host_or_service_that_is_too_long_is_refused(void **state)
{
	char host[2000], service[2000];

	(void)state;
	memset(host, 'x', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	assert_int_equal(-ENAMETOOLONG,
		socle_io_open(&io,
			&(struct socle_io_params){
				.peer_addr = host, .peer_port = "80"}));
	assert_no_fd(&io, words("getaddrinfo", ENAMETOOLONG));
	assert_int_equal(-ENAMETOOLONG,
		socle_io_open(&io,
			&(struct socle_io_params){
				.domain = AF_UNIX, .peer_addr = host}));
	memcpy(service, host, sizeof(host));
	assert_int_equal(-ENAMETOOLONG,
		socle_io_open(&io,
			&(struct socle_io_params){.peer_addr = "127.0.0.1",
				.peer_port = service}));
}

static void
the_domain_chooses_among_the_addresses(void **state)
{
	static const char *const names[] = {"::1", "127.0.0.1", "::2", NULL};

	(void)state;
	notes_only();
	io_names_are(names);
	assert_notes_for(&(struct socle_io_params){.peer_addr = "name:7",
				 .domain = AF_INET},
		"name|7 connect 127.0.0.1:7");
	assert_notes_for(&(struct socle_io_params){.peer_addr = "name:7",
				 .domain = AF_INET6},
		"name|7 connect [::1]:7 connect [::2]:7");
	assert_notes_for(&(struct socle_io_params){.peer_addr = "name:7"},
		"name|7 connect [::1]:7 connect 127.0.0.1:7 connect [::2]:7");
}

static void
names_are_looked_up_with_ai_addrconfig_only_if_it_helps(void **state)
{
	static const struct {
		struct socle_io_params p;
		int flags;
	} rows[] = {{{.peer_addr = "name:7"}, AI_ADDRCONFIG},
		{{.peer_addr = "name:7", .domain = AF_INET}, 0},
		{{.peer_addr = "localhost:7"}, 0}, {{.peer_port = "7"}, 0},
		{{.local_addr = "name:7"}, AI_ADDRCONFIG | AI_PASSIVE},
		{{.local_port = "7"}, AI_PASSIVE}};

	(void)state;
	io_names_fail(EAI_NONAME);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(-EINVAL, socle_io_open(&io, &rows[i].p));
		assert_int_equal(rows[i].flags, io_names_flags());
	}
}

static int (*without_services)(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret);

/* There are a "stream" and a "datagram", both at port 0. */
static int
with_services(const char *host, const char *service,
	const struct addrinfo *hints, struct addrinfo **ret)
{
	const char *known =
		hints->ai_socktype == SOCK_DGRAM ? "datagram" : "stream";

	if (service && strcmp(service, known) == 0)
		service = "0";
	return without_services(host, service, hints, ret);
}

static void
a_known_service_decides_the_type_if_nothing_else_does(void **state)
{
	static const char *const addresses[] = {"127.0.0.1", NULL};
	static const struct {
		const char *local;
		int type, result, expected;
	} rows[] = {
		{"a.name:stream", 0, 0, SOCK_STREAM},
		{"a.name:datagram", 0, 0, SOCK_DGRAM},
		{"a.name:datagram", SOCK_DGRAM, 0, SOCK_DGRAM},
		{"a.name:datagram", SOCK_STREAM, -EINVAL, 0},
		{"a.name:stream", SOCK_DGRAM, -EINVAL, 0},
		{"a.name:neither", 0, -EINVAL, 0},
	};

	(void)state;
	io_names_are(addresses);
	without_services = socle__seam.getaddrinfo;
	socle__seam.getaddrinfo = with_services;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(rows[i].result,
			socle_io_open(&io,
				&(struct socle_io_params){
					.local_addr = rows[i].local,
					.type = rows[i].type}));
		if (rows[i].result == 0)
			assert_int_equal(
				rows[i].expected, socle_io_socktype(&io));
		socle_io_close(&io);
	}
	notes_clear();
}

static void
an_interrupted_lookup_is_repeated(void **state)
{
	(void)state;
	if (!localhost_is_known())
		skip_because("localhost is not in /etc/hosts");
	seam_fail(CALL_getaddrinfo, 1, EINTR, 2);
	io_listening(&listener, "localhost:0");
	assert_int_equal(3, seam_count(CALL_getaddrinfo));
	socle_io_close(&listener);
}

static void
the_usual_protocols_are_known_without_a_file(void **state)
{
	static const char *const usual[] = {"tcp", "UDP", "icmp", "17"};

	(void)state;
	for (int i = 0; i < 4; i++) {
		if (socle_io_open(&io,
			    &(struct socle_io_params){.proto = usual[i]}) < 0)
			assert_string_equal(
				"icmp", usual[i]); /* its type is raw */
		socle_io_close(&io);
	}
	assert_int_equal(0, seam_count(CALL_protocol));
}

static int asked_domain, asked_type, asked_protocol;

static int
noted_socket(int domain, int type, int protocol)
{
	asked_domain = domain;
#ifdef __linux__
	type &= ~(SOCLE__CLOEXEC | SOCLE__NONBLOCK);
#endif
	asked_type = type;
	asked_protocol = protocol;
	errno = EPROTONOSUPPORT;
	return -1;
}

static void
a_protocol_is_a_name_or_a_number_and_has_its_type(void **state)
{
	static const struct {
		const char *proto;
		int type, asked_type, number;
	} rows[] = {{NULL, 0, SOCK_STREAM, 0}, {"", 0, SOCK_STREAM, 0},
		{"tcp", 0, SOCK_STREAM, IPPROTO_TCP},
		{"TCP", 0, SOCK_STREAM, IPPROTO_TCP},
		{"6", 0, SOCK_STREAM, IPPROTO_TCP},
		{"udp", 0, SOCK_DGRAM, IPPROTO_UDP},
		{"17", 0, SOCK_DGRAM, IPPROTO_UDP},
		{"icmp", 0, SOCK_RAW, IPPROTO_ICMP},
		{"icmp", SOCK_DGRAM, SOCK_DGRAM, IPPROTO_ICMP},
		{"ipv6-icmp", 0, SOCK_RAW, IPPROTO_ICMPV6},
		{"ospf", SOCK_RAW, SOCK_RAW, 89}, /* listed in /etc/protocols */
		{"89", SOCK_RAW, SOCK_RAW, 89}, {"0", 0, SOCK_STREAM, 0}};

	(void)state;
	io_seam_save();
	socle__seam.socket = noted_socket;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int err = socle_io_open(&io,
			&(struct socle_io_params){.domain = AF_INET,
				.type = rows[i].type,
				.proto = rows[i].proto});

		if (err == -EINVAL && strcmp(rows[i].proto, "ospf") == 0)
			continue; /* no /etc/protocols */
		assert_int_equal(-EPROTONOSUPPORT, err);
		assert_int_equal(AF_INET, asked_domain);
		assert_int_equal(rows[i].asked_type, asked_type);
		assert_int_equal(rows[i].number, asked_protocol);
	}
}

static void
any_domain_is_passed_to_the_kernel_unchanged(void **state)
{
	(void)state;
	io_seam_save();
	socle__seam.socket = noted_socket;
	assert_int_equal(-EPROTONOSUPPORT,
		socle_io_open(&io,
			&(struct socle_io_params){
				.domain = 77, .type = 5, .proto = "3"}));
	assert_int_equal(77, asked_domain);
	assert_int_equal(5, asked_type);
	assert_int_equal(3, asked_protocol);
}

static void
a_unix_socket_has_no_protocol(void **state)
{
	(void)state;
	io_seam_save();
	socle__seam.socket = noted_socket;
	asked_protocol = -1;
	assert_int_equal(-EPROTONOSUPPORT,
		socle_io_open(
			&io, &(struct socle_io_params){.domain = AF_UNIX}));
	assert_int_equal(AF_UNIX, asked_domain);
	assert_int_equal(0, asked_protocol);
}

static void
a_raw_socket_needs_no_port(void **state)
{
	(void)state;
	notes_only();
	assert_int_equal(-EINVAL,
		socle_io_open(&io,
			&(struct socle_io_params){
				.proto = "udp", .peer_addr = "127.0.0.1"}));
	io_seam_save();
	socle__seam.socket = noted_socket;
	assert_int_equal(-EPROTONOSUPPORT,
		socle_io_open(&io,
			&(struct socle_io_params){
				.proto = "icmp", .peer_addr = "127.0.0.1"}));
	assert_int_equal(SOCK_RAW, asked_type);
}

static void
any_one_parameter_alone_makes_a_socket(void **state)
{
	const struct socle_io_params alone[] = {{.nonblocking = true},
		{.reuse_addr = true}, {.reuse_port = true},
		{.broadcast = true}};

	(void)state;
	for (size_t i = 0; i < sizeof(alone) / sizeof(*alone); i++) {
		io_open(&io, &alone[i]);
		assert_true(socle_io_fd(&io) >= 0);
		socle_io_close(&io);
	}
}

static void
a_number_of_another_family_is_left_to_the_resolver(void **state)
{
	static const char *const none[] = {NULL};

	(void)state;
	io_names_are(none);
	assert_true(socle_io_open(&io,
			    &(struct socle_io_params){.domain = AF_INET6,
				    .peer_addr = "127.0.0.1",
				    .peer_port = "80"}) < 0);
	assert_non_null(strstr(notes(), "127.0.0.1"));
	notes_clear();
}

static void
a_path_that_is_missing_or_a_star_is_no_peer(void **state)
{
	(void)state;
	notes_only();
	assert_int_equal(-EINVAL,
		socle_io_open(&io,
			&(struct socle_io_params){
				.domain = AF_UNIX, .peer_port = "80"}));
	assert_notes("");
	assert_true(
		socle_io_open(&io,
			&(struct socle_io_params){.peer_addr = "*:80"}) < 0);
	assert_non_null(strstr(notes(), "*|80"));
	notes_clear();
}

static void
a_name_for_a_raw_socket_is_looked_up_as_such(void **state)
{
	(void)state;
	notes_only();
	io_seam_save();
	socle__seam.socket = noted_socket;
	(void)socle_io_open(&io,
		&(struct socle_io_params){.type = SOCK_RAW,
			.proto = "icmp",
			.peer_addr = "name"});
	assert_non_null(strstr(notes(), "name|"));
	notes_clear();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		io_test(host_and_port_are_split_as_perl_does),
		io_test(local_addresses_are_split_too),
		io_test(numbers_are_never_looked_up),
		io_test(an_unknown_service_uses_its_fallback_number),
		io_test(a_known_service_ignores_its_fallback_number),
		io_test(an_unknown_service_is_an_error_with_a_number),
		io_test(an_unknown_protocol_is_an_error_with_a_number),
		io_test(an_unknown_host_is_an_error_with_a_number),
		io_test(a_lookup_error_is_reported_in_the_resolvers_words),
		io_test(a_long_name_in_an_error_is_truncated),
		io_test(a_host_or_service_that_is_too_long_is_refused),
		io_test(the_domain_chooses_among_the_addresses),
		io_test(names_are_looked_up_with_ai_addrconfig_only_if_it_helps),
		io_test(a_known_service_decides_the_type_if_nothing_else_does),
		io_test(an_interrupted_lookup_is_repeated),
		io_test(the_usual_protocols_are_known_without_a_file),
		io_test(a_protocol_is_a_name_or_a_number_and_has_its_type),
		io_test(any_domain_is_passed_to_the_kernel_unchanged),
		io_test(a_unix_socket_has_no_protocol),
		io_test(a_raw_socket_needs_no_port),
		io_test(any_one_parameter_alone_makes_a_socket),
		io_test(a_number_of_another_family_is_left_to_the_resolver),
		io_test(a_path_that_is_missing_or_a_star_is_no_peer),
		io_test(a_name_for_a_raw_socket_is_looked_up_as_such),
	};

	return run_tests(tests);
}

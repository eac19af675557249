/* Factories: the sockets they make, refusals, and reports. */
/* backends: all */
#include "tests/support/making.h"

#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

/* ---- wrong use ---- */

static void
nothing(struct socle_factory *f, struct socle_socket *s, void *arg)
{
	(void)f;
	(void)s;
	(void)arg;
}

/* Addresses with a port, of port 0 and of wrong lengths. */
#define WITH_LENGTH(n)                                                         \
	{                                                                      \
		.len = (n), .u.in.sin_family = AF_INET                         \
	}
static const struct socle_addr whole = {.len = sizeof(struct sockaddr_in),
	.u.in = {.sin_family = AF_INET, .sin_port = 0x0101}};
static const struct socle_addr port_0 = WITH_LENGTH(sizeof(struct sockaddr_in)),
			       short_one = WITH_LENGTH(
				       sizeof(struct sockaddr_in) - 1),
			       long_one = WITH_LENGTH(sizeof(whole.u) + 1),
			       none_at_all = {.len = 0};

/* TF09, TF11 */
static void
wrong_use_is_refused_at_once(void **state)
{
	static const struct socle_class nameless = {
		.super = &socle_socket_class};
	struct socle_factory_params bad[] = {
		{.failure = record_failure},
		{.success = record_success},
		{.failure = record_failure, .accepted = nothing},
		{.failure = record_failure, .accept_class = &probe_class},
		{.remote_address = "127.0.0.1"},
		{.remote_address = "127.0.0.1", .remote_port = ""},
		{.socket_domain = AF_INET6, .remote_address = "localhost"},
		{.remote_address = "127.0.0.1",
			.remote_port = "1",
			.remote_addr = &whole},
		{.bind_address = "127.0.0.1", .bind_addr = &whole},
		{.bind_port = "1", .bind_addr = &whole},
		{.accept_class = &nameless, .accepted = nothing},
		{.remote_port = "80"},
		{.remote_port = "80", .bind_address = "127.0.0.1"},
		{.socket_domain = AF_UNIX,
			.remote_port = "80",
			.bind_address = "/x"},
		{.remote_address = "127.0.0.1", .remote_port = "0"},
		{.remote_address = "a.name", .remote_port = "00"},
		{.remote_addr = &port_0},
		{.socket_protocol = "udp", .remote_addr = &port_0},
		{.socket_domain = AF_UNIX},
		{.socket_domain = AF_UNIX, .socket_type = SOCK_SEQPACKET},
		{.accept_class = &probe_class,
			.accepted = nothing,
			.socket_type = SOCK_DGRAM},
		{.accept_class = &probe_class,
			.accepted = nothing,
			.socket_protocol = "udp"},
		{.connect_timeout = -1},
		{.connect_timeout = NAN},
		{.bind_addr = &short_one},
		{.remote_addr = &short_one},
		{.bind_addr = &long_one},
		{.socket_domain = AF_INET, .bind_addr = &none_at_all},
		{.has_listen_fd = true, .bind_port = "80"},
		{.has_listen_fd = true, .bind_addr = &port_0},
		{.has_listen_fd = true,
			.remote_address = "127.0.0.1",
			.remote_port = "80"},
	};
	struct socle_factory *none = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (i >= 4) {
			bad[i].failure = record_failure;
			bad[i].success = record_success;
		}
		assert_int_equal(-EINVAL, socle_factory_new(&bad[i], &none));
	}
	assert_null(none);
	turn(2);
	assert_int_equal(0, recorded.failures);
}

static void
two_addresses_for_one_end_are_refused(void **state)
{
	struct socle_factory_params bad[] = {
		{.has_listen_fd = true, .bind_addr = &whole},
		{.has_listen_fd = true, .remote_addr = &whole},
		{.has_listen_fd = true,
			.socket_domain = AF_UNIX,
			.remote_address = "/x"},
		{.remote_addr = &whole, .remote_port = "1"},
	};
	struct socle_factory *none = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		bad[i].failure = record_failure;
		bad[i].success = record_success;
		assert_int_equal(-EINVAL, socle_factory_new(&bad[i], &none));
	}
	assert_null(none);
}

/* TF09 */
static void
meaningless_but_harmless_parameters_are_ignored(void **state)
{
	(void)state;
	make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.socket_type = SOCK_DGRAM,
		.socket_protocol = "no such thing",
		.bind_port = "80"});
	turn_until_count(&recorded.successes, 1);
	assert_int_equal(0, recorded.failures);
}

/* ---- failures are reported later ---- */

/* TF10 */
static void
every_failure_is_reported_after_new_with_its_operation(void **state)
{
	char path[256], name[1024] = "@";
	int port, bound = refusing(AF_INET, &port);
	const char *refused = port_text(port);
	const struct {
		struct socle_factory_params p;
		const char *operation;
		int err;
	} cases[] = {
		{{.remote_address = "127.0.0.1", .remote_port = refused},
			"connect", -ECONNREFUSED},
		{{.bind_address = "127.0.0.1", .bind_port = refused}, "bind",
			-EADDRINUSE},
		{{.socket_domain = 12345}, "domain", -EAFNOSUPPORT},
		{{.socket_domain = 12345,
			 .remote_address = "x",
			 .remote_port = "1"},
			"domain", -EAFNOSUPPORT},
		{{.bind_address = "127.0.0.1", .bind_port = "66000"},
			"getaddrinfo", -EINVAL},
		{{.remote_address = "127.0.0.1", .remote_port = "99999999"},
			"getaddrinfo", -EINVAL},
		{{.socket_domain = AF_UNIX,
			 .remote_address = "/nowhere/at/all"},
			"connect", -ENOENT},
		{{.socket_domain = AF_UNIX, .bind_address = "/nowhere/at/all"},
			"bind", -ENOENT},
		{{.socket_domain = AF_UNIX, .bind_address = path}, "bind",
			-ENAMETOOLONG},
		{{.socket_domain = AF_UNIX, .remote_address = path}, "connect",
			-ENAMETOOLONG},
		{{.socket_domain = AF_UNIX, .bind_address = name}, "bind",
			-ENAMETOOLONG},
		{{.socket_domain = AF_UNIX, .remote_address = name}, "connect",
			-ENAMETOOLONG},
		{{.socket_type = SOCK_STREAM, .socket_protocol = "udp"},
			"socket", -EPROTONOSUPPORT},
		{{.socket_protocol = "no such thing"}, "socket",
			-EPROTONOSUPPORT},
		{{.socket_protocol = "4711"}, "socket", -EPROTONOSUPPORT},
		{{.bind_address = "192.0.2.1"}, "bind", -EADDRNOTAVAIL},
		{{.socket_protocol = "udp", .bind_address = "192.0.2.1"},
			"bind", -EADDRNOTAVAIL},
	};

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	for (int i = 0; i < 200; i++)
		memcpy(name + 1 + 4 * i, "\\x00", 5);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_fails(
			make(cases[i].p), cases[i].operation, cases[i].err);
	close(bound);
}

/* TF05, TF30: on each backend */
static void
a_refused_port_fails_once(void **state)
{
	int port, before, bound = refusing(AF_INET, &port);
	struct socle_factory *f;

	(void)state;
	turn(1);
	before = fds_open();
	f = make((struct socle_factory_params){
		.remote_address = "127.0.0.1", .remote_port = port_text(port)});
	assert_fails(f, "connect", -ECONNREFUSED);
	turn(5);
	assert_int_equal(1, recorded.failures);
	/* The failure closed the fd; the factory still exists. */
	assert_int_equal(before, fds_open());
	close(bound);
}

/* ---- connections ---- */

/* TF01 */
static void
a_listener_can_be_freed_in_its_success_callback(void **state)
{
	struct socle_factory *server = make((struct socle_factory_params){
		.bind_address = "127.0.0.1", .bind_port = "0", .reuse = true});

	(void)state;
	recorded.on_success = socle_factory_free;
	make((struct socle_factory_params){
		.remote_address = "127.0.0.1", .remote_port = port_of(server)});
	turn_until_count(&recorded.successes, 2);
	assert_exchange(recorded.fds[0], recorded.fds[1]);
	assert_int_equal(0, recorded.failures);
}

/* TF02 */
static void
two_datagram_peers_reach_each_other(void **state)
{
	struct socle_addr a[2] = {
		{.len = sizeof(a[0].u)}, {.len = sizeof(a[1].u)}};
	char text[16];

	(void)state;
	for (int i = 0; i < 2; i++) {
		make((struct socle_factory_params){.socket_protocol = "udp",
			.bind_address = "127.0.0.1",
			.bind_port = "0"});
		turn_until_count(&recorded.successes, i + 1);
		assert_false(recorded.has_peer);
		assert_int_equal(
			0, getsockname(recorded.fds[i], &a[i].u.sa, &a[i].len));
	}
	for (int i = 0; i < 20; i++) {
		int from = i % 2;

		assert_int_equal(2,
			sendto(recorded.fds[from], "ab", 2, 0, &a[!from].u.sa,
				a[!from].len));
		assert_int_equal(2, recv(recorded.fds[!from], text, 16, 0));
	}
	assert_true(fcntl(recorded.fds[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(recorded.fds[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(0, recorded.failures);
}

static void
a_datagram_socket_with_a_remote_address_is_connected(void **state)
{
	struct socle_addr a = {.len = sizeof(a.u)};
	char c;

	(void)state;
	make((struct socle_factory_params){
		.socket_type = SOCK_DGRAM, .bind_address = "127.0.0.1"});
	turn_until_count(&recorded.successes, 1);
	assert_int_equal(0, getsockname(recorded.fds[0], &a.u.sa, &a.len));
	make((struct socle_factory_params){.socket_protocol = "17",
		.remote_address = "127.0.0.1",
		.remote_port = port_text(socle_addr_port(&a))});
	turn_until_count(&recorded.successes, 2);
	assert_true(recorded.has_peer);
	assert_int_equal(socle_addr_port(&a), socle_addr_port(&recorded.peer));
	assert_int_equal(1, send(recorded.fds[1], "x", 1, 0));
	assert_int_equal(1, recv(recorded.fds[0], &c, 1, 0));
}

/* TF03 */
static void
a_unix_server_and_client_exchange_bytes(void **state)
{
	const char *path = in_dir("s");
	struct socle_factory *server =
		make((struct socle_factory_params){.socket_domain = AF_UNIX,
			.bind_address = path,
			.unlink_on_close = true});

	(void)state;
	make((struct socle_factory_params){
		.socket_domain = AF_UNIX, .remote_address = path});
	turn_until_count(&recorded.successes, 2);
	turn(3);
	assert_int_equal(2, recorded.successes);
	assert_exchange(recorded.fds[0], recorded.fds[1]);
	socle_factory_free(server);
	assert_false(is_there(path));
}

static void
a_unix_client_has_a_peer_address_only_if_it_is_bound(void **state)
{
	const char *path = in_dir("s"), *own = in_dir("c");
	struct socle_factory_params client = {
		.socket_domain = AF_UNIX, .remote_address = path};

	struct socle_factory *server =
		make((struct socle_factory_params){.socket_domain = AF_UNIX,
			.bind_address = path,
			.unlink_on_close = true});

	(void)state;
	close(client_of(server));
	turn_until_count(&recorded.successes, 1);
	assert_false(recorded.has_peer);
	client.bind_address = own;
	make(client);
	turn_until_count(&recorded.successes, 3);
	assert_true(recorded.has_peer);
	assert_true(is_there(own));
	unlink(own);
}

/* TF04 */
static void
ipv6_works_with_a_bind_address_on_both_sides(void **state)
{
	struct socle_factory *server;

	(void)state;
	if (!has_ipv6())
		skip_because("there is no ::1");
	server = make((struct socle_factory_params){
		.socket_domain = AF_INET6, .bind_address = "::1"});
	make((struct socle_factory_params){.socket_domain = AF_INET6,
		.bind_address = "::1",
		.remote_address = "::1",
		.remote_port = port_of(server)});
	turn_until_count(&recorded.successes, 2);
	assert_exchange(recorded.fds[0], recorded.fds[1]);
}

/* TF14 */
static void
a_unix_datagram_socket_is_bound(void **state)
{
	const char *path = in_dir("d");
	char c;

	(void)state;
	make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.socket_type = SOCK_DGRAM,
		.bind_address = path});
	turn_until_count(&recorded.successes, 1);
	assert_false(recorded.has_peer);
	make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.socket_type = SOCK_DGRAM,
		.remote_address = path});
	turn_until_count(&recorded.successes, 2);
	assert_int_equal(1, send(recorded.fds[1], "x", 1, 0));
	assert_int_equal(1, recv(recorded.fds[0], &c, 1, 0));
	assert_int_equal(0, recorded.failures);
	unlink(path);
}

static void
addresses_may_be_given_as_structs(void **state)
{
	struct socle_addr at, to;
	struct socle_factory *server;

	(void)state;
	assert_int_equal(0, socle_addr_parse(&at, "127.0.0.1:0", 0));
	server = make((struct socle_factory_params){.bind_addr = &at});
	assert_int_equal(0, socle_factory_getsockname(server, &to));
	at.len = 0; /* the address was copied */
	make((struct socle_factory_params){.remote_addr = &to});
	to.len = 0;
	turn_until_count(&recorded.successes, 2);
	assert_exchange(recorded.fds[0], recorded.fds[1]);
}

/* TF29 */
static void
an_immediate_connection_is_reported_later(void **state)
{
	const char *path = in_dir("s");
	struct socle_factory *f;

	(void)state;
	make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.bind_address = path,
		.unlink_on_close = true});
	f = make((struct socle_factory_params){
		.socket_domain = AF_UNIX, .remote_address = path});
	assert_int_equal(0, recorded.successes);
	turn_until_count(&recorded.successes, 1);
	assert_int_equal(-EBADF, socle_factory_getsockname(f, &recorded.peer));
}

static void
a_connector_can_create_an_object(void **state)
{
	struct socle_factory *server = make((struct socle_factory_params){
		.bind_address = "127.0.0.1", .bind_port = "0"});

	(void)state;
	make((struct socle_factory_params){.accept_class = &socle_socket_class,
		.remote_address = "127.0.0.1",
		.remote_port = port_of(server)});
	turn_until_count(&recorded.accepts, 1);
	assert_int_equal(SOCLE_READ, socle_watching(recorded.object));
	assert_true(socle_peer_port(recorded.object) > 0);
}

/* ---- events ---- */

static int swapped;

static void
other_success(struct socle_factory *f, int fd, const struct socle_addr *peer,
	void *arg)
{
	(void)f;
	(void)peer;
	assert_ptr_equal(&swapped, arg);
	swapped++;
	close(fd);
}

/* TF07 */
static void
events_swapped_after_creation_take_effect(void **state)
{
	struct socle_factory *server = make((struct socle_factory_params){
		.bind_address = "127.0.0.1", .bind_port = "0"});
	struct socle_factory_params other = {
		.success = other_success, .failure = record_failure};

	(void)state;
	other.arg = &swapped;
	swapped = 0;
	socle_factory_set_events(server, &other);
	for (int i = 0; i < 5; i++)
		make((struct socle_factory_params){
			.remote_address = "127.0.0.1",
			.remote_port = port_of(server)});
	turn_until_count(&recorded.successes, 5);
	turn_until_count(&swapped, 5);
	assert_int_equal(5, swapped);
	assert_int_equal(5, recorded.successes);
}

/* TF23 */
static void
with_success_disabled_an_accepted_client_is_closed(void **state)
{
	struct socle_factory *server = make((struct socle_factory_params){
		.bind_address = "127.0.0.1", .bind_port = "0"});
	int fd = client_of(server);
	char c;

	(void)state;
	socle_factory_set_events(server, &(struct socle_factory_params){0});
	turn(3);
	assert_int_equal(0, recv(fd, &c, 1, 0));
	assert_int_equal(0, recorded.successes);
	close(fd);
	socle_factory_set_events(server, NULL);
	fd = client_of(server);
	turn(3);
	assert_int_equal(0, recv(fd, &c, 1, 0));
	close(fd);
}

/* TF23 */
static void
with_success_disabled_a_connection_made_is_closed(void **state)
{
	struct socle_factory *server = make((struct socle_factory_params){
		.bind_address = "127.0.0.1", .bind_port = "0"});
	struct socle_factory *f = make((struct socle_factory_params){
		.remote_address = "127.0.0.1", .remote_port = port_of(server)});
	char c;

	(void)state;
	socle_factory_set_events(f, NULL);
	turn_until_count(&recorded.successes, 1);
	turn(3);
	assert_int_equal(0, recv(recorded.fds[0], &c, 1, 0));
	assert_int_equal(1, recorded.successes);
}

static void
with_failure_disabled_no_failure_is_reported(void **state)
{
	struct socle_factory *f =
		make((struct socle_factory_params){.socket_domain = 999});

	(void)state;
	socle_factory_set_events(f, NULL);
	turn(3);
	assert_int_equal(0, recorded.failures);
}

/* TF22 */
static void
ids_are_unique_over_many_factories(void **state)
{
	int n = scaled(10000, 100);
	uint64_t last = 0;

	(void)state;
	for (int i = 0; i < n; i++) {
		struct socle_factory *f = make(
			(struct socle_factory_params){.socket_domain = 999});

		assert_true(socle_factory_id(f) > last);
		last = socle_factory_id(f);
		if (i % 100 != 0)
			socle_factory_free(f);
	}
	turn(2);
	assert_int_equal((n + 99) / 100, recorded.failures);
}

static void
without_an_address_a_port_is_bound_in_its_domain(void **state)
{
	static const struct {
		int domain;
		const char *host;
	} any[] = {{AF_INET, "0.0.0.0"}, {AF_INET6, "::"}};

	(void)state;
	for (int i = 0; i < (has_ipv6() ? 2 : 1); i++) {
		struct socle_factory *f = make((struct socle_factory_params){
			.socket_domain = any[i].domain, .bind_port = "0"});
		struct socle_addr a;
		char host[SOCLE_ADDR_TEXT_MAX];

		assert_int_equal(0, socle_factory_getsockname(f, &a));
		assert_true(socle_addr_host(&a, host, sizeof(host)) > 0);
		assert_string_equal(any[i].host, host);
		socle_factory_free(f);
		assert_int_equal(-EBADF, socle_factory_getsockname(f, &a));
		turn(1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		making_test(wrong_use_is_refused_at_once),
		making_test(two_addresses_for_one_end_are_refused),
		making_test(meaningless_but_harmless_parameters_are_ignored),
		making_test(
			every_failure_is_reported_after_new_with_its_operation),
		making_test(a_refused_port_fails_once),
		making_test(a_listener_can_be_freed_in_its_success_callback),
		making_test(two_datagram_peers_reach_each_other),
		making_test(
			a_datagram_socket_with_a_remote_address_is_connected),
		making_test(a_unix_server_and_client_exchange_bytes),
		making_test(
			a_unix_client_has_a_peer_address_only_if_it_is_bound),
		making_test(ipv6_works_with_a_bind_address_on_both_sides),
		making_test(a_unix_datagram_socket_is_bound),
		making_test(addresses_may_be_given_as_structs),
		making_test(an_immediate_connection_is_reported_later),
		making_test(a_connector_can_create_an_object),
		making_test(events_swapped_after_creation_take_effect),
		making_test(with_success_disabled_an_accepted_client_is_closed),
		making_test(with_success_disabled_a_connection_made_is_closed),
		making_test(with_failure_disabled_no_failure_is_reported),
		making_test(ids_are_unique_over_many_factories),
		making_test(without_an_address_a_port_is_bound_in_its_domain),
	};

	return run_tests(tests);
}

/* How an object describes itself: addresses, ports, as_string. */
/* backends: all */
#include "tests/support/fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

static int ends[2];

static struct probe *
made_tcp(void)
{
	pair_tcp(ends);
	return probe_new(ends[0], NULL);
}

/* The kernel's address of an IPv4 TCP socket, as "127.0.0.1:port". */
static const char *
port_text(int fd, bool peer, int *port)
{
	static char text[32];
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	struct sockaddr *sa = (struct sockaddr *)&a;

	assert_int_equal(0,
		peer ? getpeername(fd, sa, &len) : getsockname(fd, sa, &len));
	*port = ntohs(a.sin_port);
	snprintf(text, sizeof(text), "127.0.0.1:%d", *port);
	return text;
}

static void
assert_as_string(struct probe *p, const char *text)
{
	char buf[128];

	assert_int_equal(
		strlen(text), socle_as_string(&p->sock, buf, sizeof(buf)));
	assert_string_equal(text, buf);
}

/* case 129 */
static void
as_string_has_class_watches_state_and_peer(void **state)
{
	struct probe *p = made_tcp();
	char text[64];
	int port;

	(void)state;
	snprintf(text, sizeof(text), "Probe(): open to %s",
		port_text(ends[0], true, &port));
	assert_as_string(p, text);
	socle_watch_read(&p->sock, true);
	snprintf(text, sizeof(text), "Probe(R): open to 127.0.0.1:%d", port);
	assert_as_string(p, text);
	socle_watch_write(&p->sock, true);
	snprintf(text, sizeof(text), "Probe(RW): open to 127.0.0.1:%d", port);
	assert_as_string(p, text);
	socle_watch_read(&p->sock, false);
	snprintf(text, sizeof(text), "Probe(W): open to 127.0.0.1:%d", port);
	assert_as_string(p, text);
	close(ends[1]);
}

/* case 129 */
/* case 53 */
static void
as_string_of_a_closed_object_has_its_last_watches_but_no_peer(void **state)
{
	struct probe *p = made_tcp();
	struct probe *q;
	int first_peer = ends[1];

	(void)state;
	assert_non_null(socle_peer_addr_string(&p->sock));
	socle_close(&p->sock, NULL);
	assert_as_string(p, "Probe(): closed");
	q = made_tcp();
	socle_watch_read(&q->sock, true);
	socle_close(&q->sock, NULL);
	assert_as_string(q, "Probe(R): closed");
	close(ends[1]);
	q = made_tcp();
	socle_watch_read(&q->sock, true);
	socle_watch_write(&q->sock, true);
	socle_close(&q->sock, NULL);
	assert_as_string(q, "Probe(RW): closed");
	close(first_peer);
	close(ends[1]);
}

/* case 129 */
static void
as_string_without_a_peer_is_just_open(void **state)
{
	struct probe *p;
	int port;

	(void)state;
	p = probe_new(tcp_listener(&port), NULL);
	socle_watch_read(&p->sock, true);
	assert_as_string(p, "Probe(R): open");
	pair_pipe(ends);
	p = probe_new(ends[0], NULL);
	assert_as_string(p, "Probe(): open");
	close(ends[1]);
}

static void
as_string_is_truncated_like_snprintf(void **state)
{
	struct probe *p;
	char buf[8] = "xxxxxxx";

	(void)state;
	pair_pipe(ends);
	p = probe_new(ends[0], NULL);
	assert_int_equal(13, socle_as_string(&p->sock, NULL, 0));
	assert_int_equal(13, socle_as_string(&p->sock, buf, 6));
	assert_string_equal("Probe", buf);
	assert_int_equal('x', buf[6]);
	close(ends[1]);
}

struct lock {
	struct probe probe; /* must be first */
	int locks;
};

static const struct socle_class lock_class;

static int
lock_as_string(const struct socle_socket *self, char *buf, size_t size)
{
	int n = socle_super_as_string(&lock_class, self, buf, size);
	size_t at = (size_t)n < size ? (size_t)n : size;

	return n + snprintf(buf + at, size - at, "; locks=%d", 3);
}

static const struct socle_class lock_class = {
	.name = "Lock",
	.super = &probe_class,
	.size = sizeof(struct lock),
	.as_string = lock_as_string,
};

static const struct socle_class heir_class = {
	.name = "Heir",
	.super = &lock_class,
};

static void
a_class_may_append_to_its_supers_string(void **state)
{
	struct socle_socket *s;

	(void)state;
	pair_pipe(ends);
	assert_int_equal(0, socle_socket_new(&lock_class, ends[0], &s));
	assert_as_string(probe_of(s), "Lock(): open; locks=3");
	close(ends[1]);
}

static void
as_string_has_the_name_of_the_objects_own_class(void **state)
{
	struct socle_socket *s;

	(void)state;
	pair_pipe(ends);
	assert_int_equal(0, socle_socket_new(&heir_class, ends[0], &s));
	assert_as_string(probe_of(s), "Heir(): open; locks=3");
	assert_int_equal(0, socle_set_class(s, &probe_class));
	assert_as_string(probe_of(s), "Probe(): open");
	close(ends[1]);
}

static void
tcp_addresses_and_ports_match_the_kernels(void **state)
{
	struct probe *p = made_tcp();
	const char *text;
	int port;

	(void)state;
	text = port_text(ends[0], true, &port);
	assert_string_equal("127.0.0.1", socle_peer_ip_string(&p->sock));
	assert_string_equal(text, socle_peer_addr_string(&p->sock));
	assert_int_equal(port, socle_peer_port(&p->sock));
	text = port_text(ends[0], false, &port);
	assert_string_equal("127.0.0.1", socle_local_ip_string(&p->sock));
	assert_string_equal(text, socle_local_addr_string(&p->sock));
	assert_int_equal(port, socle_local_port(&p->sock));
	close(ends[1]);
}

/* case 130 */
static void
the_kernel_is_asked_for_an_address_once(void **state)
{
	struct probe *p = made_tcp();
	const char *first = socle_peer_addr_string(&p->sock);
	char buf[64];

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_ptr_equal(first, socle_peer_addr_string(&p->sock));
		assert_non_null(socle_peer_ip_string(&p->sock));
		assert_true(socle_peer_port(&p->sock) > 0);
		assert_true(socle_as_string(&p->sock, buf, sizeof(buf)) > 0);
		assert_non_null(socle_local_addr_string(&p->sock));
		assert_true(socle_local_port(&p->sock) > 0);
	}
	assert_int_equal(1, seam_count(CALL_getpeername));
	assert_int_equal(1, seam_count(CALL_getsockname));
	close(ends[1]);
}

static void
addresses_read_before_the_close_are_kept(void **state)
{
	struct probe *p = made_tcp();
	const char *peer = socle_peer_addr_string(&p->sock);
	const char *local = socle_local_ip_string(&p->sock);
	int port = socle_peer_port(&p->sock);

	(void)state;
	socle_close(&p->sock, NULL);
	assert_ptr_equal(peer, socle_peer_addr_string(&p->sock));
	assert_ptr_equal(local, socle_local_ip_string(&p->sock));
	assert_int_equal(port, socle_peer_port(&p->sock));
	close(ends[1]);
}

static void
addresses_not_read_before_the_close_are_unknown(void **state)
{
	struct probe *p = made_tcp();

	(void)state;
	socle_close(&p->sock, NULL);
	assert_null(socle_peer_addr_string(&p->sock));
	assert_null(socle_peer_ip_string(&p->sock));
	assert_null(socle_local_addr_string(&p->sock));
	assert_int_equal(-ENOTCONN, socle_peer_port(&p->sock));
	assert_int_equal(0, seam_count(CALL_getpeername));
	close(ends[1]);
}

static void
before_the_connection_there_is_no_peer_address(void **state)
{
	int port, listener = tcp_listener(&port);
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct probe *p = probe_new(fd, NULL);

	(void)state;
	assert_null(socle_peer_addr_string(&p->sock));
	assert_int_equal(-ENOTCONN, socle_peer_port(&p->sock));
	(void)connect(fd, (struct sockaddr *)&to, sizeof(to));
	close(accept(listener, NULL, NULL));
	assert_int_equal(port, socle_peer_port(&p->sock));
	assert_string_equal("127.0.0.1", socle_peer_ip_string(&p->sock));
	close(listener);
}

static void
a_pipe_has_no_address(void **state)
{
	struct probe *p;

	(void)state;
	pair_pipe(ends);
	p = probe_new(ends[0], NULL);
	assert_null(socle_peer_ip_string(&p->sock));
	assert_null(socle_peer_addr_string(&p->sock));
	assert_null(socle_local_ip_string(&p->sock));
	assert_null(socle_local_addr_string(&p->sock));
	assert_int_equal(-ENOTCONN, socle_peer_port(&p->sock));
	assert_int_equal(-ENOTCONN, socle_local_port(&p->sock));
	close(ends[1]);
}

static void
without_memory_an_address_is_unknown_for_now(void **state)
{
	struct probe *p = made_tcp();

	(void)state;
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_null(socle_peer_addr_string(&p->sock));
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	assert_null(socle_peer_addr_string(&p->sock));
	assert_int_equal(2, seam_struck());
	assert_non_null(socle_peer_addr_string(&p->sock));
	close(ends[1]);
}

/* ---- IPv6 ---- */

static int
listener_v6(struct sockaddr_in6 *a)
{
	socklen_t len = sizeof(*a);
	int fd = socket(AF_INET6, SOCK_STREAM, 0);

	*a = (struct sockaddr_in6){
		.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)a, len) < 0 || listen(fd, 1) < 0) {
		close(fd);
		return -1;
	}
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)a, &len));
	return fd;
}

/* case 129 */
static void
an_ipv6_address_is_in_brackets_with_its_port(void **state)
{
	struct sockaddr_in6 a;
	int listener = listener_v6(&a), first_peer;
	char text[64];
	struct probe *p;

	(void)state;
	if (listener < 0) {
		skip_because("no ::1 on this machine");
	}
	first_peer = socket(AF_INET6, SOCK_STREAM, 0);
	assert_int_equal(
		0, connect(first_peer, (struct sockaddr *)&a, sizeof(a)));
	p = probe_new(first_peer, NULL);
	assert_string_equal("::1", socle_peer_ip_string(&p->sock));
	assert_int_equal(ntohs(a.sin6_port), socle_peer_port(&p->sock));
	snprintf(text, sizeof(text), "Probe(): open to [::1]:%d",
		ntohs(a.sin6_port));
	assert_as_string(p, text);
	assert_string_equal(
		strchr(text, '['), socle_peer_addr_string(&p->sock));
	assert_string_equal("::1", socle_local_ip_string(&p->sock));
	close(listener);
}

/* ---- AF_UNIX ---- */

/* Listens at `name' of `len' bytes, and makes objects of both ends. */
static void
unix_objects(const char *name, size_t len, struct probe **client,
	struct probe **server)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t size =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(len <= sizeof(a.sun_path));
	memcpy(a.sun_path, name, len);
	assert_int_equal(0, bind(listener, (struct sockaddr *)&a, size));
	assert_int_equal(0, listen(listener, 1));
	assert_int_equal(0, connect(fd, (struct sockaddr *)&a, size));
	*client = probe_new(fd, NULL);
	*server = probe_new(accept(listener, NULL, NULL), NULL);
	close(listener);
}

static void
assert_unix(struct probe *client, struct probe *server, const char *name)
{
	char text[160];

	assert_string_equal(name, socle_peer_addr_string(&client->sock));
	assert_string_equal(name, socle_peer_ip_string(&client->sock));
	assert_string_equal(name, socle_local_addr_string(&server->sock));
	assert_string_equal("unix", socle_peer_addr_string(&server->sock));
	assert_string_equal("unix", socle_local_ip_string(&client->sock));
	assert_int_equal(-EAFNOSUPPORT, socle_peer_port(&client->sock));
	assert_int_equal(-EAFNOSUPPORT, socle_local_port(&server->sock));
	snprintf(text, sizeof(text), "Probe(): open to %s", name);
	assert_as_string(client, text);
	assert_as_string(server, "Probe(): open to unix");
}

/* case 129 */
static void
a_unix_sockets_address_is_its_path(void **state)
{
	char dir[] = "/tmp/socle-test-XXXXXX", path[64];
	struct probe *client, *server;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a socket", dir);
	unix_objects(path, strlen(path), &client, &server);
	unlink(path);
	rmdir(dir);
	assert_unix(client, server, path);
}

/* Longer than an IPv6 address, for which Danga::Socket mistakes it. */
static void
a_long_unix_path_is_not_truncated(void **state)
{
	char dir[] = "/tmp/socle-test-XXXXXX", path[120];
	struct probe *client, *server;
	struct sockaddr_un a;

	(void)state;
	assert_non_null(mkdtemp(dir));
	memset(path, 'p', sizeof(path));
	path[snprintf(path, sizeof(path), "%s/", dir)] = 'p';
	path[sizeof(a.sun_path) - 1] = '\0';
	unix_objects(path, strlen(path), &client, &server);
	unlink(path);
	rmdir(dir);
	assert_unix(client, server, path);
}

static void
an_abstract_name_starts_with_an_at_sign(void **state)
{
#ifdef __linux__
	struct probe *client, *server;
	char name[64], expected[64];
	int n = snprintf(name, sizeof(name), "%csocle-%d", 0, (int)getpid());

	(void)state;
	memcpy(expected, name, sizeof(name));
	expected[0] = '@';
	unix_objects(name, (size_t)n, &client, &server);
	assert_unix(client, server, expected);
#else
	(void)state;
	skip_because("abstract names are Linux's");
#endif
}

static void
the_address_of_a_socketpair_is_just_unix(void **state)
{
	struct probe *p;

	(void)state;
	pair_unix(ends);
	p = probe_new(ends[0], NULL);
	assert_string_equal("unix", socle_peer_addr_string(&p->sock));
	assert_string_equal("unix", socle_local_addr_string(&p->sock));
	assert_as_string(p, "Probe(): open to unix");
	close(ends[1]);
}

static void
an_ipv6_address_asked_for_too_early_is_asked_for_again(void **state)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6}, to;
	int l = listener_v6(&to), fd;
	struct probe *p;

	(void)state;
	if (l < 0)
		skip_because("no ::1 on this machine");
	fd = socket(AF_INET6, SOCK_STREAM, 0);
	p = probe_new(fd, NULL);
	assert_string_equal("[::]:0", socle_local_addr_string(&p->sock));
	assert_int_equal(0, bind(fd, (struct sockaddr *)&any, sizeof(any)));
	assert_string_equal("::", socle_local_ip_string(&p->sock));
	assert_true(socle_local_port(&p->sock) > 0);
	(void)connect(fd, (struct sockaddr *)&to, sizeof(to));
	assert_string_equal("::1", socle_local_ip_string(&p->sock));
	close(l);
}

static void
an_address_of_an_unknown_family_is_unknown(void **state)
{
#ifdef AF_NETLINK
	struct probe *p = probe_new(socket(AF_NETLINK, SOCK_RAW, 0), NULL);

	(void)state;
	assert_null(socle_local_ip_string(&p->sock));
	assert_null(socle_local_addr_string(&p->sock));
	assert_int_equal(-ENOTCONN, socle_local_port(&p->sock));
	assert_as_string(p, "Probe(): open");
#else
	(void)state;
	skip_because("this system has no AF_NETLINK");
#endif
}

static void
an_address_asked_for_too_early_is_asked_for_again(void **state)
{
	int port, fd = socket(AF_INET, SOCK_STREAM, 0);
	int l = tcp_listener(&port);
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct probe *p = probe_new(fd, NULL);
	const char *early, *local;

	(void)state;
	early = socle_local_addr_string(&p->sock);
	assert_string_equal("0.0.0.0:0", early);
	assert_ptr_equal(early, socle_local_addr_string(&p->sock));
	assert_null(socle_peer_addr_string(&p->sock));
	(void)connect(fd, (struct sockaddr *)&to, sizeof(to));
	local = socle_local_addr_string(&p->sock);
	assert_string_equal("127.0.0.1", socle_local_ip_string(&p->sock));
	assert_true(socle_local_port(&p->sock) > 0);
	assert_ptr_equal(local, socle_local_addr_string(&p->sock));
	assert_int_equal(port, socle_peer_port(&p->sock));
	assert_string_equal("0.0.0.0:0", early); /* still valid */
	close(l);
}

static void
an_address_asked_for_too_early_is_kept_by_the_close(void **state)
{
	struct probe *p = probe_new(socket(AF_INET, SOCK_STREAM, 0), NULL);
	const char *early = socle_local_addr_string(&p->sock);

	(void)state;
	assert_string_equal("0.0.0.0:0", early);
	socle_close(&p->sock, NULL);
	assert_ptr_equal(early, socle_local_addr_string(&p->sock));
	turn(1);
	notes_clear();
}

static char logged[512];

static void
remember(int level, const char *message, void *arg)
{
	size_t len = strlen(logged);

	(void)arg;
	if (level == 1 && strstr(message, "undef"))
		snprintf(logged + len, sizeof(logged) - len, "%s\n", message);
}

static void
an_address_that_is_not_to_be_had_is_logged(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_pipe(fds);
	p = probe_new(fds[0], NULL);
	socle_set_log(remember, NULL);
	socle_set_debug_level(1);
	assert_null(socle_peer_ip_string(&p->sock));
	assert_null(socle_local_ip_string(&p->sock));
	socle_close(&p->sock, NULL);
	assert_null(socle_local_ip_string(&p->sock));
	assert_null(socle_peer_ip_string(&p->sock));
	turn(1);
	assert_string_equal("peer_ip_string undef: getpeername\n"
			    "local_ip_string undef: getsockname\n"
			    "local_ip_string undef: no sock\n"
			    "peer_ip_string undef: no sock\n",
		logged);
	notes_clear();
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_address_asked_for_too_early_is_asked_for_again),
		test(as_string_has_class_watches_state_and_peer),
		test(as_string_of_a_closed_object_has_its_last_watches_but_no_peer),
		test(as_string_without_a_peer_is_just_open),
		test(as_string_is_truncated_like_snprintf),
		test(a_class_may_append_to_its_supers_string),
		test(as_string_has_the_name_of_the_objects_own_class),
		test(tcp_addresses_and_ports_match_the_kernels),
		test(the_kernel_is_asked_for_an_address_once),
		test(addresses_read_before_the_close_are_kept),
		test(addresses_not_read_before_the_close_are_unknown),
		test(before_the_connection_there_is_no_peer_address),
		test(a_pipe_has_no_address),
		test(without_memory_an_address_is_unknown_for_now),
		test(an_ipv6_address_is_in_brackets_with_its_port),
		test(a_unix_sockets_address_is_its_path),
		test(a_long_unix_path_is_not_truncated),
		test(an_abstract_name_starts_with_an_at_sign),
		test(the_address_of_a_socketpair_is_just_unix),
		test(an_ipv6_address_asked_for_too_early_is_asked_for_again),
		test(an_address_of_an_unknown_family_is_unknown),
		test(an_address_asked_for_too_early_is_kept_by_the_close),
		test(an_address_that_is_not_to_be_had_is_logged),
	};

	return run_tests(tests);
}

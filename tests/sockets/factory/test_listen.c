/* Listeners: addresses, accepting, pauses, identity. */
/* backends: all */
#include "tests/support/listening.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/resource.h>

/* ---- addresses ---- */

static void
a_listener_serves_ipv4(void **state)
{
	struct socle_addr a;

	(void)state;
	serves_one_client("127.0.0.1:0");
	assert_int_equal(0, socle_factory_getsockname(factory, &a));
	assert_int_equal(AF_INET, a.u.sa.sa_family);
	assert_true(socle_addr_port(&a) > 0);
}

static void
a_listener_serves_ipv6(void **state)
{
	(void)state;
	if (!has_ipv6())
		skip_because("there is no ::1");
	serves_one_client("[::1]:0");
}

static void
a_listener_takes_the_name_of_a_zone(void **state)
{
	(void)state;
#ifndef __linux__
	skip_because("the name of the loopback interface is Linux's");
#endif
	if (!has_ipv6())
		skip_because("there is no ::1");
	serves_one_client("[::1%lo]:0");
}

static void
a_path_may_have_a_percent_sign(void **state)
{
	char where[64];

	(void)state;
	snprintf(where, sizeof(where), "unix:/tmp/socle%%lo-%d", getpid());
	serves_one_client(where);
}

static void
the_ipv6_wildcard_serves_ipv4_too(void **state)
{
	struct socle_addr a;
	int fd;

	(void)state;
	if (!has_ipv6())
		skip_because("there is no ::1");
	listen_at("[::]:0");
	assert_int_equal(0, socle_factory_getsockname(factory, &a));
	fd = tcp_connect(socle_addr_port(&a));
	turn_until_count(&accepted, 1);
	assert_string_equal("127.0.0.1",
		strrchr(socle_peer_ip_string(newest), ':')
			? strrchr(socle_peer_ip_string(newest), ':') + 1
			: socle_peer_ip_string(newest));
	close(fd);
}

static void
a_listener_serves_an_abstract_name(void **state)
{
	char where[64];

	(void)state;
	skip_without_abstract();
#ifndef __linux__
	skip_because("abstract names are Linux's");
#endif
	snprintf(where, sizeof(where), "unix:@socle-test-%d", (int)getpid());
	serves_one_client(where);
}

static void
a_port_can_be_reused_at_once(void **state)
{
	struct socle_addr a;
	char where[SOCLE_ADDR_TEXT_MAX];
	int fd;

	(void)state;
	listen_at("127.0.0.1:0");
	assert_int_equal(0, socle_factory_getsockname(factory, &a));
	fd = client();
	turn_until_count(&accepted, 1);
	socle_factory_free(factory);
	/* this end closes first, so that it gets the TIME_WAIT */
	socle_close(newest, NULL);
	turn(1);
	close(fd);
	assert_true(socle_addr_format(&a, where, sizeof(where)) > 0);
	listen_at(where);
}

static void
a_failed_listen_leaves_nothing_behind(void **state)
{
	static const struct socle_class nameless = {
		.super = &socle_socket_class, .size = sizeof(struct client)};
	char used[SOCLE_ADDR_TEXT_MAX], path[256] = "unix:/";
	char zone[500] = "[";
	struct socle_factory *none = NULL;
	struct socle_addr a;

	(void)state;
	listen_at("127.0.0.1:0");
	assert_int_equal(0, socle_factory_getsockname(factory, &a));
	socle_addr_format(&a, used, sizeof(used));
	memset(path + 6, 'x', 200);
	memset(zone + 1, '1', 480);
	memcpy(zone + 481, "%lo]:80", 8);
	const struct {
		const char *where;
		const struct socle_class *cls;
		int err;
	} bad[] = {{"", &client_class, -EINVAL},
		{"nonsense", &client_class, -EINVAL},
		{"127.0.0.1:66000", &client_class, -EINVAL},
		{"localhost:80", &client_class, -EINVAL},
		{path, &client_class, -ENAMETOOLONG},
		{zone, &client_class, -EINVAL},
		{"[::1%an-interface-with-a-long-name]:80", &client_class,
			-EINVAL},
		{"[::x%lo]:80", &client_class, -EINVAL},
		{NULL, &client_class, -EINVAL},
		{used, &client_class, -EADDRINUSE},
		{"192.0.2.1:0", &client_class, -EADDRNOTAVAIL},
		{"unix:/nowhere/at/all", &client_class, -ENOENT},
		{"127.0.0.1:0", &nameless, -EINVAL},
		{"127.0.0.1:0", NULL, -EINVAL}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bad[i].err,
			socle_listen(bad[i].where, bad[i].cls, &none));
	assert_null(none);
	assert_int_equal(0, messages);
}

/* ---- accepted objects ---- */

static void
look_at_the_new_object(struct socle_socket *self, struct socle_factory *by)
{
	struct client *c = socle_container_of(self, struct client, sock);
	int fd = socle_fd(self), on = 0;
	socklen_t len = sizeof(on);

	for (size_t i = 0; i < sizeof(c->beyond); i++)
		assert_int_equal(0, c->beyond[i]);
	assert_ptr_equal(factory, by);
	assert_ptr_equal(&client_class, socle_class_of(self));
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(SOCLE_READ, socle_watching(self));
	assert_ptr_equal(self, socle_descriptor(fd));
	assert_int_equal(
		0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len));
	assert_true(on);
}

static void
an_accepted_object_is_ready_for_use_in_event_accepted(void **state)
{
	int fd;

	(void)state;
	on_accepted = look_at_the_new_object;
	listen_at("127.0.0.1:0");
	fd = client();
	turn_until_count(&accepted, 1);
	close(fd);
}

static void
close_it(struct socle_socket *self, struct socle_factory *by)
{
	(void)by;
	socle_close(self, "unwelcome");
}

static void
event_accepted_may_close_the_object(void **state)
{
	int fd[2];

	(void)state;
	on_accepted = close_it;
	listen_at("127.0.0.1:0");
	clients(fd, 2);
	turn_until_count(&accepted, 2);
	assert_disconnected(fd[0]);
	assert_disconnected(fd[1]);
	assert_int_equal(0, socle_watched_sockets());
	close_all(fd, 2);
}

static int stolen;

static void
steal_it(struct socle_socket *self, struct socle_factory *by)
{
	(void)by;
	stolen = socle_steal_socket(self);
}

static void
event_accepted_may_steal_the_socket(void **state)
{
	int fd;

	(void)state;
	on_accepted = steal_it;
	listen_at("127.0.0.1:0");
	fd = client();
	turn_until_count(&accepted, 1);
	assert_int_equal(1, send(stolen, "y", 1, 0));
	turn(2);
	assert_int_equal(0, socle_watched_sockets());
	assert_int_equal(0, served);
	close(stolen);
	close(fd);
}

static void
free_factory(struct socle_socket *self, struct socle_factory *by)
{
	(void)self;
	socle_factory_free(by);
}

static void
a_listener_may_be_freed_in_event_accepted(void **state)
{
	int fds[5];

	(void)state;
	listen_at("127.0.0.1:0");
	clients(fds, 5);
	turn(2); /* batches of 1 and 2; more clients would be accepted now */
	accepted = 0;
	on_accepted = free_factory;
	turn(3);
	assert_int_equal(1, accepted);
	assert_served(fds[0]);
	assert_served(fds[3]);
	assert_disconnected(fds[4]);
	close_all(fds, 5);
}

/* ---- batches ---- */

static void
one_client_costs_one_accept(void **state)
{
	int fds[3];

	(void)state;
	listen_at("127.0.0.1:0");
	for (int i = 0; i < 3; i++) {
		fds[i] = client();
		seam_count_reset();
		turn_until_count(&accepted, i + 1);
		turn(2);
		assert_int_equal(1, seam_count(CALL_accept4));
	}
	close_all(fds, 3);
}

static void
accept_batches_grow_under_load(void **state)
{
	static const int taken_by[] = {1, 3, 7, 15, 31, 63, 100};
	int fds[100];

	(void)state;
	listen_at("127.0.0.1:0");
	clients(fds, 100);
	seam_count_reset();
	for (size_t i = 0; i < sizeof(taken_by) / sizeof(taken_by[0]); i++) {
		turn(1);
		assert_int_equal(taken_by[i], accepted);
	}
	turn(3);
	/*
	 * One call more than clients: the last batch was not full, which only a
	 * failing call shows.
	 */
	assert_int_equal(101, seam_count(CALL_accept4));
	close_all(fds, 100);
}

static void
allow_fds(int n)
{
	struct rlimit r;

	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &r));
	if (r.rlim_cur < (rlim_t)n) {
		r.rlim_cur = (rlim_t)n < r.rlim_max ? (rlim_t)n : r.rlim_max;
		assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &r));
	}
	if (r.rlim_cur < (rlim_t)n) {
		skip_because("the limit of open files is too low");
	}
}

/* case 20 */
static void
thousands_of_clients_at_once_are_served_within_a_few_ticks(void **state)
{
	int n = SOCLE__IS_LINUX ? scaled(3000, 200) : 100, ticks = 0;
	int *fds = malloc((size_t)n * sizeof(*fds));
	char where[64];

	(void)state;
	allow_fds(2 * n + 100);
	snprintf(where, sizeof(where), "unix:/tmp/socle-rush-%d", getpid());
	listen_at(where);
	clients(fds, n);
	for (; accepted < n && ticks < 1000; ticks++)
		turn(1);
	assert_true(ticks <= 10 + n / 64);
	for (int i = 0; i < n; i++)
		assert_int_equal(1, send(fds[i], "x", 1, 0));
	for (ticks = 0; served < n && ticks < 1000; ticks++)
		turn(1);
	assert_int_equal(n, served);
	assert_true(ticks <= 8);
	close_all(fds, n);
	free(fds);
}

/* ---- pauses ---- */

static void
clients_wait_while_a_listener_is_paused(void **state)
{
	int fds[3];

	(void)state;
	listen_at("127.0.0.1:0");
	socle_pause_accept(factory);
	socle_pause_accept(factory);
	clients(fds, 3);
	seam_count_reset();
	turn(5);
	assert_int_equal(0, accepted);
	assert_int_equal(0, seam_count(CALL_accept4));
	socle_resume_accept(factory);
	socle_resume_accept(factory);
	turn_until_count(&accepted, 3);
	for (int i = 0; i < 3; i++)
		assert_served(fds[i]);
	close_all(fds, 3);
}

static void
pause_factory(struct socle_socket *self, struct socle_factory *by)
{
	(void)self;
	socle_pause_accept(by);
}

static void
a_pause_in_event_accepted_ends_the_batch(void **state)
{
	int fds[8];

	(void)state;
	listen_at("127.0.0.1:0");
	clients(fds, 8);
	turn(2);
	accepted = 0;
	on_accepted = pause_factory;
	turn(3);
	assert_int_equal(1, accepted);
	on_accepted = NULL;
	socle_resume_accept(factory);
	turn_until_count(&accepted, 5);
	close_all(fds, 8);
}

/* ---- identity ---- */

static void
ids_are_unique(void **state)
{
	struct socle_factory *f[3];
	uint64_t first;

	(void)state;
	for (int i = 0; i < 3; i++) {
		listen_at("127.0.0.1:0");
		f[i] = factory;
		assert_true(socle_factory_id(f[i]) != 0);
		for (int k = 0; k < i; k++)
			assert_true(socle_factory_id(f[i]) !=
				socle_factory_id(f[k]));
	}
	first = socle_factory_id(f[0]);
	for (int i = 0; i < 3; i++)
		socle_factory_free(f[i]);
	socle_factory_free(NULL);
	turn(1);
	listen_at("127.0.0.1:0");
	assert_true(socle_factory_id(factory) > first);
}

static void
never_called(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	fail_msg("a listener is no object");
}

static void
listeners_are_not_watched_sockets(void **state)
{
	(void)state;
	listen_at("127.0.0.1:0");
	assert_int_equal(0, socle_watched_sockets());
	socle_each_descriptor(never_called, NULL);
	socle_factory_free(factory);
	assert_int_equal(0, socle_to_close());
	turn(1);
}

static void
objects_outlive_their_listener(void **state)
{
	int fd;

	(void)state;
	listen_at("127.0.0.1:0");
	fd = client();
	turn_until_count(&accepted, 1);
	socle_factory_free(factory);
	turn(2);
	assert_served(fd);
	close(fd);
}

static void
a_freed_listener_accepts_no_client(void **state)
{
	int fd;

	(void)state;
	listen_at("127.0.0.1:0");
	fd = client();
	socle_factory_free(factory);
	turn(3);
	assert_int_equal(0, accepted);
	assert_disconnected(fd);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		listen_test(a_listener_serves_ipv4),
		listen_test(a_listener_serves_ipv6),
		listen_test(a_listener_takes_the_name_of_a_zone),
		listen_test(a_path_may_have_a_percent_sign),
		listen_test(the_ipv6_wildcard_serves_ipv4_too),
		listen_test(a_listener_serves_an_abstract_name),
		listen_test(a_port_can_be_reused_at_once),
		listen_test(a_failed_listen_leaves_nothing_behind),
		listen_test(
			an_accepted_object_is_ready_for_use_in_event_accepted),
		listen_test(event_accepted_may_close_the_object),
		listen_test(event_accepted_may_steal_the_socket),
		listen_test(a_listener_may_be_freed_in_event_accepted),
		listen_test(one_client_costs_one_accept),
		listen_test(accept_batches_grow_under_load),
		listen_test(
			thousands_of_clients_at_once_are_served_within_a_few_ticks),
		listen_test(clients_wait_while_a_listener_is_paused),
		listen_test(a_pause_in_event_accepted_ends_the_batch),
		listen_test(ids_are_unique),
		listen_test(listeners_are_not_watched_sockets),
		listen_test(objects_outlive_their_listener),
		listen_test(a_freed_listener_accepts_no_client),
	};

	return run_tests(tests);
}

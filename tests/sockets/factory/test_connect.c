/* socle_connect(): calls on an object before it is connected, and after. */
/* backends: all */
#include "tests/support/making.h"
#include "tests/support/reaching.h"
#include "tests/support/resolver.h"

#include <math.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <stdio.h>

/* ---- the outcome ---- */

static void
a_connected_object_gets_one_event_write(void **state)
{
	struct probe *p;

	(void)state;
	serve();
	p = reach();
	turn_until_count(&p->writes, 1);
	turn(5);
	assert_notes("w");
	assert_int_equal(1, p->writes);
	assert_false(socle_closed(&p->sock));
	assert_int_equal(0, socle_watching(&p->sock));
}

static void
an_object_that_cannot_connect_gets_event_err_and_closes(void **state)
{
	(void)state;
	refuse_connections();
	reach();
	turn(5);
	assert_notes("e-ECONNREFUSED close(event_err) destroy");
}

/* TF19 */
static void
a_connect_that_takes_too_long_times_out(void **state)
{
	(void)state;
	hang_connections();
	reach_at(where, 1);
	turn(2);
	seam_time_virtual();
	pass_time(0.9);
	assert_notes("");
	pass_time(0.2);
	assert_notes("e-ETIMEDOUT close(event_err) destroy");
}

static void
invalid_arguments_are_refused_at_once(void **state)
{
	static const struct socle_class nameless = {
		.super = &socle_socket_class};
	char path[256] = "unix:/", name[1200];
	struct socle_socket *s = NULL;
	const struct {
		const char *at;
		const struct socle_class *cls;
		double timeout;
		int err;
	} bad[] = {{NULL, &probe_class, 0, -EINVAL},
		{"", &probe_class, 0, -EINVAL},
		{"127.0.0.1", &probe_class, 0, -EINVAL},
		{"::1", &probe_class, 0, -EINVAL},
		{"[::1]", &probe_class, 0, -EINVAL},
		{"a.name", &probe_class, 0, -EINVAL},
		{"a.name:", &probe_class, 0, -EINVAL},
		{":80", &probe_class, 0, -EINVAL},
		{"127.0.0.1:0", &probe_class, 0, -EINVAL},
		{"[::1]:0", &probe_class, 0, -EINVAL},
		{"a.name:0", &probe_class, 0, -EINVAL},
		{"a.name:00", &probe_class, 0, -EINVAL},
		{"127.1:80", &probe_class, 0, -EINVAL},
		{"0x7f.1:80", &probe_class, 0, -EINVAL},
		{"0x7f000001:80", &probe_class, 0, -EINVAL},
		{"127.0.0.01:80", &probe_class, 0, -EINVAL},
		{"2130706433:80", &probe_class, 0, -EINVAL},
		{"1.2.3.4 x:80", &probe_class, 0, -EINVAL},
		{"[fe80::1%no-such-if]:80", &probe_class, 0, -ENODEV},
		{"unix:", &probe_class, 0, -EINVAL},
		{"unix:@", &probe_class, 0, -EINVAL},
		{path, &probe_class, 0, -ENAMETOOLONG},
		{name, &probe_class, 0, -ENAMETOOLONG},
		{"127.0.0.1:1", NULL, 0, -EINVAL},
		{"127.0.0.1:1", &nameless, 0, -EINVAL},
		{"127.0.0.1:1", &probe_class, -1, -EINVAL},
		{"127.0.0.1:1", &probe_class, NAN, -EINVAL}};

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name + sizeof(name) - 4, ":80", 4);
	memset(path + 6, 'x', 200);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bad[i].err,
			socle_connect(
				bad[i].at, bad[i].cls, bad[i].timeout, &s));
	assert_null(s);
	turn(2);
	assert_int_equal(0, socle_watched_sockets());
}

static void
a_unix_server_can_be_reached_too(void **state)
{
	const char *path = in_dir("s");
	char at[160];
	struct probe *p;

	(void)state;
	make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.bind_address = path,
		.unlink_on_close = true});
	snprintf(at, sizeof(at), "unix:%s", path);
	p = reach_at(at, 0);
	assert_int_equal(0, socle_write(&p->sock, "hello", 5));
	assert_gets(reached(), "hello");
}

/* ---- the fd ---- */

static void
the_fd_keeps_its_number(void **state)
{
	struct probe *p;
	int fd, on = 0;
	socklen_t len = sizeof(on);

	(void)state;
	if (backend_is("libkqueue"))
		skip_because(
			"libkqueue's mark is the socket's, for poll(2) too");
	serve();
	p = reach();
	fd = socle_fd(&p->sock);
	assert_ptr_equal(&p->sock, socle_descriptor(fd));
	turn_until_count(&p->writes, 1);
	assert_int_equal(fd, socle_fd(&p->sock));
	assert_ptr_equal(&p->sock, socle_descriptor(fd));
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(
		0, getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len));
	assert_true(on);
	assert_exchange(fd, reached());
}

static void
its_addresses_are_known_once_connected(void **state)
{
	struct probe *p;
	char text[128];

	(void)state;
	serve();
	p = reach();
	assert_null(socle_peer_addr_string(&p->sock));
	assert_null(socle_local_addr_string(&p->sock));
	assert_int_equal(-ENOTCONN, socle_local_port(&p->sock));
	assert_true(socle_as_string(&p->sock, text, sizeof(text)) > 0);
	assert_null(strstr(text, " to "));
	turn_until_count(&p->writes, 1);
	assert_string_equal(where, socle_peer_addr_string(&p->sock));
	assert_true(socle_local_port(&p->sock) > 0);
}

static void
a_cork_set_before_connecting_still_holds_afterwards(void **state)
{
	struct probe *p;
	int on = 0;
	socklen_t len = sizeof(on);

	(void)state;
	serve();
	p = reach();
	assert_int_equal(0, socle_tcp_cork(&p->sock, true));
	turn_until_count(&p->writes, 1);
#ifdef TCP_CORK
	assert_int_equal(0,
		getsockopt(
			socle_fd(&p->sock), IPPROTO_TCP, TCP_CORK, &on, &len));
	assert_true(on);
#endif
	(void)len;
	assert_int_equal(0, socle_tcp_cork(&p->sock, false));
}

/* ---- calls before the connection ---- */

static void
a_read_before_the_connection_is_eagain(void **state)
{
	struct probe *p;
	char c;

	(void)state;
	serve();
	p = reach();
	p->read_size = 10;
	assert_int_equal(-EAGAIN, socle_read(&p->sock, &c, 1));
	assert_int_equal(-EAGAIN, socle_read(&p->sock, &c, 1));
	socle_watch_read(&p->sock, true);
	assert_int_equal(1, send(reached(), "x", 1, 0));
	turn_until_count(&p->reads, 1);
	assert_int_equal('x', p->got[0]);
}

static void
watching_before_the_connection_causes_no_event(void **state)
{
	struct probe *p;

	(void)state;
	hang_connections();
	p = reach();
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, true);
	turn(5);
	socle_watch_write(&p->sock, false);
	turn(5);
	assert_notes("");
	assert_int_equal(SOCLE_READ, socle_watching(&p->sock));
}

static void
a_close_before_the_connection_ends_the_attempt(void **state)
{
	struct probe *p;
	int before;

	(void)state;
	hang_connections();
	turn(1);
	before = fds_open();
	p = reach();
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	turn(1);
	assert_int_equal(before + 2, fds_open());
	socle_close(&p->sock, "enough");
	turn(3);
	assert_notes("close(enough) destroy");
	assert_int_equal(before, fds_open());
}

static void
a_socket_stolen_before_the_connection_is_not_connected(void **state)
{
	struct probe *p;
	struct socle_addr a = {.len = sizeof(a.u)};
	int fd;

	(void)state;
	hang_connections();
	p = reach();
	turn(1);
	fd = socle_steal_socket(&p->sock);
	assert_true(fd >= 0);
	assert_int_equal(-1, getpeername(fd, &a.u.sa, &a.len));
	turn(3);
	assert_notes("destroy");
	close(fd);
}

static void
other_event_write(struct socle_socket *self)
{
	(void)self;
	note("other");
}

static const struct socle_class other_class = {
	.name = "Other",
	.super = &socle_socket_class,
	.event_write = other_event_write,
};

static void
after_set_class_the_new_class_gets_the_event(void **state)
{
	struct probe *p;

	(void)state;
	serve();
	p = reach();
	assert_int_equal(0, socle_set_class(&p->sock, &other_class));
	reached();
	turn(3);
	assert_notes("other");
}

static void
timeouts_run_while_connecting_too(void **state)
{
	struct probe *p;

	(void)state;
	hang_connections();
	seam_time_virtual();
	p = reach();
	assert_int_equal(0, socle_set_idle_timeout(&p->sock, 5));
	assert_int_equal(0, socle_set_write_timeout(&p->sock, 2));
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	pass_time(1.9);
	assert_notes("");
	pass_time(0.2);
	assert_notes("stall close(stall) destroy");
	p = reach();
	assert_int_equal(0, socle_set_idle_timeout(&p->sock, 5));
	pass_time(5.1);
	assert_notes("idle close(idle) destroy");
}

static void
a_reset_before_the_connection_leaves_nothing_behind(void **state)
{
	(void)state;
	hang_connections();
	reach();
	socle_reset();
	assert_notes("destroy");
	hang_connections();
	reach();
	turn(1);
	socle_reset();
	assert_notes("destroy");
}

/* ---- names ---- */

static void
a_server_can_be_reached_by_name(void **state)
{
	struct probe *p;
	const char *port;

	(void)state;
	serve();
	port = port_of(server);
	resolver_set_answer("127.0.0.1:0");
	resolver_hold();
	snprintf(where, sizeof(where), "a.name:%s", port);
	p = reach();
	assert_int_equal(0, socle_write(&p->sock, "hello", 5));
	turn(2);
	resolver_wait_started(1);
	turn(3);
	assert_notes("");
	resolver_release_all();
	assert_gets(reached(), "hello");
}

static void
an_unknown_name_is_an_error(void **state)
{
	struct probe *p;

	(void)state;
	resolver_fails(EAI_NONAME, 0);
	p = reach_at("a.name:80", 0);
	turn_until_gone(p);
	assert_notes("e-EADDRNOTAVAIL close(event_err) destroy");
}

static void
a_close_during_the_lookup_ends_the_attempt(void **state)
{
	struct probe *p;

	(void)state;
	resolver_hold();
	p = reach_at("a.name:80", 0);
	turn(1);
	resolver_wait_started(1);
	socle_close(&p->sock, NULL);
	resolver_release_all();
	resolver_wait_idle();
	turn(3);
	assert_notes("close() destroy");
}

static void
the_fd_number_survives_a_change_of_address_family(void **state)
{
	struct probe *p;
	int fd, port, other;
	char both[SOCLE_ADDR_TEXT_MAX + 32];

	(void)state;
	if (backend_is("libkqueue"))
		skip_because(
			"libkqueue's mark is the socket's, for poll(2) too");
	if (!has_ipv6())
		skip_because("there is no ::1");
	serve();
	other = refusing(AF_INET6, &port);
	snprintf(both, sizeof(both), "[::1]:%d %s", port, where);
	resolver_set_answer(both);
	p = reach_at("a.name:a.service", 0);
	fd = socle_fd(&p->sock);
	turn_until_count(&p->writes, 1);
	assert_exchange(fd, reached());
	close(other);
}

/* ---- refusals that look like others ---- */

static void
eagain_of_tcp_is_no_full_backlog(void **state)
{
	(void)state;
	serve();
	seam_fail(CALL_connect, 1, EAGAIN, 1);
	reach();
	turn(3);
	assert_int_equal(1, seam_struck());
	assert_notes("e-EAGAIN close(event_err) destroy");
}

static void
a_text_with_a_slash_is_no_host(void **state)
{
	struct socle_socket *s = NULL;

	(void)state;
	assert_int_equal(
		-EINVAL, socle_connect("host/80", &probe_class, 0, &s));
	assert_null(s);
}

static void
an_interrupted_dup_of_the_connected_socket_is_repeated(void **state)
{
	struct probe *p;

	(void)state;
	serve();
	seam_fail(CALL_dup3, 1, EINTR, 1);
	p = reach();
	turn_until_count(&p->writes, 1);
	assert_int_equal(1, seam_struck());
	assert_int_equal(0, p->errs);
	socle_close(&p->sock, NULL);
	turn(1);
	notes_clear();
}

static void
ignore_error(struct probe *p, int err)
{
	(void)p;
	(void)err;
}

static void
close_released(bool sent, void *arg)
{
	struct probe *p = arg;

	note(sent ? "sent" : "lost");
	socle_close(&p->sock, "released");
}

static void
a_release_may_close_an_object_that_could_not_connect(void **state)
{
	struct probe *p;

	(void)state;
	refuse_connections();
	p = reach();
	p->on_err = ignore_error;
	assert_int_equal(
		0, socle_write_ref(&p->sock, "bytes", 5, close_released, p));
	socle_close_after_flush(&p->sock, "flushed");
	turn(5);
	assert_notes("e-ECONNREFUSED lost close(released) destroy");
}

/* The factory of the attempt is gone while the object is still told. */
static void
turn_late(struct probe *p, int err)
{
	(void)p;
	(void)err;
	seam_time_add(5);
	turn(2);
	note("turned");
}

static void
an_idle_timeout_inside_the_failure_asks_no_factory(void **state)
{
	struct probe *p;

	(void)state;
	refuse_connections();
	seam_time_virtual();
	p = reach();
	assert_int_equal(0, socle_set_idle_timeout(&p->sock, 3));
	p->on_err = turn_late;
	turn(5);
	assert_notes("e-ECONNREFUSED idle close(idle) turned destroy");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		making_test(a_connected_object_gets_one_event_write),
		making_test(
			an_object_that_cannot_connect_gets_event_err_and_closes),
		making_test(a_connect_that_takes_too_long_times_out),
		making_test(invalid_arguments_are_refused_at_once),
		making_test(a_unix_server_can_be_reached_too),
		making_test(the_fd_keeps_its_number),
		making_test(its_addresses_are_known_once_connected),
		making_test(
			a_cork_set_before_connecting_still_holds_afterwards),
		making_test(a_read_before_the_connection_is_eagain),
		making_test(watching_before_the_connection_causes_no_event),
		making_test(a_close_before_the_connection_ends_the_attempt),
		making_test(
			a_socket_stolen_before_the_connection_is_not_connected),
		making_test(after_set_class_the_new_class_gets_the_event),
		making_test(timeouts_run_while_connecting_too),
		making_test(
			a_reset_before_the_connection_leaves_nothing_behind),
		names_test(a_server_can_be_reached_by_name),
		names_test(an_unknown_name_is_an_error),
		names_test(a_close_during_the_lookup_ends_the_attempt),
		names_test(the_fd_number_survives_a_change_of_address_family),
		making_test(eagain_of_tcp_is_no_full_backlog),
		making_test(a_text_with_a_slash_is_no_host),
		making_test(
			an_interrupted_dup_of_the_connected_socket_is_repeated),
		making_test(
			a_release_may_close_an_object_that_could_not_connect),
		making_test(an_idle_timeout_inside_the_failure_asks_no_factory),
	};

	return run_tests(tests);
}

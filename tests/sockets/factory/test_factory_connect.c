/* Factories that connect: time, names, several addresses, full backlogs. */
/* backends: all */
#include "tests/support/full_unix.h"
#include "tests/support/making.h"
#include "tests/support/resolver.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/un.h>

static struct socle_factory *
reach(const char *port, double timeout)
{
	return make((struct socle_factory_params){.remote_address = "127.0.0.1",
		.remote_port = port,
		.attempt = record_attempt,
		.connect_timeout = timeout});
}

/* ---- one address ---- */

/* TI28 */
static void
a_refused_connection_is_never_reported_as_connected(void **state)
{
	int port, bound = refusing(AF_INET, &port);

	(void)state;
	for (int i = 0; i < 20; i++)
		assert_fails(
			reach(port_text(port), 0), "connect", -ECONNREFUSED);
	assert_int_equal(0, recorded.successes);
	close(bound);
}

/* TF19, TF30 */
static void
a_connection_that_hangs_times_out(void **state)
{
	double before;

	(void)state;
	reach(port_text(full_listener(AF_INET)), 1);
	turn(2);
	seam_time_virtual();
	before = seam_time();
	pass_time(1.2);
	assert_int_equal(1, recorded.failures);
	assert_string_equal("connect", recorded.why.operation);
	assert_int_equal(-ETIMEDOUT, recorded.why.err);
	assert_true(seam_time() - before < 1.3);
	assert_notes("4:110");
}

/* TF18 */
static void
freeing_a_pending_connection_leaves_nothing_behind(void **state)
{
	struct socle_factory *f;
	int port = full_listener(AF_INET), before;

	(void)state;
	turn(1);
	before = fds_open();
	f = reach(port_text(port), 1);
	turn(2);
	assert_int_equal(before + 1, fds_open());
	socle_factory_free(f);
	assert_int_equal(before, fds_open());
	turn(2);
	assert_int_equal(0, recorded.failures + recorded.attempts);
}

static void
assert_not_connected_to_itself(int family, const char *at)
{
	struct socle_addr a;
	int port, bound = refusing(family, &port);

	close(bound);
	assert_int_equal(0, socle_addr_parse(&a, at, (uint16_t)port));
	assert_fails(
		make((struct socle_factory_params){
			.bind_addr = &a, .remote_addr = &a, .reuse = true}),
		"connect", -ECONNREFUSED);
}

static void
a_socket_connected_to_itself_counts_as_refused(void **state)
{
	(void)state;
	assert_not_connected_to_itself(AF_INET, "127.0.0.1");
	if (has_ipv6())
		assert_not_connected_to_itself(AF_INET6, "::1");
}

/* False: another program has this port at the other address. */
static bool
connected_from_the_same_port(void)
{
	struct socle_factory *server = make((struct socle_factory_params){
		.bind_address = "127.0.0.2", .bind_port = "0"});
	struct socle_addr a, own;

	assert_int_equal(0, socle_factory_getsockname(server, &a));
	assert_int_equal(0,
		socle_addr_parse(
			&own, "127.0.0.1", (uint16_t)socle_addr_port(&a)));
	make((struct socle_factory_params){
		.bind_addr = &own, .remote_addr = &a, .reuse = true});
	while (recorded.successes < 2 && recorded.failures == 0)
		turn(1);
	if (recorded.failures == 0)
		return true;
	assert_string_equal("bind", recorded.why.operation);
	assert_int_equal(-EADDRINUSE, recorded.why.err);
	recorded.failures = 0;
	return false;
}

static void
a_peer_with_the_same_port_elsewhere_is_another_socket(void **state)
{
	int tries = 20;

	(void)state;
	skip_without_address("127.0.0.2");
	while (!connected_from_the_same_port())
		assert_true(--tries > 0);
}

static void
run_out_of_memory(struct socle_factory *f)
{
	(void)f;
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
}

static void
without_memory_for_its_object_a_connection_fails(void **state)
{
	int port, listener = tcp_listener(&port), server;
	struct socle_factory *f = make(
		(struct socle_factory_params){.remote_address = "127.0.0.1",
			.remote_port = port_text(port),
			.accept_class = &probe_class,
			.accepted = record_accepted,
			.attempt = record_attempt});
	char c;

	(void)state;
	recorded.on_attempt = run_out_of_memory;
	assert_fails(f, "connect", -ENOMEM);
	assert_notes("4:0");
	assert_int_equal(0, socle_watched_sockets());
	server = accept(listener, NULL, NULL);
	assert_int_equal(0, recv(server, &c, 1, 0));
	close(server);
	close(listener);
}

static void
an_interrupted_connect_continues(void **state)
{
	struct socle_factory *f =
		make((struct socle_factory_params){.bind_port = "0"});
	static const int errors[] = {EINPROGRESS, EINTR};

	(void)state;
	if (backend_is("kqueue"))
		skip_because("kqueue reports nothing of a socket that never "
			     "connected");
	/*
	 * The kernel claims progress although nothing was started: this must
	 * not count as connected.
	 */
	for (int i = 0; i < 2; i++) {
		seam_fail(CALL_connect, 1, errors[i], 1);
		assert_fails(reach(port_of(f), 0), "connect", -ENOTCONN);
	}
}

/* ---- full backlogs ---- */

static struct full_unix full;

/* TF15 */
static void
a_full_unix_backlog_is_retried_until_there_is_space(void **state)
{
	const char *path = in_dir("s"), *own = in_dir("c");

	(void)state;
	full_unix_begin(&full, path);
	seam_time_virtual();
	make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.remote_address = path,
		.bind_address = own});
	pass_time(1);
	assert_int_equal(0, recorded.successes + recorded.failures);
	/* after a refusal another one asks whether it is bound */
	assert_in_range(seam_count(CALL_connect) /
			(socle__seam.unix_full == EAGAIN ? 1 : 2),
		40, 55);
	full_unix_make_room(&full);
	pass_time(0.1);
	assert_int_equal(1, recorded.successes);
	full_unix_end(&full, path);
	unlink(own);
}

/* TF15 */
static void
a_unix_backlog_that_stays_full_times_out(void **state)
{
	const char *path = in_dir("s"), *own = in_dir("c");

	(void)state;
	full_unix_begin(&full, path);
	seam_time_virtual();
	make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.remote_address = path,
		.bind_address = own,
		.connect_timeout = 0.5});
	pass_time(0.6);
	assert_int_equal(1, recorded.failures);
	assert_string_equal("connect", recorded.why.operation);
	assert_int_equal(-ETIMEDOUT, recorded.why.err);
	assert_false(is_there(own));
	full_unix_end(&full, path);
}

static void
block(void *arg)
{
	(void)arg;
	seam_time_add(5);
}

static void
make_room_and_block(void *arg)
{
	full_unix_make_room(&full);
	block(arg);
}

/* The deadline passes during a handler. */
static void
reach_late(void (*handler)(void *arg))
{
	const char *path = in_dir("s");

	full_unix_begin(&full, path);
	seam_time_virtual();
	make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.remote_address = path,
		.connect_timeout = 1});
	turn(1);
	assert_int_equal(0, socle_defer(handler, NULL));
	turn(3);
	full_unix_end(&full, path);
}

static void
space_that_came_during_a_long_handler_is_used(void **state)
{
	(void)state;
	reach_late(make_room_and_block);
	assert_int_equal(1, recorded.successes);
	assert_int_equal(0, recorded.failures);
}

static void
a_backlog_that_is_still_full_after_a_long_handler_times_out(void **state)
{
	(void)state;
	reach_late(block);
	assert_int_equal(0, recorded.successes);
	assert_int_equal(1, recorded.failures);
	assert_string_equal("connect", recorded.why.operation);
	assert_int_equal(-ETIMEDOUT, recorded.why.err);
}

/* ---- names ---- */

static struct socle_factory *
reach_name(double timeout)
{
	return make((struct socle_factory_params){.remote_address = "a.name",
		.remote_port = "a.service",
		.attempt = record_attempt,
		.connect_timeout = timeout});
}

/*
 * After resolver_hold(): waits until the answer is known but no attempt has
 * started.
 */
static void
await_answer(void)
{
	turn(1);
	resolver_wait_started(1);
	resolver_release_all();
	resolver_wait_idle();
}

static const char *format_answer(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static const char *
format_answer(const char *fmt, ...)
{
	static char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return text;
}

static int ticks;

static void
ticked(void *arg)
{
	(void)arg;
	ticks++;
}

/* TF25 */
static void
a_slow_lookup_blocks_nothing_and_can_be_abandoned(void **state)
{
	struct socle_factory *f;

	(void)state;
	ticks = 0;
	resolver_hold();
	f = reach_name(0);
	turn(1);
	resolver_wait_started(1);
	assert_true(socle_add_timer(0.001, ticked, NULL) != 0);
	turn_until_count(&ticks, 1);
	assert_int_equal(0, recorded.failures + recorded.attempts);
	socle_factory_free(f);
	resolver_release_all();
	resolver_wait_idle();
	turn(3);
	assert_int_equal(0, recorded.failures + recorded.attempts);
}

/* TF25 */
static void
the_lookup_counts_towards_the_connect_timeout(void **state)
{
	(void)state;
	resolver_hold();
	reach_name(1);
	turn(1);
	resolver_wait_started(1);
	seam_time_virtual();
	pass_time(1.1);
	assert_int_equal(1, recorded.failures);
	assert_string_equal("connect", recorded.why.operation);
	assert_int_equal(-ETIMEDOUT, recorded.why.err);
	resolver_release_all();
	resolver_wait_idle();
	turn(3);
	assert_int_equal(1, recorded.failures);
	assert_int_equal(0, recorded.attempts);
}

/* TF10 */
static void
an_unknown_name_fails_in_getaddrinfo(void **state)
{
	(void)state;
	resolver_fails(EAI_NONAME, 0);
	assert_fails(reach_name(0), "getaddrinfo", -EADDRNOTAVAIL);
	assert_fails(
		make((struct socle_factory_params){.bind_address = "a.name"}),
		"getaddrinfo", -EADDRNOTAVAIL);
	resolver_fails(EAI_SERVICE, 0);
	assert_fails(
		make((struct socle_factory_params){.bind_port = "a.service"}),
		"getaddrinfo", -EINVAL);
}

static void
names_are_looked_up_in_the_requested_family(void **state)
{
	(void)state;
	resolver_fails(EAI_NONAME, 0);
	assert_fails(reach_name(0), "getaddrinfo", -EADDRNOTAVAIL);
	assert_string_equal("a.name a.service 0 1", resolver_question());
	assert_fails(
		make((struct socle_factory_params){.socket_domain = AF_INET,
			.socket_protocol = "udp",
			.remote_address = "a.name",
			.remote_port = "7"}),
		"getaddrinfo", -EADDRNOTAVAIL);
	assert_string_equal("a.name - 2 2", resolver_question());
}

static void
a_listener_can_have_a_name(void **state)
{
	struct socle_factory *f;
	struct socle_addr a;

	(void)state;
	resolver_set_answer("127.0.0.1:0");
	f = make((struct socle_factory_params){.bind_address = "a.name"});
	assert_int_equal(-EBADF, socle_factory_getsockname(f, &a));
	turn(1);
	resolver_wait_started(1);
	resolver_wait_idle();
	turn(1);
	close(client_of(f));
	turn_until_count(&recorded.successes, 1);
}

/* ---- several addresses ---- */

/* TF26 */
static void
an_unresponsive_first_address_costs_250_ms(void **state)
{
	struct socle_factory *server =
		make((struct socle_factory_params){.bind_port = "0"});
	struct socle_addr a;
	double before;

	(void)state;
	if (!has_ipv6())
		skip_because("there is no ::1");
	assert_int_equal(0, socle_factory_getsockname(server, &a));
	resolver_set_answer(format_answer("[::1]:%d 127.0.0.1:%d",
		full_listener(AF_INET6), socle_addr_port(&a)));
	seam_time_virtual();
	resolver_hold();
	reach_name(0);
	await_answer();
	before = seam_time();
	pass_time(0.24);
	assert_int_equal(0, recorded.successes);
	pass_time(0.1);
	assert_int_equal(2, recorded.successes);
	assert_true(seam_time() - before < 0.4);
	assert_notes("6:125 4:0");
	turn(2);
	assert_int_equal(0, recorded.failures);
}

/* TF26 */
static void
families_alternate_and_a_failure_starts_the_next_address(void **state)
{
	int p6, p4, fd6, fd4;
	double before;

	(void)state;
	if (!has_ipv6())
		skip_because("there is no ::1");
	fd6 = refusing(AF_INET6, &p6);
	fd4 = refusing(AF_INET, &p4);
	resolver_set_answer(format_answer(
		"[::1]:%d [::1]:1 127.0.0.1:%d 127.0.0.2:%d", p6, p4, p4));
	seam_time_virtual();
	resolver_hold();
	reach_name(0);
	await_answer();
	before = seam_time();
	turn_until_count(&recorded.failures, 1);
	turn(3);
	assert_true(seam_time() - before < 0.01);
	assert_int_equal(-ECONNREFUSED, recorded.why.err);
	assert_int_equal(1, recorded.failures);
	assert_notes("6:111 4:111 6:111 4:111");
	close(fd6);
	close(fd4);
}

/* TF26 */
static void
all_attempts_in_progress_end_at_the_timeout(void **state)
{
	int before;

	(void)state;
	turn(1);
	resolver_set_answer(
		format_answer("127.0.0.1:%d 127.0.0.1:%d 127.0.0.1:%d",
			full_listener(AF_INET), full_listener(AF_INET),
			full_listener(AF_INET)));
	before = fds_open();
	seam_time_virtual();
	resolver_hold();
	reach_name(0.6);
	turn(1);
	await_answer();
	pass_time(1);
	assert_int_equal(1, recorded.failures);
	assert_notes("4:110 4:110 4:110");
	assert_true(fds_open() <= before + 1); /* the resolver's wake-up fd */
}

static void
free_it(struct socle_factory *f)
{
	socle_factory_free(f);
}

static void
a_connector_may_be_freed_in_the_attempt_callback(void **state)
{
	struct socle_factory *server =
		make((struct socle_factory_params){.bind_port = "0"});
	struct socle_addr a;

	(void)state;
	assert_int_equal(0, socle_factory_getsockname(server, &a));
	recorded.on_attempt = free_it;
	resolver_set_answer(format_answer("127.0.0.1:%d 127.0.0.1:%d",
		full_listener(AF_INET), socle_addr_port(&a)));
	seam_time_virtual();
	resolver_hold();
	reach_name(0);
	await_answer();
	pass_time(0.5);
	assert_notes("4:125");
	assert_int_equal(1, recorded.successes); /* the server's success */
}

static bool
has_ended(void *arg)
{
	(void)arg;
	return recorded.failures > 0;
}

static void
run_to_the_end(struct socle_factory *f)
{
	(void)f;
	recorded.on_attempt = NULL;
	assert_int_equal(1, socle_run_until(has_ended, NULL));
}

static void
a_loop_in_the_attempt_callback_reports_the_failure_once(void **state)
{
	int port, bound = refusing(AF_INET, &port);

	(void)state;
	recorded.on_attempt = run_to_the_end;
	resolver_set_answer(
		format_answer("127.0.0.1:%d 127.0.0.2:%d", port, port));
	reach_name(0);
	turn_until_count(&recorded.failures, 1);
	turn(3);
	assert_int_equal(1, recorded.failures);
	assert_notes("4:111 4:111");
	close(bound);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		making_test(
			a_refused_connection_is_never_reported_as_connected),
		making_test(a_connection_that_hangs_times_out),
		making_test(freeing_a_pending_connection_leaves_nothing_behind),
		making_test(a_socket_connected_to_itself_counts_as_refused),
		making_test(
			a_peer_with_the_same_port_elsewhere_is_another_socket),
		making_test(without_memory_for_its_object_a_connection_fails),
		making_test(an_interrupted_connect_continues),
		making_test(
			a_full_unix_backlog_is_retried_until_there_is_space),
		making_test(a_unix_backlog_that_stays_full_times_out),
		making_test(space_that_came_during_a_long_handler_is_used),
		making_test(
			a_backlog_that_is_still_full_after_a_long_handler_times_out),
		names_test(a_slow_lookup_blocks_nothing_and_can_be_abandoned),
		names_test(the_lookup_counts_towards_the_connect_timeout),
		names_test(an_unknown_name_fails_in_getaddrinfo),
		names_test(names_are_looked_up_in_the_requested_family),
		names_test(a_listener_can_have_a_name),
		names_test(an_unresponsive_first_address_costs_250_ms),
		names_test(
			families_alternate_and_a_failure_starts_the_next_address),
		names_test(all_attempts_in_progress_end_at_the_timeout),
		names_test(a_connector_may_be_freed_in_the_attempt_callback),
		names_test(
			a_loop_in_the_attempt_callback_reports_the_failure_once),
	};

	return run_tests(tests);
}

/*
 * Connect timeouts that the loop notices late, after a long handler or because
 * the process was stopped: what the kernel knows by then counts.
 */
/* backends: all */
#include "tests/support/reaching.h"
#include "tests/support/resolver.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

/* `port': a number, or the name of a service. */
static struct socle_factory *
reach_service(const char *name, const char *port, double timeout)
{
	return make((struct socle_factory_params){.remote_address = name,
		.remote_port = port,
		.attempt = record_attempt,
		.connect_timeout = timeout});
}

static struct socle_factory *
reach_name(const char *name, int port, double timeout)
{
	return reach_service(name, port_text(port), timeout);
}

static int
port_served(void)
{
	return atoi(port_of(server));
}

/* A handler that takes longer than any timeout of these tests. */
static void
block(void *arg)
{
	(void)arg;
	seam_time_add(5);
}

static void
a_connection_made_during_a_long_handler_counts(void **state)
{
	struct probe *p;

	(void)state;
	serve();
	seam_time_virtual();
	p = reach_at(where, 1);
	assert_int_equal(0, socle_defer(block, NULL));
	turn_until_count(&p->writes, 1);
	assert_int_equal(0, p->errs);
	reach_name("127.0.0.1", port_served(), 1);
	assert_int_equal(0, socle_defer(block, NULL));
	turn_until_count(&recorded.attempts, 1);
	turn(2);
	assert_int_equal(0, recorded.failures);
	assert_notes("w 4:0");
	socle_close(&p->sock, NULL);
}

static int (*real_getsockopt)(
	int fd, int level, int option, void *value, socklen_t *len);

static int
refused(int fd, int level, int option, void *value, socklen_t *len)
{
	if (level != SOL_SOCKET || option != SO_ERROR)
		return real_getsockopt(fd, level, option, value, len);
	memcpy(value, &(int){ECONNREFUSED}, sizeof(int));
	return 0;
}

/* Of an attempt that hung until then, so that connect(2) did not return it. */
static void
a_refusal_that_is_seen_only_at_the_deadline_is_reported_as_such(void **state)
{
	(void)state;
	seam_time_virtual();
	reach_name("127.0.0.1", full_listener(AF_INET), 1);
	turn(1);
	real_getsockopt = socle__seam.getsockopt;
	socle__seam.getsockopt = refused;
	seam_time_add(5);
	turn(2);
	socle__seam.getsockopt = real_getsockopt;
	assert_int_equal(1, recorded.failures);
	assert_string_equal("connect", recorded.why.operation);
	assert_int_equal(-ECONNREFUSED, recorded.why.err);
	assert_notes("4:111");
}

/* The write timeout runs while the object connects. */
static void
a_connection_made_in_time_ends_a_stall(void **state)
{
	struct probe *p;

	(void)state;
	serve();
	seam_time_virtual();
	p = reach_at(where, 100);
	assert_int_equal(0, socle_set_write_timeout(&p->sock, 1));
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	assert_int_equal(0, socle_defer(block, NULL));
	turn_until_count(&p->writes, 1);
	assert_int_equal(0, p->timeouts);
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	socle_close(&p->sock, NULL);
}

static void
time_before_the_loops_first_tick_does_not_count(void **state)
{
	struct probe *p;

	(void)state;
	serve();
	seam_time_virtual();
	p = reach_at(where, 1);
	reach_name("127.0.0.1", port_served(), 1);
	seam_time_add(5);
	turn_until_count(&p->writes, 1);
	turn_until_count(&recorded.attempts, 1);
	assert_int_equal(0, p->errs + recorded.failures);
	socle_close(&p->sock, NULL);
}

/* A lookup that ends after the first tick, whatever the machine does. */
static void
lookup_ends(void)
{
	turn(1);
	resolver_wait_started(1);
	resolver_release_all();
	resolver_wait_idle();
}

static void
addresses_not_tried_in_time_are_tried_late(void **state)
{
	(void)state;
	serve();
	resolver_set_answer("127.0.0.2 127.0.0.3 127.0.0.4 127.0.0.1");
	seam_time_virtual();
	resolver_hold();
	reach_name("a.name", port_served(), 1);
	lookup_ends();
	seam_time_add(5);
	turn_until_count(&recorded.successes, 2); /* and the server's */
	assert_int_equal(0, recorded.failures);
	assert_notes("4:111 4:111 4:111 4:0");
}

static void
an_address_that_hangs_does_not_hide_a_good_one(void **state)
{
	char answer[64];

	(void)state;
	serve();
	snprintf(answer, sizeof(answer), "127.0.0.1:%d 127.0.0.1:%d",
		full_listener(AF_INET), port_served());
	resolver_set_answer(answer);
	seam_time_virtual();
	resolver_hold();
	reach_service("a.name", "a.service", 1);
	lookup_ends();
	turn(1); /* the first attempt */
	seam_time_add(5);
	turn_until_count(&recorded.successes, 2); /* and the server's */
	turn(2);
	assert_int_equal(0, recorded.failures);
	assert_notes("4:125 4:0");
}

static void
the_answer_of_a_lookup_that_ended_in_time_is_used(void **state)
{
	(void)state;
	serve();
	resolver_set_answer("127.0.0.1");
	seam_time_virtual();
	resolver_hold();
	reach_name("a.name", port_served(), 1);
	lookup_ends();
	seam_time_add(5);
	turn_until_count(&recorded.attempts, 1);
	turn(2);
	assert_int_equal(0, recorded.failures);
	assert_notes("4:0");
}

static void
a_lookup_that_has_not_ended_times_out(void **state)
{
	(void)state;
	seam_time_virtual();
	resolver_hold();
	reach_name("a.name", 80, 1);
	turn(1);
	resolver_wait_started(1);
	seam_time_add(5);
	turn_until_count(&recorded.failures, 1);
	assert_string_equal("connect", recorded.why.operation);
	assert_int_equal(-ETIMEDOUT, recorded.why.err);
	assert_int_equal(0, recorded.attempts);
	resolver_release_all();
}

/* The first answer came in time, and the second name is asked for too late. */
static void
a_second_lookup_after_the_timeout_is_not_waited_for(void **state)
{
	struct socle_factory *f;

	(void)state;
	resolver_set_answer("127.0.0.1");
	seam_time_virtual();
	resolver_hold();
	f = make((struct socle_factory_params){.bind_address = "own.name",
		.remote_address = "a.name",
		.remote_port = "80",
		.connect_timeout = 1});
	turn(1);
	resolver_wait_started(1);
	resolver_release(1);
	resolver_wait_idle();
	seam_time_add(5);
	assert_fails(f, "connect", -ETIMEDOUT);
	assert_int_equal(1, recorded.failures);
	resolver_release_all();
}

static void
stop_and_continue(void *arg)
{
	pid_t self = getpid(), child = fork();

	(void)arg;
	if (child == 0) {
		struct pollfd none = {.fd = -1};

		for (int i = 0; i < 2; i++) {
			(void)poll(&none, 0, i == 0 ? 20 : 150);
			kill(self, i == 0 ? SIGSTOP : SIGCONT);
		}
		_exit(0);
	}
	while (waitpid(child, NULL, 0) < 0)
		;
}

static void
a_process_that_was_stopped_has_its_connections(void **state)
{
	struct probe *p;

	(void)state;
	serve();
	p = reach_at(where, 0.1);
	assert_int_equal(0, socle_defer(stop_and_continue, NULL));
	turn_until_count(&p->writes, 1);
	assert_int_equal(0, p->errs);
	socle_close(&p->sock, NULL);
}

static void
free_the_factory(struct socle_factory *f)
{
	socle_factory_free(f);
}

static void
a_late_connector_may_be_freed_in_its_attempt_callback(void **state)
{
	(void)state;
	serve();
	resolver_set_answer("127.0.0.2 127.0.0.3");
	seam_time_virtual();
	resolver_hold();
	reach_name("a.name", port_served(), 1);
	lookup_ends();
	recorded.on_attempt = free_the_factory;
	seam_time_add(5);
	turn_until_count(&recorded.attempts, 1);
	turn(3);
	assert_int_equal(1, recorded.attempts);
	assert_int_equal(0, recorded.failures);
}

/* The one that failed was the last, and another may still succeed. */
static void
a_refused_address_does_not_end_an_attempt_that_hangs(void **state)
{
	char answer[64];
	int port, fd = refusing(AF_INET, &port);

	(void)state;
	snprintf(answer, sizeof(answer), "127.0.0.1:%d 127.0.0.1:%d",
		full_listener(AF_INET), port);
	resolver_set_answer(answer);
	seam_time_virtual();
	resolver_hold();
	reach_service("a.name", "a.service", 10);
	lookup_ends();
	turn(1); /* the first attempt */
	seam_time_add(1);
	turn_until_count(&recorded.attempts, 1);
	turn(3);
	assert_int_equal(0, recorded.failures);
	assert_notes("4:111");
	seam_time_add(20);
	turn_until_count(&recorded.failures, 1);
	assert_int_equal(-ETIMEDOUT, recorded.why.err);
	notes_clear();
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		making_test(a_connection_made_during_a_long_handler_counts),
		making_test(
			a_refusal_that_is_seen_only_at_the_deadline_is_reported_as_such),
		making_test(a_connection_made_in_time_ends_a_stall),
		making_test(time_before_the_loops_first_tick_does_not_count),
		names_test(addresses_not_tried_in_time_are_tried_late),
		names_test(an_address_that_hangs_does_not_hide_a_good_one),
		names_test(the_answer_of_a_lookup_that_ended_in_time_is_used),
		names_test(a_lookup_that_has_not_ended_times_out),
		names_test(a_second_lookup_after_the_timeout_is_not_waited_for),
		making_test(a_process_that_was_stopped_has_its_connections),
		names_test(
			a_late_connector_may_be_freed_in_its_attempt_callback),
		names_test(
			a_refused_address_does_not_end_an_attempt_that_hangs),
	};

	return run_tests(tests);
}

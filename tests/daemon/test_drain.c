/* Draining: a loop that ends when its last object has gone. */
/* backends: all */
#include "tests/support/cells.h"
#include "tests/support/forking.h"
#include "tests/support/full_unix.h"
#include "tests/support/managing.h"

#include "reactor/map.h"

#include <math.h>
#include <stdio.h>

static int ends[2], other_ends[2];
static int asked;
static double began;

static void
virtual_time(void)
{
	seam_time_virtual();
	began = seam_time();
}

static void
assert_passed(double least, double most)
{
	double passed = seam_time() - began;

	if (passed < least || passed > most)
		fail_msg("%f s passed", passed);
}

static void
ask(void *arg)
{
	(void)arg;
	asked++;
}

static int
drain_setup(void **state)
{
	asked = 0;
	return managing_setup(state);
}
#define drain_test(name)                                                       \
	cmocka_unit_test_setup_teardown(name, drain_setup, managing_teardown)

static const char *
manager_name(void)
{
	static char name[64];

	snprintf(name, sizeof(name), "/tmp/socle-test-drain.%ld",
		(long)getpid());
	return name;
}

static struct probe *
object(int fds[2], const char *tag)
{
	struct probe *p;

	pair_unix(fds);
	p = probe_new(fds[0], tag);
	socle_watch_read(&p->sock, true);
	return p;
}

static void
close_it(void *arg)
{
	struct probe *p = arg;

	asked++;
	socle_close(&p->sock, "drained");
}

/* ---- the end ---- */

/* A wait without a limit fails in virtual time. */
static void
without_objects_the_loop_ends_at_once(void **state)
{
	(void)state;
	virtual_time();
	assert_false(socle_draining());
	assert_int_equal(0, socle_drain(INFINITY, ask, NULL));
	assert_true(socle_draining());
	assert_int_equal(1, asked);
	assert_int_equal(0, socle_event_loop());
	assert_passed(0, 1);
	assert_int_equal(0, socle_event_loop());
}

static void
the_loop_ends_with_its_last_object(void **state)
{
	struct probe *a = object(ends, "a"), *b = object(other_ends, "b");

	(void)state;
	virtual_time();
	assert_int_equal(0, socle_drain(60, close_it, a));
	assert_true(socle_add_timer(10, close_it, b) != 0);
	assert_int_equal(0, socle_event_loop());
	assert_passed(10, 11);
	assert_int_equal(0, socle_watched_sockets());
	close(ends[1]);
	close(other_ends[1]);
}

static struct probe *last;

/* The last object goes here, and then the drain starts. */
static void
go_and_drain(void *arg)
{
	(void)arg;
	if (last)
		socle_close(&last->sock, NULL);
	last = NULL;
	assert_int_equal(0, socle_drain(INFINITY, ask, NULL));
}

static bool
drain_in_post_loop(void *arg)
{
	go_and_drain(arg);
	socle_set_post_loop_callback(NULL, NULL);
	return true;
}

static void
drain_in_read(struct probe *p)
{
	last = p;
	go_and_drain(NULL);
}

static void
drain_in_close(struct probe *p, const char *reason)
{
	(void)p;
	(void)reason;
	assert_int_equal(0, socle_drain(INFINITY, ask, NULL));
}

static void
start_in_deferred(void)
{
	assert_int_equal(0, socle_defer(go_and_drain, NULL));
}

static void
start_in_timer(void)
{
	assert_true(socle_add_timer(1, go_and_drain, NULL) != 0);
}

static void
start_in_post_loop(void)
{
	socle_set_post_loop_callback(drain_in_post_loop, NULL);
	start_in_deferred();
}

static void
start_in_read(void)
{
	last->on_read = drain_in_read;
	send_all(ends[1], "x", 1);
}

static void
start_in_close(void)
{
	last->on_close = drain_in_close;
	socle_close(&last->sock, NULL);
}

static void
start_outside(void)
{
	go_and_drain(NULL);
}

static void
it_starts_anywhere_and_with_the_object_closed_but_not_reaped(void **state)
{
	static void (*const starts[])(void) = {start_in_deferred,
		start_in_timer, start_in_post_loop, start_in_read,
		start_in_close, start_outside};

	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		virtual_time();
		asked = 0;
		last = object(ends, NULL);
		starts[i]();
		assert_int_equal(0, socle_event_loop());
		assert_int_equal(1, asked);
		assert_int_equal(0, socle_watched_sockets());
		close(ends[1]);
		socle_reset();
	}
}

static void
drain_in_nested(void *arg)
{
	struct probe *p = arg;

	assert_int_equal(0, socle_drain(INFINITY, close_it, p));
	assert_int_equal(0, socle_event_loop());
	note("nested");
}

static void
a_nested_loop_ends_and_so_does_the_outer_one(void **state)
{
	(void)state;
	virtual_time();
	assert_int_equal(0, socle_defer(drain_in_nested, object(ends, "a")));
	assert_int_equal(0, socle_event_loop());
	assert_notes("a:close(drained) nested a:destroy");
	close(ends[1]);
}

/* ---- the deadline ---- */

static void
a_drain_ends_at_its_deadline(void **state)
{
	(void)state;
	virtual_time();
	object(ends, NULL);
	assert_int_equal(0, socle_drain(5, NULL, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_passed(5, 5.1);
	assert_int_equal(1, socle_watched_sockets());
	close(ends[1]);
}

static void
a_second_call_makes_the_deadline_earlier_only(void **state)
{
	(void)state;
	virtual_time();
	object(ends, NULL);
	assert_int_equal(0, socle_drain(INFINITY, ask, NULL));
	assert_int_equal(0, socle_drain(5, ask, NULL));
	assert_int_equal(0, socle_drain(50, ask, NULL));
	assert_int_equal(1, asked);
	assert_int_equal(0, socle_event_loop());
	assert_passed(5, 5.1);
	close(ends[1]);
}

static void
a_time_that_is_none_is_0(void **state)
{
	(void)state;
	virtual_time();
	object(ends, NULL);
	assert_int_equal(0, socle_drain(NAN, NULL, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_passed(0, 0.1);
	close(ends[1]);
}

static void
a_drain_does_not_spin(void **state)
{
	(void)state;
	virtual_time();
	object(ends, NULL);
	assert_int_equal(0, socle_drain(60, NULL, NULL));
	ten_seconds_pass(4);
	close(ends[1]);
}

/* ---- what it ends, and what it leaves ---- */

static void
failed(struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)f;
	(void)why;
	(void)arg;
}

static void
connected(struct socle_factory *f, int fd, const struct socle_addr *peer,
	void *arg)
{
	(void)f;
	(void)peer;
	*(bool *)arg = true;
	close(fd);
}

static void
listeners_are_freed_and_connectors_are_not(void **state)
{
	struct socle_factory_params p = {.remote_address = "127.0.0.1",
		.success = connected,
		.failure = failed};
	struct socle_factory *f, *second;
	struct socle_addr a[2];
	bool is_connected = false;
	int port, fd = tcp_listener(&port);
	char text[16];

	(void)state;
	listen_at("127.0.0.1:0");
	assert_int_equal(
		0, socle_listen("127.0.0.1:0", &client_class, &second));
	assert_int_equal(0, socle_factory_getsockname(factory, &a[0]));
	assert_int_equal(0, socle_factory_getsockname(second, &a[1]));
	socle_pause_accept(factory);
	snprintf(text, sizeof(text), "%d", port);
	p.remote_port = text;
	p.arg = &is_connected;
	assert_int_equal(0, socle_factory_new(&p, &f));
	assert_int_equal(0, socle_drain(60, NULL, NULL));
	turn(1);
	for (int i = 0; i < 2; i++) {
		int c = socket(AF_INET, SOCK_STREAM, 0);

		assert_int_equal(-1, connect(c, &a[i].u.sa, a[i].len));
		assert_int_equal(ECONNREFUSED, errno);
		close(c);
	}
	turn_until(&is_connected);
	socle_factory_free(f);
	close(fd);
}

static void
a_connecting_object_is_waited_for(void **state)
{
	struct socle_socket *s;
	struct full_unix u;
	char where[64];

	(void)state;
	snprintf(where, sizeof(where), "unix:drain.%ld", (long)getpid());
	full_unix_begin(&u, where + strlen("unix:"));
	assert_int_equal(0, socle_connect(where, &probe_class, 0, &s));
	assert_int_equal(0, socle_drain(60, NULL, NULL));
	turn(3);
	full_unix_make_room(&u);
	turn_until_count(&probe_of(s)->writes, 1);
	socle_close(s, "connected");
	assert_int_equal(0, socle_event_loop_once(0));
	full_unix_end(&u, where + strlen("unix:"));
}

static void
the_librarys_own_objects_are_not_waited_for(void **state)
{
	(void)state;
	virtual_time();
	socle__descriptor_hide(&object(ends, NULL)->sock.d);
	assert_int_equal(0, socle_drain(INFINITY, NULL, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_int_equal(0, socle_watched_sockets());
	close(ends[1]);
}

static void
the_watchdog_is_not_waited_for(void **state)
{
	(void)state;
	virtual_time();
	manager_open(manager_name());
	setenv("WATCHDOG_USEC", "1000000", 1);
	assert_int_equal(1, socle_service_watchdog());
	assert_int_equal(0, socle_drain(INFINITY, NULL, NULL));
	assert_int_equal(0, socle_event_loop());
	assert_passed(0, 0.1);
}

static void
the_manager_hears_once_that_the_program_stops(void **state)
{
	(void)state;
	manager_open(manager_name());
	assert_int_equal(0, socle_drain(60, NULL, NULL));
	assert_int_equal(0, socle_drain(60, NULL, NULL));
	assert_string_equal("STOPPING=1", heard());
	assert_string_equal("", heard());
}

static bool
post_loop(void *arg)
{
	++*(int *)arg;
	return true;
}

static void
the_applications_post_loop_callback_stays(void **state)
{
	int calls = 0;

	(void)state;
	object(ends, NULL);
	socle_set_post_loop_callback(post_loop, &calls);
	assert_int_equal(0, socle_drain(60, NULL, NULL));
	turn(3);
	assert_int_equal(3, calls);
	socle_set_post_loop_callback(NULL, NULL);
	turn(2);
	assert_int_equal(3, calls);
	close(ends[1]);
}

static void
a_reset_ends_a_drain(void **state)
{
	(void)state;
	virtual_time();
	assert_int_equal(0, socle_drain(3, NULL, NULL));
	socle_reset();
	assert_false(socle_draining());
	object(ends, NULL);
	ten_seconds_pass(3);
	close(ends[1]);
}

static void
reset(void *arg)
{
	(void)arg;
	socle_reset();
}

static void
the_application_may_reset_when_it_is_asked(void **state)
{
	(void)state;
	object(ends, NULL);
	assert_int_equal(0, socle_drain(3, reset, NULL));
	assert_false(socle_draining());
	close(ends[1]);
}

static int
drain_in_child(struct probe *p)
{
	(void)p;
	CHECK(socle_drain(60, NULL, NULL) == -ECHILD);
	CHECK(socle_after_fork() == 0);
	CHECK(socle_drain(60, close_it, p) == 0);
	CHECK(socle_event_loop() == 0);
	return 0;
}

static void
a_forked_child_drains_alone(void **state)
{
	struct probe *p = object(ends, NULL);

	(void)state;
	turn(1);
	child_run(drain_in_child, p);
	assert_false(socle_draining());
	assert_serves(p, ends[1]);
	close(ends[1]);
}

static void
without_memory_nothing_has_started(void **state)
{
	(void)state;
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_drain(60, ask, NULL));
	assert_false(socle_draining());
	assert_int_equal(0, asked);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		drain_test(without_objects_the_loop_ends_at_once),
		drain_test(the_loop_ends_with_its_last_object),
		drain_test(
			it_starts_anywhere_and_with_the_object_closed_but_not_reaped),
		drain_test(a_nested_loop_ends_and_so_does_the_outer_one),
		drain_test(a_drain_ends_at_its_deadline),
		drain_test(a_second_call_makes_the_deadline_earlier_only),
		drain_test(a_time_that_is_none_is_0),
		drain_test(a_drain_does_not_spin),
		drain_test(listeners_are_freed_and_connectors_are_not),
		drain_test(a_connecting_object_is_waited_for),
		drain_test(the_librarys_own_objects_are_not_waited_for),
		drain_test(the_watchdog_is_not_waited_for),
		drain_test(the_manager_hears_once_that_the_program_stops),
		drain_test(the_applications_post_loop_callback_stays),
		drain_test(a_reset_ends_a_drain),
		drain_test(the_application_may_reset_when_it_is_asked),
		drain_test(a_forked_child_drains_alone),
		drain_test(without_memory_nothing_has_started),
	};

	return run_tests(tests);
}

/* What a service manager hears. */
/* backends: all */
#include "tests/support/forking.h"
#include "tests/support/managing.h"

#include <stdio.h>
#include <stdlib.h>

#define MANAGER "/tmp/socle-test-manager"

static void
hears(const char *text)
{
	assert_string_equal(text, heard());
}

/* ---- the manager's socket ---- */

static void
without_a_manager_nothing_is_sent(void **state)
{
	(void)state;
	assert_int_equal(0, socle_service_notify("READY=1"));
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(0, socle_service_ready());
	assert_int_equal(0, seam_count(CALL_socket));
}

static void
a_manager_is_found_by_a_path(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), MANAGER ".%ld", (long)getpid());
	manager_open(name);
	assert_int_equal(1, socle_service_notify("READY=1\nX=2"));
	hears("READY=1\nX=2");
	hears("");
}

/* A backslash is no escape there, unlike in an address of this library. */
static void
a_manager_is_found_by_an_abstract_name(void **state)
{
	char name[64];

	(void)state;
	skip_without_abstract();
	snprintf(name, sizeof(name), "@socle-test.%ld", (long)getpid());
	manager_open(name);
	assert_int_equal(1, socle_service_notify("READY=1"));
	hears("READY=1");
}

static void
names_that_no_manager_has_are_refused(void **state)
{
	char name[200] = "/";

	(void)state;
	memset(name + 1, 'x', 107);
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(-ENAMETOOLONG, socle_service_notify("READY=1"));
	memset(name + 1, 'x', sizeof(name) - 2);
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(-ENAMETOOLONG, socle_service_notify("READY=1"));
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(-EINVAL, socle_service_notify("READY=1"));
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	assert_int_equal(-EINVAL, socle_service_notify("READY=1"));
	setenv("NOTIFY_SOCKET", MANAGER ".nobody", 1);
	assert_int_equal(-ENOENT, socle_service_notify("READY=1"));
}

static void
manager(void)
{
	char name[64];

	snprintf(name, sizeof(name), MANAGER ".%ld", (long)getpid());
	manager_open(name);
}

/* ---- failures ---- */

static void
each_failing_call_is_reported(void **state)
{
	(void)state;
	manager();
	seam_fail(CALL_socket, 1, EMFILE, 1);
	assert_int_equal(-EMFILE, socle_service_ready());
	seam_fail(CALL_sendmsg, 1, ECONNREFUSED, 1);
	assert_int_equal(-ECONNREFUSED, socle_service_ready());
	seam_fail(CALL_sendmsg, 1, ENOBUFS, 1);
	assert_int_equal(-ENOBUFS, socle_service_ready());
	seam_fail(CALL_sendmsg, 1, EINTR, 3);
	assert_int_equal(1, socle_service_ready());
	hears("READY=1");
	hears("");
}

/* Then it would wait without limit. */
static void
without_its_timeout_a_send_does_not_wait(void **state)
{
	(void)state;
	manager();
	while (socle_service_status("busy") == 1)
		;
	seam_fail(CALL_setsockopt, 1, EINVAL, 1);
	assert_true(socle_service_ready() < 0);
}

static void
a_status_does_not_wait_for_a_manager_that_does_not_read(void **state)
{
	int result;

	(void)state;
	manager();
	while ((result = socle_service_status("busy")) == 1)
		;
	assert_true(result == -EAGAIN || result == -ENOBUFS);
	hears("STATUS=busy");
	assert_int_equal(1, socle_service_status("again"));
}

/* ---- states ---- */

static void
the_states_of_a_program_have_functions(void **state)
{
	long long usec;

	(void)state;
	manager();
	assert_int_equal(1, socle_service_ready());
	hears("READY=1");
	assert_int_equal(1, socle_service_reloading());
	assert_int_equal(
		1, sscanf(heard(), "RELOADING=1\nMONOTONIC_USEC=%lld", &usec));
	assert_true(usec > 0);
	assert_int_equal(1, socle_service_stopping());
	hears("STOPPING=1");
}

static void
a_status_is_one_line_whatever_is_in_it(void **state)
{
	char text[2000];

	(void)state;
	manager();
	assert_int_equal(1,
		socle_service_status("%d clients of %s", 7, "a\nMAINPID=1\n"));
	hears("STATUS=7 clients of a MAINPID=1 ");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(1, socle_service_status("%s", text));
	assert_int_equal(strlen("STATUS=") + 1000, strlen(heard()));
}

/* ---- fds ---- */

static void
the_manager_keeps_fds_by_name(void **state)
{
	int fds[2], kept;
	const char *text;

	(void)state;
	manager();
	pair_unix(fds);
	assert_int_equal(1, socle_service_store(fds[0], "state"));
	text = heard_with(&kept);
	assert_string_equal("FDSTORE=1\nFDNAME=state", text);
	close(fds[0]);
	send_all(kept, "x", 1);
	assert_int_equal(1, drain_fd(fds[1], (char[8]){0}, 8));
	close(kept);
	close(fds[1]);
	assert_int_equal(1, socle_service_unstore("state"));
	hears("FDSTOREREMOVE=1\nFDNAME=state");
}

static void
names_that_a_manager_refuses_are_refused(void **state)
{
	char name[300];

	(void)state;
	manager();
	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	assert_int_equal(-EINVAL, socle_service_store(0, name));
	assert_int_equal(-EINVAL, socle_service_store(0, ""));
	assert_int_equal(-EINVAL, socle_service_store(0, "a:b"));
	assert_int_equal(-EINVAL, socle_service_unstore("a\nb"));
	assert_int_equal(-EINVAL, socle_service_unstore("\xc3\xa9"));
	assert_int_equal(-EBADF, socle_service_store(-1, "a"));
	assert_int_equal(-EBADF, socle_service_store(9999, "a"));
	name[255] = '\0';
	assert_int_equal(1, socle_service_unstore(name));
}

/* ---- the watchdog ---- */

static void
watchdog(const char *usec, const char *pid)
{
	setenv("WATCHDOG_USEC", usec, 1);
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
	else
		unsetenv("WATCHDOG_PID");
}

static const char *
own_pid(void)
{
	static char text[32];

	snprintf(text, sizeof(text), "%ld", (long)getpid());
	return text;
}

static void
the_loop_says_that_it_lives_each_half_of_the_time(void **state)
{
	(void)state;
	seam_time_virtual();
	manager();
	watchdog("4000000", own_pid());
	assert_int_equal(1, socle_service_watchdog());
	assert_int_equal(1, socle_service_watchdog());
	hears("");
	for (int i = 0; i < 3; i++) {
		seam_time_add(1.99);
		turn(2);
		hears("");
		seam_time_add(0.02);
		turn(2);
		hears("WATCHDOG=1");
		hears("");
	}
}

static void
wait_for_seconds(void *arg)
{
	(void)arg;
	seam_time_add(60);
	hears("");
}

static void
a_handler_that_hangs_stops_the_signs_of_life(void **state)
{
	(void)state;
	seam_time_virtual();
	manager();
	watchdog("4000000", NULL);
	assert_int_equal(1, socle_service_watchdog());
	assert_int_equal(0, socle_defer(wait_for_seconds, NULL));
	assert_int_equal(1, socle_event_loop_once(0));
	assert_int_equal(1, socle_event_loop_once(0));
	hears("WATCHDOG=1");
	hears("");
}

static void
signs_that_nobody_wants_are_not_sent(void **state)
{
	(void)state;
	assert_int_equal(0, socle_service_watchdog());
	watchdog("4000000", own_pid());
	assert_int_equal(0, socle_service_watchdog());
	manager();
	watchdog("4000000", "1");
	assert_int_equal(0, socle_service_watchdog());
	unsetenv("WATCHDOG_USEC");
	assert_int_equal(0, socle_service_watchdog());
}

static void
malformed_times_are_refused(void **state)
{
	static const char *const times[] = {
		"", "0", "-1", "1s", "18446744073709551615", "1e6"};

	(void)state;
	manager();
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		watchdog(times[i], own_pid());
		assert_int_equal(-EINVAL, socle_service_watchdog());
	}
	watchdog("4000000", "me");
	assert_int_equal(-EINVAL, socle_service_watchdog());
	watchdog("9223372036854775", own_pid());
	assert_int_equal(1, socle_service_watchdog());
}

static void
the_next_sign_comes_when_one_could_not_be_sent(void **state)
{
	(void)state;
	seam_time_virtual();
	manager();
	watchdog("4000000", NULL);
	assert_int_equal(1, socle_service_watchdog());
	seam_fail(CALL_sendmsg, 1, EAGAIN, 1);
	while (*heard() == '\0')
		assert_int_equal(1, socle_event_loop_once(-1));
	assert_int_equal(2, seam_count(CALL_sendmsg));
}

static int
pass_time(struct probe *p)
{
	(void)p;
	CHECK(socle_after_fork() == 0);
	for (int i = 0; i < 10; i++) {
		seam_time_add(2);
		CHECK(socle_event_loop_once(0) == 1);
	}
	return 0;
}

static void
a_forked_child_gives_no_sign_for_its_parent(void **state)
{
	(void)state;
	seam_time_virtual();
	manager();
	watchdog("4000000", NULL);
	assert_int_equal(1, socle_service_watchdog());
	child_run(pass_time, NULL);
	hears("");
	seam_time_add(2.1);
	turn(1);
	hears("WATCHDOG=1");
}

static void
a_reset_ends_the_signs_of_life(void **state)
{
	(void)state;
	seam_time_virtual();
	manager();
	watchdog("4000000", NULL);
	assert_int_equal(1, socle_service_watchdog());
	socle_reset();
	seam_time_add(60);
	turn(2);
	hears("");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		managed_test(without_a_manager_nothing_is_sent),
		managed_test(a_manager_is_found_by_a_path),
		managed_test(a_manager_is_found_by_an_abstract_name),
		managed_test(names_that_no_manager_has_are_refused),
		managed_test(each_failing_call_is_reported),
		managed_test(without_its_timeout_a_send_does_not_wait),
		managed_test(
			a_status_does_not_wait_for_a_manager_that_does_not_read),
		managed_test(the_states_of_a_program_have_functions),
		managed_test(a_status_is_one_line_whatever_is_in_it),
		managed_test(the_manager_keeps_fds_by_name),
		managed_test(names_that_a_manager_refuses_are_refused),
		managed_test(the_loop_says_that_it_lives_each_half_of_the_time),
		managed_test(a_handler_that_hangs_stops_the_signs_of_life),
		managed_test(signs_that_nobody_wants_are_not_sent),
		managed_test(malformed_times_are_refused),
		managed_test(the_next_sign_comes_when_one_could_not_be_sent),
		managed_test(a_forked_child_gives_no_sign_for_its_parent),
		managed_test(a_reset_ends_the_signs_of_life),
	};

	return run_tests(tests);
}

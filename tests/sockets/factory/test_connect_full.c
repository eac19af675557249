/*
 * Connecting to a unix listener whose backlog is full.  Linux' connect(2) says
 * EAGAIN; on other systems it is ECONNREFUSED, as without a listener.
 */
/* backends: all */
#include "tests/support/full_unix.h"
#include "tests/support/making.h"

#include <stdio.h>
#include <sys/un.h>

static struct full_unix full;

static int
refused_setup(void **state)
{
	full_unix_is_refused();
	return making_setup(state);
}

static int
refused_teardown(void **state)
{
	full_unix_is_as_here();
	return making_teardown(state);
}

#define refused_test(name)                                                     \
	cmocka_unit_test_setup_teardown(name, refused_setup, refused_teardown)

static struct probe *
connect_to(const char *path, double timeout)
{
	struct socle_socket *s;
	char where[160];

	snprintf(where, sizeof(where), "unix:%s", path);
	assert_int_equal(0, socle_connect(where, &probe_class, timeout, &s));
	return probe_of(s);
}

static struct socle_factory *
reach_path(const char *path, double timeout)
{
	return make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.remote_address = path,
		.connect_timeout = timeout});
}

/* ---- as elsewhere ---- */

static void
a_full_backlog_that_refuses_is_retried_until_there_is_room(void **state)
{
	const char *path = in_dir("s");
	struct probe *p;

	(void)state;
	full_unix_begin(&full, path);
	seam_time_virtual();
	p = connect_to(path, 0);
	pass_time(1);
	assert_notes("");
	full_unix_make_room(&full);
	pass_time(0.1);
	assert_notes("w");
	socle_close(&p->sock, NULL);
	turn(1);
	notes_clear();
	full_unix_end(&full, path);
}

static void
a_factory_retries_a_full_backlog_that_refuses(void **state)
{
	const char *path = in_dir("s");

	(void)state;
	full_unix_begin(&full, path);
	seam_time_virtual();
	reach_path(path, 0);
	pass_time(1);
	assert_int_equal(0, recorded.successes + recorded.failures);
	full_unix_make_room(&full);
	pass_time(0.1);
	assert_int_equal(1, recorded.successes);
	full_unix_end(&full, path);
}

static void
a_full_backlog_that_refuses_times_out(void **state)
{
	const char *path = in_dir("s");

	(void)state;
	full_unix_begin(&full, path);
	seam_time_virtual();
	reach_path(path, 0.5);
	pass_time(0.6);
	assert_int_equal(1, recorded.failures);
	assert_int_equal(-ETIMEDOUT, recorded.why.err);
	full_unix_end(&full, path);
}

static void
a_path_that_nobody_has_bound_is_refused_at_once(void **state)
{
	const char *path = in_dir("s");
	bool gone = false;

	(void)state;
	full_unix_begin(&full, path);
	while (full.n > 0)
		close(full.waiting[--full.n]);
	close(full.fd);
	assert_true(is_there(path));
	assert_fails(reach_path(path, 0), "connect", -ECONNREFUSED);
	connect_to(path, 0)->destroyed = &gone;
	turn_until(&gone);
	assert_notes("e-ECONNREFUSED close(event_err) destroy");
	unlink(path);
}

static void
the_path_of_a_busy_server_is_not_taken(void **state)
{
	const char *path = in_dir("s");
	struct socle_factory *f;
	struct socle_dgram *d;
	char where[160];

	(void)state;
	full_unix_begin(&full, path);
	snprintf(where, sizeof(where), "unix:%s", path);
	assert_int_equal(-EADDRINUSE, socle_listen(where, &probe_class, &f));
	assert_int_equal(-EADDRINUSE,
		socle_dgram_open(where, true, &socle_dgram_class, NULL, &d));
	make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.bind_address = path,
		.unlink_stale = true,
		.accept_class = &probe_class,
		.accepted = record_accepted});
	turn(1);
	assert_int_equal(1, recorded.failures);
	assert_int_equal(-EADDRINUSE, recorded.why.err);
	full_unix_make_room(&full); /* it can still be reached */
	full_unix_end(&full, path);
}

/* ---- socle_io ---- */

static void
io_to(struct socle_io *io, const char *path, int expected)
{
	struct socle_addr a;

	assert_int_equal(0, socle_addr_parse(&a, path, 0));
	assert_int_equal(expected, socle_io_connect(io, &a));
}

static void
a_nonblocking_io_says_eagain(void **state)
{
	const char *path = in_dir("s");
	struct socle_io io;

	(void)state;
	full_unix_begin(&full, path);
	assert_int_equal(0,
		socle_io_open(&io,
			&(struct socle_io_params){
				.domain = AF_UNIX, .nonblocking = true}));
	io_to(&io, path, -EAGAIN);
	full_unix_make_room(&full);
	io_to(&io, path, 0);
	socle_io_close(&io);
	full_unix_end(&full, path);
}

static void
an_io_with_a_timeout_waits_for_room(void **state)
{
	const char *path = in_dir("s");
	struct socle_io io;

	(void)state;
	full_unix_begin(&full, path);
	seam_time_virtual();
	assert_int_equal(0,
		socle_io_open(&io,
			&(struct socle_io_params){
				.domain = AF_UNIX, .timeout = 1}));
	io_to(&io, path, -ETIMEDOUT);
	full_unix_make_room(&full);
	io_to(&io, path, 0);
	socle_io_close(&io);
	full_unix_end(&full, path);
}

static void
a_wait_for_room_that_fails_is_the_result_of_an_io(void **state)
{
	const char *path = in_dir("s");
	struct socle_io io;

	(void)state;
	full_unix_begin(&full, path);
	assert_int_equal(0,
		socle_io_open(&io,
			&(struct socle_io_params){
				.domain = AF_UNIX, .timeout = 1}));
	seam_fail(CALL_poll, 1, ENOMEM, 1);
	io_to(&io, path, -ENOMEM);
	assert_int_equal(1, seam_struck());
	full_unix_make_room(&full);
	io_to(&io, path, 0);
	socle_io_close(&io);
	full_unix_end(&full, path);
}

static int (*real_poll)(struct pollfd *, nfds_t, int);

static int
poll_and_make_room(struct pollfd *p, nfds_t n, int ms)
{
	socle__seam.poll = real_poll;
	full_unix_make_room(&full);
	return real_poll(p, n, ms);
}

static void
a_blocking_io_waits_for_room(void **state)
{
	const char *path = in_dir("s");
	struct socle_io io;

	(void)state;
	full_unix_begin(&full, path);
	assert_int_equal(0,
		socle_io_open(
			&io, &(struct socle_io_params){.domain = AF_UNIX}));
	real_poll = socle__seam.poll;
	socle__seam.poll = poll_and_make_room;
	io_to(&io, path, 0);
	assert_true(socle__seam.poll == real_poll);
	socle_io_close(&io);
	full_unix_end(&full, path);
}

/* ---- as on Linux ---- */

static void
where_eagain_says_full_a_refusal_is_an_error(void **state)
{
	const char *path = in_dir("s");

	(void)state;
	if (socle__seam.unix_full == ECONNREFUSED)
		skip_because("a full backlog is ECONNREFUSED here");
	full_unix_begin(&full, path);
	seam_fail(CALL_connect, 1, ECONNREFUSED, 1);
	assert_fails(reach_path(path, 0), "connect", -ECONNREFUSED);
	assert_int_equal(1, seam_count(CALL_connect));
	full_unix_end(&full, path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		refused_test(
			a_full_backlog_that_refuses_is_retried_until_there_is_room),
		refused_test(a_factory_retries_a_full_backlog_that_refuses),
		refused_test(a_full_backlog_that_refuses_times_out),
		refused_test(a_path_that_nobody_has_bound_is_refused_at_once),
		refused_test(the_path_of_a_busy_server_is_not_taken),
		refused_test(a_nonblocking_io_says_eagain),
		refused_test(an_io_with_a_timeout_waits_for_room),
		refused_test(a_wait_for_room_that_fails_is_the_result_of_an_io),
		refused_test(a_blocking_io_waits_for_room),
		making_test(where_eagain_says_full_a_refusal_is_an_error),
	};

	return run_tests(tests);
}

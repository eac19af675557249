/* What a thread may call before it has a loop, and without memory for one. */
/* backends: all */
#include "tests/support/fixture.h"

#include <sys/socket.h>

static void
a_thread_without_a_loop_has_nothing_to_report(void **state)
{
	(void)state;
	assert_int_equal(0, socle_watched_sockets());
	assert_int_equal(0, socle_to_close());
	socle_disable_profiling();
	socle_clear_other_fds();
	socle_stop();
	socle_reset();
	assert_int_equal(0, seam_system_calls());
}

static void
without_memory_for_a_loop_nothing_is_made(void **state)
{
	struct socle_socket s, *made = NULL;
	double before, now;
	int fds[2];

	(void)state;
	pair_unix(fds);
	seam_fail(CALL_calloc, 1, ENOMEM, -1);
	assert_int_equal(-ENOMEM, socle_socket_init(&s, &probe_class, fds[0]));
	assert_int_equal(
		-ENOMEM, socle_socket_new(&probe_class, fds[0], &made));
	assert_int_equal(
		-ENOMEM, socle_connect("127.0.0.1:1", &probe_class, 0, &made));
	assert_null(made);
	now = socle_now();
	seam_heal();
	before = socle_now();
	assert_true(now > 0 && now <= before && before - now < 60);
	assert_int_equal(1, send(fds[0], "x", 1, 0)); /* still open */
	close(fds[0]);
	close(fds[1]);
}

static void
init_refuses_what_new_refuses(void **state)
{
	struct socle_socket s;
	int fds[2];

	(void)state;
	pair_unix(fds);
	assert_int_equal(-EINVAL, socle_socket_init(&s, NULL, fds[0]));
	assert_int_equal(-EBADF, socle_socket_init(&s, &probe_class, -1));
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_thread_without_a_loop_has_nothing_to_report),
		test(without_memory_for_a_loop_nothing_is_made),
		test(init_refuses_what_new_refuses),
	};

	return run_tests(tests);
}

/* Listeners: errors of accept, shortages of fds and memory. */
/* backends: all */
#include "tests/support/listening.h"

#include <sys/resource.h>

/* ---- errors of accept ---- */

static void
errors_of_one_client_do_not_stop_the_listener(void **state)
{
	static const int errors[] = {EINTR, ECONNABORTED, EPROTO, EPERM,
		ENETDOWN, ENOPROTOOPT, EHOSTDOWN, EHOSTUNREACH, EOPNOTSUPP,
		ENETUNREACH, ENONET, ETIMEDOUT, ECONNRESET, EPROTONOSUPPORT,
		ESOCKTNOSUPPORT, EAGAIN};
	int fd;

	(void)state;
	listen_at("127.0.0.1:0");
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fd = client();
		seam_fail(CALL_accept4, 1, errors[i], 3);
		turn(5);
		assert_int_equal(i + 1, accepted);
		assert_served(fd);
		close(fd);
		turn(1);
	}
	assert_int_equal(0, messages);
}

static void
a_persistent_error_pauses_and_is_logged(void **state)
{
	int fd;

	(void)state;
	listen_at("127.0.0.1:0");
	fd = client();
	seam_count_reset();
	seam_fail(CALL_accept4, 1, EINVAL, 1);
	turn(5);
	assert_int_equal(0, accepted);
	assert_int_equal(1, seam_count(CALL_accept4));
	assert_int_equal(1, messages);
	assert_non_null(strstr(last_message, strerror(EINVAL)));
	socle_resume_accept(factory);
	turn_until_count(&accepted, 1);
	close(fd);
}

/* ---- shortages ---- */

static void
time_is_up(struct socle_timer *t)
{
	(void)t;
}

static bool
is_finished(void *timer)
{
	return !socle_timer_pending(timer);
}

static void
pass_time(double seconds)
{
	struct socle_timer t;

	socle_timer_init(&t, time_is_up);
	assert_int_equal(0, socle_timer_start(&t, seconds));
	assert_int_equal(1, socle_run_until(is_finished, &t));
}

/* case 134 */
static void
a_shortage_of_fds_neither_spins_nor_floods_the_log(void **state)
{
	static const int errors[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM};
	int fd;

	(void)state;
	skip_where_accept_loses_the_client();
	listen_at("127.0.0.1:0");
	seam_time_virtual();
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		messages = 0;
		fd = client();
		seam_count_reset();
		seam_fail(CALL_accept4, 1, errors[i], -1);
		turn(1);
		pass_time(10);
		assert_int_equal(1, messages);
		assert_non_null(strstr(last_message, strerror(errors[i])));
		assert_in_range(seam_count(CALL_accept4), 90, 102);
		/*
		 * kqueue reports a queued client once more while the listener
		 * is paused
		 */
		assert_in_range(seam_waits(), 90, 320);
		seam_heal();
		pass_time(0.11);
		assert_int_equal(i + 1, accepted);
		close(fd);
	}
}

/* case 134 */
static void
a_second_shortage_is_logged_again(void **state)
{
	int fd;

	(void)state;
	skip_where_accept_loses_the_client();
	listen_at("127.0.0.1:0");
	seam_time_virtual();
	for (int i = 1; i <= 2; i++) {
		fd = client();
		seam_fail(CALL_accept4, 1, EMFILE, 1);
		pass_time(1.1);
		assert_int_equal(i, accepted);
		assert_int_equal(i, messages);
		close(fd);
	}
}

/* case 134 */
static void
an_fd_that_the_library_closes_ends_a_shortage_at_once(void **state)
{
	int fd[2];
	double before;

	(void)state;
	skip_where_accept_loses_the_client();
	listen_at("127.0.0.1:0");
	seam_time_virtual();
	fd[0] = client();
	turn(1);
	fd[1] = client();
	seam_fail(CALL_accept4, 1, EMFILE, 1);
	turn(3);
	assert_int_equal(1, accepted);
	before = seam_time();
	socle_close(newest, "room");
	turn(2);
	assert_int_equal(2, accepted);
	assert_true(seam_time() == before);
	close_all(fd, 2);
}

/* Sets the limit of fds so low that nothing new can be opened. */
static void
exhaust_fds(struct rlimit *before)
{
	struct rlimit r;
	int fd = dup(1);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, before));
	r = *before;
	r.rlim_cur = (rlim_t)fd;
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &r));
}

/* case 134 */
static void
a_real_shortage_of_fds_ends_when_one_is_closed(void **state)
{
	struct rlimit before;
	int fd, spare;

	(void)state;
	skip_where_accept_loses_the_client();
	if (getenv("UNDER")) {
		skip_because("valgrind keeps the limit itself, and closes the "
			     "client that is beyond it");
	}
	listen_at("127.0.0.1:0");
	turn(1);
	seam_time_virtual();
	spare = dup(1);
	fd = client();
	exhaust_fds(&before);
	pass_time(5);
	assert_int_equal(0, accepted);
	assert_int_equal(1, messages);
	assert_in_range(seam_count(CALL_accept4), 10, 52);
	close(spare);
	pass_time(0.11);
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
	assert_int_equal(1, accepted);
	assert_served(fd);
	close(fd);
}

static void
a_pause_during_a_shortage_stays_after_it(void **state)
{
	int fd;

	(void)state;
	skip_where_accept_loses_the_client();
	listen_at("127.0.0.1:0");
	seam_time_virtual();
	fd = client();
	seam_fail(CALL_accept4, 1, EMFILE, 1);
	turn(1);
	socle_pause_accept(factory);
	pass_time(1);
	assert_int_equal(0, accepted);
	socle_resume_accept(factory);
	turn(2);
	assert_int_equal(1, accepted);
	close(fd);
}

static void
assert_closed_and_the_next_served(int closed)
{
	int fd[2] = {closed};

	assert_int_equal(0, accepted);
	assert_int_equal(0, socle_watched_sockets());
	assert_disconnected(fd[0]);
	assert_int_equal(1, messages);
	fd[1] = client();
	pass_time(0.11);
	assert_int_equal(1, accepted);
	assert_served(fd[1]);
	close_all(fd, 2);
}

static void
without_memory_a_client_is_closed_and_the_listener_goes_on(void **state)
{
	int fd;

	(void)state;
	listen_at("127.0.0.1:0");
	turn(1);
	seam_time_virtual();
	fd = client();
	seam_fail(CALL_malloc, 1, ENOMEM, 1);
	turn(2);
	assert_closed_and_the_next_served(fd);
}

/* Its number is beyond the map, which cannot grow. */
static void
without_memory_for_its_number_a_client_is_closed_too(void **state)
{
	enum { BEYOND = 64 };
	int fd, held[BEYOND + 1], n = 0;

	(void)state;
	listen_at("127.0.0.1:0");
	turn(1);
	seam_time_virtual();
	fd = client();
	do
		held[n] = dup(fd);
	while (held[n++] < BEYOND);
	seam_fail(CALL_realloc, 2, ENOMEM, 1);
	turn(2);
	close_all(held, n);
	assert_int_equal(1, seam_struck());
	assert_closed_and_the_next_served(fd);
}

static void
a_listener_that_cannot_be_watched_retries(void **state)
{
	int fd;

	(void)state;
	listen_at("127.0.0.1:0");
	if (!changes_are_calls()) {
		skip_because("poll refuses nothing");
	}
	seam_time_virtual();
	socle_pause_accept(factory);
	turn(1);
	seam_fail(CALL_change, 1, ENOMEM, 2);
	socle_resume_accept(factory);
	turn(2);
	assert_int_equal(2, seam_struck());
	fd = client();
	pass_time(0.5);
	assert_int_equal(1, accepted);
	assert_served(fd);
	close(fd);
}

static struct socle_socket *unwatched;

static void
refuse_from_now_on(struct socle_socket *self, struct socle_factory *by)
{
	(void)by;
	unwatched = self;
	seam_refuse_changes(ENOMEM);
}

static void
close_accepted(struct probe *p)
{
	socle_watch_read(&p->sock, false);
	if (unwatched)
		socle_close(unwatched, "test");
	unwatched = NULL;
}

/* One of the probes is reported after the listener; no fd is left. */
static void
an_object_that_could_not_be_watched_is_closed_in_the_same_tick(void **state)
{
	int fds[2][2], fd;

	(void)state;
	listen_at("127.0.0.1:0");
	if (!changes_are_calls())
		skip_because("poll refuses nothing");
	on_accepted = refuse_from_now_on;
	fd = client();
	for (int i = 0; i < 2; i++) {
		struct probe *p;

		pair_unix(fds[i]);
		p = probe_new(fds[i][0], NULL);
		p->on_read = close_accepted;
		socle_watch_read(&p->sock, true);
		send_all(fds[i][1], "x", 1);
	}
	turn(3);
	seam_refuse_changes(0);
	assert_disconnected(fd);
	close(fd);
	close(fds[0][1]);
	close(fds[1][1]);
	turn(2);
	notes_clear();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		listen_test(errors_of_one_client_do_not_stop_the_listener),
		listen_test(a_persistent_error_pauses_and_is_logged),
		listen_test(a_shortage_of_fds_neither_spins_nor_floods_the_log),
		listen_test(a_second_shortage_is_logged_again),
		listen_test(
			an_fd_that_the_library_closes_ends_a_shortage_at_once),
		listen_test(a_real_shortage_of_fds_ends_when_one_is_closed),
		listen_test(a_pause_during_a_shortage_stays_after_it),
		listen_test(
			without_memory_a_client_is_closed_and_the_listener_goes_on),
		listen_test(
			without_memory_for_its_number_a_client_is_closed_too),
		listen_test(a_listener_that_cannot_be_watched_retries),
		listen_test(
			an_object_that_could_not_be_watched_is_closed_in_the_same_tick),
	};

	return run_tests(tests);
}

/*
 * Which backend is used, and how many system calls a change of interest costs.
 */
#include "tests/support/fixture.h"

static char *saved;

static int
setup(void **state)
{
	const char *now = getenv("SOCLE_BACKEND");

	saved = now ? strdup(now) : NULL;
	unsetenv("SOCLE_BACKEND");
	return fixture_setup(state);
}

static int
teardown(void **state)
{
	if (saved)
		setenv("SOCLE_BACKEND", saved, 1);
	else
		unsetenv("SOCLE_BACKEND");
	free(saved);
	return fixture_teardown(state);
}

#define choice(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#if defined(__linux__)
#define BEST "epoll"
#elif SOCLE__HAVE_KQUEUE
#define BEST "kqueue"
#else
#define BEST "poll"
#endif

static void
skip_without_another(void)
{
	if (strcmp(BEST, "poll") == 0)
		skip_because("poll is the only backend");
}

static void
poll_is_available_on_every_platform(void **state)
{
	(void)state;
	assert_int_equal(0, socle_set_backend("poll"));
	assert_string_equal("poll", socle_backend());
	assert_false(socle_have_epoll());
	assert_false(socle_have_kqueue());
	assert_int_equal(1, socle_event_loop_once(0));
	assert_int_equal(1, seam_count(CALL_poll));
}

static void
by_default_the_platforms_best_backend_is_used(void **state)
{
	(void)state;
	assert_string_equal(BEST, socle_backend());
	assert_int_equal(strcmp(BEST, "epoll") == 0, socle_have_epoll());
	assert_int_equal(strcmp(BEST, "kqueue") == 0, socle_have_kqueue());
}

static void
asking_for_the_backend_starts_the_loop(void **state)
{
	(void)state;
	(void)socle_have_epoll();
	assert_int_equal(-EBUSY, socle_set_backend("poll"));
}

static void
choosing_a_backend_does_not_start_the_loop(void **state)
{
	(void)state;
	skip_without_another();
	assert_int_equal(0, seam_system_calls());
	assert_int_equal(0, socle_set_backend("poll"));
	assert_int_equal(0, socle_set_backend(BEST));
	assert_string_equal(BEST, socle_backend());
}

static void
an_unknown_name_is_refused(void **state)
{
	(void)state;
	assert_int_equal(-ENOTSUP, socle_set_backend("select"));
	assert_int_equal(-ENOTSUP, socle_set_backend(""));
	assert_int_equal(-ENOTSUP, socle_set_backend("Poll"));
#if !SOCLE__HAVE_KQUEUE
	assert_int_equal(-ENOTSUP, socle_set_backend("kqueue"));
#endif
#ifndef __linux__
	assert_int_equal(-ENOTSUP, socle_set_backend(BEST));
#endif
	assert_non_null(socle_backend());
}

static void
after_first_use_a_choice_is_refused(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	assert_int_equal(0, socle_set_backend("poll"));
	probe_new(fds[0], NULL);
	assert_int_equal(-EBUSY, socle_set_backend("poll"));
	assert_string_equal("poll", socle_backend());
	close(fds[1]);
}

static void
the_environment_chooses_the_backend(void **state)
{
	(void)state;
	setenv("SOCLE_BACKEND", "poll", 1);
	assert_string_equal("poll", socle_backend());
}

static void
the_program_overrules_the_environment(void **state)
{
	(void)state;
	skip_without_another();
	setenv("SOCLE_BACKEND", "poll", 1);
	assert_int_equal(0, socle_set_backend(BEST));
	assert_string_equal(BEST, socle_backend());
}

static void
an_empty_environment_variable_is_ignored(void **state)
{
	(void)state;
	setenv("SOCLE_BACKEND", "", 1);
	assert_non_null(socle_backend());
}

static void
an_unknown_name_in_the_environment_is_an_error(void **state)
{
	struct socle_socket *s;
	int fds[2];

	(void)state;
	pair_unix(fds);
	setenv("SOCLE_BACKEND", "select", 1);
	assert_null(socle_backend());
	assert_false(socle_have_epoll());
	assert_int_equal(-ENOTSUP, socle_event_loop());
	assert_int_equal(-ENOTSUP, socle_event_loop_once(0));
	assert_int_equal(-ENOTSUP, socle_loop_timeout_ms());
	assert_int_equal(-ENOTSUP, socle_socket_new(&probe_class, fds[0], &s));
	assert_int_equal(0, socle_set_backend("poll"));
	assert_int_equal(1, socle_event_loop_once(0));
	close(fds[0]);
	close(fds[1]);
}

static void
after_a_reset_the_backend_can_be_chosen_again(void **state)
{
	(void)state;
	skip_without_another();
	for (int i = 0; i < 2; i++) {
		assert_int_equal(0, socle_set_backend("poll"));
		assert_string_equal("poll", socle_backend());
		socle_reset();
		assert_int_equal(0, socle_set_backend(BEST));
		assert_string_equal(BEST, socle_backend());
		socle_reset();
	}
	/* a reset clears a choice too */
	assert_int_equal(0, socle_set_backend("poll"));
	socle_reset();
	assert_string_equal(BEST, socle_backend());
}

static void
a_poller_that_failed_to_open_can_be_opened_later(void **state)
{
	struct socle_socket *s;
	enum call opening;
	int fds[2];

	(void)state;
	skip_without_another();
	pair_unix(fds);
	opening = the_opening();
	socle_reset();
	seam_fail(opening, 1, EMFILE, 4);
	assert_int_equal(-EMFILE, socle_event_loop());
	assert_int_equal(-EMFILE, socle_loop_fd());
	assert_int_equal(-EMFILE, socle_socket_new(&probe_class, fds[0], &s));
	assert_null(socle_backend());
	assert_int_equal(1, socle_event_loop_once(0));
	assert_int_equal(0, socle_socket_new(&probe_class, fds[0], &s));
	close(fds[1]);
}

static void
no_memory_for_a_poller_is_an_error(void **state)
{
	static const char *const names[] = {"epoll", "kqueue", "poll"};

	(void)state;
	for (int i = 0; i < 3; i++) {
		if (socle_set_backend(names[i]) < 0)
			continue;
		seam_fail(CALL_calloc, 1, ENOMEM, -1);
		seam_fail(CALL_realloc, 1, ENOMEM, -1);
		assert_int_equal(-ENOMEM, socle_event_loop());
		seam_heal();
		assert_int_equal(1, socle_event_loop_once(0));
		socle_reset();
	}
}

static void
no_memory_for_a_loop_is_an_error(void **state)
{
	(void)state;
	seam_fail(CALL_calloc, 1, ENOMEM, -1);
	assert_int_equal(-ENOMEM, socle_event_loop());
	assert_int_equal(-ENOMEM, socle_set_backend("poll"));
	assert_null(socle_backend());
	assert_null(socle_loop_self());
	assert_int_equal(-ENOMEM, socle_loop_timeout_ms());
	seam_heal();
	assert_int_equal(1, socle_event_loop_once(0));
}

/* ---- the cost of interest ---- */

static struct probe *
make(int fds[2])
{
	struct probe *p;

	skip_without_another();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	return p;
}

static void
there_and_back(struct probe *p)
{
	socle_watch_read(&p->sock, false);
	socle_watch_write(&p->sock, true);
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, false);
}

static void
a_change_undone_in_the_same_tick_costs_nothing(void **state)
{
	int fds[2];
	struct probe *p = make(fds);

	(void)state;
	p->on_read = there_and_back;
	seam_count_reset();
	turn(3);
	assert_int_equal(3, p->reads);
	assert_int_equal(0, seam_count(CALL_change));
	close(fds[1]);
}

static void
from_reading_to_writing(struct probe *p)
{
	socle_watch_read(&p->sock, false);
	socle_watch_write(&p->sock, true);
}

static void
several_changes_in_a_tick_cost_one_system_call(void **state)
{
	int fds[2];
	struct probe *p = make(fds);

	(void)state;
	p->on_read = from_reading_to_writing;
	seam_count_reset();
	turn(2);
	assert_int_equal(1, p->writes);
	assert_int_equal(1, seam_count(CALL_change));
	close(fds[1]);
}

static void
a_close_removes_the_registration_before_the_fd(void **state)
{
	int fds[2];
	struct probe *p = make(fds);

	(void)state;
	turn(1);
	seam_count_reset();
	socle_close(&p->sock, NULL);
	turn(1);
	assert_int_equal(1, seam_count(CALL_change));
	assert_int_equal(1, seam_count(CALL_close));
	close(fds[1]);
}

static void
traffic_changes_no_interest(void **state)
{
	int fds[2];
	struct probe *p = make(fds);

	(void)state;
	turn(1);
	seam_count_reset();
	for (int i = 0; i < 10; i++) {
		send_all(fds[1], "x", 1);
		turn(1);
	}
	assert_int_equal(11, p->reads);
	assert_int_equal(20, seam_system_calls()); /* a wait, a read */
	close(fds[1]);
}

static void
a_change_refused_outside_a_tick_is_retried_in_the_next(void **state)
{
	int fds[2];
	struct probe *p = make(fds);

	(void)state;
	turn(1);
	seam_fail(CALL_change, 1, ENOMEM, 1);
	socle_watch_write(&p->sock, true);
	turn(1);
	assert_int_equal(1, p->writes);
	assert_int_equal(0, p->errs);
	close(fds[1]);
}

static void
a_change_refused_in_a_tick_is_event_err_of_the_object(void **state)
{
	int fds[2];
	struct probe *p = make(fds);

	(void)state;
	p->on_read = from_reading_to_writing;
	seam_fail(CALL_change, 1, ENOMEM, 1);
	turn(3);
	assert_int_equal(0, socle_watched_sockets());
	assert_int_equal(-ENOMEM, atoi(strstr(notes(), "e-") + 1));
	assert_non_null(strstr(notes(), "close(event_err) destroy"));
	close(fds[1]);
}

static void
a_refused_registration_leaves_the_fd_to_the_caller(void **state)
{
	struct socle_socket *s;
	int fds[2];
	struct probe *p = make(fds);

	(void)state;
	(void)p;
	seam_fail(CALL_change, 1, ENOSPC, 1);
	assert_int_equal(-ENOSPC, socle_socket_new(&probe_class, fds[1], &s));
	assert_int_equal(1, socle_watched_sockets());
	assert_null(socle_descriptor(fds[1]));
	assert_true(fcntl(fds[1], F_GETFD) >= 0);
	close(fds[1]);
}

static int (*real_poll)(struct pollfd *fds, nfds_t n, int ms);

/* Nothing happens on an fd that is looked at twice. */
static int
poll_late(struct pollfd *fds, nfds_t n, int ms)
{
	if (n != 2 || fds[0].fd != fds[1].fd)
		return real_poll(fds, n, ms);
	fds[0].revents = fds[1].revents = 0;
	return 0;
}

static void
poll_tells_no_hang_up_that_is_gone_at_a_second_look(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(0, socle_set_backend("poll"));
	pair_unix(fds);
	probe_new(fds[0], NULL);
	close(fds[1]);
	real_poll = socle__seam.poll;
	socle__seam.poll = poll_late;
	turn(2);
	socle__seam.poll = real_poll;
	assert_notes("");
	turn(1);
	assert_notes("h close(event_hup) destroy");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		choice(poll_is_available_on_every_platform),
		choice(by_default_the_platforms_best_backend_is_used),
		choice(asking_for_the_backend_starts_the_loop),
		choice(choosing_a_backend_does_not_start_the_loop),
		choice(an_unknown_name_is_refused),
		choice(after_first_use_a_choice_is_refused),
		choice(the_environment_chooses_the_backend),
		choice(the_program_overrules_the_environment),
		choice(an_empty_environment_variable_is_ignored),
		choice(an_unknown_name_in_the_environment_is_an_error),
		choice(after_a_reset_the_backend_can_be_chosen_again),
		choice(a_poller_that_failed_to_open_can_be_opened_later),
		choice(no_memory_for_a_poller_is_an_error),
		choice(no_memory_for_a_loop_is_an_error),
		choice(a_change_undone_in_the_same_tick_costs_nothing),
		choice(several_changes_in_a_tick_cost_one_system_call),
		choice(a_close_removes_the_registration_before_the_fd),
		choice(traffic_changes_no_interest),
		choice(a_change_refused_outside_a_tick_is_retried_in_the_next),
		choice(a_change_refused_in_a_tick_is_event_err_of_the_object),
		choice(a_refused_registration_leaves_the_fd_to_the_caller),
		choice(poll_tells_no_hang_up_that_is_gone_at_a_second_look),
	};

	return run_tests(tests);
}

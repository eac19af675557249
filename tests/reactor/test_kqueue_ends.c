/*
 * Ends whose meaning the kqueue backend has to find out, where it takes more
 * than the cells of test_conformance.c to see it.
 */
/* backends: all */
#include "tests/support/fixture.h"
#include "tests/support/forking.h"

#include "tests/kqueue/emulation.h"

#include <sys/socket.h>

#define skip_without_kqueue()                                                  \
	do {                                                                   \
		if (!backend_is("kqueue"))                                     \
			skip_because("the backend is not kqueue");             \
	} while (0)

static void
note_ready(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)arg;
	note("%u", ready);
}

/* FreeBSD leaves EV_EOF and ECONNABORTED in a listener's filter. */
static void
an_end_that_stays_in_a_listeners_filter_is_only_input(void **state)
{
	int port, fd, client;

	(void)state;
	skip_without_kqueue();
	if (!kernel_is(FREEBSD))
		skip_because("only FreeBSD keeps the end");
	fd = tcp_listener(&port);
	assert_int_equal(
		0, socle_add_other_fd(fd, SOCLE_READ, note_ready, NULL));
	turn(1);
	assert_notes("");
	kqueue_keep_listeners_end(fd);
	client = tcp_connect(port);
	turn(2);
	assert_notes("1 1"); /* SOCLE_READ */
	assert_int_equal(0, socle_remove_other_fd(fd));
	close(client);
	close(fd);
}

/* It is readable without input, and no socket that could have an error. */
static void
a_device_that_is_always_readable_is_only_input(void **state)
{
	int fd;

	(void)state;
	skip_without_kqueue();
	if (kernel()->devices_refuse)
		skip_because("devices cannot be watched here");
	fd = open("/dev/null", O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(
		0, socle_add_other_fd(fd, SOCLE_READ, note_ready, NULL));
	turn(2);
	assert_notes("1 1"); /* SOCLE_READ */
	assert_int_equal(0, socle_remove_other_fd(fd));
	close(fd);
}

static void
ignore(struct probe *p)
{
	(void)p;
}

/* It has a queue of its own to ask. */
static int
hears_the_hup(struct probe *p)
{
	int peer = *(int *)p->arg;

	CHECK(socle_after_fork() == 0);
	close(peer);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(socle_event_loop_once(0) == 1);
	CHECK(p->hups == 1);
	return 0;
}

static void
a_child_hears_that_both_directions_ended(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	skip_without_kqueue();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_hup = ignore;
	p->arg = &fds[1];
	turn(1);
	assert_int_equal(0, shutdown(fds[1], SHUT_WR));
	assert_int_equal(0, shutdown(fds[0], SHUT_WR));
	child_run(hears_the_hup, p);
	close(fds[1]);
}

/* The kernel cannot be asked for the other direction: it is asked again. */
static void
a_hup_that_could_not_be_asked_for_comes_later(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	skip_without_kqueue();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_hup = ignore;
	socle_watch_read(&p->sock, true);
	turn(1);
	close(fds[1]);
	seam_fail(CALL_kevent, 2, ENOMEM, 1);
	turn(3);
	assert_int_equal(1, seam_struck());
	assert_notes("r eof h");
}

/*
 * Nothing is wanted of the fd, so that the end would be reported once: the
 * object receives the error instead.
 */
static void
a_hup_that_cannot_be_asked_for_is_an_error_of_an_idle_object(void **state)
{
	int fds[2];

	(void)state;
	skip_without_kqueue();
	pair_unix(fds);
	(void)probe_new(fds[0], NULL);
	turn(1);
	close(fds[1]);
	seam_fail(CALL_kevent, 2, ENOMEM, 1);
	turn(2);
	assert_int_equal(1, seam_struck());
	assert_notes("e-ENOMEM close(event_err) destroy");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_end_that_stays_in_a_listeners_filter_is_only_input),
		test(a_device_that_is_always_readable_is_only_input),
		test(a_child_hears_that_both_directions_ended),
		test(a_hup_that_could_not_be_asked_for_comes_later),
		test(a_hup_that_cannot_be_asked_for_is_an_error_of_an_idle_object),
	};

	return run_tests(tests);
}

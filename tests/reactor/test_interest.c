/*
 * How many system calls the changes of interest cost.
 *
 * The poll backend passes its interest with each wait and needs no call; there
 * the numbers must be 0 and the events the same.
 */
/* backends: all */
#include "tests/support/cells.h"
#include "tests/support/looping.h"

#include "reactor/interest.h"

#include <sys/resource.h>

static void
assert_changes(unsigned long times)
{
	if (changes_are_calls())
		assert_int_equal(times, seam_count(CALL_change));
	seam_count_reset();
}

static struct probe *
made(int *peer)
{
	struct probe *p;
	int fds[2];

	pair_unix(fds);
	*peer = fds[1];
	p = probe_new(fds[0], NULL);
	turn(1);
	seam_count_reset();
	return p;
}

/* Runs `fn(arg)' inside the next tick, before its wait. */
static void
in_a_tick(void (*fn)(void *arg), void *arg)
{
	assert_int_equal(0, socle_defer(fn, arg));
	turn(1);
}

/* ---- outside a tick ---- */

static void
outside_a_tick_a_change_goes_to_the_kernel_at_once(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(&peer);

	socle_watch_read(&p->sock, true);
	assert_changes(1);
	socle_watch_write(&p->sock, true);
	assert_changes(1);
	socle_watch_write(&p->sock, false);
	assert_changes(1);
	socle_watch_read(&p->sock, false);
	assert_changes(1);
	turn(1);

	assert_changes(0);
	assert_notes("");
	close(peer);
}

static void
a_change_outside_a_tick_is_visible_on_the_loop_fd(void **state)
{
	struct pollfd poller = {.events = POLLIN};
	struct probe *p;
	int peer;

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue's fd cannot be polled");
	p = made(&peer);
	send_all(peer, "x", 1);
	if (changes_are_calls()) {
		poller.fd = socle_loop_fd();
		assert_true(poller.fd >= 0);
		assert_int_equal(0, poll(&poller, 1, 0));

		socle_watch_read(&p->sock, true);

		assert_int_equal(1, poll(&poller, 1, 0));
	} else {
		assert_int_equal(-ENOTSUP, socle_loop_fd());
	}
	close(peer);
}

static void
creating_an_object_outside_a_tick_is_one_call(void **state)
{
	struct probe *p;
	int fds[2], peer;

	(void)state;
	made(&peer);
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	assert_changes(1);
	socle_close(&p->sock, NULL);
	turn(1);

	assert_changes(1);
	close(peer);
	close(fds[1]);
}

static void
setting_an_unchanged_interest_costs_nothing(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(&peer);
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, false);
	assert_changes(1);

	for (int i = 0; i < 10; i++) {
		socle_watch_read(&p->sock, true);
		socle_watch_write(&p->sock, false);
		turn(1);
	}

	assert_changes(0);
	close(peer);
}

/* ---- inside a tick ---- */

static void
toggle_and_back(void *arg)
{
	struct probe *p = arg;

	for (int i = 0; i < 10; i++) {
		socle_watch_read(&p->sock, true);
		socle_watch_write(&p->sock, true);
		socle_watch_write(&p->sock, false);
		socle_watch_read(&p->sock, false);
	}
}

static void
on_and_off_within_a_tick_costs_nothing(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(&peer);

	in_a_tick(toggle_and_back, p);

	assert_changes(0);
	close(peer);
}

static void
toggle_and_stay(void *arg)
{
	struct probe *p = arg;

	toggle_and_back(p);
	socle_watch_read(&p->sock, true);
	assert_changes(0); /* not yet */
}

static void
a_real_change_within_a_tick_is_one_call(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(&peer);
	send_all(peer, "x", 1);

	in_a_tick(toggle_and_stay, p);

	assert_changes(1);
	/* the change is passed before the wait of the same tick */
	assert_notes("r");
	close(peer);
}

static void
make_use_and_close(void *arg)
{
	struct probe *p;
	int *fds = arg;

	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	assert_int_equal(1, socle_write(&p->sock, "x", 1));
	socle_close(&p->sock, NULL);
}

static void
an_object_created_and_closed_within_a_tick_costs_no_call(void **state)
{
	int fds[2], peer;

	(void)state;
	made(&peer);
	pair_unix(fds);

	in_a_tick(make_use_and_close, fds);

	assert_changes(0);
	assert_notes("close() destroy");
	close(fds[1]);
	close(peer);
}

static void
make_and_watch(void *arg)
{
	int *fds = arg;
	struct probe *p = probe_new(fds[0], NULL);

	socle_watch_read(&p->sock, true);
}

static void
an_object_created_and_watched_within_a_tick_is_one_call(void **state)
{
	int fds[2], peer;

	(void)state;
	made(&peer);
	pair_unix(fds);
	send_all(fds[1], "x", 1);

	in_a_tick(make_and_watch, fds);

	assert_changes(1);
	assert_notes("r");
	close(fds[1]);
	close(peer);
}

enum { MANY = 1000 };

static struct socle_socket *many[MANY];
static int n_many, n_read;

static void
read_once(struct socle_socket *self)
{
	socle_watch_read(self, false);
	n_read++;
}

static const struct socle_class once_class = {
	.name = "Once",
	.super = &socle_socket_class,
	.event_read = read_once,
};

static void
toggle_many(void *arg)
{
	int rounds = *(int *)arg;

	for (int k = 0; k < rounds; k++)
		for (int i = 0; i < n_many; i++)
			socle_watch_read(many[i], k % 2 == 0);
}

/* Many duplicates of one open file are enough. */
static void
make_many(int fds[2])
{
	struct rlimit limit;

	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &limit));
	n_many = scaled(MANY, 50);
	if (n_many > MANY)
		n_many = MANY;
	n_read = 0;
	pair_unix(fds);
	for (int i = 0; i < n_many; i++)
		assert_int_equal(0,
			socle_socket_new(&once_class, dup(fds[0]), &many[i]));
	turn(1);
	seam_count_reset();
}

static void
a_thousand_toggling_objects_cost_one_call_each_at_most(void **state)
{
	int fds[2], even = 10, odd = 9;

	(void)state;
	make_many(fds);

	in_a_tick(toggle_many, &even);
	assert_changes(0);
	in_a_tick(toggle_many, &odd);
	assert_changes((unsigned long)n_many);
	in_a_tick(toggle_many, &odd);
	assert_changes(0);

	close(fds[0]);
	close(fds[1]);
}

static void
a_thousand_changes_in_a_tick_need_no_memory(void **state)
{
	int fds[2], once = 1;

	(void)state;
	make_many(fds);
	send_all(fds[1], "x", 1);

	seam_fail(CALL_realloc, 1, ENOMEM, -1);
	in_a_tick(toggle_many, &once);
	turn_until_count(&n_read, n_many);
	seam_heal();

	assert_int_equal(n_many, n_read);
	close(fds[0]);
	close(fds[1]);
}

/* ---- traffic ---- */

static void
echo(struct probe *p)
{
	char buf[64];
	ssize_t n = socle_read(&p->sock, buf, sizeof(buf));

	assert_true(n > 0);
	assert_int_equal(1, socle_write(&p->sock, buf, (size_t)n));
}

static void
steady_traffic_costs_no_call(void **state)
{
	struct probe *p;
	char buf[8];
	int peer;

	(void)state;
	p = made(&peer);
	p->on_read = echo;
	socle_watch_read(&p->sock, true);
	turn(1);
	seam_count_reset();

	for (int i = 0; i < 20; i++) {
		send_all(peer, "x", 1);
		turn(1);
		assert_int_equal(1, drain_fd(peer, buf, sizeof(buf)));
	}

	/* a wait, a read and a send each */
	assert_int_equal(3 * 20, seam_system_calls());
	close(peer);
}

static void
a_queued_write_is_one_call_on_and_one_off(void **state)
{
	static char sink[1 << 16];
	struct probe *p;
	int peer;

	(void)state;
	p = made(&peer);
	stuff_fd(socle_fd(&p->sock));
	assert_int_equal(0, socle_write(&p->sock, "a", 1));
	assert_int_equal(0, socle_write(&p->sock, "b", 1));
	assert_changes(1);
	assert_int_equal(SOCLE_WRITE, socle_watching(&p->sock));
	while (drain_fd(peer, sink, sizeof(sink)) > 0)
		;

	turn(2);

	assert_changes(1);
	assert_int_equal(0, socle_watching(&p->sock));
	close(peer);
}

static void
write_within_a_tick(void *arg)
{
	struct probe *p = arg;

	assert_int_equal(1, socle_write(&p->sock, "whole", 5));
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "held", 4));
}

static void
a_write_sent_at_once_costs_no_call(void **state)
{
	struct probe *p;
	char buf[16];
	int peer;

	(void)state;
	p = made(&peer);

	in_a_tick(write_within_a_tick, p);

	assert_changes(0);
	assert_int_equal(9, drain_fd(peer, buf, sizeof(buf)));
	close(peer);
}

static void
the_queue_and_the_application_watch_writability_separately(void **state)
{
	static char sink[1 << 16];
	struct probe *p;
	int peer;

	(void)state;
	p = made(&peer);
	stuff_fd(socle_fd(&p->sock));
	socle_watch_write(&p->sock, true);
	assert_int_equal(0, socle_write(&p->sock, "late", 4));
	assert_changes(1);
	socle_watch_write(&p->sock, false);
	assert_changes(0);
	assert_int_equal(SOCLE_WRITE, socle_watching(&p->sock));
	while (drain_fd(peer, sink, sizeof(sink)) > 0)
		;

	turn(2);

	assert_int_equal(4, drain_fd(peer, sink, sizeof(sink)));
	assert_changes(1);
	close(peer);
}

static void
closing_is_one_call_and_stealing_too(void **state)
{
	struct probe *a, *b;
	int peers[2];

	(void)state;
	a = made(&peers[0]);
	b = made(&peers[1]);

	socle_close(&a->sock, NULL);
	turn(1);
	assert_changes(1);
	close(socle_steal_socket(&b->sock));
	turn(1);

	assert_changes(1);
	close(peers[0]);
	close(peers[1]);
}

static void
a_close_outside_a_tick_removes_the_registration_at_once(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(&peer);
	socle_watch_read(&p->sock, true);
	send_all(peer, "x", 1);
	seam_count_reset();

	socle_close(&p->sock, NULL);
	assert_changes(1);
	turn(1);

	assert_changes(0);
	assert_notes("close() destroy");
	close(peer);
}

static void
note_ready(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)arg;
	note("other%u", ready);
}

static void
adding_an_other_fd_again_unchanged_costs_no_call(void **state)
{
	int peer, fds[2];

	(void)state;
	made(&peer);
	pair_unix(fds);
	socle_add_other_fd(fds[0], SOCLE_READ, note_ready, NULL);
	turn(1);
	seam_count_reset();

	socle_add_other_fd(fds[0], SOCLE_READ, note_ready, NULL);
	turn(1);
	assert_changes(0);
	socle_add_other_fd(fds[0], SOCLE_WRITE, note_ready, NULL);
	turn(1);

	assert_changes(1);
	assert_notes("other4");
	assert_int_equal(0, socle_remove_other_fd(fds[0]));
	close(fds[0]);
	close(fds[1]);
	close(peer);
}

/* ---- when the kernel refuses ---- */

static void
watch_both(void *arg)
{
	struct probe **two = arg;

	socle_watch_read(&two[0]->sock, true);
	socle_watch_read(&two[1]->sock, true);
}

static void
a_refused_change_is_event_err_of_that_object_only(void **state)
{
	struct probe *two[2];
	int peers[2];

	(void)state;
	two[0] = made(&peers[0]);
	two[1] = made(&peers[1]);
	two[0]->tag = "a";
	two[1]->tag = "b";
	send_all(peers[0], "x", 1);
	send_all(peers[1], "x", 1);
	if (changes_are_calls())
		seam_fail(CALL_change, 1, ENOSPC, 1);

	in_a_tick(watch_both, two);

	if (changes_are_calls())
		assert_notes("a:e-ENOSPC a:close(event_err) b:r a:destroy");
	assert_int_equal(1, two[1]->reads);
	close(peers[0]);
	close(peers[1]);
}

static void
an_object_that_ignores_a_refusal_can_watch_again(void **state)
{
	struct probe *two[2];
	int peers[2];

	(void)state;
	two[0] = made(&peers[0]);
	two[1] = made(&peers[1]);
	two[0]->on_err = ignore_err;
	send_all(peers[0], "x", 1);
	if (changes_are_calls())
		seam_fail(CALL_change, 1, ENOMEM, 1);
	in_a_tick(watch_both, two);
	turn(2);
	assert_notes(changes_are_calls() ? "e-ENOMEM" : "r");

	socle_watch_read(&two[0]->sock, true);
	turn(1);

	assert_int_equal(1, two[0]->reads);
	assert_int_equal(changes_are_calls() ? 1 : 0, two[0]->errs);
	close(peers[0]);
	close(peers[1]);
}

static void
a_new_object_refused_within_a_tick_gets_event_err(void **state)
{
	int fds[2], peer;

	(void)state;
	made(&peer);
	pair_unix(fds);
	if (changes_are_calls())
		seam_fail(CALL_change, 1, ENOSPC, 1);

	in_a_tick(make_and_watch, fds);

	if (changes_are_calls()) {
		assert_notes("e-ENOSPC close(event_err) destroy");
		assert_int_equal(1, socle_watched_sockets());
	}
	close(fds[1]);
	close(peer);
}

static void
a_change_refused_outside_a_tick_is_retried_in_the_next(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(&peer);
	send_all(peer, "x", 1);
	if (changes_are_calls())
		seam_fail(CALL_change, 1, ENOMEM, 1);

	socle_watch_read(&p->sock, true);
	assert_notes("");
	turn(1);

	assert_notes("r");
	close(peer);
}

static void
a_change_refused_repeatedly_is_reported_once(void **state)
{
	struct probe *p;
	double before;
	int peer;

	(void)state;
	seam_time_virtual();
	p = made(&peer);
	p->on_err = ignore_err;
	seam_refuse_changes(ENOSPC);
	socle_watch_write(&p->sock, true);
	turn(5);
	before = seam_time();
	if (changes_are_calls())
		assert_true(socle_event_loop_once(1000) >= 0);
	seam_refuse_changes(0);

	if (changes_are_calls()) {
		assert_int_equal(1, p->errs);
		assert_true(seam_time() - before > 0.999);
	}
	close(peer);
}

static void
watch_both_ways(void *arg)
{
	struct probe *p = arg;

	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, true);
}

static void
two_refused_changes_of_an_object_are_one_event_err(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(&peer);
	p->on_err = ignore_err;
	p->on_write = stop_writing;
	seam_refuse_changes(ENOSPC);
	in_a_tick(watch_both_ways, p);
	seam_refuse_changes(0);

	assert_notes(changes_are_calls() ? "e-ENOSPC" : "w");
	close(peer);
}

/* poll(2) says NVAL of it, as of an fd that is not open; kqueue EINVAL. */
static void
a_device_that_cannot_be_watched_is_refused_and_closed(void **state)
{
	struct probe *p;
	int fd;

	(void)state;
	if (!kernel()->devices_refuse ||
		!(backend_is("poll") || backend_is("kqueue")))
		skip_because("devices can be watched here");
	fd = open("/dev/null", O_WRONLY);
	assert_true(fd >= 0);
	p = probe_new(fd, NULL);
	socle_watch_write(&p->sock, true);
	turn(3);
	assert_notes(backend_is("poll") ? "e-EPERM close(event_err) destroy"
					: "e-EINVAL close(event_err) destroy");
	assert_int_equal(-1, fcntl(fd, F_GETFD));
}

/*
 * What is refused is the fd that wakes the loop up: it is asked for again, a
 * hundred times a second at most, and posts are found in between.
 */
static void
a_loop_that_cannot_watch_its_wakeups_does_not_spin(void **state)
{
	struct socle_loop *l;
	bool posted = false;

	(void)state;
	if (!changes_are_calls())
		skip_because("poll(2) refuses no change");
	turn(1);
	start_virtual_time();
	seam_fail(CALL_change, 2, ENOMEM, -1); /* the first adds the fd */
	l = socle_loop_self();
	assert_non_null(l);
	turn(2);
	assert_int_equal(0, socle_post(l, set_flag, &posted));
	began = seam_time();
	while (!posted)
		assert_int_equal(1, socle_event_loop_once(1000));
	assert_true(seam_time() - began < 0.011);
	began = seam_time();
	for (int i = 0; i < 250 && seam_time() - began < 1; i++)
		assert_int_equal(1, socle_event_loop_once(1000));
	assert_true(seam_time() - began >= 1);
	seam_heal();
	while (seam_time() - began < 1.1)
		assert_int_equal(1, socle_event_loop_once(50));
	began = seam_time();
	socle_wakeup(l);
	assert_int_equal(1, socle_event_loop_once(1000));
	assert_true(seam_time() == began);
	socle_loop_release(l);
}

static void
an_fd_is_gone_only_if_it_is_not_open_or_another_file(void **state)
{
	int fds[2];

	(void)state;
	pair_pipe(fds);
	errno = EBADF; /* of an earlier call */
	assert_false(socle__fd_is_gone(fds[1], -EBADF));
	assert_false(socle__fd_is_gone(fds[1], -EPERM));
	assert_true(socle__fd_is_gone(fds[1], -ENOENT));
	close(fds[0]);
	close(fds[1]);
	assert_true(socle__fd_is_gone(fds[1], -EBADF));
	assert_false(socle__fd_is_gone(fds[1], -ENOSPC));
}

/* Kernels say EBADF of a pipe without readers, too: the fd is there. */
static void
ebadf_of_an_fd_that_is_open_is_no_reader(void **state)
{
	(void)state;
	if (!backend_is("epoll"))
		skip_because("the refusal comes as an event, or not at all");
	for (int asked = 0; asked < 2; asked++) {
		struct probe *p;
		int fd, peer;

		p = made(&peer);
		fd = socle_fd(&p->sock);
		turn(1);
		seam_refuse_changes(EBADF);
		if (asked) /* and where the question is not answered */
			seam_fail(CALL_fcntl, 1, EPERM, 1);
		in_a_tick(watch_both_ways, p);
		seam_refuse_changes(0);
		assert_notes("e-32 close(event_err) destroy");
		assert_int_equal(-1, fcntl(fd, F_GETFD)); /* it was ours */
		close(peer);
	}
}

static void
make_idle(void *arg)
{
	int *fds = arg;

	probe_new(fds[0], NULL);
}

/* Of a pipe's write end that nothing is watched of it would be no error. */
static void
einval_is_event_err_of_what_is_no_pipe(void **state)
{
	(void)state;
	for (int idle = 0; idle < 2; idle++) {
		int fds[2];

		pair_unix(fds);
		seam_refuse_changes(EINVAL);
		in_a_tick(idle ? make_idle : make_and_watch, fds);
		seam_refuse_changes(0);
		if (changes_are_calls())
			assert_notes("e-EINVAL close(event_err) destroy");
		close(fds[1]);
		turn(2);
		notes_clear();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(outside_a_tick_a_change_goes_to_the_kernel_at_once),
		test(a_change_outside_a_tick_is_visible_on_the_loop_fd),
		test(creating_an_object_outside_a_tick_is_one_call),
		test(setting_an_unchanged_interest_costs_nothing),
		test(on_and_off_within_a_tick_costs_nothing),
		test(a_real_change_within_a_tick_is_one_call),
		test(an_object_created_and_closed_within_a_tick_costs_no_call),
		test(an_object_created_and_watched_within_a_tick_is_one_call),
		test(a_thousand_toggling_objects_cost_one_call_each_at_most),
		test(a_thousand_changes_in_a_tick_need_no_memory),
		test(steady_traffic_costs_no_call),
		test(a_queued_write_is_one_call_on_and_one_off),
		test(a_write_sent_at_once_costs_no_call),
		test(the_queue_and_the_application_watch_writability_separately),
		test(closing_is_one_call_and_stealing_too),
		test(a_close_outside_a_tick_removes_the_registration_at_once),
		test(adding_an_other_fd_again_unchanged_costs_no_call),
		test(a_refused_change_is_event_err_of_that_object_only),
		test(an_object_that_ignores_a_refusal_can_watch_again),
		test(a_new_object_refused_within_a_tick_gets_event_err),
		test(a_change_refused_outside_a_tick_is_retried_in_the_next),
		test(a_change_refused_repeatedly_is_reported_once),
		test(two_refused_changes_of_an_object_are_one_event_err),
		test(a_device_that_cannot_be_watched_is_refused_and_closed),
		test(a_loop_that_cannot_watch_its_wakeups_does_not_spin),
		test(an_fd_is_gone_only_if_it_is_not_open_or_another_file),
		test(ebadf_of_an_fd_that_is_open_is_no_reader),
		test(einval_is_event_err_of_what_is_no_pipe),
	};

	return run_tests(tests);
}

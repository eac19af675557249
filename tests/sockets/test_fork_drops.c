/*
 * A fork inside a handler that is called while a queue is being dropped: the
 * child runs none of the remaining callbacks before socle_after_fork(), and each
 * of them once after it.
 */
/* backends: all */
#include "tests/support/dgrams.h"
#include "tests/support/forking.h"
#include "tests/support/making.h"
#include "tests/support/queueing.h"

#include <sys/wait.h>

static bool in_child;
static int dropped;

static void
fork_once(void)
{
	static pid_t parent;
	pid_t pid;

	if (parent == getpid() || in_child)
		return;
	parent = getpid();
	pid = fork();
	assert_true(pid >= 0);
	in_child = pid == 0;
	if (!in_child)
		child_wait(pid);
	parent = 0;
}

/* The child ends here: with 0 if it has dropped `at_first', and then `all'. */
static void
child_ends(int at_first, int all)
{
	bool right;

	if (!in_child)
		return;
	right = dropped == at_first && socle_event_loop_once(0) == -ECHILD &&
		dropped == at_first && socle_after_fork() == 0;
	socle_event_loop_once(0);
	_exit(right && dropped == all ? 0 : 1);
}

static void
count_drop(void *arg)
{
	(void)arg;
	dropped++;
}

static void
never_called(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	fail();
}

static void
queue_calls(struct socle_socket *s, int n)
{
	dropped = 0;
	in_child = false;
	for (int i = 0; i < n; i++)
		assert_int_equal(
			0, socle_write_func(s, never_called, count_drop, NULL));
}

static void
fork_in_close(struct probe *p, const char *reason)
{
	(void)p;
	(void)reason;
	fork_once();
}

static void
in_a_close_that_vetoes_a_write_error(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	object = probe_new(fds[0], NULL);
	object->veto = true;
	object->on_close = fork_in_close;
	socle_set_autoflush(&object->sock, false);
	assert_int_equal(0, socle_write(&object->sock, "x", 1));
	queue_calls(&object->sock, 2);
	close(fds[1]);
	(void)socle_write_kick(&object->sock);
	child_ends(0, 2);
	assert_int_equal(2, dropped);
	object->on_close = NULL;
	object->veto = false;
	socle_close(&object->sock, NULL);
	turn(1);
	notes_clear();
}

static void
fork_in_release(bool sent, void *arg)
{
	(void)arg;
	assert_true(sent);
	fork_once();
}

static void
steal_it(struct socle_socket *s)
{
	int fd = socle_steal_socket(s);

	assert_true(fd >= 0);
	close(fd);
}

static void
close_it(struct socle_socket *s)
{
	socle_close(s, NULL);
}

/* Both flush once what was held back, and drop what the kernel does not take. */
static void
in_the_flush_before_a_close_or_a_steal(void **state)
{
	static void (*const ends[])(struct socle_socket * s) = {
		steal_it, close_it};
	static char much[4 << 20];
	int fds[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		pair_unix(fds);
		object = probe_new(fds[0], NULL);
		socle_set_autoflush(&object->sock, false);
		assert_int_equal(0,
			socle_write_ref(
				&object->sock, "x", 1, fork_in_release, NULL));
		assert_int_equal(
			0, socle_write(&object->sock, much, sizeof(much)));
		queue_calls(&object->sock, 2);
		ends[i](&object->sock);
		if (in_child && !socle_closed(&object->sock))
			_exit(dropped == 0 && i == 1 ? 0 : 1);
		child_ends(0, 2);
		assert_int_equal(2, dropped);
		turn(1);
		notes_clear();
		close(fds[1]);
	}
}

static void
fork_in_err(struct probe *p, int err)
{
	(void)p;
	(void)err;
	fork_once();
}

static void
in_event_err_of_a_connect_that_failed(void **state)
{
	struct socle_socket *s;
	char where[40];
	int port, fd = tcp_listener(&port);

	(void)state;
	close(fd);
	snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	assert_int_equal(0, socle_connect(where, &probe_class, 0, &s));
	object = probe_of(s);
	object->on_err = fork_in_err;
	queue_calls(s, 2);
	while (dropped == 0 && !in_child)
		socle_event_loop_once(1000);
	child_ends(0, 2);
	assert_int_equal(2, dropped);
	socle_close(s, NULL);
	turn(1);
	notes_clear();
}

static void
drop_and_fork(struct socle_dgram *d, int err, const struct socle_packet *p)
{
	(void)d;
	(void)p;
	assert_int_equal(-ECANCELED, err);
	if (++dropped == 2)
		fork_once();
}

static const char longer[8000]; /* two fill a block of the queue */

/* An object with `n' of these in its queue. */
static struct socle_dgram *
queueing(const struct socle_dgram_params *p, int n, int *far)
{
	struct socle_dgram *d;
	int fds[2];

	pair_dgram(fds);
	*far = fds[1];
	assert_int_equal(0, socle_dgram_new(&socle_dgram_class, fds[0], p, &d));
	dropped = 0;
	in_child = false;
	while (n-- > 0)
		assert_int_equal(0,
			socle_dgram_send(d, longer, sizeof(longer), 0, NULL));
	return d;
}

static void
in_on_send_error_of_a_closed_object(void **state)
{
	struct socle_dgram_params p = {.on_send_error = drop_and_fork};
	int far;
	struct socle_dgram *d = queueing(&p, 5, &far);

	(void)state;
	socle_close(&d->sock, NULL);
	child_ends(2, 5);
	assert_int_equal(5, dropped);
	turn(1);
	close(far);
}

static bool in_grandchild;
static int grandchild_status = -1;

/* The child's own datagram is dropped as well, behind the others. */
static void
send_and_fork(struct socle_dgram *d, int err, const struct socle_packet *p)
{
	pid_t pid;

	(void)err;
	if (++dropped != 2 || !in_child || in_grandchild)
		return;
	if (socle_dgram_send(d, p->data, p->len, 0, NULL) != 0)
		_exit(1);
	pid = fork();
	in_grandchild = pid == 0;
	if (pid > 0)
		waitpid(pid, &grandchild_status, 0);
}

static void
in_on_send_error_of_a_child_that_has_sent(void **state)
{
	struct socle_dgram_params p = {.on_send_error = send_and_fork};
	int far;
	struct socle_dgram *d = queueing(&p, 6, &far);

	(void)state;
	fork_once();
	if (in_child) {
		int err = socle_after_fork();

		if (in_grandchild) {
			/* one more, behind all that is put back */
			err = socle_dgram_send(
				d, longer, sizeof(longer), 0, NULL);
			_exit(err == 0 && dropped == 2 &&
						socle_after_fork() == 0 &&
						dropped == 8
					? 0
					: 1);
		}
		_exit(err == 0 && dropped == 6 && grandchild_status == 0 ? 0
									 : 1);
	}
	socle_close(&d->sock, NULL);
	assert_int_equal(6, dropped);
	turn(1);
	close(far);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(in_a_close_that_vetoes_a_write_error),
		test(in_the_flush_before_a_close_or_a_steal),
		test(in_event_err_of_a_connect_that_failed),
		test(in_on_send_error_of_a_closed_object),
		test(in_on_send_error_of_a_child_that_has_sent),
	};

	return run_tests(tests);
}

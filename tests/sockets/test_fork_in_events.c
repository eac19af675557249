/*
 * A fork inside a handler: the child gets no further event of the same
 * dispatch, because all of them are the parent's.
 */
/* backends: all */
#include "tests/support/dgrams.h"
#include "tests/support/forking.h"
#include "tests/support/making.h"

#include <netinet/in.h>
#include <sys/socket.h>

static bool in_child;
static int events, fork_in;

static void
fork_at(int n)
{
	pid_t pid;

	if (++events != n)
		return;
	pid = fork();
	assert_true(pid >= 0);
	if (pid != 0)
		child_wait(pid);
	else
		in_child = true;
}

/*
 * One tick.  The child, which returns here as well, ends: with 0 if the event
 * that forked was its last.
 */
static void
tick(int n)
{
	int r = socle_event_loop_once(1000);

	if (in_child)
		_exit(events == n && r == -ECHILD ? 0 : 1);
	assert_int_equal(1, r);
}

static int
setup(void **state)
{
	in_child = false;
	events = 0;
	return making_setup(state);
}

#define fork_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, setup, making_teardown)

static void
count(struct probe *p)
{
	(void)p;
	fork_at(-1);
}

static void
read_and_fork(struct probe *p)
{
	char c;

	(void)socle_read(&p->sock, &c, 1);
	fork_at(1);
}

static void
no_write_and_no_end_follow_a_read(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_read = read_and_fork;
	p->on_write = count;
	p->on_hup = count;
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, true);
	send_all(fds[1], "x", 1);
	close(fds[1]);
	tick(1);
	assert_true(events >= 2);
	notes_clear();
}

static void
receive_and_fork(struct socle_dgram *d, const struct socle_packet *p)
{
	(void)d;
	(void)p;
	fork_at(2);
}

static void
received_datagrams_are_the_parents(void **state)
{
	static const unsigned batches[] = {1, 8};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct socle_dgram_params p = {.on_recv = receive_and_fork,
			.recv_all = true,
			.recv_batch = batches[i]};
		struct socle_dgram *d;
		int fds[2];

		events = 0;
		pair_dgram(fds);
		assert_int_equal(
			0, socle_dgram_new(&socle_dgram_class, fds[0], &p, &d));
		socle_watch_read(&d->sock, true);
		for (int n = 0; n < 5; n++)
			assert_int_equal(1, send(fds[1], "x", 1, 0));
		tick(2);
		assert_int_equal(5, events);
		socle_close(&d->sock, NULL);
		turn(1);
		close(fds[1]);
	}
}

static void
fail_and_fork(struct socle_dgram *d, int err, const struct socle_packet *p)
{
	(void)d;
	(void)err;
	(void)p;
	fork_at(1);
}

static void
queued_datagrams_are_sent_by_the_parent(void **state)
{
	struct socle_dgram_params p = {
		.on_send_error = fail_and_fork, .send_all = true};
	struct socle_dgram *d;
	int fds[2];
	char c;

	(void)state;
	pair_dgram(fds);
	assert_int_equal(
		0, socle_dgram_new(&socle_dgram_class, fds[0], &p, &d));
	for (int n = 0; n < 4; n++)
		assert_int_equal(0, socle_dgram_send(d, "x", 1, 0, NULL));
	seam_fail(the_send_of_many(), 1, EHOSTUNREACH, 1);
	tick(1);
	for (int n = 0; n < 3; n++)
		assert_int_equal(1, recv(fds[1], &c, 1, 0));
	assert_int_equal(-1, recv(fds[1], &c, 1, 0));
	socle_close(&d->sock, NULL);
	turn(1);
	close(fds[1]);
}

static void
fail_closed_and_fork(
	struct socle_dgram *d, int err, const struct socle_packet *p)
{
	assert_true(socle_closed(&d->sock));
	assert_int_equal(-ECANCELED, err);
	assert_true(p->len > 0);
	fork_at(fork_in);
}

/*
 * The child gets the rest of them when it destroys the object.  The long ones do
 * not share a block of the queue.
 */
static void
datagrams_that_are_dropped_next_are_the_parents(void **state)
{
	struct socle_dgram_params p = {.on_send_error = fail_closed_and_fork};
	static const char data[9000];
	struct socle_dgram *d;
	int fds[2];

	(void)state;
	for (int i = 0; i < 6; i++) {
		size_t len = i < 3 ? 1 : sizeof(data);

		fork_in = i % 3 + 1;
		events = 0;
		pair_dgram(fds);
		assert_int_equal(
			0, socle_dgram_new(&socle_dgram_class, fds[0], &p, &d));
		for (int n = 0; n < 3; n++)
			assert_int_equal(
				0, socle_dgram_send(d, data, len, 0, NULL));
		socle_close(&d->sock, NULL);
		if (in_child) {
			bool silent = events == fork_in;

			socle_reset();
			_exit(silent && events == 3 ? 0 : 1);
		}
		assert_int_equal(3, events);
		turn(1);
		close(fds[1]);
	}
}

#ifdef IP_RECVERR
static void
count_error_and_fork(struct socle_dgram *d, int err)
{
	(void)d;
	assert_int_equal(-ECONNREFUSED, err);
	fork_at(1);
}

static void
errors_that_the_kernel_keeps_are_the_parents(void **state)
{
	struct socle_dgram_params p = {.on_recv_error = count_error_and_fork};
	struct socle_addr nowhere, mine;
	struct socle_dgram *d;
	int on = 1, fd;

	(void)state;
	udp_nowhere(&nowhere);
	fd = udp_bound(&mine);
	assert_int_equal(
		0, setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on)));
	assert_int_equal(0, socle_dgram_new(&socle_dgram_class, fd, &p, &d));
	for (int i = 0; i < 3; i++) /* the second send reads an error */
		(void)!sendto(fd, "x", 1, 0, &nowhere.u.sa, nowhere.len);
	while (events == 0)
		tick(1);
	assert_int_equal(2, events);
}
#endif

static void
drop_and_fork(bool sent, void *arg)
{
	(void)arg;
	assert_false(sent);
	fork_at(1);
}

/* A child of the child has them when it continues itself. */
static int
continue_and_fork(struct probe *p)
{
	int r = socle_after_fork();

	(void)p;
	if (in_child) {
		CHECK(r == -ECHILD && events == 1 && socle_forked());
		CHECK(socle_after_fork() == 0 && events == 2);
		_exit(0);
	}
	CHECK(r == 0 && events == 2);
	return 0;
}

static void
what_a_child_drops_next_is_not_its_childs(void **state)
{
	struct probe *p[2];
	int fds[2], peers[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		pair_unix(fds);
		p[i] = probe_new(fds[0], NULL);
		peers[i] = fds[1];
		(void)stuff_fd(fds[0]);
		assert_int_equal(0,
			socle_write_ref(
				&p[i]->sock, "x", 1, drop_and_fork, NULL));
	}
	child_run(continue_and_fork, p[0]);
	assert_int_equal(0, events);
	events = 1; /* no fork in the drops that follow */
	close(peers[0]);
	close(peers[1]);
	notes_clear();
}

static ssize_t
take_one_and_fork(
	struct socle_socket *s, const void *data, size_t len, void *arg)
{
	if (events == 0)
		assert_int_equal(0, socle_write(s, "b", 1));
	(void)data;
	(void)arg;
	assert_true(len > 0);
	fork_at(fork_in);
	return 1;
}

/* More was written meanwhile. */
static void
what_the_writer_function_gets_next_is_the_parents(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	assert_int_equal(
		0, socle_set_writer_func(&p->sock, take_one_and_fork, NULL));
	socle_set_autoflush(&p->sock, false);
	for (fork_in = 1; fork_in <= 2; fork_in++) {
		events = 0;
		assert_int_equal(0, socle_write(&p->sock, "a", 1));
		tick(fork_in);
		assert_int_equal(2, events);
	}
	close(fds[1]);
	notes_clear();
}

static void
sent_and_fork(struct socle_dgram *d)
{
	(void)d;
	fork_at(1);
	seam_count_reset();
}

/* The queue was blocked, and is flushed before the object counts as idle. */
static void
what_the_kernel_says_of_a_timeout_is_the_parents(void **state)
{
	struct socle_dgram_params p = {
		.on_outgoing_empty = sent_and_fork, .autoflush = true};
	struct socle_dgram *d;
	int fds[2];
	char c;

	(void)state;
	seam_time_virtual();
	pair_dgram(fds);
	assert_int_equal(
		0, socle_dgram_new(&socle_dgram_class, fds[0], &p, &d));
	assert_int_equal(0, socle_set_idle_timeout(&d->sock, 2));
	socle_watch_read(&d->sock, true);
	while (socle_dgram_send(d, "x", 1, 0, NULL) == 1)
		;
	seam_time_add(1);
	turn(1);
	assert_int_equal(0, events);
	seam_time_add(5);
	while (recv(fds[1], &c, 1, MSG_DONTWAIT) == 1)
		;
	(void)socle_event_loop_once(0);
	if (in_child)
		_exit(seam_count(CALL_poll) == 0 ? 0 : 1);
	assert_int_equal(1, events);
	socle_close(&d->sock, NULL);
	turn(1);
	close(fds[1]);
}

static void
forks_at_the_second(struct socle_factory *f)
{
	(void)f;
	fork_at(2);
}

static void
clients_are_the_parents(void **state)
{
	struct socle_factory *f;
	int clients[4];

	(void)state;
	for (int objects = 0; objects < 2; objects++) {
		struct socle_factory_params p = {.bind_address = "127.0.0.1",
			.bind_port = "0",
			.accept_batch = 8};

		events = 0;
		if (objects)
			p.accept_class = &socle_socket_class;
		f = make(p);
		recorded.on_success = recorded.on_accepted =
			forks_at_the_second;
		turn(1);
		for (int i = 0; i < 4; i++)
			clients[i] = client_of(f);
		while (events < 4)
			tick(2);
		socle_factory_free(f);
		for (int i = 0; i < 4; i++)
			close(clients[i]);
		turn(2);
	}
}

static void
attempt_and_fork(struct socle_factory *f)
{
	(void)f;
	fork_at(1);
}

static void
a_connection_and_its_failure_are_the_parents(void **state)
{
	int port;

	(void)state;
	recorded.on_attempt = attempt_and_fork;
	for (int refused = 0; refused < 2; refused++) {
		int fd = refused ? refusing(AF_INET, &port)
				 : tcp_listener(&port);

		events = 0;
		recorded.successes = recorded.failures = 0;
		(void)make((struct socle_factory_params){
			.remote_address = "127.0.0.1",
			.remote_port = port_text(port),
			.attempt = record_attempt});
		while (!in_child && recorded.successes + recorded.failures == 0)
			(void)socle_event_loop_once(1000);
		if (in_child)
			_exit(recorded.successes + recorded.failures);
		assert_int_equal(refused, recorded.failures);
		if (!refused)
			close(recorded.fds[0]);
		recorded.fds[0] = -1;
		close(fd);
	}
	notes_clear();
}

static void
close_two(const struct socle_class *cls)
{
	int fds[2];

	pair_unix(fds);
	for (int i = 0; i < 2; i++) {
		struct socle_socket *s;

		assert_int_equal(0, socle_socket_new(cls, fds[i], &s));
		socle_close(s, NULL);
	}
}

static void
destroy_and_fork(struct socle_socket *s)
{
	(void)s;
	fork_at(1);
}

static void
close_fd_and_fork(struct socle_socket *s, int fd)
{
	(void)s;
	(void)fd;
	fork_at(1);
}

static void
what_is_closed_next_is_the_parents(void **state)
{
	static const struct socle_class forks = {.name = "Forks",
		.super = &socle_socket_class,
		.closing_fd = close_fd_and_fork,
		.destroy = destroy_and_fork};

	(void)state;
	close_two(&forks);
	tick(1);
	assert_int_equal(4, events);
}

static void
what_is_destroyed_next_is_the_parents(void **state)
{
	static const struct socle_class forks = {.name = "Forks",
		.super = &socle_socket_class,
		.destroy = destroy_and_fork};

	(void)state;
	close_two(&forks);
	tick(1);
	assert_int_equal(2, events);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		fork_test(no_write_and_no_end_follow_a_read),
		fork_test(received_datagrams_are_the_parents),
		fork_test(queued_datagrams_are_sent_by_the_parent),
		fork_test(datagrams_that_are_dropped_next_are_the_parents),
#ifdef IP_RECVERR
		fork_test(errors_that_the_kernel_keeps_are_the_parents),
#endif
		fork_test(what_a_child_drops_next_is_not_its_childs),
		fork_test(what_the_writer_function_gets_next_is_the_parents),
		fork_test(what_the_kernel_says_of_a_timeout_is_the_parents),
		fork_test(clients_are_the_parents),
		fork_test(a_connection_and_its_failure_are_the_parents),
		fork_test(what_is_closed_next_is_the_parents),
		fork_test(what_is_destroyed_next_is_the_parents),
	};
	return run_tests(tests);
}

/* Factories: their argument, their objects, and sockets that listen already. */
/* backends: all */
#include "tests/support/forking.h"
#include "tests/support/listening.h"

#include <netinet/in.h>
#include <stdio.h>

/* ---- the argument ---- */

static void *seen;

static void
see_arg(struct socle_socket *self, struct socle_factory *by)
{
	(void)self;
	seen = socle_factory_arg(by);
}

static void
ignore(struct socle_factory *f, struct socle_socket *s, void *arg)
{
	(void)f;
	(void)s;
	(void)arg;
}

static void
ignore_failure(
	struct socle_factory *f, const struct socle_failure *why, void *arg)
{
	(void)f;
	(void)why;
	(void)arg;
}

static struct socle_factory_params
params(void *arg)
{
	return (struct socle_factory_params){.bind_address = "127.0.0.1",
		.accept_class = &client_class,
		.accepted = ignore,
		.failure = ignore_failure,
		.arg = arg};
}

static void
event_accepted_finds_the_argument_of_its_factory(void **state)
{
	struct socle_factory_params p = params(&seen);
	int fd;

	(void)state;
	assert_int_equal(0, socle_factory_new(&p, &factory));
	assert_ptr_equal(&seen, socle_factory_arg(factory));
	on_accepted = see_arg;
	fd = client();
	turn_until_count(&accepted, 1);
	assert_ptr_equal(&seen, seen);
	p.arg = &fd;
	socle_factory_set_events(factory, &p);
	assert_ptr_equal(&fd, socle_factory_arg(factory));
	socle_factory_set_events(factory, NULL);
	assert_null(socle_factory_arg(factory));
	close(fd);
}

/* ---- the objects ---- */

enum { CLIENTS = 40 };

static int visited;
static struct socle_socket *visits[CLIENTS];

static void
visit(struct socle_socket *s, void *arg)
{
	assert_ptr_equal(&visited, arg);
	assert_false(socle_closed(s));
	visits[visited++] = s;
}

static void
visit_all(struct socle_factory *f)
{
	visited = 0;
	socle_factory_each(f, visit, &visited);
}

static void
serve_clients(int *fds, int n)
{
	listen_at("127.0.0.1:0");
	clients(fds, n);
	turn_until_count(&accepted, n);
}

static void
an_object_on_fd_0_counts(void **state)
{
	int saved = fd_0_save(), fd;

	(void)state;
	listen_at("127.0.0.1:0");
	fd = client();
	close(0);
	turn_until_count(&accepted, 1);
	assert_int_equal(0, socle_fd(newest));
	assert_int_equal(1, socle_factory_count(factory));
	visit_all(factory);
	assert_int_equal(1, visited);
	socle_close(newest, NULL);
	turn(1);
	assert_int_equal(0, socle_factory_count(factory));
	close(fd);
	fd_0_restore(saved);
}

static void
a_factory_counts_its_live_objects(void **state)
{
	int fds[CLIENTS], stolen;
	struct socle_factory *other = NULL;

	(void)state;
	assert_int_equal(0, socle_listen("127.0.0.1:0", &client_class, &other));
	serve_clients(fds, CLIENTS);
	assert_int_equal(CLIENTS, socle_factory_count(factory));
	assert_int_equal(0, socle_factory_count(other));
	visit_all(factory);
	assert_int_equal(CLIENTS, visited);
	for (int i = 1; i < visited; i++)
		assert_true(socle_fd(visits[i - 1]) < socle_fd(visits[i]));
	socle_close(visits[3], NULL);
	stolen = socle_steal_socket(visits[7]);
	assert_int_equal(CLIENTS - 2, socle_factory_count(factory));
	visit_all(factory);
	assert_int_equal(CLIENTS - 2, visited);
	turn(1);
	close(stolen);
	close_all(fds, CLIENTS);
}

static void
an_fd_that_serves_another_object_is_not_the_factorys(void **state)
{
	struct probe *p;
	int fd, number;

	(void)state;
	serve_clients(&fd, 1);
	number = socle_steal_socket(newest);
	turn(1);
	p = probe_new(number, "");
	assert_int_equal(number, socle_fd(&p->sock));
	assert_int_equal(0, socle_factory_count(factory));
	visit_all(factory);
	assert_int_equal(0, visited);
	close(fd);
}

static void
close_all_objects(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	visited++;
	for (int fd = 0; fd < 1024; fd++) {
		struct socle_socket *any = socle_descriptor(fd);

		if (any)
			socle_close(any, NULL);
	}
}

static void
objects_closed_during_each_are_not_visited(void **state)
{
	int fds[3];

	(void)state;
	serve_clients(fds, 3);
	visited = 0;
	socle_factory_each(factory, close_all_objects, NULL);
	assert_int_equal(1, visited);
	close_all(fds, 3);
}

static void
free_it(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	visited++;
	socle_factory_free(factory);
	turn(2);
}

static void
freeing_the_factory_during_each_ends_it(void **state)
{
	int fds[3];

	(void)state;
	serve_clients(fds, 3);
	visited = 0;
	socle_factory_each(factory, free_it, NULL);
	assert_int_equal(1, visited);
	close_all(fds, 3);
}

static void
without_memory_for_the_note_no_object_is_made(void **state)
{
	int fd;

	(void)state;
	listen_at("127.0.0.1:0");
	fd = client();
	turn_until_count(&accepted, 1);
	close(fd);
	turn(2);
	socle_factory_free(factory);
	listen_at("127.0.0.1:0");
	seam_fail(CALL_realloc, 1, ENOMEM, 1);
	fd = client();
	turn_until_count(&messages, 1);
	assert_int_equal(1, seam_struck());
	assert_int_equal(1, accepted);
	assert_int_equal(0, socle_factory_count(factory));
	close(fd);
}

/* It is not even closed: nothing of it was ever reported. */
static void
without_memory_to_count_it_no_object_is_left(void **state)
{
	struct socle_factory_params p = params(NULL);
	int fd;

	(void)state;
	p.max_connections = 1;
	p.accept_class = &probe_class;
	assert_int_equal(0, socle_factory_new(&p, &factory));
	turn(1);
	seam_time_virtual();
	fd = client();
	seam_fail(CALL_calloc, 1, ENOMEM, 1);
	turn(3);
	assert_int_equal(1, seam_struck());
	assert_notes("");
	assert_int_equal(0, socle_factory_count(factory));
	assert_disconnected(fd);
	close(fd);
	seam_time_add(0.2);
	turn(1);
	fd = client();
	turn(2);
	assert_int_equal(1, socle_factory_count(factory));
	close(fd);
}

/* ---- sockets that listen already ---- */

static void
a_listening_socket_can_be_taken_over(void **state)
{
	int port, fd = tcp_listener(&port), a;

	(void)state;
	on_accepted = see_arg;
	assert_int_equal(
		0, socle_listen_on(fd, &client_class, &accepted, &factory));
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	a = client();
	turn_until_count(&accepted, 1);
	assert_ptr_equal(&accepted, seen);
	assert_served(a);
	assert_int_equal(1, socle_factory_count(factory));
	socle_factory_free(factory);
	turn(1);
	assert_int_equal(-1, fcntl(fd, F_GETFD));
	close(a);
}

static void
a_factory_takes_over_a_listening_socket_too(void **state)
{
	struct socle_factory_params p = params(NULL);
	int port, a;

	(void)state;
	p.bind_address = NULL;
	p.has_listen_fd = true;
	p.listen_fd = tcp_listener(&port);
	assert_int_equal(0, socle_factory_new(&p, &factory));
	a = client();
	turn_until_count(&accepted, 1);
	assert_served(a);
	close(a);
}

static void
a_shared_listener_gets_its_blocking_mode_back(void **state)
{
	int port, fd = tcp_listener(&port), shared = dup(fd);

	(void)state;
	assert_int_equal(0, socle_listen_on(fd, &client_class, NULL, &factory));
	assert_true(fcntl(shared, F_GETFL) & O_NONBLOCK);
	socle_factory_free(factory);
	assert_false(fcntl(shared, F_GETFL) & O_NONBLOCK);
	fd = dup(shared);
	assert_int_equal(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	assert_int_equal(0, socle_listen_on(fd, &client_class, NULL, &factory));
	socle_factory_free(factory);
	assert_true(fcntl(shared, F_GETFL) & O_NONBLOCK);
	turn(1);
	close(shared);
}

static int shared_listener;

/* Whether the parent's listener still does not block. */
static int
stays_unblocked(void)
{
	return fcntl(shared_listener, F_GETFL) & O_NONBLOCK ? 0 : 1;
}

static int
free_inherited(struct probe *unused)
{
	(void)unused;
	socle_factory_free(factory);
	return stays_unblocked();
}

static int
continue_and_free(struct probe *unused)
{
	CHECK(socle_after_fork() == 0);
	return free_inherited(unused);
}

static int
reset_it(struct probe *unused)
{
	(void)unused;
	socle_reset();
	return stays_unblocked();
}

static int
continue_and_reset_it(struct probe *unused)
{
	CHECK(socle_after_fork() == 0);
	return reset_it(unused);
}

/* They share the open file, whose mode is that of both. */
static void
a_child_does_not_unblock_its_parents_listener(void **state)
{
	static int (*const ends[])(struct probe *) = {free_inherited,
		continue_and_free, reset_it, continue_and_reset_it};
	int port, fd = tcp_listener(&port), c;

	(void)state;
	shared_listener = dup(fd);
	assert_int_equal(0, socle_listen_on(fd, &client_class, NULL, &factory));
	turn(1);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		child_run(ends[i], NULL);
		assert_int_equal(0, stays_unblocked());
	}
	c = client();
	turn_until_count(&accepted, 1);
	assert_served(c);
	socle_factory_free(factory);
	assert_int_equal(1, stays_unblocked());
	close(c);
	close(shared_listener);
}

/* socle_listen_on(), or a factory with has_listen_fd. */
static bool as_factory;

static int
take_over(int fd, const struct socle_class *cls, struct socle_factory **ret)
{
	struct socle_factory_params p = params(NULL);

	if (!as_factory)
		return socle_listen_on(fd, cls, NULL, ret);
	p.bind_address = NULL;
	p.has_listen_fd = true;
	p.listen_fd = fd;
	p.accept_class = cls;
	return socle_factory_new(&p, ret);
}

static void
assert_not_taken(int fd, const struct socle_class *cls, int err)
{
	struct socle_factory *none = NULL;
	int mode = fcntl(fd, F_GETFL), flags = fcntl(fd, F_GETFD);

	assert_int_equal(err, take_over(fd, cls, &none));
	assert_null(none);
	turn(1); /* closes what was left to close */
	assert_int_equal(mode, fcntl(fd, F_GETFL));
	assert_int_equal(flags, fcntl(fd, F_GETFD));
}

static void
assert_stay_the_callers(void)
{
	static const struct socle_class nameless = {
		.super = &socle_socket_class};
	int port, fd = tcp_listener(&port), other = tcp_connect(port);
	int pipe[2];

	pair_pipe(pipe);
	assert_not_taken(-1, &client_class, -EBADF);
	assert_not_taken(pipe[0], &client_class, -ENOTSOCK);
	assert_not_taken(other, &client_class, -EINVAL);
	assert_not_taken(fd, NULL, -EINVAL);
	assert_not_taken(fd, &nameless, -EINVAL);
	seam_fail(CALL_fcntl, 2, EPERM, 1);
	assert_not_taken(fd, &client_class, -EPERM);
	seam_fail(CALL_fcntl, 3, EPERM, 1);
	assert_not_taken(fd, &client_class, -EPERM);
	seam_fail(CALL_getsockopt, 2, EIO, 1);
	assert_not_taken(fd, &client_class, -EIO);
	if (changes_are_calls()) {
		seam_fail(CALL_change, 1, ENOSPC, 1);
		assert_not_taken(fd, &client_class, -ENOSPC);
	}
	assert_int_equal(0, take_over(fd, &client_class, &factory));
	assert_not_taken(fd, &client_class, -EEXIST);
	close(other);
	close(pipe[0]);
	close(pipe[1]);
}

static void
a_socket_that_cannot_be_taken_over_stays_the_callers(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		as_factory = i > 0;
		assert_stay_the_callers();
	}
}

static void
a_socket_that_is_not_taken_over_leaves_no_factory_behind(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	for (int i = 0; i < 2; i++) {
		long blocks;

		as_factory = i > 0;
		assert_not_taken(fds[0], &client_class, -EINVAL);
		turn(1);
		blocks = seam_live_blocks();
		assert_not_taken(fds[0], &client_class, -EINVAL);
		turn(1);
		assert_int_equal(blocks, seam_live_blocks());
	}
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		listen_test(event_accepted_finds_the_argument_of_its_factory),
		listen_test(a_factory_counts_its_live_objects),
		listen_test(an_object_on_fd_0_counts),
		listen_test(
			an_fd_that_serves_another_object_is_not_the_factorys),
		listen_test(objects_closed_during_each_are_not_visited),
		listen_test(freeing_the_factory_during_each_ends_it),
		listen_test(without_memory_for_the_note_no_object_is_made),
		listen_test(without_memory_to_count_it_no_object_is_left),
		listen_test(a_listening_socket_can_be_taken_over),
		listen_test(a_factory_takes_over_a_listening_socket_too),
		listen_test(a_shared_listener_gets_its_blocking_mode_back),
		listen_test(a_child_does_not_unblock_its_parents_listener),
		listen_test(
			a_socket_that_cannot_be_taken_over_stays_the_callers),
		listen_test(
			a_socket_that_is_not_taken_over_leaves_no_factory_behind),
	};

	return run_tests(tests);
}

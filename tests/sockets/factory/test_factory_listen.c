/* Factories that listen: limits, shortages, pauses, batches, files, ports. */
/* backends: all */
#include "tests/support/making.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/un.h>

static int fds[128];

static struct socle_factory *
serve(struct socle_factory_params p)
{
	p.bind_address = "127.0.0.1";
	p.bind_port = "0";
	return make(p);
}

static void
clients(const struct socle_factory *f, int n)
{
	for (int i = 0; i < n; i++)
		fds[i] = client_of(f);
}

static void
close_clients(int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

/* ---- accepted sockets ---- */

/* TF13 */
static void
an_accepted_fd_is_non_blocking_and_close_on_exec(void **state)
{
	struct socle_factory *f = serve((struct socle_factory_params){0});
	struct socle_addr a = {.len = sizeof(a.u)};

	(void)state;
	clients(f, 1);
	turn_until_count(&recorded.successes, 1);
	assert_true(fcntl(recorded.fds[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(recorded.fds[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(0, getsockname(fds[0], &a.u.sa, &a.len));
	assert_int_equal(socle_addr_port(&a), socle_addr_port(&recorded.peer));
	close_clients(1);
}

static int accepted_first;

static void
count_accepted_first(struct socle_socket *self, struct socle_factory *by)
{
	(void)by;
	assert_int_equal(SOCLE_READ, socle_watching(self));
	accepted_first += recorded.accepts == 0;
}

static const struct socle_class counting_class = {
	.name = "Told",
	.super = &socle_socket_class,
	.event_accepted = count_accepted_first,
};

static void
event_accepted_runs_before_the_accepted_callback(void **state)
{
	struct socle_factory *f = serve(
		(struct socle_factory_params){.accept_class = &counting_class});

	(void)state;
	accepted_first = 0;
	clients(f, 1);
	turn_until_count(&recorded.accepts, 1);
	assert_int_equal(1, accepted_first);
	close_clients(1);
}

static void
with_accepted_disabled_fds_are_passed_with_their_peer(void **state)
{
	struct socle_factory *f = serve(
		(struct socle_factory_params){.accept_class = &counting_class});

	(void)state;
	socle_factory_set_events(
		f, &(struct socle_factory_params){.success = record_success});
	clients(f, 1);
	turn_until_count(&recorded.successes, 1);
	assert_true(recorded.has_peer);
	close_clients(1);
}

/* ---- limits ---- */

/* TF08 */
static void
max_connections_limits_objects_until_one_closes(void **state)
{
	struct socle_factory *f = serve((struct socle_factory_params){
		.max_connections = 2, .accept_class = &socle_socket_class});

	(void)state;
	clients(f, 5);
	for (int i = 2; i <= 5; i++) {
		turn(6);
		assert_int_equal(i, recorded.accepts);
		assert_int_equal(2, socle_watched_sockets());
		socle_close(recorded.object, NULL);
	}
	turn(1);
	assert_int_equal(1, socle_watched_sockets());
	close_clients(5);
}

/* TF08 */
static void
max_connections_limits_fds_until_one_is_released(void **state)
{
	struct socle_factory *f =
		serve((struct socle_factory_params){.max_connections = 2});

	(void)state;
	clients(f, 4);
	turn(6);
	assert_int_equal(2, recorded.successes);
	socle_factory_release(f);
	turn(6);
	assert_int_equal(3, recorded.successes);
	close_clients(4);
}

static struct socle_socket *objects[4];
static int n_objects;

static void
keep_object(struct socle_factory *f)
{
	(void)f;
	objects[n_objects++] = recorded.object;
}

static void
a_counting_factory_may_be_freed_before_its_objects(void **state)
{
	struct socle_factory *f = serve((struct socle_factory_params){
		.max_connections = 3, .accept_class = &socle_socket_class});

	(void)state;
	n_objects = 0;
	recorded.on_accepted = keep_object;
	clients(f, 3);
	turn_until_count(&recorded.accepts, 3);
	socle_factory_free(f);
	turn(2);
	socle_close(objects[0], NULL);
	close(socle_steal_socket(objects[1]));
	turn(2);
	assert_int_equal(1, socle_watched_sockets());
	close_clients(3);
	/* The reset closes the last one. */
}

static void
close_object(struct socle_factory *f)
{
	(void)f;
	socle_close(recorded.object, NULL);
}

static void
a_full_factory_continues_if_the_object_closes_in_accepted(void **state)
{
	struct socle_factory *f = serve((struct socle_factory_params){
		.max_connections = 1, .accept_class = &socle_socket_class});

	(void)state;
	recorded.on_accepted = close_object;
	clients(f, 5);
	turn_until_count(&recorded.accepts, 5);
	close_clients(5);
}

static int other_served;

static void
other_ready(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)ready;
	(void)arg;
	other_served++;
}

/* TF24 */
static void
other_fds_are_served_between_batches(void **state)
{
	struct socle_factory *f =
		serve((struct socle_factory_params){.accept_batch = 16});
	int pipe_fds[2], max = 0, ticks = 0;

	(void)state;
	pair_pipe(pipe_fds);
	assert_int_equal(1, write(pipe_fds[1], "x", 1));
	assert_int_equal(0,
		socle_add_other_fd(pipe_fds[0], SOCLE_READ, other_ready, NULL));
	other_served = 0;
	clients(f, 100);
	while (recorded.successes < 100 && ticks++ < 50) {
		int before = recorded.successes;

		turn(1);
		assert_int_equal(ticks, other_served);
		if (recorded.successes - before > max)
			max = recorded.successes - before;
	}
	assert_int_equal(100, recorded.successes);
	assert_int_equal(16, max);
	assert_int_equal(0, socle_remove_other_fd(pipe_fds[0]));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	close_clients(100);
}

static void
batches_double_up_to_their_limit(void **state)
{
	static const int taken_by[] = {1, 3, 7, 15, 26, 37};
	struct socle_factory *f =
		serve((struct socle_factory_params){.accept_batch = 11});

	(void)state;
	clients(f, 37);
	for (size_t i = 0; i < sizeof(taken_by) / sizeof(taken_by[0]); i++) {
		turn(1);
		assert_int_equal(taken_by[i], recorded.successes);
	}
	close_clients(37);
}

/* ---- shortages ---- */

static void
spare_fds(struct rlimit *before, int n)
{
	struct rlimit r;
	int fd = dup(1);

	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(0, getrlimit(RLIMIT_NOFILE, before));
	r = *before;
	r.rlim_cur = (rlim_t)(fd + n);
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &r));
}

static bool
has_real_limits(void)
{
	return !getenv("UNDER");
}

/* TF12 */
static void
without_fds_a_listener_pauses_and_reports_once(void **state)
{
	struct socle_factory *f = serve((struct socle_factory_params){0});
	struct rlimit before;
	int spare;

	(void)state;
	skip_where_accept_loses_the_client();
	if (backend_is("libkqueue"))
		skip_because("libkqueue frees fds in a thread");
	if (!has_real_limits())
		skip_because("valgrind keeps the limit itself");
	turn(1);
	clients(f, 1);
	spare = dup(1);
	spare_fds(&before, 0);
	seam_time_virtual();
	seam_count_reset();
	pass_time(5);
	assert_int_equal(1, recorded.failures);
	assert_string_equal("accept", recorded.why.operation);
	assert_int_equal(-EMFILE, recorded.why.err);
	assert_in_range(seam_count(CALL_accept4), 40, 55);
	/*
	 * kqueue reports a queued client once more while the listener is paused
	 */
	assert_in_range(seam_waits(), 40, 180);
	close(spare);
	pass_time(0.11);
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
	assert_int_equal(1, recorded.successes);
	close_clients(1);
}

/* TF12 */
static void
without_fds_a_listener_can_shed_clients(void **state)
{
	struct socle_factory *f = serve(
		(struct socle_factory_params){.emfile = SOCLE_EMFILE_SHED});
	struct rlimit before;
	char c;

	(void)state;
	skip_where_accept_loses_the_client();
	if (!has_real_limits())
		skip_because("valgrind keeps the limit itself");
	turn(1);
	clients(f, 5);
	spare_fds(&before, 0);
	seam_time_virtual();
	seam_count_reset();
	pass_time(5);
	assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &before));
	assert_int_equal(0, recorded.successes);
	assert_int_equal(1, recorded.failures);
	assert_int_equal(-EMFILE, recorded.why.err);
	for (int i = 0; i < 5; i++)
		assert_true(recv(fds[i], &c, 1, 0) <= 0);
	assert_in_range(seam_waits(), 1, 30);
	close_clients(5);
	clients(f, 1);
	pass_time(0.2);
	assert_int_equal(1, recorded.successes);
	close_clients(1);
}

/* TF12 */
static void
shedding_continues_after_a_client_that_has_left(void **state)
{
	(void)state;
	skip_where_accept_loses_the_client();
	clients(serve((struct socle_factory_params){
			.emfile = SOCLE_EMFILE_SHED}),
		1);
	seam_time_virtual();
	seam_fail(CALL_accept4, 1, EMFILE, 1);
	seam_fail(CALL_accept4, 2, EAGAIN, 1);
	turn(2);
	assert_int_equal(1, recorded.successes);
	assert_int_equal(0, recorded.failures);
	close_clients(1);
}

static int (*real_accept4)(int, struct sockaddr *, socklen_t *, int);

/* As macOS' accept(2) without a free fd: the client is gone. */
static int
dropping_accept4(int fd, struct sockaddr *a, socklen_t *n, int flags)
{
	int taken = real_accept4(fd, a, n, flags);

	socle__seam.accept4 = real_accept4;
	assert_true(taken >= 0);
	close(taken);
	errno = EMFILE;
	return -1;
}

/* TF12 */
static void
where_accept_drops_a_client_shedding_loses_no_second_one(void **state)
{
	const bool drops = socle__seam.accept_drops;
	char c;

	(void)state;
	socle__seam.accept_drops = true;
	clients(serve((struct socle_factory_params){
			.emfile = SOCLE_EMFILE_SHED}),
		2);
	real_accept4 = socle__seam.accept4;
	socle__seam.accept4 = dropping_accept4;
	turn_until_count(&recorded.successes, 1);
	assert_int_equal(-EMFILE, recorded.why.err);
	assert_true(recv(fds[0], &c, 1, 0) <= 0);
	assert_int_equal(-1, recv(fds[1], &c, 1, MSG_DONTWAIT));
	socle__seam.accept_drops = drops;
	close_clients(2);
}

/* TF12 */
static void
a_recurring_shortage_is_reported_once_a_second(void **state)
{
	struct socle_factory *f = serve((struct socle_factory_params){0});

	(void)state;
	skip_where_accept_loses_the_client();
	if (backend_is("libkqueue"))
		skip_because("libkqueue frees fds in a thread");
	seam_time_virtual();
	for (int i = 0; i < 40; i++) {
		seam_fail(CALL_accept4, 1, EMFILE, 1);
		clients(f, 1);
		pass_time(0.11);
		close_clients(1);
	}
	assert_int_equal(40, recorded.successes);
	assert_in_range(recorded.failures, 3, 6);
}

static void
free_it(struct socle_factory *f)
{
	socle_factory_free(f);
}

static void
a_listener_may_be_freed_in_the_report_of_a_shortage(void **state)
{
	static const int policies[] = {SOCLE_EMFILE_PAUSE, SOCLE_EMFILE_SHED};

	(void)state;
	recorded.on_failure = free_it;
	for (int i = 0; i < 2; i++) {
		struct socle_factory *f = serve(
			(struct socle_factory_params){.emfile = policies[i]});

		clients(f, 3);
		seam_fail(CALL_accept4, 1, EMFILE, 1);
		turn_until_count(&recorded.failures, i + 1);
		turn(2);
		close_clients(3);
	}
	assert_int_equal(0, recorded.successes);
}

static void
transient_errors_are_skipped(void **state)
{
	struct socle_factory *f = serve((struct socle_factory_params){0});

	(void)state;
	clients(f, 1);
	seam_fail(CALL_accept4, 1, ECONNABORTED, 2);
	turn_until_count(&recorded.successes, 1);
	assert_int_equal(0, recorded.failures);
	close_clients(1);
}

static void
a_persistent_error_is_reported_and_pauses_the_listener(void **state)
{
	struct socle_factory *f = serve((struct socle_factory_params){0});

	(void)state;
	clients(f, 1);
	seam_fail(CALL_accept4, 1, EINVAL, 1);
	assert_fails(f, "accept", -EINVAL);
	turn(5);
	assert_int_equal(1, recorded.failures);
	socle_resume_accept(f);
	turn_until_count(&recorded.successes, 1);
	close_clients(1);
}

/* Its number may belong to someone else by then, and is not closed. */
static void
a_listening_fd_that_was_closed_elsewhere_is_reported(void **state)
{
	int port, fd = tcp_listener(&port), other;
	struct socle_factory *f = make((struct socle_factory_params){
		.has_listen_fd = true, .listen_fd = fd});

	(void)state;
	socle_pause_accept(f);
	turn(1);
	close(fd);
	socle_resume_accept(f);
	assert_fails(f, "accept", -EBADF);
	turn(5);
	assert_int_equal(1, recorded.failures);
	other = tcp_listener(&port);
	assert_int_equal(fd, other);
	socle_factory_free(f);
	turn(1);
	assert_false(fcntl(other, F_GETFL) & O_NONBLOCK);
	close(other);
}

/* ---- pauses ---- */

/* TF16 */
static void
a_pause_survives_other_events_until_the_resume(void **state)
{
	struct socle_factory *f = serve((struct socle_factory_params){0});

	(void)state;
	socle_pause_accept(f);
	socle_pause_accept(f);
	socle_factory_set_events(f,
		&(struct socle_factory_params){
			.success = record_success, .failure = record_failure});
	clients(f, 1);
	turn(5);
	assert_int_equal(0, recorded.successes);
	socle_resume_accept(f);
	turn_until_count(&recorded.successes, 1);
	close_clients(1);
}

static void
pausing_a_connector_does_nothing(void **state)
{
	struct socle_factory *f = serve((struct socle_factory_params){0});
	struct socle_factory *c = make((struct socle_factory_params){
		.remote_address = "127.0.0.1", .remote_port = port_of(f)});

	(void)state;
	socle_pause_accept(c);
	turn_until_count(&recorded.successes, 2);
	socle_resume_accept(c);
	turn(2);
}

/* ---- files ---- */

static void
stale_socket(const char *path, bool live, int *fd)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	memcpy(a.sun_path, path, strlen(path) + 1);
	*fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(0, bind(*fd, (struct sockaddr *)&a, sizeof(a)));
	assert_int_equal(0, listen(*fd, 8));
	if (!live)
		close(*fd);
}

static struct socle_factory *
serve_file(const char *path)
{
	return make((struct socle_factory_params){.socket_domain = AF_UNIX,
		.bind_address = path,
		.unlink_stale = true,
		.unlink_on_close = true});
}

/* TF20 */
static void
only_a_stale_unix_socket_is_replaced(void **state)
{
	const char *path = in_dir("s");
	int fd;

	(void)state;
	stale_socket(path, false, &fd);
	socle_factory_free(serve_file(path));
	assert_int_equal(0, recorded.failures);
	assert_false(is_there(path));
	stale_socket(path, true, &fd);
	assert_fails(serve_file(path), "bind", -EADDRINUSE);
	assert_true(is_there(path));
	close(fd);
	unlink(path);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_fails(serve_file(path), "bind", -EADDRINUSE);
	assert_true(is_there(path));
	close(fd);
	unlink(path);
}

/* TF21 */
static void
only_the_listeners_own_file_is_removed(void **state)
{
	const char *path = in_dir("s");
	struct socle_factory *f = serve_file(path);
	int fd;

	(void)state;
	socle_factory_free(f);
	assert_false(is_there(path));
	f = serve_file(path);
	unlink(path);
	stale_socket(path, true, &fd);
	socle_factory_free(f);
	assert_true(is_there(path));
	close(fd);
	unlink(path);
}

static void
a_failed_unix_client_leaves_no_file_behind(void **state)
{
	const char *own = in_dir("c");
	struct socle_factory_params p = {.socket_domain = AF_UNIX,
		.bind_address = own,
		.remote_address = in_dir("nobody")};

	(void)state;
	assert_fails(make(p), "connect", -ENOENT);
	assert_false(is_there(own));
	p.remote_address = in_dir("s");
	socle_pause_accept(serve_file(p.remote_address));
	seam_fail(CALL_getsockopt, 1, ENOBUFS, 1);
	assert_fails(make(p), "connect", -ENOBUFS);
	assert_false(is_there(own));
}

/* ---- ports ---- */

/* TF27 */
static void
a_dual_stack_listener_serves_ipv4_and_a_v6only_one_does_not(void **state)
{
	struct socle_factory_params p = {
		.socket_domain = AF_INET6, .bind_address = "::"};
	struct socle_factory *f;
	struct socle_factory_params v4 = {.remote_address = "127.0.0.1"};

	(void)state;
	if (!has_ipv6())
		skip_because("there is no ::1");
	f = make(p);
	v4.remote_port = port_of(f);
	make(v4);
	turn_until_count(&recorded.successes, 2);
	make((struct socle_factory_params){.socket_domain = AF_INET6,
		.remote_address = "::1",
		.remote_port = port_of(f)});
	turn_until_count(&recorded.successes, 4);
	p.v6only = true;
	v4.remote_port = port_of(make(p));
	assert_fails(make(v4), "connect", -ECONNREFUSED);
}

/* TF28 */
static void
two_listeners_share_a_port_if_both_set_reuse_port(void **state)
{
	struct socle_factory_params p = {
		.bind_address = "127.0.0.1", .reuse_port = true};
	struct socle_addr a;

	(void)state;
	p.bind_port = port_of(make(p));
	assert_int_equal(0, socle_factory_getsockname(make(p), &a));
	p.reuse_port = false;
	p.reuse = true;
	assert_fails(make(p), "bind", -EADDRINUSE);
}

static int backlog_seen;
static int (*real_listen)(int fd, int backlog);

static int
see_backlog(int fd, int backlog)
{
	backlog_seen = backlog;
	return real_listen(fd, backlog);
}

static void
the_queue_is_at_most_somaxconn(void **state)
{
	static const struct {
		int asked, got;
	} rows[] = {{0, SOCLE__BACKLOG_MOST}, {7, 7},
		{SOCLE__BACKLOG_MOST + 1, SOCLE__BACKLOG_MOST}};

	(void)state;
	real_listen = socle__seam.listen;
	socle__seam.listen = see_backlog;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		serve((struct socle_factory_params){
			.listen_queue = rows[i].asked});
		assert_int_equal(rows[i].got, backlog_seen);
	}
	socle__seam.listen = real_listen;
}

static void
a_listener_after_shutdown_does_not_spin(void **state)
{
	struct socle_factory *f = serve((struct socle_factory_params){0});
	struct socle_addr a;
	int fd = -1;

	(void)state;
	turn(1);
	assert_int_equal(0, socle_factory_getsockname(f, &a));
	for (int i = 0; i < 64 && fd < 0; i++) {
		struct socle_addr b = {.len = sizeof(b.u)};

		if (getsockname(i, &b.u.sa, &b.len) == 0 && b.len == a.len &&
			memcmp(&a.u, &b.u, a.len) == 0)
			fd = i;
	}
	assert_int_equal(0, shutdown(fd, SHUT_RDWR));
	seam_time_virtual();
	seam_count_reset();
	pass_time(5);
	assert_in_range(recorded.failures, 0, 1);
	assert_in_range(seam_waits(), 1, 64 + 4 * 51);
}

/* Each tick finds the listener readable; so do other processes' clients. */
static void
a_listener_that_brings_no_client_rests(int err)
{
	struct socle_factory *f = serve((struct socle_factory_params){0});
	int client = tcp_connect(atoi(port_of(f)));

	seam_time_virtual();
	seam_fail(CALL_accept4, 1, err, -1);
	seam_count_reset();
	pass_time(5);
	/* kqueue reports the client once more during each rest */
	assert_in_range(seam_waits(), 64, 64 + 4 * 51);
	assert_int_equal(err == ECONNABORTED, recorded.failures);

	seam_heal();
	pass_time(1);
	assert_int_equal(1, recorded.successes);
	socle_factory_free(f);
	close(client);
}

static void
a_listener_whose_clients_are_gone_does_not_spin(void **state)
{
	(void)state;
	a_listener_that_brings_no_client_rests(ECONNABORTED);
}

static void
a_listener_whose_clients_others_take_does_not_spin(void **state)
{
	(void)state;
	a_listener_that_brings_no_client_rests(EAGAIN);
}

/* A batch grows with each tick, so that few ticks suffice. */
static void
many_clients_that_are_gone_in_few_ticks_do_not_pause_a_listener(void **state)
{
	struct socle_factory *f = serve((struct socle_factory_params){0});

	(void)state;
	clients(f, 1);
	seam_time_virtual();
	seam_fail(CALL_accept4, 1, ECONNABORTED, 200);
	turn(12);
	assert_int_equal(1, recorded.successes);
	assert_int_equal(0, recorded.failures);
	close_clients(1);
}

/* Another thread has taken the fd that was given back. */
static void
a_client_that_cannot_be_shed_waits(void **state)
{
	struct socle_factory *f = serve(
		(struct socle_factory_params){.emfile = SOCLE_EMFILE_SHED});
	int fd;

	(void)state;
	skip_where_accept_loses_the_client();
	fd = client_of(f);
	seam_fail(CALL_accept4, 1, EMFILE, 2);
	turn(2);
	assert_int_equal(2, seam_count(CALL_accept4));
	assert_int_equal(0, recorded.successes);
	socle_resume_accept(f);
	turn_until_count(&recorded.successes, 1);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		making_test(an_accepted_fd_is_non_blocking_and_close_on_exec),
		making_test(event_accepted_runs_before_the_accepted_callback),
		making_test(
			with_accepted_disabled_fds_are_passed_with_their_peer),
		making_test(max_connections_limits_objects_until_one_closes),
		making_test(max_connections_limits_fds_until_one_is_released),
		making_test(a_counting_factory_may_be_freed_before_its_objects),
		making_test(
			a_full_factory_continues_if_the_object_closes_in_accepted),
		making_test(other_fds_are_served_between_batches),
		making_test(batches_double_up_to_their_limit),
		making_test(without_fds_a_listener_pauses_and_reports_once),
		making_test(without_fds_a_listener_can_shed_clients),
		making_test(shedding_continues_after_a_client_that_has_left),
		making_test(
			where_accept_drops_a_client_shedding_loses_no_second_one),
		making_test(a_recurring_shortage_is_reported_once_a_second),
		making_test(
			a_listener_may_be_freed_in_the_report_of_a_shortage),
		making_test(transient_errors_are_skipped),
		making_test(
			a_persistent_error_is_reported_and_pauses_the_listener),
		making_test(
			a_listening_fd_that_was_closed_elsewhere_is_reported),
		making_test(a_pause_survives_other_events_until_the_resume),
		making_test(pausing_a_connector_does_nothing),
		making_test(only_a_stale_unix_socket_is_replaced),
		making_test(only_the_listeners_own_file_is_removed),
		making_test(a_failed_unix_client_leaves_no_file_behind),
		making_test(
			a_dual_stack_listener_serves_ipv4_and_a_v6only_one_does_not),
		making_test(two_listeners_share_a_port_if_both_set_reuse_port),
		making_test(the_queue_is_at_most_somaxconn),
		making_test(a_listener_after_shutdown_does_not_spin),
		making_test(a_listener_whose_clients_are_gone_does_not_spin),
		making_test(a_listener_whose_clients_others_take_does_not_spin),
		making_test(
			many_clients_that_are_gone_in_few_ticks_do_not_pause_a_listener),
		making_test(a_client_that_cannot_be_shed_waits),
	};

	return run_tests(tests);
}

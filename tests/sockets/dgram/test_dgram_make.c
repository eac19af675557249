/*
 * Making dgrams: their parameters, their class, and the limits of that class.
 */
/* backends: all */
#include "tests/support/dgrams.h"

#include <fcntl.h>
#include <stdio.h>

static void
init_leaves_the_fields_of_a_subclass_alone(void **state)
{
	static struct recorder t = {.received = 42};
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(
		0, socle_dgram_init(&t.dgram, &recorder_class, fds[0], NULL));
	assert_int_equal(42, t.received);
	assert_int_equal(fds[0], socle_fd(&t.dgram.sock));
	assert_int_equal(SOCLE_READ, socle_watching(&t.dgram.sock));
	assert_ptr_equal(&recorder_class.cls, socle_class_of(&t.dgram.sock));
	assert_ptr_equal(&t.dgram.sock, socle_descriptor(fds[0]));
	assert_int_equal(1, socle_watched_sockets());
	socle_reset();
	notes_clear();
	close(fds[1]);
}

static void
the_fd_is_made_non_blocking_and_close_on_exec(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
	recorder_new(fds[0], NULL);
	assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	close(fds[1]);
}

static int
make_of(int fd)
{
	struct socle_dgram *d;

	return socle_dgram_new(&recorder_class, fd, NULL, &d);
}

static void
an_fd_that_is_not_a_socket_is_refused(void **state)
{
	int fds[2];

	(void)state;
	pair_pipe(fds);
	assert_int_equal(-ENOTSOCK, make_of(fds[0]));
	assert_int_equal(-EBADF, make_of(-1));
	close(fds[0]);
	assert_int_equal(-EBADF, make_of(fds[0]));
	close(fds[1]);
}

static void
an_fd_already_in_use_is_refused(void **state)
{
	const struct socle_dgram_params p = {.pktinfo = true};
	struct socle_dgram *d;
	struct socle_addr a;
	int fd = udp_bound(&a);

	(void)state;
	recorder_new(fd, NULL);
	assert_int_equal(-EEXIST, socle_dgram_new(&recorder_class, fd, &p, &d));
}

static void
invalid_parameters_are_refused(void **state)
{
	const struct socle_dgram_params huge = {
		.recv_len = (size_t)INT32_MAX + 1};
	struct socle_dgram *d;
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(
		-EINVAL, socle_dgram_new(&recorder_class, fds[0], &huge, &d));
	t = recorder_new(fds[0], NULL);
	assert_int_equal(-EINVAL,
		socle_dgram_configure(&t->dgram, &huge, SOCLE_DGRAM_RECV_LEN));
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram, &huge, SOCLE_DGRAM_RECV_ALL));
	datagram(fds[1], "x");
	turn(1);
	assert_notes("<x>");
	close(fds[1]);
}

static void
pktinfo_is_refused_where_it_is_not_supported(void **state)
{
	const struct socle_dgram_params p = {
		.pktinfo = true, .autoflush = true};
	struct socle_dgram *d;
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(
		-EOPNOTSUPP, socle_dgram_new(&recorder_class, fds[0], &p, &d));
	t = recorder_new(fds[0], NULL);
	assert_int_equal(
		-EOPNOTSUPP, socle_dgram_configure(&t->dgram, &p, ~0u));
	assert_int_equal(
		0, socle_dgram_send(&t->dgram, "held back", 9, 0, NULL));
	turn(1);
	notes_clear();
	close(fds[1]);
}

static void
gso_and_gro_are_ignored_where_they_are_not_supported(void **state)
{
	const struct socle_dgram_params p = {.gso = true, .gro = true};
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &p);
	recorder_send(t, "one");
	recorder_send(t, "two");
	turn(1);
	assert_receives(fds[1], "one");
	assert_receives(fds[1], "two");
	datagram(fds[1], "x");
	turn(1);
	assert_notes("empty <x>");
	close(fds[1]);
}

static void
configure_changes_only_the_named_fields(void **state)
{
	struct socle_dgram_params p = {.arg = &p, .autoflush = true};
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &p);
	assert_ptr_equal(&p, socle_dgram_arg(&t->dgram));
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram,
			&(struct socle_dgram_params){0}, SOCLE_DGRAM_ARG));
	assert_null(socle_dgram_arg(&t->dgram));
	assert_int_equal(1, recorder_send(t, "at once"));
	assert_int_equal(0, socle_dgram_configure(&t->dgram, &p, ~0u));
	socle_close(&t->dgram.sock, NULL);
	assert_ptr_equal(&p, socle_dgram_arg(&t->dgram));
	assert_int_equal(-EBADF, socle_dgram_configure(&t->dgram, &p, ~0u));
	notes_clear();
	socle_reset();
	notes_clear();
	close(fds[1]);
}

/* ---- the family ---- */

static void
stream_and_dgram_classes_are_not_interchangeable(void **state)
{
	static const struct socle_dgram_class stray = {
		.cls = {.name = "Stray", .super = &socle_socket_class}};
	struct socle_socket *s;
	struct socle_dgram *d;
	struct recorder *t;
	struct probe *p;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(
		-EINVAL, socle_socket_new(&recorder_class.cls, fds[0], &s));
	assert_int_equal(-EINVAL, socle_dgram_new(&stray, fds[0], NULL, &d));
	assert_int_equal(-EINVAL, socle_dgram_new(NULL, fds[0], NULL, &d));
	t = recorder_new(fds[0], NULL);
	p = probe_new(fds[1], NULL);
	assert_int_equal(
		-EINVAL, socle_set_class(&t->dgram.sock, &probe_class));
	assert_int_equal(
		-EINVAL, socle_set_class(&p->sock, &socle_dgram_class.cls));
	/* the loop has resolved the class by now; the family still differs */
	assert_int_equal(
		-EINVAL, socle_socket_new(&recorder_class.cls, fds[0], &s));
	assert_int_equal(
		-EINVAL, socle_set_class(&p->sock, &recorder_class.cls));
	assert_int_equal(
		0, socle_set_class(&t->dgram.sock, &socle_dgram_class.cls));
}

static void
a_listener_refuses_a_dgram_class(void **state)
{
	struct socle_factory *f;

	(void)state;
	assert_int_equal(
		-EINVAL, socle_listen("127.0.0.1:0", &recorder_class.cls, &f));
}

static void mark_on_recv(
	struct socle_dgram *self, const struct socle_packet *p);
static void mark_on_recv_error(struct socle_dgram *self, int err);
static void mark_on_send_error(
	struct socle_dgram *self, int err, const struct socle_packet *p);
static void mark_on_empty(struct socle_dgram *self);

static const struct socle_dgram_class mark_class = {
	.cls = {.name = "Mark", .super = &recorder_class.cls},
	.on_recv = mark_on_recv,
	.on_recv_error = mark_on_recv_error,
	.on_send_error = mark_on_send_error,
	.on_outgoing_empty = mark_on_empty,
};

static void
mark_on_recv(struct socle_dgram *self, const struct socle_packet *p)
{
	note("mark");
	socle_super_on_recv(&mark_class, self, p);
}

static void
mark_on_recv_error(struct socle_dgram *self, int err)
{
	note("mark");
	socle_super_on_recv_error(&mark_class, self, err);
}

static void
mark_on_send_error(
	struct socle_dgram *self, int err, const struct socle_packet *p)
{
	note("mark");
	socle_super_on_send_error(&mark_class, self, err, p);
}

static void
mark_on_empty(struct socle_dgram *self)
{
	note("mark");
	socle_super_on_outgoing_empty(&mark_class, self);
}

static void
super_calls_go_to_the_class_above(void **state)
{
	struct socle_dgram *d;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(0, socle_dgram_new(&mark_class, fds[0], NULL, &d));
	datagram(fds[1], "x");
	turn(1);
	assert_notes("mark <x>");
	seam_fail(CALL_recvmsg, 1, EIO, 1);
	datagram(fds[1], "y");
	turn(1);
	assert_notes("mark rerr-5");
	socle_watch_read(&d->sock, false);
	seam_fail(CALL_sendto, 1, EIO, 1);
	socle_dgram_send(d, "z", 1, 0, NULL);
	turn(1);
	assert_notes("mark serr-5:z mark empty");
	close(fds[1]);
}

static void
super_calls_at_the_root_do_the_default(void **state)
{
	static const struct socle_packet p;
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	socle_super_on_recv(&recorder_class, &t->dgram, &p);
	socle_super_on_outgoing_empty(&recorder_class, &t->dgram);
	socle_super_on_send_error(&recorder_class, &t->dgram, -EMSGSIZE, &p);
	socle_super_on_recv_error(&recorder_class, &t->dgram, -ECONNREFUSED);
	assert_notes("");
	socle_super_on_send_error(&recorder_class, &t->dgram, -EBADF, &p);
	assert_notes("close(send_error)");
	socle_reset();
	notes_clear();
	close(fds[1]);
}

static ssize_t
no_reader(struct socle_socket *s, void *data, size_t len, void *arg)
{
	(void)s;
	(void)data;
	(void)len;
	(void)arg;
	return -EAGAIN;
}

static ssize_t
no_writer(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	(void)s;
	(void)data;
	(void)len;
	(void)arg;
	return -EAGAIN;
}

static void
no_closure(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	note("closure");
}

static void
stream_only_functions_are_refused(void **state)
{
	struct socle_socket *s;
	char c[1];
	int fds[2];

	(void)state;
	pair_dgram(fds);
	s = &recorder_new(fds[0], NULL)->dgram.sock;
	assert_int_equal(-EINVAL, socle_write(s, "x", 1));
	assert_int_equal(-EINVAL, socle_write_ref(s, "x", 1, NULL, NULL));
	assert_int_equal(-EINVAL, socle_write_func(s, no_closure, NULL, NULL));
	assert_int_equal(-EINVAL,
		socle_sendfile(s,
			&(struct socle_sendfile){
				.file = "/dev/null", .length = 0}));
	assert_int_equal(-EINVAL, socle_read(s, c, 1));
	assert_int_equal(-EINVAL, socle_push_back_read(s, "x", 1));
	assert_int_equal(-EINVAL, socle_unread(s, "x", 1));
	assert_int_equal(-EINVAL, socle_set_reader_func(s, no_reader, NULL));
	assert_int_equal(-EINVAL, socle_set_writer_func(s, no_writer, NULL));
	turn(1);
	assert_notes("");
	assert_receives_nothing(fds[1]);
	close(fds[1]);
}

static void
a_kick_sends_queued_datagrams(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(
		fds[0], &(struct socle_dgram_params){.send_all = true});
	recorder_send(t, "1");
	recorder_send(t, "2");
	assert_int_equal(1, socle_write_kick(&t->dgram.sock));
	assert_receives(fds[1], "1");
	assert_receives(fds[1], "2");
	assert_notes("empty");
	close(fds[1]);
}

static void
as_string_describes_a_dgram(void **state)
{
	struct socle_addr a;
	char text[80], want[80];
	struct recorder *t;
	int fd = udp_bound(&a);

	(void)state;
	t = recorder_new(udp_to(&a), NULL);
	snprintf(want, sizeof(want), "Told(R): open to 127.0.0.1:%d",
		socle_addr_port(&a));
	socle_as_string(&t->dgram.sock, text, sizeof(text));
	assert_string_equal(want, text);
	close(fd);
}

/* ---- what the kernel refuses ---- */

static void
init_refuses_a_class_of_streams(void **state)
{
	static const struct socle_dgram_class stream_class = {
		.cls = {.name = "Stream",
			.super = &socle_socket_class,
			.size = sizeof(struct recorder)}};
	struct recorder t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(-EINVAL,
		socle_dgram_init(&t.dgram, &stream_class, fds[0], NULL));
	close(fds[0]);
	close(fds[1]);
}

/* The address is there, the port is not. */
static void
without_the_own_name_the_destination_has_no_port(void **state)
{
	static const struct socle_dgram_params p = {.pktinfo = true};
	struct socle_addr a;
	struct recorder *t;
	int peer;

	(void)state;
	t = recorder_new(udp_bound(&a), &p);
	peer = udp_to(&a);
	seam_fail(CALL_getsockname, 1, ENOBUFS, 1);
	datagram(peer, "x");
	turn_until_received(t, 1);
	assert_int_equal(1, seam_struck());
	assert_int_equal(AF_INET, t->last.to.u.sa.sa_family);
	assert_int_equal(0, socle_addr_port(&t->last.to));
	datagram(peer, "y");
	turn_until_received(t, 2);
	assert_int_equal(socle_addr_port(&a), socle_addr_port(&t->last.to));
	notes_clear();
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(init_leaves_the_fields_of_a_subclass_alone),
		test(the_fd_is_made_non_blocking_and_close_on_exec),
		test(an_fd_that_is_not_a_socket_is_refused),
		test(an_fd_already_in_use_is_refused),
		test(invalid_parameters_are_refused),
		test(pktinfo_is_refused_where_it_is_not_supported),
		test(gso_and_gro_are_ignored_where_they_are_not_supported),
		test(configure_changes_only_the_named_fields),
		test(stream_and_dgram_classes_are_not_interchangeable),
		test(a_listener_refuses_a_dgram_class),
		test(super_calls_go_to_the_class_above),
		test(super_calls_at_the_root_do_the_default),
		test(stream_only_functions_are_refused),
		test(a_kick_sends_queued_datagrams),
		test(as_string_describes_a_dgram),
		test(init_refuses_a_class_of_streams),
		test(without_the_own_name_the_destination_has_no_port),
	};

	return run_tests(tests);
}

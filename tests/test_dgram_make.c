/* Making dgrams, their parameters, their class and what it is not. */
/* backends: all */
#include "tests/support/dgrams.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/stat.h>

static void
an_object_of_your_own_memory_keeps_its_fields(void **state)
{
	static struct told t = {.received = 42};
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(
		0, socle_dgram_init(&t.dgram, &told_class, fds[0], NULL));
	assert_int_equal(42, t.received);
	assert_int_equal(fds[0], socle_fd(&t.dgram.sock));
	assert_int_equal(SOCLE_READ, socle_watching(&t.dgram.sock));
	assert_ptr_equal(&told_class.cls, socle_class_of(&t.dgram.sock));
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
	told_new(fds[0], NULL);
	assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	close(fds[1]);
}

static int
make_of(int fd)
{
	struct socle_dgram *d;

	return socle_dgram_new(&told_class, fd, NULL, &d);
}

static void
what_is_no_socket_is_refused(void **state)
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
an_fd_that_is_taken_is_refused(void **state)
{
	const struct socle_dgram_params p = {.pktinfo = true};
	struct socle_dgram *d;
	struct socle_addr a;
	int fd = udp_bound(&a);

	(void)state;
	told_new(fd, NULL);
	assert_int_equal(-EEXIST, socle_dgram_new(&told_class, fd, &p, &d));
}

static void
parameters_that_cannot_be_are_refused(void **state)
{
	const struct socle_dgram_params huge = {
		.recv_len = (size_t)INT32_MAX + 1};
	struct socle_dgram *d;
	struct told *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(
		-EINVAL, socle_dgram_new(&told_class, fds[0], &huge, &d));
	t = told_new(fds[0], NULL);
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
pktinfo_is_refused_where_there_is_none(void **state)
{
	const struct socle_dgram_params p = {
		.pktinfo = true, .autoflush = true};
	struct socle_dgram *d;
	struct told *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(
		-EOPNOTSUPP, socle_dgram_new(&told_class, fds[0], &p, &d));
	t = told_new(fds[0], NULL);
	assert_int_equal(
		-EOPNOTSUPP, socle_dgram_configure(&t->dgram, &p, ~0u));
	assert_int_equal(
		0, socle_dgram_send(&t->dgram, "held back", 9, 0, NULL));
	turn(1);
	notes_clear();
	close(fds[1]);
}

static void
gso_and_gro_are_left_out_where_there_are_none(void **state)
{
	const struct socle_dgram_params p = {.gso = true, .gro = true};
	struct told *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = told_new(fds[0], &p);
	tell(t, "one");
	tell(t, "two");
	turn(1);
	assert_hears(fds[1], "one");
	assert_hears(fds[1], "two");
	datagram(fds[1], "x");
	turn(1);
	assert_notes("empty <x>");
	close(fds[1]);
}

static void
only_what_is_named_is_configured(void **state)
{
	struct socle_dgram_params p = {.arg = &p, .autoflush = true};
	struct told *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = told_new(fds[0], &p);
	assert_ptr_equal(&p, socle_dgram_arg(&t->dgram));
	assert_int_equal(0,
		socle_dgram_configure(&t->dgram,
			&(struct socle_dgram_params){0}, SOCLE_DGRAM_ARG));
	assert_null(socle_dgram_arg(&t->dgram));
	assert_int_equal(1, tell(t, "at once"));
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
a_class_of_the_other_family_is_refused(void **state)
{
	static const struct socle_dgram_class stray = {
		.cls = {.name = "Stray", .super = &socle_socket_class}};
	struct socle_socket *s;
	struct socle_dgram *d;
	struct told *t;
	struct probe *p;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(
		-EINVAL, socle_socket_new(&told_class.cls, fds[0], &s));
	assert_int_equal(-EINVAL, socle_dgram_new(&stray, fds[0], NULL, &d));
	assert_int_equal(-EINVAL, socle_dgram_new(NULL, fds[0], NULL, &d));
	t = told_new(fds[0], NULL);
	p = probe_new(fds[1], NULL);
	assert_int_equal(
		-EINVAL, socle_set_class(&t->dgram.sock, &probe_class));
	assert_int_equal(
		-EINVAL, socle_set_class(&p->sock, &socle_dgram_class.cls));
	/* known to the loop by now, and still of another family */
	assert_int_equal(
		-EINVAL, socle_socket_new(&told_class.cls, fds[0], &s));
	assert_int_equal(-EINVAL, socle_set_class(&p->sock, &told_class.cls));
	assert_int_equal(
		0, socle_set_class(&t->dgram.sock, &socle_dgram_class.cls));
}

static void
a_listener_makes_no_dgrams(void **state)
{
	struct socle_factory *f;

	(void)state;
	assert_int_equal(
		-EINVAL, socle_listen("127.0.0.1:0", &told_class.cls, &f));
}

static void mark_on_recv(
	struct socle_dgram *self, const struct socle_packet *p);
static void mark_on_recv_error(struct socle_dgram *self, int err);
static void mark_on_send_error(
	struct socle_dgram *self, int err, const struct socle_packet *p);
static void mark_on_empty(struct socle_dgram *self);

static const struct socle_dgram_class mark_class = {
	.cls = {.name = "Mark", .super = &told_class.cls},
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
	struct told *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = told_new(fds[0], NULL);
	socle_super_on_recv(&told_class, &t->dgram, &p);
	socle_super_on_outgoing_empty(&told_class, &t->dgram);
	socle_super_on_send_error(&told_class, &t->dgram, -EMSGSIZE, &p);
	socle_super_on_recv_error(&told_class, &t->dgram, -ECONNREFUSED);
	assert_notes("");
	socle_super_on_send_error(&told_class, &t->dgram, -EACCES, &p);
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
what_is_for_streams_is_refused(void **state)
{
	struct socle_socket *s;
	char c[1];
	int fds[2];

	(void)state;
	pair_dgram(fds);
	s = &told_new(fds[0], NULL)->dgram.sock;
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
	assert_hears_nothing(fds[1]);
	close(fds[1]);
}

static void
a_kick_sends_what_is_queued(void **state)
{
	struct told *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = told_new(fds[0], &(struct socle_dgram_params){.send_all = true});
	tell(t, "1");
	tell(t, "2");
	assert_int_equal(1, socle_write_kick(&t->dgram.sock));
	assert_hears(fds[1], "1");
	assert_hears(fds[1], "2");
	assert_notes("empty");
	close(fds[1]);
}

static void
it_says_what_it_is(void **state)
{
	struct socle_addr a;
	char text[80], want[80];
	struct told *t;
	int fd = udp_bound(&a);

	(void)state;
	t = told_new(udp_to(&a), NULL);
	snprintf(want, sizeof(want), "Told(R): open to 127.0.0.1:%d",
		socle_addr_port(&a));
	socle_as_string(&t->dgram.sock, text, sizeof(text));
	assert_string_equal(want, text);
	close(fd);
}

/* ---- with its socket ---- */

static struct socle_dgram *
open_at(const char *where, bool binds)
{
	struct socle_dgram *d = NULL;

	assert_int_equal(
		0, socle_dgram_open(where, binds, &told_class, NULL, &d));
	return d;
}

static void
ask_and_answer(const char *where)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	struct socle_dgram *server = open_at(where, true), *client;
	struct socle_packet from = {.len = 0};
	struct socle_addr a;

	name_of(socle_fd(&server->sock), &a);
	assert_true(socle_addr_format(&a, text, sizeof(text)) > 0);
	client = open_at(text, false);
	tell(told_of(client), "ask");
	turn_until_received(told_of(server), 1);
	from.from = told_of(server)->last.from;
	assert_int_equal(0, socle_dgram_reply(server, &from, "answer", 6));
	turn_until_received(told_of(client), 1);
	assert_notes("empty <ask> empty <answer>");
	socle_close(&server->sock, NULL);
	socle_close(&client->sock, NULL);
	turn(1);
	notes_clear();
}

static void
one_opens_to_receive_and_one_to_send(void **state)
{
	(void)state;
	ask_and_answer("127.0.0.1:0");
	ask_and_answer("[::1]:0");
#ifdef __linux__
	ask_and_answer("unix:@socle-test-dgram");
#endif
}

/* TD36: of a numeric address; names are for socle_resolve() */
static void
the_peer_of_an_opened_one_is_named_right(void **state)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	struct socle_addr a;
	int fd = udp_bound(&a);

	(void)state;
	socle_addr_format(&a, text, sizeof(text));
	assert_string_equal(
		text, socle_peer_addr_string(&open_at(text, false)->sock));
	close(fd);
}

static void
a_socket_for_ipv6_serves_ipv4_too(void **state)
{
	struct socle_dgram *d = open_at("[::]:0", true);
	struct socle_addr a;
	int fd;

	(void)state;
	assert_int_equal(0,
		socle_addr_parse(
			&a, "127.0.0.1", (uint16_t)socle_local_port(&d->sock)));
	fd = udp_to(&a);
	datagram(fd, "four");
	turn_until_received(told_of(d), 1);
	assert_notes("<four>");
	close(fd);
}

static void
an_address_that_is_in_use_is_not_shared(void **state)
{
	char text[SOCLE_ADDR_TEXT_MAX];
	struct socle_dgram *d;
	struct socle_addr a;
	int fd = udp_bound(&a);

	(void)state;
	socle_addr_format(&a, text, sizeof(text));
	assert_int_equal(-EADDRINUSE,
		socle_dgram_open(text, true, &told_class, NULL, &d));
	close(fd);
}

static void
texts_that_are_no_addresses_are_refused(void **state)
{
	struct socle_dgram *d;

	(void)state;
	assert_int_equal(-EINVAL,
		socle_dgram_open("localhost:53", true, &told_class, NULL, &d));
	assert_int_equal(-EINVAL,
		socle_dgram_open("127.0.0.1", false, &told_class, NULL, &d));
	assert_int_equal(
		-EINVAL, socle_dgram_open("127.0.0.1:0", true, NULL, NULL, &d));
}

static void
the_file_of_a_socket_that_is_gone_is_replaced(void **state)
{
	char dir[] = "/tmp/socle-dgram-XXXXXX", where[64];
	struct socle_dgram *d;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(where, sizeof(where), "unix:%s/s", dir);
	assert_int_equal(
		-EINVAL, socle_dgram_open(where, true, NULL, NULL, &d));
	assert_int_equal(-1, access(where + 5, F_OK));
	d = open_at(where, true);
	assert_int_equal(-EADDRINUSE,
		socle_dgram_open(where, true, &told_class, NULL, &d));
	socle_close(&d->sock, NULL);
	turn(1);
	notes_clear();
	ask_and_answer(where);
	unlink(where + 5);
	rmdir(dir);
}

/* ---- two fds ---- */

static void
what_is_sent_goes_by_the_write_fd(void **state)
{
	struct told *t;
	int in[2], out[2];

	(void)state;
	pair_dgram(in);
	pair_dgram(out);
	t = told_new(in[0], NULL);
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	assert_int_equal(1, socle_watched_sockets());
	tell(t, "x");
	turn(1);
	assert_hears(out[1], "x");
	assert_hears_nothing(in[1]);
	datagram(in[1], "y");
	turn(1);
	assert_notes("empty <y>");
	close(in[1]);
	close(out[1]);
}

static void
what_the_write_fd_has_no_room_for_waits_for_it(void **state)
{
	struct told *t;
	int in[2], out[2], sent = 0;

	(void)state;
	pair_dgram(in);
	pair_dgram(out);
	t = told_new(in[0], &(struct socle_dgram_params){.autoflush = true});
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	while (tell(t, "x") == 1)
		sent++;
	turn(3);
	assert_int_equal(1, socle_write_buf_size(&t->dgram.sock));
	for (int i = 0; i < sent; i++)
		assert_hears(out[1], "x");
	turn_until_count(&t->emptied, 1);
	assert_hears(out[1], "x");
	notes_clear();
	close(in[1]);
	close(out[1]);
}

static int
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* TD37 */
static void
the_write_fd_alone_can_be_closed_and_both_end_together(void **state)
{
	struct told *t;
	int in[2], out[2], other[2];

	(void)state;
	pair_dgram(in);
	pair_dgram(out);
	pair_dgram(other);
	t = told_new(in[0], NULL);
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, -1));
	turn(1);
	assert_false(is_open(out[0]));
	assert_false(socle_closed(&t->dgram.sock));
	tell(t, "x");
	turn(1);
	assert_hears(in[1], "x");
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, other[0]));
	notes_clear();
	socle_close(&t->dgram.sock, "both");
	turn(2);
	assert_notes("close(both) destroy");
	assert_false(is_open(in[0]));
	assert_false(is_open(other[0]));
	close(in[1]);
	close(out[1]);
	close(other[1]);
}

static void
what_waited_for_one_fd_goes_by_the_other(void **state)
{
	struct told *t;
	int in[2], out[2], sent = 0;

	(void)state;
	pair_dgram(in);
	pair_dgram(out);
	t = told_new(in[0], &(struct socle_dgram_params){.autoflush = true});
	while (tell(t, "x") == 1)
		sent++;
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, out[0]));
	turn(1);
	assert_hears(out[1], "x");
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, in[0]));
	assert_int_equal(0, tell(t, "y"));
	for (int i = 0; i < sent; i++)
		assert_hears(in[1], "x");
	turn_until_count(&t->emptied, 2);
	assert_hears(in[1], "y");
	notes_clear();
	close(in[1]);
	close(out[1]);
}

static void
a_write_fd_that_cannot_be_is_refused(void **state)
{
	struct told *t;
	int in[2], pipes[2];

	(void)state;
	pair_dgram(in);
	pair_pipe(pipes);
	t = told_new(in[0], NULL);
	assert_int_equal(
		-ENOTSOCK, socle_dgram_set_write_fd(&t->dgram, pipes[1]));
	told_new(in[1], NULL);
	assert_int_equal(-EEXIST, socle_dgram_set_write_fd(&t->dgram, in[1]));
	tell(t, "still");
	turn(1);
	assert_notes("empty <still>");
	close(pipes[0]);
	close(pipes[1]);
}

static void
an_error_of_the_write_fd_is_the_objects(void **state)
{
	struct socle_addr nowhere;
	struct told *t;
	int in[2];

	(void)state;
	pair_dgram(in);
	udp_nowhere(&nowhere);
	t = told_new(in[0], &(struct socle_dgram_params){.autoflush = true});
	assert_int_equal(
		0, socle_dgram_set_write_fd(&t->dgram, udp_to(&nowhere)));
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(1, tell(t, "x"));
		turn_until_count(&t->recv_errors, i);
	}
	assert_notes("rerr-111 rerr-111");
	close(in[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_object_of_your_own_memory_keeps_its_fields),
		test(the_fd_is_made_non_blocking_and_close_on_exec),
		test(what_is_no_socket_is_refused),
		test(an_fd_that_is_taken_is_refused),
		test(parameters_that_cannot_be_are_refused),
		test(pktinfo_is_refused_where_there_is_none),
		test(gso_and_gro_are_left_out_where_there_are_none),
		test(only_what_is_named_is_configured),
		test(a_class_of_the_other_family_is_refused),
		test(a_listener_makes_no_dgrams),
		test(super_calls_go_to_the_class_above),
		test(super_calls_at_the_root_do_the_default),
		test(what_is_for_streams_is_refused),
		test(a_kick_sends_what_is_queued),
		test(it_says_what_it_is),
		test(one_opens_to_receive_and_one_to_send),
		test(the_peer_of_an_opened_one_is_named_right),
		test(a_socket_for_ipv6_serves_ipv4_too),
		test(an_address_that_is_in_use_is_not_shared),
		test(texts_that_are_no_addresses_are_refused),
		test(the_file_of_a_socket_that_is_gone_is_replaced),
		test(what_is_sent_goes_by_the_write_fd),
		test(what_the_write_fd_has_no_room_for_waits_for_it),
		test(the_write_fd_alone_can_be_closed_and_both_end_together),
		test(what_waited_for_one_fd_goes_by_the_other),
		test(a_write_fd_that_cannot_be_is_refused),
		test(an_error_of_the_write_fd_is_the_objects),
	};

	return run_tests(tests);
}

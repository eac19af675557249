/*
 * Dispatch: which method is called, in which order, and when none is.
 */
/* backends: all */
#include "tests/support/fixture.h"

#include <netinet/in.h>
#include <stdio.h>

/* ---- a small server and its client ---- */

static struct {
	struct probe *server, *client;
	int step;
} hello;

static void
server_reads(struct probe *p)
{
	char buf[2];

	/* "He" is pushed back; then all is read, as "He" and "llo!" */
	if (p->reads == 1) {
		assert_int_equal(2, socle_read(&p->sock, buf, 2));
		assert_int_equal(0, socle_push_back_read(&p->sock, buf, 2));
		return;
	}
	p->got_len += (size_t)socle_read(
		&p->sock, p->got + p->got_len, sizeof(p->got) - p->got_len);
	p->done = p->got_len == 6;
}

static void
client_writes(struct probe *p)
{
	socle_watch_write(&p->sock, false);
	assert_int_equal(1, socle_write(&p->sock, "Hello!", 6));
}

static void
count_object(struct socle_socket *s, void *arg)
{
	(void)s;
	++*(int *)arg;
}

static void
hello_accepts(int fd, unsigned ready, void *arg)
{
	int client = accept(fd, NULL, NULL);

	(void)arg;
	assert_int_equal(SOCLE_READ, ready);
	assert_true(client >= 0);
	hello.server = probe_new(client, "server");
	hello.server->on_read = server_reads;
	socle_watch_read(&hello.server->sock, true);
	hello.step++;
}

/* case 24 */
static void
a_server_and_a_client_exchange_bytes_until_a_reset(void **state)
{
	int port, objects = 0, listener = tcp_listener(&port);
	int other[2];

	(void)state;
	pair_unix(other);
	probe_new(other[0], "third");
	assert_int_equal(0,
		socle_add_other_fd(listener, SOCLE_READ, hello_accepts, NULL));
	hello.client = probe_new(tcp_connect(port), "client");
	hello.client->on_write = client_writes;
	socle_watch_write(&hello.client->sock, true);
	turn_until_count(&hello.step, 1);
	assert_int_equal(3, socle_watched_sockets());
	socle_each_descriptor(count_object, &objects);
	assert_int_equal(3, objects);

	turn_until(&hello.server->done);

	assert_memory_equal("Hello!", hello.server->got, 6);
	assert_int_equal(3, hello.server->reads);
	assert_int_equal(1, hello.client->writes);
	socle_reset();
	assert_int_equal(0, socle_watched_sockets());
	objects = 0;
	socle_each_descriptor(count_object, &objects);
	assert_int_equal(0, objects);
	close(listener);
	close(other[1]);
}

static void
close_the_other(struct probe *p)
{
	struct probe *other = p->arg;

	socle_close(&other->sock, p->tag);
}

/* case 25 */
static void
of_two_objects_that_close_each_other_the_first_survives(void **state)
{
	struct probe *a, *b;
	int fds[2];

	(void)state;
	pair_unix(fds);
	a = probe_new(fds[0], "a");
	b = probe_new(fds[1], "b");
	a->on_write = b->on_write = close_the_other;
	a->arg = b;
	b->arg = a;
	socle_watch_write(&a->sock, true);
	socle_watch_write(&b->sock, true);

	turn(1);

	assert_int_equal(1, socle_watched_sockets());
	if (strncmp(notes(), "a", 1) == 0)
		assert_notes("a:w b:close(a) b:destroy");
	else
		assert_notes("b:w a:close(b) a:destroy");
}

/* ---- order ---- */

static void
ignore(struct probe *p)
{
	(void)p;
}

static void
ignore_err(struct probe *p, int err)
{
	(void)p;
	(void)err;
}

/* case 26 */
static void
events_are_delivered_in_the_order_read_write_err_hup(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_tcp(fds);
	p = probe_new(fds[0], NULL);
	p->on_write = p->on_hup = ignore;
	p->on_err = ignore_err;
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, true);
	close_by_reset(fds[1]);

	turn_until_count(&p->hups, 1);

	assert_non_null(
		strstr(notes(), errnos("r r-ECONNRESET w e-ECONNRESET h")));
}

/* case 26 */
static void
the_last_bytes_are_read_before_the_hup_of_the_event(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_write = ignore;
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, true);
	send_all(fds[1], "x", 1);
	close(fds[1]);

	turn(1);

	assert_notes("r w h close(event_hup) destroy");
	turn(1);
	assert_notes("");
}

static void
close_self(struct probe *p)
{
	socle_close(&p->sock, "self");
}

static void
steal_self(struct probe *p)
{
	close(socle_steal_socket(&p->sock));
}

/* case 27 */
static void
an_object_that_closes_in_event_read_gets_nothing_more(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_read = close_self;
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, true);
	close(fds[1]);

	turn(1);

	assert_notes("r close(self) destroy");
}

/* case 27 */
static void
an_object_stolen_in_event_write_gets_nothing_more(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_write = steal_self;
	socle_watch_write(&p->sock, true);
	close(fds[1]);

	turn(1);

	assert_notes("w destroy");
}

static void
close_self_err(struct probe *p, int err)
{
	(void)err;
	socle_close(&p->sock, "err");
}

static void
an_object_that_closes_in_event_err_gets_no_event_hup(void **state)
{
	bool destroyed = false;
	struct probe *p;
	int fds[2];

	(void)state;
	pair_tcp(fds);
	p = probe_new(fds[0], NULL);
	p->destroyed = &destroyed;
	p->on_err = close_self_err;
	close_by_reset(fds[1]);

	turn_until(&destroyed);

	assert_notes("e-ECONNRESET close(err) destroy");
}

static void
watch_no_write(struct probe *p)
{
	socle_watch_write(&p->sock, false);
}

/* case 28 */
static void
a_write_turned_off_in_event_read_is_not_delivered(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_read = watch_no_write;
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, true);
	send_all(fds[1], "x", 1);

	turn(1);

	assert_notes("r");
	close(fds[1]);
}

/* ---- other objects in the batch ---- */

struct two {
	struct probe *a, *b;
	int peers[2];
};

/* Two readable objects with one byte each, so that both are in one batch. */
static void
two_readable(struct two *t, void (*on_read)(struct probe *p))
{
	int fds[2];

	pair_unix(fds);
	t->a = probe_new(fds[0], "a");
	t->peers[0] = fds[1];
	pair_unix(fds);
	t->b = probe_new(fds[0], "b");
	t->peers[1] = fds[1];
	t->a->arg = t->b;
	t->b->arg = t->a;
	t->a->on_read = t->b->on_read = on_read;
	socle_watch_read(&t->a->sock, true);
	socle_watch_read(&t->b->sock, true);
	send_all(t->peers[0], "x", 1);
	send_all(t->peers[1], "y", 1);
}

static void
two_end(struct two *t)
{
	close(t->peers[0]);
	close(t->peers[1]);
}

static void
unwatch_the_other(struct probe *p)
{
	struct probe *other = p->arg;

	socle_watch_read(&other->sock, false);
}

/* case 29 */
static void
an_object_with_reading_turned_off_in_the_batch_is_not_called(void **state)
{
	struct two t;

	(void)state;
	two_readable(&t, unwatch_the_other);

	turn(1);

	assert_int_equal(1, t.a->reads + t.b->reads);
	two_end(&t);
}

static int others[2][2];

/* Called for one of the two fds, stops watching the other. */
static void
want_nothing_of_the_other(int fd, unsigned ready, void *arg)
{
	int other = fd == others[0][0] ? others[1][0] : others[0][0];

	(void)arg;
	note("%s", ready == SOCLE_READ ? "R" : "?");
	assert_int_equal(0,
		socle_add_other_fd(other, 0, want_nothing_of_the_other, NULL));
}

/* case 29 */
static void
an_other_fd_changed_to_no_events_in_the_batch_is_not_called(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		pair_unix(others[i]);
		send_all(others[i][1], "x", 1);
		assert_int_equal(0,
			socle_add_other_fd(others[i][0], SOCLE_READ,
				want_nothing_of_the_other, NULL));
	}

	turn(1);

	assert_notes("R");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(0, socle_remove_other_fd(others[i][0]));
		close(others[i][0]);
		close(others[i][1]);
	}
}

static void
an_object_closed_in_the_batch_is_not_called(void **state)
{
	struct two t;

	(void)state;
	two_readable(&t, close_the_other);

	turn(1);

	assert_int_equal(1, socle_watched_sockets());
	assert_null(strstr(notes(), "a:r b:r"));
	two_end(&t);
}

static struct probe *born;

static void
bear(struct probe *p)
{
	int *fds = p->arg;
	char c;

	assert_int_equal(1, socle_read(&p->sock, &c, 1));
	pair_unix(fds);
	send_all(fds[1], "x", 1);
	born = probe_new(fds[0], "born");
	socle_watch_read(&born->sock, true);
}

/* case 37 */
static void
an_object_created_in_a_batch_gets_no_event_of_that_batch(void **state)
{
	struct probe *p;
	int fds[2], born_fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], "p");
	p->on_read = bear;
	p->arg = born_fds;
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);

	turn(1);
	assert_notes("p:r");
	turn(1);

	assert_notes("born:r");
	close(fds[1]);
	close(born_fds[1]);
}

/* ---- the end of a stream ---- */

/* case 33 */
static void
a_half_closed_peer_is_no_hup_and_can_be_answered(void **state)
{
	struct probe *p;
	char buf[8];
	int fds[2];

	(void)state;
	pair_tcp(fds);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "ask", 3);
	shutdown(fds[1], SHUT_WR);

	turn_until_count(&p->reads, 2);
	turn(3);

	assert_notes("r r eof");
	assert_int_equal(1, socle_write(&p->sock, "answer", 6));
	assert_int_equal(6, drain_fd(fds[1], buf, sizeof(buf)));
	close(fds[1]);
}

static void
after_a_read_of_0_reading_is_off_until_it_is_turned_on(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	shutdown(fds[1], SHUT_WR);
	turn(3);
	assert_notes("r eof");
	assert_int_equal(0, socle_watching(&p->sock));

	socle_watch_read(&p->sock, true);
	assert_int_equal(SOCLE_READ, socle_watching(&p->sock));
	turn(3);

	assert_notes("r eof");
	close(fds[1]);
}

/* case 34 */
static void
a_refused_connect_is_one_event_err(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);
	bool destroyed = false;
	struct probe *p;
	int port, fd, r, listener = tcp_listener(&port);

	(void)state;
	assert_int_equal(0, getsockname(listener, (struct sockaddr *)&a, &len));
	close(listener); /* the port now refuses connections */
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(0, fcntl(fd, F_SETFL, O_NONBLOCK));
	r = connect(fd, (struct sockaddr *)&a, sizeof(a));
	assert_true(r < 0 && errno == EINPROGRESS);
	p = probe_new(fd, NULL);
	p->destroyed = &destroyed;

	turn_until(&destroyed);
	turn(2);

	assert_notes("e-ECONNREFUSED close(event_err) destroy");
}

/* ---- defaults ---- */

static const struct socle_class plain_class = {
	.name = "Plain",
	.super = &socle_socket_class,
};

static char logged[128];

static void
record_log(int level, const char *message, void *arg)
{
	(void)arg;
	if (level == 0)
		snprintf(logged, sizeof(logged), "%s", message);
}

/* case 36 */
static void
by_default_an_unimplemented_event_read_closes_and_is_logged(void **state)
{
	struct socle_socket *s;
	int fds[2];

	(void)state;
	logged[0] = 0;
	pair_unix(fds);
	assert_int_equal(0, socle_socket_new(&plain_class, fds[0], &s));
	socle_set_log(record_log, NULL);
	socle_watch_read(s, true);
	send_all(fds[1], "x", 1);

	turn(1);

	assert_int_equal(0, socle_watched_sockets());
	assert_non_null(strstr(logged, "event_read not implemented"));
	assert_non_null(strstr(logged, "Plain"));
	close(fds[1]);
}

static void close_noting(struct socle_socket *self, const char *reason);

static const struct socle_class tells_class = {
	.name = "Tells",
	.super = &socle_socket_class,
	.close = close_noting,
};

static void
close_noting(struct socle_socket *self, const char *reason)
{
	note("%s", reason ? reason : "NULL");
	socle_super_close(&tells_class, self, reason);
}

/* case 36 */
static void
by_default_a_hup_closes(void **state)
{
	struct socle_socket *s;
	int fds[2];

	(void)state;
	pair_unix(fds);
	assert_int_equal(0, socle_socket_new(&tells_class, fds[0], &s));
	close(fds[1]);

	turn(1);

	assert_notes("event_hup");
	assert_int_equal(0, socle_watched_sockets());
}

/* case 36 */
static void
by_default_an_err_closes(void **state)
{
	struct socle_socket *s;
	int fds[2];

	(void)state;
	pair_pipe(fds);
	assert_int_equal(0, socle_socket_new(&tells_class, fds[1], &s));
	close(fds[0]);

	turn(1);

	assert_notes("event_err");
	assert_int_equal(0, socle_watched_sockets());
}

/* case 36 */
static void
by_default_an_unimplemented_event_read_closes_with_its_reason(void **state)
{
	struct socle_socket *s;
	int fds[2];

	(void)state;
	pair_unix(fds);
	assert_int_equal(0, socle_socket_new(&tells_class, fds[0], &s));
	socle_set_log(record_log, NULL);
	socle_watch_read(s, true);
	shutdown(fds[1], SHUT_WR);

	turn(1);

	assert_notes("event_read not implemented");
	close(fds[1]);
}

/* case 36 */
static void
by_default_a_write_event_flushes_the_queue(void **state)
{
	static char buf[1 << 16];
	struct socle_socket *s;
	int fds[2];

	(void)state;
	pair_unix(fds);
	assert_int_equal(0, socle_socket_new(&plain_class, fds[0], &s));
	stuff_fd(fds[0]);
	assert_int_equal(0, socle_write(s, "late", 4));
	while (drain_fd(fds[1], buf, sizeof(buf)) > 0)
		;

	turn(1);

	assert_int_equal(0, socle_write_buf_size(s));
	assert_int_equal(4, drain_fd(fds[1], buf, sizeof(buf)));
	assert_memory_equal("late", buf, 4);
	assert_int_equal(0, socle_watching(s));
	close(fds[1]);
}

static void
an_object_that_watches_nothing_gets_no_event(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	assert_int_equal(0, socle_watching(&p->sock));
	send_all(fds[1], "x", 1);

	assert_int_equal(1, socle_event_loop_once(1000));

	assert_notes("");
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_server_and_a_client_exchange_bytes_until_a_reset),
		test(of_two_objects_that_close_each_other_the_first_survives),
		test(events_are_delivered_in_the_order_read_write_err_hup),
		test(the_last_bytes_are_read_before_the_hup_of_the_event),
		test(an_object_that_closes_in_event_read_gets_nothing_more),
		test(an_object_stolen_in_event_write_gets_nothing_more),
		test(an_object_that_closes_in_event_err_gets_no_event_hup),
		test(a_write_turned_off_in_event_read_is_not_delivered),
		test(an_object_with_reading_turned_off_in_the_batch_is_not_called),
		test(an_other_fd_changed_to_no_events_in_the_batch_is_not_called),
		test(an_object_closed_in_the_batch_is_not_called),
		test(an_object_created_in_a_batch_gets_no_event_of_that_batch),
		test(a_half_closed_peer_is_no_hup_and_can_be_answered),
		test(after_a_read_of_0_reading_is_off_until_it_is_turned_on),
		test(a_refused_connect_is_one_event_err),
		test(by_default_an_unimplemented_event_read_closes_and_is_logged),
		test(by_default_a_hup_closes),
		test(by_default_an_err_closes),
		test(by_default_an_unimplemented_event_read_closes_with_its_reason),
		test(by_default_a_write_event_flushes_the_queue),
		test(an_object_that_watches_nothing_gets_no_event),
	};

	return run_tests(tests);
}

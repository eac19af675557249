/* socle_metrics(): what is counted, and where. */
/* backends: all */
#include "tests/support/dgrams.h"
#include "tests/support/listening.h"
#include "tests/support/sending.h"

#include <stdio.h>

static struct socle_metrics_data
metrics(void)
{
	struct socle_metrics_data m;

	memset(&m, 0xff, sizeof(m));
	socle_metrics(&m);
	return m;
}

static int ends[2];

/* An object on one end of a pair; ends[1] is the peer's end. */
static struct probe *
made(void)
{
	struct probe *p;

	pair_tcp(ends);
	p = probe_new(ends[0], NULL);
	p->read_size = sizeof(p->got);
	socle_watch_read(&p->sock, true);
	return p;
}

/* ---- no loop, and a new one ---- */

static void
without_a_loop_all_is_zero(void **state)
{
	static const struct socle_metrics_data zero;
	struct socle_metrics_data m = metrics();

	(void)state;
	assert_memory_equal(&zero, &m, sizeof(m));
}

static void
a_reset_sets_all_to_zero(void **state)
{
	struct probe *p = made();

	(void)state;
	send_all(ends[1], "hello", 5);
	turn(2);
	socle_close(&p->sock, "done");
	turn(1);
	assert_int_equal(1, metrics().closed);
	assert_true(metrics().ticks >= 3);
	socle_reset();
	close(ends[1]);
	pair_unix(ends);
	probe_new(ends[0], NULL);
	assert_int_equal(0, metrics().closed);
	assert_int_equal(0, metrics().reasons);
	assert_int_equal(0, metrics().bytes_in);
	assert_int_equal(0, metrics().ticks);
	assert_int_equal(1, metrics().active);
	close(ends[1]);
}

static void
each_wait_is_a_tick_and_each_report_an_event(void **state)
{
	struct probe *p = made();

	(void)state;
	turn(3);
	assert_int_equal(3, metrics().ticks);
	assert_int_equal(0, metrics().events);
	send_all(ends[1], "x", 1);
	turn_until_count(&p->reads, 1);
	assert_int_equal(1, metrics().events);
	close(ends[1]);
}

/* ---- streams ---- */

static void
an_object_counts_its_bytes(void **state)
{
	struct probe *p = made();

	(void)state;
	send_all(ends[1], "hello", 5);
	turn_until_count(&p->reads, 1);
	assert_int_equal(1, socle_write(&p->sock, "hello world", 11));
	assert_int_equal(5, socle_bytes_in(&p->sock));
	assert_int_equal(11, socle_bytes_out(&p->sock));
	assert_int_equal(5, metrics().bytes_in);
	assert_int_equal(11, metrics().bytes_out);
	close(ends[1]);
}

/* With an idle timeout the traffic takes another path. */
static void
bytes_are_counted_where_traffic_is_dated(void **state)
{
	struct probe *p = made();

	(void)state;
	socle_set_idle_timeout(&p->sock, 60);
	send_all(ends[1], "hello", 5);
	turn_until_count(&p->reads, 1);
	assert_int_equal(1, socle_write(&p->sock, "hello world", 11));
	assert_int_equal(5, socle_bytes_in(&p->sock));
	assert_int_equal(11, socle_bytes_out(&p->sock));
	close(ends[1]);
}

static void
the_bytes_of_an_object_that_has_ended_remain(void **state)
{
	struct probe *closed = made();
	int one = ends[1], fd;
	struct probe *stolen = made();

	(void)state;
	send_all(one, "hello", 5);
	send_all(ends[1], "you", 3);
	turn_until_count(&closed->reads, 1);
	turn_until_count(&stolen->reads, 1);
	socle_write(&stolen->sock, "1", 1);
	socle_close(&closed->sock, "done");
	assert_int_equal(5, socle_bytes_in(&closed->sock));
	fd = socle_steal_socket(&stolen->sock);
	assert_int_equal(8, metrics().bytes_in);
	turn(1);
	assert_int_equal(8, metrics().bytes_in);
	assert_int_equal(1, metrics().bytes_out);
	assert_int_equal(1, metrics().closed); /* a stolen one is not */
	close(fd);
	close(one);
	close(ends[1]);
}

static void
data_pushed_back_is_not_counted_again(void **state)
{
	struct probe *p = made();

	(void)state;
	send_all(ends[1], "hello", 5);
	turn_until_count(&p->reads, 1);
	socle_push_back_read(&p->sock, "hello", 5);
	turn_until_count(&p->reads, 2);
	assert_int_equal(5, socle_bytes_in(&p->sock));
	close(ends[1]);
}

static void
a_read_of_nothing_is_counted(void **state)
{
	struct probe *p = made();
	char byte;

	(void)state;
	assert_int_equal(-EAGAIN, socle_read(&p->sock, &byte, 1));
	assert_int_equal(1, metrics().blocked_reads);
	close(ends[1]);
}

static void
writes_that_are_cut_or_refused_are_counted(void **state)
{
	struct probe *p = made();

	(void)state;
	seam_short(CALL_send, 1, 1);
	assert_int_equal(0, socle_write(&p->sock, "hello", 5));
	assert_int_equal(1, metrics().partial_writes);
	assert_int_equal(0, metrics().blocked_writes);
	assert_int_equal(1, metrics().bytes_out);
	assert_int_equal(4, metrics().queued);
	seam_fail(CALL_send, 1, EAGAIN, 1);
	assert_int_equal(0, socle_write_kick(&p->sock));
	assert_int_equal(1, metrics().blocked_writes);
	turn(2);
	assert_int_equal(5, metrics().bytes_out);
	assert_int_equal(0, metrics().queued);
	close(ends[1]);
}

static void
a_file_is_counted(void **state)
{
	struct probe *p = made();
	struct socle_sendfile what = {.file = "Makefile", .length = 100};

	(void)state;
	assert_true(socle_sendfile(&p->sock, &what) >= 0);
	turn(1);
	assert_int_equal(100, socle_bytes_out(&p->sock));
	close(ends[1]);
}

static ssize_t
read_three(struct socle_socket *s, void *data, size_t len, void *arg)
{
	(void)s;
	(void)arg;
	memcpy(data, "abc", 3);
	return len >= 3 ? 3 : -EAGAIN;
}

static ssize_t
write_two(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	int *calls = arg;

	(void)s;
	(void)data;
	(void)len;
	return (*calls)++ == 0 ? 2 : SOCLE_WANT_READ;
}

static void
functions_count_what_they_return(void **state)
{
	struct probe *p = made();
	char buf[8];
	int calls = 0;

	(void)state;
	socle_set_reader_func(&p->sock, read_three, NULL);
	socle_set_writer_func(&p->sock, write_two, &calls);
	assert_int_equal(3, socle_read(&p->sock, buf, sizeof(buf)));
	assert_int_equal(0, socle_write(&p->sock, "hello", 5));
	assert_int_equal(3, socle_bytes_in(&p->sock));
	assert_int_equal(2, socle_bytes_out(&p->sock));
	close(ends[1]);
}

static void
input_that_is_discarded_is_counted(void **state)
{
	struct probe *p = made();
	bool gone = false;

	(void)state;
	p->destroyed = &gone;
	socle_watch_read(&p->sock, false);
	socle_close_after_flush(&p->sock, "bye");
	send_all(ends[1], "hello", 5);
	shutdown(ends[1], SHUT_WR);
	turn_until(&gone);
	assert_int_equal(5, metrics().bytes_in);
	close(ends[1]);
}

/* ---- closes ---- */

static void
close_one(const char *reason)
{
	struct probe *p = made();

	socle_close(&p->sock, reason);
	turn(1);
	close(ends[1]);
}

static void
assert_reason(unsigned i, const char *reason, uint64_t closed)
{
	struct socle_metrics_data m = metrics();

	assert_true(i < m.reasons);
	assert_string_equal(reason, m.closed_by[i].reason);
	assert_int_equal(closed, m.closed_by[i].closed);
}

static void
closes_are_counted_by_the_text_of_their_reason(void **state)
{
	static const char twin[] = {'d', 'o', 'n', 'e', '\0'};

	(void)state;
	close_one("done");
	close_one("other");
	close_one(twin);
	close_one(twin);
	close_one("done");
	assert_int_equal(5, metrics().closed);
	assert_int_equal(2, metrics().reasons);
	assert_reason(0, "done", 4);
	assert_reason(1, "other", 1);
}

static void
a_close_without_a_reason_has_an_empty_one(void **state)
{
	(void)state;
	close_one(NULL);
	close_one(NULL);
	assert_reason(0, "", 2);
}

static void
more_reasons_than_there_is_room_for_share_the_last_place(void **state)
{
	static char reasons[SOCLE_METRICS_REASONS + 3][8];

	(void)state;
	for (size_t i = 0; i < SOCLE_METRICS_REASONS + 3; i++) {
		snprintf(reasons[i], sizeof(reasons[i]), "r%zu", i);
		close_one(reasons[i]);
	}
	close_one(reasons[0]);
	assert_int_equal(SOCLE_METRICS_REASONS, metrics().reasons);
	assert_int_equal(SOCLE_METRICS_REASONS + 4, metrics().closed);
	assert_reason(0, "r0", 2);
	assert_reason(SOCLE_METRICS_REASONS - 2, "r22", 1);
	assert_reason(SOCLE_METRICS_REASONS - 1, "(others)", 4);
}

static void
a_vetoed_close_is_not_counted(void **state)
{
	struct probe *p = made();

	(void)state;
	p->veto = true;
	socle_close(&p->sock, "no");
	assert_int_equal(0, metrics().closed);
	assert_int_equal(1, metrics().active);
	p->veto = false;
	close(ends[1]);
}

/* ---- listeners and connectors ---- */

static void
clients_are_counted(void **state)
{
	int fd;

	(void)state;
	listen_at("127.0.0.1:0");
	fd = client();
	turn_until_count(&accepted, 1);
	assert_int_equal(1, metrics().accepted);
	assert_int_equal(1, metrics().active);
	close(fd);
}

static void
a_client_that_finds_no_fd_is_counted(void **state)
{
	int fd;

	(void)state;
	skip_where_accept_loses_the_client();
	listen_at("127.0.0.1:0");
	fd = client();
	seam_fail(CALL_accept4, 1, EMFILE, 1);
	turn(1);
	assert_int_equal(1, metrics().fd_shortages);
	assert_int_equal(0, metrics().accepted);
	turn_until_count(&accepted, 1);
	assert_int_equal(1, metrics().accepted);
	close(fd);
}

static void
a_connection_that_was_made_is_counted(void **state)
{
	struct socle_socket *s;
	char where[32];
	int port, listener = tcp_listener(&port);
	struct probe *p;

	(void)state;
	snprintf(where, sizeof(where), "127.0.0.1:%d", port);
	assert_int_equal(0, socle_connect(where, &probe_class, 0, &s));
	p = probe_of(s);
	assert_int_equal(0, metrics().connected);
	turn_until_count(&p->writes, 1);
	assert_int_equal(1, metrics().connected);
	assert_int_equal(0, metrics().accepted);
	close(listener);
}

/* ---- datagrams ---- */

/* A datagram object; ends[1] is the peer's end. */
static struct recorder *
dgram_made(const struct socle_dgram_params *p)
{
	pair_dgram(ends);
	return recorder_new(ends[0], p);
}

static void
datagrams_are_counted_as_they_leave_and_arrive(void **state)
{
	static const struct socle_dgram_params many = {
		.recv_batch = 8, .send_all = true};
	struct recorder *t = dgram_made(&many);

	(void)state;
	recorder_send(t, "1");
	recorder_send(t, "22");
	assert_int_equal(0, metrics().bytes_out);
	assert_true(metrics().queued > 0);
	turn(2);
	assert_int_equal(3, socle_bytes_out(&t->dgram.sock));
	send_all(ends[1], "333", 3);
	send_all(ends[1], "4444", 4);
	turn(2);
	assert_int_equal(7, metrics().bytes_in);
	close(ends[1]);
}

static void
a_datagram_that_is_sent_at_once_is_counted(void **state)
{
	static const struct socle_dgram_params now = {.autoflush = true};
	struct recorder *t = dgram_made(&now);

	(void)state;
	assert_int_equal(1, recorder_send(t, "22"));
	assert_int_equal(2, metrics().bytes_out);
	close(ends[1]);
}

static void
a_batch_that_is_refused_once_is_counted_once(void **state)
{
	static const struct socle_dgram_params many = {.send_all = true};
	struct recorder *t = dgram_made(&many);

	(void)state;
	recorder_send(t, "1");
	recorder_send(t, "22");
	seam_fail(the_send_of_many(), 1, EAGAIN, 1);
	turn_until_count(&t->emptied, 1);
	assert_int_equal(1, metrics().blocked_writes);
	assert_int_equal(3, metrics().bytes_out);
	close(ends[1]);
}

/* A unix socket takes no datagram that is larger than its buffer. */
static void
of_a_batch_that_the_kernel_cuts_what_left_is_counted(void **state)
{
	static const struct socle_dgram_params many = {.send_all = true};
	static char large[8 << 20];
	struct recorder *t = dgram_made(&many);

	(void)state;
	t->quiet = true;
	recorder_send(t, "1");
	assert_int_equal(
		0, socle_dgram_send(&t->dgram, large, sizeof(large), 0, NULL));
	recorder_send(t, "22");
	turn_until_count(&t->emptied, 1);
	assert_int_equal(1, t->send_errors);
	assert_int_equal(3, metrics().bytes_out);
	close(ends[1]);
}

/* ---- where it may be called ---- */

static struct socle_metrics_data inside;

static void
look(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	inside = metrics();
}

static void
it_may_be_called_inside_a_callback(void **state)
{
	struct probe *p = made();

	(void)state;
	socle_write_func(&p->sock, look, NULL, NULL);
	assert_int_equal(1, inside.active);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(without_a_loop_all_is_zero),
		test(a_reset_sets_all_to_zero),
		test(each_wait_is_a_tick_and_each_report_an_event),
		test(an_object_counts_its_bytes),
		test(bytes_are_counted_where_traffic_is_dated),
		test(the_bytes_of_an_object_that_has_ended_remain),
		test(data_pushed_back_is_not_counted_again),
		test(a_read_of_nothing_is_counted),
		test(writes_that_are_cut_or_refused_are_counted),
		test(a_file_is_counted),
		test(functions_count_what_they_return),
		test(input_that_is_discarded_is_counted),
		test(closes_are_counted_by_the_text_of_their_reason),
		test(a_close_without_a_reason_has_an_empty_one),
		test(more_reasons_than_there_is_room_for_share_the_last_place),
		test(a_vetoed_close_is_not_counted),
		listen_test(clients_are_counted),
		listen_test(a_client_that_finds_no_fd_is_counted),
		test(a_connection_that_was_made_is_counted),
		test(datagrams_are_counted_as_they_leave_and_arrive),
		test(a_datagram_that_is_sent_at_once_is_counted),
		test(a_batch_that_is_refused_once_is_counted_once),
		test(of_a_batch_that_the_kernel_cuts_what_left_is_counted),
		test(it_may_be_called_inside_a_callback),
	};
	return run_tests(tests);
}

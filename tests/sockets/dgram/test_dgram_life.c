/* Dgrams closed in every callback; timeouts; forks. */
/* backends: all */
#include "tests/support/dgrams.h"

#include <sys/wait.h>

static const struct socle_dgram_params all = {.send_all = true};

static void
close_on_error(struct recorder *t, int err, const struct socle_packet *p)
{
	(void)p;
	if (err != -ECANCELED)
		socle_close(&t->dgram.sock, "error");
	else
		assert_true(socle_closed(&t->dgram.sock));
}

static void
closing_in_on_send_error_cancels_the_rest_once(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &all);
	t->on_send_error = close_on_error;
	recorder_send(t, "1");
	recorder_send(t, "2");
	recorder_send(t, "3");
	seam_fail(the_send_of_many(), 1, EACCES, 1);
	turn(2);
	assert_notes("serr-EACCES:1 close(error) serr-ECANCELED:2 "
		     "serr-ECANCELED:3 destroy");
	close(fds[1]);
}

static void
close_at_once(struct recorder *t)
{
	socle_close(&t->dgram.sock, "empty");
}

static void
closing_in_on_outgoing_empty_ends_all_callbacks(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	t->on_empty = close_at_once;
	recorder_send(t, "1");
	turn(2);
	assert_notes("empty close(empty) destroy");
	assert_receives(fds[1], "1");
	close(fds[1]);
}

static void
close_on_recv_error(struct recorder *t, int err)
{
	(void)err;
	socle_close(&t->dgram.sock, "recv");
}

static void
closing_in_on_recv_error_ends_all_callbacks(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(
		fds[0], &(struct socle_dgram_params){.recv_all = true});
	t->on_recv_error = close_on_recv_error;
	datagram(fds[1], "1");
	seam_fail(CALL_recvmsg, 2, EIO, 1);
	turn(2);
	assert_notes("<1> rerr-5 close(recv) destroy");
	close(fds[1]);
}

static void
incomplete_close(struct socle_socket *self)
{
	socle_close(self, "blocked");
}

static void
closing_in_incomplete_write_ends_all_callbacks(void **state)
{
	struct socle_dgram_class closes = recorder_class;
	struct socle_dgram *d;
	int fds[2];

	(void)state;
	closes.cls.incomplete_write = incomplete_close;
	for (int autoflush = 0; autoflush < 2; autoflush++) {
		pair_dgram(fds);
		assert_int_equal(0,
			socle_dgram_new(&closes, fds[0],
				&(struct socle_dgram_params){
					.autoflush = autoflush},
				&d));
		seam_fail(CALL_sendto, 1, EAGAIN, 1);
		assert_int_equal(0, socle_dgram_send(d, "x", 1, 0, NULL));
		turn(2);
		assert_notes("close(blocked) serr-ECANCELED:x destroy");
		close(fds[1]);
	}
	socle_reset();
}

static void
close_above(struct socle_socket *s, bool above, void *arg)
{
	(void)arg;
	if (above)
		socle_close(s, "above");
}

static void
closing_in_a_mark_callback_ends_all_callbacks(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	socle_set_water_marks(&t->dgram.sock, 0, 1, close_above, NULL);
	assert_int_equal(0, socle_dgram_send(&t->dgram, "12", 2, 0, NULL));
	turn(1);
	assert_notes("close(above) serr-ECANCELED:12 destroy");
	close(fds[1]);
}

static void
try_again(struct recorder *t, int err, const struct socle_packet *p)
{
	if (err == -ECANCELED)
		assert_int_equal(-EBADF,
			socle_dgram_send(&t->dgram, p->data, p->len, 0, NULL));
	else
		assert_int_equal(0,
			socle_dgram_send(&t->dgram, p->data, p->len, 0, NULL));
}

static void
a_failed_datagram_may_be_sent_again_in_on_send_error(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0],
		&(struct socle_dgram_params){
			.send_all = true, .autoflush = false});
	t->on_send_error = try_again;
	recorder_send(t, "1");
	recorder_send(t, "2");
	seam_fail(the_send_of_many(), 1, EHOSTUNREACH, 1);
	turn(2);
	assert_notes("serr-EHOSTUNREACH:1 empty");
	assert_receives(fds[1], "2");
	assert_receives(fds[1], "1");
	recorder_send(t, "3");
	socle_close(&t->dgram.sock, NULL);
	assert_notes("close() serr-ECANCELED:3");
	turn(1);
	notes_clear();
	close(fds[1]);
}

static void
send_more(struct recorder *t)
{
	if (t->emptied < 5)
		recorder_send(t, "more");
}

static void
a_send_in_on_outgoing_empty_is_sent_in_the_next_tick(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	t->on_empty = send_more;
	recorder_send(t, "1");
	turn_until_count(&t->emptied, 5);
	assert_notes("empty empty empty empty empty");
	close(fds[1]);
}

static bool
is_empty(void *arg)
{
	return ((struct recorder *)arg)->dgram.items == 0;
}

static void
loop_in_error(struct recorder *t, int err, const struct socle_packet *p)
{
	(void)err;
	t->on_send_error = NULL;
	assert_int_equal(1, socle_run_until(is_empty, t));
	assert_memory_equal("1", p->data, 1);
	note("over");
}

static void
a_loop_in_on_send_error_sends_the_remaining_datagrams(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	t->on_send_error = loop_in_error;
	recorder_send(t, "1");
	recorder_send(t, "2");
	seam_fail(CALL_sendto, 1, EACCES, 1);
	turn(3);
	assert_notes("serr-EACCES:1 empty over empty");
	assert_receives(fds[1], "2");
	close(fds[1]);
}

static void
free_it(struct socle_socket *self)
{
	free(socle_container_of(self, struct recorder, dgram.sock));
}

static void
memory_may_be_freed_in_destroy_with_datagrams_pending(void **state)
{
	struct socle_dgram_class own = recorder_class;
	struct recorder *t = calloc(1, sizeof(*t));
	int fds[2];

	(void)state;
	own.cls.destroy = free_it;
	pair_dgram(fds);
	assert_int_equal(0,
		socle_dgram_init(&t->dgram, &own, fds[0],
			&(struct socle_dgram_params){.recv_batch = 4}));
	t->on_send_error = close_on_error;
	datagram(fds[1], "a");
	datagram(fds[1], "b");
	recorder_send(t, "1");
	recorder_send(t, "2");
	seam_fail(the_send_of_many(), 1, EACCES, 1);
	turn(2);
	assert_notes("serr-EACCES:1 close(error) serr-ECANCELED:2");
	socle_reset();
	close(fds[1]);
}

static void
stealing_keeps_the_fd_open_and_reports_queued_datagrams(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	recorder_send(t, "1");
	assert_int_equal(fds[0], socle_steal_socket(&t->dgram.sock));
	assert_notes("serr-ECANCELED:1");
	turn(1);
	assert_notes("destroy");
	datagram(fds[0], "mine");
	assert_receives(fds[1], "mine");
	close(fds[0]);
	close(fds[1]);
}

static void
a_reset_reports_queued_datagrams_and_closes_both_fds(void **state)
{
	struct recorder *t;
	int fds[2], out[2];

	(void)state;
	pair_dgram(fds);
	pair_dgram(out);
	t = recorder_new(fds[1], NULL);
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, fds[0]));
	recorder_send(t, "1");
	socle_reset();
	assert_notes("serr-ECANCELED:1 destroy");
	close(out[0]);
	close(out[1]);
}

static void
a_reset_closes_a_dgram_with_its_write_fd_in_either_order(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	assert_int_equal(0, socle_dgram_set_write_fd(&t->dgram, fds[1]));
	recorder_send(t, "1");
	socle_reset();
	assert_notes("serr-ECANCELED:1 destroy");
}

/* ---- timeouts ---- */

static void
an_idle_dgram_times_out_and_traffic_postpones_it(void **state)
{
	struct recorder *t;
	double start;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	assert_int_equal(0, socle_set_idle_timeout(&t->dgram.sock, 1));
	start = seam_time();
	seam_time_add(0.6);
	datagram(fds[1], "x");
	turn(1);
	seam_time_add(0.6);
	recorder_send(t, "y");
	turn(1);
	assert_notes("<x> empty");
	while (socle_watched_sockets() > 0)
		assert_true(socle_event_loop_once(-1) >= 0);
	assert_true(seam_time() - start > 2.19);
	assert_true(seam_time() - start < 2.3);
	assert_notes("idle close(idle) destroy");
	close(fds[1]);
}

/* ---- forks ---- */

static int
in_child(int (*fn)(struct recorder *t, int fd), struct recorder *t, int fd)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(fn(t, fd));
	assert_int_equal(pid, waitpid(pid, &status, 0));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
continue_run(struct recorder *t, int fd)
{
	char buf[8];

	(void)fd;
	notes_clear();
	if (socle_after_fork() < 0)
		return 1;
	if (strcmp(notes(), errnos("serr-ECANCELED:1 serr-ECANCELED:2")) != 0)
		return 2;
	if (socle_closed(&t->dgram.sock) || t->dgram.items != 0)
		return 3;
	if (socle_watching(&t->dgram.sock) != SOCLE_READ)
		return 4;
	if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		return 5;
	if (socle_dgram_send(&t->dgram, "child", 5, 0, NULL) != 0)
		return 6;
	if (socle_event_loop_once(0) < 0)
		return 7;
	return recv(fd, buf, sizeof(buf), MSG_DONTWAIT) == 5 ? 0 : 8;
}

static void
a_child_drops_what_was_queued_before_the_fork(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	recorder_send(t, "1");
	recorder_send(t, "2");
	assert_int_equal(0, in_child(continue_run, t, fds[1]));
	turn(2);
	assert_notes("empty");
	assert_receives(fds[1], "1");
	assert_receives(fds[1], "2");
	assert_receives_nothing(fds[1]);
	close(fds[1]);
}

static pid_t forked;

static void
fork_once(struct recorder *t, int err, const struct socle_packet *p)
{
	(void)t;
	(void)err;
	(void)p;
	if (forked < 0)
		forked = fork();
}

static int
send_in_child(struct recorder *t, int fd)
{
	char buf[8];

	if (socle_after_fork() < 0)
		return 1;
	if (socle_dgram_send(&t->dgram, "child", 5, 0, NULL) != 0)
		return 2;
	if (socle_event_loop_once(0) < 0)
		return 3;
	return recv(fd, buf, sizeof(buf), MSG_DONTWAIT) == 5 ? 0 : 4;
}

/* The flush that the callback is part of ends in the child as well. */
static void
a_child_made_in_a_flush_sends_what_it_queues(void **state)
{
	struct recorder *t;
	int fds[2], status;

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	t->on_send_error = fork_once;
	forked = -1;
	recorder_send(t, "1");
	seam_fail(CALL_send, 1, EMSGSIZE, 1);
	seam_fail(CALL_sendto, 1, EMSGSIZE, 1);
	seam_fail(CALL_sendmsg, 1, EMSGSIZE, 1);
	(void)socle_event_loop_once(0);
	seam_heal();
	if (forked == 0)
		_exit(send_in_child(t, fds[1]));
	assert_int_equal(forked, waitpid(forked, &status, 0));
	assert_true(WIFEXITED(status));
	assert_int_equal(0, WEXITSTATUS(status));
	assert_receives_nothing(fds[1]);
	notes_clear();
	close(fds[1]);
}

static int
end_it(struct recorder *t, int fd)
{
	(void)fd;
	notes_clear();
	if (socle_after_fork() < 0)
		return 1;
	if (!socle_closed(&t->dgram.sock))
		return 2;
	return strcmp(notes(), errnos("serr-ECANCELED:1 close()")) == 0 ? 0 : 3;
}

static void
a_dgram_in_close_when_empty_closes_in_the_child(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	recorder_send(t, "1");
	socle_dgram_close_when_empty(&t->dgram);
	assert_int_equal(0, in_child(end_it, t, fds[1]));
	assert_false(socle_closed(&t->dgram.sock));
	turn(1);
	assert_notes("empty close() destroy");
	close(fds[1]);
}

/* ---- the rest of the base class ---- */

static void
vetoing_close(struct socle_socket *self, const char *reason)
{
	(void)self;
	note("veto(%s)", reason);
}

static void
a_vetoed_close_keeps_queued_datagrams(void **state)
{
	struct socle_dgram_class stays = recorder_class;
	struct socle_dgram *d;
	int fds[2];

	(void)state;
	stays.cls.close = vetoing_close;
	pair_dgram(fds);
	assert_int_equal(0, socle_dgram_new(&stays, fds[0], NULL, &d));
	socle_dgram_send(d, "x", 1, 0, NULL);
	socle_close(&d->sock, "no");
	turn(1);
	assert_notes("veto(no) empty");
	assert_receives(fds[1], "x");
	socle_reset();
	close(fds[1]);
}

static void
quiet_write(struct socle_socket *self)
{
	(void)self;
	note("w");
}

static void
an_event_write_that_sends_nothing_is_followed_by_a_flush(void **state)
{
	struct socle_dgram_class lazy = recorder_class;
	struct socle_dgram *d;
	int fds[2], sent = 0;

	(void)state;
	if (kernel()->full_dgrams_have_name)
		skip_because("a send to a full peer is retried by time");
	lazy.cls.event_write = quiet_write;
	pair_dgram(fds);
	assert_int_equal(0,
		socle_dgram_new(&lazy, fds[0],
			&(struct socle_dgram_params){.autoflush = true}, &d));
	while (socle_dgram_send(d, "x", 1, 0, NULL) == 1)
		sent++;
	for (int i = 0; i < sent; i++)
		assert_receives(fds[1], "x");
	turn(1);
	assert_notes("w empty");
	socle_reset();
	notes_clear();
	close(fds[1]);
}

static void
note_item(const struct socle_profile_item *item, void *arg)
{
	(void)arg;
	note("%s=%d", item->item, (int)item->calls);
}

static void
profiling_has_items_for_dgram_callbacks(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	assert_true(socle_enable_profiling(SOCLE_PROFILE_WALL) >= 0);
	datagram(fds[1], "x");
	recorder_send(t, "y");
	turn(2);
	recorder_send(t, "z");
	seam_fail(CALL_sendto, 1, EACCES, 1);
	turn(1);
	socle_disable_profiling();
	assert_notes("empty <x> serr-EACCES:z empty");
	socle_profiling_data(note_item, NULL);
	assert_notes("Told-drain=2 Told-err=1 Told-read=1");
	close(fds[1]);
}

/* ---- what is dropped, held and closed ---- */

static int
stay_open(struct recorder *t, int fd)
{
	char buf[8];

	if (socle_after_fork() < 0)
		return 1;
	if (socle_closed(&t->dgram.sock))
		return 2;
	if (socle_dgram_send(&t->dgram, "child", 5, 0, NULL) != 0)
		return 3;
	if (socle_event_loop_once(0) < 0)
		return 4;
	return recv(fd, buf, sizeof(buf), MSG_DONTWAIT) == 5 ? 0 : 5;
}

/* Every error closes a connection; what the parent sends is none. */
static void
a_connection_without_handlers_continues_in_the_child(void **state)
{
	static const struct socle_dgram_class plain_class = {
		.cls = {.name = "Plain",
			.super = &socle_dgram_class.cls,
			.size = sizeof(struct recorder)}};
	struct socle_dgram *d;
	int fds[2];

	(void)state;
	assert_int_equal(0, socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds));
	assert_int_equal(0, socle_dgram_new(&plain_class, fds[0], NULL, &d));
	assert_int_equal(0, socle_dgram_send(d, "parent", 6, 0, NULL));
	assert_int_equal(0, in_child(stay_open, recorder_of(d), fds[1]));
	turn(1);
	assert_receives(fds[1], "parent");
	close(fds[1]);
}

/* Reading is held for 50 ms, for want of memory. */
static struct recorder *
held_new(int fds[2])
{
	struct recorder *t;

	seam_time_virtual();
	pair_dgram(fds);
	t = recorder_new(fds[0], NULL);
	datagram(fds[1], "x");
	seam_fail(CALL_recvmsg, 1, ENOMEM, 1);
	turn(2);
	assert_notes("");
	assert_int_equal(1, seam_struck());
	return t;
}

static int
reads_again(struct recorder *t, int fd)
{
	(void)fd;
	if (socle_after_fork() < 0)
		return 1;
	while (t->received == 0)
		if (socle_event_loop_once(-1) < 0)
			return 2;
	return 0;
}

static void
reading_that_was_held_continues_in_the_child(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	t = held_new(fds);
	assert_int_equal(0, in_child(reads_again, t, fds[1]));
	socle_close(&t->dgram.sock, NULL);
	turn(1);
	notes_clear();
	close(fds[1]);
}

static void
a_dgram_whose_reading_is_held_leaves_no_timer(void **state)
{
	struct recorder *t;
	int fds[2];

	(void)state;
	t = held_new(fds);
	assert_true(socle_timer_pending(&t->dgram.later));
	socle_close(&t->dgram.sock, NULL);
	assert_false(socle_timer_pending(&t->dgram.later));
	turn(1);
	notes_clear();
	close(fds[1]);
}

/* One timer serves both, and ends at the earlier of the two times. */
static void
a_hold_and_a_retry_do_not_postpone_each_other(void **state)
{
	(void)state;
	for (int held_first = 0; held_first < 2; held_first++) {
		const struct socle_dgram_params p = {.autoflush = true};
		struct recorder *t;
		double start;
		int fds[2];

		seam_time_virtual();
		pair_dgram(fds);
		t = recorder_new(fds[0], &p);
		t->quiet = true;
		start = seam_time();
		seam_fail(CALL_sendto, 1, ENOBUFS, 1);
		if (!held_first)
			assert_int_equal(0, recorder_send(t, "y"));
		datagram(fds[1], "x");
		seam_fail(CALL_recvmsg, 1, ENOMEM, 1);
		turn(1);
		if (held_first)
			assert_int_equal(0, recorder_send(t, "y"));
		while (t->emptied == 0)
			assert_true(socle_event_loop_once(-1) >= 0);
		assert_int_equal(2, seam_struck());
		assert_true(seam_time() - start < 0.01);
		while (t->received == 0)
			assert_true(socle_event_loop_once(-1) >= 0);
		assert_true(seam_time() - start < 0.06);
		assert_receives(fds[1], "y");
		socle_close(&t->dgram.sock, NULL);
		turn(1);
		notes_clear();
		close(fds[1]);
		seam_reset();
	}
}

/* ---- handlers ---- */

static void
own_recv_error(struct socle_dgram *d, int err)
{
	(void)d;
	note("own%d", err);
}

static void
own_send_error(struct socle_dgram *d, int err, const struct socle_packet *p)
{
	(void)d;
	note("own%d:%.*s", err, (int)p->len, (const char *)p->data);
}

static void
own_empty(struct socle_dgram *d)
{
	(void)d;
	note("own-empty");
}

static void
an_objects_own_handlers_are_called_instead_of_its_classs(void **state)
{
	static const struct socle_dgram_params own = {
		.on_recv_error = own_recv_error,
		.on_send_error = own_send_error,
		.on_outgoing_empty = own_empty};
	struct recorder *t;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	t = recorder_new(fds[0], &own);
	seam_fail(CALL_recvmsg, 1, EIO, 1);
	datagram(fds[1], "x");
	turn(2);
	seam_fail(CALL_sendto, 1, EACCES, 1);
	recorder_send(t, "y");
	turn(1);
	assert_notes("own-5 <x> own-EACCES:y own-empty");
	close(fds[1]);
}

static void close_and_call_super(struct socle_socket *self);

static const struct socle_dgram_class hasty_class = {
	.cls = {.name = "Hasty",
		.super = &recorder_class.cls,
		.size = sizeof(struct recorder),
		.event_read = close_and_call_super}};

static void
close_and_call_super(struct socle_socket *self)
{
	socle_close(self, "hasty");
	socle_super_event_read(&hasty_class.cls, self);
}

static void
a_closed_dgram_receives_nothing_by_a_super_call(void **state)
{
	struct socle_dgram *d;
	int fds[2];

	(void)state;
	pair_dgram(fds);
	assert_int_equal(0, socle_dgram_new(&hasty_class, fds[0], NULL, &d));
	datagram(fds[1], "x");
	turn(1);
	assert_notes("close(hasty) destroy");
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(closing_in_on_send_error_cancels_the_rest_once),
		test(closing_in_on_outgoing_empty_ends_all_callbacks),
		test(closing_in_on_recv_error_ends_all_callbacks),
		test(closing_in_incomplete_write_ends_all_callbacks),
		test(closing_in_a_mark_callback_ends_all_callbacks),
		test(a_failed_datagram_may_be_sent_again_in_on_send_error),
		test(a_send_in_on_outgoing_empty_is_sent_in_the_next_tick),
		test(a_loop_in_on_send_error_sends_the_remaining_datagrams),
		test(memory_may_be_freed_in_destroy_with_datagrams_pending),
		test(stealing_keeps_the_fd_open_and_reports_queued_datagrams),
		test(a_reset_reports_queued_datagrams_and_closes_both_fds),
		test(a_reset_closes_a_dgram_with_its_write_fd_in_either_order),
		test(an_idle_dgram_times_out_and_traffic_postpones_it),
		test(a_child_drops_what_was_queued_before_the_fork),
		test(a_child_made_in_a_flush_sends_what_it_queues),
		test(a_dgram_in_close_when_empty_closes_in_the_child),
		test(a_vetoed_close_keeps_queued_datagrams),
		test(an_event_write_that_sends_nothing_is_followed_by_a_flush),
		test(profiling_has_items_for_dgram_callbacks),
		test(a_connection_without_handlers_continues_in_the_child),
		test(reading_that_was_held_continues_in_the_child),
		test(a_dgram_whose_reading_is_held_leaves_no_timer),
		test(a_hold_and_a_retry_do_not_postpone_each_other),
		test(an_objects_own_handlers_are_called_instead_of_its_classs),
		test(a_closed_dgram_receives_nothing_by_a_super_call),
	};

	return run_tests(tests);
}

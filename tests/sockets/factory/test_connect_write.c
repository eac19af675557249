/* socle_connect(): data written before the object is connected. */
/* backends: all */
#include "tests/support/reaching.h"

static void
note_closure(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	note("closure");
}

static void
note_release(bool sent, void *arg)
{
	(void)arg;
	note("release(%d)", sent);
}

static void
note_drop(void *arg)
{
	(void)arg;
	note("drop");
}

static void
note_file(struct socle_socket *s, const struct socle_sent *how, void *arg)
{
	(void)s;
	(void)arg;
	note("file(%d)", how->err);
}

static void
write_of_each_kind(struct socle_socket *s, const char *file)
{
	assert_int_equal(0, socle_write(s, "a", 1));
	assert_int_equal(0, socle_write_ref(s, "b", 1, note_release, NULL));
	assert_int_equal(0, socle_write_func(s, note_closure, note_drop, NULL));
	assert_true(socle_sendfile(s,
			    &(struct socle_sendfile){.file = file,
				    .length = SOCLE_TO_END,
				    .done = note_file}) >= 0);
	assert_int_equal(0, socle_write(s, "e", 1));
	assert_int_equal(0, socle_write_kick(s));
}

static const char *
small_file(void)
{
	const char *path = in_dir("file");
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_int_equal(1, write(fd, "d", 1));
	close(fd);
	return path;
}

static void
writes_before_the_connection_are_sent_in_order_afterwards(void **state)
{
	const char *file = small_file();
	struct probe *p;

	(void)state;
	serve();
	p = reach();
	write_of_each_kind(&p->sock, file);
	assert_int_equal(5, (int)socle_write_buf_size(&p->sock));
	assert_notes("");
	assert_gets(reached(), "abde");
	assert_string_equal("w release(1) closure file(0) drain", notes());
	notes_clear();
	unlink(file);
}

static void
leave_it(struct probe *p)
{
	(void)p;
}

static void
an_event_write_that_does_not_flush_is_followed_by_a_flush(void **state)
{
	struct probe *p;

	(void)state;
	serve();
	p = reach();
	p->on_write = leave_it;
	assert_int_equal(0, socle_write(&p->sock, "held", 4));
	assert_gets(reached(), "held");
}

static void
with_autoflush_off_early_writes_are_sent_too(void **state)
{
	struct probe *p;

	(void)state;
	serve();
	p = reach();
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "held", 4));
	turn(1);
	assert_gets(reached(), "held");
}

static void
a_failed_connect_drops_writes_and_calls_their_callbacks(void **state)
{
	const char *file = small_file();
	struct probe *p;

	(void)state;
	refuse_connections();
	p = reach();
	write_of_each_kind(&p->sock, file);
	turn(5);
	assert_notes("e-ECONNREFUSED close(event_err) release(0) drop "
		     "file(-ECANCELED) destroy");
	unlink(file);
}

static void
keep_open(struct probe *p, int err)
{
	assert_int_equal(-ECONNREFUSED, err);
	assert_int_equal(-ECONNREFUSED, socle_write(&p->sock, "x", 1));
	p->done = true;
}

static void
an_object_kept_open_after_a_failed_connect_is_unusable(void **state)
{
	const char *file = small_file();
	struct probe *p;
	char c;

	(void)state;
	refuse_connections();
	p = reach();
	p->on_err = keep_open;
	write_of_each_kind(&p->sock, file);
	socle_watch_write(&p->sock, true);
	socle_watch_read(&p->sock, true);
	seam_time_virtual();
	turn_until(&p->done);
	seam_count_reset();
	pass_time(1);
	assert_in_range(seam_waits(), 1, 4);
	assert_notes("e-ECONNREFUSED release(0) drop file(-ECANCELED)");
	assert_int_equal(0, (int)socle_write_buf_size(&p->sock));
	assert_int_equal(-ECONNREFUSED, socle_write(&p->sock, "x", 1));
	assert_true(socle_read(&p->sock, &c, 1) < 0);
	assert_int_equal(1, p->errs);
	socle_close(&p->sock, "at last");
	turn(1);
	assert_notes("close(at last) destroy");
	unlink(file);
}

static void
close_in_err(struct probe *p, int err)
{
	(void)err;
	socle_close(&p->sock, "mine");
}

static void
a_close_in_event_err_sends_nothing(void **state)
{
	struct probe *p;

	(void)state;
	refuse_connections();
	p = reach();
	p->on_err = close_in_err;
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "x", 1));
	turn(5);
	assert_int_equal(0, seam_count(CALL_send) + seam_count(CALL_sendmsg));
	assert_notes("e-ECONNREFUSED close(mine) destroy");
}

static void
close_after_flush_waits_for_the_connection(void **state)
{
	struct probe *p;
	char c;

	(void)state;
	serve();
	p = reach();
	assert_int_equal(0, socle_write(&p->sock, "last", 4));
	socle_close_after_flush(&p->sock, "done");
	assert_int_equal(-ESHUTDOWN, socle_write(&p->sock, "x", 1));
	assert_gets(reached(), "last");
	turn(2);
	assert_int_equal(0, recv(recorded.fds[0], &c, 1, 0));
	assert_notes("w"); /* lingers */
	shutdown(recorded.fds[0], SHUT_WR);
	turn(2);
	assert_notes("close(done) destroy");
}

static void
close_after_flush_closes_after_a_failed_connect(void **state)
{
	struct probe *p;

	(void)state;
	refuse_connections();
	p = reach();
	p->on_err = keep_open;
	assert_int_equal(0, socle_write(&p->sock, "last", 4));
	socle_close_after_flush(&p->sock, "done");
	turn_until_gone(p);
	assert_notes("e-ECONNREFUSED close(done) destroy");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		making_test(
			writes_before_the_connection_are_sent_in_order_afterwards),
		making_test(
			an_event_write_that_does_not_flush_is_followed_by_a_flush),
		making_test(with_autoflush_off_early_writes_are_sent_too),
		making_test(
			a_failed_connect_drops_writes_and_calls_their_callbacks),
		making_test(
			an_object_kept_open_after_a_failed_connect_is_unusable),
		making_test(a_close_in_event_err_sends_nothing),
		making_test(close_after_flush_waits_for_the_connection),
		making_test(close_after_flush_closes_after_a_failed_connect),
	};

	return run_tests(tests);
}

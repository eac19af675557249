/* Events of an object, and other callbacks that get it. */
#include "tests/reentrancy/kinds.h"

#include "tests/reentrancy/actors.h"

static void
stop_reading_x(void)
{
	socle_watch_read(w.sock[X], false);
	send_to(X, "y");
}

static void
read_x_again(void)
{
	send_to(X, "y");
}

/* ---- event_read ---- */

static void
arrange_event_read(void)
{
	socle_watch_read(w.sock[X], true);
	send_to(X, "x");
}

const struct kind in_event_read = {
	.name = "event_read",
	.arrange = arrange_event_read,
	.cancel = stop_reading_x,
	.again = read_x_again,
};

/* ---- event_read, which event_write and event_hup follow ---- */

static void
arrange_first_read(void)
{
	socle_watch_write(w.sock[X], true);
	arrange_event_read();
	close(w.peer[X]);
	w.peer[X] = -1;
}

const struct kind in_first_read = {
	.name = "event_read before event_write and event_hup",
	.traits = ENDS | BROKEN,
	.arrange = arrange_first_read,
};

/* ---- event_read, by pushed-back data ---- */

static void
arrange_pushed_back_read(void)
{
	socle_watch_read(w.sock[X], true);
	expect(socle_push_back_read(w.sock[X], "x", 1) == 0);
}

static void
cancel_pushed_back_read(void)
{
	socle_watch_read(w.sock[X], false);
	expect(socle_push_back_read(w.sock[X], "y", 1) == 0);
}

static void
again_pushed_back_read(void)
{
	expect(socle_push_back_read(w.sock[X], "y", 1) == 0);
}

const struct kind in_pushed_back_read = {
	.name = "event_read of pushed-back data",
	.arrange = arrange_pushed_back_read,
	.cancel = cancel_pushed_back_read,
	.again = again_pushed_back_read,
};

/* ---- the reader function ---- */

static ssize_t
reader(struct socle_socket *s, void *data, size_t len, void *arg)
{
	ssize_t n = read(socle_fd(s), data, len);

	(void)arg;
	if (n < 0)
		return -errno;
	act_in(&in_reader);
	(void)socle_class_of(s);
	return n;
}

static void
arrange_reader(void)
{
	w.has_reader = true;
	expect(socle_set_reader_func(w.sock[X], reader, NULL) == 0);
	arrange_event_read();
}

static void
cancel_reader(void)
{
	w.has_reader = false;
	expect(socle_set_reader_func(w.sock[X], NULL, NULL) == 0);
	send_to(X, "y");
}

const struct kind in_reader = {
	.name = "the reader function",
	.arrange = arrange_reader,
	.cancel = cancel_reader,
	.again = read_x_again,
};

/* ---- event_write ---- */

static void
arrange_event_write(void)
{
	socle_watch_write(w.sock[X], true);
}

static void
cancel_event_write(void)
{
	socle_watch_write(w.sock[X], false);
}

static void
again_event_write(void)
{
	socle_watch_write(w.sock[X], false);
	socle_watch_write(w.sock[X], true);
}

const struct kind in_event_write = {
	.name = "event_write",
	.arrange = arrange_event_write,
	.cancel = cancel_event_write,
	.again = again_event_write,
};

/* ---- event_err and event_hup ---- */

static void
arrange_event_err(void)
{
	int fds[2];

	pair_tcp(fds);
	object_wrap(X, fds[0]);
	close_by_reset(fds[1]);
}

const struct kind in_event_err = {
	.name = "event_err",
	.traits = ENDS | BROKEN | MAKES_ITSELF,
	.arrange = arrange_event_err,
};

static void
arrange_event_hup(void)
{
	close(w.peer[X]);
	w.peer[X] = -1;
}

const struct kind in_event_hup = {
	.name = "event_hup",
	.traits = ENDS | BROKEN,
	.arrange = arrange_event_hup,
};

/* ---- event_timeout ---- */

static void
prepare_idle(void)
{
	expect(socle_set_idle_timeout(w.sock[X], 0.5) == 0);
}

static void
pass_a_second(void)
{
	seam_time_add(1);
}

static void
cancel_idle(void)
{
	w.keep = true;
	expect(socle_set_idle_timeout(w.sock[X], 0) == 0);
	pass_a_second();
}

static void
keep_and_pass_a_second(void)
{
	w.keep = true;
	pass_a_second();
}

const struct kind in_idle = {
	.name = "event_timeout of an idle object",
	.traits = ENDS,
	.prepare = prepare_idle,
	.arrange = pass_a_second,
	.cancel = cancel_idle,
	.again = keep_and_pass_a_second,
};

static void
prepare_stall(void)
{
	object_stuff(X);
	expect(socle_write(w.sock[X], "q", 1) == 0);
	expect(socle_set_write_timeout(w.sock[X], 0.5) == 0);
}

static void
cancel_stall(void)
{
	w.keep = true;
	expect(socle_set_write_timeout(w.sock[X], 0) == 0);
	pass_a_second();
}

const struct kind in_stall = {
	.name = "event_timeout of a stalled write",
	.traits = ENDS,
	.prepare = prepare_stall,
	.arrange = pass_a_second,
	.cancel = cancel_stall,
	.again = keep_and_pass_a_second,
};

/* ---- the post-loop callback of an object ---- */

static bool
post_loop(struct socle_socket *s, void *arg)
{
	(void)arg;
	(void)event_of(s, "a post-loop callback");
	act_in(&in_post_loop);
	return true;
}

static void
arrange_post_loop(void)
{
	expect(socle_set_socket_post_loop_callback(
		       w.sock[X], post_loop, NULL) == 0);
}

static void
cancel_post_loop(void)
{
	expect(socle_set_socket_post_loop_callback(w.sock[X], NULL, NULL) == 0);
}

const struct kind in_post_loop = {
	.name = "the post-loop callback of an object",
	.arrange = arrange_post_loop,
	.cancel = cancel_post_loop,
	.again = arrange_post_loop,
};

/* ---- callbacks that the application calls for ---- */

static void
visit(struct socle_socket *s, void *arg)
{
	(void)arg;
	if (role_of(s) == X)
		act_in(&in_each_descriptor);
}

static void
visit_all(void *arg)
{
	socle_each_descriptor(visit, arg);
}

static void
arrange_each_descriptor(void)
{
	defer_call(visit_all);
}

const struct kind in_each_descriptor = {
	.name = "a function of socle_each_descriptor()",
	.arrange = arrange_each_descriptor,
	.again = arrange_each_descriptor,
};

static void
show_x(void *arg)
{
	char text[80];

	(void)arg;
	if (w.sock[X])
		expect(socle_as_string(w.sock[X], text, sizeof(text)) > 0);
}

static void
arrange_as_string(void)
{
	defer_call(show_x);
}

const struct kind in_as_string = {
	.name = "as_string",
	.arrange = arrange_as_string,
	.again = arrange_as_string,
};

/*
 * Stealing: the caller gets the fd, and the object closes without it.
 */
/* backends: all */
#include "tests/support/fixture.h"

static bool
asleep(void)
{
	double before = seam_time();

	assert_true(socle_event_loop_once(1000) >= 0);
	return seam_time() - before > 0.999;
}

static struct probe *
made(const char *tag, int *peer)
{
	int fds[2];

	pair_unix(fds);
	*peer = fds[1];
	return probe_new(fds[0], tag);
}

/* case 54, defect 4 */
static void
a_stolen_fd_is_open_and_no_longer_in_the_map(void **state)
{
	struct probe *p;
	int peer, fd;
	char c;

	(void)state;
	p = made(NULL, &peer);
	assert_int_equal(1, socle_watched_sockets());
	fd = socle_fd(&p->sock);

	assert_int_equal(fd, socle_steal_socket(&p->sock));

	assert_int_equal(0, socle_watched_sockets());
	assert_int_equal(0, socle_to_close());
	assert_null(socle_descriptor(fd));
	assert_true(socle_closed(&p->sock));
	assert_int_equal(-1, socle_fd(&p->sock));
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	send_all(peer, "x", 1);
	assert_int_equal(1, read(fd, &c, 1));
	close(fd);
	close(peer);
}

/* case 54 */
static void
a_second_steal_fails_and_a_closed_object_has_nothing_to_steal(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(NULL, &peer);
	close(socle_steal_socket(&p->sock));
	assert_int_equal(-EBADF, socle_steal_socket(&p->sock));
	close(peer);
	p = made(NULL, &peer);
	socle_close(&p->sock, NULL);
	assert_int_equal(-EBADF, socle_steal_socket(&p->sock));
	close(peer);
}

/* case 54 */
static void
a_steal_skips_close_and_destroys_at_the_end_of_the_tick(void **state)
{
	struct probe *p;
	int peer, fd;

	(void)state;
	p = made(NULL, &peer);
	fd = socle_steal_socket(&p->sock);
	assert_notes("");
	socle_close(&p->sock, "late");

	turn(1);

	assert_notes("destroy");
	assert_true(fcntl(fd, F_GETFD) >= 0);
	turn(1);
	assert_notes("");
	close(fd);
	close(peer);
}

static struct probe *wrapped;

static void
steal_and_rewrap(struct probe *p)
{
	int fd = socle_steal_socket(&p->sock);

	wrapped = probe_new(fd, "new");
	socle_watch_read(&wrapped->sock, true);
	socle_watch_write(&wrapped->sock, true);
	assert_int_equal(fd, socle_fd(&wrapped->sock));
}

static void
complain(int level, const char *message, void *arg)
{
	(void)level;
	(void)arg;
	note("log(%s)", message);
}

/* case 55, defect 4 */
static void
a_stolen_fd_can_be_wrapped_again_in_the_same_handler(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	socle_set_log(complain, NULL);
	p = made("old", &peer);
	p->on_read = steal_and_rewrap;
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, true);
	send_all(peer, "x", 1);

	turn(1);
	assert_notes("old:r old:destroy");
	assert_int_equal(1, socle_watched_sockets());
	turn(1);

	assert_notes("new:r new:w");
	assert_int_equal(1, wrapped->got_len);
	close(peer);
}

/* case 56 */
static void
a_stolen_fd_does_not_wake_the_loop(void **state)
{
	struct probe *p;
	int peer, fd;

	(void)state;
	seam_time_virtual();
	p = made(NULL, &peer);
	socle_watch_read(&p->sock, true);
	turn(1);
	fd = socle_steal_socket(&p->sock);
	turn(1);
	send_all(peer, "x", 1);

	assert_true(asleep());

	assert_notes("destroy");
	close(peer);
	assert_true(asleep());
	close(fd);
}

static int stolen;

static void
steal_the_other(struct probe *p)
{
	struct probe *other = p->arg;

	if (!socle_closed(&other->sock))
		stolen = socle_steal_socket(&other->sock);
}

/* case 56 */
static void
an_object_stolen_in_the_batch_is_not_called(void **state)
{
	struct probe *a, *b;
	int peers[2];

	(void)state;
	a = made("p", &peers[0]);
	b = made("p", &peers[1]);
	a->arg = b;
	b->arg = a;
	a->on_write = b->on_write = steal_the_other;
	socle_watch_write(&a->sock, true);
	socle_watch_write(&b->sock, true);

	turn(1);

	assert_notes("p:w p:destroy");
	close(stolen);
	close(peers[0]);
	close(peers[1]);
}

static void
note_drop(void *arg)
{
	(void)arg;
	note("drop");
}

static void
note_release(bool sent, void *arg)
{
	(void)arg;
	note("release(%d)", sent);
}

static void
never(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	note("never");
}

static void
queued_items_are_dropped_with_their_callbacks(void **state)
{
	struct probe *p;
	int peer, fd;

	(void)state;
	p = made(NULL, &peer);
	stuff_fd(socle_fd(&p->sock));
	socle_write_ref(&p->sock, "abc", 3, note_release, NULL);
	socle_write_func(&p->sock, never, note_drop, NULL);
	notes_clear();

	fd = socle_steal_socket(&p->sock);

	assert_notes("release(0) drop");
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	close(fd);
	close(peer);
}

static void
held_back_writes_are_flushed_once(void **state)
{
	struct probe *p;
	char buf[8];
	int peer;

	(void)state;
	p = made(NULL, &peer);
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "held", 4));
	assert_int_equal(0, drain_fd(peer, buf, sizeof(buf)));

	close(socle_steal_socket(&p->sock));

	assert_int_equal(4, drain_fd(peer, buf, sizeof(buf)));
	close(peer);
}

static void
steal_here(struct socle_socket *s, void *arg)
{
	(void)arg;
	stolen = socle_steal_socket(s);
	note("stolen");
}

static void
a_closure_may_steal_in_the_middle_of_a_flush(void **state)
{
	static char sink[1 << 22];
	struct probe *p;
	ssize_t busy_clients, left;
	int peer;

	(void)state;
	p = made(NULL, &peer);
	busy_clients = (ssize_t)stuff_fd(socle_fd(&p->sock));
	socle_write(&p->sock, "one", 3);
	socle_write_func(&p->sock, steal_here, NULL, NULL);
	socle_write_ref(&p->sock, "two", 3, note_release, NULL);
	notes_clear();
	left = busy_clients - drain_fd(peer, sink, sizeof(sink));

	turn(1);

	assert_notes("w release(0) stolen destroy");
	assert_int_equal(left + 3, drain_fd(peer, sink, sizeof(sink)));
	assert_true(fcntl(stolen, F_GETFD) >= 0);
	close(stolen);
	close(peer);
}

static bool
stay(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	note("post");
	return true;
}

static void
a_stolen_object_gets_no_event(void **state)
{
	struct probe *p;
	int peer, fd;

	(void)state;
	seam_time_virtual();
	p = made(NULL, &peer);
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, true);
	socle_push_back_read(&p->sock, "x", 1);
	socle_set_idle_timeout(&p->sock, 1);
	socle_set_socket_post_loop_callback(&p->sock, stay, NULL);

	fd = socle_steal_socket(&p->sock);
	turn(1);
	seam_time_add(5);
	turn(1);

	assert_notes("destroy");
	close(fd);
	close(peer);
}

static struct {
	struct socle_socket sock;
	int destroyed;
} own;

static void
own_destroy(struct socle_socket *self)
{
	(void)self;
	own.destroyed++;
}

static const struct socle_class own_class = {
	.name = "Own",
	.super = &socle_socket_class,
	.size = sizeof(own),
	.destroy = own_destroy,
};

static void
memory_can_be_reused_after_destroy(void **state)
{
	int fds[2];

	(void)state;
	own.destroyed = 0;
	pair_unix(fds);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(
			0, socle_socket_init(&own.sock, &own_class, fds[0]));
		assert_int_equal(fds[0], socle_steal_socket(&own.sock));
		turn(1);
		assert_int_equal(i, own.destroyed);
	}
	close(fds[0]);
	close(fds[1]);
}

static void
repeated_steals_and_rewraps_leave_one_object(void **state)
{
	struct probe *p;
	int peer, fd, n = scaled(200, 20);

	(void)state;
	p = made(NULL, &peer);
	for (int i = 0; i < n; i++) {
		fd = socle_steal_socket(&p->sock);
		p = probe_new(fd, NULL);
		assert_int_equal(1, socle_watched_sockets());
		if (i % 7 == 0)
			turn(1);
	}
	socle_watch_read(&p->sock, true);
	send_all(peer, "x", 1);
	turn(1);

	assert_int_equal(1, p->reads);
	close(peer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_stolen_fd_is_open_and_no_longer_in_the_map),
		test(a_second_steal_fails_and_a_closed_object_has_nothing_to_steal),
		test(a_steal_skips_close_and_destroys_at_the_end_of_the_tick),
		test(a_stolen_fd_can_be_wrapped_again_in_the_same_handler),
		test(a_stolen_fd_does_not_wake_the_loop),
		test(an_object_stolen_in_the_batch_is_not_called),
		test(queued_items_are_dropped_with_their_callbacks),
		test(held_back_writes_are_flushed_once),
		test(a_closure_may_steal_in_the_middle_of_a_flush),
		test(a_stolen_object_gets_no_event),
		test(memory_can_be_reused_after_destroy),
		test(repeated_steals_and_rewraps_leave_one_object),
	};

	return run_tests(tests);
}

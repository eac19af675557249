/*
 * Closing: events and calls stop at once, the fd is closed at the end of the
 * tick, and the memory is freed at the end of the outermost tick.
 */
/* backends: all */
#include "tests/support/fixture.h"

static struct probe *
made(const char *tag, int *peer)
{
	int fds[2];

	pair_unix(fds);
	*peer = fds[1];
	return probe_new(fds[0], tag);
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* ---- the effects of a close ---- */

/* case 46 */
static void
a_second_close_does_nothing(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(NULL, &peer);

	socle_close(&p->sock, "one");
	socle_close(&p->sock, "two");
	turn(1);

	assert_notes("close(one) destroy");
	close(peer);
}

static void
close_again(struct probe *p, const char *reason)
{
	(void)reason;
	socle_close(&p->sock, "again");
}

/* case 47 */
static void
a_close_that_closes_itself_does_not_recurse(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(NULL, &peer);
	p->on_close = close_again;

	socle_close(&p->sock, "once");
	turn(1);

	assert_notes("close(once) destroy");
	close(peer);
}

static void
hang_up(struct probe *p, const char *reason)
{
	(void)reason;
	socle_super_event_hup(&probe_class, &p->sock);
}

/* case 47 */
static void
a_close_that_calls_the_default_event_hup_does_not_recurse(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(NULL, &peer);
	p->on_close = hang_up;

	socle_close(&p->sock, "once");
	turn(1);

	assert_notes("close(once) destroy");
	close(peer);
}

static void
close_the_other(struct probe *p, const char *reason)
{
	struct probe *other = p->arg;

	(void)reason;
	socle_close(&other->sock, p->tag);
}

static void
two_that_close_each_other_do_not_recurse(void **state)
{
	struct probe *a, *b;
	int peers[2];

	(void)state;
	a = made("a", &peers[0]);
	b = made("b", &peers[1]);
	a->on_close = b->on_close = close_the_other;
	a->arg = b;
	b->arg = a;

	socle_close(&a->sock, "first");
	turn(1);

	assert_notes("a:close(first) b:close(a) b:destroy a:destroy");
	assert_int_equal(0, socle_watched_sockets());
	close(peers[0]);
	close(peers[1]);
}

static int fd_in_handler;

static void
close_and_look(struct probe *p)
{
	fd_in_handler = socle_fd(&p->sock);
	socle_close(&p->sock, NULL);
	assert_true(is_open(fd_in_handler));
	assert_int_equal(-1, socle_fd(&p->sock));
	assert_true(socle_closed(&p->sock));
	note("looked");
}

/* case 48 */
static void
the_fd_stays_open_until_the_end_of_the_tick(void **state)
{
	struct probe *p;
	int peer;
	char c;

	(void)state;
	p = made(NULL, &peer);
	p->on_write = close_and_look;
	socle_watch_write(&p->sock, true);

	turn(1);

	assert_notes("w close() looked destroy");
	assert_false(is_open(fd_in_handler));
	assert_int_equal(-1, drain_fd(peer, &c, 1));
	close(peer);
}

static void
an_fd_closed_outside_the_loop_is_closed_without_a_wait(void **state)
{
	struct probe *p;
	int peer, fd;

	(void)state;
	seam_time_virtual();
	p = made(NULL, &peer);
	fd = socle_fd(&p->sock);
	turn(1);
	socle_close(&p->sock, NULL);
	assert_true(is_open(fd));
	assert_int_equal(1, socle_watched_sockets());

	assert_true(socle_event_loop_once(-1) >= 0);

	assert_false(is_open(fd));
	assert_int_equal(0, socle_watched_sockets());
	assert_notes("close() destroy");
	close(peer);
}

static int closed_fds[4], n_closed;
static int (*real_close)(int fd);

static int
record_close(int fd)
{
	if (n_closed < 4)
		closed_fds[n_closed++] = fd;
	return real_close(fd);
}

static void
fds_are_closed_in_the_order_of_the_close_calls(void **state)
{
	struct probe *p[3];
	int peers[3], fds[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		p[i] = made("p", &peers[i]);
		fds[i] = socle_fd(&p[i]->sock);
	}
	n_closed = 0;
	real_close = socle__seam.close;
	socle__seam.close = record_close;
	socle_close(&p[1]->sock, NULL);
	socle_close(&p[2]->sock, NULL);
	socle_close(&p[0]->sock, NULL);

	turn(1);
	socle__seam.close = real_close;

	assert_int_equal(3, n_closed);
	assert_int_equal(fds[1], closed_fds[0]);
	assert_int_equal(fds[2], closed_fds[1]);
	assert_int_equal(fds[0], closed_fds[2]);
	for (int i = 0; i < 3; i++)
		close(peers[i]);
}

/* ---- calls on a closed object ---- */

static bool
stay(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	note("never");
	return true;
}

static void
note_never(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	note("never");
}

static void
drop_never(void *arg)
{
	(void)arg;
	note("never");
}

static void
release_never(bool sent, void *arg)
{
	(void)sent;
	(void)arg;
	note("never");
}

/* cases 50, 51, 52 */
static void
calls_on_a_closed_object_return_ebadf_and_take_nothing(void **state)
{
	struct iovec iov = {.iov_base = (char[]){"x"}, .iov_len = 1};
	struct probe *p;
	int peer;
	char c;

	(void)state;
	p = made(NULL, &peer);
	socle_close(&p->sock, NULL);
	notes_clear();

	assert_int_equal(-EBADF, socle_write(&p->sock, "x", 1));
	assert_int_equal(-EBADF, socle_writev(&p->sock, &iov, 1));
	assert_int_equal(
		-EBADF, socle_write_ref(&p->sock, "x", 1, release_never, NULL));
	assert_int_equal(-EBADF,
		socle_write_func(&p->sock, note_never, drop_never, NULL));
	assert_int_equal(-EBADF, socle_write_kick(&p->sock));
	assert_int_equal(-EBADF, socle_read(&p->sock, &c, 1));
	assert_int_equal(-EBADF, socle_push_back_read(&p->sock, "x", 1));
	assert_int_equal(-EBADF, socle_unread(&p->sock, "x", 1));
	assert_int_equal(-EBADF, socle_steal_socket(&p->sock));
	assert_int_equal(-EBADF, socle_set_idle_timeout(&p->sock, 1));
	assert_int_equal(-EBADF, socle_set_write_timeout(&p->sock, 1));
	assert_int_equal(-EBADF,
		socle_set_socket_post_loop_callback(&p->sock, stay, NULL));
	turn(1);

	assert_notes("destroy");
	close(peer);
}

/* cases 52, 53 */
static void
watches_on_a_closed_object_do_nothing(void **state)
{
	struct probe *p;
	char text[64];
	int peer;

	(void)state;
	p = made(NULL, &peer);
	socle_watch_read(&p->sock, true);
	socle_close(&p->sock, NULL);

	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, true);
	socle_close_after_flush(&p->sock, NULL);
	socle_set_autoflush(&p->sock, false);

	assert_int_equal(0, socle_watching(&p->sock));
	assert_int_equal(0, socle_write_buf_size(&p->sock));
	assert_true(socle_as_string(&p->sock, text, sizeof(text)) > 0);
	assert_string_equal("Probe(R): closed", text);
	close(peer);
}

/* ---- queued data ---- */

static void
note_drop(void *arg)
{
	note("drop%s", (const char *)arg);
}

static void
note_release(bool sent, void *arg)
{
	note("release%s(%d)", (const char *)arg, sent);
}

/* case 49, defect 11 */
static void
queued_items_are_dropped_with_each_callback_called_once(void **state)
{
	char names[3][2] = {"2", "3", "4"};
	struct probe *p;
	int peer;

	(void)state;
	p = made(NULL, &peer);
	stuff_fd(socle_fd(&p->sock));
	assert_int_equal(0,
		socle_write_ref(
			&p->sock, "abc", 3, note_release, (char[]){"1"}));
	for (int i = 0; i < 3; i++)
		assert_int_equal(0,
			socle_write_func(
				&p->sock, note_never, note_drop, names[i]));
	notes_clear();

	socle_close(&p->sock, NULL);
	turn(1);

	assert_notes("close() release1(0) drop2 drop3 drop4 destroy");
	close(peer);
}

static void
note_lost(struct probe *p, const char *reason)
{
	(void)reason;
	note("lost=%zu", socle_write_buf_size(&p->sock));
}

/* defect 11 */
static void
a_close_method_can_see_how_much_is_lost(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(NULL, &peer);
	p->on_close = note_lost;
	stuff_fd(socle_fd(&p->sock));
	assert_int_equal(0, socle_write(&p->sock, "12345", 5));
	notes_clear();

	socle_close(&p->sock, NULL);

	assert_notes("close() lost=5");
	close(peer);
}

/* defect 11 */
static void
close_after_flush_loses_nothing(void **state)
{
	static char sink[1 << 20];
	bool destroyed = false;
	struct probe *p;
	size_t busy_clients;
	int peer;

	(void)state;
	p = made(NULL, &peer);
	p->destroyed = &destroyed;
	busy_clients = stuff_fd(socle_fd(&p->sock));
	assert_int_equal(0, socle_write(&p->sock, "bye", 3));
	notes_clear();
	socle_close_after_flush(&p->sock, "done");
	turn(2);
	assert_notes("");

	assert_int_equal(busy_clients, drain_fd(peer, sink, busy_clients));
	turn_until(&destroyed);

	assert_int_equal(3, drain_fd(peer, sink, sizeof(sink)));
	assert_memory_equal("bye", sink, 3);
	assert_notes("w close(done) destroy");
	close(peer);
}

static void
a_close_flushes_held_back_writes(void **state)
{
	struct probe *p;
	char buf[8];
	int peer;

	(void)state;
	p = made(NULL, &peer);
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "held", 4));

	socle_close(&p->sock, NULL);

	assert_int_equal(4, drain_fd(peer, buf, sizeof(buf)));
	close(peer);
}

static void
hup_now(struct socle_socket *s)
{
	socle_super_event_hup(&probe_class, s);
}

static void
a_close_for_an_error_flushes_nothing(void **state)
{
	struct probe *p;
	char buf[8];
	int peer;

	(void)state;
	p = made(NULL, &peer);
	socle_set_autoflush(&p->sock, false);
	assert_int_equal(0, socle_write(&p->sock, "held", 4));

	hup_now(&p->sock);
	turn(1);

	assert_int_equal(-1, drain_fd(peer, buf, sizeof(buf)));
	assert_notes("close(event_hup) destroy");
	close(peer);
}

/* ---- veto ---- */

static void
a_close_that_does_not_call_super_is_a_veto(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(NULL, &peer);
	p->veto = true;
	socle_watch_read(&p->sock, true);
	socle_close(&p->sock, "no");
	assert_false(socle_closed(&p->sock));
	send_all(peer, "x", 1);
	turn(1);
	assert_notes("close(no) r");

	p->veto = false;
	socle_close(&p->sock, "yes");
	turn(1);

	assert_notes("close(yes) destroy");
	close(peer);
}

static void
veto_once(struct probe *p, const char *reason)
{
	(void)reason;
	p->veto = !p->veto;
}

static void
a_close_can_be_vetoed_repeatedly(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(NULL, &peer);
	p->on_close = veto_once;
	socle_close(&p->sock, "1");
	assert_false(socle_closed(&p->sock));
	socle_close(&p->sock, "2");
	turn(1);

	assert_notes("close(1) close(2) destroy");
	close(peer);
}

/* ---- the memory ---- */

static void
close_sibling_and_use_it(struct probe *p)
{
	struct probe *other = p->arg;

	socle_close(&other->sock, NULL);
	other->got[0] = 'x';
	other->done = true;
	assert_true(socle_closed(&other->sock));
}

/* case 41 */
static void
an_object_closed_in_the_batch_is_valid_until_its_destroy(void **state)
{
	struct probe *a, *b;
	int peers[2];

	(void)state;
	a = made("a", &peers[0]);
	b = made("b", &peers[1]);
	a->arg = b;
	b->arg = a;
	a->on_write = b->on_write = close_sibling_and_use_it;
	socle_watch_write(&a->sock, true);
	socle_watch_write(&b->sock, true);

	turn(1);

	assert_int_equal(1, socle_watched_sockets());
	assert_non_null(strstr(notes(), ":destroy"));
	close(peers[0]);
	close(peers[1]);
}

static int on_stack, destroyed_on_stack;

static void
note_if_on_stack(struct socle_socket *self)
{
	(void)self;
	note("destroy");
	if (on_stack)
		destroyed_on_stack++;
}

static void nest(struct socle_socket *self);

static const struct socle_class nests_class = {
	.name = "Nests",
	.super = &socle_socket_class,
	.event_write = nest,
	.destroy = note_if_on_stack,
};

/* Three nested loops: each object closes itself and one runs the next loop. */
static void
nest(struct socle_socket *self)
{
	on_stack++;
	note("w");
	socle_watch_write(self, false);
	socle_close(self, NULL);
	turn(2);
	assert_true(socle_closed(self));
	assert_int_equal(-1, socle_fd(self));
	on_stack--;
}

static void
nothing_is_destroyed_while_a_handler_is_on_the_stack(void **state)
{
	struct socle_socket *s[3];
	int fds[2], peers[3];

	(void)state;
	on_stack = destroyed_on_stack = 0;
	for (int i = 0; i < 3; i++) {
		pair_unix(fds);
		peers[i] = fds[1];
		assert_int_equal(
			0, socle_socket_new(&nests_class, fds[0], &s[i]));
		socle_watch_write(s[i], true);
	}

	turn(1);

	assert_notes("w w w destroy destroy destroy");
	assert_int_equal(0, destroyed_on_stack);
	for (int i = 0; i < 3; i++)
		close(peers[i]);
}

static void
close_in_closure(struct socle_socket *s, void *arg)
{
	(void)arg;
	socle_close(s, NULL);
	turn(3);
	note("valid=%d", socle_closed(s));
}

static void
a_closure_run_outside_the_loop_keeps_its_object_valid(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(NULL, &peer);

	assert_int_equal(
		1, socle_write_func(&p->sock, close_in_closure, NULL, NULL));
	assert_notes("close() valid=1");
	turn(1);

	assert_notes("destroy");
	close(peer);
}

static void
turn_in_close(struct probe *p, const char *reason)
{
	(void)reason;
	turn(2);
	note("%s", socle_closed(&p->sock) ? "closed" : "open");
}

static void
a_loop_nested_in_close_sees_the_object_still_open(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	p = made(NULL, &peer);
	p->on_close = turn_in_close;

	socle_close(&p->sock, NULL);
	turn(1);

	assert_notes("close() open destroy");
	close(peer);
}

static struct socle_socket *next_to_close;

static void
destroy_closes_another(struct socle_socket *self)
{
	(void)self;
	note("destroy");
	if (next_to_close)
		socle_close(next_to_close, NULL);
	next_to_close = NULL;
}

static const struct socle_class chain_class = {
	.name = "Chain",
	.super = &socle_socket_class,
	.destroy = destroy_closes_another,
};

/* case 58 */
static void
a_destroy_that_closes_another_loses_nothing(void **state)
{
	struct socle_socket *a;
	int one[2], two[2];

	(void)state;
	pair_unix(one);
	pair_unix(two);
	assert_int_equal(0, socle_socket_new(&chain_class, one[0], &a));
	assert_int_equal(
		0, socle_socket_new(&chain_class, two[0], &next_to_close));
	socle_close(a, NULL);

	turn(1);

	assert_int_equal(0, socle_watched_sockets());
	assert_notes("destroy destroy");
	assert_false(is_open(one[0]));
	assert_false(is_open(two[0]));
	close(one[1]);
	close(two[1]);
}

static struct owned {
	struct socle_socket sock;
	int destroyed;
} * owned;

static void
free_owned(struct socle_socket *self)
{
	struct owned *m = socle_container_of(self, struct owned, sock);

	note("destroyed %d times", ++m->destroyed);
	free(m);
	owned = NULL;
}

static const struct socle_class owned_class = {
	.name = "Mine",
	.super = &socle_socket_class,
	.size = sizeof(struct owned),
	.destroy = free_owned,
};

static void
caller_allocated_memory_can_be_freed_in_destroy(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	owned = calloc(1, sizeof(*owned));
	assert_non_null(owned);
	assert_int_equal(
		0, socle_socket_init(&owned->sock, &owned_class, fds[0]));
	socle_push_back_read(&owned->sock, "x", 1);
	socle_close(&owned->sock, NULL);
	assert_non_null(owned);

	turn(2);

	assert_null(owned);
	assert_notes("destroyed 1 times");
	close(fds[1]);
}

static int times_destroyed;

static void
count_destroy(struct socle_socket *self)
{
	(void)self;
	times_destroyed++;
}

static const struct socle_class counts_class = {
	.name = "Counts",
	.super = &socle_socket_class,
	.destroy = count_destroy,
};

static void
each_object_is_destroyed_once_however_it_ends(void **state)
{
	int n = scaled(300, 30);

	(void)state;
	if (!hups_are_told())
		skip_because("poll(2) reports no HUP of an unwatched fd");
	times_destroyed = 0;
	for (int i = 0; i < n; i++) {
		struct socle_socket *s;
		int fds[2];

		pair_unix(fds);
		assert_int_equal(
			0, socle_socket_new(&counts_class, fds[0], &s));
		if (i % 3 == 0)
			socle_close(s, NULL);
		else if (i % 3 == 1)
			close(socle_steal_socket(s));
		/* the third kind: the default event_hup closes */
		close(fds[1]);
		if (i % 2)
			turn(1);
	}
	turn(3);

	assert_int_equal(n, times_destroyed);
	socle_reset();
	assert_int_equal(n, times_destroyed);
}

static void
fire(struct probe *p)
{
	note("never %d", p->reads);
}

static void
no_timeout_or_post_loop_callback_runs_after_the_close(void **state)
{
	struct probe *p;
	int peer;

	(void)state;
	seam_time_virtual();
	p = made(NULL, &peer);
	p->on_read = p->on_write = fire;
	socle_watch_read(&p->sock, true);
	socle_watch_write(&p->sock, true);
	assert_int_equal(0, socle_set_idle_timeout(&p->sock, 1));
	assert_int_equal(
		0, socle_set_socket_post_loop_callback(&p->sock, stay, NULL));
	assert_int_equal(0, socle_push_back_read(&p->sock, "x", 1));
	socle_close(&p->sock, NULL);

	turn(1);
	seam_time_add(10);
	turn(2);

	assert_notes("close() destroy");
	close(peer);
}

enum { LONG_CHAIN = 20 };
static struct socle_socket *long_chain[LONG_CHAIN];
static int at_link;

static void
destroy_closes_the_next(struct socle_socket *self)
{
	(void)self;
	if (++at_link < LONG_CHAIN)
		socle_close(long_chain[at_link], NULL);
}

static const struct socle_class link_class = {
	.name = "Link",
	.super = &socle_socket_class,
	.destroy = destroy_closes_the_next,
};

/* The loop ends a few of them at once, and returns for the rest. */
static void
a_long_chain_of_closes_in_destroy_ends_over_several_ticks(void **state)
{
	int peers[LONG_CHAIN];

	(void)state;
	at_link = 0;
	for (int i = 0; i < LONG_CHAIN; i++) {
		int fds[2];

		pair_unix(fds);
		peers[i] = fds[1];
		assert_int_equal(0,
			socle_socket_new(&link_class, fds[0], &long_chain[i]));
	}
	socle_close(long_chain[0], NULL);
	turn(1);
	assert_in_range(at_link, 2, LONG_CHAIN - 1);
	for (int i = 0; i < LONG_CHAIN; i++)
		turn(1);
	assert_int_equal(LONG_CHAIN, at_link);
	assert_int_equal(0, socle_watched_sockets());
	for (int i = 0; i < LONG_CHAIN; i++)
		close(peers[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_second_close_does_nothing),
		test(a_close_that_closes_itself_does_not_recurse),
		test(a_close_that_calls_the_default_event_hup_does_not_recurse),
		test(two_that_close_each_other_do_not_recurse),
		test(the_fd_stays_open_until_the_end_of_the_tick),
		test(an_fd_closed_outside_the_loop_is_closed_without_a_wait),
		test(fds_are_closed_in_the_order_of_the_close_calls),
		test(calls_on_a_closed_object_return_ebadf_and_take_nothing),
		test(watches_on_a_closed_object_do_nothing),
		test(queued_items_are_dropped_with_each_callback_called_once),
		test(a_close_method_can_see_how_much_is_lost),
		test(close_after_flush_loses_nothing),
		test(a_close_flushes_held_back_writes),
		test(a_close_for_an_error_flushes_nothing),
		test(a_close_that_does_not_call_super_is_a_veto),
		test(a_close_can_be_vetoed_repeatedly),
		test(an_object_closed_in_the_batch_is_valid_until_its_destroy),
		test(nothing_is_destroyed_while_a_handler_is_on_the_stack),
		test(a_closure_run_outside_the_loop_keeps_its_object_valid),
		test(a_loop_nested_in_close_sees_the_object_still_open),
		test(a_destroy_that_closes_another_loses_nothing),
		test(caller_allocated_memory_can_be_freed_in_destroy),
		test(each_object_is_destroyed_once_however_it_ends),
		test(no_timeout_or_post_loop_callback_runs_after_the_close),
		test(a_long_chain_of_closes_in_destroy_ends_over_several_ticks),
	};

	return run_tests(tests);
}

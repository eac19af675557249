/*
 * Stale events: a number that has become another file, a duplicate of an fd
 * that keeps a registration alive, an fd that was closed behind the library's
 * back.
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

/* Makes the unused number `fd' one end of a new pair; returns the other end. */
static int
pair_at(int fd)
{
	int fds[2];

	pair_unix(fds);
	if (fds[1] == fd)
		return fds[0];
	if (fds[0] != fd) {
		assert_int_equal(fd, dup2(fds[0], fd));
		close(fds[0]);
	}
	return fds[1];
}

static struct probe *fresh;
static int fresh_peer;

/* Replaces the other of two objects: its number becomes `fresh'. */
static void
steal_close_and_reuse(struct probe *p)
{
	struct probe *other = p->arg;
	int fd = socle_steal_socket(&other->sock);

	socle_watch_read(&p->sock, false);
	close(fd);
	fresh_peer = pair_at(fd);
	fresh = probe_new(fd, "fresh");
	socle_watch_read(&fresh->sock, true);
}

static void
close_turn_and_reuse(struct probe *p)
{
	struct probe *other = p->arg;
	int fd = socle_fd(&other->sock);

	socle_watch_read(&p->sock, false);
	socle_close(&other->sock, NULL);
	turn(1); /* closes the fd but destroys nothing */
	fresh_peer = pair_at(fd);
	fresh = probe_new(fd, "fresh");
	socle_watch_read(&fresh->sock, true);
}

struct two {
	struct probe *a, *b;
	int peers[2];
};

static void
two_readable(struct two *t, void (*on_read)(struct probe *p))
{
	int fds[2];

	pair_unix(fds);
	t->a = probe_new(fds[0], "old");
	t->peers[0] = fds[1];
	pair_unix(fds);
	t->b = probe_new(fds[0], "old");
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
	close(fresh_peer);
}

/* case 38 */
static void
a_pending_event_does_not_reach_a_new_object_at_its_number(void **state)
{
	struct two t;

	(void)state;
	two_readable(&t, steal_close_and_reuse);

	turn(1);
	assert_notes("old:r old:destroy");
	send_all(fresh_peer, "z", 1);
	turn(1);

	assert_int_equal(1, fresh->reads);
	assert_int_equal(1, fresh->got_len);
	two_end(&t);
}

/* case 38 */
static void
a_nested_close_sends_no_event_to_a_new_object_at_its_number(void **state)
{
	struct two t;

	(void)state;
	two_readable(&t, close_turn_and_reuse);

	turn(1);
	assert_notes("old:r old:close() old:destroy");
	turn(1);
	assert_notes("");
	send_all(fresh_peer, "z", 1);
	turn(1);

	assert_notes("fresh:r");
	two_end(&t);
}

static bool
reuse_after_tick(void *arg)
{
	int fd = *(int *)arg;

	if (fcntl(fd, F_GETFD) >= 0 || fresh)
		return true;
	fresh_peer = pair_at(fd);
	fresh = probe_new(fd, "fresh");
	socle_watch_read(&fresh->sock, true);
	return true;
}

static void
a_number_reused_at_once_starts_without_events(void **state)
{
	struct probe *p;
	int fds[2], fd;

	(void)state;
	fresh = NULL;
	pair_unix(fds);
	fd = fds[0];
	p = probe_new(fd, "old");
	p->read_size = 0; /* stays readable */
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	socle_set_post_loop_callback(reuse_after_tick, &fd);
	turn(1);
	socle_close(&p->sock, NULL);
	turn(1);
	assert_non_null(fresh);
	notes_clear();

	turn(3);

	assert_notes("");
	close(fds[1]);
	close(fresh_peer);
}

static void
never(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)ready;
	(void)arg;
	note("never");
}

static void
replace_other_fd(struct probe *p)
{
	int *fd = p->arg;

	socle_watch_read(&p->sock, false);
	if (socle_remove_other_fd(*fd) < 0)
		return;
	close(*fd);
	fresh_peer = pair_at(*fd);
	fresh = probe_new(*fd, "fresh");
	socle_watch_read(&fresh->sock, true);
}

static void
an_event_of_a_removed_other_fd_does_not_reach_an_object(void **state)
{
	struct probe *p;
	int fds[2], others[2];

	(void)state;
	pair_unix(fds);
	pair_unix(others);
	p = probe_new(fds[0], "p");
	p->on_read = replace_other_fd;
	p->arg = &others[0];
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	send_all(others[1], "x", 1);
	assert_int_equal(
		0, socle_add_other_fd(others[0], SOCLE_READ, never, NULL));

	turn(3);

	/* the other fd may have been the first of the batch */
	if (strncmp(notes(), "never ", 6) == 0)
		assert_notes("never p:r");
	else
		assert_notes("p:r");
	close(fds[1]);
	close(others[1]);
	close(fresh_peer);
}

/* ---- churn ---- */

enum { SLOTS = 8 };

static struct churner {
	struct probe *p;
	int peer;
	char mark; /* the byte sent by its peer */
} slots[SLOTS];
static unsigned churn_seed;
static int churned, stale;

static unsigned
churn_random(unsigned below)
{
	churn_seed = churn_seed * 1103515245u + 12345u;
	return (churn_seed >> 16) % below;
}

static void churn_read(struct probe *p);

static void
churn_open(struct churner *c, int fd)
{
	c->peer = pair_at(fd);
	c->mark++;
	c->p = probe_new(fd, NULL);
	c->p->on_read = churn_read;
	c->p->arg = c;
	socle_watch_read(&c->p->sock, true);
	if (churn_random(2))
		send_all(c->peer, &c->mark, 1);
}

/* Expects its own peer's byte; then replaces the object of a random slot. */
static void
churn_read(struct probe *p)
{
	struct churner *mine = p->arg, *c = &slots[churn_random(SLOTS)];
	char byte = 0;
	int fd;

	if (mine->p != p || socle_read(&p->sock, &byte, 1) != 1 ||
		byte != mine->mark)
		stale++;
	churned++;
	fd = socle_steal_socket(&c->p->sock);
	close(fd);
	close(c->peer);
	churn_open(c, fd);
}

static void
no_event_is_stale_whatever_a_batch_replaces(void **state)
{
	int turns = scaled(1500, 50);

	(void)state;
	churn_seed = 38;
	churned = stale = 0;
	for (int i = 0; i < SLOTS; i++) {
		int fd = dup(1);

		close(fd);
		churn_open(&slots[i], fd);
	}
	for (int i = 0; i < turns; i++) {
		for (int k = 0; k < SLOTS; k++)
			if (churn_random(3) == 0)
				send_all(slots[k].peer, &slots[k].mark, 1);
		turn(1);
		notes_clear();
	}

	assert_int_equal(0, stale);
	assert_true(churned > turns);
	assert_int_equal(SLOTS, socle_watched_sockets());
	for (int i = 0; i < SLOTS; i++)
		close(slots[i].peer);
}

/* ---- duplicates ---- */

/* case 40, defect 13 */
static void
a_copy_of_the_fd_causes_no_event_after_the_close(void **state)
{
	struct probe *p;
	int fds[2], copy;

	(void)state;
	seam_time_virtual();
	pair_unix(fds);
	copy = dup(fds[0]);
	p = probe_new(fds[0], NULL);
	socle_watch_read(&p->sock, true);
	turn(1);
	socle_close(&p->sock, NULL);
	turn(1);
	send_all(fds[1], "x", 1);
	seam_count_reset();

	assert_true(asleep());

	assert_notes("close() destroy");
	if (changes_are_calls())
		assert_int_equal(0, seam_count(the_opening()));
	close(copy);
	close(fds[1]);
}

/*
 * Makes the kernel watch an open file that no fd of the library names: the fd
 * was closed behind the library's back, and a duplicate keeps the file open.
 * Returns the duplicate.
 */
static int
unreachable_registration(int *peer)
{
	struct probe *p;
	int fds[2], copy;

	pair_unix(fds);
	copy = dup(fds[0]);
	p = probe_new(fds[0], "gone");
	p->read_size = 0;
	socle_watch_read(&p->sock, true);
	turn(1);
	close(fds[0]);
	socle_close(&p->sock, NULL);
	turn(1);
	notes_clear();
	*peer = fds[1];
	return copy;
}

static void
the_first_stale_generation_rebuilds_the_set(void **state)
{
	struct probe *live;
	int fds[2], peer, copy;

	(void)state;
	seam_time_virtual();
	pair_unix(fds);
	live = probe_new(fds[0], "live");
	socle_watch_read(&live->sock, true);
	copy = unreachable_registration(&peer);
	send_all(peer, "x", 1);
	seam_count_reset();

	turn(1);
	if (backend_is("epoll"))
		assert_int_equal(1, seam_count(the_opening()));
	assert_true(asleep());
	send_all(fds[1], "y", 1);
	turn(1);

	assert_notes("live:r");
	if (backend_is("epoll"))
		assert_int_equal(1, seam_count(the_opening()));
	close(copy);
	close(peer);
	close(fds[1]);
}

static void
ignore(struct probe *p)
{
	(void)p;
}

static void
a_rebuilt_set_keeps_what_was_watched_and_what_was_parked(void **state)
{
	struct probe *parked, *writer;
	int fds[2], more[2], peer, copy;

	(void)state;
	seam_time_virtual();
	pair_unix(fds);
	parked = probe_new(fds[0], "parked");
	parked->on_hup = ignore;
	close(fds[1]);
	pair_unix(more);
	writer = probe_new(more[0], "writer");
	turn(2);
	notes_clear();
	copy = unreachable_registration(&peer);
	send_all(peer, "x", 1);

	turn(2);
	assert_true(asleep());
	assert_notes("");
	writer->on_write = ignore;
	socle_watch_write(&writer->sock, true);
	turn(1);

	assert_notes("writer:w");
	close(copy);
	close(peer);
	close(more[1]);
}

static void
a_failed_rebuild_of_the_set_is_retried(void **state)
{
	int peer, copy;

	(void)state;
	seam_time_virtual();
	copy = unreachable_registration(&peer);
	if (backend_is("epoll")) {
		send_all(peer, "x", 1);
		seam_fail(the_opening(), 1, EMFILE, 1);
		turn(1);
		assert_int_equal(1, seam_struck());
		turn(1);
	}

	assert_true(asleep());

	close(copy);
	close(peer);
}

/* The kernel watches the fd, and refuses to forget it. */
static void
steal_unforgotten(struct probe *p)
{
	int fd = socle_fd(&p->sock);

	socle_watch_read(&p->sock, true);
	turn(1);
	if (changes_are_calls())
		seam_fail(CALL_change, 1, ENOMEM, 1);
	assert_int_equal(fd, socle_steal_socket(&p->sock));
	assert_int_equal(changes_are_calls(), seam_struck());
	turn(1);
}

/* Its new owner hears of the end. */
static void
the_end_of_a_stolen_fd_does_not_make_the_loop_spin(void **state)
{
	int fds[2], peer;
	struct probe *p;

	(void)state;
	seam_time_virtual();
	pair_unix(fds);
	peer = fds[1];
	p = probe_new(fds[0], NULL);
	steal_unforgotten(p);
	assert_notes("destroy");
	close(peer);
	turn(2);
	assert_notes("");
	assert_true(asleep());
	close(fds[0]);
}

/* The kernel has it registered for its first object still. */
static void
a_stolen_fd_that_was_not_forgotten_can_be_given_back(void **state)
{
	struct probe *p, *back;
	int fds[2];

	(void)state;
	seam_time_virtual();
	pair_unix(fds);
	p = probe_new(fds[0], "old");
	steal_unforgotten(p);
	assert_notes("old:destroy");
	seam_count_reset();
	back = probe_new(fds[0], "new");
	back->read_size = 8;
	send_all(fds[1], "x", 1);
	turn(2);
	assert_notes("");
	socle_watch_read(&back->sock, true);
	turn(2);
	assert_notes("new:r");
	assert_int_equal(1, back->got_len);
	if (changes_are_calls()) /* the set was not rebuilt for a stale event */
		assert_int_equal(0, seam_count(the_opening()));
	assert_true(asleep());
	close(fds[1]);
}

/* ---- closed behind the library ---- */

static void
still_there(struct probe *p, int err)
{
	(void)err;
	socle_close(&p->sock, "reported");
}

static struct probe *
watched(int fds[2])
{
	struct probe *p;

	pair_unix(fds);
	p = probe_new(fds[0], NULL);
	p->on_err = still_there;
	socle_watch_read(&p->sock, true);
	turn(1);
	return p;
}

/* The number belongs to another file now and must not have been closed. */
static void
assert_number_is_alone(int fd)
{
	assert_true(fcntl(fd, F_GETFD) >= 0);
	close(fd);
}

/* defect 10 */
static void
a_reported_close_behind_the_library_is_event_err(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps filters of a closed fd");
	seam_time_virtual();
	p = watched(fds);
	close(fds[0]);
	socle_watch_write(&p->sock, true);
	seam_count_reset();

	turn(1);

	assert_notes("e-9 close(reported) destroy");
	assert_int_equal(0, seam_count(CALL_close));
	assert_true(asleep());
	close(fds[1]);
}

static void
keep_open(struct probe *p, int err)
{
	(void)p;
	(void)err;
}

/* defect 10 */
static void
an_ignored_close_behind_the_library_is_reported_once(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps filters of a closed fd");
	seam_time_virtual();
	p = watched(fds);
	p->on_err = keep_open;
	close(fds[0]);
	socle_watch_write(&p->sock, true);

	turn(3);

	assert_notes("e-9");
	assert_true(asleep());
	socle_close(&p->sock, NULL);
	seam_count_reset();
	turn(1);
	assert_int_equal(0, seam_count(CALL_close));
	close(fds[1]);
}

/* case 39, defect 8 */
static void
an_fd_closed_behind_the_library_is_not_closed_again(void **state)
{
	struct probe *p;
	int fds[2];

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps filters of a closed fd");
	p = watched(fds);
	p->on_err = keep_open;
	close(fds[0]);
	if (!changes_are_calls())
		turn(1); /* for backends that notice only in the next wait */
	seam_count_reset();
	socle_close(&p->sock, NULL);

	turn(1);

	assert_int_equal(0, seam_count(CALL_close));
	close(fds[1]);
}

/* case 39, defect 8 */
static void
a_number_that_is_now_another_socket_is_left_alone(void **state)
{
	struct probe *p;
	int fds[2], innocent[2];

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps filters of a closed fd");
	p = watched(fds);
	pair_unix(innocent);
	if (changes_are_calls()) {
		assert_int_equal(fds[0], dup2(innocent[0], fds[0]));
		socle_close(&p->sock, NULL);
		turn(1);
		assert_number_is_alone(fds[0]);
	}
	close(innocent[0]);
	close(innocent[1]);
	close(fds[1]);
}

/* case 39, defect 8 */
static void
a_number_that_is_now_a_regular_file_is_left_alone(void **state)
{
	struct probe *p;
	int fds[2], innocent;

	(void)state;
	if (backend_is("libkqueue"))
		skip_because("libkqueue keeps filters of a closed fd");
	p = watched(fds);
	if (changes_are_calls()) {
		innocent = open("/proc/self/exe", O_RDONLY);
		assert_true(innocent >= 0);
		assert_int_equal(fds[0], dup2(innocent, fds[0]));
		close(innocent);
		socle_close(&p->sock, NULL);
		turn(1);
		assert_number_is_alone(fds[0]);
	}
	close(fds[1]);
}

/* case 39 */
static void
a_change_at_a_number_that_is_now_another_file_is_event_err(void **state)
{
	struct probe *p;
	int fds[2], innocent;

	(void)state;
	if (!backend_is("epoll"))
		skip_because("this backend watches the number, not the file");
	p = watched(fds);
	innocent = open("/proc/self/exe", O_RDONLY);
	assert_true(innocent >= 0);
	assert_int_equal(fds[0], dup2(innocent, fds[0]));
	close(innocent);
	socle_watch_write(&p->sock, true);
	turn(1);
	assert_notes("e-9 close(reported) destroy");
	assert_number_is_alone(fds[0]);
	close(fds[1]);
}

/* defect 8 */
static void
an_unknown_event_closes_nothing(void **state)
{
	int peer, copy, innocent[2];

	(void)state;
	pair_unix(innocent);
	copy = unreachable_registration(&peer);
	send_all(peer, "x", 1);
	seam_count_reset();

	turn(3);

	/* only the fd that was opened to rebuild the set is closed */
	assert_int_equal(backend_is("epoll") ? 1 : 0, seam_count(CALL_close));
	assert_number_is_alone(innocent[0]);
	close(innocent[1]);
	close(copy);
	close(peer);
}

/* The kernel has a copy of an earlier fd, and no memory to change that. */
static void
a_registration_that_cannot_be_replaced_is_refused(void **state)
{
	struct socle_socket *s = NULL;
	int fds[2];

	(void)state;
	if (!backend_is("epoll"))
		skip_because("only epoll remembers copies of an fd");
	pair_unix(fds);
	turn(1);
	seam_fail(CALL_epoll_ctl, 1, EEXIST, 1);
	seam_fail(CALL_epoll_ctl, 2, ENOMEM, 1);
	assert_int_equal(-ENOMEM, socle_socket_new(&probe_class, fds[0], &s));
	assert_null(s);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_pending_event_does_not_reach_a_new_object_at_its_number),
		test(a_nested_close_sends_no_event_to_a_new_object_at_its_number),
		test(a_number_reused_at_once_starts_without_events),
		test(an_event_of_a_removed_other_fd_does_not_reach_an_object),
		test(no_event_is_stale_whatever_a_batch_replaces),
		test(a_copy_of_the_fd_causes_no_event_after_the_close),
		test(the_first_stale_generation_rebuilds_the_set),
		test(a_rebuilt_set_keeps_what_was_watched_and_what_was_parked),
		test(a_failed_rebuild_of_the_set_is_retried),
		test(the_end_of_a_stolen_fd_does_not_make_the_loop_spin),
		test(a_stolen_fd_that_was_not_forgotten_can_be_given_back),
		test(a_reported_close_behind_the_library_is_event_err),
		test(an_ignored_close_behind_the_library_is_reported_once),
		test(an_fd_closed_behind_the_library_is_not_closed_again),
		test(a_number_that_is_now_another_socket_is_left_alone),
		test(a_number_that_is_now_a_regular_file_is_left_alone),
		test(a_change_at_a_number_that_is_now_another_file_is_event_err),
		test(an_unknown_event_closes_nothing),
		test(a_registration_that_cannot_be_replaced_is_refused),
	};

	return run_tests(tests);
}

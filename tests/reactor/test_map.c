/*
 * The descriptor map: what may be registered, what is counted, and walks over
 * the map while it changes.
 */
/* backends: all */
#include "tests/support/fixture.h"

static const struct socle_class plain_class = {
	.name = "Plain",
	.super = &socle_socket_class,
};

static struct socle_socket *
made(int *peer)
{
	struct socle_socket *s;
	int fds[2];

	pair_unix(fds);
	*peer = fds[1];
	assert_int_equal(0, socle_socket_new(&plain_class, fds[0], &s));
	return s;
}

/* ---- registration ---- */

/* case 42 */
static void
an_fd_owned_by_an_object_is_refused(void **state)
{
	struct socle_socket *a, *b = NULL;
	int peer;

	(void)state;
	a = made(&peer);

	assert_int_equal(
		-EEXIST, socle_socket_new(&plain_class, socle_fd(a), &b));

	assert_null(b);
	assert_int_equal(1, socle_watched_sockets());
	assert_ptr_equal(a, socle_descriptor(socle_fd(a)));
	close(peer);
}

static void
never(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)ready;
	(void)arg;
	note("never");
}

/* case 42 */
static void
an_other_fd_is_refused_as_an_object_and_the_reverse(void **state)
{
	struct socle_socket *s = NULL;
	int fds[2];

	(void)state;
	pair_unix(fds);
	assert_int_equal(
		0, socle_add_other_fd(fds[0], SOCLE_READ, never, NULL));
	assert_int_equal(-EEXIST, socle_socket_new(&plain_class, fds[0], &s));
	assert_null(socle_descriptor(fds[0]));
	assert_int_equal(0, socle_remove_other_fd(fds[0]));

	assert_int_equal(0, socle_socket_new(&plain_class, fds[0], &s));
	assert_int_equal(
		-EEXIST, socle_add_other_fd(fds[0], SOCLE_READ, never, NULL));
	assert_int_equal(-ENOENT, socle_remove_other_fd(fds[0]));
	close(fds[1]);
}

/* The result of init for `fd'; after a refusal its flags must be unchanged. */
static int
init_result(int fd)
{
	static struct socle_socket s;
	int status = fcntl(fd, F_GETFL), flags = fcntl(fd, F_GETFD);
	int r = socle_socket_init(&s, &plain_class, fd);

	if (r < 0) {
		assert_int_equal(status, fcntl(fd, F_GETFL));
		assert_int_equal(flags, fcntl(fd, F_GETFD));
		assert_int_equal(0, socle_watched_sockets());
	}
	return r;
}

/* case 43 */
static void
files_that_cannot_be_polled_return_eperm(void **state)
{
	int file = open("/proc/self/exe", O_RDONLY);
	int directory = open("/", O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_true(file >= 0 && directory >= 0);

	assert_int_equal(-EPERM, init_result(file));
	assert_int_equal(-EPERM, init_result(directory));
	assert_int_equal(
		-EPERM, socle_add_other_fd(file, SOCLE_READ, never, NULL));

	close(file);
	close(directory);
}

/* case 45 */
static void
a_number_that_is_not_an_fd_returns_ebadf(void **state)
{
	(void)state;
	assert_int_equal(-EBADF, init_result(-1));
	assert_int_equal(-EBADF, init_result(-12345));
	assert_int_equal(-EBADF, init_result(999));
	assert_int_equal(
		-EBADF, socle_add_other_fd(-1, SOCLE_READ, never, NULL));
	assert_null(socle_descriptor(-1));
	assert_null(socle_descriptor(1 << 30));
}

/* case 44 */
static void
fd_0_is_a_valid_fd(void **state)
{
	struct probe *p;
	int fds[2], saved = fd_0_save();

	(void)state;
	pair_unix(fds);
	assert_int_equal(0, dup2(fds[0], 0));
	close(fds[0]);
	p = probe_new(0, NULL);
	assert_int_equal(0, socle_fd(&p->sock));
	assert_ptr_equal(&p->sock, socle_descriptor(0));
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);
	turn(1);
	assert_notes("r");

	socle_close(&p->sock, NULL);
	turn(1);

	assert_int_equal(-1, fcntl(0, F_GETFD));
	fd_0_restore(saved);
	close(fds[1]);
}

static void
a_large_fd_works_like_a_small_one(void **state)
{
	struct probe *p;
	int fds[2], high;

	(void)state;
	pair_unix(fds);
	high = fcntl(fds[0], F_DUPFD, 900);
	assert_true(high >= 900);
	close(fds[0]);
	p = probe_new(high, NULL);
	socle_watch_read(&p->sock, true);
	send_all(fds[1], "x", 1);

	turn(1);

	assert_notes("r");
	assert_ptr_equal(&p->sock, socle_descriptor(high));
	close(fds[1]);
}

static void
an_fd_becomes_non_blocking_and_close_on_exec(void **state)
{
	struct socle_socket *s;
	int fds[2];

	(void)state;
	assert_int_equal(0, pipe(fds));

	assert_int_equal(0, socle_socket_new(&plain_class, fds[0], &s));

	assert_true(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fds[0], F_GETFD) & FD_CLOEXEC);
	close(fds[1]);
}

struct own {
	int before;
	struct socle_socket sock;
	int after;
};

static const struct socle_class own_class = {
	.name = "Own",
	.super = &socle_socket_class,
	.size = sizeof(struct own) - offsetof(struct own, sock),
};

static void
init_leaves_the_fields_of_a_subclass_alone(void **state)
{
	static struct own o;
	int fds[2];

	(void)state;
	memset(&o, 0x5a, sizeof(o));
	pair_unix(fds);

	assert_int_equal(0, socle_socket_init(&o.sock, &own_class, fds[0]));

	assert_int_equal(0x5a5a5a5a, o.before);
	assert_int_equal(0x5a5a5a5a, o.after);
	assert_int_equal(0, socle_watching(&o.sock));
	assert_int_equal(0, socle_write_buf_size(&o.sock));
	close(fds[1]);
}

/* ---- failures ---- */

static void
a_failed_init_leaves_the_fd_and_its_flags_to_the_caller(void **state)
{
	static const struct {
		enum call call;
		unsigned long nth;
		int err, change_only;
	} faults[] = {
		{CALL_fstat, 1, EIO, 0},
		{CALL_fcntl, 1, EIO, 0}, /* F_GETFL */
		{CALL_fcntl, 2, EIO, 0}, /* F_SETFL */
		{CALL_fcntl, 3, EIO, 0}, /* F_GETFD */
		{CALL_fcntl, 4, EIO, 0}, /* F_SETFD */
		{CALL_change, 1, ENOSPC, 1},
		{CALL_change, 1, ENOMEM, 1},
	};
	struct socle_socket *s;
	int peer, fds[2];

	(void)state;
	s = made(&peer); /* resolves the class */
	socle_close(s, NULL);
	turn(1);
	close(peer);
	assert_int_equal(0, pipe(fds));
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (faults[i].change_only && !changes_are_calls())
			continue;
		seam_fail(faults[i].call, faults[i].nth, faults[i].err, 1);
		assert_int_equal(-faults[i].err, init_result(fds[0]));
		seam_heal();
	}
	turn(1);
	close(fds[0]);
	close(fds[1]);
}

static bool
is_allocation(enum call which)
{
	return which == CALL_malloc || which == CALL_calloc ||
		which == CALL_realloc;
}

static void
out_of_memory_is_an_error_that_changes_nothing(void **state)
{
	struct socle_socket *s;
	int fds[2], r, n = 0;

	(void)state;
	assert_int_equal(0, pipe(fds));
	do {
		int status = fcntl(fds[0], F_GETFL);

		s = NULL;
		seam_watch_any(is_allocation);
		seam_fail_any((unsigned long)++n, ENOMEM);
		r = socle_socket_new(&plain_class, fds[0], &s);
		if (r < 0) {
			assert_int_equal(-ENOMEM, r);
			assert_null(s);
			assert_int_equal(status, fcntl(fds[0], F_GETFL));
			assert_int_equal(0, fcntl(fds[0], F_GETFD));
		}
		seam_heal();
		if (r < 0)
			socle_reset();
	} while (r < 0);

	assert_true(n > 3);
	close(fds[1]);
}

/* ---- counting ---- */

static void
a_closed_object_counts_until_its_fd_is_closed(void **state)
{
	struct socle_socket *s;
	int peer, fd;

	(void)state;
	s = made(&peer);
	fd = socle_fd(s);
	assert_int_equal(1, socle_watched_sockets());
	assert_int_equal(0, socle_to_close());

	socle_close(s, NULL);
	assert_int_equal(1, socle_watched_sockets());
	assert_int_equal(1, socle_to_close());
	assert_ptr_equal(s, socle_descriptor(fd));
	turn(1);

	assert_int_equal(0, socle_watched_sockets());
	assert_int_equal(0, socle_to_close());
	assert_null(socle_descriptor(fd));
	close(peer);
}

static void
nothing(void *arg)
{
	(void)arg;
}

static void
on_signal(int signo, void *arg)
{
	(void)signo;
	(void)arg;
}

static void
only_objects_of_the_application_are_counted(void **state)
{
	struct socle_factory *f;
	struct socle_loop *self;
	int fds[2];

	(void)state;
	assert_int_equal(0, socle_watched_sockets());
	pair_unix(fds);
	assert_int_equal(
		0, socle_add_other_fd(fds[0], SOCLE_READ, never, NULL));
	assert_int_equal(0, socle_listen("127.0.0.1:0", &plain_class, &f));
	self = socle_loop_self();
	assert_int_equal(0, socle_post(self, nothing, NULL));
	assert_int_equal(0, socle_signal(SIGUSR1, on_signal, NULL));

	turn(1);

	assert_int_equal(0, socle_watched_sockets());
	assert_null(socle_descriptor(fds[0]));
	socle_loop_release(self);
	socle_factory_free(f);
	assert_int_equal(0, socle_remove_other_fd(fds[0]));
	close(fds[0]);
	close(fds[1]);
}

static void
note_fd(struct socle_socket *s, void *arg)
{
	int *fds = arg;

	note("%d", socle_fd(s) == fds[0] ? 0 : 1);
}

/* case 57 */
static void
a_closed_object_is_listed_until_the_end_of_the_tick(void **state)
{
	struct socle_socket *a, *b;
	int peers[2], fds[2] = {-1, -1};

	(void)state;
	a = made(&peers[0]);
	b = made(&peers[1]);
	socle_each_to_close(note_fd, fds);
	assert_notes("");

	socle_close(b, NULL);
	assert_int_equal(1, socle_to_close());
	socle_each_to_close(note_fd, fds);
	assert_notes("0"); /* its fd is -1 */
	turn(1);
	socle_each_to_close(note_fd, fds);

	assert_notes("");
	assert_false(socle_closed(a));
	close(peers[0]);
	close(peers[1]);
}

/* ---- walks ---- */

struct walk {
	struct socle_socket *s[4];
	int peers[8], n_peers;
	struct socle_socket *new;
	int met, met_closed;
};

static void
walk_begin(struct walk *w)
{
	memset(w, 0, sizeof(*w));
	for (int i = 0; i < 4; i++)
		w->s[i] = made(&w->peers[w->n_peers++]);
}

static void
walk_end(struct walk *w)
{
	for (int i = 0; i < w->n_peers; i++)
		close(w->peers[i]);
}

static void
note_ascending(struct socle_socket *s, void *arg)
{
	int *last = arg;

	assert_true(socle_fd(s) > *last);
	*last = socle_fd(s);
	note("x");
}

static void
a_walk_visits_objects_in_the_order_of_their_fds(void **state)
{
	struct walk w;
	int last = -1;

	(void)state;
	walk_begin(&w);

	socle_each_descriptor(note_ascending, &last);

	assert_notes("x x x x");
	walk_end(&w);
}

static void
close_all(struct socle_socket *s, void *arg)
{
	struct walk *w = arg;

	(void)s;
	w->met++;
	for (int i = 0; i < 4; i++)
		socle_close(w->s[i], NULL);
}

/* case 135 */
static void
a_walk_that_closes_all_objects_still_visits_them(void **state)
{
	struct walk w;

	(void)state;
	walk_begin(&w);

	socle_each_descriptor(close_all, &w);

	/* an object closed in this tick counts */
	assert_int_equal(4, w.met);
	assert_int_equal(4, socle_to_close());
	turn(1);
	assert_int_equal(0, socle_watched_sockets());
	walk_end(&w);
}

static void
steal_all(struct socle_socket *s, void *arg)
{
	struct walk *w = arg;

	(void)s;
	w->met++;
	for (int i = 0; i < 4; i++) {
		int fd = socle_steal_socket(w->s[i]);

		if (fd >= 0)
			close(fd);
	}
}

/* case 135 */
static void
a_walk_that_steals_all_objects_ends_there(void **state)
{
	struct walk w;

	(void)state;
	walk_begin(&w);

	socle_each_descriptor(steal_all, &w);

	assert_int_equal(1, w.met);
	assert_int_equal(0, socle_watched_sockets());
	walk_end(&w);
}

static void
add_one(struct socle_socket *s, void *arg)
{
	struct walk *w = arg;

	w->met++;
	if (s == w->new)
		w->met_closed++;
	if (!w->new)
		w->new = made(&w->peers[w->n_peers++]);
}

/* case 135 */
static void
a_walk_visits_an_object_created_at_a_higher_fd(void **state)
{
	struct walk w;

	(void)state;
	walk_begin(&w);

	socle_each_descriptor(add_one, &w);

	assert_int_equal(5, w.met);
	assert_int_equal(1, w.met_closed);
	walk_end(&w);
}

static void
add_many(struct socle_socket *s, void *arg)
{
	int *left = arg, peer;

	(void)s;
	if (--*left > 0) {
		made(&peer);
		close(peer);
	}
}

/* case 135 */
static void
a_walk_survives_growth_of_the_map(void **state)
{
	int peer, left = 100;

	(void)state;
	made(&peer);
	close(peer);

	socle_each_descriptor(add_many, &left);

	/*
	 * some objects get the number of a closed peer, which the walk has
	 * passed
	 */
	assert_true(left < 100);
	assert_true(socle_watched_sockets() >= 2);
	socle_each_descriptor(add_many, &left);
	turn(2); /* every object gets a hang-up */
	assert_int_equal(0, socle_watched_sockets());
}

static void
reset_now(struct socle_socket *s, void *arg)
{
	struct walk *w = arg;

	(void)s;
	w->met++;
	socle_reset();
}

/* case 135 */
static void
a_walk_that_resets_the_loop_ends_there(void **state)
{
	struct walk w;

	(void)state;
	walk_begin(&w);

	socle_each_descriptor(reset_now, &w);

	assert_int_equal(1, w.met);
	assert_int_equal(0, socle_watched_sockets());
	walk_end(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		test(an_fd_owned_by_an_object_is_refused),
		test(an_other_fd_is_refused_as_an_object_and_the_reverse),
		test(files_that_cannot_be_polled_return_eperm),
		test(a_number_that_is_not_an_fd_returns_ebadf),
		test(fd_0_is_a_valid_fd),
		test(a_large_fd_works_like_a_small_one),
		test(an_fd_becomes_non_blocking_and_close_on_exec),
		test(init_leaves_the_fields_of_a_subclass_alone),
		test(a_failed_init_leaves_the_fd_and_its_flags_to_the_caller),
		test(out_of_memory_is_an_error_that_changes_nothing),
		test(a_closed_object_counts_until_its_fd_is_closed),
		test(only_objects_of_the_application_are_counted),
		test(a_closed_object_is_listed_until_the_end_of_the_tick),
		test(a_walk_visits_objects_in_the_order_of_their_fds),
		test(a_walk_that_closes_all_objects_still_visits_them),
		test(a_walk_that_steals_all_objects_ends_there),
		test(a_walk_visits_an_object_created_at_a_higher_fd),
		test(a_walk_survives_growth_of_the_map),
		test(a_walk_that_resets_the_loop_ends_there),
	};

	return run_tests(tests);
}

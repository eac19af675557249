/*
 * Every callback does everything: the table of callback kinds by actions.
 *
 * Each cell has an object X, whose callback (or a callback without an object)
 * acts once; E, readable before X, and L, readable after it, so that all three
 * are in one batch; and a doomed timer far ahead. check() verifies what must
 * hold after each cell. Handlers count mistakes and never fail a test
 * themselves, because that would leave the library in the middle of a call.
 */
/* backends: all */
#include "tests/support/fixture.h"

#include <arpa/inet.h>
#include <stdio.h>

enum role { E, X, L, NEW, ROLES };

#define KINDS(K)                                                               \
	K(read)                                                                \
	K(write)                                                               \
	K(hup)                                                                 \
	K(err)                                                                 \
	K(close)                                                               \
	K(destroy)                                                             \
	K(timeout)                                                             \
	K(drain)                                                               \
	K(incomplete)                                                          \
	K(closure)                                                             \
	K(drop)                                                                \
	K(release)                                                             \
	K(mark)                                                                \
	K(reader)                                                              \
	K(writer)                                                              \
	K(post_loop)                                                           \
	K(global_post_loop)                                                    \
	K(accept)                                                              \
	K(other_fd)                                                            \
	K(timer)                                                               \
	K(timer_by_id)                                                         \
	K(deferred)                                                            \
	K(posted)                                                              \
	K(signal)

#define ACTIONS(A)                                                             \
	A(close_self)                                                          \
	A(close_earlier)                                                       \
	A(close_later)                                                         \
	A(close_all)                                                           \
	A(close_self_after_flush)                                              \
	A(steal_self)                                                          \
	A(steal_and_rewrap)                                                    \
	A(add_timers)                                                          \
	A(cancel_timers)                                                       \
	A(write)                                                               \
	A(toggle_watches)                                                      \
	A(stop)                                                                \
	A(turn_nested)                                                         \
	A(reset)                                                               \
	A(profile_on_and_off)                                                  \
	A(set_class)                                                           \
	A(defer)                                                               \
	A(make_another)

#define KIND_ID(name) KIND_##name,
#define ACT_ID(name) ACT_##name,
enum kind { KINDS(KIND_ID) N_KINDS };
enum action { ACTIONS(ACT_ID) N_ACTIONS };

struct actor {
	struct socle_socket sock;
	enum role role;
};

static struct world {
	enum kind kind;
	enum action action;
	bool acted, reset, stop_seen;
	int on_stack;
	struct actor *actor[ROLES];
	int peer[ROLES];
	bool ended[ROLES]; /* no further event may be delivered */
	int bytes[ROLES], destroyed[ROLES];
	int late, destroyed_on_stack; /* counts of mistakes */
	int written;                  /* by the action, on E and L */
	int stolen, other, other_peer, client;
	int fired, doomed, deferred;
	struct socle_timer timer, more, doom;
	socle_timer_id id, doomed_id;
	struct socle_factory *factory;
	struct socle_loop *self;
} w;

static void act(enum kind kind);

/* ---- the actors ---- */

static enum role
role_of(const struct socle_socket *s)
{
	return socle_container_of(s, const struct actor, sock)->role;
}

/* Records an event of `s'; returns whether `s' is X. */
static bool
record_event(struct socle_socket *s)
{
	if (w.ended[role_of(s)])
		w.late++;
	return role_of(s) == X;
}

static const struct socle_class actor_class;

static void
actor_event_read(struct socle_socket *self)
{
	bool is_x = record_event(self);
	char c;

	if (socle_read(self, &c, 1) == 1 && !w.reset)
		w.bytes[role_of(self)]++;
	if (is_x)
		act(KIND_read);
}

static void
actor_event_write(struct socle_socket *self)
{
	socle_watch_write(self, false);
	if (record_event(self))
		act(KIND_write);
	socle_super_event_write(&actor_class, self);
}

static void
actor_event_hup(struct socle_socket *self)
{
	if (record_event(self))
		act(KIND_hup);
	socle_super_event_hup(&actor_class, self);
}

static void
actor_event_err(struct socle_socket *self, int err)
{
	if (record_event(self))
		act(KIND_err);
	socle_super_event_err(&actor_class, self, err);
}

static void
actor_event_drain(struct socle_socket *self)
{
	if (record_event(self))
		act(KIND_drain);
}

static void
actor_event_timeout(struct socle_socket *self, int which)
{
	if (record_event(self))
		act(KIND_timeout);
	socle_super_event_timeout(&actor_class, self, which);
}

static void
actor_incomplete_write(struct socle_socket *self)
{
	if (record_event(self))
		act(KIND_incomplete);
}

static void
actor_close(struct socle_socket *self, const char *reason)
{
	if (role_of(self) == X)
		act(KIND_close);
	socle_super_close(&actor_class, self, reason);
}

static void
actor_destroy(struct socle_socket *self)
{
	if (w.on_stack)
		w.destroyed_on_stack++;
	if (role_of(self) == X)
		act(KIND_destroy);
	w.destroyed[role_of(self)]++;
	w.actor[role_of(self)] = NULL;
}

static void
actor_event_accepted(struct socle_socket *self, struct socle_factory *by)
{
	(void)by;
	socle_container_of(self, struct actor, sock)->role = X;
	w.actor[X] = socle_container_of(self, struct actor, sock);
	act(KIND_accept);
}

static const struct socle_class actor_class = {
	.name = "Actor",
	.super = &socle_socket_class,
	.size = sizeof(struct actor),
	.event_read = actor_event_read,
	.event_write = actor_event_write,
	.event_hup = actor_event_hup,
	.event_err = actor_event_err,
	.event_drain = actor_event_drain,
	.event_timeout = actor_event_timeout,
	.incomplete_write = actor_incomplete_write,
	.close = actor_close,
	.destroy = actor_destroy,
	.event_accepted = actor_event_accepted,
};

static const struct socle_class sub_class = {
	.name = "Sub",
	.super = &actor_class,
};

static struct socle_socket *
sock_of(enum role role)
{
	return w.actor[role] ? &w.actor[role]->sock : NULL;
}

static bool
actor_wrap(enum role role, int fd)
{
	struct socle_socket *s;

	if (socle_socket_new(&actor_class, fd, &s) < 0)
		return false;
	w.actor[role] = socle_container_of(s, struct actor, sock);
	w.actor[role]->role = role;
	return true;
}

static void
actor_new(enum role role)
{
	int fds[2];

	pair_unix(fds);
	w.peer[role] = fds[1];
	if (!actor_wrap(role, fds[0]))
		w.late += 1000;
}

/* ---- the actions ---- */

static void
close_one(enum role role)
{
	if (!sock_of(role))
		return;
	socle_close(sock_of(role), "act");
	/* inside its own close the object is still open, but will be closed */
	w.ended[role] = true;
}

static void
act_close_self(void)
{
	close_one(X);
}

static void
act_close_earlier(void)
{
	close_one(E);
}

static void
act_close_later(void)
{
	close_one(L);
}

static void
act_close_all(void)
{
	close_one(L);
	close_one(X);
	close_one(E);
}

static void
act_close_self_after_flush(void)
{
	if (sock_of(X))
		socle_close_after_flush(sock_of(X), "act");
}

static void
act_steal_self(void)
{
	if (sock_of(X))
		w.stolen = socle_steal_socket(sock_of(X));
	w.ended[X] = true;
}

static void
act_steal_and_rewrap(void)
{
	act_steal_self();
	if (w.stolen >= 0 && !actor_wrap(NEW, w.stolen))
		w.late += 1000;
	w.stolen = -1;
}

static void
fire(void *arg)
{
	(void)arg;
	w.fired++;
}

static void
fire_timer(struct socle_timer *t)
{
	(void)t;
	w.fired++;
}

static void
act_add_timers(void)
{
	socle_timer_start(&w.more, 0);
	if (socle_add_timer(0, fire, NULL) == 0)
		w.late += 1000;
}

static void
act_cancel_timers(void)
{
	socle_timer_cancel(&w.timer);
	socle_timer_cancel(&w.doom);
	(void)socle_cancel_timer(w.id);
	(void)socle_cancel_timer(w.doomed_id);
}

static void
act_write(void)
{
	for (enum role role = E; role <= L; role++)
		if (sock_of(role) && !w.ended[role] &&
			socle_write(sock_of(role), "w", 1) >= 0)
			w.written++;
}

static void
act_toggle_watches(void)
{
	for (enum role role = E; role <= L; role++) {
		if (!sock_of(role))
			continue;
		socle_watch_write(sock_of(role), true);
		socle_watch_read(sock_of(role), false);
		socle_watch_write(sock_of(role), false);
		socle_watch_read(sock_of(role), true);
	}
}

static void
act_stop(void)
{
	socle_stop();
}

static void
act_turn_nested(void)
{
	for (int i = 0; i < 3; i++)
		if (socle_event_loop_once(0) < 0)
			w.late += 1000;
}

static void
act_reset(void)
{
	socle_reset();
	w.reset = true;
	for (enum role role = E; role <= L; role++)
		w.ended[role] = true;
}

static void
act_profile_on_and_off(void)
{
	socle_disable_profiling();
	socle_enable_profiling(0);
	socle_disable_profiling();
	socle_enable_profiling(SOCLE_PROFILE_WALL);
}

static void
act_set_class(void)
{
	for (enum role role = E; role <= L; role++)
		if (sock_of(role) && !socle_closed(sock_of(role)) &&
			socle_set_class(sock_of(role), &sub_class) < 0)
			w.late += 1000;
}

static void
count_deferred(void *arg)
{
	(void)arg;
	w.deferred++;
}

static void
act_defer(void)
{
	if (socle_defer(count_deferred, NULL) < 0)
		w.late += 1000;
}

static void
act_make_another(void)
{
	actor_new(NEW);
	socle_watch_read(sock_of(NEW), true);
	send_all(w.peer[NEW], "n", 1);
}

#define ACT_FN(name) act_##name,
static void (*const actions[])(void) = {ACTIONS(ACT_FN)};

static void
act(enum kind kind)
{
	if (kind != w.kind || w.acted)
		return;
	w.acted = true;
	w.on_stack++;
	actions[w.action]();
	w.on_stack--;
}

/* ---- the kinds: they trigger X's callback ---- */

static void
held(void)
{
	socle_set_autoflush(sock_of(X), false);
}

static void
set_read(void)
{
	socle_watch_read(sock_of(X), true);
	send_all(w.peer[X], "x", 1);
}

static void
set_write(void)
{
	socle_watch_write(sock_of(X), true);
}

static void
set_hup(void)
{
	close(w.peer[X]);
	w.peer[X] = -1;
}

static void
set_err(void)
{
	int fds[2];

	pair_tcp(fds);
	assert_true(actor_wrap(X, fds[0]));
	close_by_reset(fds[1]);
}

static void
close_x(void *arg)
{
	(void)arg;
	if (sock_of(X))
		socle_close(sock_of(X), "kind");
}

static void
set_close(void)
{
	assert_int_equal(0, socle_defer(close_x, NULL));
}

static void
set_destroy(void)
{
	socle_close(sock_of(X), "kind");
}

static void
set_timeout(void)
{
	seam_time_add(1);
}

static void
set_drain(void)
{
	held();
	assert_int_equal(0, socle_write(sock_of(X), "q", 1));
}

static void
set_incomplete(void)
{
	stuff_fd(socle_fd(sock_of(X)));
	set_drain();
}

static void
closure(struct socle_socket *s, void *arg)
{
	(void)s;
	(void)arg;
	act(KIND_closure);
}

static void
drop(void *arg)
{
	(void)arg;
	act(KIND_drop);
}

static void
set_closure(void)
{
	set_drain();
	assert_int_equal(0, socle_write_func(sock_of(X), closure, NULL, NULL));
}

static void
set_drop(void)
{
	stuff_fd(socle_fd(sock_of(X)));
	assert_int_equal(0, socle_write(sock_of(X), "q", 1));
	assert_int_equal(0, socle_write_func(sock_of(X), closure, drop, NULL));
	set_close();
}

static void
release(bool sent, void *arg)
{
	(void)sent;
	(void)arg;
	act(KIND_release);
}

static void
set_release(void)
{
	held();
	assert_int_equal(0, socle_write_ref(sock_of(X), "q", 1, release, NULL));
}

static void
mark(struct socle_socket *s, bool above, void *arg)
{
	(void)arg;
	(void)record_event(s);
	if (!above)
		act(KIND_mark);
}

static void
set_mark(void)
{
	held();
	assert_int_equal(
		0, socle_set_water_marks(sock_of(X), 0, 2, mark, NULL));
	assert_int_equal(0, socle_write(sock_of(X), "qqqq", 4));
}

static ssize_t
reader(struct socle_socket *s, void *data, size_t len, void *arg)
{
	ssize_t n = read(socle_fd(s), data, len);

	(void)arg;
	if (n < 0)
		return -errno;
	act(KIND_reader);
	return n;
}

static void
set_reader(void)
{
	assert_int_equal(0, socle_set_reader_func(sock_of(X), reader, NULL));
	set_read();
}

static ssize_t
writer(struct socle_socket *s, const void *data, size_t len, void *arg)
{
	(void)s;
	(void)data;
	(void)arg;
	act(KIND_writer);
	return (ssize_t)len;
}

static void
set_writer(void)
{
	assert_int_equal(0, socle_set_writer_func(sock_of(X), writer, NULL));
	set_drain();
}

static bool
post_loop(struct socle_socket *s, void *arg)
{
	(void)arg;
	(void)record_event(s);
	act(KIND_post_loop);
	return true;
}

static void
set_post_loop(void)
{
	assert_int_equal(0,
		socle_set_socket_post_loop_callback(
			sock_of(X), post_loop, NULL));
}

static bool
global_post_loop(void *arg)
{
	(void)arg;
	act(KIND_global_post_loop);
	return true;
}

static void
set_global_post_loop(void)
{
	socle_set_post_loop_callback(global_post_loop, NULL);
}

static void
set_accept(void)
{
	struct socle_addr a;

	assert_int_equal(
		0, socle_listen("127.0.0.1:0", &actor_class, &w.factory));
	assert_int_equal(0, socle_factory_getsockname(w.factory, &a));
	w.client = tcp_connect(ntohs(a.u.in.sin_port));
}

static void
other_fd(int fd, unsigned ready, void *arg)
{
	char c;

	(void)ready;
	(void)arg;
	if (read(fd, &c, 1) == 1)
		act(KIND_other_fd);
}

static void
set_other_fd(void)
{
	int fds[2];

	pair_pipe(fds);
	w.other = fds[0];
	w.other_peer = fds[1];
	assert_int_equal(
		0, socle_add_other_fd(fds[0], SOCLE_READ, other_fd, NULL));
	send_all(fds[1], "o", 1);
}

static void
timer(struct socle_timer *t)
{
	(void)t;
	act(KIND_timer);
}

static void
set_timer(void)
{
	assert_int_equal(0, socle_timer_start(&w.timer, 0));
}

static void
timer_by_id(void *arg)
{
	(void)arg;
	act(KIND_timer_by_id);
}

static void
set_timer_by_id(void)
{
	w.id = socle_add_timer(0, timer_by_id, NULL);
	assert_true(w.id != 0);
}

static void
deferred(void *arg)
{
	(void)arg;
	act(KIND_deferred);
}

static void
set_deferred(void)
{
	assert_int_equal(0, socle_defer(deferred, NULL));
}

static void
posted(void *arg)
{
	(void)arg;
	act(KIND_posted);
}

static void
set_posted(void)
{
	w.self = socle_loop_self();
	assert_non_null(w.self);
	assert_int_equal(0, socle_post(w.self, posted, NULL));
}

static void
on_signal(int signo, void *arg)
{
	(void)signo;
	(void)arg;
	act(KIND_signal);
}

static void
set_signal(void)
{
	assert_int_equal(0, socle_signal(SIGUSR1, on_signal, NULL));
	raise(SIGUSR1);
}

#define SET_FN(name) set_##name,
static void (*const kinds[])(void) = {KINDS(SET_FN)};

/* ---- a cell ---- */

static void
doom_timer(struct socle_timer *t)
{
	(void)t;
	w.doomed++;
}

static void
doom(void *arg)
{
	(void)arg;
	w.doomed++;
}

static void
begin(enum kind kind, enum action action)
{
	memset(&w, 0, sizeof(w));
	w.kind = kind;
	w.action = action;
	w.stolen = w.other = w.other_peer = w.client = -1;
	w.peer[X] = w.peer[NEW] = -1;
	seam_time_virtual();
	socle_timer_init(&w.timer, timer);
	socle_timer_init(&w.more, fire_timer);
	socle_timer_init(&w.doom, doom_timer);
	actor_new(E);
	if (kind != KIND_accept && kind != KIND_err) /* these kinds create X */
		actor_new(X);
	actor_new(L);
	if (kind == KIND_timeout)
		assert_int_equal(0, socle_set_idle_timeout(sock_of(X), 0.5));
	turn(1); /* the idle time starts before the tick in question */
	assert_int_equal(0, socle_timer_start(&w.doom, 50));
	w.doomed_id = socle_add_timer(50, doom, NULL);
	socle_watch_read(sock_of(E), true);
	socle_watch_read(sock_of(L), true);
	send_all(w.peer[E], "e", 1);
	kinds[kind]();
	send_all(w.peer[L], "l", 1);
}

/* Six ticks, and one in which the doomed timers are due. */
static void
run(void)
{
	for (int i = 0; i < 7; i++) {
		int r = socle_event_loop_once(0);

		assert_true(r >= 0);
		if (r == 0)
			w.stop_seen = true;
		if (i == 5)
			seam_time_add(100);
	}
}

/* The kind itself closes X. */
static bool
x_ends(void)
{
	return w.kind == KIND_hup || w.kind == KIND_err ||
		w.kind == KIND_timeout || w.kind == KIND_close ||
		w.kind == KIND_drop || w.kind == KIND_destroy;
}

/* X cannot close after a flush if the flush never ends. */
static bool
x_waits_for_its_queue(void)
{
	return w.action == ACT_close_self_after_flush &&
		w.kind == KIND_incomplete;
}

static void
check_objects(void)
{
	bool ended[ROLES] = {
		w.ended[E], w.ended[X] || x_ends(), w.ended[L], true};
	int alive = 0;

	if (w.action == ACT_close_self_after_flush && !x_waits_for_its_queue())
		ended[X] = true;
	for (enum role role = E; role <= L; role++) {
		alive += !ended[role];
		assert_int_equal(ended[role], w.destroyed[role]);
	}
	if (!ended[E])
		assert_int_equal(1, w.bytes[E]);
	if (!ended[L])
		assert_int_equal(1, w.bytes[L]);
	alive += w.actor[NEW] != NULL;
	assert_int_equal(alive, socle_watched_sockets());
	assert_int_equal(0, socle_to_close());
	assert_int_equal(0, w.late);
	assert_int_equal(0, w.destroyed_on_stack);
}

static void
check_action(void)
{
	bool ends = w.action == ACT_stop || w.action == ACT_reset;
	bool cancels = w.action == ACT_cancel_timers || w.reset;
	char buf[16];

	assert_true(w.acted);
	assert_int_equal(ends, w.stop_seen);
	assert_int_equal(cancels ? 0 : 2, w.doomed);
	assert_int_equal(w.action == ACT_add_timers ? 2 : 0, w.fired);
	assert_int_equal(w.action == ACT_defer, w.deferred);
	if (w.action == ACT_make_another)
		assert_int_equal(1, w.bytes[NEW]);
	if (w.action != ACT_write)
		return;
	assert_true(w.written >= 2);
	for (enum role role = E; role <= L; role += 2) {
		assert_int_equal(1, drain_fd(w.peer[role], buf, sizeof(buf)));
		assert_int_equal('w', buf[0]);
	}
}

/* Whatever happened, the loop still serves a new object. */
static void
check_health(void)
{
	struct probe *p;
	int fds[2];

	pair_unix(fds);
	p = probe_new(fds[0], "healthy");
	socle_watch_read(&p->sock, true);
	notes_clear();
	send_all(fds[1], "x", 1);
	turn(1);
	assert_int_equal(1, p->reads);
	close(fds[1]);
}

static void
close_if(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void
end(void)
{
	if (w.factory && !w.reset)
		socle_factory_free(w.factory);
	if (w.self)
		socle_loop_release(w.self);
	if (w.kind == KIND_signal && !w.reset)
		socle_signal(SIGUSR1, NULL, NULL);
	if (w.other >= 0)
		(void)socle_remove_other_fd(w.other);
	for (enum role role = E; role < ROLES; role++)
		close_if(w.peer[role]);
	close_if(w.stolen);
	close_if(w.client);
	close_if(w.other);
	close_if(w.other_peer);
}

static void
cell(void **state)
{
	int n = (int)(uintptr_t)*state - 1;

	begin((enum kind)(n / N_ACTIONS), (enum action)(n % N_ACTIONS));
	run();
	check_action();
	check_objects();
	check_health();
	end();
}

/* ---- the table ---- */

#define NAME(name) #name,
static const char *const kind_names[] = {KINDS(NAME)};
static const char *const action_names[] = {ACTIONS(NAME)};

int
main(void)
{
	static struct CMUnitTest tests[N_KINDS * N_ACTIONS];
	static char names[N_KINDS * N_ACTIONS][64];

	for (int i = 0; i < N_KINDS * N_ACTIONS; i++) {
		snprintf(names[i], sizeof(names[i]), "in_%s_%s",
			kind_names[i / N_ACTIONS], action_names[i % N_ACTIONS]);
		tests[i] = (struct CMUnitTest){names[i], cell, fixture_setup,
			fixture_teardown, (void *)(uintptr_t)(i + 1)};
	}
	return run_tests(tests);
}

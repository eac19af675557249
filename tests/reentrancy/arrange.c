/* arrange.h describes the function. */
#include "tests/reentrancy/arrange.h"

#include "tests/reentrancy/kinds.h"
#include "tests/support/making.h"

#include <sys/wait.h>
#include <unistd.h>

/* ---- the bystanders ---- */

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
read_other(int fd, unsigned ready, void *arg)
{
	char c;

	(void)ready;
	(void)arg;
	if (w.silent)
		mistake("another fd in a child before socle_after_fork()");
	if (read(fd, &c, 1) == 1)
		w.other_calls++;
}

/* valgrind has fds that a child does not have. */
static int
fds_lost_by_a_fork(void)
{
	static int lost = -1;
	int status = 0, before = fds_open();
	pid_t pid;

	if (lost >= 0)
		return lost;
	if ((pid = fork()) == 0)
		_exit(before - fds_open());
	assert_int_equal(pid, waitpid(pid, &status, 0));
	lost = WEXITSTATUS(status);
	return lost;
}

static void
world_new(const struct kind *kind, const struct operation *op)
{
	memset(&w, 0, sizeof(w));
	w.fds_of_child = fds_open() - fds_lost_by_a_fork();
	w.blocks = seam_live_blocks();
	w.kind = kind;
	w.op = op;
	w.stolen = -1;
	for (enum role role = E; role < ROLES; role++) {
		w.peer[role] = -1;
		w.last_resolved[role] = -1;
	}
	seam_time_virtual();
	socle_timer_init(&w.doom, doom_timer);
}

/* L has a queue that the kernel does not take: promises 0 and 1. */
static void
objects_new(void)
{
	object_new(E);
	if (!has(NO_OBJECT | MAKES_ITSELF))
		object_new(X);
	object_new(L);
	object_new(H);
	object_new(D);
	object_stuff(L);
	expect(socle_set_idle_timeout(w.sock[E], 1000) == 0);
	expect(socle_set_write_timeout(w.sock[L], 1000) == 0);
	expect(promise_ref(promise_new(L), "r") == 0);
	expect(promise_call(promise_new(L)) == 0);
	socle_watch_read(w.sock[E], true);
	socle_watch_read(w.sock[L], true);
	socle_watch_read(w.sock[H], true);
}

/* ---- what is due in the same tick ---- */

static void
due(int *count, const char *what)
{
	if (w.silent)
		mistake("%s in a child before socle_after_fork()", what);
	if (w.reset)
		mistake("%s after a reset", what);
	++*count;
}

static void
due_timer(struct socle_timer *t)
{
	(void)t;
	due(&w.due_timers, "a timer");
}

static void
due_timer_by_id(void *arg)
{
	(void)arg;
	due(&w.due_timers, "a timer by identifier");
}

static void
due_call(void *arg)
{
	due(&w.due_calls, arg ? "a posted call" : "a deferred call");
}

static void
close_d(void *arg)
{
	due_call(arg);
	if (!w.sock[D])
		return;
	w.expected_closes[D]++;
	socle_close(w.sock[D], "due");
	object_ended(D);
}

static bool
end_of_loop_tick(void *arg)
{
	(void)arg;
	due(&w.ends_of_ticks, "the loop's post-loop callback");
	return true;
}

static bool
end_of_tick(struct socle_socket *s, void *arg)
{
	(void)arg;
	expect(role_of(s) == H);
	due(&w.ends_of_ticks, "a post-loop callback");
	return true;
}

/*
 * Timers and calls of each sort, an object that closes, data that is pushed back,
 * writes that are held back, and post-loop callbacks.
 */
static void
make_due(void)
{
	socle_timer_init(&w.due_timer, due_timer);
	expect(socle_timer_start(&w.due_timer, 0) == 0);
	expect(socle_add_timer(0, due_timer_by_id, NULL) != 0);
	expect(socle_defer(due_call, NULL) == 0);
	expect(socle_defer(close_d, NULL) == 0);
	expect(socle_push_back_read(w.sock[H], "b", 1) == 0);
	if (!kind_is(&in_loop_post_loop))
		socle_set_post_loop_callback(end_of_loop_tick, NULL);
	if (!w.self)
		w.self = socle_loop_self();
	expect(w.self && socle_post(w.self, due_call, &w) == 0);
	socle_set_autoflush(w.sock[H], false);
	expect(promise_ref(promise_new(H), "h") == 0);
	expect(promise_call(promise_new(H)) == 0);
	expect(socle_set_socket_post_loop_callback(
		       w.sock[H], end_of_tick, NULL) == 0);
}

void
arrange(const struct kind *kind, const struct operation *op,
	const struct operation *then, bool profiled)
{
	int fds[2];

	world_new(kind, op);
	w.then = then;
	if (profiled)
		expect(socle_enable_profiling(0) == 1);
	objects_new();
	pair_pipe(fds);
	w.other = hold_fd(fds[0]);
	hold_fd(fds[1]);
	expect(socle_add_other_fd(w.other, SOCLE_READ, read_other, NULL) == 0);
	expect(socle_timer_start(&w.doom, 50) == 0);
	w.doomed_id = socle_add_timer(50, doom, NULL);
	if (kind->prepare)
		kind->prepare();
	turn(1);
	w.arranged = true;
	if (op->arrange)
		op->arrange();
	if (then && then->arrange && then->arrange != op->arrange)
		then->arrange();
	send_all(w.peer[E], "e", 1);
	kind->arrange();
	make_due();
	send_all(w.peer[L], "l", 1);
	send_all(fds[1], "o", 1);
	expect(!w.acted);
}

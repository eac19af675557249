/* Nested loops, the end of loops, and fork(2) inside a callback. */
#include "tests/reentrancy/operations.h"

#include <sys/wait.h>

enum { MANY_TICKS = 50 };

/* ---- nested loops ---- */

static int nested_ticks;
static enum role nested_role;

static bool
is_served(void *arg)
{
	(void)arg;
	expect(++nested_ticks <= MANY_TICKS);
	return nested_ticks > MANY_TICKS || strchr(w.got[nested_role], 'i');
}

/* Until this object is served in it. */
static void
run_nested_for(enum role role)
{
	int before[ROLES];

	nested_ticks = 0;
	nested_role = role;
	memcpy(before, w.destroyed, sizeof(before));
	send_to(role, "i");
	socle_set_loop_timeout(0);
	expect(socle_run_until(is_served, NULL) == 1);
	expect(socle_event_loop_once(0) == 1);
	expect(memcmp(before, w.destroyed, sizeof(before)) == 0);
}

static void
run_nested(void)
{
	run_nested_for(H);
}

const struct operation running_a_nested_loop = {
	.name = "running a nested loop",
	.act = run_nested,
};

static void
close_and_run_nested(void)
{
	socle_close(w.sock[X], "act");
	if (!is_open(X))
		object_ended(X);
	run_nested();
	expect(w.sock[X] && (is_open(X) == has(CLOSING)));
}

const struct operation closing_itself_before_a_nested_loop = {
	.name = "closing itself before a nested loop",
	.traits = NEEDS_OBJECT,
	.act = close_and_run_nested,
};

static void
close_in_nested(void)
{
	expect(socle_defer(close_x, NULL) == 0);
	run_nested();
	if (!is_open(X))
		object_ended(X);
	expect(w.sock[X] && (is_open(X) == has(CLOSING)));
}

const struct operation closing_itself_in_a_nested_loop = {
	.name = "closing itself in a nested loop",
	.traits = NEEDS_OBJECT,
	.act = close_in_nested,
};

/* ---- ending loops ---- */

static void
stop(void)
{
	socle_stop();
}

const struct operation stopping = {
	.name = "stopping the loop",
	.traits = STOPS,
	.act = stop,
};

static void
stop_later(void *arg)
{
	(void)arg;
	socle_stop();
}

static void
stop_in_nested(void)
{
	expect(socle_defer(stop_later, NULL) == 0);
	expect(socle_event_loop() == 0);
}

const struct operation stopping_in_a_nested_loop = {
	.name = "stopping in a nested loop",
	.traits = STOPS,
	.act = stop_in_nested,
};

/* The nested loop runs all the same. */
static void
stop_and_run_nested(void)
{
	socle_stop();
	run_nested();
}

const struct operation stopping_before_a_nested_loop = {
	.name = "stopping before a nested loop",
	.traits = STOPS,
	.act = stop_and_run_nested,
};

static void
reset(void)
{
	int before[ROLES];

	memcpy(before, w.destroyed, sizeof(before));
	socle_reset();
	w.reset = true;
	w.factory = w.bystander = NULL;
	for (enum role role = E; role < ROLES; role++) {
		if (w.sock[role])
			expect(socle_closed(w.sock[role]));
		object_ended(role);
		if (role != X || !has(CLOSED))
			expect(all_resolved(role));
	}
	expect(memcmp(before, w.destroyed, sizeof(before)) == 0);
	expect(!socle_timer_pending(&w.doom));
	expect(!socle_cancel_timer(w.doomed_id));
}

const struct operation resetting = {
	.name = "resetting the loop",
	.traits = STOPS,
	.act = reset,
};

static void
reset_later(void *arg)
{
	(void)arg;
	reset();
}

static void
reset_in_nested(void)
{
	expect(socle_defer(reset_later, NULL) == 0);
	expect(socle_event_loop() == 0);
	expect(w.reset);
}

const struct operation resetting_in_a_nested_loop = {
	.name = "resetting in a nested loop",
	.traits = STOPS,
	.act = reset_in_nested,
};

/* What is made after the reset stays, and the nested loop serves it. */
static void
reset_and_run_nested(void)
{
	reset();
	object_new(NEW);
	socle_watch_read(w.sock[NEW], true);
	run_nested_for(NEW);
}

static void
check_new_stayed(void)
{
	expect(is_open(NEW));
}

const struct operation resetting_before_a_nested_loop = {
	.name = "resetting before a nested loop",
	.traits = STOPS,
	.act = reset_and_run_nested,
	.check = check_new_stayed,
};

/* ---- fork ---- */

/* Whether this is the child. The parent goes on when the child has ended. */
static bool
fork_here(void)
{
	int status = -1;
	pid_t pid = fork();

	w.forked = true;
	if (pid == 0) {
		w.child = w.silent = true;
		(void)alarm(60);
		expect(socle_forked());
		expect(socle_event_loop_once(0) == -ECHILD);
		return true;
	}
	expect(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		mistake("the child has failed");
	expect(!socle_forked());
	return false;
}

/* What was queued is the parent's. */
static void
continue_in_child(void)
{
	w.silent = false;
	expect(socle_after_fork() == 0);
	expect(!socle_forked());
	expect(w.promise[0].broken == 1 && w.promise[1].broken == 1);
}

static void
fork_and_continue(void)
{
	if (fork_here())
		continue_in_child();
}

static void
check_the_parent_sent(void)
{
	if (!w.child)
		expect(strcmp(w.out[L], "r") == 0);
}

const struct operation forking_and_continuing = {
	.name = "forking, and continuing there",
	.act = fork_and_continue,
	.check = check_the_parent_sent,
};

static void
fork_only(void)
{
	(void)fork_here();
}

/* The child gets here after its loop has returned. */
static void
continue_later(void)
{
	if (!w.silent)
		return;
	continue_in_child();
}

const struct operation forking_and_continuing_later = {
	.name = "forking, and continuing after the loop",
	.act = fork_only,
	.settle = continue_later,
	.check = check_the_parent_sent,
};

static void
reset_child(void)
{
	if (!w.silent)
		return;
	expect(socle_event_loop_once(0) == -ECHILD);
	expect(socle_write_kick(w.sock[L]) <= 0);
	w.silent = false;
	w.on_stack = 0;
	socle_reset();
	w.reset = true;
	for (enum role role = E; role < ROLES; role++)
		object_ended(role);
}

const struct operation forking_and_not_continuing = {
	.name = "forking, and resetting after the loop",
	.act = fork_only,
	.settle = reset_child,
	.check = check_the_parent_sent,
};

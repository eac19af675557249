/* oracle.h describes the function. */
#include "tests/reentrancy/oracle.h"

#include "tests/reentrancy/arrange.h"
#include "tests/reentrancy/kinds.h"
#include "tests/reentrancy/operations.h"
#include "tests/support/making.h"

#include <stdio.h>
#include <time.h>

enum { TICKS = 6, PATIENCE = 20 };

/* ---- the callback ---- */

static void
tick(void)
{
	bool before = w.acted;
	int r, expected = 1;

	w.ticks++;
	if (w.kind->outside && !before) {
		w.kind->outside();
		return;
	}
	if (kind_is(&in_done) && !before)
		r = socle_run_until(done, NULL);
	else
		r = socle_event_loop_once(0);
	if (w.silent)
		expected = -ECHILD;
	else if (w.acted && !before && w.then)
		expected = r != 0; /* one of the two may have stopped it */
	else if (w.acted && !before && (w.op->traits & STOPS))
		expected = 0;
	if (r != expected)
		mistake("the loop returned %d instead of %d", r, expected);
}

/* On a busy machine a kernel needs time for a connection over loopback. */
static void
run_until_acted(void)
{
	const struct timespec ms = {.tv_nsec = 1000 * 1000};

	for (int i = 0; !w.acted && i < PATIENCE * 1000; i++) {
		tick();
		if (!w.acted && i > TICKS)
			(void)nanosleep(&ms, NULL);
	}
	if (!w.acted)
		mistake("the callback did not run");
}

static void
run(void)
{
	run_until_acted();
	for (int i = 0; i < TICKS && !w.silent; i++)
		tick();
}

/* ---- afterwards: what still works ---- */

/* The loop is in its first state, and has another healthy object. */
static void
check_reset(void)
{
	for (enum role role = E; role < ROLES; role++) {
		if (is_open(role))
			continue; /* made after the reset */
		if (w.made[role] && w.destroyed[role] != 1)
			mistake("object %d was destroyed %d times by the reset",
				(int)role, w.destroyed[role]);
		w.made[role] = false;
		w.destroyed[role] = w.closes[role] = 0;
	}
	expect(socle_watched_sockets() == is_open(NEW));
	w.unwatched = false;
	object_new(H);
	socle_watch_read(w.sock[H], true);
}

static bool
is_of_x(enum role role)
{
	return role == X ||
		(role == NEW && w.op == &stealing_and_wrapping_itself);
}

/* What the objects have sent, behind what filled the kernel. */
static void
collect(enum role role)
{
	char buf[4096];
	ssize_t n;

	while (w.peer[role] >= 0 &&
		(n = recv(w.peer[role], buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		size_t skip =
			(size_t)n < w.junk[role] ? (size_t)n : w.junk[role];

		w.junk[role] -= skip;
		if (has(DATAGRAMS) && is_of_x(role))
			w.arrived++;
		for (size_t i = skip; i < (size_t)n; i++)
			if (strlen(w.out[role]) < TEXT - 1)
				w.out[role][strlen(w.out[role])] = buf[i];
	}
}

/* The sockets are the parent's as well: a child leaves their data there. */
static void
collect_all(void)
{
	for (enum role role = E; role < ROLES && !w.child; role++)
		collect(role);
}

static bool
serves(enum role role)
{
	return is_open(role) && w.peer[role] >= 0 && !w.ends_later[role] &&
		role != X;
}

static void
settle(void)
{
	if (w.op->settle)
		w.op->settle();
	if (w.then && w.then->settle)
		w.then->settle();
	w.silent = false;
	if (w.reset && w.then) /* a child may not have ended that tick */
		(void)socle_event_loop_once(0);
	if (w.reset)
		check_reset();
	for (enum role role = E; role < ROLES; role++) {
		if (!serves(role))
			continue;
		socle_watch_read(w.sock[role], true);
		send_all(w.peer[role], "1", 1);
	}
	for (int i = 0; i < TICKS; i++) {
		collect_all();
		if (i == TICKS - 2)
			seam_time_add(100); /* the timers that are far ahead */
		if (socle_event_loop_once(0) != 1)
			mistake("no loop runs afterwards");
	}
	collect_all();
	for (enum role role = E; role < ROLES; role++)
		if (serves(role) && !strchr(w.got[role], '1'))
			mistake("object %d is not served afterwards",
				(int)role);
	if (!is_open(H))
		mistake("the healthy object has gone");
}

/* ---- what must be true ---- */

static bool
is_to_end(enum role role)
{
	return w.ended[role] || w.ends_later[role] ||
		(role == X && has(ENDS) && !w.keep);
}

static void
check_object(enum role role)
{
	int ends = is_to_end(role);

	if (!w.made[role])
		return;
	if ((role == NEW && has(BROKEN)) || (role == X && w.child))
		ends = w.destroyed[role] > 0;
	if (w.destroyed[role] != ends)
		mistake("object %d was destroyed %d times instead of %d",
			(int)role, w.destroyed[role], ends);
	if ((w.sock[role] != NULL) == ends)
		mistake("object %d exists, or does not", (int)role);
	if (role != X && role != NEW &&
		w.closes[role] != w.expected_closes[role])
		mistake("close of object %d was called %d times", (int)role,
			w.closes[role]);
	if (!w.child && !all_resolved(role))
		mistake("a promise to object %d was not resolved", (int)role);
}

static int
count_of(const char *text, char c)
{
	int n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

static void
check_due(void)
{
	expect(w.forked || w.stale == 0);
	if (w.reset || w.child)
		return;
	expect(w.due_timers == 2);
	expect(w.due_calls == 3);
	expect(w.ended[D] && w.destroyed[D] == 1);
	expect(count_of(w.got[H], 'b') == 1);
	expect(w.ends_of_ticks > 0);
	expect(strcmp(w.out[H], "h") == 0);
}

/* What was readable was delivered once. */
static void
check_batch(void)
{
	if (w.forked || w.reset)
		return;
	if (!is_to_end(E))
		expect(count_of(w.got[E], 'e') == 1);
	if (!is_to_end(L))
		expect(count_of(w.got[L], 'l') == 1);
	if (w.op != &cancelling_others && w.op != &reusing_a_later_number)
		expect(w.other_calls == 1);
	if (has(DATAGRAMS) && w.taken != w.arrived + w.failed)
		mistake("of %d datagrams %d arrived and %d failed", w.taken,
			w.arrived, w.failed);
}

static size_t
objects_alive(void)
{
	size_t n = w.reset ? 0 : w.extras;

	for (enum role role = E; role < ROLES; role++)
		n += w.sock[role] != NULL;
	return n;
}

/* A veto aside, each close was called once at most. */
static void
check_closes(void)
{
	for (enum role role = E; role < ROLES; role++)
		if (w.closes[role] > 1 && !(role == X && w.keep))
			mistake("close of object %d was called %d times",
				(int)role, w.closes[role]);
}

static void
check(void)
{
	check_closes();
	if (w.then)
		return;
	expect(w.acted && w.runs > 0);
	if (!w.reset)
		for (enum role role = E; role < ROLES; role++)
			check_object(role);
	check_batch();
	check_due();
	if (w.op != &cancelling_others)
		expect(w.doomed == (w.reset ? 0 : 2));
	expect(socle_to_close() == 0);
	expect(socle_watched_sockets() == objects_alive());
	if (w.op->check)
		w.op->check();
}

/* ---- the end: everything is given back, once ---- */

static void
end(void)
{
	socle_set_log(NULL, NULL);
	socle_set_debug_level(0);
	seam_heal();
	w.reset = true;
	for (enum role role = E; role < ROLES; role++)
		object_ended(role);
	socle_reset();
	for (enum role role = E; role < ROLES; role++) {
		if (w.sock[role] || w.destroyed[role] != w.made[role])
			mistake("object %d was destroyed %d times in the end",
				(int)role, w.destroyed[role]);
		if (!all_resolved(role))
			mistake("a promise to object %d was never resolved",
				(int)role);
		if (w.peer[role] >= 0)
			close(w.peer[role]);
	}
	socle_loop_release(w.self);
	for (int i = 0; i < w.n_held; i++)
		if (w.held[i] >= 0)
			close(w.held[i]);
}

/* libkqueue keeps fds. */
static bool
has_all_fds(void)
{
#ifdef KQUEUE_KEEPS_FDS
	return true;
#else
	return fds_open() == w.fds_of_child;
#endif
}

/* cmocka does not run in a child. */
static void
end_child(void)
{
	if (!has_all_fds())
		mistake("%d fds before, %d after", w.fds_of_child, fds_open());
	if (seam_live_blocks() != w.blocks)
		mistake("%ld blocks left", seam_live_blocks() - w.blocks);
	if (w.wrong[0])
		dprintf(2, "child: %s, then %s inside %s: %s\n", w.op->name,
			w.then ? w.then->name : "nothing", w.kind->name,
			w.wrong);
	_exit(w.wrong[0] != 0);
}

static void
run_once(const struct kind *kind, const struct operation *op,
	const struct operation *then, bool profiled)
{
	arrange(kind, op, then, profiled);
	run();
	settle();
	check();
	end();
	if (w.child)
		end_child();
	if (w.wrong[0])
		fail_msg("%s, then %s: %s", op->name,
			then ? then->name : "nothing", w.wrong);
}

static void
begin_again(void)
{
	assert_int_equal(0, fixture_teardown(NULL));
	assert_int_equal(0, fixture_setup(NULL));
}

void
cell_run(const struct kind *kind, const struct operation *op)
{
	run_once(kind, op, NULL, false);
	begin_again();
	run_once(kind, op, NULL, true);
}

void
cell_run_two(const struct kind *kind, const struct operation *op,
	const struct operation *then)
{
	run_once(kind, op, then, false);
	begin_again();
}

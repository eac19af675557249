/* Closing, stealing and freeing inside a callback. */
#include "tests/reentrancy/operations.h"

#include "tests/reentrancy/actors.h"
#include "tests/support/making.h"

/* A closed object refuses everything. */
static void
expect_closed(enum role role)
{
	struct socle_socket *s = w.sock[role];
	char c;

	if (!s) {
		mistake("object %d is destroyed already", (int)role);
		return;
	}
	expect(socle_closed(s) && socle_fd(s) == -1);
	if (!socle_closed(s))
		return;
	expect(socle_watching(s) == 0);
	expect(socle_write(s, "x", 1) == -EBADF);
	expect(socle_read(s, &c, 1) == -EBADF);
	expect(socle_steal_socket(s) == -EBADF);
	expect(socle_set_idle_timeout(s, 1) == -EBADF);
	if (role != X || !has(CLOSED)) /* else its queue is being dropped */
		expect(all_resolved(role));
}

static void
close_one(enum role role)
{
	if (is_open(role))
		w.expected_closes[role]++;
	socle_close(w.sock[role], "act");
	object_ended(role);
	expect_closed(role);
}

static void
close_self(void)
{
	socle_close(w.sock[X], "act");
	if (!is_open(X))
		object_ended(X);
	if (has(CLOSING)) /* ignored: `close' is running */
		expect(is_open(X));
	else if (!has(DATAGRAMS))
		expect_closed(X);
	else
		expect(!is_open(X) && socle_fd(w.sock[X]) == -1);
	expect(w.closes[X] == 1);
}

const struct operation closing_itself = {
	.name = "closing itself",
	.traits = NEEDS_OBJECT,
	.act = close_self,
};

static void
close_earlier(void)
{
	close_one(E);
}

const struct operation closing_an_earlier = {
	.name = "closing an earlier object",
	.act = close_earlier,
};

static void
close_later(void)
{
	close_one(L);
}

const struct operation closing_a_later = {
	.name = "closing a later object",
	.act = close_later,
};

static void
close_all(void)
{
	close_one(L);
	if (w.sock[X])
		close_self();
	close_one(E);
}

const struct operation closing_all = {
	.name = "closing all objects",
	.act = close_all,
};

/* ---- after a flush ---- */

static void
close_self_after_flush(void)
{
	int refusal = has(CLOSED) ? -EBADF : -ESHUTDOWN;

	socle_close_after_flush(w.sock[X], "act");
	w.ends_later[X] = true;
	if (has(DATAGRAMS))
		refusal = -EINVAL;
	else if (!has(CLOSED) && !is_open(X))
		refusal = -EBADF; /* the queue was empty */
	if (!has(DATAGRAMS))
		expect(socle_write(w.sock[X], "x", 1) == refusal);
}

const struct operation closing_itself_after_a_flush = {
	.name = "closing itself after a flush",
	.traits = NEEDS_OBJECT,
	.act = close_self_after_flush,
};

static void
close_later_after_flush(void)
{
	socle_close_after_flush(w.sock[L], "act");
	w.ends_later[L] = true;
	w.expected_closes[L] += is_open(L);
	expect(is_open(L) && !all_resolved(L));
	expect(socle_write(w.sock[L], "x", 1) == -ESHUTDOWN);
}

static void
check_later_was_flushed(void)
{
	expect(strcmp(w.out[L], "r") == 0);
	expect(w.promise[0].kept == 1 && w.promise[1].kept == 1);
}

const struct operation closing_a_later_after_its_flush = {
	.name = "closing a later object after its flush",
	.act = close_later_after_flush,
	.check = check_later_was_flushed,
};

/* ---- stealing ---- */

/* Whether the caller owns the fd: it is open, and nothing else closes it. */
static void
check_stolen(void)
{
	if (w.stolen >= 0)
		expect(fcntl(w.stolen, F_GETFD) >= 0);
}

static void
steal_self(void)
{
	w.stolen = socle_steal_socket(w.sock[X]);
	object_ended(X);
	expect(!is_open(X));
	if (has(CLOSED))
		expect(w.stolen == -EBADF);
	else
		expect(w.stolen >= 0 && fcntl(w.stolen, F_GETFD) >= 0);
	if (w.stolen >= 0)
		hold_fd(w.stolen);
}

const struct operation stealing_itself = {
	.name = "stealing itself",
	.traits = NEEDS_OBJECT,
	.act = steal_self,
	.check = check_stolen,
};

static void
steal_later(void)
{
	if ((w.stolen = socle_steal_socket(w.sock[L])) >= 0)
		hold_fd(w.stolen);
	object_ended(L);
	expect(w.stolen >= 0);
	expect_closed(L);
}

/* What it had not read is there for the caller. */
static void
check_later_is_silent(void)
{
	bool is_read = strchr(w.got[L], 'l') != NULL;
	char c;

	check_stolen();
	expect(recv(w.stolen, &c, 1, MSG_DONTWAIT) == (is_read ? -1 : 1));
}

const struct operation stealing_a_later = {
	.name = "stealing a later object",
	.act = steal_later,
	.check = check_later_is_silent,
};

/* The same fd gets another object before the batch is over. */
static void
steal_and_wrap(void)
{
	steal_self();
	if (w.stolen < 0 || w.sock[NEW])
		return;
	w.n_held--;
	object_wrap(NEW, w.stolen);
	if (!has(BROKEN)) {
		w.peer[NEW] = w.peer[X];
		w.peer[X] = -1;
	}
}

static void
check_wrapped(void)
{
	if (!has(BROKEN | CLOSED))
		expect(is_open(NEW));
}

const struct operation stealing_and_wrapping_itself = {
	.name = "stealing and wrapping itself again",
	.traits = NEEDS_OBJECT,
	.act = steal_and_wrap,
	.check = check_wrapped,
};

/*
 * The numbers of later fds of the batch get another object and another other fd,
 * which must not get the events of the old ones.
 */
static void
count_stale(int fd, unsigned ready, void *arg)
{
	(void)fd;
	(void)ready;
	(void)arg;
	w.stale++;
}

static void
reuse_other(void)
{
	int fds[2];

	expect(socle_remove_other_fd(w.other) == 0);
	pair_pipe(fds);
	hold_fd(fds[1]);
	expect(dup2(fds[0], w.other) == w.other);
	close(fds[0]);
	expect(socle_add_other_fd(w.other, SOCLE_READ, count_stale, NULL) == 0);
}

static void
reuse_later(void)
{
	char c;

	w.stolen = socle_steal_socket(w.sock[L]);
	object_ended(L);
	if (w.stolen >= 0 && !w.sock[NEW]) {
		(void)!read(w.stolen, &c, 1); /* what its event is about */
		object_wrap(NEW, w.stolen);
		w.peer[NEW] = w.peer[L];
		w.peer[L] = -1;
		socle_watch_read(w.sock[NEW], true);
	} else if (w.stolen >= 0) {
		hold_fd(w.stolen);
	}
	reuse_other();
}

static void
check_no_stale_event(void)
{
	expect(is_open(NEW));
	expect(w.stale == 0);
}

const struct operation reusing_a_later_number = {
	.name = "reusing the numbers of later fds",
	.act = reuse_later,
	.check = check_no_stale_event,
};

/* ---- a write that fails ---- */

static void
break_earlier(void)
{
	if (w.peer[E] >= 0)
		close(w.peer[E]);
	w.peer[E] = -1;
	expect(is_open(E));
	expect(socle_write(w.sock[E], "x", 1) == -EPIPE ||
		!is_open(E)); /* the peer left input unread: a reset */
	w.expected_closes[E]++;
	if (!is_open(E)) /* a child's parent still has the peer */
		object_ended(E);
	expect_closed(E);
}

const struct operation breaking_an_earlier = {
	.name = "failing to write to an earlier object",
	.act = break_earlier,
};

/* ---- freeing ---- */

/* Of the kind, or a listener with a waiting client. */
static void
arrange_listener(void)
{
	expect(socle_listen("127.0.0.1:0", &actor_class, &w.bystander) == 0);
	hold_fd(client_of(w.bystander));
}

static void
free_factory(void)
{
	w.mark = w.by_bystander;
	socle_factory_free(w.bystander);
	w.bystander = NULL;
	socle_factory_free(w.factory);
	w.factory = NULL;
}

static void
check_nothing_is_accepted(void)
{
	expect(w.by_bystander == w.mark);
}

const struct operation freeing_a_factory = {
	.name = "freeing a factory",
	.arrange = arrange_listener,
	.act = free_factory,
	.check = check_nothing_is_accepted,
};

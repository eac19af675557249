/*
 * Connecting: attempts side by side, the first that answers wins.
 *
 * RFC 8305: addresses of the two families in turn, a new attempt every 250 ms
 * or as soon as one fails.  An attempt ends by SO_ERROR, which is asked once
 * and first; a socket that is writable without a peer goes on waiting, and one
 * that met itself on loopback was refused.
 */
#include "sockets/factory_private.h"

#include "seam.h"

#include <string.h>

enum { ATTEMPT_DELAY_NS = 250 * 1000 * 1000, FULL_DELAY_NS = 20 * 1000 * 1000 };

static struct socle__attempt *
attempt_of(struct socle_descriptor *d)
{
	return (struct socle__attempt *)(void *)d;
}

/* It leaves its factory, the fd the loop. */
static int
attempt_detach(struct socle__attempt *a)
{
	struct socle__attempt **at = &a->f->attempts;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	a->f = NULL;
	return socle__descriptor_detach(&a->d);
}

static void
start_next_at(struct socle_factory *f, int64_t delay)
{
	socle__timers_add(&socle__loop->timers, &f->next_attempt,
		delay ? socle__add_ns(socle__now_read(socle__loop), delay) : 0);
}

/* The failure of the last one to fail is the factory's. */
static void
attempt_failed(struct socle_factory *f, const struct socle_addr *to,
	const char *operation, int err)
{
	struct socle_addr was = *to; /* it may go with the factory */

	f->operation = operation;
	f->last_err = err;
	if (f->tried < f->n_candidates)
		start_next_at(f, 0);
	socle__factory_tell_attempt(f, &was, err);
	if (socle__factory_is_over(f) || f->attempts ||
		f->tried < f->n_candidates)
		return;
	socle__connector_stop(f);
	socle__factory_tell(f, operation, err);
}

static void
attempt_won(struct socle__attempt *a)
{
	struct socle_factory *f = a->f;
	struct socle_addr to = a->to;
	int fd = attempt_detach(a);

	while (f->attempts) {
		struct socle__attempt *loser = f->attempts;

		sys_close(attempt_detach(loser));
		socle__factory_tell_attempt(f, &loser->to, -ECANCELED);
	}
	socle__factory_tell_attempt(f, &to, 0);
	if (socle__factory_is_over(f)) {
		sys_close(fd);
		return;
	}
	socle__connector_stop(f);
	(void)socle__factory_deliver(f, fd, &to);
}

/* 1: connected; 0: not yet; -errno. */
static int
attempt_result(const struct socle__attempt *a)
{
	struct socle_addr here = {.len = sizeof(here.u)};
	struct socle_addr there = {.len = sizeof(there.u)};
	int err = 0;
	socklen_t len = sizeof(err);

	if (sys_getsockopt(a->d.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	if (err)
		return -err;
	if (sys_getpeername(a->d.fd, &there.u.sa, &there.len) < 0)
		return errno == ENOTCONN ? 0 : -errno;
	if (a->to.u.sa.sa_family != AF_UNIX &&
		sys_getsockname(a->d.fd, &here.u.sa, &here.len) == 0 &&
		here.len == there.len &&
		memcmp(&here.u, &there.u, here.len) == 0)
		return -ECONNREFUSED;
	return 1;
}

static void
attempt_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle__attempt *a = attempt_of(d);
	struct socle_factory *f = a->f;
	int r = err < 0 ? err : attempt_result(a);

	(void)ready;
	if (r == 0)
		return;
	if (r > 0) {
		attempt_won(a);
		return;
	}
	sys_close(attempt_detach(a));
	attempt_failed(f, &a->to, "connect", r);
}

static bool
attempt_turn(struct socle_descriptor *d, unsigned turn)
{
	(void)d;
	(void)turn;
	return true;
}

static void
attempt_reap(struct socle_descriptor *d)
{
	sys_free(attempt_of(d));
}

static void
attempt_reset(struct socle_descriptor *d)
{
	socle_factory_free(attempt_of(d)->f);
}

static const struct socle__descriptor_ops attempt_ops = {
	.ready = attempt_ready,
	.turn = attempt_turn,
	.reap = attempt_reap,
	.reset = attempt_reset,
};

static int
attempt_register(struct socle_factory *f, int fd, const struct socle_addr *to)
{
	struct socle__attempt *a = sys_calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	err = socle__descriptor_add(
		socle__loop, &a->d, &attempt_ops, fd, 0, true);
	if (err < 0) {
		sys_free(a);
		return err;
	}
	a->f = f;
	a->to = *to;
	a->next = f->attempts;
	f->attempts = a;
	socle__descriptor_want(&a->d, SOCLE_WRITE);
	return 0;
}

/* 0: under way; -EAGAIN: the peer's backlog is full, try again; -errno. */
static int
attempt_begin(struct socle_factory *f, const struct socle_addr *to,
	const char **operation)
{
	int fd = socle__factory_socket(f, to->u.sa.sa_family, operation);
	int err;

	if (fd < 0)
		return fd;
	*operation = "bind";
	err = f->has_bind && f->bind.u.sa.sa_family == to->u.sa.sa_family
		? socle__factory_bind(f, fd)
		: 0;
	if (err == 0) {
		*operation = "connect";
		if (sys_connect(fd, &to->u.sa, to->len) < 0 &&
			errno != EINPROGRESS && errno != EINTR)
			err = -errno;
	}
	if (err == 0)
		err = attempt_register(f, fd, to);
	if (err < 0)
		sys_close(fd);
	return err;
}

static void
next_attempt(struct socle_factory *f)
{
	const struct socle_addr *to = &f->candidates[f->tried];
	const char *operation;
	int err = attempt_begin(f, to, &operation);

	if (err == -EAGAIN && to->u.sa.sa_family == AF_UNIX) {
		start_next_at(f, FULL_DELAY_NS);
		return;
	}
	f->tried++;
	if (err < 0)
		attempt_failed(f, to, operation, err);
	else if (f->tried < f->n_candidates)
		start_next_at(f, ATTEMPT_DELAY_NS);
}

static void
next_attempt_fired(struct socle_timer *t)
{
	struct socle_factory *f =
		socle_container_of(t, struct socle_factory, next_attempt);

	if (f->tried < f->n_candidates)
		next_attempt(f);
}

static void
deadline_passed(struct socle_timer *t)
{
	struct socle_factory *f =
		socle_container_of(t, struct socle_factory, deadline);

	socle__connector_stop(f);
	socle_timer_cancel(&f->event);
	socle__factory_tell(f, "connect", -ETIMEDOUT);
}

void
socle__connector_init(struct socle_factory *f)
{
	socle_timer_init_named(
		socle__own_timer, &f->next_attempt, next_attempt_fired);
	socle_timer_init_named(socle__own_timer, &f->deadline, deadline_passed);
}

void
socle__connector_patience(struct socle_factory *f)
{
	if (f->p.connect_timeout > 0)
		(void)socle_timer_start(&f->deadline, f->p.connect_timeout);
}

/*
 * The families in turn, beginning with the first one's; their own orders stay.
 * Done in place: of each position the next of the family whose turn it is
 * moves up, if there is one.
 */
static void
interleave(struct socle_addr *addrs, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		sa_family_t last = addrs[i - 1].u.sa.sa_family;
		struct socle_addr up;
		size_t j = i;

		while (j < n && addrs[j].u.sa.sa_family == last)
			j++;
		if (j == n)
			return;
		up = addrs[j];
		memmove(&addrs[i + 1], &addrs[i], (j - i) * sizeof(up));
		addrs[i] = up;
	}
}

void
socle__connector_start(struct socle_factory *f)
{
	interleave(f->candidates, f->n_candidates);
	next_attempt(f);
}

/* Nothing more is tried, and nobody told of what was under way. */
void
socle__connector_stop(struct socle_factory *f)
{
	socle_timer_cancel(&f->deadline);
	socle_timer_cancel(&f->next_attempt);
	if (f->resolving)
		socle_resolve_cancel(f->resolving);
	f->resolving = NULL;
	while (f->attempts)
		sys_close(attempt_detach(f->attempts));
}

/*
 * Connecting: attempts side by side, the first that answers wins.
 *
 * RFC 8305: addresses of the two families in turn, a new attempt every 250 ms
 * or as soon as one fails.  An attempt ends by SO_ERROR, which is asked once
 * and first; a socket that is writable without a peer goes on waiting, and one
 * that met itself on loopback was refused.
 */
#include "sockets/factory/private.h"

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

/* With the file that it was bound to. */
static void
attempt_close(struct socle__attempt *a)
{
	struct socle_factory *f = a->f;
	int fd = attempt_detach(a);

	if (!(a->d.bits & SOCLE__KEEP_FD))
		sys_close(fd);
	if (!socle__loop->forked)
		socle__factory_unlink(f);
}

/*
 * All that is under way ends, then each attempt is told: whatever a hook does,
 * a loop of its own included, finds nothing that could go on.
 */
static void
attempts_end(struct socle_factory *f, int err)
{
	struct socle__attempt *a = f->attempts;

	socle__connector_stop(f);
	for (; a; a = a->next)
		socle__factory_tell_attempt(f, &a->to, err);
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
	if (f->tried < f->n_candidates)
		start_next_at(f, 0);
	socle__factory_tell_attempt(f, to, err);
	if (!f->ended && !f->attempts && f->tried == f->n_candidates)
		socle__factory_fail(f, operation, err);
}

static void
attempt_won(struct socle__attempt *a)
{
	struct socle_factory *f = a->f;
	int fd = attempt_detach(a);
	int err;

	attempts_end(f, -ECANCELED);
	socle__factory_tell_attempt(f, &a->to, 0);
	if (socle__factory_is_over(f)) {
		sys_close(fd);
		socle__factory_unlink(f);
		return;
	}
	err = socle__factory_deliver(f, fd, &a->to);
	if (err < 0)
		socle__factory_fail(f, "connect", err);
}

/* A socket that met itself on loopback, where nobody listened. */
static bool
is_own_peer(const struct socle__attempt *a, const struct socle_addr *peer)
{
	struct socle_addr here = {.len = sizeof(here.u)};

	return a->f->type == SOCK_STREAM && a->to.u.sa.sa_family != AF_UNIX &&
		sys_getsockname(a->d.fd, &here.u.sa, &here.len) == 0 &&
		here.len == peer->len &&
		memcmp(&here.u, &peer->u, here.len) == 0;
}

/* 1: connected; 0: not yet; -errno. */
static int
attempt_result(const struct socle__attempt *a, bool ended)
{
	struct socle_addr peer = {.len = sizeof(peer.u)};
	int err = 0;
	socklen_t len = sizeof(err);

	if (sys_getsockopt(a->d.fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	if (err)
		return -err;
	if (sys_getpeername(a->d.fd, &peer.u.sa, &peer.len) < 0)
		return errno == ENOTCONN && !ended ? 0 : -errno;
	return is_own_peer(a, &peer) ? -ECONNREFUSED : 1;
}

static void
attempt_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle__attempt *a = attempt_of(d);
	struct socle_factory *f = a->f;
	bool ended = (ready & (SOCLE_ERR | SOCLE_HUP)) != 0;
	int r = err < 0 ? err : attempt_result(a, ended);

	if (r == 0)
		return;
	if (r > 0) {
		attempt_won(a);
		return;
	}
	attempt_close(a);
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

static void
attempt_forked(struct socle_descriptor *d)
{
	/* The file is the parent's to remove. */
	attempt_of(d)->f->path[0] = '\0';
}

static const struct socle__descriptor_ops attempt_ops = {
	.ready = attempt_ready,
	.turn = attempt_turn,
	.reap = attempt_reap,
	.reset = attempt_reset,
	.forked = attempt_forked,
};

static int
attempt_register(struct socle_factory *f, int fd, const struct socle_addr *to)
{
	struct socle__attempt *a = sys_calloc(1, sizeof(*a));
	struct socle__attempt **at = &f->attempts;
	int err;

	if (!a)
		return -ENOMEM;
	err = socle__descriptor_add(
		socle__loop, &a->d, &attempt_ops, fd, 0, false);
	if (err < 0) {
		sys_free(a);
		return err;
	}
	a->f = f;
	a->to = *to;
	while (*at)
		at = &(*at)->next;
	*at = a;
	socle__descriptor_want(&a->d, SOCLE_WRITE);
	return 0;
}

static int
connect_begin(int fd, const struct socle_addr *to)
{
	if (sys_connect(fd, &to->u.sa, to->len) == 0 || errno == EINPROGRESS ||
		errno == EINTR)
		return 0;
	return -errno;
}

/* 0: under way, which the poller is not told before; -errno. */
static int
attempt_begin(struct socle_factory *f, const struct socle_addr *to,
	const char **operation)
{
	int fd, err;

	socle__factory_clear(f);
	fd = socle__factory_socket(f, to->u.sa.sa_family, operation);
	if (fd < 0)
		return fd;
	*operation = "bind";
	err = socle__factory_bind(f, fd);
	if (err == 0) {
		*operation = "connect";
		err = connect_begin(fd, to);
	}
	if (err == 0)
		err = attempt_register(f, fd, to);
	if (err < 0) {
		sys_close(fd);
		socle__factory_unlink(f);
	}
	return err;
}

static void
next_attempt(struct socle_factory *f)
{
	const struct socle_addr *to = &f->candidates[f->tried];
	const char *operation;
	int err = attempt_begin(f, to, &operation);

	/* The backlog is full, and nothing would tell when it no longer is. */
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

void
socle__connector_next_fired(struct socle_timer *t)
{
	next_attempt(socle_container_of(t, struct socle_factory, next_attempt));
}

void
socle__connector_deadline_fired(struct socle_timer *t)
{
	struct socle_factory *f =
		socle_container_of(t, struct socle_factory, deadline);

	attempts_end(f, -ETIMEDOUT);
	socle__factory_fail(f, "connect", -ETIMEDOUT);
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

void
socle__connector_stop(struct socle_factory *f)
{
	f->ended = true;
	socle_timer_cancel(&f->event);
	socle_timer_cancel(&f->deadline);
	socle_timer_cancel(&f->next_attempt);
	socle_resolve_cancel(f->resolving);
	f->resolving = NULL;
	while (f->attempts)
		attempt_close(f->attempts);
}

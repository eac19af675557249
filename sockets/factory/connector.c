/*
 * Connecting: attempts in parallel, of which the first that succeeds wins.
 *
 * As in RFC 8305, addresses of the two families are tried in turn, with a new
 * attempt every 250 ms or as soon as one fails.  SO_ERROR is read once, before
 * anything else, and decides an attempt.  A socket that is writable but has no
 * peer and no error is still connecting.  A TCP socket that connected to
 * itself on loopback counts as refused.
 *
 * The deadline may fire late, after a long handler or a stopped process.  The
 * kernel is then asked for the state of each attempt, and addresses that could
 * not be tried in time are tried now.
 */
#include "sockets/factory/connector.h"

#include "reactor/interest.h"
#include "reactor/map.h"
#include "reactor/reactor.h"
#include "sockets/factory/attempt.h"
#include "sockets/factory/bind.h"
#include "sockets/factory/deliver.h"
#include "sockets/factory/interleave.h"
#include "sockets/factory/report.h"
#include "sockets/names/answered.h"
#include "sockets/names/unix_file.h"

#include "seam.h"

#include <string.h>

enum { ATTEMPT_DELAY_NS = 250 * 1000 * 1000, FULL_DELAY_NS = 20 * 1000 * 1000 };

static struct socle__attempt *
attempt_of(struct socle_descriptor *d)
{
	return (struct socle__attempt *)(void *)d;
}

/*
 * All attempts are stopped before the first is reported, so that no callback,
 * even one that runs a nested loop, can find one that continues.
 */
static void
attempts_end(struct socle_factory *f, int err)
{
	struct socle__attempt *a = f->attempts;

	socle__connector_stop(f);
	for (; a; a = a->next)
		socle__factory_report_attempt(f, &a->to, err);
}

static void
start_next_at(struct socle_factory *f, int64_t delay)
{
	socle__timers_add(&socle__reactor->timers, &f->next_attempt.node,
		delay ? socle__add_ns(socle__now_read(socle__reactor), delay)
		      : 0);
}

/* The failure of the last attempt is the failure of the factory. */
static void
attempt_failed(struct socle_factory *f, const struct socle_addr *to,
	const char *operation, int err)
{
	if (f->tried < f->n_candidates)
		start_next_at(f, 0);
	socle__factory_report_attempt(f, to, err);
	if (!f->ended && !f->attempts && f->tried == f->n_candidates &&
		!socle__is_forked(socle__reactor))
		socle__factory_fail(f, operation, err);
}

static void
attempt_won(struct socle__attempt *a)
{
	struct socle_factory *f = a->f;
	int fd = socle__attempt_detach(a);
	int err;

	attempts_end(f, -ECANCELED);
	socle__factory_report_attempt(f, &a->to, 0);
	if (socle__is_forked(socle__reactor)) {
		sys_close(fd); /* the connection is the parent's */
		return;
	}
	if (socle__factory_is_freed(f)) {
		sys_close(fd);
		socle__factory_unlink(f);
		return;
	}
	err = socle__factory_deliver(f, fd, &a->to);
	socle__reactor->counts.connected += err == 0;
	if (err < 0)
		socle__factory_fail(f, "connect", err);
}

/* `result' is that of socle__attempt_result(). */
static void
attempt_go_on(struct socle__attempt *a, int result)
{
	struct socle_factory *f = a->f;

	if (result == 0)
		return;
	if (result > 0) {
		attempt_won(a);
		return;
	}
	socle__attempt_close(a);
	attempt_failed(f, &a->to, "connect", result);
}

static void
attempt_ready(struct socle_descriptor *d, unsigned ready, int err)
{
	struct socle__attempt *a = attempt_of(d);
	bool ended = (ready & (SOCLE_ERR | SOCLE_HUP)) != 0;

	attempt_go_on(a, err < 0 ? err : socle__attempt_result(a, ended));
}

/* Asks the kernel for attempts whose end has not been reported yet. */
void
socle__connector_ask(struct socle_factory *f)
{
	struct socle__attempt *a = f->attempts;

	while (a && !f->ended && !socle__is_forked(socle__reactor)) {
		int result = socle__attempt_result(a, false);

		attempt_go_on(a, result);
		/* a callback may have changed the list */
		a = result == 0 ? a->next : f->attempts;
	}
}

static void
attempt_reap(struct socle_descriptor *d)
{
	sys_free(attempt_of(d));
}

static void
attempt_reset(struct socle_descriptor *d)
{
	struct socle_factory *f = attempt_of(d)->f;

	f->d.ops->reset(&f->d);
}

static void
attempt_forked(struct socle_descriptor *d)
{
	/* Only the parent removes the file. */
	attempt_of(d)->f->path[0] = '\0';
}

static const struct socle__descriptor_ops attempt_ops = {
	.ready = attempt_ready,
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
		socle__reactor, &a->d, &attempt_ops, fd, 0, false);
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
connect_start(int fd, const struct socle_addr *to)
{
	int err = socle__connect(fd, to);

	return err == -EINPROGRESS || err == -EINTR ? 0 : err;
}

/*
 * 0: connecting; -errno.  The socket is added to the poller after connect(2):
 * before it, the poller would report a hang-up.
 */
static int
attempt_start(struct socle_factory *f, const struct socle_addr *to,
	const char **operation)
{
	int fd, err;

	socle__factory_unlink_stale(f);
	fd = socle__factory_socket(f, to->u.sa.sa_family, operation);
	if (fd < 0)
		return fd;
	*operation = "bind";
	err = socle__factory_bind(f, fd);
	if (err == 0) {
		*operation = "connect";
		err = connect_start(fd, to);
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
	int err = attempt_start(f, to, &operation);

	/* The backlog is full; no event reports when it has space again. */
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

/* The timeout has expired: an attempt must connect at once, or it fails. */
static void
connect_late(struct socle_factory *f)
{
	size_t before;

	socle__connector_ask(f);
	while (!f->ended && f->tried < f->n_candidates &&
		!socle__is_forked(socle__reactor)) {
		before = f->tried;
		next_attempt(f);
		socle__connector_ask(f);
		if (f->tried == before)
			break; /* the backlog is full */
	}
	if (f->ended || socle__is_forked(socle__reactor))
		return;
	attempts_end(f, -ETIMEDOUT);
	socle__factory_fail(f, "connect", -ETIMEDOUT);
}

void
socle__connector_deadline_fired(struct socle_timer *t)
{
	struct socle_factory *f =
		socle_container_of(t, struct socle_factory, deadline);

	f->late = true;
	if (!socle__connector_waits_for_answer(f))
		connect_late(f);
}

bool
socle__connector_waits_for_answer(const struct socle_factory *f)
{
	return f->resolving && socle__resolve_is_answered(f->resolving);
}

void
socle__connector_start(struct socle_factory *f)
{
	socle__interleave(f->candidates, f->n_candidates);
	if (f->late)
		connect_late(f);
	else
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
		socle__attempt_close(f->attempts);
}

void
socle__factory_fail(struct socle_factory *f, const char *operation, int err)
{
	socle__connector_stop(f);
	socle__factory_report(f, operation, err);
}

/* The loops that run the tick, nested and embedded ones included. */
#include "reactor/backend.h"
#include "reactor/callback.h"
#include "reactor/interest.h"
#include "reactor/mailbox.h"
#include "reactor/measure.h"
#include "reactor/probes.h"
#include "reactor/reactor.h"
#include "reactor/tick.h"
#include "reactor/wait.h"

/* This thread's reactor, ready to run; else NULL and *err. */
static struct socle__reactor *
reactor_ready(int *err)
{
	struct socle__reactor *r = socle__reactor_get();

	if (!r)
		*err = -ENOMEM;
	else if (socle__is_forked(r))
		*err = -ECHILD;
	else
		*err = socle__backend_start(r);
	return *err < 0 ? NULL : r;
}

/*
 * A nested loop starts uninterrupted, even in a handler that has stopped or
 * reset the outer one, which finds that out when the nested one has returned.
 */
static struct socle__reactor *
loop_enter(unsigned *outer, int *err)
{
	struct socle__reactor *r = reactor_ready(err);

	if (!r)
		return NULL;
	*outer = r->interrupted;
	r->interrupted = 0;
	if (r->depth++ == 0)
		socle__measure_begin(r);
	r->now_known = false;
	if (socle__unlikely(r->next != r->end))
		socle__interest_renew_edges(r); /* its wait drops the batch */
	return r;
}

/* An embedding loop sleeps on the fd, which must report remaining work. */
static void
wake_embedder(struct socle__reactor *r)
{
	if (r->fd_requested && !socle__is_forked(r) && socle__has_work(r))
		socle_wakeup(r->mailbox);
}

/* Returns the loop's result; a fork may have made this process a child. */
static int
loop_leave(struct socle__reactor *r, unsigned outer, int result)
{
	socle__flush_and_reap(r);
	r->depth--;
	r->now_known = false;
	r->interrupted |= outer;
	if (r->depth == 0) {
		SOCLE__PROBE1(tick_done, r->batch_n);
		r->interrupted &= SOCLE__FORKED;
		wake_embedder(r);
		socle__profile_unchain(&r->profile);
		socle__measure_end(r);
	}
	return socle__is_forked(r) ? -ECHILD : result;
}

int
socle_event_loop(void)
{
	unsigned outer;
	int result;
	struct socle__reactor *r = loop_enter(&outer, &result);

	if (!r)
		return result;
	do
		result = socle__tick(r, r->timeout_ms);
	while (result > 0);
	return loop_leave(r, outer, result);
}

int
socle_event_loop_once(int timeout_ms)
{
	unsigned outer;
	int result;
	struct socle__reactor *r = loop_enter(&outer, &result);

	if (!r)
		return result;
	result = socle__tick(r, timeout_ms < 0 ? -1 : timeout_ms);
	return loop_leave(r, outer, result);
}

static bool
is_done(struct socle__reactor *r, const char *name, bool (*done)(void *arg),
	void *arg)
{
	struct socle__callback c;
	bool result;

	socle__callback_begin(r, &c, NULL, SOCLE__ITEM_DONE, name, NULL);
	result = done(arg);
	socle__callback_end(r, &c);
	r->now_stale = true;
	return result;
}

int
socle_run_until_named(const char *arguments, bool (*done)(void *arg), void *arg)
{
	unsigned outer;
	int result;
	struct socle__reactor *r = loop_enter(&outer, &result);

	if (!r)
		return result;
	result = 1;
	while (!is_done(r, arguments, done, arg) &&
		(result = socle__tick(r, r->timeout_ms)) > 0)
		;
	return loop_leave(r, outer, result);
}

#undef socle_run_until
int
socle_run_until(bool (*done)(void *arg), void *arg)
{
	return socle_run_until_named(NULL, done, arg);
}

int
socle_loop_fd(void)
{
	int err;
	struct socle__reactor *r = reactor_ready(&err);

	if (!r)
		return err;
	if (r->poller_fd < 0)
		return -ENOTSUP;
	if ((err = socle__mailbox_open(r)) < 0)
		return err;
	r->fd_requested = true;
	if (r->depth == 0)
		wake_embedder(r);
	return r->poller_fd;
}

int
socle_loop_timeout_ms(void)
{
	int ms;
	struct socle__reactor *r = reactor_ready(&ms);

	if (!r)
		return ms;
	r->depth++; /* refusals of the kernel are reported as in a tick */
	r->now_known = false;
	socle__interest_submit(r);
	ms = socle__wait_ms(r, r->timeout_ms);
	r->depth--;
	r->now_known = false;
	return ms;
}

void
socle_set_loop_timeout(int ms)
{
	struct socle__reactor *r = socle__reactor_get();

	if (r)
		r->timeout_ms = ms < 0 ? -1 : ms;
}

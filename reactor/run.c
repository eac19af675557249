/*
 * The loops that run the tick, nested ones and somebody else's included, and
 * what is asked around them.
 */
#include "reactor/core.h"

_Thread_local struct socle__loop *socle__loop;

static struct socle__loop *
loop_enter(int *err)
{
	struct socle__loop *l = socle__loop_get();

	*err = !l ? -ENOMEM : l->forked ? -ECHILD : socle__loop_start(l);
	if (*err < 0)
		return NULL;
	l->depth++;
	l->now_known = false;
	return l;
}

/* An embedding loop sleeps on the fd: it is to hear of what is left over. */
static void
tell_embedder(struct socle__loop *l)
{
	if (l->fd_asked_for && !l->forked && socle__has_work(l))
		socle_wakeup(l->mailbox);
}

static void
loop_leave(struct socle__loop *l)
{
	socle__settle(l);
	l->depth--;
	l->now_known = false;
	if (l->stop_depth > l->depth)
		l->stop_depth = l->depth;
	if (l->depth > 0)
		return;
	tell_embedder(l);
	socle__profile_unchain(&l->profile);
}

int
socle_event_loop(void)
{
	int r;
	struct socle__loop *l = loop_enter(&r);

	if (!l)
		return r;
	do
		r = socle__tick(l, l->timeout_ms);
	while (r > 0);
	loop_leave(l);
	return r;
}

int
socle_event_loop_once(int timeout_ms)
{
	int r;
	struct socle__loop *l = loop_enter(&r);

	if (!l)
		return r;
	r = socle__tick(l, timeout_ms);
	loop_leave(l);
	return r;
}

int
socle_run_until(bool (*done)(void *arg), void *arg)
{
	int r;
	struct socle__loop *l = loop_enter(&r);

	if (!l)
		return r;
	r = 1;
	while (!done(arg) && (r = socle__tick(l, l->timeout_ms)) > 0)
		;
	loop_leave(l);
	return r;
}

void
socle_stop(void)
{
	if (socle__loop)
		socle__loop->stop_depth = socle__loop->depth;
}

int
socle_loop_fd(void)
{
	int err;
	struct socle__loop *l = loop_enter(&err);

	if (!l)
		return err;
	l->depth--;
	if (l->poller_fd < 0)
		return -ENOTSUP;
	if (!socle__mailbox_get(l))
		return -ENOMEM;
	l->fd_asked_for = true;
	if (l->depth == 0)
		tell_embedder(l);
	return l->poller_fd;
}

int
socle_loop_timeout_ms(void)
{
	int ms;
	struct socle__loop *l = loop_enter(&ms);

	if (!l)
		return ms;
	socle__interest_tell(l);
	ms = socle__wait_ms(l, l->timeout_ms);
	l->depth--;
	l->now_known = false;
	return ms;
}

void
socle_set_loop_timeout(int ms)
{
	struct socle__loop *l = socle__loop_get();

	if (l)
		l->timeout_ms = ms < 0 ? -1 : ms;
}

int64_t
socle__now_read(struct socle__loop *l)
{
	l->now = socle__clock_ns();
	l->now_known = true;
	l->now_stale = false;
	return l->now;
}

double
socle_now(void)
{
	struct socle__loop *l = socle__loop_get();

	return socle__ns_to_seconds(l ? socle__now(l) : socle__clock_ns());
}

#undef socle_set_post_loop_callback
void
socle_set_post_loop_callback(bool (*fn)(void *arg), void *arg)
{
	socle_set_post_loop_callback_named(NULL, fn, arg);
}

void
socle_set_post_loop_callback_named(
	const char *arguments, bool (*fn)(void *arg), void *arg)
{
	struct socle__loop *l = socle__loop_get();

	if (!l)
		return;
	l->post_loop = fn;
	l->post_loop_arg = arg;
	l->post_loop_name = arguments;
}

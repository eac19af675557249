/* The calls that run later: deferred by this thread, or posted by another. */
#include "reactor/deferred.h"
#include "reactor/loop.h"
#include "reactor/mailbox.h"
#include "reactor/reactor.h"

#include "seam.h"

static struct socle__deferred *
call_new(enum socle__item_kind kind, const char *arguments,
	void (*fn)(void *arg), void (*drop)(void *arg), void *arg)
{
	struct socle__deferred *call = sys_malloc(sizeof(*call));

	if (call)
		*call = (struct socle__deferred){.kind = kind,
			.fn = fn,
			.drop = drop,
			.arg = arg,
			.arguments = arguments};
	return call;
}

static int
defer(const char *arguments, void (*fn)(void *arg), void (*drop)(void *arg),
	void *arg)
{
	struct socle__reactor *r = socle__reactor_get();
	struct socle__deferred *call = r
		? call_new(SOCLE__ITEM_DEFERRED, arguments, fn, drop, arg)
		: NULL;

	if (!call)
		return -ENOMEM;
	if (r->fd_requested && r->depth == 0 && !r->deferred)
		socle_wakeup(r->mailbox);
	socle__deferred_add(r, call);
	return 0;
}

#undef socle_defer
int
socle_defer(void (*fn)(void *arg), void *arg)
{
	return defer(NULL, fn, NULL, arg);
}

int
socle_defer_named(const char *arguments, void (*fn)(void *arg), void *arg)
{
	return defer(arguments, fn, NULL, arg);
}

int
socle_defer_or_drop(void (*fn)(void *arg), void (*drop)(void *arg), void *arg)
{
	return defer(NULL, fn, drop, arg);
}

static int
post(const char *arguments, struct socle_loop *to, void (*fn)(void *arg),
	void (*drop)(void *arg), void *arg)
{
	struct socle__deferred *call =
		call_new(SOCLE__ITEM_POSTED, arguments, fn, drop, arg);
	int err;

	if (!call)
		return -ENOMEM;
	err = socle__mailbox_put(to, call);
	if (err < 0)
		sys_free(call);
	return err;
}

#undef socle_post
int
socle_post(struct socle_loop *to, void (*fn)(void *arg), void *arg)
{
	return post(NULL, to, fn, NULL, arg);
}

int
socle_post_named(const char *arguments, struct socle_loop *to,
	void (*fn)(void *arg), void *arg)
{
	return post(arguments, to, fn, NULL, arg);
}

int
socle_post_or_drop(struct socle_loop *to, void (*fn)(void *arg),
	void (*drop)(void *arg), void *arg)
{
	return post(NULL, to, fn, drop, arg);
}

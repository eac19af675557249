/*
 * Calls for later: deferred ones, and posted ones once they have arrived.
 *
 * One FIFO.  A run takes what was there when it began, told by the serials:
 * a loop nested in one of the calls may take the rest of it meanwhile.
 */
#include "reactor/core.h"

#include "seam.h"

void
socle__later_add(struct socle__loop *l, struct socle__later *call)
{
	call->next = NULL;
	call->serial = l->later_serial++;
	*l->later_end = call;
	l->later_end = &call->next;
}

static struct socle__later *
later_take(struct socle__loop *l)
{
	struct socle__later *call = l->later;

	l->later = call->next;
	if (!l->later)
		l->later_end = &l->later;
	return call;
}

bool
socle__later_run(struct socle__loop *l)
{
	uint64_t end;
	struct socle__call call;
	bool counted, any = false;

	socle__mailbox_collect(l);
	end = l->later_serial;
	while (l->later && l->later->serial < end) {
		struct socle__later *next = later_take(l);
		struct socle__later it = *next;

		sys_free(next);
		counted = socle__call_begin(
			&l->profile, &call, NULL, it.kind, it.arguments, NULL);
		it.fn(it.arg);
		socle__call_end(&l->profile, &call, counted);
		any = true;
	}
	return any;
}

void
socle__later_clear(struct socle__loop *l)
{
	while (l->later) {
		struct socle__later *next = later_take(l);

		if (next->drop)
			next->drop(next->arg);
		sys_free(next);
	}
}

static int
defer(const char *arguments, void (*fn)(void *arg), void (*drop)(void *arg),
	void *arg)
{
	struct socle__loop *l = socle__loop_get();
	struct socle__later *call = l ? sys_malloc(sizeof(*call)) : NULL;

	if (!call)
		return -ENOMEM;
	*call = (struct socle__later){.kind = SOCLE__ITEM_DEFERRED,
		.fn = fn,
		.drop = drop,
		.arg = arg,
		.arguments = arguments};
	if (l->fd_asked_for && l->depth == 0 && !l->later)
		socle_wakeup(l->mailbox);
	socle__later_add(l, call);
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

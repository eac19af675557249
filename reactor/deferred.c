/*
 * Deferred calls: one FIFO.  A run makes the calls that were present when it
 * started.  It recognises them by their serial numbers, because a loop nested in one
 * of them may make the others meanwhile.
 */
#include "reactor/deferred.h"

#include "reactor/owned_arg.h"

#include "seam.h"

static struct socle__deferred *
take(struct socle__reactor *r)
{
	struct socle__deferred *call = r->deferred;

	r->deferred = call->next;
	if (!r->deferred)
		r->deferred_end = &r->deferred;
	return call;
}

static void
deferred_reset(struct socle__reactor *r)
{
	*r->deferred_end = r->to_drop;
	r->to_drop = r->deferred;
	r->deferred = NULL;
	r->deferred_end = &r->deferred;
}

static void
deferred_drop(struct socle__reactor *r)
{
	struct socle__deferred *call;

	while ((call = r->to_drop)) {
		r->to_drop = call->next;
		if (call->drop)
			socle__arg_drop(r, call->drop, call->arg);
		sys_free(call);
	}
}

static const struct socle__part deferred_part = {
	.reset = deferred_reset,
	.drop = deferred_drop,
};

void
socle__deferred_add(struct socle__reactor *r, struct socle__deferred *call)
{
	socle__part_register(r, SOCLE__PART_DEFERRED, &deferred_part);
	call->next = NULL;
	call->serial = r->deferred_serial++;
	*r->deferred_end = call;
	r->deferred_end = &call->next;
}

void
socle__deferred_run(struct socle__reactor *r)
{
	uint64_t end = r->deferred_serial;

	while (r->deferred && r->deferred->serial < end &&
		!socle__is_abandoned(r)) {
		struct socle__deferred *taken = take(r);
		struct socle__deferred call = *taken;
		struct socle__callback c;

		sys_free(taken);
		socle__callback_begin(
			r, &c, NULL, call.kind, call.arguments, NULL);
		call.fn(call.arg);
		socle__callback_end(r, &c);
	}
}

/* Going on in a forked child. */
#include "reactor/backend.h"
#include "reactor/interest.h"
#include "reactor/loop.h"
#include "reactor/reactor.h"

bool
socle_forked(void)
{
	return socle__reactor && socle__is_forked(socle__reactor);
}

int
socle_after_fork(void)
{
	struct socle__reactor *r = socle__reactor;
	int err = 0;

	if (!r || !socle__is_forked(r))
		return 0;
	for (unsigned i = 0; i < SOCLE__PARTS; i++)
		if (r->parts[i] && r->parts[i]->reopen &&
			(err = r->parts[i]->reopen(r)) < 0)
			return err;
	r->interrupted &= ~(unsigned)SOCLE__FORKED;
	socle__batch_drop(r);
	if (r->backend)
		socle__interest_rearm_all(r);
	for (size_t fd = 0; fd < r->map_size && !socle__is_forked(r); fd++) {
		struct socle_descriptor *d = r->map[fd];

		if (d && !(d->bits & SOCLE__CLOSED) && d->ops->forked)
			d->ops->forked(d);
	}
	return socle__is_forked(r) ? -ECHILD : 0;
}

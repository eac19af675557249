/* How long a tick may wait. */
#include "reactor/wait.h"

#include "reactor/mailbox.h"
#include "reactor/reactor.h"

int64_t
socle__now_for_timers(struct socle__reactor *r)
{
	if (r->now_stale)
		r->now_known = false;
	return socle__now(r);
}

bool
socle__has_work(const struct socle__reactor *r)
{
	if (r->deferred || r->timers.due || socle__mailbox_has_posts(r))
		return true;
	return socle__has_turns(r) &&
		(socle__turns_open(r, SOCLE__TURN_FLUSH) ||
			socle__turns_open(r, SOCLE__TURN_INTEREST) ||
			socle__turns_open(r, SOCLE__TURN_PUSHED_BACK) ||
			socle__turns_open(r, SOCLE__TURN_CLOSE) ||
			socle__turns_open(r, SOCLE__TURN_LOG) ||
			(socle__turns_open(r, SOCLE__TURN_DESTROY) &&
				socle__may_destroy(r)));
}

int
socle__wait_ms(struct socle__reactor *r, int limit)
{
	int64_t left;
	int ms;

	if (socle__has_work(r) || r->interrupted)
		return 0;
	if (r->timers.pending == 0)
		return limit < 0 ? -1 : limit;
	left = socle__timers_next(&r->timers) - socle__now_for_timers(r);
	ms = socle__ns_to_ms(left);
	return limit >= 0 && limit < ms ? limit : ms;
}

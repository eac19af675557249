/* due_timers.h describes the function. */
#include "reactor/due_timers.h"

#include "reactor/callback.h"
#include "reactor/measure.h"
#include "reactor/probes.h"
#include "reactor/wait.h"

static inline void
call_timer(struct socle__reactor *r, struct socle_timer *t)
{
	struct socle__callback c;

	SOCLE__PROBE2(timer_fire, t->name, t);
	if (t->name == socle__own_timer) {
		t->fn(t);
		return;
	}
	if (r->measure)
		socle__measure_lag(r, t->node.deadline);
	socle__callback_begin(r, &c, NULL, SOCLE__ITEM_TIMER, t->name, NULL);
	t->fn(t);
	socle__callback_end(r, &c);
}

SOCLE__COLD void
socle__timers_run(struct socle__reactor *r)
{
	struct socle__timer_node *node;
	bool bare;

	if (!socle__timers_collect(&r->timers, socle__now_for_timers(r)))
		return;
	while (!socle__is_abandoned(r) &&
		(node = socle__timers_take(&r->timers, &bare))) {
		if (bare) {
			SOCLE__PROBE2(timer_fire, &socle__own_timer[0], node);
			r->bare_timer(node);
		} else {
			call_timer(r, (struct socle_timer *)(void *)node);
		}
	}
}

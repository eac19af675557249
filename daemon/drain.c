/*
 * Draining.
 *
 * A post-loop callback in the list of the objects' ends the loop: the one that
 * the application can set stays its own.  It runs after fds were closed.  A tick
 * that starts without an object must not wait, so a timer is due then.
 */
#include "daemon/drain.h"

#include "daemon/service.h"
#include "reactor/callback.h"
#include "reactor/post_loop.h"
#include "reactor/reactor.h"
#include "sockets/factory/state.h"

static void
drain_reset(struct socle__reactor *r)
{
	socle__post_loop_remove(&r->drain);
	r->draining = r->replaced = false;
}

static const struct socle__part drain_part = {.reset = drain_reset};

/* Whether objects remain. */
static bool
go_on(struct socle__reactor *r)
{
	bool remain = r->watched > 0;

	socle__timers_add(&r->timers, &r->drain_timer.node,
		remain ? r->drain_deadline : 0);
	return remain;
}

static bool
drain_runs(struct socle__post_loop *p)
{
	(void)p;
	return go_on(socle__reactor);
}

static void
drain_fired(struct socle_timer *t)
{
	struct socle__reactor *r = socle__reactor;

	(void)t;
	if (go_on(r) && socle__now_read(r) >= r->drain_deadline)
		socle_stop();
}

static void
listeners_free(struct socle__reactor *r)
{
	struct socle_factory *next;

	for (struct socle_factory *f = r->factories; f; f = next) {
		next = f->next;
		if (f->kind == SOCLE__LISTENER &&
			(!f->background || r->replaced))
			socle_factory_free(f);
	}
}

int
socle_drain(double seconds, void (*ask)(void *arg), void *arg)
{
	struct socle__reactor *r = socle__reactor_get();
	bool again = r && r->draining;
	struct socle__callback c;
	int64_t deadline;

	if (!r)
		return -ENOMEM;
	if (socle__is_forked(r))
		return -ECHILD;
	deadline = socle__add_ns(
		socle__now_read(r), socle__seconds_to_ns(seconds));
	if (!again || deadline < r->drain_deadline)
		r->drain_deadline = deadline;
	socle_timer_cancel(&r->drain_timer);
	socle__own_timer_init(&r->drain_timer, drain_fired);
	socle__timers_add(&r->timers, &r->drain_timer.node, 0);
	listeners_free(r);
	if (again)
		return 0;
	r->draining = true;
	socle__part_register(r, SOCLE__PART_DRAIN, &drain_part);
	r->drain.run = drain_runs;
	socle__post_loop_add(r, &r->drain);
	if (!r->replaced)
		(void)socle_service_stopping();
	if (ask) {
		socle__callback_begin_plain(r, &c);
		ask(arg);
		socle__callback_end(r, &c);
	}
	return 0;
}

bool
socle_draining(void)
{
	return socle__reactor && socle__reactor->draining;
}

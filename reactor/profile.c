/* Profiling of this thread's loop, with the counters of profiling/. */
#include "profiling/report.h"
#include "reactor/loop.h"
#include "reactor/probes.h"
#include "reactor/reactor.h"

int
socle_enable_profiling(unsigned what)
{
	struct socle__reactor *r = socle__reactor_get();

	if (what & ~(unsigned)(SOCLE_PROFILE_CPU | SOCLE_PROFILE_WALL))
		return -EINVAL;
	if (!r)
		return -ENOMEM;
	socle__profile_enable(&r->profile, what);
	r->straight = 0;
	return 1;
}

void
socle_disable_profiling(void)
{
	if (socle__reactor)
		socle__profile_disable(&socle__reactor->profile);
}

void
socle_profiling_data(
	void (*fn)(const struct socle_profile_item *item, void *arg), void *arg)
{
	if (socle__reactor)
		(void)socle__profile_each(&socle__reactor->profile, fn, arg);
}

int
socle_profile_report(enum socle_report form,
	int (*out)(const char *text, size_t len, void *arg), void *arg)
{
	struct socle__reactor *r = socle__reactor_get();

	if (!r)
		return -ENOMEM;
	return socle__profile_report(&r->profile, form, out, arg);
}

static void
call_slow_handler(const char *item, int64_t ns, const void *who)
{
	struct socle__reactor *r = socle__reactor;
	struct socle_slow what = {
		.item = item, .seconds = socle__ns_to_seconds(ns), .fd = -1};
	union {
		const void *from;
		struct socle_descriptor *d;
	} it = {who};

	if (who) {
		what.fd = it.d->fd;
		what.peer = it.d->ops->peer ? it.d->ops->peer(it.d) : NULL;
	}
	SOCLE__PROBE3(slow_handler, item, ns, what.fd);
	if (r->slow)
		r->slow(&what, r->slow_arg);
}

void
socle_set_slow_handler(double seconds,
	void (*fn)(const struct socle_slow *what, void *arg), void *arg)
{
	struct socle__reactor *r = socle__reactor_get();
	int64_t ns = socle__seconds_to_ns(seconds);

	if (!r)
		return;
	r->straight = 0;
	r->slow = fn;
	r->slow_arg = arg;
	socle__profile_set_slow(&r->profile, fn ? ns : 0,
		fn && ns > 0 ? call_slow_handler : NULL);
}

/*
 * Profiling of this thread's loop: the counters are in profiling/, here is
 * who they belong to.
 */
#include "reactor/core.h"

int
socle_enable_profiling(unsigned what)
{
	struct socle__loop *l = socle__loop_get();

	if (what & ~(unsigned)(SOCLE_PROFILE_CPU | SOCLE_PROFILE_WALL))
		return -EINVAL;
	if (!l)
		return -ENOMEM;
	l->profile.per_thread = !socle__loop_is_alone();
	socle__profile_enable(&l->profile, what);
	return 1;
}

void
socle_disable_profiling(void)
{
	if (socle__loop)
		socle__profile_disable(&socle__loop->profile);
}

void
socle_profiling_data(
	void (*fn)(const struct socle_profile_item *item, void *arg), void *arg)
{
	if (socle__loop)
		(void)socle__profile_each(&socle__loop->profile, fn, arg);
}

int
socle_profile_report(enum socle_report form,
	int (*out)(const char *text, size_t len, void *arg), void *arg)
{
	struct socle__loop *l = socle__loop_get();

	if (!l)
		return -ENOMEM;
	return socle__profile_report(&l->profile, form, out, arg);
}

static void
slow_told(const char *item, int64_t ns, const void *who)
{
	struct socle__loop *l = socle__loop;
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
	if (l->slow)
		l->slow(&what, l->slow_arg);
}

void
socle_set_slow_handler(double seconds,
	void (*fn)(const struct socle_slow *what, void *arg), void *arg)
{
	struct socle__loop *l = socle__loop_get();
	int64_t ns = socle__seconds_to_ns(seconds);

	if (!l)
		return;
	l->slow = fn;
	l->slow_arg = arg;
	socle__profile_set_slow(
		&l->profile, fn ? ns : 0, fn && ns > 0 ? slow_told : NULL);
}

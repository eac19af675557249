/*
 * A factory's references, and the objects that it counts.
 *
 * The memory of a freed factory is released once its descriptor has been
 * reaped and every object that it counts is closed or stolen.
 */
#include "sockets/factory/count.h"

#include "reactor/interest.h"

#include "seam.h"

static bool
has_limit(const struct socle_factory *f)
{
	return f->kind == SOCLE__LISTENER && f->p.max_connections > 0;
}

void
socle__listener_interest(struct socle_factory *f)
{
	bool full = has_limit(f) && f->live >= f->p.max_connections;
	bool on = !f->paused && !f->starved && !full;

	if (f->d.fd < 0 || socle__factory_is_freed(f))
		return;
	f->d.bits &= ~(uint32_t)SOCLE__DIRECT;
	if (on)
		f->d.bits |= SOCLE__DIRECT;
	socle__descriptor_want(&f->d, on ? SOCLE_READ : 0);
}

void
socle__factory_unref(struct socle_factory *f)
{
	if (--f->references > 0)
		return;
	if (f->candidates != &f->remote)
		sys_free(f->candidates);
	sys_free(f->texts);
	sys_free(f);
}

void
socle__factory_count(struct socle_factory *f)
{
	f->shortage = false;
	if (!has_limit(f))
		return;
	f->live++;
	socle__listener_interest(f);
}

void
socle_factory_release(struct socle_factory *f)
{
	if (f->live > 0)
		f->live--;
	socle__listener_interest(f);
}

static void
object_ends(struct socle_socket *s)
{
	struct socle_factory *f = s->extra->factory;

	s->extra->factory = NULL;
	socle_factory_release(f);
	socle__factory_unref(f);
}

int
socle__factory_count_object(struct socle_factory *f, struct socle_socket *s)
{
	if (!has_limit(f))
		return 0;
	if (!socle__extra_get(s))
		return -ENOMEM;
	s->extra->factory = f;
	s->extra->leave_factory = object_ends;
	f->references++;
	return 0;
}

/*
 * A factory's references, and the objects that it counts.
 *
 * The memory of a freed factory is released once its descriptor has been
 * reaped and every object that it counts is closed or stolen.
 *
 * The objects that it made are found again by their fds, whose generations it
 * notes: an object that has been closed or stolen has no descriptor of that
 * generation any more.
 */
#include "sockets/factory/count.h"

#include "reactor/interest.h"
#include "reactor/map.h"

#include "seam.h"

#include <string.h>

void
socle__listener_interest(struct socle_factory *f)
{
	bool full =
		socle__factory_has_limit(f) && f->live >= f->p.max_connections;
	bool on = !f->paused && !f->starved && !full;

	if (f->d.fd < 0 || socle__factory_is_freed(f))
		return;
	f->d.bits |= SOCLE__INDIRECT;
	if (on)
		f->d.bits &= ~(uint32_t)SOCLE__INDIRECT;
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
	sys_free(f->made);
	sys_free(f);
}

void
socle__factory_count_one(struct socle_factory *f)
{
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
	if (!socle__extra_get(s))
		return -ENOMEM;
	s->extra->factory = f;
	s->extra->leave_factory = object_ends;
	f->references++;
	socle__factory_count_one(f);
	return 0;
}

/* ---- the objects that it made ---- */

int
socle__factory_made_reserve(struct socle_factory *f, int fd)
{
	size_t size = f->made_size ? f->made_size : 16;
	uint32_t *made;

	while (size <= (size_t)fd)
		size *= 2;
	made = sys_realloc(f->made, size * sizeof(*made));
	if (!made)
		return -ENOMEM;
	memset(made + f->made_size, 0, (size - f->made_size) * sizeof(*made));
	f->made = made;
	f->made_size = size;
	return 0;
}

/* The live object that it made of this fd, or NULL. */
static struct socle_socket *
made_object(const struct socle_factory *f, size_t fd)
{
	struct socle_descriptor *d = f->made[fd]
		? socle__descriptor_at(socle__reactor, (int)fd)
		: NULL;

	return d && d->generation == f->made[fd] && !(d->bits & SOCLE__CLOSED)
		? socle__socket_of(d)
		: NULL;
}

size_t
socle_factory_count(const struct socle_factory *f)
{
	size_t n = 0;

	for (size_t fd = 0; fd < f->made_size; fd++)
		n += made_object(f, fd) != NULL;
	return n;
}

void
socle_factory_each(struct socle_factory *f,
	void (*fn)(struct socle_socket *s, void *arg), void *arg)
{
	f->references++;
	for (size_t fd = 0; fd < f->made_size && !socle__factory_is_freed(f);
		fd++) {
		struct socle_socket *s = made_object(f, fd);

		if (s)
			fn(s, arg);
	}
	socle__factory_unref(f);
}

/*
 * Classes: resolving a table into a flat copy, and super calls.
 *
 * The flat copy has every slot filled, so that dispatch is one load and
 * inheritance costs nothing; with it live the things that belong to a class
 * in one loop, the count of its objects and its profile counters.
 */
#include "sockets/dgram/dgram.h"
#include "sockets/private.h"

#include "seam.h"

/* X(slot): all that can be inherited but size and name */
#define SLOTS(X)                                                               \
	X(event_read)                                                          \
	X(event_write)                                                         \
	X(event_err)                                                           \
	X(event_hup)                                                           \
	X(event_drain)                                                         \
	X(event_timeout)                                                       \
	X(incomplete_write)                                                    \
	X(close)                                                               \
	X(destroy)                                                             \
	X(as_string)                                                           \
	X(event_accepted)

#define INHERIT(slot)                                                          \
	if (!to->slot)                                                         \
		to->slot = from->slot;

static void
inherit(struct socle_class *to, const struct socle_class *from)
{
	SLOTS(INHERIT)
	if (to->size == 0)
		to->size = from->size;
}

static int
flatten(struct socle_class *flat, const struct socle_class *cls)
{
	const struct socle_class *at;

	if (!cls || !cls->name)
		return -EINVAL;
	*flat = *cls;
	for (at = cls; at->super; at = at->super)
		inherit(flat, at->super);
	if (at != &socle_socket_class)
		return -EINVAL;
	for (at = cls; at; at = at->super)
		if (at->size > flat->size)
			return -EINVAL;
	return 0;
}

static const struct socle__family *
family_of(const struct socle_class *cls)
{
	while (cls && cls != &socle_dgram_class.cls)
		cls = cls->super;
	return cls ? &socle__dgram_family : NULL;
}

static void
classes_free(void *classes)
{
	struct socle__class *c = classes;

	while (c) {
		struct socle__class *next = c->next;

		if (c->family)
			c->family->forget(c);
		sys_free(c);
		c = next;
	}
}

static int
class_add(struct socle__loop *l, const struct socle_class *cls,
	const struct socle__family *family, struct socle__class **ret)
{
	struct socle_class flat;
	struct socle__class *c;
	int err;

	if ((err = flatten(&flat, cls)) < 0)
		return err;
	if (family_of(cls) != family)
		return -EINVAL;
	c = sys_calloc(1, family ? family->class_size : sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->ops = socle__socket_ops;
	c->flat = flat;
	c->source = cls;
	c->drains = flat.event_drain != socle__root_drain;
	c->family = family;
	if (family)
		family->resolve(c);
	c->next = l->classes;
	l->classes = c;
	l->free_classes = classes_free;
	*ret = c;
	return 0;
}

int
socle__class_resolve_of(struct socle__loop *l, const struct socle_class *cls,
	const struct socle__family *family, struct socle__class **ret)
{
	for (struct socle__class *c = l->classes; c; c = c->next)
		if (c->source == cls) {
			if (c->family != family)
				return -EINVAL;
			*ret = c;
			return 0;
		}
	return class_add(l, cls, family, ret);
}

int
socle__class_resolve(struct socle__loop *l, const struct socle_class *cls,
	struct socle__class **ret)
{
	return socle__class_resolve_of(l, cls, NULL, ret);
}

int
socle_set_class(struct socle_socket *s, const struct socle_class *cls)
{
	struct socle__class *c;
	int err;

	if (socle__is_closed(s))
		return -EBADF;
	err = socle__class_resolve_of(
		socle__loop, cls, socle__class_of(s)->family, &c);
	if (err < 0)
		return err;
	if (c->flat.size > socle__class_of(s)->flat.size &&
		c->flat.size > (size_t)s->room * 4)
		return -EINVAL;
	socle__class_of(s)->live--;
	c->live++;
	s->d.ops = &c->ops;
	return 0;
}

/* The nearest class above `mine' that has the slot; the root has all. */
#define SUPER(slot, mine, ...)                                                 \
	const struct socle_class *at = (mine)->super;                          \
	while (!at->slot)                                                      \
		at = at->super;                                                \
	at->slot(__VA_ARGS__)

void
socle_super_event_read(
	const struct socle_class *mine, struct socle_socket *self)
{
	SUPER(event_read, mine, self);
}

void
socle_super_event_write(
	const struct socle_class *mine, struct socle_socket *self)
{
	SUPER(event_write, mine, self);
}

void
socle_super_event_err(
	const struct socle_class *mine, struct socle_socket *self, int err)
{
	SUPER(event_err, mine, self, err);
}

void
socle_super_event_hup(const struct socle_class *mine, struct socle_socket *self)
{
	SUPER(event_hup, mine, self);
}

void
socle_super_event_drain(
	const struct socle_class *mine, struct socle_socket *self)
{
	SUPER(event_drain, mine, self);
}

void
socle_super_event_timeout(
	const struct socle_class *mine, struct socle_socket *self, int which)
{
	SUPER(event_timeout, mine, self, which);
}

void
socle_super_incomplete_write(
	const struct socle_class *mine, struct socle_socket *self)
{
	SUPER(incomplete_write, mine, self);
}

void
socle_super_close(const struct socle_class *mine, struct socle_socket *self,
	const char *reason)
{
	SUPER(close, mine, self, reason);
}

void
socle_super_destroy(const struct socle_class *mine, struct socle_socket *self)
{
	SUPER(destroy, mine, self);
}

int
socle_super_as_string(const struct socle_class *mine,
	const struct socle_socket *self, char *buf, size_t size)
{
	const struct socle_class *at = mine->super;

	while (!at->as_string)
		at = at->super;
	return at->as_string(self, buf, size);
}

void
socle_super_event_accepted(const struct socle_class *mine,
	struct socle_socket *self, struct socle_factory *by)
{
	SUPER(event_accepted, mine, self, by);
}

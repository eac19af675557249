/* Resolving a class: one flat copy of a table and its supers. */
#include "sockets/class_cache.h"

#include "seam.h"

/* X(slot): every inherited field */
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
	X(event_accepted)                                                      \
	X(closing_fd)                                                          \
	X(transport)                                                           \
	X(size)

#define INHERIT(slot)                                                          \
	if (!to->slot)                                                         \
		to->slot = from->slot;

static void
inherit(struct socle_class *to, const struct socle_class *from)
{
	SLOTS(INHERIT)
}

/* Only the library's root classes have a transport of their own. */
static int
flatten(struct socle_class *flat, const struct socle_class *cls)
{
	const struct socle_class *at;

	if (!cls || !cls->name)
		return -EINVAL;
	*flat = *cls;
	for (at = cls->super; at; at = at->super)
		inherit(flat, at);
	if (!flat->transport)
		return -EINVAL;
	for (at = cls; at; at = at->super)
		if (at->size > flat->size)
			return -EINVAL;
	return 0;
}

static void
classes_free(struct socle__reactor *r)
{
	while (r->classes) {
		struct socle__class *c = r->classes;

		r->classes = c->next;
		if (c->transport->forget)
			c->transport->forget(c);
		sys_free(c);
	}
}

static const struct socle__part classes_part = {.free = classes_free};

static int
class_add(struct socle__reactor *r, const struct socle_class *cls,
	struct socle__class **ret)
{
	struct socle_class flat;
	struct socle__class *c;
	int err;

	if ((err = flatten(&flat, cls)) < 0)
		return err;
	c = sys_calloc(1, flat.transport->class_size);
	if (!c)
		return -ENOMEM;
	c->ops = socle__socket_ops;
	c->flat = flat;
	c->source = cls;
	c->transport = flat.transport;
	if (c->transport->resolve)
		c->transport->resolve(c);
	c->next = r->classes;
	r->classes = c;
	socle__part_register(r, SOCLE__PART_CLASSES, &classes_part);
	*ret = c;
	return 0;
}

int
socle__class_resolve(struct socle__reactor *r, const struct socle_class *cls,
	struct socle__class **ret)
{
	for (struct socle__class *c = r->classes; c; c = c->next)
		if (c->source == cls) {
			*ret = c;
			return 0;
		}
	return class_add(r, cls, ret);
}

int
socle__class_resolve_stream(struct socle__reactor *r,
	const struct socle_class *cls, struct socle__class **ret)
{
	struct socle__class *c;
	int err = socle__class_resolve(r, cls, &c);

	if (err < 0)
		return err;
	if (!c->transport->is_stream)
		return -EINVAL;
	*ret = c;
	return 0;
}

/* The class of an object, and super calls. */
#include "sockets/class.h"

#include "sockets/object.h"

const struct socle_class *
socle_class_of(const struct socle_socket *s)
{
	return socle__class_of(s)->source;
}

/* An object keeps its memory when its class becomes smaller. */
static int
capacity_keep(struct socle_socket *s, size_t size)
{
	size_t now = socle__object_size(s);

	if (size > now)
		return -EINVAL;
	if (size == now || (s->extra && s->extra->capacity))
		return 0;
	if (!socle__extra_get(s))
		return -ENOMEM;
	s->extra->capacity = now;
	return 0;
}

int
socle_set_class(struct socle_socket *s, const struct socle_class *cls)
{
	struct socle__class *c;
	int err;

	if (socle__is_closed(s))
		return -EBADF;
	err = socle__class_resolve(socle__reactor, cls, &c);
	if (err == 0 && c->transport != socle__class_of(s)->transport)
		err = -EINVAL;
	if (err == 0)
		err = capacity_keep(s, c->flat.size);
	if (err < 0)
		return err;
	s->d.ops = &c->ops;
	return 0;
}

/* The nearest class above `mine' that has the slot, or NULL. */
#define ABOVE(mine, slot)                                                      \
	const struct socle_class *at = (mine)->super;                          \
	while (at && !at->slot)                                                \
		at = at->super;

#define SUPER(slot)                                                            \
	void socle_super_##slot(                                               \
		const struct socle_class *mine, struct socle_socket *self)     \
	{                                                                      \
		ABOVE(mine, slot)                                              \
		if (at)                                                        \
			at->slot(self);                                        \
	}

#define SUPER_WITH(slot, type)                                                 \
	void socle_super_##slot(const struct socle_class *mine,                \
		struct socle_socket *self, type arg)                           \
	{                                                                      \
		ABOVE(mine, slot)                                              \
		if (at)                                                        \
			at->slot(self, arg);                                   \
	}

SUPER(event_read)
SUPER(event_write)
SUPER_WITH(event_err, int)
SUPER(event_hup)
SUPER(event_drain)
SUPER_WITH(event_timeout, int)
SUPER(incomplete_write)
SUPER_WITH(close, const char *)
SUPER(destroy)
SUPER_WITH(event_accepted, struct socle_factory *)
SUPER_WITH(closing_fd, int)

int
socle_super_as_string(const struct socle_class *mine,
	const struct socle_socket *self, char *buf, size_t size)
{
	ABOVE(mine, as_string)

	return at ? at->as_string(self, buf, size) : -EINVAL;
}

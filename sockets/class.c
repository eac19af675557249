/* The class of an object, and super calls. */
#include "sockets/class.h"

#include "sockets/object.h"

const struct socle_class *
socle_class_of(const struct socle_socket *s)
{
	return socle__class_of(s)->source;
}

/* An object that becomes smaller keeps its memory for a larger class. */
static int
capacity_keep(struct socle_socket *s, size_t size)
{
	size_t now = socle__class_of(s)->flat.size;

	if (s->extra && s->extra->capacity)
		return size <= s->extra->capacity ? 0 : -EINVAL;
	if (size > now)
		return -EINVAL;
	if (size == now)
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
	socle__class_of(s)->live--;
	c->live++;
	s->d.ops = &c->ops;
	return 0;
}

/* Calls the slot of the nearest class above `mine' that has it, if any. */
#define SUPER(slot, mine, ...)                                                 \
	const struct socle_class *at = (mine)->super;                          \
	while (at && !at->slot)                                                \
		at = at->super;                                                \
	if (at)                                                                \
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

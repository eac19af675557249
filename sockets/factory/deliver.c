/* Delivering a socket to the application. */
#include "sockets/factory/deliver.h"

#include "sockets/factory/bind.h"
#include "sockets/factory/count.h"
#include "sockets/factory/report.h"
#include "sockets/init.h"

#include "seam.h"

static void
call_event_accepted(struct socle_factory *f, struct socle_socket *s)
{
	struct socle__callback c;

	socle__object_callback_begin(s, &c, SOCLE__ITEM_ACCEPTED);
	socle__class_of(s)->flat.event_accepted(s, f);
	socle__callback_end(socle__reactor, &c);
}

static SOCLE__NOINLINE void
call_accepted(struct socle_factory *f, struct socle_socket *s)
{
	struct socle__callback c;

	if (!f->p.accepted || socle__factory_is_freed(f) ||
		socle__is_forked(socle__reactor))
		return;
	socle__factory_callback_begin(f, &c);
	f->p.accepted(f, s, f->p.arg);
	socle__factory_callback_end(&c);
}

static SOCLE__COLD int
not_delivered(struct socle_factory *f, int fd, int err)
{
	sys_close(fd);
	if (f->kind != SOCLE__LISTENER)
		socle__factory_unlink(f);
	return err;
}

SOCLE__NO_STACK_PROTECTOR int
socle__factory_deliver_object(struct socle_factory *f, int fd)
{
	struct socle_socket *s;
	int err = (size_t)fd < f->made_size
		? 0
		: socle__factory_made_reserve(f, fd);

	if (err == 0)
		err = socle__socket_new_accepted(f->cls, fd);
	if (err < 0)
		return not_delivered(f, fd, err);
	s = socle__socket_at(fd);
	if (socle__unlikely(f->type != SOCK_STREAM))
		socle__socket_has_messages(s);
	if (socle__factory_has_limit(f) &&
		(err = socle__factory_count_object(f, s)) < 0) {
		(void)socle__socket_undo_new(s);
		return not_delivered(f, fd, err);
	}
	socle__factory_found(f);
	f->made[fd] = s->d.generation;
	if (socle__class_of(s)->flat.event_accepted)
		call_event_accepted(f, s);
	if (!f->internal)
		call_accepted(f, s);
	return 0;
}

static void
deliver_fd(struct socle_factory *f, int fd, const struct socle_addr *peer)
{
	struct socle__callback c;

	socle__factory_count(f);
	socle__factory_callback_begin(f, &c);
	f->p.success(f, fd, peer, f->p.arg);
	socle__factory_callback_end(&c);
}

int
socle__factory_deliver(
	struct socle_factory *f, int fd, const struct socle_addr *peer)
{
	if (socle__factory_makes_objects(f))
		return socle__factory_deliver_object(f, fd);
	if (!f->p.success)
		return not_delivered(f, fd, 0);
	deliver_fd(f, fd, peer);
	return 0;
}

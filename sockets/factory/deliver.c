/* Delivering a socket to the application. */
#include "sockets/factory/deliver.h"

#include "sockets/factory/bind.h"
#include "sockets/factory/count.h"
#include "sockets/factory/report.h"
#include "sockets/init.h"

#include "seam.h"

static void
call_accepted(struct socle_factory *f, struct socle_socket *s)
{
	struct socle__callback c;

	if (socle__class_of(s)->flat.event_accepted) {
		socle__object_callback_begin(s, &c, SOCLE__ITEM_ACCEPTED);
		socle__class_of(s)->flat.event_accepted(s, f);
		socle__callback_end(socle__reactor, &c);
		if (socle__is_forked(socle__reactor))
			return;
	}
	if (f->internal || !f->p.accepted || socle__factory_is_freed(f))
		return;
	socle__factory_callback_begin(f, &c);
	f->p.accepted(f, s, f->p.arg);
	socle__factory_callback_end(&c);
}

static int
deliver_object(struct socle_factory *f, int fd)
{
	struct socle_socket *s;
	int err = (size_t)fd < f->made_size
		? 0
		: socle__factory_made_reserve(f, fd);

	if (err == 0)
		err = socle__socket_new(
			f->cls, fd, SOCLE__KNOWN_SOCKET | SOCLE__USER_READ, &s);
	if (err < 0)
		return err;
	if (f->type != SOCK_STREAM)
		socle__socket_has_messages(s);
	if ((err = socle__factory_count_object(f, s)) < 0) {
		(void)socle__socket_undo_new(s);
		return err;
	}
	f->made[fd] = s->d.generation;
	socle__factory_count(f);
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
	int err = 0;

	if (socle__factory_makes_objects(f)) {
		err = deliver_object(f, fd);
		if (err == 0)
			return 0;
	} else if (f->p.success) {
		deliver_fd(f, fd, peer);
		return 0;
	}
	sys_close(fd);
	if (f->kind != SOCLE__LISTENER)
		socle__factory_unlink(f);
	return err;
}

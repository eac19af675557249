/*
 * The public functions of factories, and freeing them.
 *
 * A freed factory calls no callback.  Its memory is released when no handler
 * is on the stack, because it may be freed inside its own callbacks.
 */
#include "sockets/factory/new.h"

#include "reactor/map.h"
#include "reactor/reactor.h"
#include "reactor/turns.h"
#include "sockets/factory/accept.h"
#include "sockets/factory/adopt.h"
#include "sockets/factory/connector.h"
#include "sockets/factory/count.h"
#include "sockets/factory/make.h"
#include "sockets/factory/resolve.h"

#include "seam.h"

static void
factories_reset(struct socle__reactor *r)
{
	while (r->factories)
		socle_factory_free(r->factories);
}

static const struct socle__part factories_part = {.reset = factories_reset};

SOCLE__CONSTRUCTOR int
socle__factory_new(
	const struct socle_factory_params *p, struct socle_factory **ret)
{
	struct socle__reactor *r = socle__reactor_get();
	struct socle_factory *f;
	int err = r ? socle__factory_make(p, &f) : -ENOMEM;

	if (err < 0)
		return err;
	f->next = r->factories;
	f->link = &r->factories;
	if (f->next)
		f->next->link = &f->next;
	r->factories = f;
	socle__part_register(r, SOCLE__PART_FACTORIES, &factories_part);
	*ret = f;
	return 0;
}

static bool
has_callbacks(const struct socle_factory_params *p)
{
	return p->failure && (p->success || (p->accepted && p->accept_class));
}

SOCLE__CONSTRUCTOR int
socle_factory_new(
	const struct socle_factory_params *p, struct socle_factory **ret)
{
	struct socle_factory *f;
	int err = has_callbacks(p) ? socle__factory_new(p, &f) : -EINVAL;

	if (err < 0)
		return err;
	if (p->has_listen_fd && (err = socle__listener_adopt(f)) < 0) {
		socle_factory_free(f);
		return err;
	}
	f->err = p->has_listen_fd ? 0 : socle__factory_start(f);
	if (f->err < 0)
		socle__timers_add(&socle__reactor->timers, &f->event.node, 0);
	*ret = f;
	return 0;
}

void
socle_factory_set_events(
	struct socle_factory *f, const struct socle_factory_params *events)
{
	static const struct socle_factory_params none;

	if (!events)
		events = &none;
	f->p.success = events->success;
	f->p.accepted = events->accepted;
	f->p.failure = events->failure;
	f->p.arg = events->arg;
	f->internal = false;
}

int
socle_factory_getsockname(const struct socle_factory *f, struct socle_addr *ret)
{
	struct socle_addr a = {.len = sizeof(a.u)};

	if (socle__factory_is_freed(f) || f->d.fd < 0)
		return -EBADF;
	if (sys_getsockname(f->d.fd, &a.u.sa, &a.len) < 0)
		return -errno;
	*ret = a;
	return 0;
}

void *
socle_factory_arg(const struct socle_factory *f)
{
	return f->p.arg;
}

uint64_t
socle_factory_id(const struct socle_factory *f)
{
	return f->id;
}

void
socle_pause_accept(struct socle_factory *f)
{
	f->paused = true;
	socle__listener_interest(f);
}

void
socle_resume_accept(struct socle_factory *f)
{
	f->paused = false;
	socle__listener_interest(f);
}

/* ---- freeing ---- */

void
socle_factory_free(struct socle_factory *f)
{
	if (!f || socle__factory_is_freed(f))
		return;
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	socle__connector_stop(f);
	if (f->kind == SOCLE__LISTENER)
		socle__listener_stop(f);
	socle__listener_give_back(f);
	if (f->d.fd >= 0) {
		socle__descriptor_close(&f->d);
		return;
	}
	f->d.bits |= SOCLE__CLOSED;
	socle__turn_ask(&f->d, SOCLE__TURN_DESTROY);
}

static void
factory_reap(struct socle_descriptor *d)
{
	socle__factory_unref((struct socle_factory *)(void *)d);
}

static void
factory_reset(struct socle_descriptor *d)
{
	socle_factory_free((struct socle_factory *)(void *)d);
}

/*
 * In a child: only the parent removes the file of a unix socket, and restores
 * the mode of a socket that it goes on sharing.
 */
static void
factory_forked(struct socle_descriptor *d)
{
	struct socle_factory *f = (struct socle_factory *)(void *)d;

	f->path[0] = '\0';
	f->was_blocking = false;
}

const struct socle__descriptor_ops socle__factory_ops = {
	.ready = socle__listener_ready,
	.read = socle__listener_read,
	.turn = socle__listener_turn,
	.reap = factory_reap,
	.reset = factory_reset,
	.forked = factory_forked,
};

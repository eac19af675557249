/*
 * The factory as an object: what it tells, what it hands over, its end.
 *
 * Nothing is told inside socle_factory_new(), and nothing after
 * socle_factory_free().  Whatever calls back looks afterwards whether the
 * factory is over; its memory stays until no tick is on the stack, and longer
 * if it counts objects that live.
 */
#include "sockets/factory/private.h"

#include "seam.h"

#include <stdio.h>
#include <string.h>

/* ---- telling ---- */

struct told {
	struct socle__call call;
	bool counted;
};

static void
told_begin(struct told *t, struct socle_factory *f)
{
	struct socle__loop *l = socle__loop;

	socle__user_begins(l);
	t->counted = !f->library &&
		socle__call_begin(&l->profile, &t->call, NULL,
			SOCLE__ITEM_ACCEPTED, "Factory",
			f->d.fd < 0 ? NULL : &f->d);
}

static void
told_end(struct told *t)
{
	struct socle__loop *l = socle__loop;

	socle__call_end(&l->profile, &t->call, t->counted);
	socle__user_ends(l);
}

void
socle__factory_tell(struct socle_factory *f, const char *operation, int err)
{
	struct socle_failure why = {
		.operation = operation, .err = err, .id = f->id};
	struct told t;

	if (!f->p.failure || socle__factory_is_over(f))
		return;
	snprintf(why.errstr, sizeof(why.errstr), "%s", strerror(-err));
	told_begin(&t, f);
	f->p.failure(f, &why, f->p.arg);
	told_end(&t);
}

void
socle__factory_tell_attempt(
	struct socle_factory *f, const struct socle_addr *to, int err)
{
	struct told t;

	if (!f->p.attempt || socle__factory_is_over(f))
		return;
	told_begin(&t, f);
	f->p.attempt(f, to, err, f->p.arg);
	told_end(&t);
}

void
socle__factory_fail(struct socle_factory *f, const char *operation, int err)
{
	socle__connector_stop(f);
	socle__factory_tell(f, operation, err);
}

/* ---- handing over ---- */

/* It has an owner now. */
static void
handed_over(struct socle_factory *f)
{
	f->short_of = false;
	if (f->kind != SOCLE__LISTENER || f->p.max_connections <= 0)
		return;
	f->live++;
	socle__listener_interest(f);
}

/* The object tells when it is gone, to a factory that is freed too. */
static int
count_object(struct socle_factory *f, struct socle_socket *s)
{
	if (f->kind != SOCLE__LISTENER || f->p.max_connections <= 0)
		return 0;
	if (!socle__extra_get(s))
		return -ENOMEM;
	s->extra->maker = f;
	f->references++;
	return 0;
}

static int
deliver_object(struct socle_factory *f, int fd)
{
	struct socle__held_call call;
	struct socle_socket *s;
	struct told t;
	int err;

	err = socle__socket_new(f->p.accept_class, fd, SOCLE__KNOWN_SOCKET, &s);
	if (err < 0)
		return err;
	if ((err = count_object(f, s)) < 0) {
		(void)socle__socket_unmake(s);
		return err;
	}
	handed_over(f);
	socle_watch_read(s, true);
	socle__held_begin(s, &call, SOCLE__ITEM_ACCEPTED);
	socle__class_of(s)->flat.event_accepted(s, f);
	socle__held_end(&call);
	if (f->p.accepted && !socle__factory_is_over(f)) {
		told_begin(&t, f);
		f->p.accepted(f, s, f->p.arg);
		told_end(&t);
	}
	socle__descriptor_tell(&s->d);
	return 0;
}

static void
deliver_fd(struct socle_factory *f, int fd, const struct socle_addr *peer)
{
	struct told t;

	handed_over(f);
	told_begin(&t, f);
	f->p.success(f, fd, peer, f->p.arg);
	told_end(&t);
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

void
socle_factory_release(struct socle_factory *f)
{
	if (f->live > 0)
		f->live--;
	socle__listener_interest(f);
}

/* ---- from outside ---- */

int
socle_factory_new(
	const struct socle_factory_params *p, struct socle_factory **ret)
{
	struct socle_factory *f;
	int err = socle__factory_make(p, &f);

	if (err < 0)
		return err;
	f->err = socle__factory_begin(f);
	if (f->err < 0)
		socle__timers_add(&socle__loop->timers, &f->event, 0);
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
	f->library = false;
}

int
socle_factory_getsockname(const struct socle_factory *f, struct socle_addr *ret)
{
	struct socle_addr a = {.len = sizeof(a.u)};

	if (socle__factory_is_over(f) || f->d.fd < 0)
		return -EBADF;
	if (sys_getsockname(f->d.fd, &a.u.sa, &a.len) < 0)
		return -errno;
	*ret = a;
	return 0;
}

uint64_t
socle_factory_id(const struct socle_factory *f)
{
	return f->id;
}

/* ---- the end ---- */

static void
let_go(struct socle_factory *f)
{
	if (--f->references > 0)
		return;
	if (f->candidates != &f->remote)
		sys_free(f->candidates);
	sys_free(f->texts);
	sys_free(f);
}

void
socle__factory_lost(struct socle_factory *f)
{
	socle_factory_release(f);
	let_go(f);
}

void
socle__factory_reap(struct socle_descriptor *d)
{
	let_go((struct socle_factory *)(void *)d);
}

void
socle_factory_free(struct socle_factory *f)
{
	if (!f || socle__factory_is_over(f))
		return;
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	socle__connector_stop(f);
	if (f->kind == SOCLE__LISTENER)
		socle__listener_stop(f);
	if (f->d.fd >= 0) {
		socle__descriptor_close(&f->d);
		return;
	}
	f->d.bits |= SOCLE__CLOSED;
	socle__turn_ask(&f->d, SOCLE__TURN_DESTROY);
}

/*
 * Interest.
 *
 * Invariant: `armed' is what the kernel watches.  A descriptor whose `armed'
 * is not its target has an INTEREST turn open.
 */
#include "reactor/interest.h"

#include "reactor/backend.h"
#include "reactor/turns.h"

#include "seam.h"

static inline unsigned
target_of(const struct socle_descriptor *d)
{
	if (socle__likely(!(d->bits & (SOCLE__CLOSED | SOCLE__PARKED))))
		return SOCLE__PRESENT | d->wanted;
	if (d->bits & SOCLE__CLOSED || !(d->fd_flags & SOCLE__FD_LISTENS))
		return 0;
	return SOCLE__PRESENT | SOCLE__EDGES;
}

static int
interest_apply(struct socle__reactor *r, struct socle_descriptor *d)
{
	unsigned target = target_of(d);
	int err;

	if (d->armed == target)
		return 0;
	if ((err = r->backend->set(r, d, target)) < 0)
		return err;
	d->armed = (uint8_t)target;
	return 0;
}

/*
 * Inside a tick the kernel learns of changes once, before the next wait.
 * Outside one it learns at once, because another event loop may be about to
 * wait.  A change that fails there is made again in the next tick, which can
 * report the failure to the object.
 */
static void
interest_changed(struct socle_descriptor *d)
{
	struct socle__reactor *r = socle__reactor;

	if (d->armed == target_of(d))
		return;
	if (r->depth == 0 && !socle__is_forked(r) && interest_apply(r, d) == 0)
		socle__turn_drop(d, SOCLE__TURN_INTEREST);
	else
		socle__turn_ask(d, SOCLE__TURN_INTEREST);
}

void
socle__descriptor_want(struct socle_descriptor *d, unsigned wanted)
{
	unsigned before = d->wanted;

	d->wanted = (uint8_t)wanted;
	if (!(wanted & ~before) && socle__reactor->depth > 0) {
		socle__turn_ask(d, SOCLE__TURN_INTEREST);
		return;
	}
	if (d->bits & SOCLE__END_REPORTED && wanted & ~before)
		d->bits &= ~(uint32_t)(SOCLE__END_REPORTED | SOCLE__PARKED);
	interest_changed(d);
}

void
socle__descriptor_unpark(struct socle_descriptor *d)
{
	d->bits &= ~(uint32_t)(SOCLE__END_REPORTED | SOCLE__PARKED);
	if (!(d->bits & SOCLE__CLOSED))
		interest_changed(d);
}

bool
socle__fd_is_gone(int fd, int err)
{
	return err == -ENOENT ||
		(err == -EBADF && sys_fcntl(fd, F_GETFD, 0) < 0 &&
			errno == EBADF);
}

/*
 * The kernel says that the number is no longer the file that was registered: it
 * belongs to someone else and must not be closed.
 */
static void
not_ours(struct socle_descriptor *d)
{
	d->bits |= SOCLE__KEEP_FD;
	d->bits &= ~(uint32_t)SOCLE__TELL_CLOSING;
}

void
socle__descriptor_disarm(struct socle__reactor *r, struct socle_descriptor *d)
{
	int err = 0;

	if (d->armed && !socle__is_forked(r))
		err = r->backend->set(r, d, 0);
	d->armed = 0;
	if (err < 0 && socle__fd_is_gone(d->fd, err))
		not_ours(d);
}

void
socle__interest_failed(struct socle_descriptor *d, int err)
{
	bool gone = socle__fd_is_gone(d->fd, err);
	bool reported = d->bits & SOCLE__PARKED && !socle__is_listening(d);

	if (gone) {
		not_ours(d);
		socle__descriptor_disarm(socle__reactor, d);
	}
	if (reported)
		return; /* two changes were refused: one report */
	d->bits |= SOCLE__END_REPORTED | SOCLE__PARKED;
	d->fd_flags &= (uint8_t)~SOCLE__FD_LISTENS;
	if (gone)
		err = -EBADF;
	else if (err == -EBADF)
		err = -EPIPE; /* a pipe whose reader has gone */
	interest_changed(d);
	d->ops->ready(d, SOCLE_ERR, err);
}

void
socle__interest_update(struct socle__reactor *r, struct socle_descriptor *d)
{
	int err = interest_apply(r, d);

	if (err < 0)
		socle__interest_failed(d, err);
}

void
socle__interest_rearm_all(struct socle__reactor *r)
{
	for (size_t fd = 0; fd < r->map_size; fd++) {
		struct socle_descriptor *d = r->map[fd];

		if (!d)
			continue;
		d->armed = 0;
		if (!(d->bits & SOCLE__CLOSED))
			interest_changed(d);
	}
}

/* What an edge does: it ends the parking, and the kernel reports levels again. */
void
socle__interest_renew_edges(struct socle__reactor *r)
{
	for (const struct socle__event *e = r->next; e != r->end; e++) {
		struct socle_descriptor *d =
			socle__descriptor_at(r, socle__cookie_fd(e->cookie));

		if (d && socle__cookie(d) == e->cookie &&
			socle__is_listening(d) && e->ready & d->wanted)
			socle__descriptor_unpark(d);
	}
}

/*
 * An event came for a registration that no descriptor has, although none was
 * removed since the wait: the kernel still watches an open file that left the
 * loop, through a copy of its fd.  epoll forgets it only with the whole set.
 */
void
socle__interest_stale(struct socle__reactor *r, int fd)
{
	if (r->removed)
		return;
	if (r->backend->forget) {
		r->backend->forget(r, fd);
		return;
	}
	socle__batch_drop(r);
	if (r->backend->reopen(r) == 0)
		socle__interest_rearm_all(r);
}

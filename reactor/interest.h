/* Interest: what a descriptor's owner wants watched, and telling the kernel. */
#ifndef SOCLE_REACTOR_INTEREST_H
#define SOCLE_REACTOR_INTEREST_H

#include "reactor/state.h"

/* Sets what the owner wants watched; the kernel learns it before the wait. */
void socle__descriptor_want(struct socle_descriptor *d, unsigned wanted);

/* Whether it is parked, but reports new input. */
static inline bool
socle__is_listening(const struct socle_descriptor *d)
{
	return d->bits & SOCLE__PARKED && d->fd_flags & SOCLE__FD_LISTENS;
}

/* Something about the descriptor changed: ERR and HUP may be reported again. */
void socle__descriptor_unpark(struct socle_descriptor *d);

static inline void
socle__descriptor_touch(struct socle_descriptor *d)
{
	if (socle__unlikely(d->bits & SOCLE__END_REPORTED))
		socle__descriptor_unpark(d);
}

/* Takes the descriptor out of the poller. */
void socle__descriptor_disarm(
	struct socle__reactor *r, struct socle_descriptor *d);

/* A `take' function: passes a change to the kernel; a failure is event_err. */
void socle__interest_update(
	struct socle__reactor *r, struct socle_descriptor *d);

/*
 * The kernel refused the descriptor's interest: the object gets event_err.  It
 * is parked: the change is not made again until the object is touched.
 */
void socle__interest_failed(struct socle_descriptor *d, int err);

/* Registers every descriptor with a new poller. */
void socle__interest_rearm_all(struct socle__reactor *r);

/*
 * Called before the rest of the batch is dropped.  The kernel reports all events
 * again except edges, so those descriptors are registered again.
 */
void socle__interest_renew_edges(struct socle__reactor *r);

/* An event came for a registration that no descriptor has. */
void socle__interest_stale(struct socle__reactor *r, int fd);

/*
 * Whether an fd is not the file that was registered, after the poller said
 * `err'.  EBADF may also mean that a pipe has lost its reader (NetBSD).
 */
bool socle__fd_is_gone(int fd, int err);

#endif

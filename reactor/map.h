/* The descriptor map: registering a descriptor with the reactor, and its end. */
#ifndef SOCLE_REACTOR_MAP_H
#define SOCLE_REACTOR_MAP_H

#include "reactor/state.h"

/*
 * Registers `fd' under a new generation; nothing is wanted yet.  With `ask' the
 * poller is asked at once whether it accepts the fd.  0, or -errno with nothing
 * changed: -EEXIST, -ENOMEM, or what the poller said.  requires: fd >= 0
 */
int socle__descriptor_add(struct socle__reactor *r, struct socle_descriptor *d,
	const struct socle__descriptor_ops *ops, int fd, unsigned bits,
	bool ask);

/*
 * The same with READ wanted and nothing else, so READ goes to `read'.  The
 * poller learns of it at once; its refusal comes later, as that of a change does.
 */
int socle__descriptor_add_reading(struct socle__reactor *r,
	struct socle_descriptor *d, const struct socle__descriptor_ops *ops,
	int fd, unsigned bits);

/*
 * The object is the library's own: it is not counted among the application's, and
 * the application does not find it in the descriptor map.  requires: it is open
 */
void socle__descriptor_hide(struct socle_descriptor *d);

/* No further event; the fd is closed at the end of the tick, then reaped. */
void socle__descriptor_close(struct socle_descriptor *d);

/* The same, but the fd leaves the loop now and belongs to the caller. */
int socle__descriptor_detach(struct socle_descriptor *d);

/*
 * A `take' function: removes the descriptor from poller and map and closes
 * the fd unless it has KEEP_FD.
 */
void socle__descriptor_close_fd(
	struct socle__reactor *r, struct socle_descriptor *d);

/* The same, and releases the memory.  requires: destroy may be called */
void socle__descriptor_close_and_reap(
	struct socle__reactor *r, struct socle_descriptor *d);

/*
 * Gives back memory of the map and of the backend that the present descriptors
 * do not need.  requires: the batch is used up
 */
void socle__map_shrink(struct socle__reactor *r);

#endif

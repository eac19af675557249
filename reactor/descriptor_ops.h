/*
 * A descriptor's registration, and the functions that the struct that embeds it
 * provides for events.
 *
 * The reactor owns the generation, the interest and the parking of a
 * descriptor.  The embedding struct owns the meaning of its events.  The
 * reactor calls it only through struct socle__descriptor_ops.
 */
#ifndef SOCLE_REACTOR_DESCRIPTOR_OPS_H
#define SOCLE_REACTOR_DESCRIPTOR_OPS_H

#include "reactor/descriptor.h"

#include <stdbool.h>

/* In `armed': the kernel watches this fd, and reports ERR and HUP for it. */
enum {
	SOCLE__PRESENT = 0x80,
	SOCLE__EDGES = 0x40 /* with PRESENT alone: only when input arrives */
};

/* In `fd_flags', with the owner's flags. */
enum {
	SOCLE__FD_LISTENS = 0x80, /* while parked, new input is reported */
	/* the write end of a pipe: what is unread is for its reader */
	SOCLE__FD_WRITE_ONLY = 0x40,
	SOCLE__FD_NO_SOCKET = 0x20,
	SOCLE__FD_NO_IDLE = 0x10 /* kqueue: no filter waits for its end alone */
};

/* struct socle_descriptor.bits: the reactor's, then the embedding struct's */
enum {
	SOCLE__APPLICATION = 1 << 0,  /* counts as a watched socket */
	SOCLE__CLOSED = 1 << 1,       /* gets no further event */
	SOCLE__KEEP_FD = 1 << 2,      /* the library must not close the fd */
	SOCLE__END_REPORTED = 1 << 3, /* ERR or HUP was, and nothing since */
	SOCLE__PARKED = 1 << 4,       /* out of the poller until touched */
	SOCLE__INDIRECT = 1 << 5,     /* READ alone goes to `ready' too */
	SOCLE__TELL_CLOSING = 1 << 6, /* the ops' `closing' precedes close(2) */
	SOCLE__REACTOR_BITS = (1 << 7) - 1,
	SOCLE__OWNER_SHIFT = 7 /* the embedding struct's bits start here */
};

/* The phases of the tick that a descriptor can request, one at a time. */
enum {
	SOCLE__TURN_FLUSH = 1,       /* queued writes to be flushed */
	SOCLE__TURN_INTEREST = 2,    /* the kernel has to learn of a change */
	SOCLE__TURN_PUSHED_BACK = 4, /* pushed-back data to be read */
	SOCLE__TURN_CLOSE = 8,       /* the fd waits to be closed */
	SOCLE__TURN_DESTROY = 16,    /* the memory can be released */
	SOCLE__TURN_FD_FREED = 32,   /* waits for the library to close an fd */
	SOCLE__TURN_LOG = 64,        /* messages are kept for the log hook */
	SOCLE__TURN_MARK = 128       /* not a turn: a place in the list */
};
enum { SOCLE__TURNS = 7 };

/* A NULL slot is for an event or a turn that the descriptor never gets. */
struct socle__descriptor_ops {
	/*
	 * Events are ready.  `err' is -errno when the poller itself reported
	 * an error along with SOCLE_ERR, else 0.
	 */
	void (*ready)(struct socle_descriptor *d, unsigned ready, int err);
	/* READ alone, without SOCLE__INDIRECT and with profiling off. */
	void (*read)(struct socle_descriptor *d);
	/* Called in a FLUSH, PUSHED_BACK or FD_FREED turn. */
	void (*turn)(struct socle_descriptor *d, unsigned turn);
	/*
	 * With SOCLE__TELL_CLOSING: right before the fd is closed, or left
	 * open for KEEP_FD.
	 */
	void (*closing)(struct socle_descriptor *d, int fd);
	/* Called once the library holds no reference; releases the memory. */
	void (*reap)(struct socle_descriptor *d);
	/* Called in a reset; closes without flushing and without `close'. */
	void (*reset)(struct socle_descriptor *d);
	/* The peer's address for the slow-handler hook, or NULL. */
	const char *(*peer)(struct socle_descriptor *d);
	/* In a child after socle_after_fork(): drops what the parent sends. */
	void (*forked)(struct socle_descriptor *d);
};

#endif

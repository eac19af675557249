/*
 * Backends: the table that each of them fills in, and the code they share.
 *
 * A backend is one file and one table.  It translates the kernel's events into
 * the batch and calls no method.
 */
#ifndef SOCLE_REACTOR_BACKEND_H
#define SOCLE_REACTOR_BACKEND_H

#include "reactor/state.h"

enum {
	SOCLE__READY = SOCLE_READ | SOCLE_WRITE | SOCLE_ERR | SOCLE_HUP,
	SOCLE__REFUSAL_SHIFT = 16 /* struct socle__event.ready: the errno */
};

struct socle__backend {
	const char *name;
	bool has_edges; /* set() knows SOCLE__EDGES */
	/* Sets up r->poller and r->poller_fd; 0 or -errno. */
	int (*open)(struct socle__reactor *r);
	/*
	 * Makes the kernel watch `target' (PRESENT with READ and WRITE, or 0)
	 * instead of d->armed.  0 or -errno.  Removing fails only with -ENOENT
	 * or -EBADF: the fd is not the file that was registered.  Inside a tick
	 * a refusal may come later, in the batch; nothing is watched then.
	 */
	int (*set)(struct socle__reactor *r, struct socle_descriptor *d,
		unsigned target);
	/* Waits and fills r->batch.  0 or -errno; an interruption is 0. */
	int (*wait)(struct socle__reactor *r, int timeout_ms);
	/*
	 * Tells the kernel what set() has kept for the next wait.  Returns the
	 * number of changes that it refused, which fill r->batch.  NULL: set()
	 * keeps nothing.
	 */
	int (*submit)(struct socle__reactor *r);
	/*
	 * An event came for a registration of `fd' that no descriptor has:
	 * makes the kernel forget it.  NULL: only a reopened poller forgets.
	 */
	void (*forget)(struct socle__reactor *r, int fd);
	/* Replaces the poller by a new, empty one; 0 or -errno. */
	int (*reopen)(struct socle__reactor *r);
	/* The map has shrunk: gives back memory for fds beyond it. */
	void (*shrink)(struct socle__reactor *r);
	void (*close)(struct socle__reactor *r);
};

extern const struct socle__backend socle__epoll_backend;
extern const struct socle__backend socle__kqueue_backend;
extern const struct socle__backend socle__poll_backend;

/* Opens the poller unless that has been done; 0 or -errno. */
int socle__backend_open(struct socle__reactor *r);

static inline int
socle__backend_start(struct socle__reactor *r)
{
	return socle__likely(r->backend != NULL) ? 0 : socle__backend_open(r);
}

/* Where the entry of an fd is in an array of the backend. */
struct socle__places {
	size_t *of; /* by fd; 0 until it is set */
	size_t n;
};

/* Reserves memory for `fd'; 0 or -ENOMEM. */
int socle__places_reserve(struct socle__places *p, int fd);

/* Releases the memory for fds from `end' on. */
void socle__places_shrink(struct socle__places *p, size_t end);

/* Reserves memory for `n' events in the batch; 0 or -ENOMEM. */
int socle__batch_reserve(struct socle__reactor *r, size_t n);

/* Releases the memory for more than `n'.  requires: the batch is used up */
void socle__batch_shrink(struct socle__reactor *r, size_t n);

static inline void
socle__batch_add(struct socle__reactor *r, uint64_t cookie, unsigned ready)
{
	r->batch[r->batch_n++] =
		(struct socle__event){.ready = ready, .cookie = cookie};
}

/* A change was refused, or the fd is bad: `err' is an errno. */
static inline void
socle__batch_refusal(struct socle__reactor *r, uint64_t cookie, int err)
{
	socle__batch_add(
		r, cookie, SOCLE_ERR | (unsigned)err << SOCLE__REFUSAL_SHIFT);
}

#endif

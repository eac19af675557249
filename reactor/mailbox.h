/*
 * The mailbox: the part of a reactor that other threads and signal handlers may
 * use.  The public interface calls it struct socle_loop.
 */
#ifndef SOCLE_REACTOR_MAILBOX_H
#define SOCLE_REACTOR_MAILBOX_H

#include "reactor/deferred.h"
#include "reactor/state.h"
#include "timers/timer.h"

#include "system.h"

#include <stdatomic.h>

struct socle_loop {
	atomic_int references;
	atomic_bool detached; /* in a forked child: the fd is the parent's */
	atomic_uint forks;    /* of the process in which its loop exists */
	atomic_bool awake;    /* a wake-up is on its way */
	int wake_fds[2];      /* read and write end; an eventfd is both */
	struct socle__deferred *_Atomic posts; /* newest first */
	struct socle_descriptor wake;
	struct socle_timer again; /* asks the poller again, which refused it */
	/* Called after a wake-up, when a signal is watched. */
	void (*signals)(struct socle_loop *m);
	atomic_bool pending[SOCLE__SIGNALS];
};

/* Makes this reactor's mailbox unless it has one; 0 or -errno. */
int socle__mailbox_open(struct socle__reactor *r);

/*
 * Posts a call, from any thread.  0: the mailbox owns it; -ESHUTDOWN: the
 * caller still does.
 */
int socle__mailbox_put(struct socle_loop *m, struct socle__deferred *call);

/* Moves posted calls to the deferred calls. */
void socle__mailbox_collect(struct socle__reactor *r);

static inline bool
socle__mailbox_has_posts(const struct socle__reactor *r)
{
	return r->mailbox && atomic_load(&r->mailbox->posts) != NULL;
}

#endif

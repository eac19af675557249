/* The mailbox's shape; mailbox.c has its story, signals.c its other user. */
#ifndef SOCLE_REACTOR_MAILBOX_H
#define SOCLE_REACTOR_MAILBOX_H

#include "reactor/core.h"

#include "system.h"

#include <stdatomic.h>

struct socle_loop {
	atomic_int references;
	atomic_bool detached; /* in a forked child: the fd is the parent's */
	atomic_bool awake;    /* a wake-up is on its way */
	int wake_fds[2];      /* read and write end; one eventfd: the same */
	struct socle__later *_Atomic posts; /* newest first */
	struct socle_descriptor wake;
	atomic_bool pending[SOCLE__SIGNALS];
};

#endif

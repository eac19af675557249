/* The log of the process. */
#ifndef SOCLE_REACTOR_LOG_H
#define SOCLE_REACTOR_LOG_H

#include "reactor/turns.h"

#include "system.h"

#include <stdarg.h>
#include <stdbool.h>

/* Logs a message of the library; a hook gets it at the next delivery. */
void socle__log_keep(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Logs a message of the application: calls the hook now, whatever the level. */
void socle__vlog(int level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Reads the level from the environment, unless it is known already. */
void socle__log_level_read(void);

/*
 * Calls the hook for the messages that were kept.  Like a callback, the hook may
 * call anything, so this is called only where the library may run a callback.
 */
void socle__log_deliver_kept(void);

static inline void
socle__log_deliver(const struct socle__reactor *r)
{
	if (socle__unlikely(socle__turns_open(r, SOCLE__TURN_LOG)))
		socle__log_deliver_kept();
}

/* In a child, inside fork(2): drops the messages that the parent delivers. */
void socle__log_forked(struct socle__reactor *r);

extern _Atomic int socle__debug_level; /* known once a reactor was made */

/* The arguments are evaluated only if the message is wanted. */
#define socle__log(level, ...)                                                 \
	do {                                                                   \
		if (socle__unlikely(socle__debug_level >= (level)))            \
			socle__log_keep(level, __VA_ARGS__);                   \
	} while (0)

#endif

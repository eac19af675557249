/* The log of the process. */
#ifndef SOCLE_REACTOR_LOG_H
#define SOCLE_REACTOR_LOG_H

#include "system.h"

#include <stdarg.h>
#include <stdbool.h>

void socle__log_now(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void socle__vlog(int level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
bool socle__log_wanted(int level);

extern _Atomic int socle__debug_level; /* known once a reactor was made */

/* The arguments are evaluated only if the message is wanted. */
#define socle__log(level, ...)                                                 \
	do {                                                                   \
		if (socle__unlikely(socle__debug_level >= (level)))            \
			socle__log_now(level, __VA_ARGS__);                    \
	} while (0)

#endif

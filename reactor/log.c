/*
 * The log of the process: one hook, one level.  The default hook is the only
 * place where the library writes to a file that it does not own.
 */
#include "reactor/log.h"

#include "reactor/loop.h"

#include "seam.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 1024, LEVEL_UNSET = -1 };

static void (*log_fn)(int level, const char *message, void *arg);
static void *log_arg;
_Atomic int socle__debug_level = LEVEL_UNSET;

static int
level_now(void)
{
	const char *text;

	if (socle__likely(socle__debug_level != LEVEL_UNSET))
		return socle__debug_level;
	text = getenv("SOCLE_DEBUG");
	socle__debug_level = text && *text ? (int)strtol(text, NULL, 10) : 0;
	if (text && *text && socle__debug_level <= 0)
		socle__debug_level = strcmp(text, "0") == 0 ? 0 : 1;
	return socle__debug_level;
}

bool
socle__log_wanted(int level)
{
	return level <= level_now();
}

static void
log_to_stderr(const char *message)
{
	char line[LONGEST + 8];
	int n = snprintf(line, sizeof(line), ">>> %s\n", message);

	(void)!sys_write(STDERR_FILENO, line, (size_t)n);
}

void
socle__vlog(int level, const char *fmt, va_list ap)
{
	char message[LONGEST];
	size_t n;

	if (!socle__log_wanted(level))
		return;
	vsnprintf(message, sizeof(message), fmt, ap);
	n = strlen(message);
	if (n > 0 && message[n - 1] == '\n')
		message[n - 1] = '\0';
	if (log_fn)
		log_fn(level, message, log_arg);
	else
		log_to_stderr(message);
}

void
socle__log_now(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	socle__vlog(level, fmt, ap);
	va_end(ap);
}

void
socle_debug_msg(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	socle__vlog(0, fmt, ap);
	va_end(ap);
}

void
socle_set_log(void (*fn)(int level, const char *message, void *arg), void *arg)
{
	log_fn = fn;
	log_arg = arg;
}

void
socle_set_debug_level(int level)
{
	socle__debug_level = level < 0 ? 0 : level;
}

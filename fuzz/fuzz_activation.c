/*
 * LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, a line each; a line that is missing is
 * a variable that is not set.  The result is that of a parser which is written in
 * another way.
 */
#include "fuzz/fuzz.h"

#include "sockets/factory/passed.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { SELF = 4711, FIRST = 3 };

/* The line's own copy, or NULL; *rest is what follows it. */
static char *
next_line(const char **rest)
{
	const char *line = *rest;
	size_t n;

	if (!line)
		return NULL;
	n = strcspn(line, "\n");
	*rest = line[n] ? line + n + 1 : NULL;
	return fuzz_text(line, n);
}

/* In digits alone, and an int; else -1. */
static intmax_t
int_of(const char *text)
{
	intmax_t n = strtoimax(text, NULL, 10);

	if (!*text || strspn(text, "0123456789") != strlen(text))
		return -1;
	return n > INT_MAX ? -1 : n;
}

static size_t
colons(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == ':';
	return n;
}

static int
expected(const char *pid, const char *fds, const char *names)
{
	intmax_t of, n;

	if (!pid || !fds)
		return 0;
	of = int_of(pid);
	n = int_of(fds);
	if (of != SELF)
		return of < 0 ? -EINVAL : 0;
	if (n < 0 || n > INT_MAX - FIRST - 1)
		return -EINVAL;
	return names && n > 0 && colons(names) + 1 != (uintmax_t)n ? -EINVAL
								   : (int)n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	const char *rest = text;
	char *pid = next_line(&rest), *fds = next_line(&rest);
	char *names = next_line(&rest);
	int n = socle__passed_parse(pid, fds, names, SELF);

	HOLDS(n == expected(pid, fds, names));
	free(pid);
	free(fds);
	free(names);
	free(text);
	return 0;
}

/*
 * The seam bound to libc, for targets that replace a call of it; and what a
 * fault does under a fuzzer.
 */
#include "fuzz/fuzz.h"

#include "seam.h"

#include <stdio.h>

#define REAL(result, name, params, args)                                       \
	static result real_##name params                                       \
	{                                                                      \
		return name args;                                              \
	}
#define REAL_FIELD(result, name, params, args) .name = real_##name,
#define SHAPE_FIELD(result, name, params, args) .name = socle__libc_##name,

SOCLE__SEAM_CALLS(REAL)

struct socle__seam socle__seam = {
	/* clang-format off */
	SOCLE__SEAM_CALLS(REAL_FIELD)
	SOCLE__SEAM_SHAPES(SHAPE_FIELD)
		/* clang-format on */
		.freeaddrinfo = freeaddrinfo,
	.free = free,
	.unix_full = SOCLE__UNIX_FULL,
	.accept_drops = SOCLE__ACCEPT_DROPS,
	.send_hides_error = SOCLE__SEND_HIDES_ERROR,
};

noreturn void
fuzz_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, what);
	abort();
}

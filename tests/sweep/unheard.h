/*
 * Errors that the program does not receive, because the library can do without
 * the call: each with the reason.
 */
#ifndef SOCLE_TESTS_SWEEP_UNHEARD_H
#define SOCLE_TESTS_SWEEP_UNHEARD_H

#include "tests/support/site_faults.h"

/* Why `err' at this place may be unheard; NULL: it must be reported. */
const char *why_unheard(const struct socle__site *s, int err);

/* Why this error cannot come here; NULL: it can. */
const char *why_impossible(const struct socle__site *s, int err);

/* Why the call may be repeated often while it fails; NULL: it must not be. */
const char *why_repeated(const struct socle__site *s);

/* Why no scene can reach the place; NULL: one must. */
const char *why_unreached(const struct socle__site *s);

#endif

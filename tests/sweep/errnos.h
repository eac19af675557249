/*
 * The errors that each call of the seam can return, from the manual pages of
 * Linux and the BSDs.  Errors that only a mistake of the library can cause are
 * left out, except where the system can cause them as well: EINVAL, EPERM,
 * EOPNOTSUPP and the like, where an option, a filter of system calls or a file
 * system is missing.  So are those of epoll_ctl(2) and kevent(2) that say that
 * the fd is another file by now (ENOENT, EEXIST, EPERM): a kernel that says so
 * while the fd is unchanged contradicts itself; test_own_fds.c and
 * test_stale.c make that happen.
 */
#ifndef SOCLE_TESTS_SWEEP_ERRNOS_H
#define SOCLE_TESTS_SWEEP_ERRNOS_H

#include "tests/support/site_faults.h"

enum { ERRORS_MOST = 16 };

/* Ends with 0; empty: the call is not made to fail. */
const int *errnos_of(enum call which);

/* Why a call has no errors; NULL: it has some. */
const char *why_not_failed(enum call which);

/* Whether it moves bytes of a stream or a file, and may move fewer. */
bool moves_bytes(enum call which);

/* Errors that only mean "again" or "later" and need not be reported. */
bool is_temporary(enum call which, int err);

/* Errors that may last, because something is short. */
bool is_shortage(int err);

/*
 * How often in a row the error may come here at most, -1: for ever.  No kernel
 * interrupts a call for ever, and each of them is simply repeated.
 */
long most_in_a_row(const struct socle__site *s, int err);

#endif

/*
 * For the tests of connecting: AF_UNIX listeners whose backlog is full, and a
 * kernel that refuses connections to them, as all but Linux do.
 */
#ifndef SOCLE_TESTS_FULL_UNIX_H
#define SOCLE_TESTS_FULL_UNIX_H

#include "tests/support/fixture.h"

enum { FULL_UNIX_CLIENTS = 512 }; /* OpenBSD takes 241 */

struct full_unix {
	int fd, n;
	int waiting[FULL_UNIX_CLIENTS];
};

/* A listener at `path' whose backlog is full. */
void full_unix_begin(struct full_unix *u, const char *path);
/* Accepts a client and closes it, so that there is room for one. */
void full_unix_make_room(struct full_unix *u);
void full_unix_end(struct full_unix *u, const char *path);

/*
 * From now on the library's connect(2) fails with ECONNREFUSED for a full
 * backlog, until full_unix_is_as_here().
 */
void full_unix_is_refused(void);
void full_unix_is_as_here(void);

#endif

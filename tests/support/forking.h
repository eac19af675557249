/*
 * For the tests of fork: children that do one thing and report the result, and
 * whether the parent notices.
 */
#ifndef SOCLE_TESTS_FORKING_H
#define SOCLE_TESTS_FORKING_H

#include "tests/support/fixture.h"

#include <stdio.h>

/*
 * cmocka does not run in a child: a function returns 0, or the line that
 * failed.
 */
#define CHECK(truth)                                                           \
	do {                                                                   \
		if (!(truth)) {                                                \
			dprintf(2, "child, line %d: %s\n", __LINE__, #truth);  \
			return 1;                                              \
		}                                                              \
	} while (0)

/* Forks a child that exits with what fn(p) returns; after 60 s it is killed. */
pid_t child_start(int (*fn)(struct probe *p), struct probe *p);
/* Waits for the child, which must exit with 0. */
void child_wait(pid_t pid);
/* child_start() and child_wait(). */
void child_run(int (*fn)(struct probe *p), struct probe *p);

/* An object with fds[0] of a new pair, which the kernel watches for reading. */
struct probe *reader_of(int fds[2]);
/* A byte from its peer wakes the loop and is read. */
void assert_serves(struct probe *p, int peer);

/* A handler of socle_signal(): notes "signal". */
void note_signal(int signo, void *arg);

#endif

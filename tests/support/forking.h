/*
 * For the tests of fork: children that do one thing and report the result, and
 * whether the parent notices.
 */
#ifndef SOCLE_TESTS_FORKING_H
#define SOCLE_TESTS_FORKING_H

#include "tests/support/fixture.h"

#include <stdio.h>

/* In a child there is no cmocka: a function of it returns 0 or a line. */
#define CHECK(truth)                                                           \
	do {                                                                   \
		if (!(truth)) {                                                \
			dprintf(2, "child, line %d: %s\n", __LINE__, #truth);  \
			return 1;                                              \
		}                                                              \
	} while (0)

/* Forks a child that exits with what fn(p) returns; after 10 s it is killed. */
pid_t child_start(int (*fn)(struct probe *p), struct probe *p);
/* Until it has exited, which must be with 0. */
void child_wait(pid_t pid);
/* Both. */
void child_run(int (*fn)(struct probe *p), struct probe *p);

/* An object of fds[0] of a pair, that reads; the kernel knows. */
struct probe *reader_of(int fds[2]);
/* A byte from its peer wakes the loop and is read. */
void assert_serves(struct probe *p, int peer);

/* A handler of socle_signal(): notes "signal". */
void note_signal(int signo, void *arg);

#endif

/*
 * For the tests of the loop: how long it waited, and callbacks that stop it or
 * note that they ran.
 */
#ifndef SOCLE_TESTS_LOOPING_H
#define SOCLE_TESTS_LOOPING_H

#include "tests/support/fixture.h"

/* From now on time is virtual; this is when. */
extern double began;
void time_begins(void);
/* So much has passed since; a microsecond more or less. */
void assert_waited(double seconds);

/* A post-loop callback: ends the loop when the int of `arg' has come to 0. */
bool count_down(void *arg);
/* A timer, a deferred or a posted call: stops the loop. */
void stop(void *arg);
/* The same: the bool of `arg' becomes true. */
void set_flag(void *arg);
/* For socle_run_until(): the bool of `arg'. */
bool get_flag(void *arg);

/* Whether the other end of a stream was closed and nothing is left to read. */
bool at_end(int fd);

#endif

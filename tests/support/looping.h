/*
 * For the tests of the loop: how long it waited, and callbacks that stop it or
 * note that they ran.
 */
#ifndef SOCLE_TESTS_LOOPING_H
#define SOCLE_TESTS_LOOPING_H

#include "tests/support/fixture.h"

/* From now on time is virtual; `began' is the start. */
extern double began;
void start_virtual_time(void);
/* `seconds' have passed since then, to within a microsecond. */
void assert_waited(double seconds);

/*
 * A post-loop callback: counts the int in `arg' down, and ends the loop at 0.
 */
bool count_down(void *arg);
/* For timers, deferred and posted calls: stops the loop. */
void stop(void *arg);
/* The same: sets the bool in `arg'. */
void set_flag(void *arg);
/* For socle_run_until(): the bool in `arg'. */
bool get_flag(void *arg);

/* Whether the peer has closed the stream and nothing is left to read. */
bool at_end(int fd);

#endif

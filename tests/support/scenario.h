/*
 * A program that uses the whole of the core, for the sweeps of faults: its
 * guarantees must hold whichever call fails under it.
 *
 * Two listeners, TCP and AF_UNIX, serve three clients that send a pattern and
 * want it back. Beside them run a pipe between two objects, timers, an other
 * fd, deferred and posted calls, a signal, idle and stalled objects, objects
 * whose peers closed, a stolen socket, a nested loop, and profiling. Time is
 * virtual. A call that is refused is made again, as a program would.
 *
 * What must hold, whatever faults were armed before the run:
 * - Each client gets back a prefix of what it sent, and all of it unless its
 *   object received an error or was closed with a message in the log.
 * - Parts that no fault struck finish: a fault that strikes n times causes an
 *   error in at most n parts.
 * - Every release, drop and closure is called exactly once.
 * - Once the faults are disarmed, the same loop serves a new client and can be
 *   woken up.
 * - After a reset no fd, block of memory or object is left.
 */
#ifndef SOCLE_TESTS_SCENARIO_H
#define SOCLE_TESTS_SCENARIO_H

#include "tests/support/fixture.h"

/*
 * Runs it once. `strikes' is how often the armed faults may strike; -1: they
 * last, and parts may be missing. Returns NULL, or the guarantee that was
 * broken.
 */
const char *scenario_run(int strikes);

/* Whether the next runs profile; otherwise they do. */
void scenario_profile(bool on);

/*
 * The same for a child of fork(): it continues the loop, leaves inherited
 * objects alone, and serves a client of its own, while the parent serves its
 * client. `arm' is called in the child first.
 */
const char *scenario_fork_run(int strikes, void (*arm)(void));

/*
 * Of the last run: how often the armed faults struck, and how many errors the
 * program received until they were disarmed, as results of calls or as events.
 */
unsigned long scenario_struck(void);
int scenario_heard(void);

/*
 * The number of calls in the last run while faults could strike; in the child
 * for scenario_fork_run().
 */
unsigned long scenario_calls(enum call which);

#endif

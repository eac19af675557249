/*
 * For the tests of the table "What the backends report": a probe that ignores
 * its reports, and ten seconds in which the loop must not spin.
 */
#ifndef SOCLE_TESTS_CELLS_H
#define SOCLE_TESTS_CELLS_H

#include "tests/support/fixture.h"

/* The interest of the object at the time of the event. */
enum watch {
	nothing = 0,
	reading = SOCLE_READ,
	writing = SOCLE_WRITE,
	both = SOCLE_READ | SOCLE_WRITE
};

/* Hooks of a probe. */
void ignore_err(struct probe *p, int err);
void stop_writing(struct probe *p);

/* Ten virtual seconds pass, in at most `waits' waits. */
void ten_seconds_pass(unsigned long waits);

#endif

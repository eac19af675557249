/*
 * The sweeps of faults.  A scene is a program of which each run is the same.
 * sweep() runs it once without faults, to learn which places of the library it
 * reaches, and then once for each of these places, each error that the call can
 * return (errnos.h), once or from then on, and with transfers of one byte.
 *
 * Nothing may crash, leak, hang or spin, and each byte arrives or an error is
 * reported: the scene finds out.  Afterwards the same loop serves another
 * object and waits.  An error that the program does not receive must be one
 * that only means "again", or unheard.h names the place.
 *
 * Places that are reached only after another place has failed fail as well, in
 * runs of both faults.
 */
#ifndef SOCLE_TESTS_SWEEP_H
#define SOCLE_TESTS_SWEEP_H

#include "tests/support/site_faults.h"

#include <stdio.h>

struct result {
	const char *problem; /* the guarantee that was broken; NULL: none */
	int heard;           /* errors that the program received */
};

struct scene {
	const char *name;
	/*
	 * Runs it, in virtual time.  faults_on() starts the part in which faults
	 * strike, and seam_heal() or the return ends it.  `strikes' is how often
	 * they may cause an error, -1: any number of times.  The loop is reset
	 * afterwards.
	 */
	void (*run)(int strikes, struct result *r);
	/* Why any error may be unheard; NULL: unheard.h decides. */
	const char *why_unheard;
};

void faults_on(void);

/* Whether it is an error of an armed fault. */
bool sweep_may_return(int err);

/*
 * How many calls of a place in one scene are tried in the short form.  The long
 * form tries 200.
 */
enum { SWEEP_DEPTH = 6 };

/*
 * Sweeps each of n scenes.  Guarantees that are broken are printed, and the
 * end of the test fails it.
 */
void sweep(const struct scene *scenes, size_t n);
#define SWEEP(scenes) sweep(scenes, sizeof(scenes) / sizeof((scenes)[0]))

/* Random pairs of faults: the error path of one may fail, too. */
void sweep_pairs(const struct scene *s, int runs);

/* Whether SOCLE_TEST_LONG asks for every call of every place. */
bool long_form(void);

/* Of these tests: also tells under which fault a test ended early. */
int sweep_setup(void **state);
int sweep_teardown(void **state);
#define sweep_test(name)                                                       \
	cmocka_unit_test_setup_teardown(name, sweep_setup, sweep_teardown)

/* Prints the sums over all sweeps of this program. */
void sweep_print_sums(void);

/* How many scenes have reached the place. */
int scenes_reaching(const struct socle__site *s);

#endif

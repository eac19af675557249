/*
 * Faults at one place of the library, instead of at any call of a name: beside
 * faults.h, for the sweeps.
 */
#ifndef SOCLE_TESTS_SITE_FAULTS_H
#define SOCLE_TESTS_SITE_FAULTS_H

#include "tests/support/faults.h"
#include "tests/support/sites.h"

/* The places that are linked into this program, each with its number. */
struct socle__site **sites_list(size_t *n);
enum call site_call(const struct socle__site *s);

/*
 * Counts the calls of each place from now on, until seam_heal(); children of
 * fork() count with their parent.
 */
void sites_watch(void);
unsigned long site_calls(const struct socle__site *s);

enum { SHORT = -1 };

/*
 * The nth call (1: the next) from this place fails with `err', as do those after
 * it, `times' in all (-1: for ever); SHORT: it moves one byte at most.  A failed
 * close(2) has closed the fd, and a connect(2) that is interrupted or in
 * progress goes on, as they do.  Two faults can be armed.
 */
void site_fail(
	const struct socle__site *s, unsigned long nth, int err, long times);

/* How often it has struck since sites_watch(). */
unsigned long sites_struck(void);

/* The virtual time from sites_watch() to seam_heal(). */
double sites_seconds(void);

/*
 * More than `most' calls of any place since sites_watch() end the program by
 * SIGABRT: the library spins.
 */
void sites_limit(unsigned long most);
unsigned long sites_calls(void);

#endif

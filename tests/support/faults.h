/*
 * The tests' implementation of the seam: it counts every call of the library
 * and can make calls fail, and its clock may be a virtual one that moves only
 * while the library waits.
 */
#ifndef SOCLE_TESTS_FAULTS_H
#define SOCLE_TESTS_FAULTS_H

#include "seam.h"

#include <stdbool.h>

/* CALL_read, CALL_epoll_ctl, ... one for each name of seam.h */
#define FAULTS_ID(result, name, params, args) CALL_##name,
enum call {
	SOCLE__SEAM_CALLS(FAULTS_ID) SOCLE__SEAM_SHAPES(FAULTS_ID)
	/* of an fd's interest: an epoll_ctl, or an entry in kevent's list */
	CALL_change,
	CALLS
};

extern const char *const call_names[CALLS];

/* Sets all counters to 0, disarms all faults, restores real time. */
void seam_reset(void);

/* How often `which' was called since seam_reset() or seam_count_reset(). */
unsigned long seam_count(enum call which);
void seam_count_reset(void);

/* How often the library waited, with any call. */
unsigned long seam_waits(void);

/* The sum over all system calls, without allocations and clock reads. */
unsigned long seam_system_calls(void);

/*
 * The nth call (1: the next) of `which' fails with `err' without being made, as
 * do the calls after it, `times' in all (-1: for ever). Several faults may be
 * armed.
 */
void seam_fail(enum call which, unsigned long nth, int err, long times);

/*
 * The nth read, write, send, sendto, sendmsg or writev moves one byte at most.
 */
void seam_short(enum call which, unsigned long nth, long times);

/*
 * From now on each change of interest fails with `err', except removals; 0:
 * none fails.
 */
void seam_refuse_changes(int err);

/* Functions called directly before and after each wait; NULL: none. */
void seam_around_waits(void (*before)(void), void (*after)(void));

/* Disarms all faults; counters stay. */
void seam_heal(void);

/* How many armed faults have struck. */
unsigned long seam_struck(void);

/*
 * For sweeps, failing the nth call of any kind: seam_fail_any(n, err) makes the
 * nth call from now on fail if `filter' accepts it; only calls that it accepts
 * are counted. seam_any_count() is their number.
 */
void seam_watch_any(bool (*filter)(enum call which));
void seam_fail_any(unsigned long nth, int err);
unsigned long seam_any_count(void);
enum call seam_any_struck(void); /* which call it was; CALLS: none */

/* Whether qemu runs this program, as set by tools/run-test. */
bool under_qemu(void);

/*
 * qemu does not convert control data that it does not know.  If the machine has
 * another byte order than the host, joined datagrams do not work, and the library
 * is run as on a kernel without them.
 */
bool joined_are_supported(void);

/* Blocks and bytes that the library has allocated and not freed. */
long seam_live_blocks(void);
long seam_live_bytes(void);

/*
 * From now on the library's monotonic clock stands still. A wait in which
 * nothing is ready advances it by the timeout instead of sleeping (a wait
 * without a timeout fails the test). seam_time_add() advances it by hand.
 */
void seam_time_virtual(void);
void seam_time_add(double seconds);
double seam_time(void);

#endif

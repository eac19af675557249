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
	/* of an fd's interest: epoll_ctl, or in kevent's list */
	CALL_change,
	CALLS
};

extern const char *const call_names[CALLS];

/* All counters to 0, no fault armed, real time. */
void seam_reset(void);

/* How often it was called since seam_reset() or seam_count_reset(). */
unsigned long seam_count(enum call which);
void seam_count_reset(void);

/* How often the library waited, whatever with. */
unsigned long seam_waits(void);

/* Sum over all calls that go to the kernel: allocations and clock apart. */
unsigned long seam_system_calls(void);

/*
 * The nth call (1: the next) of `which' fails with `err' without being made;
 * `times' of them do (-1: for ever).  Several faults may be armed.
 */
void seam_fail(enum call which, unsigned long nth, int err, long times);

/*
 * The nth read, write, send, sendto, sendmsg or writev moves one byte at most.
 */
void seam_short(enum call which, unsigned long nth, long times);

/* From now on each change of interest fails so, but for removals; 0: none. */
void seam_refuse_changes(int err);

/* Called directly before and after each wait; NULL: nothing is. */
void seam_around_waits(void (*before)(void), void (*after)(void));

/* Disarms all faults; counters stay. */
void seam_heal(void);

/* How many armed faults have struck. */
unsigned long seam_struck(void);

/*
 * Failing the nth call whatever it is, for sweeps: seam_fail_any(n, err) lets
 * the nth call from now on fail if `filter' says so, and only calls for which
 * it does are counted.  seam_any_count() is how many such calls there were.
 */
void seam_watch_any(bool (*filter)(enum call which));
void seam_fail_any(unsigned long nth, int err);
unsigned long seam_any_count(void);
enum call seam_any_struck(void); /* which one it was; CALLS: none */

/* Whether qemu runs this program, as tools/run-test was told. */
bool under_qemu(void);

/*
 * qemu hands control data that it does not know over as they are, but those of
 * a machine with another byte order: joined datagrams do not work there, and
 * the library is told that the kernel has none.
 */
bool joined_can_be_had(void);

/* Blocks and bytes that the library has allocated and not freed. */
long seam_live_blocks(void);
long seam_live_bytes(void);

/*
 * From now on the library's monotonic clock stands still, and a wait in which
 * nothing is ready moves it on by the time asked for instead of sleeping (one
 * without an end is a failed test).  seam_time_add() moves it by hand.
 */
void seam_time_virtual(void);
void seam_time_add(double seconds);
double seam_time(void);

#endif

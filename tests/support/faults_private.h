/* Shared by the files of the tests' seam. */
#ifndef SOCLE_TESTS_FAULTS_PRIVATE_H
#define SOCLE_TESTS_FAULTS_PRIVATE_H

#include "tests/support/faults.h"

extern bool time_is_virtual;
extern int64_t virtual_ns;
extern _Atomic unsigned long waits_made;
extern int refusal;

extern _Atomic bool kevent_in_use; /* since seam_reset() */

void count(enum call which, int times);
/* Whether a fault is armed for this call. */
bool may_fail(enum call which);
/* Counts a call; true: the call must fail, and errno is set. */
bool fails(enum call which);

/* ---- site_faults.c ---- */

/* Like fails(), for a fault at the place that makes this call. */
bool site_fails(enum call which);
/* Whether this call is to move one byte. */
bool site_is_short(void);
/* Whether the call of this thread has just failed so. */
bool site_struck(enum call which);
void sites_heal(void);

/* ---- waiting.c: the calls that wait, and changes of interest ---- */

int real_poll(struct pollfd *fds, nfds_t n, int ms);
#ifdef __linux__
int real_epoll_ctl(int ep, int op, int fd, struct epoll_event *e);
int real_epoll_wait(int ep, struct epoll_event *e, int n, int ms);
#endif
#if SOCLE__HAVE_KQUEUE
int real_kevent(int kq, const struct kevent *c, int changes, struct kevent *e,
	int events, const struct timespec *t);
#endif

#endif

/*
 * <sys/event.h> for Linux, for the tests only: FreeBSD's declarations for
 * kqueue(2), as far as tests/kqueue/kqueue.c implements them. -Itests/kqueue
 * makes it available under its usual name.
 *
 * The numbers are FreeBSD's, but nothing may depend on them.
 */
#ifndef SOCLE_TESTS_KQUEUE_SYS_EVENT_H
#define SOCLE_TESTS_KQUEUE_SYS_EVENT_H

#include <stdint.h>
#include <time.h>

/* The filters. All but the first two are refused here (EINVAL). */
#define EVFILT_READ (-1)
#define EVFILT_WRITE (-2)
#define EVFILT_AIO (-3)
#define EVFILT_VNODE (-4)
#define EVFILT_PROC (-5)
#define EVFILT_SIGNAL (-6)
#define EVFILT_TIMER (-7)
#define EVFILT_USER (-11)

/* Actions of a change. */
#define EV_ADD 0x0001 /* adds a filter, or changes the values of an old one */
#define EV_DELETE 0x0002  /* removes the filter */
#define EV_ENABLE 0x0004  /* lets the filter report again */
#define EV_DISABLE 0x0008 /* keeps the filter, which reports nothing */

/* Behaviour of a filter, fixed by its first EV_ADD. */
#define EV_ONESHOT 0x0010  /* reported once, then deleted */
#define EV_CLEAR 0x0020    /* reported once for each change of state */
#define EV_RECEIPT 0x0040  /* answers this change with an EV_ERROR, even of 0 */
#define EV_DISPATCH 0x0080 /* reported once, then disabled */

/* Flags of an event. */
#define EV_ERROR 0x4000 /* data is the error of a change */
#define EV_EOF 0x8000   /* the end was reached; a socket's error in fflags */

/* fflags of READ and WRITE: ready once `data' bytes are available. */
#define NOTE_LOWAT 0x0001

struct kevent {
	uintptr_t ident;      /* an fd */
	short filter;         /* EVFILT_ */
	unsigned short flags; /* EV_ */
	unsigned int fflags;
	int64_t data;
	void *udata; /* returned unchanged */
};

#define EV_SET(event, ident_, filter_, flags_, fflags_, data_, udata_)         \
	(*(event) = (struct kevent){.ident = (uintptr_t)(ident_),              \
		 .filter = (filter_),                                          \
		 .flags = (flags_),                                            \
		 .fflags = (fflags_),                                          \
		 .data = (data_),                                              \
		 .udata = (udata_)})

int kqueue(void);
int kevent(int kq, const struct kevent *changes, int nchanges,
	struct kevent *events, int nevents, const struct timespec *timeout);

#endif

/*
 * The calls of the tests' seam that wait, with their virtual time, and those
 * that change interest, which can be made to fail one by one.
 */
#include "tests/support/faults_private.h"

#ifdef KQUEUE_IS_EMULATED
#include "tests/kqueue/kernel_poll.h"
#else
#define kernel_poll poll
#endif

#include <stdio.h>

_Atomic unsigned long waits_made;
int refusal;
_Atomic bool kevent_in_use;
static void (*before_wait)(void);
static void (*after_wait)(void);

unsigned long
seam_waits(void)
{
	return waits_made;
}

void
seam_refuse_changes(int err)
{
	refusal = err;
}

void
seam_around_waits(void (*before)(void), void (*after)(void))
{
	before_wait = before;
	after_wait = after;
}

/* Nothing was ready: virtual time passes. */
static void
pass(int ms)
{
	if (ms < 0) {
		fprintf(stderr, "virtual time: waiting for ever\n");
		abort();
	}
	virtual_ns += (int64_t)ms * 1000000;
}

static void
begin(void)
{
	waits_made++;
	if (before_wait)
		before_wait();
}

static int
end(int found, int ms)
{
	if (time_is_virtual && found == 0)
		pass(ms);
	if (after_wait)
		after_wait();
	return found;
}

/* Some kernels refuse what Linux takes for -1. */
static bool
is_refused(int ms)
{
	if (ms < -1)
		errno = EINVAL;
	return ms < -1;
}

/*
 * Not a wait: a look at one direction of an fd after the other, and with a
 * kqueue at a single fd.
 */
static bool
is_look(const struct pollfd *fds, nfds_t n, int ms)
{
	return ms == 0 &&
		((n == 1 && kevent_in_use) ||
			(n == 2 && fds[0].fd == fds[1].fd));
}

int
real_poll(struct pollfd *fds, nfds_t n, int ms)
{
	if (is_refused(ms))
		return -1;
	if (is_look(fds, n, ms))
		return kernel_poll(fds, n, ms);
	begin();
	return end(kernel_poll(fds, n, time_is_virtual ? 0 : ms), ms);
}

#ifdef __linux__
int
real_epoll_ctl(int ep, int op, int fd, struct epoll_event *e)
{
	if (fails(CALL_change))
		return -1;
	if (refusal && op != EPOLL_CTL_DEL) {
		errno = refusal;
		return -1;
	}
	return epoll_ctl(ep, op, fd, e);
}

int
real_epoll_wait(int ep, struct epoll_event *e, int n, int ms)
{
	if (is_refused(ms))
		return -1;
	begin();
	return end(epoll_wait(ep, e, n, time_is_virtual ? 0 : ms), ms);
}
#endif

#if SOCLE__HAVE_KQUEUE
/* Adjacent entries for one fd are one change. */
static bool
is_another(const struct kevent *c, int i)
{
	return i == 0 || c[i].ident != c[i - 1].ident;
}

/* 0, or the error. */
static int
change_made(int kq, const struct kevent *c, int i)
{
	static _Thread_local int struck;

	if (is_another(c, i))
		struck = fails(CALL_change) ? errno : 0;
	if (struck)
		return struck;
	if (refusal && !(c[i].flags & EV_DELETE))
		return refusal;
	return socle__libc_kevent(kq, &c[i], 1, NULL, 0, NULL) < 0 ? errno : 0;
}

/*
 * Makes the changes one by one, so that each may be refused, like the kernel.
 */
static int
changes_made(int kq, const struct kevent *c, int n, struct kevent *e, int space)
{
	int errors = 0;

	for (int i = 0; i < n; i++) {
		int err = change_made(kq, c, i);

		if (err == 0)
			continue;
		if (errors == space) {
			errno = err;
			return -1;
		}
		e[errors] = c[i];
		e[errors].flags = EV_ERROR;
		e[errors++].data = err;
	}
	return errors;
}

static int
milliseconds(const struct timespec *t)
{
	return t ? (int)(t->tv_sec * 1000 + t->tv_nsec / 1000000) : -1;
}

int
real_kevent(int kq, const struct kevent *c, int changes, struct kevent *e,
	int events, const struct timespec *t)
{
	const struct timespec none = {0};
	int found = 0;

	kevent_in_use = true;
	if (changes == 1 && c->flags & EV_ONESHOT)
		return socle__libc_kevent(
			kq, c, changes, e, events, t); /* a look */
	if (refusal || may_fail(CALL_change)) {
		found = changes_made(kq, c, changes, e, events);
		if (found != 0 || events == 0)
			return found;
		changes = 0;
	}
	for (int i = 0; i < changes; i++)
		count(CALL_change, is_another(c, i));
	if (events == 0)
		return socle__libc_kevent(kq, c, changes, e, events, t);
	begin();
	found = socle__libc_kevent(
		kq, c, changes, e, events, time_is_virtual ? &none : t);
	return end(found, milliseconds(t));
}
#endif

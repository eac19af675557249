/*
 * Hides where libkqueue differs from the kernels, for the tests that run on
 * it; docs/portability.md lists the differences.
 */
#ifdef KQUEUE_KEEPS_FDS

#include "tests/support/fixture.h"

#include <dlfcn.h>
#include <sys/event.h>

static _Thread_local bool in_libkqueue;

static void *
behind_us(const char *name)
{
	void *symbol = dlsym(RTLD_NEXT, name);

	assert_non_null(symbol);
	return symbol;
}

/*
 * libkqueue changes an existing filter only if the change has EV_CLEAR, so the
 * old filter is deleted first. It also returns the requested fflags in events,
 * where the kernels return an error or nothing.
 */
int
kevent(int kq, const struct kevent *c, int changes, struct kevent *e,
	int events, const struct timespec *t)
{
	int (*real)(int, const struct kevent *, int, struct kevent *, int,
		const struct timespec *);
	int found;

	*(void **)&real = behind_us("kevent");
	in_libkqueue = true;
	for (int i = 0; i < changes; i++) {
		struct kevent old = c[i];

		old.flags = EV_DELETE;
		if (c[i].flags & EV_ADD)
			(void)real(kq, &old, 1, NULL, 0, NULL);
	}
	found = real(kq, c, changes, e, events, t);
	in_libkqueue = false;
	for (int i = 0; i < found; i++)
		if (e[i].filter == EVFILT_READ && e[i].fflags == NOTE_LOWAT)
			e[i].fflags = 0;
	return found;
}

/*
 * libkqueue sets the low-water mark on the socket, where accepted sockets
 * inherit it; the kernels' listeners have no mark.
 */
__attribute__((visibility("default"))) int
setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	int (*real)(int, int, int, const void *, socklen_t);
	socklen_t size = sizeof(int);
	int listens = 0;

	if (in_libkqueue && level == SOL_SOCKET && option == SO_RCVLOWAT &&
		getsockopt(fd, level, SO_ACCEPTCONN, &listens, &size) == 0 &&
		listens)
		return 0;
	*(void **)&real = behind_us("setsockopt");
	return real(fd, level, option, value, len);
}

/* libkqueue reads a socket's error, which clears it; the kernels do not. */
__attribute__((visibility("default"))) int
getsockopt(int fd, int level, int option, void *ret, socklen_t *len)
{
	int (*real)(int, int, int, void *, socklen_t *);

	if (in_libkqueue && level == SOL_SOCKET && option == SO_ERROR) {
		*(int *)ret = ECONNRESET;
		return 0;
	}
	*(void **)&real = behind_us("getsockopt");
	return real(fd, level, option, ret, len);
}

#else
typedef int tests__no_libkqueue;
#endif

/*
 * Shared by the tests of the kqueue emulation: a kqueue for each test, and
 * short forms of changes and events.
 *
 * Events are compared as text: R or W, data after R, "e" for EV_EOF, "!errno"
 * for fflags; "R?errno" is an EV_ERROR. A udata that is a text comes first.
 */
#ifndef SOCLE_TESTS_KQUEUE_EVENTS_H
#define SOCLE_TESTS_KQUEUE_EVENTS_H

#include "tests/kqueue/emulation.h"
#include "tests/kqueue/kernels.h"
#include "tests/support/fixture.h"

#include <limits.h>
#include <stdio.h>

enum { ROOM = 16 };

static int kq;

/* No kernel is imitated, unless the test asks for one. */
static inline int
setup(void **state)
{
	kernel_becomes(MANUAL);
	if (fixture_setup(state))
		return -1;
	kq = kqueue();
	return kq < 0;
}

static inline int
teardown(void **state)
{
	if (kq >= 0)
		close(kq);
	return fixture_teardown(state);
}

#define kqueue_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct timespec at_once = {.tv_sec = 0};
static const struct timespec soon = {.tv_nsec = 20000000};

/* One change without space for an answer: 0 or the error. */
static inline int
change_all(int fd, short filter, unsigned flags, unsigned fflags, int64_t data,
	const char *tag)
{
	struct kevent c = {.ident = (uintptr_t)fd,
		.filter = filter,
		.flags = (unsigned short)flags,
		.fflags = fflags,
		.data = data,
		.udata = (void *)(uintptr_t)tag};

	return kevent(kq, &c, 1, NULL, 0, NULL) < 0 ? errno : 0;
}

static inline int
change(int fd, short filter, unsigned flags)
{
	return change_all(fd, filter, flags, 0, 0, NULL);
}

static inline void
add(int fd, short filter)
{
	assert_int_equal(0, change(fd, filter, EV_ADD));
}

static inline void
add_idle(int fd)
{
	assert_int_equal(0,
		change_all(fd, EVFILT_READ, EV_ADD, NOTE_LOWAT, INT_MAX, NULL));
}

static inline void
note_event(const struct kevent *e)
{
	char text[64];
	int n = 0;

	if (e->udata)
		n = snprintf(text, sizeof(text), "%s:", (char *)e->udata);
	text[n++] = e->filter == EVFILT_READ ? 'R' : 'W';
	text[n] = '\0';
	if (e->flags & EV_ERROR)
		note("%s?%d", text, (int)e->data);
	else if (e->filter == EVFILT_READ)
		note("%s%d%s", text, (int)e->data,
			e->flags & EV_EOF ? "e" : "");
	else
		note("%s%s", text, e->flags & EV_EOF ? "e" : "");
	if (e->fflags && !(e->flags & EV_ERROR))
		note("!%d", (int)e->fflags);
}

/* The events of a call without changes, with this space and timeout. */
static inline const char *
events_in(int capacity, const struct timespec *timeout)
{
	struct kevent e[ROOM];
	int n = kevent(kq, NULL, 0, e, capacity, timeout);

	notes_clear();
	if (n < 0)
		note("-%d", errno);
	for (int i = 0; i < n; i++)
		note_event(&e[i]);
	return notes();
}

#define assert_events(text) assert_string_equal(text, events_in(ROOM, &at_once))

static inline bool
readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static inline void
put(int fd, const char *text)
{
	assert_int_equal(strlen(text), write(fd, text, strlen(text)));
}

/* The network may need a moment: waits until poll(2) reports `what'. */
static inline void
await(int fd, short what)
{
	struct pollfd p = {.fd = fd, .events = what};

	assert_int_equal(1, poll(&p, 1, 5000));
}

static inline void
close_pair(int fds[2])
{
	close(fds[0]);
	close(fds[1]);
}

#endif

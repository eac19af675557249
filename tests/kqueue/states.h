/*
 * Shared by the tests of what the kernels answer: a table of states of a file,
 * and for each what the four kernels say of it.
 */
#ifndef SOCLE_TESTS_KQUEUE_STATES_H
#define SOCLE_TESTS_KQUEUE_STATES_H

#include "tests/kqueue/events.h"
#include "tests/kqueue/kernel_poll.h"
#include "tests/kqueue/kernels.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum { KERNELS = 4 };

/*
 * The texts of one question, in the order of the kernels' numbers; `all' for
 * those that differ in nothing. They are as events.h has them, after the
 * refusals: "W?32 R0e".
 */
#define all(text)                                                              \
	{                                                                      \
		text, text, text, text                                         \
	}
#define each(freebsd, netbsd, openbsd, macos)                                  \
	{                                                                      \
		freebsd, netbsd, openbsd, macos                                \
	}

struct state {
	const char *what;
	/* The fd that is looked at, and its peer; -1: it has none */
	void (*make)(int fds[2]);
	void (*happens)(int fds[2]); /* NULL: nothing */
	/* READ and WRITE filters that were there before it happened */
	const char *had[KERNELS];
	const char *added[KERNELS];  /* ... that are added now */
	const char *idle[KERNELS];   /* READ with a mark that nothing reaches */
	const char *polled[KERNELS]; /* poll(2) for IN and OUT */
};

static inline void
add_both(int fd, char *refusals, size_t size)
{
	int r = change(fd, EVFILT_READ, EV_ADD);
	int w = change(fd, EVFILT_WRITE, EV_ADD);
	size_t n = 0;

	refusals[0] = '\0';
	if (r)
		n = (size_t)snprintf(refusals, size, "R?%d ", r);
	if (w)
		snprintf(refusals + n, size - n, "W?%d ", w);
}

static inline const char *
polled(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	int found = kernel_poll(&p, 1, 0);

	notes_clear();
	assert_int_equal(found, p.revents != 0);
	if (p.revents & POLLIN)
		note("IN");
	if (p.revents & POLLOUT)
		note("OUT");
	if (p.revents & POLLHUP)
		note("HUP");
	if (p.revents & POLLERR)
		note("ERR");
	if (p.revents & POLLNVAL)
		note("NVAL");
	return notes();
}

/* ---- what happens in several tables ---- */

static inline void
writes(int fds[2])
{
	put(fds[1], "data");
	await(fds[0], POLLIN);
}

static inline void
is_full(int fds[2])
{
	stuff_fd(fds[0]);
}

static inline struct sockaddr_in
bound(int fd)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);

	assert_int_equal(0, bind(fd, (struct sockaddr *)&a, len));
	assert_int_equal(0, getsockname(fd, (struct sockaddr *)&a, &len));
	return a;
}

/* ---- the answers ---- */

/* The number of texts that are not as expected: 0 or 1. */
static inline int
differs(const struct state *s, const char *question, const char *expected,
	const char *refusals, const char *events)
{
	char text[128];
	size_t n;

	snprintf(text, sizeof(text), "%s%s", refusals, events);
	n = strlen(text);
	if (n > 0 && text[n - 1] == ' ')
		text[n - 1] = '\0';
	if (strcmp(text, expected) == 0)
		return 0;
	print_message("%s, %s, %s: \"%s\", expected \"%s\"\n", kernel()->name,
		s->what, question, text, expected);
	return 1;
}

static inline int
state_differs(const struct state *s)
{
	int fds[2] = {-1, -1}, before, differences, k = (int)kernel()->id - 1;
	char refusals[32];

	s->make(fds);
	before = kq;
	add_both(fds[0], refusals, sizeof(refusals));
	if (s->happens)
		s->happens(fds);
	differences = differs(
		s, "had", s->had[k], refusals, events_in(ROOM, &at_once));
	kq = kqueue();
	add_both(fds[0], refusals, sizeof(refusals));
	differences += differs(
		s, "added", s->added[k], refusals, events_in(ROOM, &at_once));
	close(kq);
	kq = kqueue();
	refusals[0] = '\0';
	if (change_all(fds[0], EVFILT_READ, EV_ADD, NOTE_LOWAT, INT_MAX, NULL))
		snprintf(refusals, sizeof(refusals), "refused ");
	differences += differs(
		s, "idle", s->idle[k], refusals, events_in(ROOM, &at_once));
	close(kq);
	kq = before;
	differences += differs(s, "poll", s->polled[k], "", polled(fds[0]));
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return differences;
}

#define assert_states(kernel_, states)                                         \
	do {                                                                   \
		int differences = 0;                                           \
                                                                               \
		kernel_becomes(kernel_);                                       \
		for (size_t i = 0; i < sizeof(states) / sizeof(*(states));     \
			i++)                                                   \
			differences += state_differs(&(states)[i]);            \
		kernel_becomes(MANUAL);                                        \
		assert_int_equal(0, differences);                              \
	} while (0)

/* A test of a table for each kernel: states_freebsd_has and so on. */
#define STATES_TESTS(states)                                                   \
	static void states##_as_freebsd_has_them(void **state)                 \
	{                                                                      \
		(void)state;                                                   \
		assert_states(FREEBSD, states);                                \
	}                                                                      \
	static void states##_as_netbsd_has_them(void **state)                  \
	{                                                                      \
		(void)state;                                                   \
		assert_states(NETBSD, states);                                 \
	}                                                                      \
	static void states##_as_openbsd_has_them(void **state)                 \
	{                                                                      \
		(void)state;                                                   \
		assert_states(OPENBSD, states);                                \
	}                                                                      \
	static void states##_as_macos_has_them(void **state)                   \
	{                                                                      \
		(void)state;                                                   \
		assert_states(MACOS, states);                                  \
	}

#define STATES_RUN(states)                                                     \
	kqueue_test(states##_as_freebsd_has_them),                             \
		kqueue_test(states##_as_netbsd_has_them),                      \
		kqueue_test(states##_as_openbsd_has_them),                     \
		kqueue_test(states##_as_macos_has_them)

#endif

/*
 * What the emulation of kqueue(2) and poll(2) says as each kernel of datagrams
 * and of files, and how kevent(2) takes changes. Linux only.
 */
#include "tests/kqueue/states.h"
#include "tests/support/dgrams.h"

#include <stdlib.h>

/* ---- datagrams ---- */

static void
empty_datagram_comes(int fds[2])
{
	assert_int_equal(0, send(fds[1], "", 0, 0));
	await(fds[0], POLLIN);
}

static void
port_is_unreachable(int fds[2])
{
	close(fds[1]);
	fds[1] = -1;
	put(fds[0], "anybody?");
	await(fds[0], POLLERR);
}

static void
it_is_shut_down(int fds[2])
{
	assert_int_equal(0, shutdown(fds[0], SHUT_RDWR));
}

/* clang-format off */
static const struct state datagrams[] = {
	{"udp", pair_udp, NULL, all("W"), all("W"), all(""), all("OUT")},
	{"udp, empty datagram", pair_udp, empty_datagram_comes,
		each("W R0", "W R16", "W R16", "W R0"),
		each("W R0", "W R16", "W R16", "W R0"), all(""), all("IN OUT")},
	{"udp, datagram of 4", pair_udp, writes,
		each("W R4", "W R20", "W R20", "W R4"),
		each("W R4", "W R20", "W R20", "W R4"), all(""), all("IN OUT")},
	{"udp, port unreachable", pair_udp, port_is_unreachable,
		all("W R0"), all("W R0"), all("R0"), all("IN OUT")},
	{"udp, shut down", pair_udp, it_is_shut_down,
		all("We R0e"), all("We R0e"), all("R0e"),
		each("IN HUP", "IN OUT", "IN OUT", "IN HUP")},
	{"unix datagrams", pair_dgram, NULL,
		all("W"), all("W"), all(""), all("OUT")},
	{"unix datagrams, peer full", pair_dgram, is_full,
		each("W", "W", "W", ""), each("W", "W", "W", ""), all(""),
		each("OUT", "OUT", "OUT", "")},
};
/* clang-format on */

STATES_TESTS(datagrams)

/* ---- other files ---- */

static void
dev_null(int fds[2])
{
	fds[0] = open("/dev/null", O_RDWR);
}

static void
regular_file(int fds[2])
{
	char path[] = "/tmp/socle-file-XXXXXX";

	fds[0] = mkstemp(path);
	assert_int_equal(0, unlink(path));
	put(fds[0], "data");
	assert_int_equal(0, lseek(fds[0], 0, SEEK_SET));
}

static void
another_queue(int fds[2])
{
	fds[0] = kqueue();
}

/* clang-format off */
static const struct state files[] = {
	{"/dev/null", dev_null, NULL,
		each("W R0", "W R0", "W R0", "R?22 W?22"),
		each("W R0", "W R0", "W R0", "R?22 W?22"),
		each("R0", "R0", "R0", "refused"),
		each("IN OUT", "IN OUT", "IN OUT", "NVAL")},
	{"regular file", regular_file, NULL,
		each("W R4", "W?22 R4", "W R4", "W R4"),
		each("W R4", "W?22 R4", "W R4", "W R4"), all("R4"),
		all("IN OUT")},
	{"queue", another_queue, NULL,
		each("W?22", "W?1", "W?22", "W?22"),
		each("W?22", "W?1", "W?22", "W?22"), all(""), all("")},
};
/* clang-format on */

STATES_TESTS(files)

/* ---- changes ---- */

static void
deleting_of_a_closed_fd_is_not_found_on_macos(void **state)
{
	int fds[2];

	(void)state;
	pair_unix(fds);
	close_pair(fds);
	for (enum kernel_id id = FREEBSD; id <= MACOS; id++) {
		kernel_becomes(id);
		assert_int_equal(id == MACOS ? ENOENT : EBADF,
			change(fds[0], EVFILT_READ, EV_DELETE));
		assert_int_equal(EBADF, change(fds[0], EVFILT_READ, EV_ADD));
	}
	kernel_becomes(MANUAL);
}

static void
a_wrong_timeout_makes_no_change_on_openbsd(void **state)
{
	const struct timespec wrong = {.tv_nsec = -1};
	struct kevent c;
	int fds[2];

	(void)state;
	pair_unix(fds);
	EV_SET(&c, fds[0], EVFILT_READ, EV_ADD, 0, 0, NULL);
	for (enum kernel_id id = FREEBSD; id <= MACOS; id++) {
		kernel_becomes(id);
		assert_int_equal(-1, kevent(kq, &c, 1, NULL, 0, &wrong));
		assert_int_equal(EINVAL, errno);
		assert_int_equal(id == OPENBSD ? ENOENT : 0,
			change(fds[0], EVFILT_READ, EV_DELETE));
	}
	kernel_becomes(MANUAL);
	close_pair(fds);
}

static void
poll_tells_macos_nothing_without_a_question(void **state)
{
	struct pollfd p = {.events = 0};
	int fds[2];

	(void)state;
	pair_pipe(fds);
	close(fds[0]);
	p.fd = fds[1];
	for (enum kernel_id id = FREEBSD; id <= MACOS; id++) {
		kernel_becomes(id);
		assert_int_equal(id != MACOS, kernel_poll(&p, 1, 0));
		assert_int_equal(id == MACOS ? 0 : POLLHUP, p.revents);
	}
	close(fds[1]);
	assert_int_equal(0, kernel_poll(&p, 1, 0));
	kernel_becomes(NETBSD);
	assert_int_equal(1, kernel_poll(&p, 1, 0));
	assert_int_equal(POLLNVAL, p.revents);
	kernel_becomes(MANUAL);
}

static void
poll_waits_through_what_the_kernel_does_not_report(void **state)
{
	struct pollfd p = {.events = POLLIN};

	(void)state;
	p.fd = socket(AF_INET, SOCK_STREAM, 0); /* HUP on Linux */
	kernel_becomes(NETBSD);
	assert_int_equal(0, kernel_poll(&p, 1, 20));
	kernel_becomes(MANUAL);
	close(p.fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STATES_RUN(datagrams),
		STATES_RUN(files),
		kqueue_test(deleting_of_a_closed_fd_is_not_found_on_macos),
		kqueue_test(a_wrong_timeout_makes_no_change_on_openbsd),
		kqueue_test(poll_tells_macos_nothing_without_a_question),
		kqueue_test(poll_waits_through_what_the_kernel_does_not_report),
	};
	return run_tests(tests);
}

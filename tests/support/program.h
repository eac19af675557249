/*
 * Runs the examples as programs, and connects blocking clients to them.
 *
 * The programs are in the directory $EXAMPLES, by default
 * build/plain/examples. Every wait here gives up after some seconds and fails
 * the test.
 */
#ifndef SOCLE_TESTS_PROGRAM_H
#define SOCLE_TESTS_PROGRAM_H

#include "tests/support/fixture.h"

/* Starts it with --port=0 and these (NULL: none), and waits for its port. */
void program_start(const char *name, const char *argument, const char *another);

/* SIGTERM, once; and then it must exit with 0. */
void program_ask_to_stop(void);
void program_stop(void);

/* A test that starts a program: whatever happens, none is left running. */
int program_teardown(void **state);
#define program_test(name)                                                     \
	cmocka_unit_test_setup_teardown(name, fixture_setup, program_teardown)

/* Of the one that was started. */
int program_port(void);

/* A client of it, connected; what it sends goes at once. */
int program_client(void);

/* Reads until the peer has ended or reset, `size' bytes have come, or, when
 * `until' is not NULL, the text ends with it.  Ends it with a NUL: the size
 * counts one for it. */
size_t receive(int fd, char *buf, size_t size, const char *until);

/* The peer ends, with nothing before it, and without a reset. */
void assert_ends(int fd);

/* Raises the limit of open fds; whether there may be n. */
bool fds_may_be(unsigned n);

#endif

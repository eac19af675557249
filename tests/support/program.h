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

/* Some examples need libraries that are not installed everywhere. */
bool program_is_built(const char *name);

/*
 * Starts it with --port=0 and these arguments (NULL: none), and waits for its
 * port.
 */
void program_start(const char *name, const char *argument, const char *another);

/* The same with these arguments alone: up to 14, then NULL. */
void program_start_with(const char *name, const char *const *arguments);

void program_signal(int signo);

/* Sends one SIGTERM; then waits for exit status 0. */
void program_ask_to_stop(void);
void program_stop(void);

/* Teardown of tests that start a program: kills it if it still runs. */
int program_teardown(void **state);
#define program_test(name)                                                     \
	cmocka_unit_test_setup_teardown(name, fixture_setup, program_teardown)

/* The port of the running program. */
int program_port(void);

/* A connected client with TCP_NODELAY. */
int program_client(void);

/*
 * Reads until the peer ends or resets the stream, `size' - 1 bytes have arrived
 * or, if `until' is not NULL, the text ends with it. Terminates the text with a
 * NUL.
 */
size_t receive(int fd, char *buf, size_t size, const char *until);

/* The stream ends here, without a reset. */
void assert_ends(int fd);

#endif

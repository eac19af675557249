/*
 * A service manager: it passes sockets to this process, and hears what the
 * library says.
 *
 * Before each test no variable of a manager is set; after it the passed fds that
 * are still open are closed.
 */
#ifndef SOCLE_TESTS_MANAGING_H
#define SOCLE_TESTS_MANAGING_H

#include "tests/support/listening.h"

int managing_setup(void **state);
int managing_teardown(void **state);
#define managed_test(name)                                                     \
	cmocka_unit_test_setup_teardown(name, managing_setup, managing_teardown)

/* Sets the three variables; NULL: it is not set. */
void listen_texts(const char *pid, const char *fds, const char *names);

/* Moves these fds to 3 and so on and sets the variables for this process. */
void pass(const int *fds, int n, const char *names);

/* What the teardown does about it. */
void pass_end(void);

/* A listening socket, or a bound datagram socket, at this address. */
int socket_at(const char *where, int type);
/* Its address as a text, which the next call overwrites. */
const char *where_is(int fd);

/* Whether an fd is open. */
bool fd_is_open(int fd);

/* ---- hearing ---- */

/* Opens the manager's socket, by "/path" or "@name", and sets NOTIFY_SOCKET. */
void manager_open(const char *name);
void manager_close(void);
int manager_fd(void);

/* The next message, or "" if there is none; -1 in *fd: no fd came along. */
const char *heard_with(int *fd);
const char *heard(void);

#endif

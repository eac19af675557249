/*
 * The proxy between a test's clients and its backends, which are sockets of the
 * test too.
 */
#ifndef SOCLE_TESTS_PROXY_H
#define SOCLE_TESTS_PROXY_H

#include "tests/support/program.h"

enum { BACKENDS = 2 };

/*
 * Starts it with two backends, and with these options (NULL: none).  Each was
 * checked once, and is not again unless an option says so.
 */
void proxy_start(const char *option, const char *another);

/* The same with the first backend alone. */
void proxy_start_with_one(const char *option, const char *another);

/* The next connection to this backend. */
int backend_accept(int backend);

/* The one that arrives first, of either; *which it is. */
int backends_accept(int *which);

/* From now on it refuses connections; or accepts them again. */
void backend_close(int backend);
void backend_open(int backend);

enum { STUFFING = 16 };

/* From now on connections to it are neither made nor refused. */
void backend_stuff(int backend, int fds[STUFFING]);

/* A client, and the connection of the first backend that it got. */
struct session {
	int client, backend;
};
struct session session(void);
void session_close(struct session s);

/* Closes the backends and stops the proxy. */
void proxy_stop(void);

void proxy_send(int fd, const char *text);

/* The next bytes are these. */
void assert_comes(int fd, const char *text);

/* The stream ends here by a reset. */
void assert_reset(int fd);

#endif

/*
 * Clients on plain sockets: what the servers under stress are driven with.
 * Whatever fails fails the case.
 */
#ifndef STRESS_CLIENT_H
#define STRESS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A connection to 127.0.0.1, blocking, with TCP_NODELAY.  The own address
 * changes from time to time: each has few ports, and the kernel searches long
 * for the last of them.
 */
int client_connect(int port);

/* The same, with a receive buffer of that size in the kernel. */
int client_connect_small(int port, int buffer);

void client_send(int fd, const void *data, size_t len);

/* Receives exactly these bytes. */
void client_expect(int fd, const void *data, size_t len);

/* One message forth and back. */
void client_echo(int fd, const void *data, size_t len);

/* Waits for the end of the stream; discards what comes before. */
void client_drain(int fd);

/* As that; false if the stream ends by a reset. */
bool client_ends(int fd, size_t *received);

/* Closes with a reset. */
void client_reset(int fd);

/* Waits for `ms', or until it can be read. */
bool client_readable(int fd, int ms);

/* The byte at this offset of every stream that is checked. */
unsigned char pattern(size_t offset);
void pattern_fill(unsigned char *data, size_t offset, size_t len);
bool pattern_holds(const unsigned char *data, size_t offset, size_t len);

#endif

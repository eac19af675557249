/*
 * A client of an example's server, without a network: its bytes come from the
 * input, and what it is answered is kept.
 */
#ifndef FUZZ_SERVED_H
#define FUZZ_SERVED_H

#include "sockets/class.h"

#include <stdbool.h>
#include <stddef.h>

struct served {
	struct socle_socket *sock;
	const char *input;
	size_t input_left;
	char *said;
	size_t said_len, said_size;
};

/* Connects a client to a server of that class. */
void served_start(struct served *v, const struct socle_class *cls);

/* Sends these bytes, and handles them until none is left or it is closed. */
void served_feed(struct served *v, const char *data, size_t n);

/* Closes the client; what it was answered stays until it is freed. */
void served_end(struct served *v);
void served_free(struct served *v);

/* Holds if both were answered the same. */
void served_same(const struct served *a, const struct served *b);

/*
 * Feeds an input whole, in two pieces for each place to split it at, and byte by
 * byte; all must be answered the same.  `start' and `check' may be NULL: what to
 * do before each client, and what must hold of an answer.
 */
void served_splits_the_same(const struct socle_class *cls, const char *data,
	size_t size, void (*start)(void), void (*check)(struct served *v));

#endif

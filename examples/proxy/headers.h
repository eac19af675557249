/* The PROXY header of a client, and that for a backend. */
#ifndef EXAMPLES_PROXY_HEADERS_H
#define EXAMPLES_PROXY_HEADERS_H

#include "../common/proxy_header.h"

#include <socle/socle.h>

#include <stdbool.h>

/* One that comes. */
struct header_reader {
	double deadline; /* in socle_now()'s time */
	struct proxy_header header;
	size_t len;
	char data[PROXY_HEADER_MOST];
};

/* NULL: a header of this client is not believed, or there is no memory. */
struct header_reader *header_expect(struct socle_socket *client);

/*
 * The client can be read.  1: the header is complete, and what follows it can
 * be read next; 0: it is not; -errno: the client must be closed.
 */
int header_read(struct header_reader *r, struct socle_socket *client);

/*
 * Writes the header for a backend, which goes out together with the first bytes
 * behind it.  `known' (or NULL) is the client's own.  As socle_write().
 */
int header_write(struct socle_socket *backend, struct socle_socket *client,
	const struct proxy_header *known);

#endif

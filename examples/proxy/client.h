/*
 * A client, and with link.h the session that it has.
 *
 * The client stays, the link to a backend may change.  The first is made as soon
 * as the client is there, for there are protocols in which the server speaks
 * first.  If it cannot be made, or ends before a byte went either way, another
 * backend is tried.  After that only the requests of common/replay.h are sent to
 * another.
 */
#ifndef EXAMPLES_PROXY_CLIENT_H
#define EXAMPLES_PROXY_CLIENT_H

#include "../common/replay.h"
#include "end.h"

struct backend;
struct header_reader;
struct proxy_header;

struct client {
	struct end end;                   /* the base, first */
	struct socle_factory *connecting; /* makes the link; or NULL */
	struct backend *backend;          /* to this one */
	uint64_t tried;                   /* since a backend answered */
	bool input_waits;                 /* for a link */
	struct replay replay;
	struct header_reader *reader; /* until the PROXY header is there */
	struct proxy_header *header;  /* what it said, for backends; or NULL */
};

extern const struct socle_class client_class;

struct client *client_of(struct end *e);

/* It has its answer and nothing else to do here. */
void client_dismiss(struct client *c);

/* Dismisses those whose last request is known to be answered. */
void clients_drain(bool idle);

#endif

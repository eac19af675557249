/*
 * Requests that may be repeated.
 *
 * When a backend dies, nobody knows whether it has acted on a request that it
 * has not answered.  Some requests of HTTP/1.1 may be sent again nevertheless:
 * those that change nothing (RFC 9110, 9.2).  They are recognised here, and kept
 * until the first byte of their answer.  The end of the answer must be known
 * too: if the client sends anything before it, or if there is any other doubt,
 * nothing of this connection is repeated from then on.
 */
#ifndef EXAMPLES_REPLAY_H
#define EXAMPLES_REPLAY_H

#include <stdbool.h>
#include <stddef.h>

enum replay_state {
	REPLAY_FRESH,     /* no byte yet, in neither direction */
	REPLAY_ASKING,    /* a part of a request */
	REPLAY_ASKED,     /* a whole one, that may be repeated */
	REPLAY_ANSWERING, /* a part of its answer */
	REPLAY_ANSWERED,  /* all of it, and the connection stays open */
	REPLAY_OFF        /* anything else, for good */
};

/* All zero at first. */
struct replay {
	enum replay_state state;
	char *kept; /* ASKING, ASKED: the request, of `len' bytes; else NULL */
	size_t len;
	unsigned long long left; /* ANSWERING: bytes to come */
};

/* The client has sent this; at most `most' bytes of a request are kept. */
void replay_ask(struct replay *r, const char *data, size_t len, size_t most);

/* The backend has sent this. */
void replay_answer(struct replay *r, const char *data, size_t len);

/* Frees what is kept. */
void replay_free(struct replay *r);

#endif

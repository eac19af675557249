/*
 * Requests that may be repeated.
 *
 * A backend that dies may or may not have acted on a request that it has not
 * answered.  The proxy may still send some HTTP/1.1 requests again: those that
 * change nothing (RFC 9110, 9.2).  This file recognises them, and keeps each
 * until the first byte of its answer.  It must also see where the answer ends: if
 * the client sends anything before that, or if there is any other doubt, nothing
 * of this connection is repeated from then on.
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

/*
 * A client: one HTTP connection.
 *
 * Requests are answered in the order in which they arrive, a few in each tick.
 * Reading stops while a file is being sent or the write queue is above its high
 * mark; input that was read but not parsed is pushed back.
 */
#ifndef DEMO_CLIENT_H
#define DEMO_CLIENT_H

#include <socle/socle.h>

#include "http.h"

struct client {
	struct socle_socket sock; /* the base, first */
	struct socle_timer timer; /* limits a request, then lingering */
	struct http_request request;
	char *in; /* an incomplete head, or NULL */
	size_t in_len;
	size_t body_left; /* of a request's body, which is discarded */
	bool sending;     /* a file */
	bool keep_alive;  /* after this answer */
	bool throttled;   /* the write queue is above its high mark */
	bool closing;     /* no further request is answered */
	bool lingering;   /* our side is shut down, the peer's is not */
};

extern const struct socle_class client_class;

struct answer {
	int status;
	const char *type;        /* Content-Type */
	const char *name, *more; /* an extra header field, or NULL */
	time_t modified;         /* 0: unknown */
	const void *body;        /* in memory; NULL: it is in `file' */
	int file;                /* taken, and closed once sent */
	off_t length;
};

void client_answer(struct client *c, const struct answer *a);

/* An answer whose body is its status. */
void client_answer_status(
	struct client *c, int status, const char *name, const char *more);

/* Closes each client once its answers are written. */
void clients_stop(void);

extern double client_header_timeout; /* seconds to receive a request */
extern uint64_t client_requests;     /* answered so far */

#endif

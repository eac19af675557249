/*
 * A client: the connection that requests come from and answers go to.
 *
 * Requests are answered one after the other in the order of their coming, a
 * few in each tick.  Reading stops while a file is being sent or too much
 * waits to be written; what was read and not looked at is pushed back.
 */
#ifndef DEMO_CLIENT_H
#define DEMO_CLIENT_H

#include <socle/socle.h>

#include "http.h"

struct client {
	struct socle_socket sock; /* the base, first */
	struct socle_timer slow;  /* a request, or a goodbye, that takes long */
	struct http_request request;
	char *in; /* an unfinished head, or NULL */
	size_t in_len;
	size_t body_left; /* of a request's body, which nobody reads */
	int file;         /* being sent, or -1 */
	off_t file_left;
	bool stay;   /* the connection, after this answer */
	bool held;   /* above the high mark */
	bool ending; /* nothing more will be answered */
	bool parted; /* our end is shut, and theirs is waited for */
};

extern const struct socle_class client_class;

struct answer {
	int status;
	const char *type;        /* Content-Type */
	const char *name, *more; /* one more header field, or NULL */
	time_t modified;         /* 0: no such time */
	const void *body;        /* in memory, or */
	int file;                /* when `body' is NULL; taken and closed */
	off_t length;
};

void client_answer(struct client *c, const struct answer *a);

/* An answer that says no more than its status. */
void client_answer_status(
	struct client *c, int status, const char *name, const char *more);

/* From now on each client goes when what it was promised is written. */
void clients_stop(void);

extern double client_header_timeout; /* seconds for a whole request */
extern uint64_t client_requests;     /* answered so far */

#endif

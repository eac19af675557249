/* A client, one HTTP connection, and how it is answered. */
#ifndef HTTPD_CLIENT_H
#define HTTPD_CLIENT_H

#include <socle/socle.h>

#include "common/http.h"

struct client {
	struct socle_socket sock; /* the base, first */
	struct socle_timer timer; /* limits the time to receive a request */
	struct http_request request;
	char *in; /* HTTP_HEAD_MOST bytes for an incomplete head, or NULL */
	size_t in_len;
	size_t body_left; /* of a request's body, which is discarded */
	int file;         /* being sent, or -1 */
	bool keep_alive;  /* after this answer */
};

struct answer {
	int status;
	const char *type;  /* Content-Type, or NULL */
	const char *field; /* one more, with its line's end, or NULL */
	const char *tag;   /* of a file: ETag, and Last-Modified */
	time_t modified;
	int64_t length; /* of the body; 304 has none */
};

/* A whole answer whose body is this text, or its status. */
void client_answer_text(
	struct client *c, const struct answer *a, const char *body);
void client_answer_status(struct client *c, int status, const char *field);

/*
 * An answer in pieces: its head, after which the body may follow if the result
 * is true, texts and parts of the client's file, and the end.
 */
bool client_head(struct client *c, const struct answer *a);
bool client_write(struct client *c, const void *data, size_t len);
void client_take_file(struct client *c, int fd);
bool client_send(struct client *c, int64_t from, int64_t length);
void client_answered(struct client *c);

/* Once all of it is with the kernel. */
void client_file_close(struct client *c);

/* Closes the connection once what is queued is sent. */
void client_end(struct client *c);

extern uint64_t client_requests; /* answered so far */

#endif

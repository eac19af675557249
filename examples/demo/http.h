/*
 * The head of an HTTP/1 request, and what else of HTTP knows no socket.
 *
 * The parser is given what has come of a head, from its first byte, each time
 * longer, and looks at no byte twice: what it answers does not depend on how
 * the bytes were split.
 */
#ifndef DEMO_HTTP_H
#define DEMO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum {
	HTTP_HEAD_MOST = 16 * 1024, /* more is 431 */
	HTTP_LINE_MOST = 8 * 1024,  /* of the request line; more is 414 */
	HTTP_BODY_MOST = 64 * 1024  /* more is 413 */
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER };

struct http_request {
	enum http_method method; /* HTTP_OTHER: known, and not served */
	int minor;               /* of HTTP/1.minor */
	size_t target, length;   /* where path and query are in the head */
	size_t body;             /* bytes that follow the head */
	time_t since;            /* If-Modified-Since, or -1 */
	bool keep_alive, expects_continue;
	/* private */
	size_t line, seen; /* where the line begins; looked at so far */
	unsigned saw;      /* header fields */
	bool begun;        /* the request line is behind us */
};

void http_begin(struct http_request *r);

/*
 * > 0: the head is complete and that long; 0: more is needed; < 0: the status
 * to refuse it with, negated, and the connection cannot be used any further.
 */
int http_parse(struct http_request *r, const char *head, size_t len);

/*
 * Undoes the escapes, once, of a part of a path between slashes; `to' has room
 * for len + 1.  The length, or -400: no proper escape, or one of a slash, or
 * of NUL.
 */
int http_decode(char *to, const char *part, size_t len);

/* "Sun, 06 Nov 1994 08:49:37 GMT", and back; -1: it is no such date. */
enum { HTTP_DATE_SIZE = 32 };
void http_date(time_t t, char buf[HTTP_DATE_SIZE]);
time_t http_date_parse(const char *text, size_t len);

const char *http_reason(int status);

#endif

/*
 * The parser for the head of an HTTP/1 request (RFC 9112).
 *
 * Each call of the parser passes all bytes of the head received so far.  It
 * looks at no byte twice, and its result does not depend on how the bytes were
 * split.  What a proxy in front could understand differently is refused, so that
 * no request can be hidden in another one.
 */
#ifndef EXAMPLES_HTTP_H
#define EXAMPLES_HTTP_H

#include <stdbool.h>
#include <stddef.h>

enum {
	HTTP_HEAD_MOST = 16 * 1024, /* longer: 431 */
	HTTP_LINE_MOST = 8 * 1024,  /* the request line; longer: 414 */
	HTTP_FIELDS_MOST = 100,     /* more: 431 */
	HTTP_BODY_MOST = 64 * 1024  /* longer: 413 */
};

/* A part of the head; of a field that is missing, `at' is 0. */
struct http_part {
	size_t at, length;
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER };

struct http_request {
	enum http_method method; /* HTTP_OTHER: known but not served */
	int minor;               /* of HTTP/1.minor */
	struct http_part target; /* path and query */
	size_t body;             /* bytes that follow the head */
	bool keep_alive, expects_continue;
	/* Values of fields.  Of lists that fill several lines, the first. */
	struct http_part host, range, if_range, if_match, if_none_match,
		if_modified_since, if_unmodified_since;
	/* private */
	size_t line, seen; /* start of the line; bytes parsed so far */
	unsigned saw;      /* header fields, as bits */
	int fields;        /* how many */
	bool has_line;     /* the request line is complete */
};

void http_begin(struct http_request *r);

/*
 * Returns the length of a complete head, 0 if more input is needed, or a
 * negated HTTP status: the caller refuses the request and must then close the
 * connection.  A body in chunks is refused with 501.
 */
int http_parse(struct http_request *r, const char *head, size_t len);

#endif

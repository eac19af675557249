/*
 * The parser for the head of an HTTP/1 request, and the parts of HTTP that need
 * no socket.
 *
 * Each call of the parser passes all bytes of the head received so far.  It
 * looks at no byte twice, and its result does not depend on how the bytes were
 * split.
 */
#ifndef DEMO_HTTP_H
#define DEMO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum {
	HTTP_HEAD_MOST = 16 * 1024, /* longer: 431 */
	HTTP_LINE_MOST = 8 * 1024,  /* the request line; longer: 414 */
	HTTP_BODY_MOST = 64 * 1024  /* longer: 413 */
};

/* A part of the head. */
struct http_part {
	size_t at, length;
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER };

struct http_request {
	enum http_method method; /* HTTP_OTHER: known but not served */
	int minor;               /* of HTTP/1.minor */
	size_t target, length;   /* of path and query, from the head's start */
	size_t body;             /* bytes that follow the head */
	time_t since;            /* If-Modified-Since, or -1 */
	bool keep_alive, expects_continue;
	bool accepts_html; /* Accept names it, as browsers do */
	/* private */
	struct http_part host, origin;
	size_t line, seen; /* start of the line; bytes parsed so far */
	size_t value;      /* start of the value of the field */
	unsigned saw;      /* header fields, as bits */
	bool has_line;     /* the request line is complete */
};

void http_begin(struct http_request *r);

/*
 * Returns the length of a complete head, 0 if more input is needed, or a
 * negated HTTP status: the caller refuses the request and must then close the
 * connection.
 */
int http_parse(struct http_request *r, const char *head, size_t len);

/*
 * Whether a request that changes something may do so.  A browser says which
 * page a POST comes from: Origin must then name the host that Host names, and
 * Sec-Fetch-Site must say the same.  A request with neither field does not come
 * from a browser, so no page of another site can have caused it: it may.
 */
bool http_is_own(const struct http_request *r, const char *head);

/*
 * Decodes the escapes of one path component, once; `to' has room for len + 1
 * bytes.  Returns the length, or -400 for a malformed escape and for an escaped
 * slash or NUL.
 */
int http_decode(char *to, const char *part, size_t len);

/* Format and parse "Sun, 06 Nov 1994 08:49:37 GMT"; -1: not a date. */
enum { HTTP_DATE_SIZE = 32 };
void http_date(time_t t, char buf[HTTP_DATE_SIZE]);
time_t http_date_parse(const char *text, size_t len);

const char *http_reason(int status);

#endif

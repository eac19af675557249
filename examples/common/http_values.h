/*
 * What the target and the fields of a request mean (RFC 9110): paths, dates,
 * entity tags, conditions and ranges.  No function here looks at a socket or a
 * file.
 */
#ifndef EXAMPLES_HTTP_VALUES_H
#define EXAMPLES_HTTP_VALUES_H

#include "common/http.h"

#include <stdint.h>
#include <time.h>

const char *http_reason(int status);

/*
 * Decodes the path of a target, once, into a relative path: "/a%20b/?c" becomes
 * "a b/", and "/" the empty text.  `to' has room for len bytes.  Returns the
 * length, or a negated status: -400 for a malformed escape and for an escaped
 * slash or NUL, -404 for an empty component and for one that starts with a dot,
 * among them "." and "..".
 */
int http_path(char *to, const char *target, size_t len);

/* Format and parse "Sun, 06 Nov 1994 08:49:37 GMT"; -1: not a date. */
enum { HTTP_DATE_SIZE = 32 };
void http_date(time_t t, char buf[HTTP_DATE_SIZE]);
time_t http_date_parse(const char *text, size_t len);

/*
 * What the conditions of a request say about a file with this strong entity tag,
 * quotes included, and this time: 200, 304, or 412.
 */
int http_condition(const struct http_request *r, const char *head,
	const char *tag, time_t modified);

enum { HTTP_RANGES_MOST = 16 };

struct http_range {
	int64_t from, length;
};

/*
 * The ranges that a GET of such a file asks for, in their order; those that
 * overlap are made one.  Returns their number; 0: the whole file, for want of
 * a Range that applies, or because it asks for too many; -416: for nothing that
 * the file has.
 */
int http_ranges(const struct http_request *r, const char *head, const char *tag,
	time_t modified, int64_t size,
	struct http_range ranges[HTTP_RANGES_MOST]);

#endif

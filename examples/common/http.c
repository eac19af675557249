/* http.h describes the functions. */
#include "common/http.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Bits of `saw'. */
enum {
	SAW_LENGTH = 1,
	SAW_CODING = 2,  /* Transfer-Encoding */
	SAW_CHUNKED = 4, /* its last coding so far */
	SAW_CLOSE = 8,
	SAW_KEEP_ALIVE = 16
};

void
http_begin(struct http_request *r)
{
	*r = (struct http_request){.minor = 1};
}

static bool
same(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

static bool
is_token(const char *text, size_t len)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) &&
			!memchr(others, text[i], sizeof(others) - 1))
			return false;
	return len > 0;
}

/* No control characters, and in a target no blanks either. */
static bool
is_clean(const char *text, size_t len, bool is_text)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (is_text ? (c < ' ' && c != '\t') || c == 127
			    : c <= ' ' || c >= 127)
			return false;
	}
	return true;
}

/* ---- the request line ---- */

static int
take_method(struct http_request *r, const char *name, size_t len)
{
	static const char *const known[] = {"GET", "HEAD", "POST", "PUT",
		"DELETE", "OPTIONS", "TRACE", "CONNECT", "PATCH"};

	if (!is_token(name, len))
		return -400;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (len == strlen(known[i]) && !memcmp(name, known[i], len)) {
			r->method = i < HTTP_OTHER ? (enum http_method)i
						   : HTTP_OTHER;
			return 0;
		}
	return -501;
}

static int
take_version(struct http_request *r, const char *text, size_t len)
{
	if (len != 8 || memcmp(text, "HTTP/", 5) || text[6] != '.' ||
		text[5] < '0' || text[5] > '9' || text[7] < '0' ||
		text[7] > '9')
		return -400;
	r->minor = text[7] - '0';
	return text[5] == '1' ? 0 : -505;
}

/* A path, or an absolute URL, whose host is ignored and whose path may be empty. */
static int
take_target(struct http_request *r, const char *text, size_t at, size_t len)
{
	static const char scheme[] = "http://";
	size_t skip = 0, n = sizeof(scheme) - 1;

	if (!is_clean(text, len, false))
		return -400;
	if (len > n && strncasecmp(text, scheme, n) == 0) {
		for (skip = n; skip < len && text[skip] != '/'; skip++)
			if (text[skip] == '?' || text[skip] == '#')
				return -400;
		if (skip == len) { /* the path is the slash before the host */
			skip = n - 1;
			len = n;
		}
	}
	if (text[skip] != '/')
		return -400;
	r->target = (struct http_part){at + skip, len - skip};
	return 0;
}

static int
take_request_line(struct http_request *r, const char *line, size_t len)
{
	const char *end = line + len;
	const char *blank = memchr(line, ' ', len);
	const char *target = blank ? blank + 1 : end;
	const char *version = memchr(target, ' ', (size_t)(end - target));
	int err;

	if (!version || ++version - target < 2)
		return -400;
	err = take_version(r, version, (size_t)(end - version));
	if (err == 0)
		err = take_target(r, target, r->line + (size_t)(target - line),
			(size_t)(version - target) - 1);
	if (err == 0)
		err = take_method(r, line, (size_t)(target - line) - 1);
	r->has_line = true;
	return err;
}

/* ---- header fields ---- */

/* The words of a comma-separated list, one each time; NULL: no more. */
static const char *
next_word(const char **list, size_t *left, size_t *len)
{
	const char *word;

	while (*left > 0 && memchr(", \t", **list, 3)) {
		++*list;
		--*left;
	}
	word = *list;
	for (*len = 0; *len < *left && !memchr(", \t", word[*len], 3);)
		++*len;
	*list += *len;
	*left -= *len;
	return *len > 0 ? word : NULL;
}

static int
take_length(struct http_request *r, const char *value, size_t len)
{
	if (r->saw & SAW_LENGTH || len == 0)
		return -400;
	r->saw |= SAW_LENGTH;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return -400;
		if (r->body <= HTTP_BODY_MOST)
			r->body = r->body * 10 + (size_t)(value[i] - '0');
	}
	return 0;
}

/* Unless "chunked" comes last and once, the end of the body is not known. */
static int
take_coding(struct http_request *r, const char *value, size_t len)
{
	const char *word;
	size_t n;

	r->saw |= SAW_CODING;
	while ((word = next_word(&value, &len, &n))) {
		if (r->saw & SAW_CHUNKED)
			return -400;
		if (same(word, n, "chunked"))
			r->saw |= SAW_CHUNKED;
	}
	return 0;
}

static int
take_connection(struct http_request *r, const char *value, size_t len)
{
	const char *word;
	size_t n;

	while ((word = next_word(&value, &len, &n)))
		if (same(word, n, "close"))
			r->saw |= SAW_CLOSE;
		else if (same(word, n, "keep-alive"))
			r->saw |= SAW_KEEP_ALIVE;
	return 0;
}

static int
take_expect(struct http_request *r, const char *value, size_t len)
{
	if (!same(value, len, "100-continue"))
		return -417;
	r->expects_continue = r->minor > 0;
	return 0;
}

/* Fields that are only noted for later: where, and what a second one is. */
#define PART(name) offsetof(struct http_request, name)
static const struct note {
	const char *name;
	size_t part;
	bool is_list;
} notes[] = {
	{"Host", PART(host), false},
	{"Range", PART(range), false},
	{"If-Range", PART(if_range), false},
	{"If-Match", PART(if_match), true},
	{"If-None-Match", PART(if_none_match), true},
	{"If-Modified-Since", PART(if_modified_since), false},
	{"If-Unmodified-Since", PART(if_unmodified_since), false},
};

static const struct field {
	const char *name;
	int (*take)(struct http_request *r, const char *value, size_t len);
} fields[] = {
	{"Content-Length", take_length},
	{"Transfer-Encoding", take_coding},
	{"Connection", take_connection},
	{"Expect", take_expect},
};

static int
note_field(struct http_request *r, const struct note *n, struct http_part value)
{
	struct http_part *part = (void *)((char *)r + n->part);

	if (part->at > 0)
		return n->is_list ? 0 : -400;
	*part = value;
	return 0;
}

static int
take_value(struct http_request *r, const char *name, size_t n,
	const char *value, size_t len)
{
	struct http_part part = {r->line + (size_t)(value - name), len};

	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		if (same(name, n, notes[i].name))
			return note_field(r, &notes[i], part);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (same(name, n, fields[i].name))
			return fields[i].take(r, value, len);
	return 0;
}

/* A line that starts with a blank, as folded lines do, has no valid name. */
static int
take_field(struct http_request *r, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	const char *value = colon ? colon + 1 : NULL, *end = line + len;

	if (!colon || !is_token(line, (size_t)(colon - line)))
		return -400;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (!is_clean(value, (size_t)(end - value), true))
		return -400;
	return ++r->fields > HTTP_FIELDS_MOST
		? -431
		: take_value(r, line, (size_t)(colon - line), value,
			  (size_t)(end - value));
}

/* ---- the head ---- */

/* A name or address, and a port; it may be empty. */
static bool
is_host(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!text[i] || strchr(" \t,/?#@\\\"<>", text[i]))
			return false;
	return true;
}

/* A proxy and this server must agree on where the request ends. */
static int
take_end(struct http_request *r, const char *head)
{
	bool chunked = r->saw & SAW_CHUNKED && r->minor > 0;

	if (r->saw & SAW_CODING)
		return chunked && !(r->saw & SAW_LENGTH) ? -501 : -400;
	if (r->host.at == 0 ? r->minor > 0
			    : !is_host(head + r->host.at, r->host.length))
		return -400;
	if (r->body > HTTP_BODY_MOST)
		return -413;
	r->keep_alive = !(r->saw & SAW_CLOSE) &&
		(r->minor > 0 || r->saw & SAW_KEEP_ALIVE);
	return (int)r->seen;
}

static int
take_line(struct http_request *r, const char *head, size_t len)
{
	const char *line = head + r->line;

	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (!r->has_line && len == 0)
		return 0; /* some clients send one after a body */
	if (!r->has_line)
		return len > HTTP_LINE_MOST ? -414
					    : take_request_line(r, line, len);
	return len > 0 ? take_field(r, line, len) : take_end(r, head);
}

int
http_parse(struct http_request *r, const char *head, size_t len)
{
	const char *lf;
	int done;

	if (len > HTTP_HEAD_MOST)
		len = HTTP_HEAD_MOST;
	while ((lf = memchr(head + r->seen, '\n', len - r->seen))) {
		r->seen = (size_t)(lf - head) + 1;
		done = take_line(r, head, (size_t)(lf - head) - r->line);
		if (done != 0)
			return done;
		r->line = r->seen;
	}
	r->seen = len;
	if (!r->has_line && len - r->line > HTTP_LINE_MOST + 1)
		return -414;
	return len == HTTP_HEAD_MOST ? -431 : 0;
}

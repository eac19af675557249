/* See http.h. */
#include "http.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Bits of `saw'. */
enum {
	SAW_HOST = 1,
	SAW_LENGTH = 2,
	SAW_CODING = 4,
	SAW_CLOSE = 8,
	SAW_KEEP_ALIVE = 16,
	SAW_ORIGIN = 32,
	SAW_OTHER_SITE = 64
};

void
http_begin(struct http_request *r)
{
	*r = (struct http_request){.minor = 1, .since = -1};
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

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			(c >= 'A' && c <= 'Z');

		if (!alnum && !memchr(others, c, sizeof(others) - 1))
			return false;
	}
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

/* A path, or an absolute URL, whose host is ignored. */
static int
take_target(struct http_request *r, const char *text, size_t at, size_t len)
{
	const char *slash = text;

	if (!is_clean(text, len, false))
		return -400;
	if (len > 7 && strncasecmp(text, "http://", 7) == 0)
		slash = memchr(text + 7, '/', len - 7);
	if (!slash || *slash != '/')
		return -400;
	r->target = at + (size_t)(slash - text);
	r->length = len - (size_t)(slash - text);
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

static int
take_host(struct http_request *r, const char *value, size_t len)
{
	(void)value;
	if (r->saw & SAW_HOST)
		return -400;
	r->saw |= SAW_HOST;
	r->host = (struct http_part){r->value, len};
	return 0;
}

static int
take_origin(struct http_request *r, const char *value, size_t len)
{
	(void)value;
	if (r->saw & SAW_ORIGIN)
		return -400;
	r->saw |= SAW_ORIGIN;
	r->origin = (struct http_part){r->value, len};
	return 0;
}

static int
take_fetch_site(struct http_request *r, const char *value, size_t len)
{
	if (!same(value, len, "same-origin"))
		r->saw |= SAW_OTHER_SITE;
	return 0;
}

static int
take_accept(struct http_request *r, const char *value, size_t len)
{
	static const char html[] = "text/html";
	size_t n = sizeof(html) - 1;

	for (size_t i = 0; i + n <= len; i++)
		if (same(value + i, n, html))
			r->accepts_html = true;
	return 0;
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

static int
take_coding(struct http_request *r, const char *value, size_t len)
{
	(void)value;
	(void)len;
	r->saw |= SAW_CODING;
	return 0;
}

static int
take_connection(struct http_request *r, const char *value, size_t len)
{
	while (len > 0) {
		size_t n = 0;

		while (n < len && !memchr(", \t", value[n], 3))
			n++;
		if (same(value, n, "close"))
			r->saw |= SAW_CLOSE;
		else if (same(value, n, "keep-alive"))
			r->saw |= SAW_KEEP_ALIVE;
		n += n < len;
		value += n;
		len -= n;
	}
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

static int
take_since(struct http_request *r, const char *value, size_t len)
{
	r->since = http_date_parse(value, len);
	return 0;
}

static const struct field {
	const char *name;
	int (*take)(struct http_request *r, const char *value, size_t len);
} fields[] = {
	{"Host", take_host},
	{"Origin", take_origin},
	{"Sec-Fetch-Site", take_fetch_site},
	{"Accept", take_accept},
	{"Content-Length", take_length},
	{"Transfer-Encoding", take_coding},
	{"Connection", take_connection},
	{"Expect", take_expect},
	{"If-Modified-Since", take_since},
};

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
	r->value = r->line + (size_t)(value - line);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (same(line, (size_t)(colon - line), fields[i].name))
			return fields[i].take(r, value, (size_t)(end - value));
	return 0;
}

/* ---- the head ---- */

/* A proxy and this server must agree on where the request ends. */
static int
take_end(struct http_request *r)
{
	if (r->saw & SAW_CODING)
		return r->saw & SAW_LENGTH ? -400 : -501;
	if (r->minor > 0 && !(r->saw & SAW_HOST))
		return -400;
	if (r->body > HTTP_BODY_MOST)
		return -413;
	r->keep_alive = !(r->saw & SAW_CLOSE) &&
		(r->minor > 0 || r->saw & SAW_KEEP_ALIVE);
	return (int)r->seen;
}

static int
take_line(struct http_request *r, const char *line, size_t len)
{
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (!r->has_line && len == 0)
		return 0; /* some clients send one after a body */
	if (!r->has_line)
		return len > HTTP_LINE_MOST ? -414
					    : take_request_line(r, line, len);
	return len > 0 ? take_field(r, line, len) : take_end(r);
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
		done = take_line(
			r, head + r->line, (size_t)(lf - head) - r->line);
		if (done != 0)
			return done;
		r->line = r->seen;
	}
	r->seen = len;
	if (!r->has_line && len - r->line > HTTP_LINE_MOST + 1)
		return -414;
	return len == HTTP_HEAD_MOST ? -431 : 0;
}

/* Pages come by http, and a browser leaves port 80 out of both fields. */
bool
http_is_own(const struct http_request *r, const char *head)
{
	static const char scheme[] = "http://";
	const char *origin = head + r->origin.at, *host = head + r->host.at;
	size_t n = sizeof(scheme) - 1;

	if (r->saw & SAW_OTHER_SITE)
		return false;
	if (!(r->saw & SAW_ORIGIN))
		return true;
	return r->host.length > 0 && r->origin.length == r->host.length + n &&
		strncasecmp(origin, scheme, n) == 0 &&
		strncasecmp(origin + n, host, r->host.length) == 0;
}

/* ---- paths, dates, reasons ---- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' - 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int
http_decode(char *to, const char *part, size_t len)
{
	int n = 0;

	for (size_t i = 0; i < len; i++) {
		to[n] = part[i];
		if (part[i] == '%') {
			if (len - i < 3 || hex(part[i + 1]) < 0 ||
				hex(part[i + 2]) < 0)
				return -400;
			to[n] = (char)(hex(part[i + 1]) * 16 +
				hex(part[i + 2]));
			i += 2;
		}
		if (to[n] == '\0' || to[n] == '/')
			return -400;
		n++;
	}
	to[n] = '\0';
	return n;
}

void
http_date(time_t t, char buf[HTTP_DATE_SIZE])
{
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(buf, HTTP_DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

/* The current format and the two obsolete ones. */
time_t
http_date_parse(const char *text, size_t len)
{
	static const char *const formats[] = {"%a, %d %b %Y %H:%M:%S GMT",
		"%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"};
	char copy[64];

	if (len >= sizeof(copy))
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm = {.tm_mday = 1};
		const char *end = strptime(copy, formats[i], &tm);

		if (end && *end == '\0')
			return timegm(&tm);
	}
	return -1;
}

const char *
http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {{200, "OK"}, {301, "Moved Permanently"},
		{304, "Not Modified"}, {400, "Bad Request"}, {403, "Forbidden"},
		{404, "Not Found"}, {405, "Method Not Allowed"},
		{408, "Request Timeout"}, {413, "Content Too Large"},
		{414, "URI Too Long"}, {417, "Expectation Failed"},
		{431, "Request Header Fields Too Large"},
		{501, "Not Implemented"}, {503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"}};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Internal Server Error";
}

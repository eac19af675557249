/* http_values.h describes the functions. */
#include "common/http_values.h"

#include <string.h>
#include <strings.h>

const char *
http_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {{200, "OK"}, {206, "Partial Content"},
		{301, "Moved Permanently"}, {304, "Not Modified"},
		{400, "Bad Request"}, {403, "Forbidden"}, {404, "Not Found"},
		{405, "Method Not Allowed"}, {408, "Request Timeout"},
		{412, "Precondition Failed"}, {413, "Content Too Large"},
		{414, "URI Too Long"}, {416, "Range Not Satisfiable"},
		{417, "Expectation Failed"},
		{431, "Request Header Fields Too Large"},
		{501, "Not Implemented"}, {503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"}};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Internal Server Error";
}

/* ---- paths ---- */

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 'a' - 'A';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that an escape stands for, or -1. */
static int
unescape(const char *text, size_t len)
{
	if (len < 3 || hex(text[1]) < 0 || hex(text[2]) < 0)
		return -1;
	return hex(text[1]) * 16 + hex(text[2]);
}

int
http_path(char *to, const char *target, size_t len)
{
	size_t n = 0, part = 0; /* where the component starts */

	for (size_t i = 1; i < len && target[i] != '?'; i++) {
		bool escaped = target[i] == '%';
		int c = escaped ? unescape(target + i, len - i)
				: (unsigned char)target[i];

		if (c <= 0 || (escaped && c == '/'))
			return -400;
		if (n == part && (c == '.' || c == '/'))
			return -404;
		to[n++] = (char)c;
		i += escaped ? 2 : 0;
		part = c == '/' ? n : part;
	}
	to[n] = '\0';
	return (int)n;
}

/* ---- dates ---- */

/* Without strftime(3), because each answer has two such texts. */
static char *
put_name(char *at, const char *names, int i)
{
	memcpy(at, names + 3 * i, 3);
	return at + 3;
}

static char *
put_two(char *at, int n)
{
	*at++ = (char)('0' + n / 10 % 10);
	*at++ = (char)('0' + n % 10);
	return at;
}

void
http_date(time_t t, char buf[HTTP_DATE_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	const time_t most = 253402300799; /* of the year 9999 */
	struct tm tm;
	char *at = buf;

	t = t < 0 ? 0 : t > most ? most : t;
	gmtime_r(&t, &tm);
	at = put_name(at, days, tm.tm_wday);
	at = put_two(stpcpy(at, ", "), tm.tm_mday);
	*at++ = ' ';
	at = put_name(at, months, tm.tm_mon);
	*at++ = ' ';
	at = put_two(at, (tm.tm_year + 1900) / 100);
	at = put_two(at, (tm.tm_year + 1900) % 100);
	*at++ = ' ';
	at = put_two(at, tm.tm_hour);
	*at++ = ':';
	at = put_two(at, tm.tm_min);
	*at++ = ':';
	at = put_two(at, tm.tm_sec);
	strcpy(at, " GMT");
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

/* ---- conditions ---- */

/* Whether a list of entity tags, or "*", has the tag, which is a strong one. */
static bool
has_tag(const char *list, struct http_part part, const char *tag, bool weak_too)
{
	const char *at = list + part.at, *end = at + part.length, *quote;
	size_t n = strlen(tag);

	if (part.length == 1 && *at == '*')
		return true;
	while ((quote = memchr(at, '"', (size_t)(end - at)))) {
		bool is_weak =
			quote - at >= 2 && memcmp(quote - 2, "W/", 2) == 0;

		if ((size_t)(end - quote) >= n && memcmp(quote, tag, n) == 0 &&
			(weak_too || !is_weak))
			return true;
		quote = memchr(quote + 1, '"', (size_t)(end - quote) - 1);
		if (!quote)
			return false;
		at = quote + 1;
	}
	return false;
}

static time_t
date_of(const char *head, struct http_part part)
{
	return part.at ? http_date_parse(head + part.at, part.length) : -1;
}

/* The order is RFC 9110's, 13.2.2: a tag is more exact than a time. */
int
http_condition(const struct http_request *r, const char *head, const char *tag,
	time_t modified)
{
	time_t date = date_of(head, r->if_unmodified_since);

	if (r->if_match.at ? !has_tag(head, r->if_match, tag, false)
			   : date != -1 && modified > date)
		return 412;
	if (r->if_none_match.at)
		return has_tag(head, r->if_none_match, tag, true) ? 304 : 200;
	date = date_of(head, r->if_modified_since);
	return date != -1 && modified <= date ? 304 : 200;
}

/* ---- ranges ---- */

/* Whether the ranges that the client asks for are of the file as it is now. */
static bool
range_applies(const struct http_request *r, const char *head, const char *tag,
	time_t modified)
{
	const char *value = head + r->if_range.at;

	if (r->range.at == 0 || r->method != HTTP_GET)
		return false;
	if (r->if_range.at == 0)
		return true;
	return r->if_range.length == strlen(tag) &&
			memcmp(value, tag, r->if_range.length) == 0
		? true
		: http_date_parse(value, r->if_range.length) == modified;
}

/* Digits at *at, which moves behind them; -1: there are none. */
static int64_t
take_number(const char **at, const char *end)
{
	const int64_t most = INT64_MAX / 16;
	int64_t n = *at < end && **at >= '0' && **at <= '9' ? 0 : -1;

	for (; *at < end && **at >= '0' && **at <= '9'; ++*at)
		n = n > most ? n : n * 10 + (**at - '0');
	return n;
}

/* "from-to", "from-" or "-last" at *at; whether it is one. */
static bool
take_range(
	const char **at, const char *end, int64_t size, struct http_range *ret)
{
	int64_t from = take_number(at, end), to;

	if (*at == end || **at != '-')
		return false;
	++*at;
	to = take_number(at, end);
	if (from < 0 && to < 0)
		return false;
	if (from < 0) {
		from = to < size ? size - to : 0;
		to = size - 1;
	} else if (to >= 0 && to < from) {
		return false;
	}
	if (to < 0 || to >= size)
		to = size - 1;
	*ret = (struct http_range){from, to - from + 1};
	return true;
}

/* Adds a range; one that overlaps it is taken out and becomes a part of it. */
static int
add_range(struct http_range *ranges, int n, struct http_range new)
{
	int kept = 0;

	for (int i = 0; i < n; i++) {
		int64_t end = ranges[i].from + ranges[i].length;
		int64_t new_end = new.from + new.length;

		if (ranges[i].from > new_end || new.from > end) {
			ranges[kept++] = ranges[i];
			continue;
		}
		if (ranges[i].from < new.from)
			new.from = ranges[i].from;
		new.length = (end > new_end ? end : new_end) - new.from;
	}
	ranges[kept] = new;
	return kept + 1;
}

int
http_ranges(const struct http_request *r, const char *head, const char *tag,
	time_t modified, int64_t size,
	struct http_range ranges[HTTP_RANGES_MOST])
{
	const char *at = head + r->range.at, *end = at + r->range.length;
	struct http_range range;
	int n = 0, asked = 0;

	if (!range_applies(r, head, tag, modified) || r->range.length < 6 ||
		strncasecmp(at, "bytes=", 6) != 0)
		return 0;
	for (at += 6; at < end;) {
		if (memchr(", \t", *at, 3)) {
			at++;
			continue;
		}
		if (!take_range(&at, end, size, &range) ||
			(at < end && !memchr(", \t", *at, 3)))
			return -416;
		if (++asked > HTTP_RANGES_MOST)
			return 0;
		if (range.length > 0)
			n = add_range(ranges, n, range);
	}
	return n > 0 ? n : -416;
}

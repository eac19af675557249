/* hosts.h describes the functions. */
#include "hosts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* More addresses than RECORDS_MOST fit in no message. */
enum { RECORDS_MOST = 4096, FILE_MOST = 64 << 20, BYTES_A_NAME = 8 };

struct hosts {
	size_t mask; /* the number of chains, a power of 2, less 1 */
	struct host *chains[];
};

/* ---- the table ---- */

/* A name and its reverse name take BYTES_A_NAME of a file or more. */
static struct hosts *
hosts_new(size_t file_size)
{
	struct hosts *h;
	size_t n = 16;

	while (n < file_size / BYTES_A_NAME)
		n *= 2;
	h = calloc(1, sizeof(*h) + n * sizeof(h->chains[0]));
	if (h)
		h->mask = n - 1;
	return h;
}

static void
host_free(struct host *host)
{
	struct record *r;

	while ((r = host->records)) {
		host->records = r->next;
		free(r);
	}
	free(host);
}

void
hosts_free(struct hosts *h)
{
	struct host *host;

	for (size_t i = 0; h && i <= h->mask; i++) {
		while ((host = h->chains[i])) {
			h->chains[i] = host->next;
			host_free(host);
		}
	}
	free(h);
}

static struct host *
chain_find(struct host *host, const struct name *n)
{
	while (host &&
		(host->hash != n->hash || host->len != n->len ||
			memcmp(host->bytes, n->bytes, n->len) != 0))
		host = host->next;
	return host;
}

const struct host *
hosts_find(const struct hosts *h, const struct name *n)
{
	return chain_find(h->chains[n->hash & h->mask], n);
}

/* NULL: no memory. */
static struct host *
host_get(struct hosts *h, const struct name *n)
{
	struct host **chain = &h->chains[n->hash & h->mask];
	struct host *host = chain_find(*chain, n);

	if (host || !(host = malloc(sizeof(*host) + n->len)))
		return host;
	*host = (struct host){.next = *chain, .hash = n->hash, .len = n->len};
	host->last = &host->records;
	memcpy(host->bytes, n->bytes, n->len);
	return *chain = host;
}

/* Adds the name and, within the zone, those above it. */
static struct host *
host_add(struct hosts *h, const struct name *n, const struct name *zone)
{
	struct name above = *n;

	while (name_find_zone(&above, zone) > 0) {
		name_parent(&above);
		if (!host_get(h, &above))
			return NULL;
	}
	return host_get(h, n);
}

/* What is wrong, or NULL.  A second record with the same data is left out. */
static const char *
record_add(struct host *host, uint16_t type, const uint8_t *data, size_t size)
{
	struct record *r;
	size_t n = 0;

	for (r = host->records; r; r = r->next, n++)
		if (r->type == type &&
			(type == TYPE_PTR || memcmp(r->data, data, size) == 0))
			return NULL;
	if (n == RECORDS_MOST)
		return "too many addresses of one name";
	r = malloc(sizeof(*r) + size);
	if (!r)
		return strerror(ENOMEM);
	*r = (struct record){.type = type, .size = (uint16_t)size};
	memcpy(r->data, data, size);
	*host->last = r;
	host->last = &r->next;
	return NULL;
}

/* ---- a line ---- */

struct line {
	struct hosts *h;
	const struct name *zone;
	const char *at, *end;
	uint8_t address[16];
	size_t size; /* of the address, 4 or 16 */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* The next word and its length; 0: there is none. */
static size_t
word_next(struct line *l, const char **word)
{
	while (l->at < l->end && is_blank(*l->at))
		l->at++;
	*word = l->at;
	while (l->at < l->end && !is_blank(*l->at))
		l->at++;
	return (size_t)(l->at - *word);
}

static bool
address_parse(struct line *l, const char *word, size_t len)
{
	char text[INET6_ADDRSTRLEN];

	if (len >= sizeof(text) || memchr(word, '\0', len))
		return false;
	memcpy(text, word, len);
	text[len] = '\0';
	l->size = strchr(text, ':') ? 16 : 4;
	return inet_pton(l->size == 4 ? AF_INET : AF_INET6, text, l->address) ==
		1;
}

static const char *
pointer_add(struct line *l, const struct name *to)
{
	struct name reverse;
	struct host *host;

	name_reverse(&reverse, l->address, l->size);
	host = host_add(l->h, &reverse, l->zone);
	if (!host)
		return strerror(ENOMEM);
	return record_add(host, TYPE_PTR, to->bytes, to->len);
}

/* RFC 6761, 6.3: localhost is in no zone. */
static bool
is_of_the_zone(const char *word, size_t len)
{
	return !memchr(word, '.', len) &&
		(len != 9 || strncasecmp(word, "localhost", len) != 0);
}

static const char *
name_add(struct line *l, const char *word, size_t len, bool first)
{
	const char *wrong;
	struct host *host;
	struct name n;

	if (!name_parse(&n, word, len))
		return "not a host name";
	if (is_of_the_zone(word, len) && !name_append(&n, l->zone))
		return "a host name that is too long";
	wrong = first ? pointer_add(l, &n) : NULL;
	if (wrong || name_find_zone(&n, l->zone) < 0)
		return wrong;
	host = host_add(l->h, &n, l->zone);
	if (!host)
		return strerror(ENOMEM);
	return record_add(
		host, l->size == 4 ? TYPE_A : TYPE_AAAA, l->address, l->size);
}

static const char *
line_parse(struct line *l)
{
	const char *word, *wrong = NULL;
	size_t len = word_next(l, &word);
	bool first = true;

	if (len == 0)
		return NULL;
	if (!address_parse(l, word, len))
		return "not an IPv4 or IPv6 address";
	while (!wrong && (len = word_next(l, &word)) > 0) {
		wrong = name_add(l, word, len, first);
		first = false;
	}
	return wrong || !first ? wrong : "an address without a name";
}

/* ---- the file ---- */

static const char *
end_of(const char *text, const char *end, char c)
{
	const char *found = memchr(text, c, (size_t)(end - text));

	return found ? found : end;
}

struct hosts *
hosts_parse(const char *text, size_t len, const struct name *zone,
	struct hosts_error *error)
{
	const char *end = text + len, *newline;
	struct line l = {.h = hosts_new(len), .zone = zone};

	*error = (struct hosts_error){0, NULL};
	if (!l.h || !host_add(l.h, zone, zone))
		error->what = strerror(ENOMEM);
	while (text < end && !error->what) {
		newline = end_of(text, end, '\n');
		l.at = text;
		l.end = end_of(text, newline, '#');
		error->line++;
		error->what = line_parse(&l);
		text = newline < end ? newline + 1 : end;
	}
	if (!error->what)
		return l.h;
	hosts_free(l.h);
	return NULL;
}

/* Reads all of it into `*text', which the caller frees: its length, or -errno. */
static ssize_t
file_read(int fd, char **text)
{
	size_t size = 0, len = 0;
	ssize_t n = 1;
	char *more;

	while (n != 0) {
		if (len == size) {
			size = size > 0 ? 2 * size : 4096;
			more = size > FILE_MOST ? NULL : realloc(*text, size);
			if (!more)
				return size > FILE_MOST ? -EFBIG : -ENOMEM;
			*text = more;
		}
		n = read(fd, *text + len, size - len);
		if (n > 0)
			len += (size_t)n;
		else if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	return (ssize_t)len;
}

struct hosts *
hosts_read(const char *path, const struct name *zone, struct hosts_error *error)
{
	struct hosts *h = NULL;
	char *text = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -errno : file_read(fd, &text);

	if (len < 0)
		*error = (struct hosts_error){0, strerror((int)-len)};
	else
		h = hosts_parse(text, (size_t)len, zone, error);
	if (fd >= 0)
		close(fd);
	free(text);
	return h;
}

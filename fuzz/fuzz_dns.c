/*
 * dnsd's queries.  The input is a stream of them, each behind its length in 2
 * bytes.  Each answer is a well-formed message that repeats the query's question
 * and is no longer than allowed, and over TCP the answers do not depend on how
 * the bytes were split.
 */
#include "fuzz/fuzz.h"

#include "examples/dnsd/answer.h"
#include "examples/dnsd/frames.h"

#include <stdlib.h>
#include <string.h>

enum { STREAM_MOST = 1 << 20, OPT_SIZE = 11 };

static const char hosts[] = "192.0.2.1 www.example.test w\n"
			    "192.0.2.2 www\n192.0.2.3 www\n192.0.2.4 www\n"
			    "2001:db8::1 www.a.example.test other.org\n";

static struct zone zone = {.serial = 1, .version = "fuzzed"};

static void
zone_load(void)
{
	struct hosts_error error;

	if (zone.hosts)
		return;
	HOLDS(name_parse(&zone.name, "example.test", 12));
	zone.hosts = hosts_parse(hosts, sizeof(hosts) - 1, &zone.name, &error);
	HOLDS(zone.hosts);
}

/* ---- an answer ---- */

static unsigned
get_16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

/* Where what comes behind the name is.  Pointers point to earlier places. */
static size_t
name_end(const uint8_t *m, size_t size, size_t at)
{
	size_t end = 0, len = 0, label;

	for (;;) {
		HOLDS(at < size);
		if (m[at] >= 0xc0) {
			size_t to;

			HOLDS(at + 1 < size);
			to = get_16(m + at) & 0x3fff;
			HOLDS(to < at && to >= HEADER);
			end = end ? end : at + 2;
			at = to;
			continue;
		}
		HOLDS(m[at] <= LABEL_MOST);
		label = m[at];
		len += 1 + label;
		HOLDS(len <= NAME_MOST);
		at += 1 + label;
		if (label == 0)
			return end ? end : at;
	}
}

static size_t
record_end(const uint8_t *m, size_t size, size_t at)
{
	size_t data = name_end(m, size, at) + 10;
	unsigned type, len;

	HOLDS(data <= size);
	type = get_16(m + data - 10);
	len = get_16(m + data - 2);
	HOLDS(data + len <= size);
	if (type == 2 || type == 12)
		HOLDS(name_end(m, size, data) == data + len);
	if (type == 6)
		HOLDS(name_end(m, size, name_end(m, size, data)) + 20 ==
			data + len);
	return data + len;
}

static void
is_well_formed(const uint8_t *query, const uint8_t *m, size_t size)
{
	size_t at = HEADER, n;

	HOLDS(size >= HEADER);
	HOLDS(memcmp(query, m, 2) == 0 && m[2] & 0x80);
	HOLDS((query[2] & 0x79) == (m[2] & 0x79));
	HOLDS(get_16(m + 4) <= 1 && get_16(m + 10) <= 1);
	if (get_16(m + 4) == 1) {
		at = name_end(m, size, at) + 4;
		HOLDS(at <= size);
		HOLDS(memcmp(query + HEADER, m + HEADER, at - HEADER) == 0);
	}
	for (n = get_16(m + 6) + get_16(m + 8) + get_16(m + 10); n > 0; n--)
		at = record_end(m, size, at);
	HOLDS(at == size);
	if (get_16(m + 10) == 1)
		HOLDS(get_16(m + size - OPT_SIZE + 1) == TYPE_OPT);
	if (m[2] & 0x02) /* truncated, and to the question */
		HOLDS(get_16(m + 6) == 0 && get_16(m + 8) == 0);
}

static void
udp_is_sane(const uint8_t *query, size_t size)
{
	uint8_t m[UDP_MOST];
	size_t n = answer_udp(&zone, query, size, m);

	HOLDS((n == 0) == (size < HEADER || query[2] & 0x80));
	if (n == 0)
		return;
	is_well_formed(query, m, n);
	HOLDS(n <= UDP_MOST);
	if (get_16(m + 10) == 0)
		HOLDS(n <= 512 && n <= 3 * size);
}

/* ---- a stream ---- */

struct stream {
	struct frames in;
	size_t queries, size;
	uint8_t answers[STREAM_MOST];
};

static void
queries_answer(struct stream *s)
{
	static uint8_t m[MESSAGE_MOST];
	const uint8_t *query;
	size_t size, n;

	while ((query = frames_next(&s->in, &size))) {
		uint8_t *copy = (uint8_t *)fuzz_copy(query, size);

		n = answer_tcp(&zone, copy, size, m);
		if (n > 0)
			is_well_formed(copy, m, n);
		udp_is_sane(copy, size);
		free(copy);
		HOLDS(n <= sizeof(s->answers) - s->size);
		memcpy(s->answers + s->size, m, n);
		s->size += n;
		s->queries++;
	}
}

/* As a client reads them: as much as there is space for.  false: too long. */
static bool
receive(struct stream *s, const uint8_t *data, size_t size)
{
	while (size > 0 && !frames_too_long(&s->in)) {
		size_t n;
		uint8_t *space = frames_space(&s->in, &n);

		HOLDS(n > 0);
		n = n < size ? n : size;
		memcpy(space, data, n);
		frames_received(&s->in, n);
		data += n;
		size -= n;
		queries_answer(s);
	}
	return !frames_too_long(&s->in);
}

static void
stream_start(struct stream *s)
{
	s->in.start = s->in.end = 0;
	s->queries = s->size = 0;
}

static void
is_same(const struct stream *a, const struct stream *b)
{
	HOLDS(a->queries == b->queries && a->size == b->size);
	HOLDS(memcmp(a->answers, b->answers, a->size) == 0);
	HOLDS(frames_begun(&a->in) == frames_begun(&b->in));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stream whole, split;
	bool fits;

	zone_load();
	udp_is_sane(data, size);
	stream_start(&whole);
	fits = receive(&whole, data, size);
	for (size_t at = 0; at <= size; at = fuzz_next_split(at, size)) {
		stream_start(&split);
		HOLDS((receive(&split, data, at) &&
			      receive(&split, data + at, size - at)) == fits);
		is_same(&whole, &split);
	}
	return 0;
}

/* answer.h describes the functions. */
#include "answer.h"

#include <string.h>

enum {
	NOERROR = 0,
	FORMERR = 1,
	NXDOMAIN = 3,
	NOTIMP = 4,
	REFUSED = 5,
	BADVERS = 16 /* needs the 8 bits more of an OPT record */
};

enum {
	TYPE_NS = 2,
	TYPE_SOA = 6,
	TYPE_HINFO = 13,
	TYPE_TXT = 16,
	TYPE_IXFR = 251,
	TYPE_AXFR = 252,
	TYPE_ANY = 255
};

enum { PLAIN_MOST = 512, AMPLIFIED_MOST = 3, OPT_SIZE = 11 };

/* Seconds: how long others may keep an answer, and the fields of SOA. */
enum { TTL = 60, REFRESH = 3600, RETRY = 600, EXPIRE = 7 * 86400 };

/* ---- writing ---- */

/* A message.  What does not fit is left out, and `full' is set. */
struct writer {
	uint8_t *start, *at, *end;
	bool full;
	uint16_t flags;
	unsigned rcode;
	uint16_t answers, authority;
};

static void
put(struct writer *w, const void *data, size_t n)
{
	if ((size_t)(w->end - w->at) < n) {
		w->full = true;
		return;
	}
	memcpy(w->at, data, n);
	w->at += n;
}

static void
put_16(struct writer *w, size_t n)
{
	put(w, (uint8_t[]){(uint8_t)(n >> 8), (uint8_t)n}, 2);
}

static void
put_32(struct writer *w, uint32_t n)
{
	put_16(w, n >> 16);
	put_16(w, n);
}

/* A pointer to a name in the message, which is `at' bytes into the question. */
static void
put_pointer(struct writer *w, size_t at)
{
	put_16(w, 0xc000 | (HEADER + at));
}

/* The start of an answer, whose data comes next. */
static void
put_record(struct writer *w, const struct query *q, size_t owner, uint16_t type,
	size_t size)
{
	w->answers++;
	put_pointer(w, owner);
	put_16(w, type);
	put_16(w, q->class == CLASS_CH ? CLASS_CH : CLASS_IN);
	put_32(w, q->class == CLASS_CH ? 0 : TTL);
	put_16(w, size);
}

/* ---- the records of the zone itself ---- */

/* What a question is about. */
struct subject {
	const struct zone *zone;
	const struct query *q;
	const struct host *host; /* NULL: no such name */
	int in_zone;             /* where the zone's name is in it, or -1 */
	int apex;                /* where the name of its own zone is */
};

static size_t
server_name_size(const struct subject *s)
{
	return s->in_zone < 0 ? 3u + s->zone->name.len : 3 + 2;
}

/* The server is called ns.ZONE; put its address into the hosts file. */
static void
put_server_name(struct writer *w, const struct subject *s)
{
	put(w, "\2ns", 3);
	if (s->in_zone < 0)
		put(w, s->zone->name.bytes, s->zone->name.len);
	else
		put_pointer(w, (size_t)s->in_zone);
}

/*
 * The mailbox is a pointer to the server's name, ns@ZONE: short, so that the
 * record fits into answers of 3 times the query.
 */
static void
put_soa(struct writer *w, const struct subject *s)
{
	size_t size = server_name_size(s) + 2 + 5 * 4, server;

	put_record(w, s->q, (size_t)s->apex, TYPE_SOA, size);
	server = (size_t)(w->at - w->start);
	put_server_name(w, s);
	put_16(w, 0xc000 | server);
	put_32(w, s->zone->serial);
	put_32(w, REFRESH);
	put_32(w, RETRY);
	put_32(w, EXPIRE);
	put_32(w, TTL); /* of answers that there is nothing, RFC 2308 */
}

static void
put_ns(struct writer *w, const struct subject *s)
{
	put_record(w, s->q, (size_t)s->apex, TYPE_NS, server_name_size(s));
	put_server_name(w, s);
}

/* ---- answers ---- */

static void
put_records(struct writer *w, const struct subject *s)
{
	for (const struct record *r = s->host->records; r && !w->full;
		r = r->next) {
		if (r->type != s->q->type)
			continue;
		put_record(w, s->q, 0, r->type, r->size);
		put(w, r->data, r->size);
	}
}

/* RFC 8482: who asks for all gets one record, which says so. */
static void
put_any(struct writer *w, const struct subject *s)
{
	static const char hinfo[] = "\7RFC8482"; /* the NUL is an empty OS */

	if (!s->host->records && s->apex != 0)
		return;
	put_record(w, s->q, 0, TYPE_HINFO, sizeof(hinfo));
	put(w, hinfo, sizeof(hinfo));
}

static void
put_answers(struct writer *w, const struct subject *s)
{
	if (s->q->type == TYPE_ANY) {
		put_any(w, s);
		return;
	}
	put_records(w, s);
	if (s->apex == 0 && s->q->type == TYPE_SOA)
		put_soa(w, s);
	if (s->apex == 0 && s->q->type == TYPE_NS)
		put_ns(w, s);
}

static unsigned
answer_chaos(struct writer *w, const struct zone *z, const struct query *q)
{
	static const uint8_t version[] = "\7version\4bind"; /* with its NUL */
	size_t len = strlen(z->version);

	if (q->name.len != sizeof(version) ||
		memcmp(q->name.bytes, version, sizeof(version)) != 0)
		return REFUSED;
	if (q->type != TYPE_TXT && q->type != TYPE_ANY)
		return NOERROR;
	put_record(w, q, 0, TYPE_TXT, 1 + len);
	put(w, (uint8_t[]){(uint8_t)len}, 1);
	put(w, z->version, len);
	return NOERROR;
}

/*
 * An address outside the zone that has a PTR record is treated as a zone of its
 * own, with this server as its authority.
 */
static unsigned
answer_zone(struct writer *w, const struct zone *z, const struct query *q)
{
	struct subject s = {.zone = z,
		.q = q,
		.host = hosts_find(z->hosts, &q->name),
		.in_zone = name_find_zone(&q->name, &z->name)};

	if (s.in_zone < 0 && !s.host)
		return REFUSED;
	s.apex = s.in_zone < 0 ? 0 : s.in_zone;
	if (q->class == CLASS_IN)
		w->flags |= FLAG_AA; /* RFC 1034, 6.2: not for any class */
	if (s.host)
		put_answers(w, &s);
	if (w->answers == 0) {
		put_soa(w, &s); /* in the next section */
		w->authority = w->answers;
		w->answers = 0;
	}
	return s.host ? NOERROR : NXDOMAIN;
}

static unsigned
answer_query(struct writer *w, const struct zone *z, const struct query *q)
{
	if (q->flags & FLAG_OPCODE) /* a standard query has 0 */
		return NOTIMP;
	if (q->malformed)
		return FORMERR;
	if (q->edns && q->version > 0)
		return BADVERS;
	if (q->class == CLASS_CH)
		return answer_chaos(w, z, q);
	if (q->class != CLASS_IN && q->class != CLASS_ANY)
		return REFUSED;
	if (q->type == TYPE_AXFR || q->type == TYPE_IXFR)
		return REFUSED;
	return answer_zone(w, z, q);
}

/* ---- the message ---- */

static void
put_opt(struct writer *w, const struct query *q)
{
	put(w, "", 1); /* the root */
	put_16(w, TYPE_OPT);
	put_16(w, UDP_MOST);
	put_16(w, (w->rcode >> 4) << 8); /* version 0 */
	put_16(w, q->dnssec_ok ? 0x8000 : 0);
	put_16(w, 0);
}

/*
 * RA is set if RD was.  Our answers need no recursion, and dig warns if RA is
 * missing.
 */
static void
put_header(struct writer *w, const struct query *q)
{
	uint16_t copied = q->flags & (FLAG_OPCODE | FLAG_RD | FLAG_CD);
	uint16_t available = q->flags & FLAG_RD ? FLAG_RA : 0;

	put(w, q->bytes, 2);
	put_16(w, FLAG_QR | copied | available | w->flags | (w->rcode & 15));
	put_16(w, q->question > 0);
	put_16(w, w->answers);
	put_16(w, w->authority);
	put_16(w, q->edns);
}

static size_t
answer(const struct zone *z, const struct query *q, uint8_t *to, size_t most)
{
	uint8_t *records = to + HEADER + q->question;
	struct writer w = {.start = to, .at = records};

	memcpy(to + HEADER, q->bytes + HEADER, q->question);
	w.end = to + most - (q->edns ? OPT_SIZE : 0);
	w.rcode = answer_query(&w, z, q);
	if (w.full) {
		w.flags |= FLAG_TC;
		w.answers = w.authority = 0;
		w.at = records;
	}
	w.end = to + most;
	if (q->edns)
		put_opt(&w, q);
	most = (size_t)(w.at - to);
	w.at = to;
	put_header(&w, q);
	return most;
}

static size_t
udp_most(const struct query *q)
{
	size_t most = AMPLIFIED_MOST * q->size;

	if (!q->edns)
		return most < PLAIN_MOST ? most : PLAIN_MOST;
	if (q->payload < PLAIN_MOST)
		return PLAIN_MOST;
	return q->payload < UDP_MOST ? q->payload : UDP_MOST;
}

size_t
answer_udp(const struct zone *z, const uint8_t *query, size_t size,
	uint8_t answer_to[UDP_MOST])
{
	struct query q;

	return query_read(&q, query, size)
		? answer(z, &q, answer_to, udp_most(&q))
		: 0;
}

size_t
answer_tcp(const struct zone *z, const uint8_t *query, size_t size,
	uint8_t answer_to[MESSAGE_MOST])
{
	struct query q;

	return query_read(&q, query, size)
		? answer(z, &q, answer_to, MESSAGE_MOST)
		: 0;
}

/* message.h describes the functions. */
#include "message.h"

/* What is left of a message; `wrong' once something was not there. */
struct reader {
	const uint8_t *at, *end;
	bool wrong;
};

static const uint8_t *
take(struct reader *r, size_t n)
{
	const uint8_t *at = r->at;

	if ((size_t)(r->end - at) < n) {
		r->wrong = true;
		return NULL;
	}
	r->at += n;
	return at;
}

static uint16_t
take_16(struct reader *r)
{
	const uint8_t *p = take(r, 2);

	if (!p)
		return 0;
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void
take_question(struct reader *r, struct query *q)
{
	size_t n = name_read(&q->name, r->at, (size_t)(r->end - r->at));

	if (n == 0)
		r->wrong = true;
	r->at += n;
	q->type = take_16(r);
	q->class = take_16(r);
	if (!r->wrong)
		q->question = (size_t)(r->at - q->bytes) - HEADER;
}

/*
 * Skips the name of a record.  A pointer at its end is not followed, because the
 * name is not used.  Returns whether it is the root.
 */
static bool
take_owner(struct reader *r)
{
	const uint8_t *start = r->at, *p;

	while ((p = take(r, 1)) && *p > 0 && *p <= LABEL_MOST)
		(void)take(r, *p);
	if (p && *p > LABEL_MOST && (*p < 0xc0 || !take(r, 1)))
		r->wrong = true;
	if (r->at - start > NAME_MOST)
		r->wrong = true;
	return r->at - start == 1;
}

/* RFC 6891, 6.1.2: the class and the TTL of an OPT record are its fields. */
static void
take_opt(struct reader *r, struct query *q, bool at_root)
{
	const uint8_t *ttl;

	if (q->edns || !at_root)
		r->wrong = true; /* there is at most one */
	q->edns = true;
	q->payload = take_16(r);
	ttl = take(r, 4);
	if (ttl) {
		q->version = ttl[1];
		q->dnssec_ok = (ttl[2] & 0x80) != 0;
	}
}

static void
take_record(struct reader *r, struct query *q, bool additional)
{
	bool at_root = take_owner(r);

	if (take_16(r) != TYPE_OPT)
		(void)take(r, 6);
	else if (additional)
		take_opt(r, q, at_root);
	else
		r->wrong = true;
	(void)take(r, take_16(r));
}

bool
query_read(struct query *ret, const uint8_t *bytes, size_t size)
{
	struct reader r = {bytes, bytes + size, false};
	uint16_t questions, answers, authority, additional;

	if (size < HEADER)
		return false;
	(void)take_16(&r); /* the identifier */
	/* Field by field: the name needs no zeros. */
	ret->bytes = bytes;
	ret->size = size;
	ret->question = 0;
	ret->edns = ret->dnssec_ok = false;
	ret->version = 0;
	ret->flags = take_16(&r);
	questions = take_16(&r);
	answers = take_16(&r);
	authority = take_16(&r);
	additional = take_16(&r);
	if (questions == 1)
		take_question(&r, ret);
	for (; authority > 0 && !r.wrong; authority--)
		take_record(&r, ret, false);
	for (; additional > 0 && !r.wrong; additional--)
		take_record(&r, ret, true);
	ret->malformed =
		r.wrong || questions != 1 || answers != 0 || r.at != r.end;
	return !(ret->flags & FLAG_QR);
}

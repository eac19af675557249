/* The questions of RFC 1035, with the OPT record of RFC 6891. */
#ifndef EXAMPLES_DNSD_MESSAGE_H
#define EXAMPLES_DNSD_MESSAGE_H

#include "name.h"

enum { HEADER = 12, MESSAGE_MOST = 65535 };

/* The second 16 bits of a header. */
enum {
	FLAG_QR = 0x8000, /* it is a response */
	FLAG_OPCODE = 0x7800,
	FLAG_AA = 0x0400, /* an authoritative answer */
	FLAG_TC = 0x0200, /* truncated */
	FLAG_RD = 0x0100, /* recursion desired */
	FLAG_RA = 0x0080, /* recursion available */
	FLAG_CD = 0x0010  /* checking disabled */
};

enum { TYPE_OPT = 41, CLASS_IN = 1, CLASS_CH = 3, CLASS_ANY = 255 };

struct query {
	const uint8_t *bytes;
	size_t size;
	uint16_t flags;
	bool malformed;
	size_t question; /* its length, behind the header; 0: there is none */
	struct name name;
	uint16_t type, class;
	bool edns, dnssec_ok; /* whether there is an OPT record; its DO bit */
	uint8_t version;      /* of EDNS */
	uint16_t payload;     /* the most bytes that the client receives */
};

/*
 * Reads a message.  Returns false if it must not be answered: it is shorter than
 * a header, or a response.  A message that is malformed otherwise is one to
 * answer.  `bytes' must stay as long as the query is used.
 */
bool query_read(struct query *ret, const uint8_t *bytes, size_t size);

#endif

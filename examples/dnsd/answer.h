/* The answers of an authoritative server. */
#ifndef EXAMPLES_DNSD_ANSWER_H
#define EXAMPLES_DNSD_ANSWER_H

#include "hosts.h"
#include "message.h"

struct zone {
	struct name name;
	struct hosts *hosts;
	uint32_t serial;     /* of its SOA record */
	const char *version; /* for version.bind: at most 63 characters */
};

/* What we receive and send over UDP: more may be lost in fragments. */
enum { UDP_MOST = 1232 };

/*
 * Answers a message over UDP, or over TCP.  Writes at most UDP_MOST or
 * MESSAGE_MOST bytes, and returns how many; 0: there is no answer.
 *
 * An answer over UDP is truncated, to the question, if it has more bytes than
 * the client receives.  Without EDNS that is 512, but never more than 3 times
 * the query: its sender may be forged, and the victim gets the answer.
 */
size_t answer_udp(const struct zone *z, const uint8_t *query, size_t size,
	uint8_t answer[UDP_MOST]);
size_t answer_tcp(const struct zone *z, const uint8_t *query, size_t size,
	uint8_t answer[MESSAGE_MOST]);

#endif

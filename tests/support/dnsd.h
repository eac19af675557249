/*
 * dnsd with a hosts file of the test, and a client that speaks DNS to it.
 *
 * The zone is example.test.  A query is made by query_make() and the functions
 * that change it; an answer is shown as a text:
 *
 *	NOERROR aa: www.example.test A 192.0.2.1
 *	NXDOMAIN aa: - example.test SOA ns.example.test
 *	NOERROR aa tc opt=1232 do:
 *
 * Records behind "-" are in the authority section.  Every answer must be well
 * formed to its last byte, and must be that to the query, whose question it
 * repeats as it was.
 */
#ifndef SOCLE_TESTS_DNSD_H
#define SOCLE_TESTS_DNSD_H

#include "tests/support/program.h"

enum {
	A = 1,
	NS = 2,
	SOA = 6,
	PTR = 12,
	HINFO = 13,
	MX = 15,
	TXT = 16,
	AAAA = 28,
	AXFR = 252,
	ANY = 255
};

struct dns_message {
	size_t size;
	uint8_t bytes[65535];
};
extern struct dns_message query, answer;

/* ---- the server ---- */

/* Writes the hosts file and starts the server. */
void dnsd_start(const char *where, const char *hosts);

/* Has the server read the file again, with this text; it has when this returns. */
void dnsd_reload(const char *hosts);

/* Teardown; removes the file. */
int dnsd_teardown(void **state);
#define dnsd_test(name)                                                        \
	cmocka_unit_test_setup_teardown(name, fixture_setup, dnsd_teardown)

/* ---- queries and answers ---- */

/* Of class IN, without flags; a name is followed by the root. */
void query_make(const char *name, int type);
void query_put(const void *data, size_t size);
/* Sets the 16 bits at the place in the message. */
void query_set(size_t at, int value);
enum { AT_FLAGS = 2, AT_QUESTIONS = 4, AT_ANSWERS = 6, AT_ADDITIONAL = 10 };
/* Appends an OPT record. */
void query_edns(int payload, int version, bool dnssec);

/* Reads `answer', and shows it. */
const char *answer_text(void);

/* A client that is connected to an address of the server. */
int udp_client(const char *ip);

/* Sends the query, and receives the answer. */
const char *udp_answer(int fd);
/* The same for a query that is made here, from a client of its own. */
const char *ask(const char *name, int type);

void tcp_send(int fd);
const char *tcp_receive(int fd);

#endif

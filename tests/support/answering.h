/* For the tests of answers: a server, its client, and a handler that echoes. */
#ifndef SOCLE_TESTS_ANSWERING_H
#define SOCLE_TESTS_ANSWERING_H

#include "tests/support/dgrams.h"

/* The socket of the client of the last server, and that server's address. */
extern int asker;
extern struct socle_addr server_addr;

/*
 * A server that receives 8 datagrams in a call, and a client, which has sent
 * "1", "2" and so on.
 */
struct recorder *server_with(int questions,
	void (*on_recv)(struct recorder *t, const struct socle_packet *p));
/* The same with other parameters, bound to `address'. */
struct recorder *server_at(const char *address, const char *asked,
	const struct socle_dgram_params *params, int questions,
	void (*on_recv)(struct recorder *t, const struct socle_packet *p));
void server_end(void);

/*
 * Waits until all that was sent has arrived.  On a busy machine the kernel
 * delivers datagrams some time after the send, in order.
 */
void all_arrived(void);

/* Counts the calls in which the server receives the questions and answers. */
void answer_all(struct recorder *t, int questions);

/* The client has received each character as a datagram, and nothing else. */
void assert_answers(const char *texts);

/* Answers with the data that was received, which is queued. */
void echo(struct recorder *t, const struct socle_packet *p);

/* The kernel refuses every send with ENOBUFS until seam_heal(). */
void block_sends(void);

#endif

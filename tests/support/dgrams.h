/*
 * For the tests of dgrams: sockets, and a class that notes every event.
 */
#ifndef SOCLE_TESTS_DGRAMS_H
#define SOCLE_TESTS_DGRAMS_H

#include "tests/support/fixture.h"

#include <sys/socket.h>

/* ---- sockets, non-blocking and close-on-exec ---- */

void pair_dgram(int fds[2]);            /* AF_UNIX, connected to each other */
void pair_udp(int fds[2]);              /* the same over loopback */
int udp_bound(struct socle_addr *ret);  /* to 127.0.0.1, any port */
int udp_to(const struct socle_addr *a); /* connected */
/* A loopback address without a socket. */
void udp_nowhere(struct socle_addr *ret);
void name_of(int fd, struct socle_addr *ret);

/* Sends `text' as one datagram. */
void datagram(int fd, const char *text);
void datagram_to(int fd, const struct socle_addr *to, const char *text);

/* The next datagram is `text'; no datagram waits. */
void assert_receives(int fd, const char *text);
void assert_receives_nothing(int fd);

/* ---- a class that notes every event ---- */

/*
 * Notes "<text>" (received), "rerr<err>", "serr<err>:<text>", "empty",
 * "idle", "stall", "close(reason)", "destroy". The hooks, if set, are called after the note.
 */
struct recorder {
	struct socle_dgram dgram;
	int received, recv_errors, send_errors, emptied;
	/* except its data, which is not valid any more */
	struct socle_packet last;
	bool quiet; /* counts and notes nothing */
	void (*on_recv)(struct recorder *t, const struct socle_packet *p);
	void (*on_recv_error)(struct recorder *t, int err);
	void (*on_send_error)(
		struct recorder *t, int err, const struct socle_packet *p);
	void (*on_empty)(struct recorder *t);
	void *arg;
};
extern const struct socle_dgram_class recorder_class;

struct recorder *recorder_of(struct socle_dgram *d);

/* Made by socle_dgram_new() with `fd', which must succeed. */
struct recorder *recorder_new(int fd, const struct socle_dgram_params *p);

/* Sends `text', which must be accepted; returns the result. */
int recorder_send(struct recorder *t, const char *text);

void turn_until_received(struct recorder *t, int n);

#endif

/* Socket options and control messages of datagram objects. */
#ifndef SOCLE_SOCKETS_DGRAM_OPTIONS_H
#define SOCLE_SOCKETS_DGRAM_OPTIONS_H

#include "sockets/dgram/state.h"

#include "system.h"

#include <netinet/in.h>

/* The address that a reply is sent from. */
struct socle__dgram_source {
	sa_family_t family;
	union {
		struct in_addr in;
		struct in6_addr in6;
	} u;
};

/* Stores the flags that follow from the socket's type; 0 or -errno. */
int socle__dgram_type(int fd, uint32_t *flags);
/* Turns reporting of destination addresses on or off; 0 or -errno. */
int socle__dgram_pktinfo(int fd, bool on);
/* Whether the kernel can join received (UDP_GRO), split sent (UDP_SEGMENT). */
bool socle__dgram_join_in(int fd, bool on);
/*
 * Turns UDP_GRO off, unless joined datagrams may wait in the kernel: without
 * the option they would be received as one.  Whether it is off now.
 */
bool socle__dgram_join_in_end(int fd);
/* Turns it off and discards waiting datagrams, which may be joined. */
void socle__dgram_join_in_abandon(int fd);
bool socle__dgram_join_out(int fd);
/* The bytes that a message needs for its control data. */
size_t socle__dgram_control_len(const struct socle_dgram *d);
/* Fills in `to' and `ifindex'; the length of each joined datagram, or 0. */
size_t socle__dgram_control_read(
	struct socle_dgram *d, struct msghdr *m, struct socle_packet *p);

/* Room for all control data of a message that is sent. */
struct socle__dgram_control {
	_Alignas(struct cmsghdr) char room[128];
};

/*
 * Append to the control data of `m', which is none or lies in `room', that of a
 * socle__dgram_control.  The first does nothing where no source can be given.
 */
void socle__dgram_control_source(
	struct msghdr *m, char *room, const struct socle__dgram_source *source);
void socle__dgram_control_segment(struct msghdr *m, char *room, size_t segment);
/*
 * Whether the kernel may have queued errors for `fd'.  Other sockets do not
 * know MSG_ERRQUEUE: reading there would take a datagram.
 */
bool socle__dgram_keeps_errors(int fd);
/*
 * Reads the next entry of the socket's error queue: -errno; 1: an entry that
 * is no error; 0: the queue is empty.
 */
int socle__dgram_kept_error(int fd);

#endif

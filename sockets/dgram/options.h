/* Options of a datagram object's socket, and control data. */
#ifndef SOCLE_SOCKETS_DGRAM_OPTIONS_H
#define SOCLE_SOCKETS_DGRAM_OPTIONS_H

#include "sockets/dgram/state.h"

#include "system.h"

#include <netinet/in.h>

/* Where a reply is to come from. */
struct socle__dgram_source {
	sa_family_t family;
	union {
		struct in_addr in;
		struct in6_addr in6;
	} u;
};

/* The flags that follow from the type of the socket; 0 or -errno. */
int socle__dgram_type(int fd, uint32_t *flags);
int socle__dgram_pktinfo(int fd, bool on);
/* Whether joined datagrams can be received, or sent. */
bool socle__dgram_join_in(int fd, bool on);
bool socle__dgram_join_out(int fd);
/* Bytes for the control data of a message. */
size_t socle__dgram_control_len(const struct socle_dgram *d);
/* Fills in `to' and `ifindex'; the length of each of joined ones, or 0. */
size_t socle__dgram_control_read(
	struct socle_dgram *d, struct msghdr *m, struct socle_packet *p);
/* requires: msg_control has room, msg_controllen of it is used */
void socle__dgram_control_source(
	struct msghdr *m, const struct socle__dgram_source *source);
void socle__dgram_control_segment(struct msghdr *m, size_t segment);
/* The next of what the kernel keeps: -errno; 1: no error; 0: no more. */
int socle__dgram_kept_error(int fd);

#endif

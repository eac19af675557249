/* DNS over UDP. */
#ifndef EXAMPLES_DNSD_UDP_H
#define EXAMPLES_DNSD_UDP_H

#include "answer.h"

#include <socle/socle.h>

/*
 * Answers for the zone what arrives at an address, "127.0.0.1:53".  Returns as
 * socle_dgram_open().
 */
int udp_open(
	const char *where, const struct zone *zone, struct socle_dgram **ret);

/* The server stops: sends what it has, and closes. */
void udp_drain(struct socle_dgram *d);

#endif

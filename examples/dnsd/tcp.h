/* DNS over TCP, RFC 7766: the clients of the listeners. */
#ifndef EXAMPLES_DNSD_TCP_H
#define EXAMPLES_DNSD_TCP_H

#include "answer.h"

#include <socle/socle.h>

/* The zone that the clients ask about. */
void tcp_set_zone(const struct zone *zone);

extern const struct socle_class tcp_class;

/* The server stops: closes each client when it has its answers. */
void tcp_drain(bool idle);

#endif

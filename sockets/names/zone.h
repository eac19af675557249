/* Addresses whose zone is the name of an interface. */
#ifndef SOCLE_SOCKETS_NAMES_ZONE_H
#define SOCLE_SOCKETS_NAMES_ZONE_H

#include "sockets/names/addr.h"

/*
 * As socle_addr_parse(), but the zone may be a name: "[fe80::1%eth0]:80".
 * -ENODEV: no interface has this name.
 */
int socle__addr_parse_zone(
	struct socle_addr *ret, const char *text, uint16_t default_port);

#endif

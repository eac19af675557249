/* The address strings of sockets, for people and logs. */
#ifndef SOCLE_SOCKETS_ADDR_PRIVATE_H
#define SOCLE_SOCKETS_ADDR_PRIVATE_H

#include "sockets/names/addr.h"

#include <stdbool.h>

/*
 * Danga::Socket's peer_addr_string with a port, "127.0.0.1:80", "[::1]:80",
 * and its peer_ip_string without, "127.0.0.1", "::1"; a scope id is shown in
 * both, "fe80::1%2".  AF_UNIX, in both: the path, "@name", or "unix" for an
 * unnamed socket.
 * A peer chooses its own path, so control characters in it are written \xNN.
 * Results are those of socle_addr_format(); SOCLE_ADDR_TEXT_MAX is enough.
 */
int socle__addr_string(
	const struct socle_addr *a, bool with_port, char *buf, size_t size);

#endif

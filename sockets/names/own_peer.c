/*
 * TCP sockets that are connected to themselves.
 *
 * What counts is the peer that the kernel reports: the address that was given
 * to connect(2) may be a wildcard, which stands for loopback.
 */
#include "sockets/names/own_peer.h"

#include "sockets/names/socket_type.h"

#include "seam.h"

#include <string.h>

/* requires: the addresses of one socket, and so of one family */
static bool
is_same_ip(const struct socle_addr *a, const struct socle_addr *b)
{
	if (a->u.sa.sa_family == AF_INET)
		return a->u.in.sin_port == b->u.in.sin_port &&
			a->u.in.sin_addr.s_addr == b->u.in.sin_addr.s_addr;
	return a->u.in6.sin6_port == b->u.in6.sin6_port &&
		memcmp(&a->u.in6.sin6_addr, &b->u.in6.sin6_addr,
			sizeof(a->u.in6.sin6_addr)) == 0;
}

bool
socle__is_own_peer(int fd, const struct socle_addr *peer)
{
	struct socle_addr local = {.len = sizeof(local.u)};

	return (peer->u.sa.sa_family == AF_INET ||
		       peer->u.sa.sa_family == AF_INET6) &&
		sys_getsockname(fd, &local.u.sa, &local.len) == 0 &&
		is_same_ip(&local, peer) &&
		socle__socket_type(fd) == SOCK_STREAM;
}

/*
 * Whether a sender can be answered.
 *
 * Anybody can send a datagram whose source port is 0, or without a name.  The
 * answer would fail later, in the queue, where the reason is lost.
 */
#include "sockets/dgram/answer.h"

#include "sockets/dgram/call.h"
#include "sockets/names/socket_type.h"

#include "seam.h"

#include <stddef.h>

static bool
is_unnamed(const struct socle_addr *a)
{
	size_t path = offsetof(struct sockaddr_un, sun_path);

	if (a->len == 0)
		return true;
	if (a->u.sa.sa_family != AF_UNIX)
		return false;
	return a->len <= path || (!SOCLE__HAVE_ABSTRACT && !a->u.room[path]);
}

static bool
has_peer(struct socle_dgram *d)
{
	struct socle_addr a;
	socklen_t len = sizeof(a.u);

	if (!(d->flags & SOCLE__DGRAM_HAS_PEER) &&
		sys_getpeername(socle__dgram_out_fd(d), &a.u.sa, &len) == 0)
		d->flags |= SOCLE__DGRAM_HAS_PEER;
	return (d->flags & SOCLE__DGRAM_HAS_PEER) != 0;
}

int
socle__dgram_answerable(struct socle_dgram *d, const struct socle_addr *from)
{
	if (socle__is_closed(&d->sock))
		return 0; /* the send says so */
	if (is_unnamed(from))
		return has_peer(d) ? 1 : -EDESTADDRREQ;
	if (socle_addr_port(from) == 0 && socle__socket_has_ports(d->sock.d.fd))
		return -EINVAL;
	return 0;
}

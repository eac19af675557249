/* One address being tried: its result, and its end. */
#include "sockets/factory/attempt.h"

#include "reactor/map.h"
#include "reactor/reactor.h"
#include "sockets/factory/bind.h"
#include "sockets/names/own_peer.h"
#include "sockets/names/socket_error.h"

#include "seam.h"

int
socle__attempt_detach(struct socle__attempt *a)
{
	struct socle__attempt **at = &a->f->attempts;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	a->f = NULL;
	return socle__descriptor_detach(&a->d);
}

void
socle__attempt_close(struct socle__attempt *a)
{
	struct socle_factory *f = a->f;
	int fd = socle__attempt_detach(a);

	if (!(a->d.bits & SOCLE__KEEP_FD))
		sys_close(fd);
	if (!socle__is_forked(socle__reactor))
		socle__factory_unlink(f);
}

int
socle__attempt_result(const struct socle__attempt *a, bool ended)
{
	struct socle_addr peer = {.len = sizeof(peer.u)};
	int err, failed = socle__socket_error(a->d.fd, &err);

	if (failed < 0 || err < 0)
		return failed < 0 ? failed : err;
	if (sys_getpeername(a->d.fd, &peer.u.sa, &peer.len) < 0)
		return errno == ENOTCONN && !ended ? 0 : -errno;
	return socle__is_own_peer(a->d.fd, &peer) ? -ECONNREFUSED : 1;
}

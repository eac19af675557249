/*
 * Names to addresses, without blocking the loop.
 *
 * Names are looked up by the system's getaddrinfo(3), on helper threads: at
 * most eight of the process at once, started when there is work and ended
 * when there is none, with all signals blocked.  Further names wait for one
 * of them in the order of the calls.
 */
#ifndef SOCLE_SOCKETS_RESOLVE_H
#define SOCLE_SOCKETS_RESOLVE_H

#include "addr.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct socle_resolve; /* a request */

/*
 * Looks up `host' and `service', and calls `fn' once with what was found: on
 * this thread, in a later tick, never inside this call.
 *
 *	host	a name; a number, "1.2.3.4", "::1" or "fe80::1%2"; or NULL:
 *		any address, "::" before "0.0.0.0", to listen at
 *	service	a name, a port 0 .. 65535, or NULL or "": port 0
 *	family	AF_UNSPEC, AF_INET or AF_INET6
 *	type	SOCK_STREAM (0 is the same) or SOCK_DGRAM: the kind of service
 *
 * Two numbers need no thread and ask nobody.  The texts are copied.  *ret, if
 * ret is not NULL, is the request, good until `fn' returns, until it is
 * cancelled, or until socle_reset() or the end of the thread, which let go of
 * it without calling `fn'.
 *
 * `fn' gets err 0 and n > 0 addresses, best first as the system sorts them
 * (RFC 6724), none twice; they live for the call.  Or n is 0, addrs NULL, and
 * err one of
 *
 *	-EADDRNOTAVAIL	no such host, or it has no address of that family
 *	-EINVAL		no such service, or none of that type
 *	-ETIMEDOUT	no name server answers; later one may
 *	-EIO		the name servers fail for good
 *	-ECANCELED	the process is a child, forked meanwhile: its parent
 *			has the helper threads, and gets the answer
 *	-ENOMEM, or what a system call said; never -EAGAIN
 *
 * There is no limit of time but the system's: start a timer, and cancel.
 *
 * 0; or, with nothing done and `fn' never called, -EINVAL: `fn' is NULL, or the
 * service is a number and no port; -EAFNOSUPPORT: another family; -ENOMEM,
 * also for want of threads or fds.
 */
int socle_resolve(const char *host, const char *service, int family, int type,
	void (*fn)(
		int err, const struct socle_addr *addrs, size_t n, void *arg),
	void *arg, struct socle_resolve **ret);

/*
 * `fn' is not called any more, wherever the request stands.  A look-up that
 * is under way ends by itself, unseen.  On the thread that made the request;
 * harmless inside its own `fn', and of NULL.
 */
void socle_resolve_cancel(struct socle_resolve *r);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

/*
 * Non-blocking name resolution.
 *
 * The system's getaddrinfo(3) runs on helper threads, at most eight in the
 * process.  They are started when there is work, stop when there is none, and
 * have all signals blocked.  Further requests wait in the order of the calls.
 */
#ifndef SOCLE_SOCKETS_RESOLVE_H
#define SOCLE_SOCKETS_RESOLVE_H

#include "addr.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)
/* A function and a struct share a name, of which g++ -Wshadow warns. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

struct socle_resolve; /* a request */

/*
 * Resolves `host' and `service', and calls `fn' once with the result: on this
 * thread, in a later tick, never inside this call.
 *
 *	host	a name; a number such as "1.2.3.4", "::1" or "fe80::1%2"; or
 *		NULL for the wildcard addresses to listen at, "::" before
 *		"0.0.0.0"
 *	service	a name; a port 0 .. 65535; NULL or "" for port 0
 *	family	AF_UNSPEC, AF_INET or AF_INET6
 *	type	SOCK_STREAM (or 0) or SOCK_DGRAM: the kind of service
 *
 * If both are numeric, or `host' is NULL and `service' numeric, no thread and
 * no name service is used.  The texts are copied.  If `ret' is not NULL, *ret
 * is the request, for socle_resolve_cancel(); on failure it is unchanged.  The
 * library owns the request and frees it after `fn' has returned or after it was
 * cancelled.  socle_reset() and the end of the thread also free it, without
 * calling `fn'.
 *
 * On success `fn' receives err 0 and n > 0 addresses, in the system's order
 * (RFC 6724), without duplicates; they are valid during the call.  Otherwise n
 * is 0, addrs is NULL, and err is one of
 *
 *	-EADDRNOTAVAIL	no such host, or it has no address of this family
 *	-EINVAL		no such service, or none of this type
 *	-ETIMEDOUT	no name server answers; a later try may succeed
 *	-EIO		the name servers fail permanently
 *	-ECANCELED	the process was forked after the request, and this is
 *			the child; the helper threads and the answer are the
 *			parent's
 *	-ENOMEM, or the error of a system call; never -EAGAIN
 *
 * There is no timeout but the system's.  For a shorter one start a timer and
 * cancel the request.
 *
 * Returns 0.  On failure nothing was started and `fn' is never called: -EINVAL
 * if `fn' is NULL, if `service' is a number but not a port, or if `host' has
 * white space or is a number in a form that socle_addr_parse() refuses, such as
 * "127.1" or "0x7f.1"; -EAFNOSUPPORT for any other family; -ENOMEM: out of
 * memory, threads or fds.
 */
int socle_resolve(const char *host, const char *service, int family, int type,
	void (*fn)(
		int err, const struct socle_addr *addrs, size_t n, void *arg),
	void *arg, struct socle_resolve **ret);

/*
 * Cancels a request: `fn' is not called after this.  A look-up in progress on
 * a helper thread finishes, and its result is dropped.  To be called on the
 * thread that made the request, at most once, and not after `fn' has returned;
 * inside `fn' it does nothing.  NULL is ignored.
 */
void socle_resolve_cancel(struct socle_resolve *r);

#pragma GCC diagnostic pop
#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

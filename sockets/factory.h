/*
 * Making sockets: listeners.
 *
 * A factory belongs to the loop of the thread that made it; like an object it
 * is let go at the end of a tick, so that it may be freed anywhere, inside its
 * own callbacks too.
 */
#ifndef SOCLE_SOCKETS_FACTORY_H
#define SOCLE_SOCKETS_FACTORY_H

#include "addr.h"
#include "class.h"
#include "socket.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/*
 * Listens at a numeric address ("127.0.0.1:8080", "[::]:80") or on AF_UNIX
 * ("unix:/run/x.sock", "unix:@name"), and makes an object of class `cls' of
 * each client: zeroed beyond its base, non-blocking, close-on-exec, watched
 * for reading; its event_accepted is told.  Clients are taken in batches that
 * grow with the rush.  Port 0 lets the kernel choose: ask
 * socle_factory_getsockname().
 *
 * The address may be used again at once (SO_REUSEADDR), small writes of
 * accepted TCP sockets are not delayed (TCP_NODELAY), "[::]" serves IPv4 too.
 * The file of a unix socket that nobody answers at is replaced, and ours is
 * removed when the factory is freed.  When the process is out of fds,
 * accepting pauses until the library closes one, and looks again ten times a
 * second.
 *
 * 0, or -errno with nothing done: -EINVAL, -ENAMETOOLONG for the text or the
 * class, and what socket(2), bind(2) and listen(2) say.
 */
int socle_listen(const char *where, const struct socle_class *cls,
	struct socle_factory **ret);

/*
 * No client is taken until resume; they wait in the backlog.  Neither counts:
 * one resume undoes any number of pauses.
 */
void socle_pause_accept(struct socle_factory *f);
void socle_resume_accept(struct socle_factory *f);

/* The address it listens at.  0 or -errno. */
int socle_factory_getsockname(
	const struct socle_factory *f, struct socle_addr *ret);

/* Unique among the factories of the process, never 0. */
uint64_t socle_factory_id(const struct socle_factory *f);

/* Stops listening; no event comes after it.  Objects it made stay. */
void socle_factory_free(struct socle_factory *f);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif

/* A factory's sockets: options, address, and the file of a unix socket. */
#ifndef SOCLE_SOCKETS_FACTORY_BIND_H
#define SOCLE_SOCKETS_FACTORY_BIND_H

#include "sockets/factory/state.h"

/*
 * Creates a non-blocking socket with the factory's options.  The fd; or
 * -errno, and *operation names the call that failed.
 */
int socle__factory_socket(
	const struct socle_factory *f, int family, const char **operation);

/* Binds it if there is a bind address, and notes its file; 0 or -errno. */
int socle__factory_bind(struct socle_factory *f, int fd);

/* Removes a stale file of a unix socket if unlink_stale is set. */
void socle__factory_unlink_stale(const struct socle_factory *f);

/* -EADDRINUSE if another process has removed or replaced that file; else 0. */
int socle__factory_check_file(const struct socle_factory *f);

/*
 * The listener, whose socket another process has bound, removes its file when it
 * is freed.
 */
void socle__factory_inherit_file(struct socle_factory *f);

/* Removes the file that bind(2) created, if it is still the same file. */
void socle__factory_unlink(struct socle_factory *f);

#endif

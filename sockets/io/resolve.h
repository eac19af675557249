/* Strings to addresses and protocols. */
#ifndef SOCLE_SOCKETS_IO_RESOLVE_H
#define SOCLE_SOCKETS_IO_RESOLVE_H

#include "sockets/io/io.h"

struct socle__io_list {
	struct socle_addr *at; /* sys_malloc'ed */
	size_t n;
};

/* One side of the parameters. */
struct socle__io_side {
	const char *operation; /* bind, connect */
	const char *addr, *port;
	int domain;
	int *type; /* 0 there: a service that has a name decides it */
	bool local;
};

static inline bool
socle__io_is_text(const char *text)
{
	return text != NULL && *text != '\0';
}

/* The addresses of a side, at least one; a failure is noted. */
int socle__io_resolve(struct socle_io *io, const struct socle__io_side *side,
	struct socle__io_list *ret);

/*
 * A protocol's number, and its type in *type if that is 0 and it has one.  Names
 * are those of the internet: the number is 0 in other domains; with AF_UNIX, it
 * always is.  `domain' 0: not known yet.
 */
int socle__io_protocol(
	struct socle_io *io, const char *name, int domain, int *type);

#endif

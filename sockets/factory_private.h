/*
 * What the files of the factories share.
 *
 *	factory.c	the object: asked for, told of, freed
 *	bind.c		a socket with its options and address
 *	listen.c	accepting
 *	connector.c	attempts to connect, side by side
 *	connect.c	an object that connects
 */
#ifndef SOCLE_SOCKETS_FACTORY_PRIVATE_H
#define SOCLE_SOCKETS_FACTORY_PRIVATE_H

#include "sockets/factory.h"
#include "sockets/private.h"
#include "sockets/resolve.h"

enum socle__factory_kind { SOCLE__LISTENER, SOCLE__CONNECTOR, SOCLE__PEER };

/* One address being tried. */
struct socle__attempt {
	struct socle_descriptor d; /* first */
	struct socle_factory *f;   /* NULL: over */
	struct socle__attempt *next;
	struct socle_addr to;
};

struct socle_factory {
	struct socle_descriptor d; /* first; a listener's fd, else -1 */
	struct socle_factory *next, **link; /* of the loop's */
	int references; /* its own, and its objects' that it counts */
	enum socle__factory_kind kind;
	uint64_t id;
	struct socle_factory_params p; /* texts and addresses point here: */
	struct socle_addr bind, remote;
	char *texts;
	int type, protocol;
	bool has_bind;
	bool nodelay;
	bool library;    /* its callbacks are the library's own */
	bool any_family; /* names may have addresses of either */
	/* what is to be told when the loop runs */
	struct socle_timer event;
	const char *operation; /* of a failure */
	int err;
	int fd; /* made, -1: none */
	/* names and attempts */
	struct socle_resolve *resolving;
	struct socle_timer deadline, next_attempt;
	struct socle_addr *candidates;
	size_t n_candidates, tried;
	int last_err;
	struct socle__attempt *attempts;
	/* accepting */
	struct socle_timer again; /* while starved of fds */
	int batch, live, reserve;
	uint64_t full_at;   /* the wait after which a batch was full */
	int64_t complained; /* ns: when a shortage was told last */
	bool paused, starved, short_of;
	dev_t dev; /* of the unix socket's file, if it is ours */
	ino_t ino;
	char path[sizeof(struct sockaddr_un)]; /* of it, or "" */
};

/* ---- factory.c ---- */

/* Makes it, and starts nothing. */
int socle__factory_make(
	const struct socle_factory_params *p, struct socle_factory **ret);

/* Sets to work, as far as that takes no callback. */
void socle__factory_begin(struct socle_factory *f);

/* `failure' is told in the next tick, or at once, from the loop. */
void socle__factory_fail(
	struct socle_factory *f, const char *operation, int err);
void socle__factory_tell(
	struct socle_factory *f, const char *operation, int err);

void socle__factory_tell_attempt(
	struct socle_factory *f, const struct socle_addr *to, int err);
void socle__factory_reap(struct socle_descriptor *d);

/* Hands a socket over, to whoever is there; from the loop only. */
int socle__factory_deliver(
	struct socle_factory *f, int fd, const struct socle_addr *peer);

static inline bool
socle__factory_is_over(const struct socle_factory *f)
{
	return (f->d.state & SOCLE__CLOSED) != 0;
}

/* ---- bind.c ---- */

/* A non-blocking socket with its options; the fd or -errno, *operation. */
int socle__factory_socket(
	const struct socle_factory *f, int family, const char **operation);
int socle__factory_bind(struct socle_factory *f, int fd);
/* Removes the file of a unix socket that nobody serves, if that is asked. */
void socle__factory_clear(const struct socle_factory *f);
/* Removes the file that bind made, if it is that one still. */
void socle__factory_unlink(struct socle_factory *f);

/* ---- listen.c ---- */

extern const struct socle__descriptor_ops socle__factory_ops;
int socle__listener_start(struct socle_factory *f, const char **operation);
void socle__listener_stop(struct socle_factory *f);
void socle__listener_interest(struct socle_factory *f);

/* ---- connector.c ---- */

void socle__connector_init(struct socle_factory *f);
/* Lets connect_timeout run. */
void socle__connector_patience(struct socle_factory *f);
/* requires: candidates */
void socle__connector_start(struct socle_factory *f);
void socle__connector_stop(struct socle_factory *f);

#endif

/*
 * What the files of the factories share.
 *
 *	factory.c	the object: what it tells and hands over, its end
 *	factory_make.c	what it was asked for
 *	factory_begin.c	its way: from names to a socket
 *	bind.c		a socket with its options and address
 *	listen.c	accepting
 *	connector.c	attempts to connect, side by side
 *	connect.c	an object that connects
 */
#ifndef SOCLE_SOCKETS_FACTORY_PRIVATE_H
#define SOCLE_SOCKETS_FACTORY_PRIVATE_H

#include "sockets/factory/factory.h"
#include "sockets/names/resolve.h"
#include "sockets/private.h"

enum socle__factory_kind {
	SOCLE__LISTENER,  /* a stream socket without a remote address */
	SOCLE__PEER,      /* a datagram socket without one */
	SOCLE__CONNECTOR, /* with one */
};

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
	bool has_bind, has_remote; /* as addresses */
	bool any_family;           /* a remote name may have either */
	bool nodelay;
	bool library; /* its callbacks are the library's own */
	/* what new may not do or tell, but the next tick does */
	struct socle_timer event;
	const char *operation;
	int err; /* of `operation'; 0: to be begun */
	/* names and attempts */
	struct socle_resolve *resolving;
	struct socle_timer deadline, next_attempt;
	struct socle_addr *candidates; /* NULL: not known yet */
	size_t n_candidates, tried;
	struct socle__attempt *attempts; /* in the order of their begins */
	bool ended;                      /* nothing of this goes on */
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

/* From the loop only, as all that calls back. */
void socle__factory_tell(
	struct socle_factory *f, const char *operation, int err);
void socle__factory_tell_attempt(
	struct socle_factory *f, const struct socle_addr *to, int err);

/*
 * Hands a socket over to whoever is there, or closes it; 0 or -errno.  What
 * is not a listener is done with it.
 */
int socle__factory_deliver(
	struct socle_factory *f, int fd, const struct socle_addr *peer);

/* All that is under way ends, and `failure' is told. */
void socle__factory_fail(
	struct socle_factory *f, const char *operation, int err);

void socle__factory_reap(struct socle_descriptor *d);

static inline bool
socle__factory_is_over(const struct socle_factory *f)
{
	return (f->d.bits & SOCLE__CLOSED) != 0;
}

/* Whether somebody is there for an object, rather than for an fd. */
static inline bool
socle__factory_makes_objects(const struct socle_factory *f)
{
	return f->p.accept_class && f->p.accepted;
}

static inline bool
socle__is_text(const char *text)
{
	return text && *text;
}

/* ---- factory_make.c ---- */

/* Makes it, and starts nothing. */
int socle__factory_make(
	const struct socle_factory_params *p, struct socle_factory **ret);

/* ---- factory_begin.c ---- */

/*
 * Begins what needs no callback, and lets the next tick do the rest; 0 or
 * -errno, which f->operation explains.
 */
int socle__factory_begin(struct socle_factory *f);
void socle__factory_event_fired(struct socle_timer *t);

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
void socle__listener_again_fired(struct socle_timer *t);

/* ---- connector.c ---- */

/* requires: candidates */
void socle__connector_start(struct socle_factory *f);
/* Nothing more is tried, and nobody told of what was under way. */
void socle__connector_stop(struct socle_factory *f);
void socle__connector_next_fired(struct socle_timer *t);
void socle__connector_deadline_fired(struct socle_timer *t);

#endif

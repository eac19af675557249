/*
 * The state of a factory.
 *
 *	report.c	calls its callbacks
 *	count.c		its references, and the objects that it counts
 *	bind.c		creates a socket with its options and address
 *	deliver.c	hands a socket over to the application
 *	accept.c	listeners
 *	connector.c	connection attempts in parallel
 *	attempt.c	one of them
 *	interleave.c	the order of the addresses
 *	resolve.c	from names to a socket
 *	adopt.c		sockets that listen already
 *	make.c		checks and copies the parameters
 *	factory.c	the public functions
 *	listen.c	socle_listen()
 *	connect.c	socle_connect()
 */
#ifndef SOCLE_SOCKETS_FACTORY_STATE_H
#define SOCLE_SOCKETS_FACTORY_STATE_H

#include "reactor/state.h"
#include "sockets/class_cache.h"
#include "sockets/factory/factory.h"
#include "sockets/names/resolve.h"

#include <sys/stat.h>

enum socle__factory_kind {
	SOCLE__LISTENER,  /* a stream socket without a remote address */
	SOCLE__PEER,      /* a datagram socket without one */
	SOCLE__CONNECTOR, /* with one */
};

struct socle__attempt;

struct socle_factory {
	struct socle_descriptor d; /* first; a listener's fd, else -1 */
	struct socle_factory *next, **link; /* the reactor's list */
	int references; /* one, and one for each object that it counts */
	enum socle__factory_kind kind;
	uint64_t id;
	struct socle_factory_params p; /* texts and addresses point below */
	struct socle__class *cls;      /* accept_class, resolved */
	struct socle_addr bind, remote;
	char *texts;
	int type, protocol;
	bool has_bind, has_remote; /* `bind' and `remote' are known */
	bool any_family;           /* a remote name may have either family */
	bool nodelay;
	bool background; /* no drain frees it */
	bool internal;   /* its callbacks are the library's own */
	/* socle_factory_new() calls no callback: the next tick does the rest */
	struct socle_timer event;
	const char *operation;
	int err; /* of `operation'; 0: not started yet */
	/* names and attempts */
	struct socle_resolve *resolving;
	struct socle_timer deadline, next_attempt;
	struct socle_addr *candidates; /* NULL: not resolved yet */
	size_t n_candidates, tried;
	struct socle__attempt *attempts; /* in the order of their start */
	bool ended;                      /* no further attempt is made */
	bool late;                       /* the deadline has passed */
	/* accepting */
	struct socle_timer again; /* retries after a shortage */
	int batch, live, reserve;
	uint32_t *made; /* by fd: the generation of the object made of it */
	size_t made_size;
	bool was_blocking;   /* listen_fd was; others may share its mode */
	uint64_t full_at;    /* the wait whose batch was used up */
	int64_t reported_at; /* ns: when a shortage was last reported */
	bool paused, starved;
	bool shortage;    /* reported, and no client accepted since */
	uint8_t vain;     /* waits in a row whose report brought no client */
	uint64_t vain_at; /* the last of them */
	dev_t dev; /* the unix socket's file, if the factory created it */
	ino_t ino;
	char path[sizeof(struct sockaddr_un)]; /* its path, or "" */
};

/* The ops of every factory; implemented by factory.c. */
extern const struct socle__descriptor_ops socle__factory_ops;

static inline bool
socle__factory_is_freed(const struct socle_factory *f)
{
	return (f->d.bits & SOCLE__CLOSED) != 0;
}

/* Whether it delivers objects; otherwise it delivers fds. */
static inline bool
socle__factory_makes_objects(const struct socle_factory *f)
{
	return f->cls && (f->internal || f->p.accepted);
}

static inline bool
socle__is_text(const char *text)
{
	return text && *text;
}

#endif

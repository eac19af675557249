/*
 * The classes used in a reactor, resolved: flat copies with every inherited
 * slot filled in, so that dispatch is one load.  The copy also holds the profile
 * counters of the class.
 */
#ifndef SOCLE_SOCKETS_CLASS_CACHE_H
#define SOCLE_SOCKETS_CLASS_CACHE_H

#include "reactor/state.h"
#include "sockets/class.h"

struct socle__class;

/*
 * How the objects of a class move bytes.  Each root class has one, which its
 * subclasses inherit: streams in sockets/write/, datagrams in sockets/dgram/.
 * An optional function may be NULL.
 */
struct socle__transport {
	bool is_stream;
	size_t class_size; /* of a resolved class: socle__class, then its own */
	/* Optional: initialises and frees its own part of a resolved class. */
	void (*resolve)(struct socle__class *c);
	void (*forget)(struct socle__class *c);
	/* Sends what can be sent now. */
	void (*flush)(struct socle_socket *s);
	/*
	 * Drops the queue with its callbacks; on a closed object also all else
	 * that the transport holds for it.
	 */
	void (*drop)(struct socle_socket *s);
	/* Optional: the fd leaves the object and stays open. */
	void (*let_go)(struct socle_socket *s);
	/* Optional: whether it holds received data not yet delivered. */
	bool (*has_unread)(const struct socle_socket *s);
};

struct socle__class {
	struct socle__descriptor_ops ops; /* first: how an object finds it */
	struct socle_class flat;          /* NULL: no class defines it */
	const struct socle__transport *transport;
	const struct socle_class *source;
	struct socle__class *next;
	struct socle__profile_counter *counters[SOCLE__ITEM_POST_LOOP + 1];
};

/* The resolved class; 0, or -EINVAL, -ENOMEM. */
int socle__class_resolve(struct socle__reactor *r,
	const struct socle_class *cls, struct socle__class **ret);

/* The same for a class of streams; -EINVAL for any other. */
int socle__class_resolve_stream(struct socle__reactor *r,
	const struct socle_class *cls, struct socle__class **ret);

/* The ops of every object; implemented by dispatch.c. */
extern const struct socle__descriptor_ops socle__socket_ops;

#endif

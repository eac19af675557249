/*
 * The classes that a reactor knows, resolved: flat copies with every inherited
 * slot filled in, so that dispatch is one load.  What belongs to a class
 * within one reactor is kept with them: the number of live objects and the
 * profile counters.
 */
#ifndef SOCLE_SOCKETS_CLASS_CACHE_H
#define SOCLE_SOCKETS_CLASS_CACHE_H

#include "reactor/state.h"
#include "sockets/class.h"

struct socle__class;

/*
 * How the objects of a class move bytes.  Each root class names one, and the
 * classes below inherit it: streams in sockets/write/, datagrams in
 * sockets/dgram/.  A NULL function has nothing to do.
 */
struct socle__transport {
	bool is_stream;
	size_t class_size; /* of a resolved class, struct socle__class first */
	/* Fills the slots of its own in a resolved class, and frees them. */
	void (*resolve)(struct socle__class *c);
	void (*forget)(struct socle__class *c);
	/* Sends what is queued, as far as it goes now. */
	void (*flush)(struct socle_socket *s);
	/*
	 * Drops what is queued, with its callbacks; on a closed object also
	 * everything else that the transport keeps for it.
	 */
	void (*drop)(struct socle_socket *s);
	/* Whether it holds data that were received but not delivered. */
	bool (*has_unread)(const struct socle_socket *s);
};

struct socle__class {
	struct socle__descriptor_ops ops; /* first: how an object finds it */
	struct socle_class flat;          /* NULL: inherited from no class */
	const struct socle__transport *transport;
	const struct socle_class *source;
	struct socle__class *next;
	size_t live;
	struct socle__profile_counter *counters[SOCLE__ITEM_POST_LOOP + 1];
};

/* The class as this reactor knows it; -EINVAL, -ENOMEM. */
int socle__class_resolve(struct socle__reactor *r,
	const struct socle_class *cls, struct socle__class **ret);

/* The same for a class of streams; -EINVAL for any other. */
int socle__class_resolve_stream(struct socle__reactor *r,
	const struct socle_class *cls, struct socle__class **ret);

/* The ops of every object; implemented by dispatch.c. */
extern const struct socle__descriptor_ops socle__socket_ops;

#endif

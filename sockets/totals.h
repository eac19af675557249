/* What the objects of the loop do, counted by class. */
#ifndef SOCLE_SOCKETS_TOTALS_H
#define SOCLE_SOCKETS_TOTALS_H

#include "sockets/object.h"

/* What an object does, in the order of the alphabet. */
enum socle__activity {
	SOCLE__IS_CLOSED, /* in this tick */
	SOCLE__IS_CONNECTING,
	SOCLE__IS_ENDING, /* socle_close_after_flush() was called */
	SOCLE__IS_LINGERING,
	SOCLE__IS_PAUSED,  /* neither of the following two */
	SOCLE__IS_READING, /* waits for input */
	SOCLE__IS_WRITING, /* has output queued */
	SOCLE__ACTIVITIES
};
extern const char *const socle__activity_names[SOCLE__ACTIVITIES];

enum socle__activity socle__activity_of(const struct socle_socket *s);

/* The objects of all classes of one name. */
struct socle__class_total {
	const char *name;
	size_t objects, by_activity[SOCLE__ACTIVITIES];
	size_t queued, bytes, most; /* objects with a queue; the longest */
	int64_t oldest_ns; /* the longest time in which a queue did not move */
};

/*
 * Stores the totals of the classes that have objects, by name; the caller frees
 * them with sys_free().  Their number, or -ENOMEM.  requires: there is a loop
 */
int socle__class_totals(struct socle__class_total **ret);

#endif
